"""Running a Madaline: linear sums, binary units, outputs."""

import numpy as np
from numba import njit

_FASTMATH = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def linear_sums(x, W, sums):
    """Write the linear sums of all units for one pattern; biases are the last weights."""
    p = len(x)
    for i in range(len(W)):
        w = W[i]
        s = w[p]
        for j in range(p):
            s += w[j] * x[j]
        sums[i] = s


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def network_outputs(sums, V, outputs):
    """Write the linear sums of the output units, given those of the hidden units."""
    n_hidden = len(sums)
    for k in range(len(V)):
        v = V[k]
        s = v[n_hidden]
        for i in range(n_hidden):
            s += v[i] if sums[i] > 0 else -v[i]
        outputs[k] = s


@njit(cache=True, nogil=True)
def logic_output(sums, need):
    """Return the sum that decides a fixed logic: the `need`-th largest.

    It is positive if and only if at least `need` units are, which is 'or' for one, 'and' for all
    and 'majority' for more than half.
    """
    value = sums[0]
    for i in range(len(sums)):
        above = 0
        equal = 0
        for j in range(len(sums)):
            above += sums[j] > sums[i]
            equal += sums[j] == sums[i]
        if above < need <= above + equal:
            value = sums[i]
    return value


@njit(cache=True, nogil=True)
def is_wrong(outputs, target, by_signs):
    """Whether the decision is not that of the targets: all signs, or else the largest output."""
    if by_signs:
        different = 0
        for k in range(len(outputs)):
            different += (outputs[k] > 0) != (target[k] > 0)
        return different > 0
    best = 0
    for k in range(1, len(outputs)):
        if outputs[k] > outputs[best]:
            best = k
    return target[best] < 0


@njit(cache=True, nogil=True)
def run_layers(X, W, V, need, sums, outputs):
    """Write the hidden sums and the outputs of all patterns.

    Without output units (`V` empty) the hidden units form equal groups, one for each output, with
    a logic of `need` positive units.
    """
    group = len(W) // outputs.shape[1]
    for r in range(len(X)):
        linear_sums(X[r], W, sums[r])
        if len(V) > 0:
            network_outputs(sums[r], V, outputs[r])
        else:
            for k in range(outputs.shape[1]):
                outputs[r, k] = logic_output(sums[r, k * group : (k + 1) * group], need)


@njit(cache=True, nogil=True)
def count_wrong(X, W, V, need, targets, by_signs):
    """Return how many patterns the network gets wrong, by the sums that `run_layers` computes."""
    n_outputs = targets.shape[1]
    group = len(W) // n_outputs
    sums = np.empty(len(W), W.dtype)
    outputs = np.empty(n_outputs, W.dtype)
    wrong = 0
    for r in range(len(X)):
        linear_sums(X[r], W, sums)
        if len(V) > 0:
            network_outputs(sums, V, outputs)
        else:
            for k in range(n_outputs):
                outputs[k] = logic_output(sums[k * group : (k + 1) * group], need)
        wrong += is_wrong(outputs, targets[r], by_signs)
    return wrong

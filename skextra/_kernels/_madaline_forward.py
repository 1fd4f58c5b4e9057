"""Running a Madaline: linear sums, binary units, outputs."""

from typing import NamedTuple

import numpy as np
from numba import njit

from skextra._kernels._inner import inner

_FASTMATH = {"reassoc", "contract", "nsz"}


class Layers(NamedTuple):
    """Weights of a Madaline, a row a unit, biases last.

    `hidden` (n_units, n_features + 1) holds the Adalines that see the patterns, `output`
    (n_outputs, n_units + 1) those that see their signs. Without the latter (MRI) the units form a
    group for each output, which is positive if at least `need` of them are.
    """

    hidden: np.ndarray
    output: np.ndarray
    need: int
    n_outputs: int


class Room(NamedTuple):
    """Where loops keep what they compute for one pattern."""

    sums: np.ndarray  # of the hidden units
    outputs: np.ndarray
    candidates: np.ndarray  # the hidden units for which an inversion is tried, and their ranks
    key: np.ndarray


@inner(fastmath=_FASTMATH)
def linear_sums(x, W, sums):
    """Write the linear sums of all units for one pattern; biases are the last weights."""
    p = len(x)
    for i in range(len(W)):
        s = W[i, p]
        for j in range(p):
            s += W[i, j] * x[j]
        sums[i] = s


@inner(fastmath=_FASTMATH)
def network_outputs(sums, V, outputs):
    """Write the linear sums of the output units, given those of the hidden units."""
    n_hidden = len(sums)
    for k in range(len(V)):
        s = V[k, n_hidden]
        for i in range(n_hidden):
            s += V[k, i] if sums[i] > 0 else -V[k, i]
        outputs[k] = s


@inner
def _logic_output(sums, need):
    """Return the sum that decides a fixed logic: the `need`-th largest. This reorders `sums`.

    It is positive if and only if at least `need` units are, which is 'or' for one, 'and' for all
    and 'majority' for more than half. Found by quickselect (Hoare 1961).
    """
    low, high = 0, len(sums) - 1
    while low < high:
        pivot = sums[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while sums[i] > pivot:
                i += 1
            while sums[j] < pivot:
                j -= 1
            if i <= j:
                sums[i], sums[j] = sums[j], sums[i]
                i += 1
                j -= 1
        if need - 1 <= j:
            high = j
        elif need - 1 >= i:
            low = i
        else:
            break
    return sums[need - 1]


@inner
def _decide(x, layers, sums, outputs):
    """Write the hidden sums and the outputs for one pattern; the sums of MRI lose their order."""
    W, V, need, _ = layers
    linear_sums(x, W, sums)
    if len(V) > 0:
        network_outputs(sums, V, outputs)
    else:
        group = len(W) // len(outputs)
        for k in range(len(outputs)):
            outputs[k] = _logic_output(sums[k * group : (k + 1) * group], need)


@inner
def is_wrong(outputs, target, by_signs):
    """Return whether a sign, or else the largest output, is not that of the targets."""
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
def run_layers(X, layers, sums, outputs, own):
    """Write the outputs of all patterns and, unless `sums` is empty, the hidden sums.

    `own` is room for the hidden sums of one pattern.
    """
    W = layers[0]
    for r in range(len(X)):
        _decide(X[r], layers, own, outputs[r])
        if len(sums) > 0:
            linear_sums(X[r], W, sums[r])


@njit(cache=True, nogil=True)
def count_wrong(X, layers, targets, by_signs, room):
    """Return how many patterns MRII decides against their targets.

    A decision is the signs of all outputs, or which of them is the largest.
    """
    W, V, _, _ = layers
    sums, outputs, _, _ = room
    wrong = 0
    for r in range(len(X)):
        linear_sums(X[r], W, sums)
        network_outputs(sums, V, outputs)
        wrong += is_wrong(outputs, targets[r], by_signs)
    return wrong


@njit(cache=True, nogil=True)
def count_wrong_by_logic(X, layers, targets, by_signs, room):
    """Do what `count_wrong` does for MRI, whose loop takes as long to compile again."""
    sums, outputs, _, _ = room
    wrong = 0
    for r in range(len(X)):
        _decide(X[r], layers, sums, outputs)
        wrong += is_wrong(outputs, targets[r], by_signs)
    return wrong

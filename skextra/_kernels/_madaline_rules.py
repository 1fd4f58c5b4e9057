"""One epoch of the Madaline rules MRI and MRII."""

from typing import NamedTuple

import numpy as np
from numba import njit

from skextra._kernels._inner import inner
from skextra._kernels._madaline_forward import linear_sums, network_outputs

_FASTMATH = {"reassoc", "contract", "nsz"}


class RuleSettings(NamedTuple):
    """Parameters of MRII, of which MRI has the rate alone.

    `rate` is the share of its error that a unit adapts by and `margin` the dead zone, both of the
    dtype of the weights. `gain` makes units that are used often less likely candidates for an
    inversion, with `pairs` two at a time as well. `soft` takes the hinge loss for the error that
    an inversion must lower, else the Hamming error.
    """

    rate: np.floating
    margin: np.floating
    gain: float
    pairs: bool
    soft: bool


@inner(fastmath=_FASTMATH)
def _adapt(x, power, w, s, target, rate):
    """Move the linear sum `s` of a unit towards the target, by the share `rate`: alpha-LMS.

    ``w += rate * (target - s) * x / ||x||^2``, the constant input counting in the norm (Widrow &
    Lehr 1990). Return the new sum.
    """
    step = rate * (target - s)
    c = step / power
    for j in range(len(x)):
        w[j] += c * x[j]
    w[len(x)] += c
    return s + step


@inner(fastmath=_FASTMATH)
def _power(x):
    s = x.dtype.type(1)
    for j in range(len(x)):
        s += x[j] * x[j]
    return s


@inner
def _error(outputs, V, first, second, sums, target, margin, soft):
    """Return the error of the outputs if one or two hidden units (-1: none) were inverted.

    With `soft` the hinge loss, the sum of what every output lacks to `margin`; else the number of
    outputs of the wrong sign (Hamming error).
    """
    total = 0.0
    for k in range(len(outputs)):
        o = outputs[k]
        if first >= 0:
            o -= 2 * V[k, first] if sums[first] > 0 else -2 * V[k, first]
        if second >= 0:
            o -= 2 * V[k, second] if sums[second] > 0 else -2 * V[k, second]
        z = target[k] * o
        if soft:
            if z < margin:
                total += margin - z
        elif (o > 0) != (target[k] > 0):
            total += 1.0
    return total


@inner
def _least_sure(sums, usage, gain, candidates, key):
    """Write the hidden units that are easiest to invert, the easiest first; return how many.

    They are ranked by the magnitude of the linear sum (minimal disturbance), which is increased
    for units that have been adapted often, so that all share the load (Winter & Widrow 1988).
    """
    n_hidden = len(sums)
    mean = 1.0
    for i in range(n_hidden):
        mean += usage[i] / n_hidden
    for i in range(n_hidden):
        key[i] = abs(sums[i]) * (1.0 + gain * usage[i] / mean)
    for a in range(len(candidates)):
        least = -1
        for i in range(n_hidden):
            if key[i] >= 0 and (least < 0 or key[i] < key[least]):
                least = i
        if least < 0:  # sums that are not numbers
            return a
        candidates[a] = least
        key[least] = -1.0
    return len(candidates)


@inner
def _invert(i, x, power, W, sums, usage, rate):
    """Let a hidden unit learn the other sign."""
    goal = W.dtype.type(-1.0 if sums[i] > 0 else 1.0)
    sums[i] = _adapt(x, power, W[i], sums[i], goal, rate)
    usage[i] += 1


@njit(cache=True, nogil=True)
def mrii_epoch(X, order, targets, layers, usage, settings, room):
    """Present every pattern once by MRII (Winter & Widrow 1988; Widrow & Lehr 1990).

    On an error, hidden units are inverted on trial, the least sure first, then in pairs; a unit
    learns an inversion that lowers the error by alpha-LMS. The output units then learn to remove
    the error that is left, by alpha-LMS too.
    """
    W, V, _, n_outputs = layers
    rate, margin, gain, pairs, soft = settings
    sums, outputs, candidates, key = room
    n_hidden = len(W)
    none = np.int64(-1)  # as a plain -1 it would have `_error` compiled once more
    adaptations = 0
    for position in range(len(order)):
        x = X[order[position]]
        target = targets[order[position]]
        linear_sums(x, W, sums)
        network_outputs(sums, V, outputs)
        error = _error(outputs, V, none, none, sums, target, margin, soft)
        # Without a margin an output of zero lacks nothing, and may be wrong all the same.
        lacking = _error(outputs, V, none, none, sums, target, margin, margin > 0)
        if error == 0 and lacking == 0:
            continue
        adaptations += 1
        power = _power(x)
        found = _least_sure(sums, usage, gain, candidates, key) if error > 0 else 0
        for a in range(found):
            i = candidates[a]
            if _error(outputs, V, i, none, sums, target, margin, soft) < error:
                _invert(i, x, power, W, sums, usage, rate)
                network_outputs(sums, V, outputs)
                error = _error(outputs, V, none, none, sums, target, margin, soft)
                if error == 0:
                    break
        if error > 0 and pairs:
            accepted = False
            for a in range(found):
                for b in range(a):
                    i, j = candidates[a], candidates[b]
                    if _error(outputs, V, i, j, sums, target, margin, soft) < error:
                        _invert(i, x, power, W, sums, usage, rate)
                        _invert(j, x, power, W, sums, usage, rate)
                        accepted = True
                        break
                if accepted:
                    break
            network_outputs(sums, V, outputs)
        for k in range(n_outputs):
            if target[k] * outputs[k] < margin or (outputs[k] > 0) != (target[k] > 0):
                c = rate * (target[k] - outputs[k]) / (n_hidden + 1)
                for i in range(n_hidden):
                    V[k, i] += c if sums[i] > 0 else -c
                V[k, n_hidden] += c
    return adaptations


@njit(cache=True, nogil=True)
def mri_epoch(X, order, targets, layers, rate, room):
    """Present every pattern once by MRI (Ridgway 1962; Widrow & Lehr 1990).

    A wrong group adapts just as many units as it takes to put it right, those nearest to zero.
    """
    W, _, need, n_outputs = layers
    group = len(W) // n_outputs
    sums, _, _, _ = room
    adaptations = 0
    for position in range(len(order)):
        x = X[order[position]]
        linear_sums(x, W, sums)
        power = _power(x)
        for k in range(n_outputs):
            goal = targets[order[position], k]
            mine = sums[k * group : (k + 1) * group]
            positive = 0
            for i in range(group):
                positive += mine[i] > 0
            short = need - positive if goal > 0 else positive - need + 1
            adaptations += short > 0
            for _ in range(short):
                nearest = -1
                for i in range(group):
                    against = (mine[i] > 0) != (goal > 0)
                    if against and (nearest < 0 or abs(mine[i]) < abs(mine[nearest])):
                        nearest = i
                _adapt(x, power, W[k * group + nearest], mine[nearest], goal, rate)
                mine[nearest] = goal  # not a candidate any more
    return adaptations

"""Parts of the search for good centres: splitting clusters in two, and what removing one costs."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel

_FASTMATH = {"reassoc", "contract", "nsz"}
# Rows by which the split of a large cluster is judged: what it saves is then known to some 15%,
# one over the root of half of them, which is enough to rank splits.
_MOST_JUDGED = 128


class Halves(NamedTuple):
    """The two means of every cluster split in two, and what inertia each split saves."""

    low: np.ndarray
    high: np.ndarray
    saved: np.ndarray


@inner(fastmath=_FASTMATH)
def _split_in_two(block, order, begin, end, center, low, high, room):
    """Split the rows ``order[begin:end]`` about `center` in two; return what inertia that saves.

    The halves start on either side of the mean along the main direction (two steps of the power
    method) and take two steps of two-means; `low` and `high` receive their means. Large clusters
    are judged by some of their rows. `room` has four lines for vectors.
    """
    X, _, _, weight, step = block
    d = X.shape[1]
    if end - begin < 2:
        return 0.0
    stride = 1 + (end - begin - 1) // _MOST_JUDGED
    axis, fresh = room[0], room[1]
    # Start from the row farthest out: never orthogonal to every direction of the cluster.
    largest = -1.0
    for p in range(begin, end, stride):
        x = X[order[p]]
        s = 0.0
        for j in range(d):
            t = x[j] - center[j]
            s += t * t
        if s > largest:
            largest = s
            for j in range(d):
                axis[j] = x[j] - center[j]
    if largest == 0.0:
        return 0.0
    for _ in range(2):
        for j in range(d):
            fresh[j] = 0.0
        for p in range(begin, end, stride):
            i = order[p]
            x = X[i]
            s = 0.0
            for j in range(d):
                s += (x[j] - center[j]) * axis[j]
            s *= weight[i * step]
            for j in range(d):
                fresh[j] += s * (x[j] - center[j])
        length = 0.0
        for j in range(d):
            length += fresh[j] * fresh[j]
        if length == 0.0:
            break
        length = sqrt(length)
        for j in range(d):
            axis[j] = fresh[j] / length
    low_mass, high_mass = 0.0, 0.0
    for turn in range(3):
        low_mass, high_mass = 0.0, 0.0
        for side in range(2, 4):
            for j in range(d):
                room[side, j] = 0.0
        middle = 0.0
        if turn > 0:
            for j in range(d):
                axis[j] = high[j] - low[j]
                middle += axis[j] * (0.5 * (high[j] + low[j]) - center[j])
        for p in range(begin, end, stride):
            i = order[p]
            x = X[i]
            s = 0.0
            for j in range(d):
                s += (x[j] - center[j]) * axis[j]
            w = weight[i * step]
            if s > middle:
                high_mass += w
                total = room[3]
            else:
                low_mass += w
                total = room[2]
            for j in range(d):
                total[j] += w * (x[j] - center[j])
        if low_mass == 0.0 or high_mass == 0.0:
            return 0.0
        for j in range(d):
            low[j] = center[j] + room[2, j] / low_mass
            high[j] = center[j] + room[3, j] / high_mass
    saved = 0.0
    for j in range(d):
        t = high[j] - low[j]
        saved += t * t
    return stride * saved * low_mass * high_mass / (low_mass + high_mass)


@inner
def group(labels, order, bounds):
    """Write the rows in the order of their labels, and where each label begins.

    `bounds` is one longer than there are labels.
    """
    k = len(bounds) - 1
    for c in range(k + 1):
        bounds[c] = 0
    for i in range(len(labels)):
        bounds[labels[i] + 1] += 1
    for c in range(k):
        bounds[c + 1] += bounds[c]
    for i in range(len(labels)):
        order[bounds[labels[i]]] = i
        bounds[labels[i]] += 1
    for c in range(k, 0, -1):  # each has moved on to where the next label begins
        bounds[c] = bounds[c - 1]
    bounds[0] = 0


@kernel
def split_each(block, labels, centers, halves, order, bounds, room):
    """Split all clusters; `order`, `bounds` and `room` are for `group` and `_split_in_two`.

    The centres, and their halves, are in the space of X: not relative to the offset.
    """
    low, high, saved = halves
    group(labels, order, bounds)
    for c in range(len(centers)):
        saved[c] = _split_in_two(
            block, order, bounds[c], bounds[c + 1], centers[c], low[c], high[c], room
        )


@kernel
def draw_in_order(mass, places, drawn):
    """Write where the running sum of `mass` passes rising places in [0, 1); return the sum."""
    total = 0.0
    for i in range(len(mass)):
        total += mass[i]
    running = 0.0
    q = 0
    for i in range(len(mass)):
        running += mass[i]
        while q < len(places) and running > places[q] * total:
            drawn[q] = i
            q += 1
    while q < len(places):
        drawn[q] = len(mass) - 1
        q += 1
    return total

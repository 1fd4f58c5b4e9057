"""Parts of the search for good centres: splitting clusters in two, and what removing one costs."""

from typing import NamedTuple

import numpy as np

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


@kernel(fastmath=_FASTMATH)
def _split_in_two(block, order, begin, end, center, low, high):
    """Split the rows ``order[begin:end]`` about `center` in two; return what inertia that saves.

    The halves start on either side of the mean along the main direction (two steps of the power
    method) and take two steps of two-means; `low` and `high` receive their means. Large clusters
    are judged by some of their rows.
    """
    X, _, _, weight, step = block
    d = X.shape[1]
    if end - begin < 2:
        return 0.0
    stride = 1 + (end - begin - 1) // _MOST_JUDGED
    axis = np.zeros(d)
    fresh = np.zeros(d)
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
        length = np.sqrt(length)
        for j in range(d):
            axis[j] = fresh[j] / length
    sums = np.zeros((2, d))
    mass = np.zeros(2)
    for turn in range(3):
        for side in range(2):
            mass[side] = 0.0
            for j in range(d):
                sums[side, j] = 0.0
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
            side = 1 if s > middle else 0
            w = weight[i * step]
            mass[side] += w
            for j in range(d):
                sums[side, j] += w * (x[j] - center[j])
        if mass[0] == 0.0 or mass[1] == 0.0:
            return 0.0
        for j in range(d):
            low[j] = center[j] + sums[0, j] / mass[0]
            high[j] = center[j] + sums[1, j] / mass[1]
    saved = 0.0
    for j in range(d):
        t = high[j] - low[j]
        saved += t * t
    return stride * saved * mass[0] * mass[1] / (mass[0] + mass[1])


@kernel
def group(labels, order, bounds):
    """Write the rows in the order of their labels, and where each label begins.

    `bounds`, one longer than there are labels, is all zero at first.
    """
    for label in labels:
        bounds[label + 1] += 1
    for c in range(len(bounds) - 1):
        bounds[c + 1] += bounds[c]
    place = bounds.copy()
    for i in range(len(labels)):
        order[place[labels[i]]] = i
        place[labels[i]] += 1


@kernel(fastmath=_FASTMATH)
def seed_greedily(columns, weight, step, draws, chosen):
    """Choose rows by greedy k-means++; ``columns[j, i]`` is feature j of row i.

    ``draws[c, t]`` are uniform numbers, one for each trial of each choice. Of the rows drawn
    in proportion to weight times squared distance, the one that leaves the least is taken.
    """
    d, n = columns.shape
    k, trials = draws.shape
    closest = np.empty(n, np.float32)
    trial = np.empty(n, np.float32)
    best = np.empty(n, np.float32)
    cumulated = np.empty(n)
    for i in range(n):
        closest[i] = 1.0
    for c in range(k):
        total = 0.0
        for i in range(n):
            total += weight[i * step] * closest[i]
            cumulated[i] = total
        least = np.inf
        for t in range(trials if c > 0 else 1):
            candidate = min(np.searchsorted(cumulated, draws[c, t] * total, "right"), n - 1)
            for i in range(n):
                trial[i] = 0.0
            for j in range(d):
                column = columns[j]
                x = column[candidate]
                for i in range(n):
                    v = column[i] - x
                    trial[i] += v * v
            left = 0.0
            if c > 0:
                for i in range(n):
                    trial[i] = min(trial[i], closest[i])
            for i in range(n):
                left += weight[i * step] * trial[i]
            if left < least:
                least = left
                chosen[c] = candidate
                best, trial = trial, best
        closest, best = best, closest


@kernel
def split_each(block, order, bounds, centers, halves):
    """Split all clusters, whose rows lie in `order` between `bounds`.

    The centres, and their halves, are in the space of X: not relative to the offset.
    """
    low, high, saved = halves
    for c in range(len(centers)):
        saved[c] = _split_in_two(
            block, order, bounds[c], bounds[c + 1], centers[c], low[c], high[c]
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

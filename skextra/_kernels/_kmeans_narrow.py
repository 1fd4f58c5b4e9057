"""K-means on dense rows of few features: points stand side by side in the vector lanes."""

import numpy as np
from numba import njit

from skextra._kernels._kmeans_rows import pending, settle

_FASTMATH = {"reassoc", "contract", "nsz"}
_LANES = 256


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _fill_lanes(X, offset, scale, members, m, tile, power):
    """Write rows into the columns of a tile, and their squared norms."""
    d = X.shape[1]
    for r in range(m, min(m + 3, _LANES)):
        members[r] = members[m - 1]
    for r in range(0, m, 4):  # four at a time: their entries share a cache line of the tile
        x0, x1, x2, x3 = X[members[r]], X[members[r + 1]], X[members[r + 2]], X[members[r + 3]]
        for j in range(d):
            t = tile[j]
            shift = offset[j]
            t[r] = (x0[j] - shift) * scale
            t[r + 1] = (x1[j] - shift) * scale
            t[r + 2] = (x2[j] - shift) * scale
            t[r + 3] = (x3[j] - shift) * scale
    for r in range(_LANES):
        power[r] = 0
    for j in range(d):
        xj = tile[j]
        for r in range(_LANES):
            power[r] += xj[r] * xj[r]


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _score_pair(tile, packed, norms, c, first, other):
    """Write ``|c|^2 - 2 x.c`` of a tile of points for the centres c and c + 1."""
    a = packed[c]
    b = packed[c + 1]
    norm_a = norms[c]
    norm_b = norms[c + 1]
    for j in range(0, packed.shape[1], 4):
        x0, x1, x2, x3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
        a0, a1, a2, a3 = a[j], a[j + 1], a[j + 2], a[j + 3]
        b0, b1, b2, b3 = b[j], b[j + 1], b[j + 2], b[j + 3]
        if j == 0:
            for r in range(_LANES):
                first[r] = norm_a + a0 * x0[r] + a1 * x1[r] + a2 * x2[r] + a3 * x3[r]
                other[r] = norm_b + b0 * x0[r] + b1 * x1[r] + b2 * x2[r] + b3 * x3[r]
        else:
            for r in range(_LANES):
                first[r] += a0 * x0[r] + a1 * x1[r] + a2 * x2[r] + a3 * x3[r]
                other[r] += b0 * x0[r] + b1 * x1[r] + b2 * x2[r] + b3 * x3[r]


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _rank_pair(first, other, c, best, second, nearest):
    """Keep the two best scores so far of each point, and whose the best is."""
    if c == 0:
        for r in range(_LANES):
            best[r] = np.inf
            second[r] = np.inf
            nearest[r] = 0
    for r in range(_LANES):
        u = first[r]
        v = other[r]
        w = best[r]
        low = min(u, v)
        second[r] = min(min(second[r], max(low, w)), max(u, v))
        winner = c if u <= v else c + 1
        nearest[r] = winner if low < w else nearest[r]
        best[r] = min(low, w)


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def assign_narrow(
    X,
    offset,
    scale,
    start,
    stop,
    weight,
    inc,
    centers,
    packed,
    norms,
    error,
    labels,
    limits,
    reach,
    travel,
    full,
    sums,
    counts,
    costs,
    own,
):
    """Assign the rows ``start:stop`` to their nearest centres; return (changed, looked at).

    For rows of few features: points stand side by side in the vector lanes, and all features of
    a tile of points in cache. Centres come in pairs, features in fours (zeros fill both up).
    """
    k, padded = packed.shape
    tile = np.zeros((padded, _LANES + 16), np.float32)  # lines in different cache sets
    first = np.empty(_LANES, np.float32)
    other = np.empty(_LANES, np.float32)
    best = np.empty(_LANES, np.float32)
    second = np.empty(_LANES, np.float32)
    power = np.empty(_LANES, np.float32)
    nearest = np.empty(_LANES, np.int32)
    members = np.empty(_LANES, np.int64)
    changed = 0
    evaluated = 0
    position = start
    # Of its own, because threads writing side by side would slow each other down.
    own_sums = np.zeros_like(sums)
    own_counts = np.zeros_like(counts)
    own_costs = np.zeros_like(costs)
    while True:
        position, m = pending(position, stop, labels, limits, reach, travel, full, members)
        if m == 0:
            break
        evaluated += m
        _fill_lanes(X, offset, scale, members, m, tile, power)
        for c in range(0, k, 2):
            _score_pair(tile, packed, norms, c, first, other)
            _rank_pair(first, other, c, best, second, nearest)
        changed += settle(
            X,
            offset,
            scale,
            weight,
            inc,
            centers,
            members,
            m,
            best,
            second,
            nearest,
            power,
            error,
            labels,
            limits,
            reach,
            travel,
            own_sums,
            own_counts,
            own_costs,
            own,
            start,
        )
    for c in range(len(costs)):
        costs[c] += own_costs[c]
    for c in range(len(own_counts)):
        counts[c] += own_counts[c]
        for j in range(X.shape[1]):
            sums[c, j] += own_sums[c, j]
    return changed, evaluated


@njit(cache=True, nogil=True)
def iterate_narrow(
    X,
    offset,
    scale,
    weight,
    inc,
    centers,
    packed,
    norms,
    error,
    labels,
    limits,
    reach,
    travel,
    sums,
    counts,
    max_iter,
    tol,
    full,
    costs,
):
    """Run Lloyd's iterations on few points without coming back in between.

    Centres are updated in place. The first iteration looks at every point if `full` is set, the
    last one if `costs` are wanted. Returned are (iterations, changes of the last one, reach).
    """
    k, d = centers.shape
    changed = -1
    nothing = costs[:0]
    own = np.empty(0, np.float32)
    for iteration in range(max_iter):
        last = iteration == max_iter - 1
        largest = 0.0
        for c in range(k):
            s = 0.0
            for j in range(d):
                v = centers[c, j] * scale
                packed[c, j] = -2.0 * v
                s += v * v
            norms[c] = s
            largest = max(largest, s)
        error[1] = error[0] * largest
        changed, _ = assign_narrow(
            X,
            offset,
            scale,
            np.int64(0),  # as a plain 0 it would have a kernel compiled of its own
            len(X),
            weight,
            inc,
            centers,
            packed,
            norms,
            error,
            labels,
            limits,
            reach,
            travel,
            (full and iteration == 0) or (last and len(costs) > 0),
            sums,
            counts,
            costs if last else nothing,
            own,
        )
        least = 1e-12 * counts.sum()  # less is what rounding leaves of an empty cluster
        moved = 0.0
        fastest = 0.0
        for c in range(k):
            if counts[c] > least:
                s = 0.0
                for j in range(d):
                    v = sums[c, j] / counts[c]
                    t = v - centers[c, j]
                    s += t * t
                    centers[c, j] = v
                moved += s
                way = np.sqrt(s) * scale
                travel[c] += way
                fastest = max(fastest, way)
        reach += fastest
        if len(costs) == 0 and (changed == 0 or moved <= tol):
            return iteration + 1, changed, reach
    return max_iter, changed, reach


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def cross_narrow(X, offset, scale, start, stop, packed, norms, out, base):
    """Write the squared distances (scaled, float32) of rows to a few centres, a line a centre.

    Row i goes to column ``i - base``. For rows of few features, as in `assign_narrow`.
    """
    k, padded = packed.shape
    tile = np.zeros((padded, _LANES + 16), np.float32)  # lines in different cache sets
    pair = np.empty((2, _LANES), np.float32)
    power = np.empty(_LANES, np.float32)
    members = np.empty(_LANES, np.int64)
    for first in range(start, stop, _LANES):
        m = min(_LANES, stop - first)
        for r in range(m):
            members[r] = first + r
        _fill_lanes(X, offset, scale, members, m, tile, power)
        for c in range(0, k, 2):
            _score_pair(tile, packed, norms, c, pair[0], pair[1])
            for e in range(min(2, len(out) - c)):
                line = out[c + e]
                score = pair[e]
                for r in range(m):
                    line[first - base + r] = max(score[r] + power[r], np.float32(0))

"""K-means on dense rows of few features: rows stand side by side in the vector lanes."""

import numpy as np
from numba import njit

from skextra._kernels._kmeans_rows import (
    DenseBlock,
    Labelling,
    PackedCenters,
    Totals,
    add_totals,
    make_tile,
    own_totals,
    pending,
    settle,
)

_FASTMATH = {"reassoc", "contract", "nsz"}
# Rows in a tile: 64 features of them take 64 KiB, which stay in the second-level cache.
LANES = 256


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def fill_lanes(block, members, m, lanes, power):
    """Write the first m members into the columns of `lanes`, and their squared norms."""
    X, offset, scale = block.X, block.offset, block.scale
    d = X.shape[1]
    for r in range(m, min(m + 3, LANES)):
        members[r] = members[m - 1]
    for r in range(0, m, 4):  # four at a time: their entries share a cache line of `lanes`
        x0, x1, x2, x3 = X[members[r]], X[members[r + 1]], X[members[r + 2]], X[members[r + 3]]
        for j in range(d):
            t = lanes[j]
            shift = offset[j]
            t[r] = (x0[j] - shift) * scale
            t[r + 1] = (x1[j] - shift) * scale
            t[r + 2] = (x2[j] - shift) * scale
            t[r + 3] = (x3[j] - shift) * scale
    for r in range(LANES):
        power[r] = 0
    for j in range(d):
        xj = lanes[j]
        for r in range(LANES):
            power[r] += xj[r] * xj[r]


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def score_pair(lanes, centers, c, first, other):
    """Write ``|c|^2 - 2 x.c`` of all lanes for the centres c and c + 1."""
    packed, norms = centers.packed, centers.norms
    a = packed[c]
    b = packed[c + 1]
    norm_a = norms[c]
    norm_b = norms[c + 1]
    for j in range(0, packed.shape[1], 4):
        x0, x1, x2, x3 = lanes[j], lanes[j + 1], lanes[j + 2], lanes[j + 3]
        a0, a1, a2, a3 = a[j], a[j + 1], a[j + 2], a[j + 3]
        b0, b1, b2, b3 = b[j], b[j + 1], b[j + 2], b[j + 3]
        if j == 0:
            for r in range(LANES):
                first[r] = norm_a + a0 * x0[r] + a1 * x1[r] + a2 * x2[r] + a3 * x3[r]
                other[r] = norm_b + b0 * x0[r] + b1 * x1[r] + b2 * x2[r] + b3 * x3[r]
        else:
            for r in range(LANES):
                first[r] += a0 * x0[r] + a1 * x1[r] + a2 * x2[r] + a3 * x3[r]
                other[r] += b0 * x0[r] + b1 * x1[r] + b2 * x2[r] + b3 * x3[r]


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def rank_pair(first, other, c, tile):
    """Keep the two best scores so far of each row, and whose the best is."""
    best, second, nearest = tile.best, tile.second, tile.nearest
    if c == 0:
        for r in range(LANES):
            best[r] = np.inf
            second[r] = np.inf
            nearest[r] = 0
    for r in range(LANES):
        u = first[r]
        v = other[r]
        w = best[r]
        low = min(u, v)
        second[r] = min(min(second[r], max(low, w)), max(u, v))
        winner = c if u <= v else c + 1
        nearest[r] = winner if low < w else nearest[r]
        best[r] = min(low, w)


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def assign_narrow(block, start, stop, centers, state, full, totals):
    """Assign the rows ``start:stop`` to their nearest centres; return how many labels changed.

    For rows of few features: rows stand side by side in the vector lanes, and all features of
    a tile of rows in cache. Centres come in pairs, features in fours (zeros fill both up).
    """
    block, centers = DenseBlock(*block), PackedCenters(*centers)
    state, totals = Labelling(*state), Totals(*totals)
    k, padded = centers.packed.shape
    lanes = np.zeros((padded, LANES + 16), np.float32)  # lines in different cache sets
    first = np.empty(LANES, np.float32)
    other = np.empty(LANES, np.float32)
    tile = make_tile(LANES)
    changed = 0
    evaluated = 0
    position = start
    own = own_totals(totals)
    while True:
        position, m = pending(position, stop, state, full, tile.members)
        if m == 0:
            break
        evaluated += m
        fill_lanes(block, tile.members, m, lanes, tile.power)
        for c in range(0, k, 2):
            score_pair(lanes, centers, c, first, other)
            rank_pair(first, other, c, tile)
        changed += settle(block, centers, tile, m, start, state, own)
    add_totals(own, totals)
    return changed, evaluated


@njit(cache=True, nogil=True)
def iterate_narrow(block, centers, state, full, totals, max_iter, tol):
    """Run Lloyd's iterations on few rows in one call.

    Centres are updated in place. The first iteration evaluates every row if `full` is set, the
    last one if `totals.costs` are wanted. Returned are (iterations, labels changed in the last
    one, reach).
    """
    labels, limits, lower, reach, travel = state
    sums, counts, costs, squares = totals
    exact, packed, norms, error = centers
    k, d = exact.shape
    changed = -1
    costless = (sums, counts, costs[:0], squares)
    rows, _, scale, _, _ = block
    for iteration in range(max_iter):
        last = iteration == max_iter - 1
        largest = 0.0
        for c in range(k):
            s = 0.0
            for j in range(d):
                v = exact[c, j] * scale
                packed[c, j] = -2.0 * v
                s += v * v
            norms[c] = s
            largest = max(largest, s)
        error[1] = error[0] * largest
        changed, _ = assign_narrow(
            block,
            np.int64(0),  # as a plain 0 it would have a kernel compiled of its own
            len(rows),
            centers,
            (labels, limits, lower, reach, travel),
            (full and iteration == 0) or (last and len(costs) > 0),
            totals if last else costless,
        )
        least = 1e-12 * counts.sum()  # less is what rounding leaves of an empty cluster
        moved = 0.0
        fastest = 0.0
        for c in range(k):
            if counts[c] > least:
                s = 0.0
                for j in range(d):
                    v = sums[c, j] / counts[c]
                    t = v - exact[c, j]
                    s += t * t
                    exact[c, j] = v
                moved += s
                shift = np.sqrt(s) * scale
                travel[c] += shift
                fastest = max(fastest, shift)
        reach += fastest
        if len(costs) == 0 and (changed == 0 or moved <= tol):
            return iteration + 1, changed, reach
    return max_iter, changed, reach


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def cross_narrow(block, start, stop, centers, out, base):
    """Write the squared distances (scaled, float32) of rows to a few centres, a line a centre.

    Row i goes to column ``i - base``. For rows of few features, as in `assign_narrow`.
    """
    block, centers = DenseBlock(*block), PackedCenters(*centers)
    k, padded = centers.packed.shape
    lanes = np.zeros((padded, LANES + 16), np.float32)  # lines in different cache sets
    pair = np.empty((2, LANES), np.float32)
    power = np.empty(LANES, np.float32)
    members = np.empty(LANES, np.int64)
    for first in range(start, stop, LANES):
        m = min(LANES, stop - first)
        for r in range(m):
            members[r] = first + r
        fill_lanes(block, members, m, lanes, power)
        for c in range(0, k, 2):
            score_pair(lanes, centers, c, pair[0], pair[1])
            for e in range(min(2, len(out) - c)):
                line = out[c + e]
                score = pair[e]
                for r in range(m):
                    line[first - base + r] = max(score[r] + power[r], np.float32(0))

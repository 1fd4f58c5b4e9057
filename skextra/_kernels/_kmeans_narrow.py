"""K-means on dense rows of few features: rows stand side by side in the vector lanes.

Of a `Tile`, ``rows[j]`` holds feature j of `LANES` rows, for features in fours (zeros fill up),
and `scores` a line for each of four centres.
"""

from math import sqrt

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel
from skextra._kernels._kmeans_fours import in_fours
from skextra._kernels._kmeans_rows import pending, settle

_FASTMATH = {"reassoc", "contract", "nsz"}
# Rows in a tile: 64 features of them take 64 KiB, which stay in the second-level cache.
LANES = 256
_score_four, _rank_four = in_fours(LANES)


@inner(fastmath=_FASTMATH)
def _square_lanes(lanes, d, power):
    """Write the squared norms of all lanes."""
    for r in range(LANES):
        power[r] = 0
    for j in range(d):
        xj = lanes[j]
        for r in range(LANES):
            power[r] += xj[r] * xj[r]


@inner(fastmath=_FASTMATH)
def fill_lanes(block, members, m, lanes, power):
    """Write the first m members into the columns of `lanes`, and their squared norms."""
    X, offset, scale, _, _ = block
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
    _square_lanes(lanes, d, power)


@inner(fastmath=_FASTMATH)
def _fill_from_columns(columns, members, m, lanes, power):
    """Do what `fill_lanes` does, for rising members, with features scaled before."""
    d = len(columns)
    first = members[0]
    is_run = members[m - 1] - first == m - 1
    for j in range(d):
        t = lanes[j]
        column = columns[j]
        if is_run:
            some = column[first : first + m]
            for r in range(m):
                t[r] = some[r]
        else:
            for r in range(m):
                t[r] = column[members[r]]
    _square_lanes(lanes, d, power)


@inner(fastmath=_FASTMATH)
def score_pair(lanes, packed, norms, c, scores):
    """Write ``|c|^2 - 2 x.c`` of all lanes for the centres c and c + 1."""
    first, other = scores[0], scores[1]
    a, b = packed[c], packed[c + 1]
    norm_a, norm_b = norms[c], norms[c + 1]
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


@inner(fastmath=_FASTMATH)
def rank_pair(first, other, c, best, second, nearest):
    """Keep the two best scores so far of each row, and whose the best is.

    The lines come one by one: as parts of one array they would be compiled for a single lane.
    """
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


@inner
def _pack(centers, scale):
    """Write all that `PackedCenters` derive from the exact centres."""
    exact, packed, norms, unit = centers
    k, d = exact.shape
    for c in range(k):
        s = 0.0
        for j in range(d):
            v = exact[c, j] * scale
            packed[c, j] = -2.0 * v
            s += v * v
        norms[c] = s - unit * s


@inner
def _take_in(sums, counts, totals):
    """Add what clusters gained to their sums and counts, and set that to zero."""
    gained, more, _, _ = totals
    for c in range(len(counts)):
        counts[c] += more[c]
        more[c] = 0.0
        for j in range(sums.shape[1]):
            sums[c, j] += gained[c, j]
            gained[c, j] = 0.0


@inner(fastmath=_FASTMATH)
def assign_tile(block, centers, tile, m, first, state, totals, with_costs):
    """Assign the rows of a filled tile to their nearest centres; return how many change."""
    _, packed, norms, _ = centers
    _, nearest, marks, lanes, scores = tile
    best, second = marks[1], marks[2]
    for r in range(LANES):
        best[r] = np.inf
        second[r] = np.inf
        nearest[r] = 0
    fours = len(packed) - len(packed) % 4
    for c in range(0, fours, 4):
        four = c, c + 1, c + 2, c + 3
        _score_four(lanes, packed, norms, four, scores)
        _rank_four(scores, four, best, second, nearest)
    for c in range(fours, len(packed), 2):
        score_pair(lanes, packed, norms, c, scores)
        rank_pair(scores[0], scores[1], c, best, second, nearest)
    return settle(block, centers, tile, m, first, state, totals, with_costs)


@kernel
def assign_narrow(block, start, stop, centers, state, full, totals, tile):
    """Assign the rows ``start:stop`` to their nearest centres; return (changed, evaluated)."""
    members, _, marks, lanes, _ = tile
    with_costs = len(totals[2]) > 0
    changed, evaluated, position = 0, 0, start
    while True:
        position, m = pending(position, stop, state, full, members)
        if m == 0:
            break
        evaluated += m
        fill_lanes(block, members, m, lanes, marks[0])
        changed += assign_tile(block, centers, tile, m, start, state, totals, with_costs)
    return changed, evaluated


@kernel
def iterate_narrow(block, columns, centers, state, full, totals, tile, course):
    """Run Lloyd's iterations on few rows in one call.

    ``columns[j, i]`` is feature j of row i as `lanes` hold it: to fill these from rows would take
    as long as all else. The `course` is (sums, counts, max_iter, tol). Centres, sums and counts
    are updated in place; `totals` is zero at first. The first iteration evaluates every row if
    `full` is set, the last one if costs are wanted. Returned are (iterations, labels changed in
    the last one, reach).
    """
    sums, counts, max_iter, tol = course
    exact = centers[0]
    members, _, marks, lanes, _ = tile
    labels, limits, lower, reach, travel = state
    wants_costs = len(totals[2]) > 0
    k, d = exact.shape
    scale = block[2]
    n = columns.shape[1]
    changed = 0
    for iteration in range(max_iter):
        last = iteration == max_iter - 1
        _pack(centers, scale)
        now = labels, limits, lower, reach, travel
        every = (full and iteration == 0) or (last and wants_costs)
        changed, position = 0, 0
        while True:
            position, m = pending(position, n, now, every, members)
            if m == 0:
                break
            _fill_from_columns(columns, members, m, lanes, marks[0])
            with_costs = last and wants_costs
            changed += assign_tile(block, centers, tile, m, 0, now, totals, with_costs)
        _take_in(sums, counts, totals)
        total = 0.0
        for c in range(k):
            total += counts[c]
        least = 1e-12 * total  # less is what rounding leaves of an empty cluster
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
                shift = sqrt(s) * scale
                travel[c] += shift
                fastest = max(fastest, shift)
        reach += fastest
        if not wants_costs and (changed == 0 or moved <= tol):
            return iteration + 1, changed, reach
    return max_iter, changed, reach


@kernel(fastmath=_FASTMATH)
def cross_narrow(block, start, stop, centers, out, base, tile):
    """Write the squared distances (scaled, float32) of rows to a few centres, a line a centre.

    Row i goes to column ``i - base``.
    """
    _, packed, norms, unit = centers
    raised = np.float32(unit / (1.0 - unit))
    members, _, marks, lanes, scores = tile
    power = marks[0]
    for first in range(start, stop, LANES):
        m = min(LANES, stop - first)
        for r in range(m):
            members[r] = first + r
        fill_lanes(block, members, m, lanes, power)
        for c in range(0, len(packed), 2):
            score_pair(lanes, packed, norms, c, scores)
            for e in range(min(2, len(out) - c)):
                lowered = raised * norms[c + e]
                for r in range(m):
                    square = scores[e, r] + lowered + power[r]
                    out[c + e, first - base + r] = max(square, np.float32(0))

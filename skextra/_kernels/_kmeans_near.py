"""K-means with many centres on dense rows of few features: a row meets those near its own.

A row at distance u from the centre a of its cluster is nearer to a centre c only if c lies within
2 u of a (the triangle inequality). So rows are taken cluster by cluster, those of one cluster meet
the same candidates, and these are few where the clusters of each have few neighbours. Tiles are
those of `_kmeans_narrow`, of which `WIDTH` lanes are used.
"""

from math import sqrt

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel
from skextra._kernels._kmeans_fours import in_fours
from skextra._kernels._kmeans_narrow import LANES, assign_tile, fill_lanes
from skextra._kernels._kmeans_rows import FAINT, pending, settle

_FASTMATH = {"reassoc", "contract", "nsz"}
# Rows of a cluster that meet its neighbours at a time. Clusters of fewer leave lanes unused; half
# as many lanes hide less of the time that products take.
WIDTH = 64
# Candidates are the centres within so many times the largest distance u. Those left out are then
# at least .1 u farther than the nearest, which spares most rows an evaluation in float64.
_REACH = 2.1
# Bounds of what float32 takes from distances of centres, see `_candidates`.
_SHARE, _UNIT = 1e-5, 2.0**-22
_score_four, _rank_four = in_fours(WIDTH)


@kernel
def order_pending(state, full, order, bounds, members):
    """Write the rows whose label is in doubt in the order of their labels.

    Those of label c are ``order[bounds[c + 1]:bounds[c + 2]]``; those without one come first.
    """
    labels = state[0]
    n = len(labels)
    for c in range(len(bounds)):
        bounds[c] = 0
    position = 0
    while True:
        position, m = pending(position, n, state, full, members)
        if m == 0:
            break
        for r in range(m):
            bounds[labels[members[r]] + 2] += 1
    for c in range(1, len(bounds)):
        bounds[c] += bounds[c - 1]
    position = 0
    while True:
        position, m = pending(position, n, state, full, members)
        if m == 0:
            break
        for r in range(m):
            slot = labels[members[r]] + 1
            order[bounds[slot]] = members[r]
            bounds[slot] += 1
    for c in range(len(bounds) - 1, 0, -1):  # each has moved on to where the next label begins
        bounds[c] = bounds[c - 1]
    bounds[0] = 0


@inner(fastmath=_FASTMATH)
def _own_radii(block, order, begin, m, center, radii):
    """Write the distances (scaled) of rows to their centre, not too short; return the largest."""
    X, offset, scale, _, _ = block
    d = X.shape[1]
    largest = np.float32(0)
    for r in range(m):
        x = X[order[begin + r]]
        s = 0.0
        for j in range(d):
            t = np.float64(x[j]) - offset[j] - center[j]
            s += t * t
        radii[r] = sqrt(s) * scale * (1.0 + 1e-6)
        largest = max(largest, radii[r])
    return largest


@inner(fastmath=_FASTMATH)
def _measure_gaps(columns, a, gaps):
    """Write the squared distances (scaled) of a centre to all; return the least to another."""
    k = len(gaps)
    for c in range(k):
        gaps[c] = 0.0
    for j in range(len(columns)):
        column = columns[j]
        x = column[a]
        for c in range(k):
            t = column[c] - x
            gaps[c] += t * t
    own = gaps[a]
    gaps[a] = np.inf
    least = np.float32(np.inf)
    for c in range(k):
        least = min(least, gaps[c])
    gaps[a] = own
    return least


@inner
def _candidates(gaps, least, largest, norm, chosen):
    """Find the centres that rows at most `largest` from theirs have to meet.

    `gaps` are those of their centre, whose squared norm is `norm`. Returned are (how many, a
    bound below the distance of their centre to every other).
    """
    # At least the nearest of the others is one: it tells how far rows at their centre may move.
    limit = max(np.float32(_REACH * largest) ** 2, least * np.float32(1 + _SHARE))
    count = 0
    for c in range(len(gaps)):
        chosen[count] = c
        count += gaps[c] <= limit
    # The columns are off by 2^-24 |c| for each centre c, where |c| <= |a| + |a - c|, and the sum
    # of d <= 96 squares by 98 roundings; the share covers all that is relative to |a - c|.
    clear = sqrt(max(limit - FAINT, np.float32(0)))
    return count, clear * (1.0 - _SHARE) - _UNIT * sqrt(norm)


@inner(fastmath=_FASTMATH)
def _meet(lanes, packed, norms, chosen, count, scores, best, second, nearest):
    """Find the two best of the chosen centres for `WIDTH` lanes.

    There is room for three more of these, which are filled up.
    """
    for r in range(WIDTH):
        best[r] = np.inf
        second[r] = np.inf
        nearest[r] = 0
    for q in range(count, count + 3):
        chosen[q] = chosen[count - 1]
    for q in range(0, count, 4):
        four = chosen[q], chosen[q + 1], chosen[q + 2], chosen[q + 3]
        _score_four(lanes, packed, norms, four, scores)
        for more in range(count - q, 4):
            for r in range(WIDTH):
                scores[more, r] = np.inf
        _rank_four(scores, four, best, second, nearest)


@kernel
def assign_listed(block, order, begin, end, centers, state, totals, tile):
    """Assign the rows ``order[begin:end]``, which meet all centres; return how many change."""
    members, _, marks, lanes, _ = tile
    with_costs = len(totals[2]) > 0
    changed = 0
    for first in range(begin, end, LANES):
        m = min(LANES, end - first)
        for r in range(m):
            members[r] = order[first + r]
        fill_lanes(block, members, m, lanes, marks[0])
        changed += assign_tile(block, centers, tile, m, 0, state, totals, with_costs)
    return changed


@kernel
def assign_near(block, order, bounds, first, last, centers, columns, state, totals, tile, room):
    """Assign the rows in `order` whose labels are ``first:last``; return how many change.

    `columns` are the centres, scaled and in float32, a feature in a line; `room` has a number
    and an index for each of them.
    """
    exact, packed, norms, _ = centers
    members, nearest, marks, lanes, scores = tile
    power, best, second, radii = marks[0], marks[1], marks[2], marks[3]
    gaps, chosen = room
    with_costs = len(totals[2]) > 0
    changed = 0
    for a in range(first, last):
        end = bounds[a + 2]
        if bounds[a + 1] == end:
            continue
        least = _measure_gaps(columns, a, gaps)
        for begin in range(bounds[a + 1], end, WIDTH):
            m = min(WIDTH, end - begin)
            largest = _own_radii(block, order, begin, m, exact[a], radii)
            count, clear = _candidates(gaps, least, largest, norms[a], chosen)
            for r in range(m):
                members[r] = order[begin + r]
            fill_lanes(block, members, m, lanes, power)
            _meet(lanes, packed, norms, chosen, count, scores, best, second, nearest)
            if count < len(gaps):
                for r in range(m):
                    farther = max(np.float32(clear) - radii[r], np.float32(0))
                    second[r] = min(second[r], farther * farther - power[r])
            changed += settle(block, centers, tile, m, 0, state, totals, with_costs)
    return changed


@kernel
def share_of_candidates(block, order, bounds, every, centers, columns, room, radii):
    """Return the mean share of the centres that some rows of every so many clusters meet."""
    exact, _, norms, _ = centers
    gaps, chosen = room
    total, clusters = 0, 0
    for probe in range((len(gaps) - every // 2 + every - 1) // every):
        a = every // 2 + probe * every
        begin, end = bounds[a + 1], bounds[a + 2]
        if begin == end:
            continue
        least = _measure_gaps(columns, a, gaps)
        largest = _own_radii(block, order, begin, min(WIDTH, end - begin), exact[a], radii)
        count, _ = _candidates(gaps, least, largest, norms[a], chosen)
        total += count
        clusters += 1
    return total / (len(gaps) * clusters) if clusters > 0 else 1.0

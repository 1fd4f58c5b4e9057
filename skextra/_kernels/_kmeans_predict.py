"""New rows and given centres: which one is the nearest, and how far all are.

Tiles are those of `_kmeans_narrow`, for any number of features.
"""

from math import sqrt

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel
from skextra._kernels._kmeans_narrow import LANES, fill_lanes, rank_pair, score_pair
from skextra._kernels._kmeans_rows import FAINT, nearest_two

_FASTMATH = {"reassoc", "contract", "nsz"}
# Features from which a tile is filled faster by converting whole rows first, and rows converted
# at a time: their values of one feature fill a cache line.
_MANY_FEATURES = 32
LINE = 16
# The share of |x|^2 + |c|^2 below which a squared distance has lost three digits to cancellation
# and is computed again from differences.
_CANCELLED = 1e-3


@inner(fastmath=_FASTMATH)
def _fill_by_lines(block, first, m, lines, lanes, power):
    """Do what `fill_lanes` does for m rows from `first` on, with `lines` as scratch."""
    X, offset, scale, _, _ = block
    d = X.shape[1]
    for r in range(0, m, LINE):
        for q in range(min(LINE, m - r)):
            for j in range(d):
                lines[q, j] = (X[first + r + q, j] - offset[j]) * scale
        for j in range(d):
            for q in range(LINE):
                lanes[j, r + q] = lines[q, j]
    for r in range(LANES):
        power[r] = 0
    for j in range(d):
        for r in range(LANES):
            power[r] += lanes[j, r] * lanes[j, r]


@inner
def _fill(block, first, m, members, lines, lanes, power):
    if len(block[1]) > _MANY_FEATURES:
        _fill_by_lines(block, first, m, lines, lanes, power)
    else:
        for r in range(m):
            members[r] = first + r
        fill_lanes(block, members, m, lanes, power)


@kernel
def label_few(block, centers, labels):
    """Write the nearest centre of every row in float64, the first of those equally near."""
    for i in range(len(labels)):
        labels[i], _, _ = nearest_two(block, i, centers)


@kernel(fastmath=_FASTMATH)
def label_rows(block, start, stop, centers, tile, lines, labels):
    """Do what `label_few` does for the rows ``start:stop``.

    Scores are float32, and lower bounds; where they leave the nearest centre open, float64
    decides (see `settle`). Centres come in pairs, features in fours (zeros fill both up).
    """
    exact, packed, norms, unit64 = centers
    unit = np.float32(unit64)
    raised = np.float32(unit64 / (1.0 - unit64))
    members, nearest, marks, lanes, scores = tile
    power, best, second = marks[0], marks[1], marks[2]
    for first in range(start, stop, LANES):
        m = min(LANES, stop - first)
        _fill(block, first, m, members, lines, lanes, power)
        for c in range(0, len(packed), 2):
            score_pair(lanes, packed, norms, c, scores)
            rank_pair(scores[0], scores[1], c, best, second, nearest)
        for r in range(m):
            label = nearest[r]
            blur = unit * power[r] + raised * norms[label] + FAINT
            if not second[r] - best[r] > blur + blur:
                label, _, _ = nearest_two(block, first + r, exact)
            labels[first + r] = label


@inner(fastmath=_FASTMATH)
def _square_again(block, i, centers, c):
    """Return the squared distance of a row and a centre (scaled) from differences."""
    X, offset, scale, _, _ = block
    s = 0.0
    for j in range(len(offset)):
        t = X[i, j] - offset[j] - centers[c, j]
        s += t * t
    return s * scale * scale


@kernel(fastmath=_FASTMATH)
def measure_rows(block, start, stop, centers, tile, lines, limit, out):
    """Write the distances (scaled) of the rows ``start:stop`` to all centres.

    All but the members of the tile is float64. Returned is whether all squared distances are
    below `limit`, which numbers that are not finite are not.
    """
    exact, packed, norms, _ = centers
    members, _, marks, lanes, scores = tile
    power = marks[0]
    k = len(exact)
    is_fine = True
    for first in range(start, stop, LANES):
        m = min(LANES, stop - first)
        _fill(block, first, m, members, lines, lanes, power)
        for c in range(0, k, 2):
            score_pair(lanes, packed, norms, c, scores)
            for e in range(min(2, k - c)):
                norm = norms[c + e]
                excess = np.inf
                for r in range(LANES):
                    scores[e, r] += power[r]
                    excess = min(excess, scores[e, r] - _CANCELLED * (power[r] + norm))
                if excess < 0:
                    for r in range(m):
                        if scores[e, r] < _CANCELLED * (power[r] + norm):
                            scores[e, r] = _square_again(block, first + r, exact, c + e)
                for r in range(LANES):
                    is_fine &= scores[e, r] < limit
                    scores[e, r] = sqrt(scores[e, r])
                for r in range(m):
                    out[first + r, c + e] = scores[e, r]
    return is_fine

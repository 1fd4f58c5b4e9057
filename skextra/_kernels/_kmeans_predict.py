"""New rows and given centres: which one is the nearest, and how far all are."""

import numpy as np
from numba import njit

from skextra._kernels._kmeans_narrow import LANES, fill_lanes, rank_pair, score_pair
from skextra._kernels._kmeans_rows import (
    DenseBlock,
    PackedCenters,
    make_tile,
    nearest_two,
)

_FASTMATH = {"reassoc", "contract", "nsz"}
# Rows up to which float64 takes no more time for each than a whole tile does in float32.
_FEW = 32
# Features from which a tile is filled faster by converting whole rows first, and rows converted
# at a time: their values of one feature fill a cache line.
_MANY_FEATURES = 32
_LINE = 16
# The share of |x|^2 + |c|^2 below which a squared distance has lost three digits to cancellation
# and is computed again from differences.
_CANCELLED = 1e-3


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _fill_by_lines(block, first, m, rows, lanes, power):
    """Do what `fill_lanes` does for m rows from `first` on; `rows` is scratch for some of them."""
    X, offset, scale = block.X, block.offset, block.scale
    d = X.shape[1]
    for r in range(0, m, _LINE):
        for q in range(min(_LINE, m - r)):
            x = X[first + r + q]
            row = rows[q]
            for j in range(d):
                row[j] = (x[j] - offset[j]) * scale
        for j in range(d):
            lane = lanes[j]
            for q in range(_LINE):
                lane[r + q] = rows[q, j]
    for r in range(LANES):
        power[r] = 0
    for j in range(d):
        lane = lanes[j]
        for r in range(LANES):
            power[r] += lane[r] * lane[r]


@njit(cache=True, nogil=True)
def _fill(block, first, m, members, rows, lanes, power):
    if block.X.shape[1] > _MANY_FEATURES:
        _fill_by_lines(block, first, m, rows, lanes, power)
    else:
        for r in range(m):
            members[r] = first + r
        fill_lanes(block, members, m, lanes, power)


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def label_rows(block, start, stop, centers, labels):
    """Write the nearest centre of the rows ``start:stop``, the first of those equally near.

    Scores are float32 and good to ``centers.error``; where the two best are closer than that,
    float64 decides. Centres come in pairs, features in fours (zeros fill both up).
    """
    block, centers = DenseBlock(*block), PackedCenters(*centers)
    exact, error = centers.exact, centers.error
    k, padded = centers.packed.shape
    if stop - start <= _FEW:
        for i in range(start, stop):
            labels[i], _, _ = nearest_two(block, i, exact)
        return
    rows = np.empty((_LINE, padded), np.float32)
    lanes = np.zeros((padded, LANES + _LINE), np.float32)  # lines in different cache sets
    pair = np.empty((2, LANES), np.float32)
    tile = make_tile(LANES)
    members, power, best, second, nearest = tile
    for first in range(start, stop, LANES):
        m = min(LANES, stop - first)
        _fill(block, first, m, members, rows, lanes, power)
        for c in range(0, k, 2):
            score_pair(lanes, centers, c, pair[0], pair[1])
            rank_pair(pair[0], pair[1], c, tile)
        for r in range(m):
            label = nearest[r]
            if not second[r] - best[r] > 2 * (error[1] + error[0] * power[r]):
                label, _, _ = nearest_two(block, first + r, exact)
            labels[first + r] = label


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _square_again(block, i, center):
    """Return the squared distance of a row and a centre from differences."""
    X, offset = block.X, block.offset
    s = 0.0
    for j in range(len(center)):
        t = X[i, j] - offset[j] - center[j]
        s += t * t
    return s


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def measure_rows(block, start, stop, centers, limit, out):
    """Write the distances of the rows ``start:stop`` to all centres, computed in float64.

    Nothing is scaled. Returned is whether all squared distances are numbers below `limit`.
    """
    block, centers = DenseBlock(*block), PackedCenters(*centers)
    exact, norms = centers.exact, centers.norms
    k, padded = len(exact), centers.packed.shape[1]
    rows = np.empty((_LINE, padded))
    lanes = np.zeros((padded, LANES + _LINE))
    pair = np.empty((2, LANES))
    members = np.empty(LANES, np.int64)
    power = np.empty(LANES)
    is_fine = True
    for first in range(start, stop, LANES):
        m = min(LANES, stop - first)
        _fill(block, first, m, members, rows, lanes, power)
        for c in range(0, k, 2):
            score_pair(lanes, centers, c, pair[0], pair[1])
            for e in range(min(2, k - c)):
                square = pair[e]
                norm = norms[c + e]
                excess = np.inf
                for r in range(LANES):
                    square[r] += power[r]
                    excess = min(excess, square[r] - _CANCELLED * (power[r] + norm))
                if excess < 0:
                    for r in range(m):
                        if square[r] < _CANCELLED * (power[r] + norm):
                            square[r] = _square_again(block, first + r, exact[c + e])
                for r in range(LANES):
                    is_fine &= square[r] < limit
                    square[r] = np.sqrt(square[r])
                for r in range(m):
                    out[first + r, c + e] = square[r]
    return is_fine

"""K-means on dense rows of many features and few centres: features stand in the vector lanes.

Of a `Tile`, `rows` holds `ROWS` rows, and `scores` those of four rows for all centres.
"""

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel
from skextra._kernels._kmeans_rows import pending, settle

_FASTMATH = {"reassoc", "contract", "nsz"}
ROWS = 64  # in a tile: enough to spread the cost of gathering, few enough to stay in cache


@inner(fastmath=_FASTMATH)
def _fill_rows(block, members, m, q, rows, power):
    """Write the four members from q on into `rows`, and their squared norms."""
    X, offset, scale, _, _ = block
    d = X.shape[1]
    for r in range(q, min(q + 4, m)):
        x = X[members[r]]
        t = rows[r]
        s = np.float32(0)
        for j in range(d):
            v = np.float32((x[j] - offset[j]) * scale)
            t[j] = v
            s += v * v
        power[r] = s


@inner(fastmath=_FASTMATH)
def _score_four(rows, q, packed, norms, scores):
    """Write ``|c|^2 - 2 x.c`` of four rows for all centres."""
    k, d = packed.shape
    x0, x1, x2, x3 = rows[q], rows[q + 1], rows[q + 2], rows[q + 3]
    for c in range(0, k, 2):
        a = packed[c]
        b = packed[c + 1]
        a0 = a1 = a2 = a3 = np.float32(0)
        b0 = b1 = b2 = b3 = np.float32(0)
        for j in range(d):
            a0 += x0[j] * a[j]
            a1 += x1[j] * a[j]
            a2 += x2[j] * a[j]
            a3 += x3[j] * a[j]
            b0 += x0[j] * b[j]
            b1 += x1[j] * b[j]
            b2 += x2[j] * b[j]
            b3 += x3[j] * b[j]
        scores[0, c] = a0 + norms[c]
        scores[1, c] = a1 + norms[c]
        scores[2, c] = a2 + norms[c]
        scores[3, c] = a3 + norms[c]
        scores[0, c + 1] = b0 + norms[c + 1]
        scores[1, c + 1] = b1 + norms[c + 1]
        scores[2, c + 1] = b2 + norms[c + 1]
        scores[3, c + 1] = b3 + norms[c + 1]


@kernel(fastmath=_FASTMATH)
def assign_wide(block, start, stop, centers, state, full, totals, tile):
    """Assign the rows ``start:stop`` to their nearest centres; return (changed, evaluated).

    Four rows meet two centres at a time, so that every number loaded serves more than one
    product. For many centres BLAS is faster (see `_kmeans_products`).
    """
    _, packed, norms, _ = centers
    members, nearest, marks, rows, scores = tile
    power, best, second = marks[0], marks[1], marks[2]
    with_costs = len(totals[2]) > 0
    k = len(packed)
    changed = 0
    evaluated = 0
    position = start
    while True:
        position, m = pending(position, stop, state, full, members)
        if m == 0:
            break
        evaluated += m
        for q in range(0, m, 4):
            _fill_rows(block, members, m, q, rows, power)
            _score_four(rows, q, packed, norms, scores)
            for r in range(q, min(q + 4, m)):
                low = np.float32(np.inf)
                next_low = low
                winner = 0
                for c in range(k):
                    u = scores[r - q, c]
                    if u < next_low:
                        if u < low:
                            next_low = low
                            low = u
                            winner = c
                        else:
                            next_low = u
                best[r] = low
                second[r] = next_low
                nearest[r] = winner
        changed += settle(block, centers, tile, m, start, state, totals, with_costs)
    return changed, evaluated


@kernel(fastmath=_FASTMATH)
def cross_wide(block, start, stop, centers, out, base, tile):
    """Write the squared distances (scaled, float32) of rows to a few centres, a line a centre.

    Row i goes to column ``i - base``.
    """
    _, packed, norms, unit = centers
    raised = np.float32(unit / (1.0 - unit))
    members, _, marks, rows, scores = tile
    power = marks[0]
    for first in range(start, stop, 4):
        m = min(4, stop - first)
        for r in range(m):
            members[r] = first + r
        _fill_rows(block, members, m, 0, rows, power)
        _score_four(rows, 0, packed, norms, scores)
        for r in range(m):
            for c in range(len(out)):
                square = scores[r, c] + raised * norms[c] + power[r]
                out[c, first - base + r] = max(square, np.float32(0))

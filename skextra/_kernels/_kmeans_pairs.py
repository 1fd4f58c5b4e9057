"""K-means with a bound for every pair of row and centre, where a distance is many products.

``lower[i, c]`` bounds the distance of row i to centre c from below, and ``limits[i]`` that to its
own centre from above, both in terms of how far the centres have travelled (Elkan, ICML 2003).
"""

from math import sqrt

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel
from skextra._kernels._kmeans_rows import FAINT, nearest_two

_FASTMATH = {"reassoc", "contract", "nsz"}
_LESS, _MORE = 1.0 - 1e-6, 1.0 + 1e-6  # more than the rounding of bounds kept in float32


@inner(fastmath=_FASTMATH)
def fill_row(block, i, r, rows, power):
    """Write row i into line r of a tile, and its squared norm."""
    X, offset, scale, _, _ = block
    x, t = X[i], rows[r]
    s = 0.0  # in float64, so that its rounding does not grow with the number of features
    for j in range(X.shape[1]):
        v = np.float32((x[j] - offset[j]) * scale)
        t[j] = v
        s += np.float64(v) * v
    power[r] = s


@inner
def _raise(norm, unit):
    """Return what makes a score of a lowered norm a bound from above (see `settle`)."""
    return np.float32(2.0 * unit / (1.0 - unit)) * norm


@inner
def _bound_from_below(square, blur, travel):
    """Return a bound to be kept of a distance whose square float32 computed."""
    return (sqrt(max(square - blur, np.float32(0))) + travel) * _LESS


@inner
def _bound_from_above(distance, travel):
    """Return a bound to be kept of the distance to the own centre."""
    return distance - travel + (distance + travel) * (_MORE - 1.0)


@inner(fastmath=_FASTMATH)
def bound_pairs(centers, tile, products, m, state):
    """Set the bounds of all pairs of the first m rows of a tile, which have their labels."""
    _, _, norms, unit = centers
    members, _, marks, _, _ = tile
    power = marks[0]
    labels, limits, lower, _, travel = state
    for r in range(m):
        i = members[r]
        blur = np.float32(unit) * power[r] + FAINT
        line, row = products[r], lower[i]
        for c in range(len(travel)):
            row[c] = _bound_from_below(line[c] + norms[c] + power[r], blur, travel[c])
        label = labels[i]
        square = line[label] + norms[label] + power[r]
        near = sqrt(max(square + blur + _raise(norms[label], unit), np.float32(0)))
        limits[i] = _bound_from_above(near, travel[label])


@inner(fastmath=_FASTMATH)
def _square(block, i, center):
    """Return the squared distance of a row to a centre in float64."""
    X, offset, _, _, _ = block
    s = 0.0
    for j in range(X.shape[1]):
        t = X[i, j] - offset[j] - center[j]
        s += t * t
    return s


@inner(fastmath=_FASTMATH)
def _product(x, center):
    """Return the product of a row and a packed centre."""
    s = np.float32(0)
    for j in range(len(x)):
        s += x[j] * center[j]
    return s


@inner
def _count_candidates(row, travel, label, upper):
    """Count the other centres that may be as near as `upper`."""
    count = 0
    for c in range(len(travel)):
        count += (row[c] - travel[c] <= upper) & (c != label)
    return count


@inner(fastmath=_FASTMATH)
def _decide(block, i, centers, squares, limit, row, travel):
    """Return (nearest centre, its distance, scaled) among those up to a limit, in float64."""
    exact = centers[0]
    scale = block[2]
    best = np.inf
    second = np.inf
    label = 0
    for c in range(len(exact)):
        if squares[c] <= limit:
            s = _square(block, i, exact[c])
            row[c] = (sqrt(s) * scale + travel[c]) * _LESS
            if s < best:
                second = best
                best = s
                label = c
            elif s < second:
                second = s
    if second - best < 1e-12 * best:  # decided as everywhere else
        label, best, _ = nearest_two(block, i, exact)
    return label, sqrt(best) * scale


@inner
def _nearest_candidate(block, i, old, upper, centers, state, x, power, squares):
    """Return (nearest centre, a bound of its distance from above, distances computed).

    `x` is the row as it stands in a tile. The squared distances computed are written to `squares`.
    """
    _, packed, norms, unit = centers
    _, _, lower, _, travel = state
    row = lower[i]
    blur = np.float32(unit) * power + FAINT
    looked = 0
    label = old
    best = np.float32(np.inf)
    second = best
    for q in range(-1, len(travel)):  # its own centre first
        c = old if q < 0 else q
        if q == old:
            continue
        if q >= 0 and row[c] - travel[c] > upper:
            squares[c] = np.inf
            continue
        square = max(_product(x, packed[c]) + norms[c] + power, np.float32(0))
        looked += 1
        squares[c] = square
        row[c] = _bound_from_below(square, blur, travel[c])
        upper = min(upper, sqrt(square + blur + _raise(norms[c], unit)))
        if square < best:
            second = best
            best = square
            label = c
        else:
            second = min(second, square)
    limit = best + (blur + blur) + _raise(norms[label], unit)
    if second <= limit:
        label, distance = _decide(block, i, centers, squares, limit, row, travel)
        upper = min(upper, distance * _MORE)
    return label, upper, looked


@inner(fastmath=_FASTMATH)
def _move(block, i, old, label, sums, counts):
    """Take a row from its cluster into another."""
    X, offset, _, weight, step = block
    w = weight[i * step]
    counts[label] += w
    counts[old] -= w
    for j in range(X.shape[1]):
        v = w * (X[i, j] - offset[j])
        sums[label, j] += v
        sums[old, j] -= v


@kernel
def assign_by_bounds(block, position, stop, centers, state, totals, tile, most, squares):
    """Reassign rows, computing distances only to centres that may have become the nearest.

    A row for which more than `most` centres come into question goes into the tile, because the
    products with all are computed many times as fast as one by one. `squares` is room for a number
    for each centre. Returned are the position after the last row, how many are in the tile, and,
    of the others, the labels changed and the distances computed.
    """
    labels, limits, lower, _, travel = state
    sums, counts, _, _ = totals
    members, _, marks, rows, _ = tile
    power = marks[0]
    changed = 0
    looked = 0
    m = 0
    while position < stop and m < len(members):
        i = position
        position += 1
        old = labels[i]
        upper = limits[i] + travel[old]
        candidates = _count_candidates(lower[i], travel, old, upper)
        if candidates == 0:
            continue
        fill_row(block, i, m, rows, power)
        if candidates > most:
            members[m] = i
            m += 1
            continue
        label, upper, more = _nearest_candidate(
            block, i, old, upper, centers, state, rows[m], power[m], squares
        )
        looked += more
        limits[i] = _bound_from_above(upper, travel[label])
        if label != old:
            changed += 1
            labels[i] = label
            _move(block, i, old, label, sums, counts)
    return position, m, changed, looked

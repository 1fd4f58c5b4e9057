"""K-means on dense rows: who is looked at, who moves to which cluster, and plain sums."""

import numpy as np
from numba import njit

_FASTMATH = {"reassoc", "contract", "nsz"}
_ROWS = 64


@njit(cache=True, nogil=True)
def pending(position, stop, labels, limits, reach, travel, full, members):
    """Gather the next points whose label is in doubt; return (position after them, how many)."""
    m = 0
    room = len(members)
    if full:
        m = min(room, stop - position)
        for r in range(m):
            members[r] = position + r
        return position + m, m
    while position < stop and m < room:
        if reach + travel[labels[position]] >= limits[position]:
            members[m] = position
            m += 1
        position += 1
    return position, m


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def nearest_two(X, offset, i, centers):
    """Return (nearest centre, its squared distance, that of the second) in float64."""
    k, d = centers.shape
    best = np.inf
    second = np.inf
    label = 0
    for c in range(k):
        s = 0.0
        for j in range(d):
            t = np.float64(X[i, j]) - offset[j] - centers[c, j]
            s += t * t
        if s < best:
            second = best
            best = s
            label = c
        elif s < second:
            second = s
    return label, best, second


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def settle(
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
    sums,
    counts,
    costs,
    own,
    first,
):
    """Take over the labels of a tile, with a limit each up to which they hold.

    `best` and `second` are squared distances less the point's own squared norm `power`, good to
    ``error``; where they are closer than that, float64 decides. `costs`, unless empty, gathers
    what removing each centre would add to the inertia (every point would go to its second
    nearest), and `own` receives the squared distances of the points to their centres, that of
    row `first` first.
    """
    d = X.shape[1]
    changed = 0
    slack = np.empty(m, np.float32)
    for r in range(m):
        blur = error[1] + error[0] * power[r]
        far = max(second[r] + power[r] - blur, np.float32(0))
        near = max(best[r] + power[r] + blur, np.float32(0))
        slack[r] = np.sqrt(far) - np.sqrt(near)
    for r in range(m):
        i = members[r]
        label = nearest[r]
        gap = np.float64(slack[r])
        if not slack[r] > 0:
            label, near64, far64 = nearest_two(X, offset, i, centers)
            gap = (np.sqrt(far64) - np.sqrt(near64)) * scale
        limits[i] = (gap + reach + travel[label]) * (1.0 - 1e-6)
        if len(own) > 0:
            own[i - first] = max(best[r] + power[r], np.float32(0))
        if len(costs) > 0:
            costs[label] += weight[i * inc] * (second[r] - best[r])
        old = labels[i]
        if old != label:
            changed += 1
            labels[i] = label
            w = weight[i * inc]
            counts[label] += w
            for j in range(d):
                sums[label, j] += w * (X[i, j] - offset[j])
            if old >= 0:
                counts[old] -= w
                for j in range(d):
                    sums[old, j] -= w * (X[i, j] - offset[j])
    return changed


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def own_distances(X, offset, start, stop, centers, labels, out):
    """Write each row's squared distance to its own centre, in float64 by differences."""
    d = X.shape[1]
    for i in range(start, stop):
        x = X[i]
        c = centers[labels[i]]
        s = 0.0
        for j in range(d):
            t = x[j] - offset[j] - c[j]
            s += t * t
        out[i - start] = s


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def column_moments(X, start, stop, weight, inc, shift, total, square):
    """Add the weighted sum of ``X - shift`` and of its square over the rows; return the weight."""
    d = X.shape[1]
    mass = 0.0
    for i in range(start, stop):
        mass += weight[i * inc]
    for first in range(start, stop, _ROWS):
        last = min(first + _ROWS, stop)
        if d < _ROWS:
            for j in range(d):
                s = 0.0
                q = 0.0
                for i in range(first, last):
                    v = X[i, j] - shift[j]
                    s += weight[i * inc] * v
                    q += weight[i * inc] * v * v
                total[j] += s
                square[j] += q
        else:
            for i in range(first, last):
                w = weight[i * inc]
                for j in range(d):
                    v = X[i, j] - shift[j]
                    total[j] += w * v
                    square[j] += w * v * v
    return mass


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def gather(X, offset, scale, rows, start, stop, out):
    """Copy some rows, relative to the offset, scaled and in float32."""
    d = X.shape[1]
    for r in range(start, stop):
        x = X[rows[r]]
        o = out[r]
        for j in range(d):
            o[j] = (x[j] - offset[j]) * scale


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def group_sums(X, offset, rows, labels, start, stop, weight, inc, sums, counts):
    """Add the rows ``rows[start:stop]``, relative to the offset, to the sums of their groups."""
    d = X.shape[1]
    for r in range(start, stop):
        x = X[rows[r]]
        w = weight[r * inc]
        total = sums[labels[r]]
        counts[labels[r]] += w
        for j in range(d):
            total[j] += w * (x[j] - offset[j])

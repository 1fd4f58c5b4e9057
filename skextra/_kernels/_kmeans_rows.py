"""K-means on dense rows: which are evaluated, which change their cluster, and plain sums."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel

_FASTMATH = {"reassoc", "contract", "nsz"}
# More than what squares and products lose of float32's smallest numbers, however many features.
FAINT = np.float32(1e-37)
# The largest limit that another may still exceed: beyond float32, rows would never be looked at.
FARTHEST = np.float32(3e38)
# Rows summed at a time, feature by feature, which stay in the fastest cache meanwhile.
_ROWS = 64


class DenseBlock(NamedTuple):
    """Dense rows. ``weight[i * step]`` is the weight of row i: step is 0 if all weigh the same."""

    X: np.ndarray
    offset: np.ndarray  # subtracted from every row
    scale: float  # a power of two, which brings the variance to about one
    weight: np.ndarray
    step: int


class PackedCenters(NamedTuple):
    """Centres relative to the offset, in float64, and what float32 distances to them take."""

    exact: np.ndarray
    packed: np.ndarray  # -2 c, scaled; zeros fill up odd numbers
    norms: np.ndarray  # |c|^2 (1 - unit), scaled; infinite where `packed` is filled up
    unit: float  # scores are good to unit (|c|^2 + |x|^2), and lower bounds with these norms


class Labelling(NamedTuple):
    """The label of every row, and up to when it is certain (see `Assignment`)."""

    labels: np.ndarray
    limits: np.ndarray
    lower: np.ndarray
    reach: float
    travel: np.ndarray


class Totals(NamedTuple):
    """What an assignment adds up; `costs` and `squares` are empty unless wanted."""

    sums: np.ndarray
    counts: np.ndarray
    costs: np.ndarray  # what removing each centre would add to the inertia
    squares: np.ndarray  # the squared distance of every row to its centre


class Tile(NamedTuple):
    """Room for some rows and for their scores ``|c|^2 - 2 x.c``."""

    members: np.ndarray  # which rows
    nearest: np.ndarray  # which centre is the nearest to each
    marks: np.ndarray  # of each: |x|^2, the two best scores, and room for one number
    rows: np.ndarray  # the rows, scaled and in float32
    scores: np.ndarray  # of some rows for some centres


class Groups(NamedTuple):
    """Rows chosen by their index, each with the label and the weight of its group."""

    indices: np.ndarray
    labels: np.ndarray
    weight: np.ndarray
    step: int


@inner
def pending(position, stop, state, full, members):
    """Gather the next rows whose label is in doubt; return (position after them, how many)."""
    labels, limits, _, reach, travel = state
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


@inner(fastmath=_FASTMATH)
def nearest_two(block, i, centers):
    """Return (nearest centre, its squared distance, that of the second) in float64."""
    X, offset, _, _, _ = block
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


@inner(fastmath=_FASTMATH)
def settle(block, centers, tile, m, first, state, totals, with_costs):
    """Adopt the labels of the first m rows of a tile, with the limits up to which they hold.

    Where rounding may have changed the nearest centre, float64 decides. The costs of `totals`, if
    wanted, gather what every row would add to the inertia if it went to its second nearest
    centre. The squares begin with the row `first`.
    """
    # Why a centre far away leaves the others certain. Let t(c) = |c|^2 - 2 x.c, and s(c) be what
    # float32 makes of it. Rounding x and c, their d products and the sum of these and |c|^2 takes
    # at most d / lanes + 4 roundings of |c|^2 + 2 |x||c| <= 2 |c|^2 + |x|^2, of 2^-24 each. Hence
    #     |s(c) - t(c)| <= unit (|c|^2 + |x|^2),    unit = 2^-23 (d / lanes + 16),
    # with a dozen roundings to spare, which cover those of |x|^2, of the norms and of the lines
    # below. With the norms as packed, scores are s'(c) = s(c) - unit |c|^2. For every centre,
    #     s'(c) - unit |x|^2 <= t(c) <= s'(c) + unit (2 |c|^2 + |x|^2).
    # The left side, for the second best score, bounds all centres but the best one, however far
    # they are and whichever is truly second; the right side is needed for the best one only.
    X, offset, scale, weight, step = block
    exact, _, norms, unit64 = centers
    unit = np.float32(unit64)
    raised = np.float32(unit64 / (1.0 - unit64))  # of a norm as packed, as much as of |c|^2
    members, nearest, marks, _, _ = tile
    power, best, second, slack = marks[0], marks[1], marks[2], marks[3]
    labels, limits, _, reach, travel = state
    sums, counts, costs, squares = totals
    d = X.shape[1]
    changed = 0
    for r in range(m):  # apart, because no vector lanes are used where addresses depend on data
        slack[r] = norms[nearest[r]]
    for r in range(m):
        norm = slack[r]
        far = max(second[r] + power[r] - unit * power[r] - FAINT, np.float32(0))
        near = best[r] + power[r] + unit * power[r] + raised * (norm + norm) + FAINT
        slack[r] = sqrt(far) - sqrt(max(near, np.float32(0)))
    for r in range(m):
        i = members[r]
        label = nearest[r]
        gap = np.float64(slack[r])
        if not slack[r] > 0:
            label, near64, far64 = nearest_two(block, i, exact)
            gap = (sqrt(far64) - sqrt(near64)) * scale
        limits[i] = min((gap + reach + travel[label]) * (1.0 - 1e-6), FARTHEST)
        if len(squares) > 0:
            square = best[r] + raised * norms[nearest[r]] + power[r]
            squares[i - first] = max(square, np.float32(0))
        if with_costs:
            costs[label] += weight[i * step] * (second[r] - best[r])
        old = labels[i]
        if old != label:
            changed += 1
            labels[i] = label
            w = weight[i * step]
            counts[label] += w
            for j in range(d):
                sums[label, j] += w * (X[i, j] - offset[j])
            if old >= 0:
                counts[old] -= w
                for j in range(d):
                    sums[old, j] -= w * (X[i, j] - offset[j])
    return changed


@kernel(fastmath=_FASTMATH)
def own_distances(block, start, stop, centers, labels, out):
    """Write each row's squared distance to its own centre, in float64 by differences."""
    X, offset, _, _, _ = block
    d = X.shape[1]
    for i in range(start, stop):
        x = X[i]
        c = centers[labels[i]]
        s = 0.0
        for j in range(d):
            t = x[j] - offset[j] - c[j]
            s += t * t
        out[i - start] = s


@kernel(fastmath=_FASTMATH)
def column_moments(block, start, stop, total, square):
    """Add the weighted sums of ``X - offset`` and of its square; return the weight."""
    X, shift, _, weight, step = block
    d = X.shape[1]
    mass = 0.0
    for i in range(start, stop):
        mass += weight[i * step]
    for first in range(start, stop, _ROWS):
        last = min(first + _ROWS, stop)
        if d < _ROWS:
            for j in range(d):
                s = 0.0
                q = 0.0
                for i in range(first, last):
                    v = X[i, j] - shift[j]
                    s += weight[i * step] * v
                    q += weight[i * step] * v * v
                total[j] += s
                square[j] += q
        else:
            for i in range(first, last):
                w = weight[i * step]
                for j in range(d):
                    v = X[i, j] - shift[j]
                    total[j] += w * v
                    square[j] += w * v * v
    return mass


@kernel(fastmath=_FASTMATH)
def gather(block, rows, start, stop, out):
    """Copy the rows ``rows[start:stop]``, relative to the offset, scaled and in float32."""
    X, offset, scale, _, _ = block
    d = X.shape[1]
    for r in range(start, stop):
        x = X[rows[r]]
        o = out[r]
        for j in range(d):
            o[j] = (x[j] - offset[j]) * scale


@kernel(fastmath=_FASTMATH)
def group_sums(block, groups, start, stop, sums, counts):
    """Add the chosen rows ``start:stop``, relative to the offset, to the sums of their groups."""
    X, offset, _, _, _ = block
    rows, labels, weight, step = groups
    d = X.shape[1]
    for r in range(start, stop):
        x = X[rows[r]]
        w = weight[r * step]
        total = sums[labels[r]]
        counts[labels[r]] += w
        for j in range(d):
            total[j] += w * (x[j] - offset[j])

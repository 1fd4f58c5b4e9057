"""K-means on the rows of a CSR matrix."""

from typing import NamedTuple

import numpy as np

from skextra._kernels._kernel import kernel
from skextra._kernels._kmeans_rows import FARTHEST

_FASTMATH = {"reassoc", "contract", "nsz"}


class CsrBlock(NamedTuple):
    """CSR rows. ``weight[i * step]`` is the weight of row i: step is 0 if all weigh the same."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    scale: float  # a power of two, which brings the variance to about one
    weight: np.ndarray
    step: int


class CenterColumns(NamedTuple):
    """Centres, feature by feature, and their squared norms."""

    columns: np.ndarray
    norms: np.ndarray


@kernel(fastmath=_FASTMATH)
def assign_csr(block, start, stop, centers, state, full, totals):
    """Assign the rows ``start:stop`` to their nearest centres; return (changed, evaluated).

    ``columns[j]`` holds feature j of all centres, so that every entry of a row meets all centres
    in one run of adjacent numbers. Everything is float64; distances are
    ``|x|^2 - 2 x.c + |c|^2``, because differences would touch every zero.
    """
    data, indices, indptr, scale, weight, step = block
    columns, norms = centers
    labels, limits, _, reach, travel = state
    sums, counts, costs, squares = totals
    k = columns.shape[1]
    scores = np.empty(k)
    changed = 0
    evaluated = 0
    for i in range(start, stop):
        old = labels[i]
        if not full and old >= 0 and reach + travel[old] < limits[i]:
            continue
        evaluated += 1
        power = 0.0
        for c in range(k):
            scores[c] = norms[c]
        for q in range(indptr[i], indptr[i + 1]):
            v = np.float64(data[q])
            power += v * v
            v *= -2.0
            column = columns[indices[q]]
            for c in range(k):
                scores[c] += v * column[c]
        best = np.inf
        second = np.inf
        label = 0
        for c in range(k):
            s = scores[c]
            if s < second:
                if s < best:
                    second = best
                    best = s
                    label = c
                else:
                    second = s
        blur = 1e-14 * (power + norms[label])
        near = np.sqrt(max(power + best + blur, 0.0))
        far = np.sqrt(max(power + second - blur, 0.0))
        limit = (max(far - near, 0.0) * scale + reach + travel[label]) * (1.0 - 1e-6)
        limits[i] = min(limit, FARTHEST)
        if len(squares) > 0:
            squares[i - start] = max(power + best, 0.0) * scale * scale
        w = weight[i * step]
        if len(costs) > 0:
            costs[label] += w * (second - best) * scale * scale
        if old != label:
            changed += 1
            labels[i] = label
            counts[label] += w
            for q in range(indptr[i], indptr[i + 1]):
                sums[label, indices[q]] += w * data[q]
            if old >= 0:
                counts[old] -= w
                for q in range(indptr[i], indptr[i + 1]):
                    sums[old, indices[q]] -= w * data[q]
    return changed, evaluated


@kernel(fastmath=_FASTMATH)
def own_distances_csr(block, start, stop, centers, norms, labels, out):
    """Write the squared distance of each row to its own centre."""
    data, indices, indptr, _, _, _ = block
    for i in range(start, stop):
        center = centers[labels[i]]
        s = norms[labels[i]]
        for q in range(indptr[i], indptr[i + 1]):
            v = np.float64(data[q])
            s += v * (v - 2.0 * center[indices[q]])
        out[i - start] = max(s, 0.0)


@kernel(fastmath=_FASTMATH)
def cross_csr(block, start, stop, centers, out, base):
    """Write the squared distances (scaled, float32) of rows to a few centres, a line a centre."""
    data, indices, indptr, scale, _, _ = block
    columns, norms = centers
    unit = scale * scale
    k = columns.shape[1]
    scores = np.empty(k)
    for i in range(start, stop):
        power = 0.0
        for c in range(k):
            scores[c] = norms[c]
        for q in range(indptr[i], indptr[i + 1]):
            v = np.float64(data[q])
            power += v * v
            v *= -2.0
            column = columns[indices[q]]
            for c in range(k):
                scores[c] += v * column[c]
        for c in range(k):
            out[c, i - base] = max(power + scores[c], 0.0) * unit


@kernel(fastmath=_FASTMATH)
def group_sums_csr(block, groups, start, stop, sums, counts):
    """Add the chosen rows ``start:stop`` to the sums of their groups."""
    data, indices, indptr, _, _, _ = block
    rows, labels, weight, step = groups
    for r in range(start, stop):
        i = rows[r]
        w = weight[r * step]
        total = sums[labels[r]]
        counts[labels[r]] += w
        for q in range(indptr[i], indptr[i + 1]):
            total[indices[q]] += w * data[q]

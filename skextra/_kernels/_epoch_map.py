"""A whole epoch of LMS in fixed order as one affine map of the weights."""

from typing import NamedTuple

import numpy as np
from numba import njit


class ComposedEpoch(NamedTuple):
    """One epoch as the affine map ``P w + q``, and the moments that the loss follows from.

    `mean_matrix` and `mean_vector` are the same pair for what averaging adds to the weights,
    `gram` is ``sum_i r_i x x^T`` and `gradient` ``sum_i r_i x (d - x . origin)``. Vectors have a
    row an output; everything is float64.
    """

    matrix: np.ndarray
    vector: np.ndarray
    mean_matrix: np.ndarray
    mean_vector: np.ndarray
    gram: np.ndarray
    gradient: np.ndarray


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def compose_epoch(rows, order, targets, gains, origin, average, composed, first, last, seen):
    """Compose the row updates of an epoch, in float64.

    One row maps the weights to ``w + step x (d - x . w)``: affine in w, so that n of them in a
    row are ``P w + q`` with P = product of ``I - step x x^T``. The matrix of `composed` is the
    unit matrix at first, and all else zero.

    Rows from position `first` up to `last` are taken, after others of total weight `seen`. Return
    that weight with theirs.
    """
    buf, start, stride, p, real_bias = rows
    bias = np.float64(real_bias)
    step, hold, weight, inc, total = gains
    mat, vec, mean_mat, mean_vec, gram, gradient = composed
    n_outputs = targets.shape[1]
    q = p + 1
    x = np.empty(q)
    t = np.empty(q)
    shuffled = order.size > 0
    for position in range(first, last):
        i = order[position] if shuffled else position
        r = i * inc
        o = start + i * stride
        for j in range(p):
            x[j] = buf[o + j]
        x[p] = bias
        seen += weight[r]
        share = (step[r] * (total - seen) + hold[r]) / total
        for b in range(q):
            t[b] = 0.0
        for a in range(q):
            xa = x[a]
            for b in range(q):
                t[b] += xa * mat[a, b]
        for a in range(q):
            ca = step[r] * x[a]
            ga = weight[r] * x[a]
            for b in range(q):
                mat[a, b] -= ca * t[b]
                gram[a, b] += ga * x[b]
        if average:
            for a in range(q):
                ha = share * x[a]
                for b in range(q):
                    mean_mat[a, b] -= ha * t[b]
        for k in range(n_outputs):
            e = np.float64(targets[i, k])
            f = e
            for a in range(q):
                e -= x[a] * vec[k, a]
                f -= x[a] * origin[k, a]
            for a in range(q):
                vec[k, a] += step[r] * e * x[a]
                gradient[k, a] += weight[r] * f * x[a]
                if average:
                    mean_vec[k, a] += share * e * x[a]
    return seen

"""Recursive least squares."""

import numpy as np
from numba import njit

_MOST_FADED = -667.0  # a logarithm
_LARGEST = 1e290
_FULL = 0.95  # share of all the rows that the memory can hold, after three time constants


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def rls_adapt(
    buf,
    start,
    stride,
    targets,
    weight,
    inc,
    forgetting,
    limit,
    least_limit,
    resolution,
    bias,
    w,
    unit,
    diagonal,
    memory,
    outputs,
    path,
):
    """Present every row once; return what limited P: 1 `limit`, 2 rounding of late, 3 both.

    With the row x (the bias input last), its weight r and the forgetting factor lam, the
    information matrix becomes ``lam^r Phi + s x x^T`` with ``s = (1 - lam^r) / (1 - lam)``, which
    for integer r is r presentations of the row. Its inverse P is carried as ``U D U^T`` with U
    unit upper triangular, ``unit[j, i] = U_ij``, and updated by Bierman's recursion, which cannot
    lose positive definiteness however ill-conditioned P gets. O(p^2) a row.

    In directions that no row excites Phi is forgotten, and what is left is the rounding of the
    rows, from which no weight may be learnt. `memory` holds the trace of what the rows have added
    to Phi, as far as it is remembered, and the weight of these rows. Once the memory is full and
    an entry of D has grown beyond `least_limit` and the inverse of `resolution` times that trace,
    a ridge of that size is kept up: after each row Phi gains on one input, all in turn, and the
    weights stay as they are.
    """
    n, n_outputs = targets.shape
    p = w.shape[1] - 1
    q = len(diagonal)
    x = np.empty(q)
    gain = np.empty(q)
    limited = 0
    renewed = -np.inf
    rate = np.log(forgetting)
    for i in range(n):
        o = start + i * stride
        squares = 0.0
        for j in range(p):
            x[j] = buf[o + j]
            squares += x[j] * x[j]
        if q > p:
            x[p] = bias
            squares += bias * bias
        r = weight[i * inc]
        if forgetting == 1.0:
            decay = 1.0
            alpha = 1.0 / r
        else:
            faded = max(r * rate, _MOST_FADED)
            decay = np.exp(faded)
            lost = -np.expm1(faded)
            alpha = decay * (1.0 - forgetting) / lost if lost > 0.0 else _LARGEST
        alpha = min(alpha, _LARGEST)
        memory[0] = decay * (memory[0] + squares / alpha)
        memory[1] = decay * (memory[1] + 1.0 / alpha)
        alpha, largest = _updated(x, alpha, decay, limit, unit, diagonal, gain)
        if largest > limit:
            limited |= 1
        for k in range(n_outputs):
            s = 0.0
            for a in range(q):
                s += w[k, a] * x[a]
            outputs[i, k] = s
            c = (targets[i, k] - s) / alpha
            for a in range(q):
                w[k, a] += c * gain[a]
        ridge = resolution * memory[0]
        full = memory[1] * (1.0 - forgetting) > _FULL
        if full and largest > least_limit and largest * ridge > 1.0:
            renewed = float(i)
            turn = i % q
            for a in range(q):
                x[a] = 0.0
            x[turn] = 1.0
            alpha = 1.0 / (ridge * q * (1.0 - decay))
            _updated(x, alpha, 1.0, limit, unit, diagonal, gain)
        if path.size > 0:
            path[i] = w[:, :]
    # One memory back, or a turn of all inputs: a ridge that is needed is renewed now and then.
    if (n - 1 - renewed) * (1.0 - forgetting) < 1.0 or n - 1 - renewed < q:
        limited |= 2
    return limited


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _updated(x, alpha, decay, limit, unit, diagonal, gain):
    """Add a row of noise `alpha` to P and divide P by `decay`.

    Returned are the variance of the row's error and the largest entry of D before `limit` was
    applied; `gain` becomes the gain of the row times that variance.
    """
    largest = 0.0
    for j in range(len(x)):
        uj = unit[j]
        f = x[j]
        for m in range(j):
            f += uj[m] * x[m]
        dj = diagonal[j]
        g = dj * f
        larger = alpha + f * g
        size = dj * (alpha / larger) / decay
        largest = max(largest, size)
        diagonal[j] = min(size, limit)
        c = -f / alpha
        for m in range(j):
            u = uj[m]
            uj[m] = u + c * gain[m]
            gain[m] += g * u
        gain[j] = g
        alpha = larger
    return alpha, largest

"""Recursive least squares."""

import numpy as np
from numba import njit

_MOST_FADED = -667.0  # a logarithm
_LARGEST = 1e290


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
    bias,
    w,
    unit,
    diagonal,
    outputs,
    path,
):
    """Present every row once; return whether an entry of `diagonal` ran into `limit`.

    With the row x (the bias input last), its weight r and the forgetting factor lam, the
    information matrix becomes ``lam^r Phi + s x x^T`` with ``s = (1 - lam^r) / (1 - lam)``, which
    for integer r is r presentations of the row. Its inverse P is carried as ``U D U^T`` with U
    unit upper triangular, ``unit[j, i] = U_ij``, and updated by Bierman's recursion, which cannot
    lose positive definiteness however ill-conditioned P gets. O(p^2) a row.
    """
    n, n_outputs = targets.shape
    p = w.shape[1] - 1
    q = len(diagonal)
    x = np.empty(q)
    gain = np.empty(q)
    held = False
    rate = np.log(forgetting)
    for i in range(n):
        o = start + i * stride
        for j in range(p):
            x[j] = buf[o + j]
        if q > p:
            x[p] = bias
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
        for j in range(q):
            uj = unit[j]
            f = x[j]
            for m in range(j):
                f += uj[m] * x[m]
            dj = diagonal[j]
            g = dj * f
            larger = alpha + f * g
            size = dj * (alpha / larger) / decay
            if size > limit:
                size = limit
                held = True
            diagonal[j] = size
            c = -f / alpha
            for m in range(j):
                u = uj[m]
                uj[m] = u + c * gain[m]
                gain[m] += g * u
            gain[j] = g
            alpha = larger
        for k in range(n_outputs):
            s = 0.0
            for a in range(q):
                s += w[k, a] * x[a]
            outputs[i, k] = s
            c = (targets[i, k] - s) / alpha
            for a in range(q):
                w[k, a] += c * gain[a]
            if path.size > 0:
                path[i, k, :] = w[k]
    return held

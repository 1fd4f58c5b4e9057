"""Recursive least squares."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def rls_adapt(
    buf, start, stride, targets, weight, inc, forgetting, bias, w, inverse, outputs, path
):
    """Present every row once; update the weights and the inverse correlation in place.

    With the row x (the bias input last), its weight r and the forgetting factor lam, the
    information matrix becomes ``lam^r Phi + s x x^T`` with ``s = (1 - lam^r) / (1 - lam)``, which
    for integer r is r presentations of the row. The matrix inversion lemma turns that into a
    gain ``s P x / (lam^r + s x^T P x)`` and a rank-one downdate of P at O(p^2). Only one
    triangle is computed and then mirrored, so that P stays symmetric to the last bit.
    """
    n, n_outputs = targets.shape
    p = w.shape[1] - 1
    q = p + 1 if bias > 0 else p
    x = np.empty(q, inverse.dtype)
    px = np.empty(q, inverse.dtype)
    for i in range(n):
        o = start + i * stride
        for j in range(p):
            x[j] = buf[o + j]
        if q > p:
            x[p] = bias
        r = weight[i * inc]
        if forgetting == 1.0:
            decay = 1.0
            strength = r
        else:
            decay = forgetting**r
            strength = (1.0 - decay) / (1.0 - forgetting)
        quad = 0.0
        for a in range(q):
            s = 0.0
            for b in range(q):
                s += inverse[a, b] * x[b]
            px[a] = s
            quad += s * x[a]
        scale = strength / (decay + strength * quad)
        for a in range(q):
            g = scale * px[a]
            for b in range(a + 1):
                value = (inverse[a, b] - g * px[b]) / decay
                inverse[a, b] = value
                inverse[b, a] = value
        for k in range(n_outputs):
            s = 0.0
            for a in range(q):
                s += w[k, a] * x[a]
            outputs[i, k] = s
            c = scale * (targets[i, k] - s)
            for a in range(q):
                w[k, a] += c * px[a]
            if path.size > 0:
                path[i, k, :] = w[k]

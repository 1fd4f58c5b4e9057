"""Recursive least squares."""

from typing import NamedTuple

import numpy as np

from skextra._kernels._kernel import kernel

# Numbers are kept between these, so that no product of two of them with entries of P leaves the
# range of float64 (2e-308 to 2e308) and no forgetting is without end; -667 is the log of 1e-290.
_LARGEST, _LEAST, _MOST_FADED = 1e290, 1e-290, -667.0
# Share of all the weight that the memory can hold from which it counts as full: three time
# constants of forgetting, after which 5% of the start is left. Lower sets the ridge on rows that
# may still excite the other directions.
_FULL = 0.95


class Forgetting(NamedTuple):
    """How fast old rows fade, and how large P may grow for it.

    `factor` is the forgetting factor of a row of weight 1, `limit` the largest entry of D and
    `resolution` the share of the information on an input that rounding leaves.
    """

    factor: float
    limit: float
    resolution: float


class InverseFactors(NamedTuple):
    """The inverse correlation matrix as ``U diag(d) U^T``, `unit` being U transposed.

    `memory` holds what is remembered of the rows: for each of the q inputs the sum of squares,
    then the weight of the rows, whose turn it is to have a ridge, and the rows since the last.
    """

    unit: np.ndarray
    diagonal: np.ndarray
    memory: np.ndarray


@kernel(fastmath={"reassoc", "contract", "nsz"})
def rls_adapt(rows, targets, weight, forgetting, inverse, w, outputs, path):
    """Present every row once; return what limited P: 1 `limit`, 2 rounding of late, 3 both.

    With the row x (the bias input last), its weight r and the forgetting factor lam, the
    information matrix becomes ``lam^r Phi + s x x^T`` with ``s = (1 - lam^r) / (1 - lam)``, which
    for integer r is r presentations of the row. Its inverse P is carried as ``U D U^T`` with U
    unit upper triangular, ``unit[j, i] = U_ij``, and updated by Bierman's recursion, which cannot
    lose positive definiteness however ill-conditioned P gets. O(p^2) a row.

    In directions that no row excites Phi is forgotten, until only the rounding errors of the rows
    are left, from which no weight should be learnt. ``memory[:q]`` is the diagonal of what the
    rows have added to Phi, as far as it is remembered, and ``memory[q]`` the weight of these rows.
    Once that is nearly all that can be remembered, and an entry of D has grown beyond the inverse
    of ``q * resolution`` times that of the diagonal, a ridge of that size is kept up: after each
    row Phi gains on one input, in turn, and the weights stay as they are. ``memory[q + 1]`` is the
    input whose turn it is, ``memory[q + 2]`` the number of rows since.
    """
    buf, start, stride, p, bias = rows
    factor, limit, resolution = forgetting
    unit, diagonal, memory = inverse
    n, n_outputs = targets.shape
    q = len(diagonal)
    x = np.empty(q)
    gain = np.empty(q)
    limited = 0
    rate = np.log(factor)
    for i in range(n):
        o = start + i * stride
        r = weight[i]
        if factor == 1.0:
            decay = 1.0
            alpha = 1.0 / r
        else:
            faded = max(r * rate, _MOST_FADED)
            decay = np.exp(faded)
            lost = -np.expm1(faded)
            alpha = decay * (1.0 - factor) / lost if lost > 0.0 else _LARGEST
        alpha = min(alpha, _LARGEST)
        added = decay / alpha
        for j in range(p):
            x[j] = buf[o + j]
            memory[j] = decay * memory[j] + added * x[j] * x[j]
        if q > p:
            x[p] = bias
            memory[p] = decay * memory[p] + added * bias * bias
        memory[q] = decay * memory[q] + added
        alpha, held = _updated(x, alpha, decay, limit, unit, diagonal, gain)
        if held:
            limited |= 1
        for k in range(n_outputs):
            s = 0.0
            for a in range(q):
                s += w[k, a] * x[a]
            outputs[i, k] = s
            c = (targets[i, k] - s) / alpha
            for a in range(q):
                w[k, a] += c * gain[a]
        memory[q + 2] += 1.0
        if memory[q] * (1.0 - factor) > _FULL:
            worst = 0.0
            for j in range(q):
                worst = max(worst, diagonal[j] * memory[j])
            if worst * q * resolution > 1.0:
                turn = int(memory[q + 1])
                memory[q + 1] = (turn + 1) % q
                memory[q + 2] = 0.0
                # In each turn it adds what all of them forget until the next.
                ridge = q * resolution * memory[turn] * q * (1.0 - decay)
                if ridge > _LEAST:
                    for a in range(q):
                        x[a] = 0.0
                    x[turn] = 1.0
                    _updated(x, 1.0 / ridge, 1.0, limit, unit, diagonal, gain)
        if path.size > 0:
            for k in range(n_outputs):
                for a in range(w.shape[1]):
                    path[i, k, a] = w[k, a]
    # Within one memory, or a turn of all inputs: a ridge that is needed is renewed now and then.
    if memory[q + 2] * (1.0 - factor) < 1.0 or memory[q + 2] < q:
        limited |= 2
    return limited


@kernel(fastmath={"reassoc", "contract", "nsz"})
def _updated(x, alpha, decay, limit, unit, diagonal, gain):
    """Add a row of noise `alpha` to P and divide P by `decay`.

    Return the variance of the error of the row and whether an entry of D reached `limit`; `gain`
    becomes the gain of the row times that variance.
    """
    held = False
    for j in range(len(x)):
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
    return alpha, held

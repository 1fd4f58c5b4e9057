"""Signs of the hidden units for many patterns, by matrix products."""

import numpy as np

from skextra._base import frozen
from skextra._common._batches import batches
from skextra._kernels._madaline_signs import settle_signs
from skextra._typing import FloatArray

# Patterns at once: enough for good matrix products, and their sums stay in the cache. With a
# quarter of them 1,000 patterns of few features take 1.5 times as long, with 100 units as long
# (benchmarks/bench_madaline.py times predictions).
_PATTERNS_AT_ONCE = 1000


def hidden_signs(X: FloatArray, coef: FloatArray, intercept: FloatArray) -> FloatArray:
    """Return the outputs of hidden units, +1 or -1, of shape (n, n_units).

    A matrix product rounds a sum in another way if other patterns are beside it. Sums so near to
    zero that this could turn a sign are therefore added up one by one.
    """
    signs = np.empty((len(X), len(intercept)), coef.dtype)
    # Twice the bound on the rounding error of a sum, by the largest input (Higham, Accuracy and
    # Stability of Numerical Algorithms, 2002, section 3.1).
    share = 2.0 * (len(coef) + 2) * np.finfo(coef.dtype).eps
    coef, intercept = frozen(coef), frozen(intercept)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is added up again
        doubts = share * (np.abs(coef).sum(axis=0) + np.abs(intercept))
        for part in batches(len(X), _PATTERNS_AT_ONCE):
            rows, sums = frozen(X[part]), signs[part]
            np.matmul(rows, coef, out=sums)
            largest = max(1.0, rows.max(), -rows.min())
            near = frozen((largest * doubts).astype(coef.dtype))
            settle_signs(rows, coef, intercept, near, sums)
    return signs


def output_sums(
    X: FloatArray, coefs: list[FloatArray], intercepts: list[FloatArray]
) -> FloatArray:
    """Return the linear sums of output units that see the signs of hidden ones, (n, n_outputs)."""
    sums = np.empty((len(X), len(intercepts[1])), coefs[1].dtype)
    for part in batches(len(X), _PATTERNS_AT_ONCE):
        np.matmul(hidden_signs(X[part], coefs[0], intercepts[0]), coefs[1], out=sums[part])
    sums += intercepts[1]
    return sums

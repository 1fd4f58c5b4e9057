"""Signs of the hidden units for many patterns, by matrix products."""

import numpy as np

from skextra._base import frozen
from skextra._common._parts import run_parts
from skextra._common._threads import available_threads
from skextra._kernels._madaline_signs import settle_signs
from skextra._typing import FloatArray

# Sums of hidden units at once: they stay in the cache, and each matrix product is large enough. A
# tenth makes predictions of 16 units a quarter slower, ten times as many those of 100 units
# (benchmarks/bench_madaline.py times predictions).
_SUMS_AT_ONCE = 100_000


class HiddenLayer:
    """The hidden units of a fitted network.

    A matrix product rounds a sum in another way if other patterns are beside it. Sums so near to
    zero that this could turn a sign are therefore added up one by one: the signs of a pattern do
    not depend on the others.

    Parameters
    ----------
    coef : ndarray of shape (n_features, n_units)
        Weights.
    intercept : ndarray of shape (n_units,)
        Bias weights.
    """

    def __init__(self, coef: FloatArray, intercept: FloatArray) -> None:
        self.coef, self.intercept = frozen(coef), frozen(intercept)
        self.patterns_at_once = max(1, _SUMS_AT_ONCE // len(intercept))
        # Twice the bound on the rounding error of a sum, for inputs up to 1 (Higham, Accuracy and
        # Stability of Numerical Algorithms, 2002, section 3.1).
        share = 2.0 * (len(coef) + 2) * np.finfo(coef.dtype).eps
        with np.errstate(over="ignore"):
            self._doubts = share * (np.abs(coef).sum(axis=0) + np.abs(intercept))

    def signs(self, X: FloatArray) -> FloatArray:
        """Return the outputs for some patterns, +1 or -1, of shape (n, n_units)."""
        X = frozen(X)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is in doubt
            sums = X @ self.coef
            largest = max(1.0, X.max(), -X.min())
            doubts = frozen((largest * self._doubts).astype(sums.dtype))
        settle_signs(X, self.coef, self.intercept, doubts, sums)
        return sums


def hidden_signs(X: FloatArray, coef: FloatArray, intercept: FloatArray) -> FloatArray:
    """Return the outputs of hidden units, +1 or -1, of shape (n, n_units)."""
    layer = HiddenLayer(coef, intercept)
    signs = np.empty((len(X), len(intercept)), coef.dtype)

    def task(part):
        signs[part] = layer.signs(X[part])

    run_parts(task, len(X), layer.patterns_at_once, available_threads)
    return signs


def output_sums(
    X: FloatArray, coefs: list[FloatArray], intercepts: list[FloatArray]
) -> FloatArray:
    """Return the linear sums of output units that see the signs of hidden ones, (n, n_outputs)."""
    layer = HiddenLayer(coefs[0], intercepts[0])
    sums = np.empty((len(X), len(intercepts[1])), coefs[1].dtype)

    def task(part):
        np.matmul(layer.signs(X[part]), coefs[1], out=sums[part])
        sums[part] += intercepts[1]

    run_parts(task, len(X), layer.patterns_at_once, available_threads)
    return sums

"""The Wiener solution: least squares in closed form."""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse.linalg import lsmr
from sklearn.exceptions import ConvergenceWarning

from skextra._base import warn_caller
from skextra._typing import FloatArray, FloatMatrix

# Sparse matrices of up to this many entries, zeros included, are solved as dense ones: exactly,
# at the cost of 32 MB and O(n p^2).
_DENSE_ENTRIES = 4_000_000


def wiener_weights(
    X: FloatMatrix, targets: FloatArray, sample_weight: FloatArray | None, fit_intercept: bool
) -> FloatArray:
    """Return the weights of least norm that minimise the weighted squared error.

    The result has shape (n_outputs, n_features + 1), bias last. Its norm includes the bias, as
    does that of the weights which LMS converges to from zero.
    """
    n, p = X.shape
    root = np.ones(n) if sample_weight is None else np.sqrt(sample_weight)
    root = root.astype(X.dtype)[:, None]
    targets = targets * root
    if sparse.issparse(X) and n * (p + 1) <= _DENSE_ENTRIES:
        X = X.toarray()
    if sparse.issparse(X):
        columns = [X.multiply(root), sparse.csr_array(root)] if fit_intercept else [X]
        design = sparse.hstack(columns, format="csr") if fit_intercept else X.multiply(root)
        solution = _iterate(sparse.csr_array(design), targets)
    else:
        design = np.empty((n, p + 1 if fit_intercept else p), X.dtype, order="F")
        np.multiply(X, root, out=design[:, :p])
        if fit_intercept:
            design[:, p:] = root
        solution = linalg.lstsq(design, targets, overwrite_a=True, check_finite=False)[0].T
    weights = np.zeros((targets.shape[1], p + 1), X.dtype)
    weights[:, : design.shape[1]] = solution
    return weights


def _iterate(design: sparse.csr_array, targets: FloatArray) -> NDArray[np.float64]:
    """Solve column by column with LSMR, which converges to the solution of least norm."""
    limit = 10 * max(design.shape)
    solved = []
    for column in targets.T.astype(np.float64):
        solution, reason, steps = lsmr(
            design, column, atol=1e-15, btol=1e-15, conlim=0, maxiter=limit
        )[:3]
        if reason == 7:
            warn_caller(
                f"variant='wiener' on this sparse X stopped after {steps} iterations of LSMR "
                "short of full accuracy; scale the features, for example with MaxAbsScaler.",
                ConvergenceWarning,
            )
        solved.append(solution)
    return np.asarray(solved)

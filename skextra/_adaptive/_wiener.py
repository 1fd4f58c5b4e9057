"""The Wiener solution: least squares in closed form."""

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import lsmr
from sklearn.exceptions import ConvergenceWarning

from skextra._base import warn_caller

# Sparse matrices of up to so many entries, zeros included, are solved as dense ones (32 MB).
_DENSE_ENTRIES = 4_000_000


def wiener_weights(X, targets, sample_weight, fit_intercept):
    """Return the weights of least norm that minimise the weighted squared error.

    The result has shape (n_outputs, n_features + 1), bias last; like the weights that LMS
    tends to from zero, it counts the bias among the weights whose norm is least.
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


def _iterate(design, targets):
    """Solve by LSMR, which from zero tends to the solution of least norm, column by column."""
    limit = 10 * max(design.shape)
    solved = []
    for column in targets.T.astype(np.float64):
        solution, reason, steps = lsmr(
            design, column, atol=1e-15, btol=1e-15, conlim=0, maxiter=limit
        )[:3]
        if reason == 7:
            warn_caller(
                f"variant='wiener' on this sparse X stopped after {steps} iterations of LSMR "
                "short of full accuracy; put the features on one scale, for example with "
                "MaxAbsScaler.",
                ConvergenceWarning,
            )
        solved.append(solution)
    return np.asarray(solved)

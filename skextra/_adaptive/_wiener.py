"""The Wiener solution: least squares in closed form."""

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import lsmr


def wiener_weights(X, targets, sample_weight, fit_intercept):
    """Return the weights of least norm that minimise the weighted squared error.

    The result has shape (n_outputs, n_features + 1), bias last; like the weights that LMS
    tends to from zero, it counts the bias among the weights whose norm is least.
    """
    n, p = X.shape
    root = np.ones(n) if sample_weight is None else np.sqrt(sample_weight)
    root = root.astype(X.dtype)[:, None]
    targets = targets * root
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
    # Columns of unit norm: what LSMR needs is then set by the angles between features alone.
    norms = np.sqrt(np.asarray(design.multiply(design).sum(axis=0), np.float64)).ravel()
    norms[norms == 0] = 1.0
    scaled = design.multiply(1.0 / norms).tocsr()
    limit = 10 * max(design.shape)
    solved = [
        lsmr(scaled, column, atol=1e-15, btol=1e-15, conlim=0, maxiter=limit)[0] / norms
        for column in targets.T.astype(np.float64)
    ]
    return np.asarray(solved)

"""The Gaussian kernel with landmarks as a feature map (Nystroem's method)."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from skextra._base import frozen
from skextra._common._parts import run_parts
from skextra._kernels import _gaussian
from skextra._svm._linear import cholesky, independent, outer_square, solve_upper
from skextra._svm._mapped_rows import ComputedSource, MappedRows, capacity_of
from skextra._svm._parameters import threads_of
from skextra._typing import FloatMatrix

# Rows at once in predictions: enough for good matrix products, few enough for the cache
# (benchmarks/svm_constants.py).
_ROWS_AT_ONCE = 1000
# Rows of a prediction for which distances one by one take less than to prepare a matrix product.
_FEW_ROWS = 8
# Rows at once of a kernel among themselves, whose blocks stay in the cache
# (benchmarks/svm_constants.py).
_GRAM_ROWS = 128
# Squared distance, in feature space, that a landmark must have from the span of the others in
# float64: LAPACK's own, the number of landmarks times the rounding error.
RANK_FLOAT64 = -1


@dataclass(frozen=True, eq=False)
class LandmarkMap:
    """The kernel with landmarks, whitened so that products of features are Nystroem's kernel.

    Attributes
    ----------
    landmarks : {ndarray, CSR array} of shape (p, d)
        The landmarks.
    gamma : float
        Inverse squared width.
    dtype : dtype
        Precision of the kernel in a search at scale and in predictions.
    n_jobs : int or None
        Threads, as of the estimator.
    factor : ndarray of shape (p, p) or None
        Upper triangular R with ``R.T @ R`` the kernel of the landmarks. Known in a fit; a fitted
        estimator does not keep it, as it is as large as the square of `p`.
    numbers : ndarray of shape (p,) or None
        In a fit: their numbers among the candidates for landmarks.
    samples : {ndarray, CSR array} or None
        In a fit: samples that are the candidates, all of which have become landmarks.
    weights : ndarray of shape (p, k) or None
        In a fitted estimator or pilot: the planes as weights of the kernel.
    is_independent : bool
        Whether no landmark is known to depend on others. Else the features of those that do, to
        numerical precision, are zero.
    """

    landmarks: FloatMatrix
    gamma: float
    dtype: np.dtype[Any]
    n_jobs: int | None
    factor: NDArray[np.float64] | None = None
    numbers: NDArray[np.intp] | None = None
    samples: FloatMatrix | None = None
    weights: NDArray[np.float64] | None = None
    is_independent: bool = True

    is_sparse = False

    @classmethod
    def of(cls, candidates, gamma, dtype, n_jobs, tolerance=None):
        """Return the map of those candidates that are numerically independent.

        A landmark must have a squared distance, in feature space, of at least `tolerance` from
        the span of the others; with None all are known to be independent.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            gram = LandmarkKernel(candidates, gamma, np.float64).block(candidates)
        _check_range(gram, gamma)
        if tolerance is None:
            numbers, factor = np.arange(len(gram)), cholesky(gram.copy())
            return cls(candidates, gamma, dtype, n_jobs, factor, numbers, candidates)
        numbers, factor = independent(gram, tolerance)
        samples = candidates if len(numbers) == len(gram) else None
        return cls(candidates[numbers], gamma, dtype, n_jobs, factor, numbers, samples)

    @property
    def n_features_out(self):
        """Number of features."""
        return self.landmarks.shape[0]

    def transform(self, X):
        """Return the features of X, (n, p)."""
        kernel = LandmarkKernel(self.landmarks, self.gamma, np.float64)
        numbers, factor = self._basis(kernel.block(self.landmarks))
        if numbers is None:
            return self._in_parts(X, lambda rows: kernel.whitened(rows, factor))

        def features(rows):
            columns = kernel.block(rows)
            out = np.zeros_like(columns)
            out[:, numbers] = solve_upper(factor, columns[:, numbers].T, transposed=True).T
            return out

        return self._in_parts(X, features)

    def coef(self):
        """Return the planes as weights of the features, (p, k), for those of the kernel."""
        gram = LandmarkKernel(self.landmarks, self.gamma, np.float64).block(self.landmarks)
        numbers, factor = self._basis(gram)
        if numbers is None:
            return factor @ self.weights
        coef = np.zeros(self.weights.shape)
        values = (gram @ self.weights)[numbers]
        coef[numbers] = solve_upper(factor, values, transposed=True)
        return coef

    def _basis(self, gram):
        """Return (landmarks that the others depend on, or None for all; the factor of these)."""
        try:
            return None, linalg.cholesky(gram, check_finite=False)
        except linalg.LinAlgError:
            if self.is_independent:
                raise
            return independent(gram, RANK_FLOAT64)

    def decisions(self, X):
        """Return the decision values of all problems without the intercepts, (n, k)."""
        if X.shape[0] <= _FEW_ROWS and X.dtype == self.landmarks.dtype and not (
            sparse.issparse(X) or sparse.issparse(self.landmarks)
        ):  # fmt: skip
            out = np.empty((X.shape[0], self.weights.shape[1]))
            _gaussian.decide(frozen(X), frozen(self.landmarks), self.gamma, self.weights, out)
            return out
        kernel = LandmarkKernel(self.landmarks, self.gamma, self.dtype)
        weights = self.weights.astype(self.dtype)
        return self._in_parts(X, lambda rows: kernel.block(rows) @ weights)

    def features(self, X, numbers=None):
        """Return the features of the samples of a fit, in float64."""
        if X is self.samples:
            own = np.empty(self.factor.shape)
            own[self.numbers] = self.factor.T
            return own
        kernel = LandmarkKernel(self.landmarks, self.gamma, np.float64)
        return kernel.whitened(X, self.factor)

    def rows(self, X, numbers, memory_limit, random_state):
        """Return the samples of a fit as MappedRows, whose columns are the kernel."""
        kernel = LandmarkKernel(self.landmarks, self.gamma, self.dtype)
        p = self.n_features_out
        source = ComputedSource(
            lambda rows, out=None: kernel.block(X[rows], out),
            X.shape[0], p, self.dtype, capacity_of(memory_limit, X.shape[0], p, self.dtype),
        )  # fmt: skip
        return MappedRows(source, self.factor, self.mean, threads_of(self.n_jobs))

    @property
    def mean(self):
        """Mean of the kernel's columns over the landmarks, (p,)."""
        return self.factor.T @ self.factor.mean(axis=1)

    def second_moment(self):
        """Return the mean square of the landmarks' own features, centred."""
        count = len(self.factor)
        centre = self.factor.mean(axis=1)
        return outer_square(self.factor) / count - np.outer(centre, centre)

    def column_weights(self, coef):
        """Return weights of the kernel's columns for weights of the features."""
        return solve_upper(self.factor, coef)

    def coef_through(self, values):
        """Return weights of the features for the function through these values at the landmarks.

        It is the one of least norm: the projection of any function that has these values.
        """
        return solve_upper(self.factor, values, transposed=True)

    def centred_weights(self, coef, intercepts):
        """Return weights of the centred features, intercepts last, for those of the features."""
        return np.vstack((coef, intercepts + self.mean @ self.column_weights(coef)))

    def in_float64(self):
        """Return the same map with a kernel in float64."""
        return replace(self, dtype=np.dtype(np.float64))

    def attributes(self, planes):
        """Return the fitted attributes that the map and the planes are restored from."""
        return {
            "landmarks_": self.landmarks,
            "feature_map_": None,
            "_precision": self.dtype.name,
            "_kernel_weights": planes.weights,
            "_has_independent": self.is_independent,
        }

    def names(self, input_names):
        """Return the names of the features."""
        return np.array([f"rbf{i}" for i in range(self.n_features_out)], dtype=object)

    def _in_parts(self, X, function):
        """Return function(rows) of some rows after the other, on all threads."""
        n = X.shape[0]
        if n <= _ROWS_AT_ONCE:
            return function(X)
        done = run_parts(
            lambda part: function(X[part]), n, _ROWS_AT_ONCE, lambda: threads_of(self.n_jobs)
        )
        return np.concatenate(done)


def kernel_among(rows, gamma):
    """Return the kernel of rows among themselves, (n, n); raise ValueError beyond float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        kernel = LandmarkKernel(rows, gamma, np.float64)
        gram = kernel.block(rows) if sparse.issparse(rows) else kernel.symmetric()
    _check_range(gram, gamma)
    return gram


def _check_range(gram, gamma):
    if not (np.diagonal(gram) > 0.5).all():  # as each is at distance 0 from itself
        raise ValueError(
            f"Distances of samples times gamma={gamma:.3g} are beyond the range of float64: "
            "put X on one scale first, for example with StandardScaler."
        )


class LandmarkKernel:
    """exp(-gamma |x - l|^2) for landmarks l, by one matrix product a block.

    Parameters
    ----------
    landmarks : {ndarray, CSR array} of shape (m, d)
        The landmarks.
    gamma : float
        Inverse squared width.
    dtype : dtype
        Precision of the blocks.
    """

    def __init__(self, landmarks, gamma, dtype):
        self.dtype = np.dtype(dtype)
        self.scale = np.sqrt(2.0 * gamma)
        self.centre = None
        if sparse.issparse(landmarks):
            scaled = landmarks.astype(np.float64) * self.scale
            squares = np.asarray(scaled.multiply(scaled).sum(axis=1)).ravel()
            self.columns = scaled.astype(self.dtype).T.tocsr()
        else:
            self.centre = landmarks.mean(axis=0, dtype=np.float64)
            scaled = (landmarks - self.centre) * self.scale
            squares = np.einsum("ij,ij->i", scaled, scaled)
            self.columns = np.ascontiguousarray(scaled.T, dtype=self.dtype)
        self.halves = (0.5 * squares).astype(self.dtype)
        self.shape = landmarks.shape

    def block(self, X, out=None):
        """Return the kernel of the rows of X with all landmarks, (n, m)."""
        if self.centre is None and not sparse.issparse(X):
            X = sparse.csr_array(X)
        elif self.centre is not None and sparse.issparse(X):
            X = X.toarray()
        if self.centre is None:
            rows = X.astype(self.dtype) * self.dtype.type(self.scale)
            squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
            exponents = rows @ self.columns
            exponents = exponents.toarray() if sparse.issparse(exponents) else exponents
            if out is not None:
                out[:] = exponents
                exponents = out
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                rows = np.multiply(X - self.centre, self.scale).astype(self.dtype, copy=False)
                squares = np.einsum("ij,ij->i", rows, rows)
                exponents = np.dot(rows, self.columns, out=out)
        far = ~np.isfinite(squares)
        squares *= self.dtype.type(0.5)
        with np.errstate(invalid="ignore"):
            exponents -= squares[:, None]
        exponents -= self.halves
        if far.any():  # squared distances overflow: the kernel is zero
            exponents[far] = -np.inf
        np.minimum(exponents, 0, out=exponents)
        return np.exp(exponents, out=exponents)

    def symmetric(self):
        """Return the kernel of dense landmarks among themselves: half of it, and its mirror."""
        m = self.shape[0]
        gram = np.empty((m, m), self.dtype)
        rows = np.ascontiguousarray(self.columns.T)
        for start in range(0, m, _GRAM_ROWS):
            stop = min(start + _GRAM_ROWS, m)
            block = np.dot(rows[start:stop], self.columns[:, start:])
            block -= self.halves[start:stop, None]
            block -= self.halves[start:]
            np.minimum(block, 0, out=block)
            np.exp(block, out=block)
            gram[start:stop, start:] = block
            gram[stop:, start:stop] = block[:, stop - start :].T
        return gram

    def whitened(self, X, factor):
        """Return block(X) @ inv(factor)."""
        return solve_upper(factor, self.block(X).T, transposed=True).T

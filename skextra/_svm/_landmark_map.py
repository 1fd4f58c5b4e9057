"""A kernel with landmarks as a feature map (Nystroem's method)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from skextra._common._parts import run_parts
from skextra._svm._linear import absolute, cholesky, independent, outer_square, solve_upper
from skextra._svm._mapped_rows import ArraySource, ComputedSource, MappedRows, capacity_of
from skextra._svm._parameters import threads_of
from skextra._typing import FloatMatrix

if TYPE_CHECKING:
    from skextra._svm._landmark_kernels import Kernel

# Errors of a kernel, as a share of its largest value, that may be due to rounding in float32.
# Beyond, it is not positive semidefinite.
MOST_ROUNDING = 1e-5
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
    """A kernel with landmarks, whitened so that products of features are Nystroem's kernel.

    Attributes
    ----------
    landmarks : {ndarray, CSR array} of shape (p, d) or ndarray of shape (p,)
        The landmarks: samples, or what else the kernel takes.
    kernel : Kernel
        The kernel.
    dtype : dtype
        Precision of the kernel in a search at scale and in predictions.
    n_jobs : int or None
        Threads, as of the estimator.
    factor : ndarray of shape (p, p) or None
        Upper triangular R with ``R.T @ R`` the kernel of the landmarks. Known in a fit; a fitted
        estimator keeps it only if it cannot be computed again, as it is as large as the square of
        `p`.
    numbers : ndarray of shape (p,) or None
        In a fit: their numbers among the candidates for landmarks.
    samples : {ndarray, CSR array} or None
        In a fit: samples that have all become landmarks.
    weights : ndarray of shape (p, k) or None
        In a fitted estimator or pilot: the planes as weights of the kernel.
    is_independent : bool
        Whether no landmark is known to depend on others. Else the features of those that do, to
        numerical precision, are zero.
    error : float
        In a fit: size of the errors of the kernel, as a share of its largest value.
    """

    landmarks: FloatMatrix
    kernel: Kernel
    dtype: np.dtype[Any]
    n_jobs: int | None
    factor: NDArray[np.float64] | None = None
    numbers: NDArray[np.intp] | None = None
    samples: FloatMatrix | None = None
    weights: NDArray[np.float64] | None = None
    is_independent: bool = True
    error: float = 0.0

    is_sparse = False

    @classmethod
    def of(cls, kernel, candidates, dtype, n_jobs, tolerance=None, samples=None):
        """Return the map of those candidates that are numerically independent.

        A landmark must have a squared distance, in feature space, of at least `tolerance` times
        the largest value of the kernel from the span of the others, or more if the kernel has
        larger errors; with None all are known to be independent. `samples` are those of the fit if
        they are all candidates, in order.
        """
        gram, error = kernel.among(candidates)
        if error > MOST_ROUNDING:
            gram, samples = absolute(gram), None
        elif tolerance is not None:
            tolerance = max(tolerance, error)
        if tolerance is None:
            numbers, factor, landmarks = np.arange(len(gram)), cholesky(gram.copy()), candidates
        else:
            numbers, factor = independent(gram, tolerance)
            landmarks = candidates[numbers]
        samples = samples if len(numbers) == len(gram) else None
        return cls(landmarks, kernel, dtype, n_jobs, factor, numbers, samples, error=error)

    @property
    def is_indefinite(self):
        """Whether the kernel is not positive semidefinite.

        The features are then made with the absolute values of its eigenvalues.
        """
        return self.error > MOST_ROUNDING

    @property
    def n_features_out(self):
        """Number of features."""
        return self.landmarks.shape[0]

    @property
    def threads(self):
        """Number of threads that may compute the kernel."""
        return threads_of(self.n_jobs) if self.kernel.is_shared else 1

    def transform(self, X):
        """Return the features of X, (n, p)."""
        columns = self.kernel.columns(self.landmarks, np.float64)
        numbers, factor = (None, self.factor) if self.factor is not None else self._basis()
        if numbers is None:
            return self._in_parts(X, lambda rows: _whitened(columns(rows), factor))

        def features(rows):
            block = columns(rows)
            out = np.zeros_like(block)
            out[:, numbers] = _whitened(block[:, numbers], factor)
            return out

        return self._in_parts(X, features)

    def coef(self):
        """Return the planes as weights of the features, (p, k), for those of the kernel."""
        numbers, factor = self._basis()
        if numbers is None:
            return factor @ self.weights
        gram = self.kernel.columns(self.landmarks, np.float64)(self.landmarks)
        coef = np.zeros(self.weights.shape)
        values = (gram @ self.weights)[numbers]
        coef[numbers] = solve_upper(factor, values, transposed=True)
        return coef

    def _basis(self):
        """Return (landmarks that the others depend on, or None for all; the factor of these)."""
        gram = self.kernel.columns(self.landmarks, np.float64)(self.landmarks)
        try:
            return None, linalg.cholesky(gram, check_finite=False)
        except linalg.LinAlgError:
            if self.is_independent:
                raise
            return independent(gram, RANK_FLOAT64)

    def decisions(self, X):
        """Return the decision values of all problems without the intercepts, (n, k)."""
        if X.shape[0] <= _FEW_ROWS:
            decisions = self.kernel.decisions_of_few(X, self.landmarks, self.weights)
            if decisions is not None:
                return decisions
        columns = self.kernel.columns(self.landmarks, self.dtype)
        weights = self.weights.astype(self.dtype)
        return self._in_parts(X, lambda rows: columns(rows) @ weights)

    def features(self, X, numbers=None):
        """Return the features of the samples of a fit, in float64."""
        if X is self.samples:
            own = np.empty(self.factor.shape)
            own[self.numbers] = self.factor.T
            return own
        return _whitened(self.kernel.columns(self.landmarks, np.float64)(X), self.factor)

    def rows(self, X, numbers, memory_limit, random_state):
        """Return the samples of a fit as MappedRows, whose columns are the kernel."""
        columns = self.kernel.columns(self.landmarks, self.dtype)
        n, p = X.shape[0], self.n_features_out
        capacity = capacity_of(memory_limit, n, p, self.dtype)
        if not self.kernel.is_shared and capacity == n:
            # Computed on one thread, so that all threads can work with it.
            source, threads = ArraySource(columns(X)), threads_of(self.n_jobs)
        else:
            source = ComputedSource(
                lambda rows, out=None: columns(X[rows], out), n, p, self.dtype, capacity
            )
            threads = self.threads
        return MappedRows(source, self.factor, self.mean, threads)

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
        attributes = {
            "landmarks_": self.landmarks,
            "feature_map_": None,
            "_precision": self.dtype.name,
            "_kernel_weights": np.ascontiguousarray(planes.weights),
            "_has_independent": self.is_independent,
        }
        if self.kernel.keeps_factor or self.is_indefinite:
            attributes["_landmark_factor"] = self.factor
        return attributes

    def names(self, input_names):
        """Return the names of the features."""
        names = [f"{self.kernel.name}{i}" for i in range(self.n_features_out)]
        return np.array(names, dtype=object)

    def _in_parts(self, X, function):
        """Return function(rows) of some rows after the other, on all threads."""
        n = X.shape[0]
        if n <= _ROWS_AT_ONCE:
            return function(X)
        done = run_parts(lambda part: function(X[part]), n, _ROWS_AT_ONCE, lambda: self.threads)
        return np.concatenate(done)


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


def _whitened(block, factor):
    """Return block @ inv(factor)."""
    return solve_upper(factor, block.T, transposed=True).T

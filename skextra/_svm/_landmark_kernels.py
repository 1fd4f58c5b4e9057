"""Kernels that a landmark map can have: the Gaussian, any function of two arrays, a matrix."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import linalg, sparse
from sklearn.metrics.pairwise import pairwise_kernels

from skextra._base import frozen
from skextra._common._batches import batches
from skextra._kernels import _gaussian
from skextra._svm._explicit_maps import check_not_negative, real_numbers
from skextra._svm._landmark_map import MOST_ROUNDING, RANK_FLOAT64, LandmarkKernel
from skextra._svm._parameters import NOT_NEGATIVE, USE_GAMMA, kind_of
from skextra._typing import FloatArray, FloatMatrix

# Rows at once that a function is called with: enough for good matrix products, and few enough
# that what the function makes of them takes little memory beside the samples.
_ROWS_AT_ONCE = 1000
# Rounding errors, as shares of the largest value of a kernel, that may have made eigenvalues
# negative: of float64, of float64 after a cancellation, and of float32.
_ROUNDING = (1e-12, 1e-8, MOST_ROUNDING)
# float32 squared distances are accurate to about 1e-7 of the squared norms: up to this exponent
# the kernel keeps three digits where it is not zero.
_LARGEST_FLOAT32_EXPONENT = 5e3


class Kernel(ABC):
    """A kernel between samples and landmarks, which should be positive semidefinite.

    Attributes
    ----------
    name : str
        What the features are called, before a number.
    parameter, remedy : str
        For messages on kernels of the user: what was passed, and what to do if it is not positive
        semidefinite.
    is_shared : bool
        Whether several threads may compute blocks at once.
    keeps_factor : bool
        Whether a fitted estimator has to keep the factor of the landmarks' kernel, as later rows
        do not tell it.
    """

    name: str
    parameter = remedy = ""
    is_shared = True
    keeps_factor = False

    def landmarks(self, X: FloatMatrix, numbers: NDArray[np.intp] | None) -> FloatMatrix:
        """Return what stands for some of the samples X of a fit as landmarks; None for all."""
        return X if numbers is None else X[numbers]

    @abstractmethod
    def columns(self, landmarks: FloatMatrix, dtype: DTypeLike) -> Callable[..., FloatArray]:
        """Return a function of rows of X that returns their kernel with the landmarks, (n, m).

        A second argument may be the array to write to.
        """

    @abstractmethod
    def among(self, landmarks: FloatMatrix) -> tuple[NDArray[np.float64], float]:
        """Return (the kernel of the landmarks, the size of the errors in it).

        The second is a share of its largest value; negative if it is float64's rounding only.
        Beyond `MOST_ROUNDING` the kernel is not positive semidefinite.
        """

    def decisions_of_few(
        self, X: FloatMatrix, landmarks: FloatMatrix, weights: FloatArray
    ) -> FloatArray | None:
        """Return the decision values of few rows, if there is a way that takes less for these."""
        return None

    @abstractmethod
    def diagonal(self, X: FloatMatrix, numbers: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the kernel of some of the samples X of a fit, each with itself."""

    def needs_float64(self, landmarks: FloatMatrix) -> bool:
        """Return whether float32 is known to be too coarse."""
        return False


class GaussianKernel(Kernel):
    """exp(-gamma |x - z|^2)."""

    name = "rbf"

    def __init__(self, gamma):
        self.gamma = gamma

    def columns(self, landmarks, dtype):
        """Return the function of rows that returns their kernel with the landmarks."""
        return LandmarkKernel(landmarks, self.gamma, dtype).block

    def among(self, landmarks):
        """Return (the kernel of the landmarks, the size of the errors in it)."""
        with np.errstate(over="ignore", invalid="ignore"):
            kernel = LandmarkKernel(landmarks, self.gamma, np.float64)
            gram = kernel.block(landmarks) if sparse.issparse(landmarks) else kernel.symmetric()
        if not (np.diagonal(gram) > 0.5).all():  # as each is at distance 0 from itself
            raise ValueError(
                f"Distances of samples times gamma={self.gamma:.3g} are beyond the range of "
                "float64: put X on one scale first, for example with StandardScaler."
            )
        return gram, RANK_FLOAT64

    def decisions_of_few(self, X, landmarks, weights):
        """Return the decision values of few rows, distance by distance."""
        if sparse.issparse(X) or sparse.issparse(landmarks) or X.dtype != landmarks.dtype:
            return None
        decisions = np.empty((X.shape[0], weights.shape[1]))
        _gaussian.decide(frozen(X), frozen(landmarks), self.gamma, frozen(weights), decisions)
        return decisions

    def diagonal(self, X, numbers):
        """Return ones, the kernel of samples with themselves."""
        return np.ones(len(numbers))

    def needs_float64(self, landmarks):
        """Return whether distances are too large for the precision of float32."""
        if sparse.issparse(landmarks):
            squares = np.asarray(landmarks.multiply(landmarks).sum(axis=1)).ravel()
        else:
            centred = landmarks - landmarks.mean(axis=0, dtype=np.float64)
            squares = np.einsum("ij,ij->i", centred, centred)
        return self.gamma * squares.max() > _LARGEST_FLOAT32_EXPONENT


class FunctionKernel(Kernel):
    """A function of two arrays of rows.

    Parameters
    ----------
    function : callable
        Maps arrays, (n, d) and (m, d), to an array (n, m). It may not be safe on several threads.
    name : str
        What the features are called.
    parameter : str
        What the user passed, for messages.
    advice : str
        What messages say on how to write a function.
    """

    is_shared = False
    remedy = (
        "Use a kernel that is, or remove the negative eigenvalues from the matrix of all samples "
        "(numpy.linalg.eigh) and pass that with feature_map='precomputed'."
    )

    def __init__(self, function, name, parameter, advice):
        self.function = function
        self.name = name
        self.parameter = parameter
        self.advice = advice

    def columns(self, landmarks, dtype):
        """Return the function of rows that returns their kernel with the landmarks."""
        return partial(self._block, landmarks, dtype)

    def among(self, landmarks):
        """Return (the kernel of the landmarks, the size of the errors in it)."""
        gram = self._block(landmarks, np.float64, landmarks)
        return gram, error_of(gram, self.parameter)

    def diagonal(self, X, numbers):
        """Return the kernel of some of the samples X of a fit, each with itself."""
        return np.diagonal(self._block(X[numbers], np.float64, X[numbers]))

    def _block(self, landmarks, dtype, X, out=None):
        if sparse.issparse(landmarks) != sparse.issparse(X):
            X = sparse.csr_array(X) if sparse.issparse(landmarks) else X.toarray()
        out = np.empty((X.shape[0], landmarks.shape[0]), dtype) if out is None else out
        for part in batches(X.shape[0], _ROWS_AT_ONCE):
            out[part] = in_precision(self._call(X[part], landmarks), dtype, self.parameter)
        return out

    def _call(self, X, landmarks):
        """Return the kernel of the rows of X; raise ValueError if the function is unfit."""
        try:
            block = self.function(_copy(X), _copy(landmarks))
        except Exception as error:
            raise ValueError(
                f"{self.parameter} raised {type(error).__name__}: {error}{self.advice}"
            ) from error
        block = block.toarray() if sparse.issparse(block) else block
        expected = X.shape[0], landmarks.shape[0]
        if np.shape(block) != expected:
            raise ValueError(
                f"{self.parameter} returned an array of shape {np.shape(block)} for arrays of "
                f"shape {X.shape} and {landmarks.shape}; it must be {expected}{self.advice}"
            )
        block = real_numbers(block, self.parameter)
        if not np.isfinite(block).all():
            raise ValueError(
                f"{self.parameter} returned NaN or infinity; it must be finite wherever samples "
                "may lie."
            )
        return block


class PrecomputedKernel(Kernel):
    """A kernel that has been computed: rows of X hold it for all samples of the fit in order.

    Landmarks are column numbers.

    Parameters
    ----------
    X : ndarray of shape (n, n_passed) or None
        In a fit: rows of the matrix.
    rows : ndarray of shape (n,) or None
        In a fit: which rows of the matrix these are, unless they are all, in order.
    """

    name = "precomputed"
    parameter = "feature_map='precomputed': X"
    remedy = (
        "Remove its negative eigenvalues (numpy.linalg.eigh); a matrix of distances becomes a "
        "kernel as numpy.exp(-X)."
    )
    keeps_factor = True

    def __init__(self, X=None, rows=None):
        self._X = X
        self._rows = rows

    def landmarks(self, X, numbers):
        """Return the columns of some rows of X; of all for None."""
        rows = np.arange(X.shape[0]) if self._rows is None else self._rows
        return rows if numbers is None else rows[numbers]

    def columns(self, landmarks, dtype):
        """Return the function of rows that returns their kernel with the landmarks."""

        def block(X, out=None):
            values = in_precision(X.take(landmarks, axis=1), dtype, self.parameter)
            if out is None:
                return values
            out[:] = values
            return out

        return block

    def among(self, landmarks):
        """Return (the kernel of the landmarks, the size of the errors in it)."""
        places = landmarks
        if self._rows is not None:
            places = np.empty(self._X.shape[1], np.intp)
            places[self._rows] = np.arange(len(self._rows))
            places = places[landmarks]
        gram = self._X[np.ix_(places, landmarks)].astype(np.float64)
        return gram, error_of(gram, self.parameter)

    def diagonal(self, X, numbers):
        """Return the kernel of some of the samples X of a fit, each with itself."""
        return X[numbers, self.landmarks(X, numbers)].astype(np.float64)


def landmark_kernel(parameters: dict[str, Any], gamma: float | None, task: Any = None) -> Kernel:
    """Return the kernel that the parameters of FeatureMapSVM stand for.

    A task is needed in a fit only.
    """
    if kind_of(parameters["feature_map"]) == "precomputed":
        return PrecomputedKernel() if task is None else PrecomputedKernel(task.X, task.rows)
    kernel = parameters["kernel"]
    if kernel is None or kernel == "rbf":
        return GaussianKernel(gamma)
    if isinstance(kernel, str):
        values = {"degree": parameters["degree"], "coef0": parameters["coef0"]}
        if kernel in USE_GAMMA:
            values["gamma"] = gamma
        if task is not None and kernel in NOT_NEGATIVE:
            check_not_negative(task.X, f"kernel={kernel!r}")
        function = partial(pairwise_kernels, metric=kernel, filter_params=True, **values)
        return FunctionKernel(function, kernel, f"kernel={kernel!r}", "")
    return FunctionKernel(kernel, "kernel", f"kernel={kernel!r}", _TWO_ARRAYS)


def error_of(gram: NDArray[np.float64], parameter: str) -> float:
    """Return the size of the errors in a kernel matrix, as a share of its largest value.

    It is the least of some sizes that explains the negative eigenvalues. Landmarks that are nearer
    to the span of the others than that cannot be told from these. Raise ValueError if the matrix
    is none of a kernel at all; `parameter` is for the message.
    """
    scale = np.diagonal(gram).max()
    if scale <= 0:
        raise ValueError(
            f"{parameter} is {scale:.3g} or less between each landmark and itself, which no "
            "kernel is; distances become a kernel as numpy.exp(-distances)."
        )
    apart = np.abs(gram - gram.T).max()
    if apart > MOST_ROUNDING * np.abs(gram).max():
        raise ValueError(
            f"{parameter} is not symmetric: k(a, b) and k(b, a) differ by up to {apart:.3g}. Use "
            "a kernel, which is symmetric, or the mean of the two."
        )
    for share in _ROUNDING:
        shifted = gram.copy()
        np.einsum("ii->i", shifted)[...] += share * scale
        if not linalg.lapack.dpotrf(shifted.T, overwrite_a=True, clean=False)[1]:
            return share
    (lowest,) = linalg.eigvalsh(gram, subset_by_index=[0, 0])
    return -lowest / scale


def in_precision(values: FloatArray, dtype: DTypeLike, parameter: str) -> FloatArray:
    """Return finite values of a kernel in a precision; raise ValueError if that is too short."""
    with np.errstate(over="ignore"):
        result = values.astype(dtype, copy=False)
    if result.dtype.itemsize < values.dtype.itemsize and not np.isfinite(result).all():
        raise ValueError(
            f"{parameter} has values up to {np.abs(values).max():.3g}, beyond the range of "
            f"{result.dtype}, in which large fits compute; divide the kernel by a number, and "
            "multiply C by it."
        )
    return result


def _copy(X):
    """Return a copy, which a function may write to, with short indices if they suffice.

    scikit-learn's chi2_kernel takes no read-only array, and its laplacian_kernel no long indices.
    """
    X = X.copy()
    if sparse.issparse(X) and max(X.nnz, *X.shape) <= np.iinfo(np.int32).max:
        X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X


_TWO_ARRAYS = (
    ". It is given two arrays of samples, (n, d) and (m, d), and returns (n, m): such as "
    "`lambda A, B: (A @ B.T + 1) ** 2`; a function of two samples becomes "
    "`lambda A, B: sklearn.metrics.pairwise.pairwise_kernels(A, B, metric=two_samples)`."
)

"""What the parameters of FeatureMapSVM may be, and what values they stand for."""

import numbers
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import get_tags

from skextra._common._classes import streamable
from skextra._common._threads import available_threads, cpu_count

_NAMES = ("rbf", "precomputed", "fourier", "poly", "identity", "chi2", "spline")
# The kinds of maps that are kernels with landmarks.
LANDMARK_MAPS = ("rbf", "precomputed")
# scikit-learn's kernels, those of them that gamma is a parameter of, and those that need values of
# 0 or more. The others are not positive semidefinite on any data.
_KERNELS = ("rbf", "laplacian", "chi2", "linear", "poly", "polynomial", "sigmoid", "cosine")
USE_GAMMA = ("rbf", "laplacian", "chi2", "poly", "polynomial", "sigmoid")
NOT_NEGATIVE = ("chi2",)


class Transformer(Protocol):
    """A transformer, before it is fitted."""

    def fit(self, X: Any, y: Any = None) -> Any: ...
    def transform(self, X: Any) -> Any: ...


FeatureMap: TypeAlias = (
    Literal["rbf", "precomputed", "fourier", "poly", "identity", "chi2", "spline"]
    | Transformer
    | Callable[[Any], Any]
)
Kind: TypeAlias = Literal[
    "rbf",
    "precomputed",
    "fourier",
    "poly",
    "identity",
    "chi2",
    "spline",
    "transformer",
    "function",
]
KernelName: TypeAlias = Literal[
    "rbf", "laplacian", "chi2", "linear", "poly", "polynomial", "sigmoid", "cosine"
]
KernelFunction: TypeAlias = Callable[[Any, Any], Any]


def check(svm):
    """Raise ValueError or TypeError for the first parameter that is invalid."""
    kind = kind_of(svm.feature_map)
    _check_kernel(svm, kind)
    svm._check_option("loss", ("squared_hinge", "hinge"))
    svm._check_option("multi_class", ("ovr", "ovo"))
    _check_positive(svm, "C", infinite=True)
    if isinstance(svm.gamma, str):
        svm._check_option("gamma", ("scale", "auto"))
    else:
        _check_positive(svm, "gamma")
    if isinstance(svm.n_components, str):
        svm._check_option("n_components", ("auto",))
    else:
        svm._check_number("n_components", low=1, integer=True)
    _check_landmarks(svm, kind)
    svm._check_number("degree", low=1, integer=True)
    svm._check_number("coef0", low=0)
    svm._check_number("tol", low=0)
    svm._check_number("max_iter", low=1, integer=True)
    _check_positive(svm, "memory_limit")
    svm._check_flag("store_support")
    if svm.n_jobs is not None:
        svm._check_number("n_jobs", low=-1, integer=True)
        if svm.n_jobs == 0:
            raise ValueError("n_jobs=0 must be None, -1 for all cores, or 1 or more.")


def _check_kernel(svm, kind):
    kernel = svm.kernel
    if kernel is None:
        return
    if isinstance(kernel, str) and kernel == "precomputed":
        raise ValueError("kernel='precomputed' is written feature_map='precomputed' here.")
    is_name = isinstance(kernel, str) and kernel in _KERNELS
    if not is_name and (not callable(kernel) or isinstance(kernel, type)):
        names = ", ".join(repr(name) for name in _KERNELS)
        raise ValueError(
            f"kernel={kernel!r} is none of {names}, nor a function, or an instance that can be "
            "called like one, that maps arrays (n, d) and (m, d) to an array (n, m)."
        )
    if kind != "rbf":
        raise ValueError(
            f"kernel={kernel!r} takes the place of the Gaussian kernel of feature_map='rbf', but "
            f"feature_map={svm.feature_map!r}; set one of the two only."
        )


def _check_landmarks(svm, kind):
    landmarks = svm.landmarks
    is_array = sparse.issparse(landmarks) or hasattr(landmarks, "__len__")
    if isinstance(landmarks, str) or not is_array:
        svm._check_option("landmarks", ("margin", "uniform", "kmeans"))
    if kind == "precomputed" and not (isinstance(landmarks, str) and landmarks != "kmeans"):
        raise ValueError(
            f"landmarks={landmarks!r} needs samples, of which feature_map='precomputed' has only "
            "the kernel; use landmarks='margin' or 'uniform'."
        )


def _check_positive(svm, name, infinite=False):
    value = getattr(svm, name)
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a positive number, got {value!r}.")
    if not value > 0 or (np.isinf(value) and not infinite):
        remedy = "; C=np.inf is the hard margin" if infinite else ""
        raise ValueError(f"{name}={value!r} must be a positive{'' if infinite else ' finite'} "
                         f"number{remedy}.")  # fmt: skip


def kind_of(feature_map: FeatureMap) -> Kind:
    """Return the name of a map, 'transformer' or 'function'; raise ValueError for others."""
    if isinstance(feature_map, str) and feature_map in _NAMES:
        return feature_map
    if hasattr(feature_map, "fit") and hasattr(feature_map, "transform"):
        return "transformer"
    if callable(feature_map) and not isinstance(feature_map, type):
        return "function"
    names = ", ".join(repr(name) for name in _NAMES)
    raise ValueError(
        f"feature_map={feature_map!r} is none of {names}, nor a transformer (an instance with "
        "fit and transform), nor a function that maps an array (n, d) to an array (n, p)."
    )


def tag_input(svm: Any, tags: Any) -> None:
    """Set scikit-learn's tags of the input that an estimator takes."""
    feature_map = svm.feature_map
    name = feature_map if isinstance(feature_map, str) else ""
    is_chi2 = isinstance(svm.kernel, str) and svm.kernel == "chi2"
    tags.pairwise = name == "precomputed"
    tags.positive_only = name == "chi2" or is_chi2
    tags.sparse = name not in ("spline", "precomputed") and not is_chi2
    if hasattr(feature_map, "fit") and not isinstance(feature_map, type):
        tags.sparse = get_tags(feature_map).input_tags.sparse


def uses_gamma(svm: Any) -> bool:
    """Return whether a fit has a gamma."""
    kind, kernel = kind_of(svm.feature_map), svm.kernel
    if kind == "rbf" and kernel is not None:
        return isinstance(kernel, str) and kernel in USE_GAMMA
    return kind in ("rbf", "poly", "fourier")


def is_gaussian(svm: Any) -> bool:
    """Return whether the map is the Gaussian kernel with landmarks."""
    return kind_of(svm.feature_map) == "rbf" and svm.kernel in (None, "rbf")


def check_samples(svm: Any, X: Any) -> None:
    """Raise ValueError if the samples of a fit are to be a kernel and cannot be one."""
    if is_precomputed(svm.feature_map) and X.shape[0] != X.shape[1]:
        raise ValueError(
            f"X has shape {X.shape}; with feature_map='precomputed' it must be square: the kernel "
            "between all samples of the fit."
        )


def is_precomputed(feature_map: FeatureMap) -> bool:
    """Return whether X is to be a kernel."""
    return isinstance(feature_map, str) and feature_map == "precomputed"


def has_stream(svm: Any) -> bool:
    """Return whether an estimator has `partial_fit`; raise AttributeError if not."""
    if is_precomputed(svm.feature_map):
        raise AttributeError(
            "feature_map='precomputed' needs the kernel between all samples at once, so there is "
            "no partial_fit; pass the function that computes it as kernel instead."
        )
    return streamable(svm)


def threads_of(n_jobs: int | None) -> int:
    """Return the number of threads that n_jobs stands for."""
    if n_jobs is None:
        return available_threads()
    return cpu_count() if n_jobs == -1 else n_jobs


def gamma_of(gamma: str | float, X: Any, weight: NDArray[np.float64]) -> float:
    """Return gamma as a number: 'scale' is 1 / (n_features * variance of X), 'auto' without it."""
    if not isinstance(gamma, str):
        return float(gamma)
    if gamma == "auto":
        return 1.0 / X.shape[1]
    variance = _variance(X, weight)
    if variance == 0:
        rows = X[weight > 0]
        if rows.max() == rows.min():
            return 1.0
    value = 1.0 / (X.shape[1] * variance) if variance > 0 else np.inf
    if not 0 < value < np.inf:
        raise ValueError(
            f"gamma='scale' is {value} for features of variance {variance:.3g}: put X on one "
            "scale first, for example with StandardScaler."
        )
    return value


def _variance(X, weight):
    """Return the weighted variance of all entries."""
    total = weight.sum() * X.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        if sparse.issparse(X):
            mean = (weight @ X).sum() / total
            square = X.astype(np.float64)
            square.data **= 2
            return float(max((weight @ square).sum() / total - mean**2, 0.0))
        # About the first row: sums of squares about zero would lose small variances.
        mean_row = np.zeros(X.shape[1])
        square = 0.0
        first = X[0].astype(np.float64)
        for start in range(0, len(X), 1000):
            part = slice(start, start + 1000)
            shifted = X[part] - first
            mean_row += weight[part] @ shifted
            square += weight[part] @ np.einsum("ij,ij->i", shifted, shifted)
        # Entries differ from the mean of all by x - first + (first - mean of first) ...
        offset = first - first.mean()
        mean = mean_row.sum() / total
        cross = 2.0 * (mean_row @ offset) + weight.sum() * (offset @ offset)
        return float(max((square + cross) / total - mean**2, 0.0))

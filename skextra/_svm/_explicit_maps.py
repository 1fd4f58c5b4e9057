"""Explicit feature maps: by name, as a transformer or as a function of all samples."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import gammaln
from sklearn import get_config
from sklearn.base import clone
from sklearn.kernel_approximation import AdditiveChi2Sampler, RBFSampler
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer
from sklearn.utils.validation import has_fit_parameter

from skextra._base import random_state_of
from skextra._common._batches import batches
from skextra._common._csr import without_repeats
from skextra._svm._mapped_rows import ArraySource, ComputedSource, MappedRows, capacity_of
from skextra._svm._parameters import FeatureMap, Kind, kind_of, threads_of
from skextra._svm._sparse_rows import SparseRows
from skextra._typing import FloatMatrix

# Predictions take as many rows at once as make this many entries, 80 MB, but at least 1000: more
# would take memory, and fewer calls of the map no less time.
_ROWS_AT_ONCE = 1000
_ENTRIES_AT_ONCE = 1e7
# Rows that the means of features are taken from if these do not fit into memory. They centre the
# features, which any number near the means does.
_MEAN_ROWS = 10_000
_MOST_MONOMIALS = 1_000_000  # a bound: 8 MB for each sample


@dataclass(eq=False)
class ExplicitMap(ABC):
    """A map that computes its features outright, in float64.

    Attributes
    ----------
    kind : str
        The name of the map, 'transformer' or 'function'.
    n_jobs : int or None
        Threads, as of the estimator.
    transformer : transformer or None
        Fitted, for maps that are or use one.
    scale : ndarray of shape (p,) or None
        Factors of its features.
    n_features_out : int or None
        Number of features; None until `measure` has set it.
    weights : ndarray of shape (p, k) or None
        In a fitted estimator: the planes.
    is_sparse : bool
        Whether the features of a fit are sparse.
    """

    kind: Kind
    n_jobs: int | None
    transformer: Any = None
    scale: NDArray[np.float64] | None = None
    n_features_out: int | None = None
    weights: NDArray[np.float64] | None = None
    is_sparse: bool = False

    dtype = np.dtype(np.float64)

    @abstractmethod
    def apply(self, X: FloatMatrix) -> Any:
        """Return the features of X, unchecked: an array or a sparse matrix."""

    def measure(self, X: FloatMatrix, numbers: NDArray[np.intp] | None) -> None:
        """Set the number of features by mapping two samples; `numbers` as in `features`."""
        self.n_features_out = None
        few = self.features(X[:2], numbers)
        self.n_features_out, self.is_sparse = few.shape[1], sparse.issparse(few)

    def in_float64(self):
        """Return the map, whose features are in float64."""
        return self

    def transform(self, X):
        """Return the features of X, (n, p)."""
        return self.features(X)

    def decisions(self, X):
        """Return the decision values of all problems without the intercepts, (n, k)."""
        # One part after the other: a user's map may not be safe on several threads.
        size = max(_ROWS_AT_ONCE, int(_ENTRIES_AT_ONCE / self.n_features_out))
        done = [self.features(X[part]) @ self.weights for part in batches(X.shape[0], size)]
        return np.concatenate(done)

    def features(self, X, numbers=None):
        """Return the features of X as finite float64; raise ValueError if they are anything else.

        `numbers` are those of the rows of X, for messages, if not 0, 1, 2 ...
        """
        return checked(self.apply(X), X.shape[0], self.n_features_out, numbers)

    def rows(self, X, numbers, memory_limit, random_state):
        """Return the samples of a fit as MappedRows."""
        n, p = X.shape[0], self.n_features_out
        if self.is_sparse:
            array = checked(self.apply(X), n, p, numbers, keep_float32=True)
            return SparseRows(array, threads_of(self.n_jobs))
        capacity = capacity_of(memory_limit, n, p, self.dtype)
        if n == capacity:
            array = self.features(X, numbers)
            return MappedRows(
                ArraySource(array), None, array.mean(axis=0), threads_of(self.n_jobs)
            )

        def compute(rows, out=None):
            block = self.features(X[rows], rows if numbers is None else numbers[rows])
            if out is None:
                return block
            out[:] = block
            return out

        some = np.sort(random_state.choice(n, min(n, _MEAN_ROWS), replace=False))
        mean = np.mean([compute(part).mean(axis=0) for part in np.array_split(some, 10)], 0)
        # One thread: a user's map may not be safe on several.
        return MappedRows(ComputedSource(compute, n, p, self.dtype, capacity), None, mean, 1)

    def second_moment(self):
        """Return None: the mean square of the features has to be taken from rows."""
        return None

    def column_weights(self, coef):
        """Return `coef`: the features are the columns that are computed."""
        return coef

    def attributes(self, planes):
        """Return the fitted attributes that the map and the planes are restored from."""
        return {"feature_map_": self.transformer, "_scale": self.scale}

    def names(self, input_names):
        """Return the names of the features: the transformer's, or the kind and a number."""
        if self.transformer is not None and hasattr(self.transformer, "get_feature_names_out"):
            try:
                own = self.transformer.get_feature_names_out(input_names)
                return np.asarray(own, dtype=object)
            except (ValueError, AttributeError):  # it saw other names, or a part of it has none
                pass
        return np.array([f"{self.kind}{i}" for i in range(self.n_features_out)], dtype=object)


class IdentityMap(ExplicitMap):
    """The features themselves."""

    def apply(self, X):
        """Return X."""
        return X

    def names(self, input_names):
        """Return the names of the input features."""
        return np.asarray(input_names, dtype=object)


@dataclass(eq=False)
class FunctionMap(ExplicitMap):
    """A function of all samples."""

    function: Callable[[Any], Any] | None = None

    def apply(self, X):
        """Return function(X); raise ValueError unless it is a row for every row of X."""
        view = X
        if not sparse.issparse(X):
            view = X.view()
            view.flags.writeable = False
        try:
            mapped = self.function(view)
        except Exception as error:
            raise ValueError(
                f"feature_map raised {type(error).__name__}: {error}. {_VECTORISE}"
            ) from error
        if sparse.issparse(mapped):
            shape = mapped.shape
        else:
            if hasattr(mapped, "to_numpy"):
                mapped = mapped.to_numpy()
            try:
                mapped = np.asarray(mapped)
                shape = mapped.shape
            except ValueError:
                shape = "rows of unequal length"
        if len(shape) != 2 or shape[0] != X.shape[0] or shape[1] == 0:
            raise ValueError(
                f"feature_map returned an array of shape {shape} for samples of shape {X.shape}. "
                f"{_VECTORISE}"
            )
        return mapped


class TransformerMap(ExplicitMap):
    """What a fitted transformer makes of the samples."""

    def apply(self, X):
        """Return X, transformed."""
        mapped = self.transformer.transform(X)
        return mapped.to_numpy() if hasattr(mapped, "to_numpy") else mapped


class Chi2Map(TransformerMap):
    """Features of the additive chi-squared kernel."""

    def apply(self, X):
        """Return X, transformed; raise ValueError if it has negative values."""
        check_not_negative(X, "feature_map='chi2'")
        return super().apply(X)


class PolynomialMap(TransformerMap):
    """Monomials, scaled so that products are those of the polynomial kernel."""

    def apply(self, X):
        """Return the monomials of X; raise ValueError if they overflow."""
        with np.errstate(over="ignore", invalid="ignore"):
            mapped = super().apply(X)
            if sparse.issparse(mapped):
                mapped = sparse.csr_array(mapped).multiply(self.scale).tocsr()
                values = mapped.data
            else:
                mapped = values = mapped * self.scale.astype(mapped.dtype)
        if not np.isfinite(values).all():
            raise ValueError(
                f"feature_map='poly' takes X, which goes up to {abs(X).max():.3g}, to powers "
                f"beyond {values.dtype}; put X on one scale, for example with StandardScaler."
            )
        return mapped


_CLASSES = {"identity": IdentityMap, "chi2": Chi2Map, "poly": PolynomialMap}


def explicit_map(feature_map: FeatureMap, n_jobs: int | None, **fitted: Any) -> ExplicitMap:
    """Return the map that a parameter stands for; `fitted` are parameters of ExplicitMap."""
    kind = kind_of(feature_map)
    if kind == "function":
        return FunctionMap(kind, n_jobs, function=feature_map, **fitted)
    return _CLASSES.get(kind, TransformerMap)(kind, n_jobs, **fitted)


def fit_explicit_map(svm, gamma, X, y, weight, random_state):
    """Return the map that the parameters of `svm` stand for, fitted.

    `weight` is None if all rows weigh the same.
    """
    kind, transformer, scale = kind_of(svm.feature_map), None, None
    if kind == "transformer":
        transformer = clone(svm.feature_map)
        _set_random_states(transformer, random_state)
        transformer = transformer.fit(X, y, **_weight_parameters(transformer, weight))
    elif kind == "poly":
        n_features = comb(X.shape[1] + svm.degree, svm.degree) - 1
        if n_features > _MOST_MONOMIALS:
            raise ValueError(
                f"degree={svm.degree} makes {n_features} features of {X.shape[1]}; lower degree, "
                "or use feature_map=PolynomialCountSketch() of sklearn.kernel_approximation."
            )
        transformer = PolynomialFeatures(svm.degree, include_bias=False).fit(X)
        scale = _monomial_scale(transformer.powers_, gamma, svm.coef0, svm.degree)
    elif kind == "fourier":
        n_components = 1000 if svm.n_components == "auto" else svm.n_components
        sampler = RBFSampler(gamma=gamma, n_components=n_components, random_state=random_state)
        transformer = sampler.fit(X)
    elif kind == "chi2":
        check_not_negative(X, "feature_map='chi2'")
        transformer = AdditiveChi2Sampler().fit(X)
    elif kind == "spline":
        transformer = SplineTransformer(degree=svm.degree, include_bias=False).fit(X)
    return explicit_map(svm.feature_map, svm.n_jobs, transformer=transformer, scale=scale)


def check_not_negative(X, source):
    """Raise ValueError if a map for counts, `source`, is asked for negative values."""
    values = X.data if sparse.issparse(X) else X
    if values.size and values.min() < 0:
        raise ValueError(
            f"{source} needs values of 0 or more, such as counts, but X has {values.min():.6g}. "
            "Negative values in data passed to FeatureMapSVM: shift or scale them first, for "
            "example with MinMaxScaler."
        )


def _monomial_scale(powers, gamma, coef0, degree):
    """Return the factors of monomials that make products those of the polynomial kernel.

    They are the roots of the multinomial coefficients of (gamma x'z + coef0)^degree.
    """
    total = powers.sum(axis=1)
    rest = degree - total
    logs = gammaln(degree + 1) - gammaln(powers + 1).sum(axis=1) - gammaln(rest + 1)
    return np.exp(0.5 * logs) * np.sqrt(gamma**total * float(coef0) ** rest)


_VECTORISE = (
    "It is given all samples at once, as an array (n, d), and returns (n, p): such as "
    "`lambda X: np.column_stack([X[:, 0], X[:, 0] ** 3 - 2 * X[:, 0]])`; a function of one point "
    "becomes `lambda X: np.array([one_point(x) for x in X])`. A kernel, a function of two arrays, "
    "is the parameter kernel."
)


def checked(mapped, n_rows, columns, numbers=None, keep_float32=False):
    """Return mapped rows as finite float64; raise ValueError if they are anything else.

    `numbers` are those of the rows in the caller's X, if not 0, 1, 2 ... Sparse rows have sorted
    indices, and may keep float32, which spares a copy.
    """
    shape = getattr(mapped, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != n_rows or columns not in (None, shape[1]):
        expected = "p" if columns is None else columns
        remedy = " A kernel is the parameter kernel." if shape == (n_rows, n_rows) else ""
        raise ValueError(
            f"feature_map returned an array of shape {shape} for {n_rows} rows; it must be "
            f"({n_rows}, {expected}).{remedy}"
        )
    if sparse.issparse(mapped):
        mapped = without_repeats(sparse.csr_array(mapped))
        if not (keep_float32 and mapped.dtype == np.float32):
            mapped = mapped.astype(np.float64, copy=False)
        values = mapped.data
    else:
        mapped = values = real_numbers(mapped, "feature_map")
    if not np.isfinite(values).all():
        if sparse.issparse(mapped):
            places = np.flatnonzero(~np.isfinite(values))
            rows = np.searchsorted(mapped.indptr, places, "right") - 1
        else:
            rows = np.flatnonzero(~np.isfinite(values).all(axis=1))
        row = min(rows if numbers is None else numbers[rows])
        raise ValueError(
            f"feature_map returned NaN or infinity, such as for row {row} of X; it must be finite "
            "wherever samples may lie."
        )
    return mapped


def real_numbers(mapped, source):
    """Return what `source` returned as float64; raise ValueError unless it is real numbers."""
    try:
        if np.iscomplexobj(mapped):
            raise TypeError("complex numbers")
        return np.asarray(mapped).astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{source} returned {np.asarray(mapped).dtype} values; it must return real numbers."
        ) from error


def _weight_parameters(transformer, weight):
    """Return the parameters of fit that hand on sample weights, to those that take them."""
    if weight is None:
        return {}
    if isinstance(transformer, Pipeline) and not get_config()["enable_metadata_routing"]:
        return {
            f"{name}__sample_weight": weight
            for name, step in transformer.steps
            if hasattr(step, "fit") and has_fit_parameter(step, "sample_weight")
        }
    return {"sample_weight": weight} if has_fit_parameter(transformer, "sample_weight") else {}


def _set_random_states(transformer, random_state):
    """Give a seed to every random_state parameter that has none, as ensembles do."""
    source = random_state_of(random_state)
    seeds = {
        name: source.randint(np.iinfo(np.int32).max)
        for name, value in sorted(transformer.get_params(deep=True).items())
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    }
    if seeds:
        transformer.set_params(**seeds)

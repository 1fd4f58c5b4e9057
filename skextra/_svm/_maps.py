"""Feature maps: by name, as a transformer or as a function of all samples."""

from math import comb

import numpy as np
from scipy import sparse
from scipy.special import gammaln
from sklearn import get_config
from sklearn.base import clone
from sklearn.kernel_approximation import AdditiveChi2Sampler, RBFSampler
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer
from sklearn.utils.validation import has_fit_parameter

from skextra._base import random_state_of

NAMES = ("rbf", "fourier", "poly", "identity", "chi2", "spline")


def kind_of(feature_map):
    """Return the name of a map, 'transformer' or 'function'; raise ValueError for others."""
    if isinstance(feature_map, str) and feature_map in NAMES:
        return feature_map
    if hasattr(feature_map, "fit") and hasattr(feature_map, "transform"):
        return "transformer"
    if callable(feature_map) and not isinstance(feature_map, type):
        return "function"
    names = ", ".join(repr(name) for name in NAMES)
    raise ValueError(
        f"feature_map={feature_map!r} is none of {names}, nor a transformer (an instance with "
        "fit and transform), nor a function that maps an array (n, d) to an array (n, p)."
    )


def fitted_map(kind, svm, gamma, X, y, weight, random_state):
    """Return the transformer that computes a map, fitted; None where there is nothing to fit.

    `svm` has the parameters; `weight` is None if all rows weigh the same.
    """
    n_components = 1000 if svm.n_components == "auto" else svm.n_components
    if kind == "transformer":
        transformer = clone(svm.feature_map)
        _set_random_states(transformer, random_state)
        return transformer.fit(X, y, **_weight_parameters(transformer, weight))
    if kind == "poly":
        n_features = comb(X.shape[1] + svm.degree, svm.degree) - 1
        if n_features > 1_000_000:
            raise ValueError(
                f"degree={svm.degree} makes {n_features} features of {X.shape[1]}; lower degree, "
                "or use feature_map=PolynomialCountSketch() of sklearn.kernel_approximation."
            )
        return PolynomialFeatures(svm.degree, include_bias=False).fit(X)
    if kind == "fourier":
        sampler = RBFSampler(gamma=gamma, n_components=n_components, random_state=random_state)
        return sampler.fit(X)
    if kind == "chi2":
        check_not_negative(X)
        return AdditiveChi2Sampler().fit(X)
    if kind == "spline":
        return SplineTransformer(degree=svm.degree, include_bias=False).fit(X)
    return None


def check_not_negative(X):
    """Raise ValueError if the map 'chi2' is asked for negative values."""
    values = X.data if sparse.issparse(X) else X
    if values.size and values.min() < 0:
        raise ValueError(
            f"feature_map='chi2' needs values of 0 or more, such as counts, but X has "
            f"{values.min():.6g}. Negative values in data passed to FeatureMapSVM: shift or scale "
            "them first, for example with MinMaxScaler."
        )


def poly_scale(transformer, gamma, coef0, degree):
    """Return the factor of every monomial that makes products those of the polynomial kernel.

    They are the roots of the multinomial coefficients of (gamma x'z + coef0)^degree.
    """
    powers = transformer.powers_
    total = powers.sum(axis=1)
    rest = degree - total
    logs = gammaln(degree + 1) - gammaln(powers + 1).sum(axis=1) - gammaln(rest + 1)
    return np.exp(0.5 * logs) * np.sqrt(gamma**total * float(coef0) ** rest)


def apply_map(kind, transformer, function, scale, X):
    """Return X under the map, unchecked; an array or a sparse matrix."""
    if kind == "identity":
        return X
    if kind == "function":
        return apply_function(function, X)
    if kind == "chi2":
        check_not_negative(X)
    if kind == "poly":
        return _monomials(transformer, scale, X)
    mapped = transformer.transform(X)
    return mapped.to_numpy() if hasattr(mapped, "to_numpy") else mapped


def _monomials(transformer, scale, X):
    with np.errstate(over="ignore", invalid="ignore"):
        mapped = transformer.transform(X)
        if sparse.issparse(mapped):
            mapped = sparse.csr_array(mapped).multiply(scale).tocsr()
            values = mapped.data
        else:
            mapped = mapped.to_numpy() if hasattr(mapped, "to_numpy") else mapped
            mapped = values = mapped * scale.astype(mapped.dtype)
    if not np.isfinite(values).all():
        raise ValueError(
            f"feature_map='poly' takes X, which goes up to {abs(X).max():.3g}, to powers beyond "
            f"{values.dtype}; put X on one scale, for example with StandardScaler."
        )
    return mapped


_VECTORISE = (
    "It is given all samples at once, as an array (n, d), and returns (n, p): such as "
    "`lambda X: np.column_stack([X[:, 0], X[:, 0] ** 3 - 2 * X[:, 0]])`; a function of one point "
    "becomes `lambda X: np.array([one_point(x) for x in X])`."
)


def apply_function(function, X):
    """Return function(X); raise ValueError unless it is a row for every row of X."""
    view = X
    if not sparse.issparse(X):
        view = X.view()
        view.flags.writeable = False
    try:
        mapped = function(view)
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


def checked(mapped, n_rows, columns, numbers=None):
    """Return mapped rows as finite float64; raise ValueError if they are anything else.

    `numbers` are those of the rows in the caller's X, if not 0, 1, 2 ...
    """
    shape = getattr(mapped, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != n_rows or columns not in (None, shape[1]):
        expected = "p" if columns is None else columns
        raise ValueError(
            f"feature_map returned an array of shape {shape} for {n_rows} rows; it must be "
            f"({n_rows}, {expected})."
        )
    if sparse.issparse(mapped):
        mapped = sparse.csr_array(mapped).astype(np.float64, copy=False)
        values = mapped.data
    else:
        try:
            if np.iscomplexobj(mapped):
                raise TypeError("complex numbers")
            mapped = values = np.asarray(mapped).astype(np.float64, copy=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"feature_map returned {np.asarray(mapped).dtype} values; "
                "it must return real numbers."
            ) from error
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


def feature_names(kind, transformer, count, fitted, given):
    """Return the names of the `count` features that the map puts out."""
    own = getattr(fitted, "feature_names_in_", None)
    if given is not None:
        given = np.asarray(given, dtype=object)
        if len(given) != fitted.n_features_in_ or (own is not None and list(given) != list(own)):
            raise ValueError(
                f"input_features={given.tolist()} should have length equal to number of features "
                f"({fitted.n_features_in_}) and match feature_names_in_."
            )
    names = own if given is None else given
    if names is None:
        names = np.array([f"x{i}" for i in range(fitted.n_features_in_)], dtype=object)
    if kind == "identity":
        return np.asarray(names, dtype=object)
    if transformer is not None and hasattr(transformer, "get_feature_names_out"):
        try:
            return np.asarray(transformer.get_feature_names_out(names), dtype=object)
        except (ValueError, AttributeError):  # it saw other names, or a part of it has none
            pass
    return np.array([f"{kind}{i}" for i in range(count)], dtype=object)


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

"""Generated input, good, odd and bad, and what every estimator must do with it."""

import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas
from scipy import sparse
from sklearn.base import clone, is_clusterer, is_regressor
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

HERE = Path(__file__).parents[1]
VALUES = [0.0, -0.0, 1.0, -1.0, 1e-300, 5e-324, 1e-30, 1e8, 1e30, 1e150, 1e300, 1.7e308]
BAD = [np.nan, np.inf, -np.inf]


@dataclass
class Case:
    """What is handed to `fit`."""

    X: object
    y: object
    sample_weight: object

    def keywords(self, takes_weights):
        """Return what goes beside X and y."""
        if self.sample_weight is None or not takes_weights:
            return {}
        return {"sample_weight": self.sample_weight}


def numbers(rng, shape):
    """Return an array of one of many kinds of numbers."""
    kind = rng.integers(9)
    if kind == 0:
        X = rng.normal(size=shape)
    elif kind == 1:
        X = rng.normal(size=shape) * 10.0 ** rng.integers(-200, 150)
    elif kind == 2:
        X = rng.normal(size=shape) + 10.0 ** rng.integers(0, 12)
    elif kind == 3:
        X = rng.choice(VALUES, size=shape) * rng.choice([-1, 1], size=shape)
    elif kind == 4:
        X = np.full(shape, rng.choice(VALUES))
    elif kind == 5:
        X = rng.integers(0, 3, size=shape).astype(float)
    elif kind == 6:
        X = rng.normal(size=shape) * 10.0 ** rng.integers(-20, 20, size=shape[1:])
    elif kind == 7:
        X = np.repeat(rng.normal(size=(1, *shape[1:])), shape[0], axis=0)
    else:
        X = rng.uniform(size=shape)
        if X.size:
            X.flat[rng.integers(X.size)] = rng.choice(BAD + VALUES)
    return X


def layout(rng, X):
    """Return numbers as another type or in another order."""
    kind = rng.integers(16)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if kind == 0:
            X = X.astype(np.float32)
        elif kind == 1:
            X = np.asfortranarray(X)
        elif kind == 2:
            X = np.repeat(X, 2, axis=0)[::2]
        elif kind == 3 and X.ndim == 2:
            X = np.repeat(X, 3, axis=1)[:, ::3]
        elif kind == 4:
            X = X[::-1]
        elif kind == 5:
            X = X.copy()
            X.flags.writeable = False
        elif kind == 6:
            X = X.tolist()
        elif kind == 7 and X.ndim == 2:
            X = pandas.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
        elif kind == 8 and X.ndim == 2:
            X = sparse.csr_array(np.where(np.isfinite(X), X, 0))
        elif kind == 9 and X.ndim == 2:
            X = sparse.coo_matrix(X)
        elif kind == 10:
            X = X.astype(object)
        elif kind == 11:
            X = np.nan_to_num(X, posinf=9, neginf=-9).clip(-100, 100).astype(np.int8)
        elif kind == 12:
            X = X.astype(np.float16)
        elif kind == 13:
            X = X.astype(np.longdouble)
    return X


def samples(rng):
    """Return X, mostly of a sane shape."""
    n, p = int(rng.choice([1, 2, 3, 7, 20, 60])), int(rng.choice([1, 2, 3, 4, 9, 16, 64]))
    kind = rng.integers(30)
    if kind == 0:
        return np.empty((0, p))
    if kind == 1:
        return np.empty((n, 0))
    if kind == 2:
        return numbers(rng, (n,))
    if kind == 3:
        return numbers(rng, (n, p, 2))
    if kind == 4:
        return [[1.0, 2.0], [3.0]]
    if kind == 5:
        return np.array([["a", "b"], ["c", "1"]] * n)
    if kind == 6:
        return pandas.DataFrame({"a": [1.0] * n, "b": ["x"] * n})
    if kind == 7:
        return None
    if kind == 8:
        return numbers(rng, (1, 5000))
    if kind == 9:
        return numbers(rng, (n, p)).astype(complex)
    if kind == 10:
        return pandas.DataFrame({0: [1.0] * n, "b": [2.0] * n})
    if kind == 11:
        return 3.0
    return layout(rng, numbers(rng, (n, p)))


def length_of(X):
    """Return how many rows X seems to have."""
    shape = getattr(X, "shape", None)
    if shape is None:
        return len(X) if isinstance(X, list) else 3
    return shape[0] if shape else 3


def targets(rng, n, regression):
    """Return y, mostly as long as X."""
    kind = rng.integers(24)
    if kind == 0:
        return None
    if kind == 1:
        return np.zeros(n + 1)
    if kind == 2:
        return np.full(n, np.nan)
    if kind == 3:
        return np.array(["a", None] * n, dtype=object)[:n]
    if kind == 4:
        return rng.integers(0, 2, size=(n, 3))
    if kind == 5:
        return [[1]] * n
    if kind == 6:
        return numbers(rng, (n,))
    if kind == 7:
        return np.full(n, 1)
    if regression:
        return layout(rng, numbers(rng, (n,)) if kind < 20 else numbers(rng, (n, 2)))
    labels = [np.arange(3), np.array(["x", "yy"]), np.array([True, False]), np.array([-1.5, 2.5])]
    y = rng.choice(labels[rng.integers(4)], size=n)
    return y.tolist() if kind < 11 else y


def weights(rng, n):
    """Return sample weights, mostly none."""
    kind = rng.integers(20)
    if kind < 8:
        return None
    if kind == 8:
        return -np.ones(n)
    if kind == 9:
        return np.zeros(n)
    if kind == 10:
        return np.ones(n + 1)
    if kind == 11:
        return np.full(n, np.nan)
    if kind == 12:
        return ["heavy"] * n
    if kind == 13:
        return 2.0
    if kind == 14:
        return np.ones((n, 2))
    if kind == 15:
        return numbers(rng, (n,))
    return rng.integers(0, 3, size=n).astype(float)


ODD = [None, -1, 0, 1, 2, 3, 0.5, 1e-9, 1e300, np.nan, np.inf, "auto", "", "no such", True, (),
       [1], {}, np.float32(0.1), np.int64(2), object]  # fmt: skip


def parameters(rng, estimator, options):
    """Return the estimator with up to two parameters changed, to sane values or any."""
    names = sorted(estimator.get_params(deep=False))
    changes = {}
    for _ in range(rng.integers(3)):
        name = names[rng.integers(len(names))]
        choices = options.get(name, [])
        if len(choices) and rng.random() < 0.7:
            changes[name] = choices[rng.integers(len(choices))]
        else:
            changes[name] = ODD[rng.integers(len(ODD))]
    return clone(estimator).set_params(**changes)


def case(rng, estimator):
    """Return generated input."""
    X = samples(rng)
    n = length_of(X)
    y = None if is_clusterer(estimator) else targets(rng, n, is_regressor(estimator))
    return Case(X, y, weights(rng, n))


def copied(value):
    """Return a copy that later changes of the original do not reach."""
    return value.copy() if hasattr(value, "copy") else value


def is_same(one, other):
    """Return whether two values hold the same, NaN being equal to itself."""
    if type(one) is not type(other):
        return False
    if sparse.issparse(one):
        return one.shape == other.shape and all(
            np.array_equal(getattr(one, part), getattr(other, part), equal_nan=True)
            for part in ("data", *(["row", "col"] if one.format == "coo" else ["indices"]))
        )
    if isinstance(one, pandas.DataFrame):
        return one.equals(other)
    if isinstance(one, np.ndarray):
        if one.dtype == object:
            return repr(one.tolist()) == repr(other.tolist())
        numeric = one.dtype.kind in "fc"
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=numeric)
    return repr(one) == repr(other)


def is_said_well(error):
    """Return whether an error was raised on purpose, by skextra or by scikit-learn."""
    if not isinstance(error, ValueError | TypeError) or not str(error):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    ours = [HERE / "skextra" in Path(frame.filename).parents for frame in frames]
    last = max(i for i, is_ours in enumerate(ours) if is_ours)
    below = frames[last + 1 :]
    if below:  # what scikit-learn's validation lets NumPy or pandas say, it says itself
        return "sklearn" in Path(below[0].filename).parts
    return (frames[last].line or "").startswith("raise")


def faults_of(estimator, given, takes_weights):
    """Fit an estimator and return what is wrong with how it took that, None if nothing is."""
    before = dict(vars(estimator))
    handed = Case(copied(given.X), copied(given.y), copied(given.sample_weight))
    fault = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for allowed in (ConvergenceWarning, DataConversionWarning, UserWarning, FutureWarning):
            warnings.simplefilter("ignore", allowed)
        # scikit-learn looks for infinities by a sum, which may have both of them, and for whole
        # numbers by a cast.
        warnings.filterwarnings("ignore", "invalid value encountered in (reduce|cast)")
        try:
            arguments = () if given.y is None and is_clusterer(estimator) else (given.y,)
            estimator.fit(given.X, *arguments, **given.keywords(takes_weights))
            fitted = True
        except Exception as error:
            fitted = False
            if not is_said_well(error):
                fault = "".join(traceback.format_exception(error)[-3:])
        if fitted:
            try:
                for method in ("predict", "transform", "decision_function", "predict_proba"):
                    if hasattr(estimator, method):
                        result = getattr(estimator, method)(given.X)
                        result = result.data if sparse.issparse(result) else np.asarray(result)
                        if result.dtype.kind == "f" and not np.isfinite(result).all():
                            fault = f"{method} gives numbers that are not finite"
            except Exception as error:
                if not is_said_well(error):
                    fault = "after fit: " + "".join(traceback.format_exception(error)[-3:])
    if not fitted and vars(estimator).keys() != before.keys():
        fault = f"half fitted: {sorted(vars(estimator).keys() ^ before.keys())}"
    kept = all(vars(estimator).get(name) is value for name, value in before.items())
    if not fitted and not kept:
        fault = "an attribute was replaced by a fit that failed"
    for name in ("X", "y", "sample_weight"):
        if not is_same(getattr(given, name), getattr(handed, name)):
            fault = f"{name} was changed"
    return fault

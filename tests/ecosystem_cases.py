"""One quick configuration of each estimator, and data for it."""

import numpy as np
from sklearn.base import clone, is_regressor
from sklearn.datasets import make_classification

from skextra import (
    Adaline,
    CNNClassifier,
    FeatureMapSVM,
    KMeansPP,
    LMSRegressor,
    Madaline,
    TappedDelayLine,
)

ESTIMATORS = {
    "LMSRegressor": LMSRegressor(max_iter=20, tol=None),
    "Adaline": Adaline(max_iter=20, tol=None, random_state=0),
    "KMeansPP": KMeansPP(3, random_state=0),
    "Madaline": Madaline(4, max_iter=10, n_init=1, tol=0.5, random_state=0),
    "FeatureMapSVM": FeatureMapSVM(n_components=20, random_state=0),
    "CNNClassifier": CNNClassifier(
        4, dense_units=(), epochs=8, learning_rate=0.05, random_state=0
    ),
    "TappedDelayLine": TappedDelayLine(2),
}
CLASSIFIERS = ["Adaline", "Madaline", "FeatureMapSVM", "CNNClassifier"]
PREDICTORS = ["LMSRegressor", *CLASSIFIERS]
WEIGHTED = ["LMSRegressor", "Adaline", "KMeansPP", "FeatureMapSVM", "CNNClassifier"]
TRANSFORMERS = ["KMeansPP", "FeatureMapSVM", "TappedDelayLine"]
ITERATIVE = ["LMSRegressor", "Adaline", "KMeansPP", "Madaline", "FeatureMapSVM", "CNNClassifier"]

X, LABELS = make_classification(
    150, 9, n_informative=6, n_redundant=0, n_classes=3, class_sep=2.0, random_state=0
)
X = (X - X.min()) / (X.max() - X.min())
NUMBERS = X @ np.arange(9.0)
WEIGHTS = np.random.default_rng(0).integers(1, 4, size=150).astype(float)
# Long enough to be stopped in the middle.
LONG = {
    "LMSRegressor": {"max_iter": 50},
    "Adaline": {"max_iter": 50},
    "KMeansPP": {"refine": None, "tol": 0, "init": X[:3]},
    "Madaline": {"max_iter": 50, "n_init": 3, "tol": 0.0},
    "FeatureMapSVM": {"n_components": 40, "C": 1e4},
    "CNNClassifier": {"epochs": 9},
}
METHODS = ("predict", "transform", "decision_function", "predict_proba")


def new(name, **changes):
    """Return the estimator of a name, not fitted."""
    return clone(ESTIMATORS[name]).set_params(**changes)


def target(name):
    """Return what the estimator of a name is to learn."""
    return NUMBERS if is_regressor(ESTIMATORS[name]) else LABELS


def fitted(name, **changes):
    """Return the estimator of a name, fitted."""
    return new(name, **changes).fit(X, target(name))


def outputs(estimator, rows=X):
    """Return all that an estimator says of some rows, as arrays."""
    return {
        method: np.asarray(getattr(estimator, method)(rows))
        for method in METHODS
        if hasattr(estimator, method)
    }


def assert_same(one, other, rows=X):
    """Assert that two estimators say the same of some rows, bit for bit."""
    said, again = outputs(one, rows), outputs(other, rows)
    assert said.keys() == again.keys() != set()
    for method, values in said.items():
        np.testing.assert_array_equal(values, again[method], err_msg=method)

"""Parameters that make no sense are refused by name, in every estimator."""

import numpy as np
import pytest
from ecosystem_cases import ESTIMATORS, X, new, target
from sklearn.base import clone

from skextra import Adaline, CNNClassifier, FeatureMapSVM, LMSRegressor, Madaline

NONSENSE = [np.array([1, 2]), "bogus", object(), -1, 1.5, np.nan, [1, 2], {"a": 1}]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_nonsense_is_refused_by_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a string may be taken for a folder of checkpoints
    refused = 0
    estimator = new(name)
    for parameter in estimator.get_params(deep=False):
        for value in NONSENSE:
            other = clone(estimator).set_params(**{parameter: value})
            try:
                other.fit(X[::3], target(name)[::3])
            except (TypeError, ValueError) as error:
                assert parameter in str(error), f"{parameter}={value!r}: {error}"  # noqa: PT017
                refused += 1
    assert refused > 5


STREAMING = [Adaline, Madaline, FeatureMapSVM, CNNClassifier]


@pytest.mark.parametrize("kind", STREAMING)
@pytest.mark.parametrize("classes", [[0, 1, np.nan], {0, 1, 2}, "012", [[0, 1], [1, 0]], [0.5, 1]])
def test_classes_of_a_stream_are_labels(kind, classes):
    model = kind()
    with pytest.raises(ValueError, match=r"classes(=.*| )must (hold labels|be one-dimensional)"):
        model.partial_fit(X[:9], np.arange(9) % 2, classes=classes)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("kind", [Adaline, FeatureMapSVM, CNNClassifier])
@pytest.mark.parametrize(
    "class_weight",
    [{0: -1.0}, {0: np.nan}, {0: 0, 1: 1}, {0: "a"}, {7: 1}, "Balanced", np.array([1, 2])],
)
def test_class_weights_are_positive_numbers_of_classes(kind, class_weight):
    with pytest.raises((TypeError, ValueError), match=r"^class_weight"):
        kind(class_weight=class_weight).fit(X[:20], np.arange(20) % 2)


def test_initial_weights_have_the_shape_of_coef():
    y = X @ np.arange(X.shape[1])
    model = LMSRegressor(warm_start=True, tol=None, max_iter=3)
    with pytest.raises(ValueError, match=rf"coef_init has shape \(1,\).* need \({X.shape[1]},\)"):
        model.fit(X, y, coef_init=[0.0])
    with pytest.raises(ValueError, match=r"continues with coef_ of shape .* 2 features"):
        model.fit(X, y).fit(X[:, :2], y)

"""LossCurveDisplay draws what the estimators recorded."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from sklearn.exceptions import NotFittedError  # noqa: E402

from skextra import LMSRegressor  # noqa: E402
from skextra.plotting import LossCurveDisplay  # noqa: E402


@pytest.fixture
def fitted():
    X = np.linspace(-1, 1, 20)[:, None]
    rates = (0.01, 0.1)
    return {
        f"rate {rate}": LMSRegressor(learning_rate=rate, tol=None, max_iter=10).fit(X, X[:, 0])
        for rate in rates
    }


def test_one_line_an_estimator_on_a_log_scale(fitted):
    display = LossCurveDisplay.from_estimator(fitted)
    assert display.ax_.get_yscale() == "log"
    for line, (name, model) in zip(display.lines_, fitted.items(), strict=True):
        assert line.get_label() == name
        assert_array_equal(line.get_ydata(), model.loss_curve_)
        assert_array_equal(line.get_xdata(), np.arange(1, 11))


def test_forms_of_input_agree(fitted):
    models = list(fitted.values())
    alone = LossCurveDisplay.from_estimator(models[0])
    assert list(alone.loss_curves) == ["LMSRegressor"]
    listed = LossCurveDisplay.from_estimator(models, names=["a", "b"])
    assert list(listed.loss_curves) == ["a", "b"]
    with pytest.raises(ValueError, match="different names"):
        LossCurveDisplay.from_estimator(models)
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(LMSRegressor())


def test_overflow_is_marked_not_dropped():
    display = LossCurveDisplay({"wild": np.array([1.0, 1e200, 1e306, np.inf])}).plot()
    display.figure_.canvas.draw()
    assert_array_equal(display.lines_[0].get_xdata(), [1, 2])
    marks = [line for line in display.ax_.lines if "beyond 1e+200" in str(line.get_label())]
    assert len(marks) == 1
    assert_array_equal(marks[0].get_xdata(), [3, 4])

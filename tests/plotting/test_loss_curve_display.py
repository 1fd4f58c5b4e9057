"""LossCurveDisplay draws what the estimators recorded."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LinearRegression  # noqa: E402

from skextra import Adaline, LMSRegressor, Madaline  # noqa: E402
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
    with pytest.raises(ValueError, match="a dict has its own"):
        LossCurveDisplay.from_estimator(fitted, names=["a", "b"])
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(LMSRegressor())
    with pytest.raises(ValueError, match="LinearRegression has no loss_curve_"):
        LossCurveDisplay.from_estimator(LinearRegression().fit([[0], [1]], [0, 1]))
    for curves in ({}, {"a": []}):
        with pytest.raises(ValueError, match="There is no loss to draw"):
            LossCurveDisplay(curves).plot()


def test_overflow_is_marked_not_dropped():
    display = LossCurveDisplay({"wild": np.array([1.0, 1e200, 1e306, np.inf])}).plot()
    display.figure_.canvas.draw()
    assert_array_equal(display.lines_[0].get_ydata(), [1.0, 1e200, np.nan, np.nan])
    (mark,) = (line for line in display.ax_.lines if "beyond 1e+200" in str(line.get_label()))
    assert_array_equal(mark.get_xdata(), [3, 4])
    assert_array_equal(mark.get_ydata(), [1, 1])  # of the height of the axes


def test_each_estimator_has_a_name_for_its_loss(fitted):
    logic, xor = [[-1, -1], [-1, 1], [1, -1], [1, 1]], [0, 1, 1, 0]
    adaline, madaline = Adaline().fit(logic, [0, 0, 0, 1]), Madaline(random_state=0)
    madaline.fit(logic, xor)
    names = {
        "Mean squared error": [*fitted.values(), adaline],
        "Share of wrong patterns": [madaline],
        "Loss": [adaline, madaline],
    }
    for name, models in names.items():
        display = LossCurveDisplay.from_estimator({str(i): m for i, m in enumerate(models)})
        assert display.ax_.get_ylabel() == name
    display = LossCurveDisplay.from_estimator(madaline, loss_name="errors", log=False, lw=3)
    assert display.ax_.get_ylabel() == "errors"
    assert display.ax_.get_yscale() == "linear"
    assert display.lines_[0].get_linewidth() == 3
    assert_array_equal(display.lines_[0].get_ydata(), madaline.loss_curve_)


def test_zeros_are_marked_on_a_log_scale():
    display = LossCurveDisplay({"sure": [0.5, 0.25, 0.0, 0.0]}).plot()
    assert_array_equal(display.lines_[0].get_ydata(), [0.5, 0.25, np.nan, np.nan])
    (mark,) = (line for line in display.ax_.lines if line.get_label() == "sure: zero or less")
    assert_array_equal(mark.get_xdata(), [3, 4])
    assert_array_equal(mark.get_ydata(), [0, 0])  # of the height of the axes
    linear = LossCurveDisplay({"sure": [0.5, 0.25, 0.0, 0.0]}).plot(log=False)
    assert_array_equal(linear.lines_[0].get_ydata(), [0.5, 0.25, 0.0, 0.0])


def test_nan_is_marked_and_aliases_of_matplotlib_are_known():
    display = LossCurveDisplay({"lost": [1.0, np.nan, 0.5]}).plot(c="red", lw=3)
    (mark,) = (line for line in display.ax_.lines if line.get_label() == "lost: NaN")
    assert_array_equal(mark.get_xdata(), [2])
    assert display.lines_[0].get_color() == mark.get_color() == "red"


def test_only_validation_is_dashed():
    curves = {f"n{i}": np.ones(60) for i in range(20)}
    display = LossCurveDisplay(curves, validation_curves={"n3": np.ones(60)}).plot()
    looks = {(line.get_color(), line.get_linestyle()) for line in display.lines_}
    assert len(looks) == 20
    assert "--" not in {style for _, style in looks}
    assert display.validation_lines_[0].get_linestyle() == "--"

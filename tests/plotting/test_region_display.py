"""AdalineRegionDisplay draws what an Adaline or a Madaline decides."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, NotFittedError  # noqa: E402
from sklearn.svm import SVC  # noqa: E402

from skextra import Adaline, Madaline  # noqa: E402
from skextra.plotting import AdalineRegionDisplay  # noqa: E402

LOGIC = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
XOR = np.array(["no", "yes", "yes", "no"])


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


@pytest.fixture
def by_hand():
    return Madaline(2, max_iter=0).fit(
        LOGIC,
        XOR,
        coef_init=[[[-1, 1], [1, -1]], [[-1], [-1]]],
        intercept_init=[[0.5, 0.5], [1]],
    )


def test_regions_are_the_predictions(by_hand):
    display = AdalineRegionDisplay.from_estimator(by_hand, LOGIC, XOR, grid_resolution=41)
    (surface,) = display.surfaces_
    grid = np.stack(np.meshgrid(display.x, display.y), axis=-1).reshape(-1, 2)
    drawn = by_hand.classes_[np.ravel(surface.get_array())]
    assert_array_equal(drawn, by_hand.predict(grid))
    for code, label in enumerate(["no", "yes"]):
        points = display.samples_[0][code]
        assert_array_equal(points.get_offsets(), LOGIC[label == XOR])
        assert points.get_label() == label
        shade = surface.to_rgba(np.array([code]))[0]
        assert_array_equal(points.get_facecolor()[0, :3], shade[:3])
    (ax,) = display.axes_
    assert ax.get_xlim()[0] < -1 < 1 < ax.get_xlim()[1]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x1", "x2")


def test_lines_are_where_the_sums_are_zero(by_hand):
    display = AdalineRegionDisplay.from_estimator(by_hand, LOGIC, XOR, units=True)
    assert [ax.get_title() for ax in display.axes_] == ["unit 1", "unit 2", "output"]
    assert [len(lines) for lines in display.lines_] == [1, 1, 2]
    for i in range(2):
        for line in (display.lines_[i][0], display.lines_[2][i]):
            points = np.array([line.get_xy1(), line.get_xy2()])
            sums = points @ by_hand.coefs_[0][:, i] + by_hand.intercepts_[0][i]
            assert_allclose(sums, 0, atol=1e-12)
    grid = np.stack(np.meshgrid(display.x, display.y), axis=-1).reshape(-1, 2)
    signs = by_hand.hidden_activations(grid)
    for i in range(2):
        assert_array_equal(np.ravel(display.surfaces_[i].get_array()), signs[:, i] > 0)


def test_adaline_with_names_and_three_classes():
    X, y = load_iris(return_X_y=True, as_frame=True)
    X = X.iloc[:, 2:] / 5 - 0.5
    adaline = Adaline(random_state=0).fit(X, y)
    _, ax = pyplot.subplots()
    display = AdalineRegionDisplay.from_estimator(adaline, X, y, ax=ax)
    assert display.axes_[0] is ax
    assert ax.get_xlabel() == "petal length (cm)"
    assert len(display.lines_[0]) == 3
    assert len(display.samples_[0]) == 3
    assert_array_equal(display.units[:, :2], adaline.coef_)
    assert pyplot.get_fignums() == [ax.figure.number]
    again = display.plot()
    assert again.axes_[0] is not ax


def test_many_units_stand_in_rows():
    X, y = load_iris(return_X_y=True)
    model = Madaline(4, rule="mri", max_iter=3, n_init=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X[:, 2:] / 5 - 0.5, y)
    display = AdalineRegionDisplay.from_estimator(model, X[:, 2:] / 5 - 0.5, y, units=True, s=9)
    assert len(display.axes_) == 13
    assert len({ax.get_subplotspec().rowspan.start for ax in display.axes_}) == 5
    assert_array_equal(display.samples_[-1][0].get_sizes(), [9])


@pytest.mark.parametrize("value", [0.0, 1e18, -3.0])
def test_samples_in_one_place(by_hand, value):
    display = AdalineRegionDisplay.from_estimator(by_hand, np.full((4, 2), value), XOR)
    low, high = display.axes_[0].get_xlim()
    assert low < value < high


def test_a_unit_without_weights_has_no_line():
    flat = Madaline(1, max_iter=0).fit(
        LOGIC, XOR, coef_init=[[[0], [0]], [[1]]], intercept_init=[[1], [0]]
    )
    display = AdalineRegionDisplay.from_estimator(flat, LOGIC, XOR)
    assert display.lines_ == [[]]
    assert set(np.ravel(display.response)) == {1}


def test_what_cannot_be_drawn(by_hand):
    X, y = load_iris(return_X_y=True)
    draw = AdalineRegionDisplay.from_estimator
    with pytest.raises(ValueError, match="draws two inputs, but the Adaline has 4"):
        draw(Adaline().fit(X / 5, y), X, y)
    with pytest.raises(TypeError, match="not SVC; sklearn"):
        draw(SVC().fit(X, y), X, y)
    with pytest.raises(NotFittedError):
        draw(Adaline(), X, y)
    with pytest.raises(ValueError, match="y must hold one of the classes"):
        draw(by_hand, LOGIC, [0, 1, 1, 0])
    with pytest.raises(ValueError, match=r"shape \(4,\) and \[3\]"):
        draw(by_hand, LOGIC, np.array(["no", 3, "no", "yes"], dtype=object))
    with pytest.raises(ValueError, match="too far to be drawn"):
        draw(by_hand, LOGIC[[2, 1, 2, 1]] * 1.7e308, XOR)
    with pytest.raises(ValueError, match="grid_resolution=1 must be 2"):
        draw(by_hand, LOGIC, XOR, grid_resolution=1)
    labels = np.eye(2, dtype=int)[[0, 1, 1, 0]]
    with pytest.raises(ValueError, match="one label per sample"):
        draw(Madaline(2, max_iter=0).fit(LOGIC, labels), LOGIC, XOR)
    _, axes = pyplot.subplots(1, 2)
    with pytest.raises(ValueError, match="ax holds 2 Axes, but there are 3 panels"):
        draw(by_hand, LOGIC, XOR, units=True, ax=axes)

"""New figures of displays are no wider than a page, so that a phone shows them legibly."""

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402

from skextra import FeatureMapSVM  # noqa: E402
from skextra.plotting import (  # noqa: E402
    AdalineRegionDisplay,
    KMeansTraceDisplay,
    MisclassifiedDisplay,
    SVMDisplay,
)

RNG = np.random.default_rng(0)


def trace():
    samples, centers = RNG.random((20, 2)), RNG.random((9, 3, 2))
    return KMeansTraceDisplay(samples, np.zeros((9, 20), int), centers, np.ones(9)).plot()


def regions():
    x, response = np.linspace(0, 1, 5), np.zeros((5, 5), int)
    return AdalineRegionDisplay(x, x, response, RNG.random((7, 3)), [0, 1]).plot(units=True)


def margin():
    X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 1, 1, 0]
    svm = FeatureMapSVM(lambda X: np.hstack([X, X**2])).fit(X, y)
    return SVMDisplay.from_estimator(svm, X, y, grid_resolution=5)


def images():
    labels = np.arange(10)
    return MisclassifiedDisplay.from_predictions(RNG.random((10, 8, 8)), labels, labels[::-1])


@pytest.mark.parametrize("draw", [trace, regions, margin, images])
def test_figures_are_as_wide_as_matplotlib_s_own_at_most(draw):
    display = draw()
    width, _ = display.figure_.get_size_inches()
    assert len(display.axes_) > 1
    assert 0.8 * 6.4 < width < 6.4 + 1e-9
    display.figure_.canvas.draw()
    for ax in display.axes_:
        title = ax.title.get_window_extent()
        others = [each.title.get_window_extent() for each in display.axes_ if each is not ax]
        assert not any(title.overlaps(other) for other in others)
    pyplot.close("all")

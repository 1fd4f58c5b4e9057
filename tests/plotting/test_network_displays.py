"""Displays of networks draw the numbers of skextra.cnn."""

import keras
import numpy as np
import pandas
import pytest
from cnn_cases import SMALL
from keras import layers as kl
from matplotlib.colors import Normalize
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import (
    Histogram,
    cluster_weights,
    feature_maps,
    gradient_histograms,
    misclassified,
    weight_histograms,
)
from skextra.plotting import (
    FeatureMapDisplay,
    FilterDisplay,
    HistogramDisplay,
    LossCurveDisplay,
    MisclassifiedDisplay,
)

plt = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.usefixtures("keras_seed")
X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def cnn():
    network = CNNClassifier(**{**SMALL, "filters": (3, 6)})
    return network.fit(X[:600], Y[:600], X_val=X[600:800], y_val=Y[600:800])


def titles(display):
    return [ax.get_title() for ax in display.axes_]


def drawn(display):
    return [np.asarray(image.get_array()) for image in display.images_]


def test_feature_maps(cnn):
    display = FeatureMapDisplay.from_estimator(cnn, X, sample=-1)
    maps = feature_maps(cnn, X[-1:])
    assert list(display.maps) == ["conv1", "conv2"]
    assert titles(display)[0] == "input"
    assert titles(display)[1] == f"conv1\nfilter {display.filters['conv1'][0]}"
    assert [len(filters) for filters in display.filters.values()] == [3, 5]
    images = iter(drawn(display))
    assert_array_equal(next(images), X[-1].reshape(8, 8))
    for name, filters in display.filters.items():
        spread = maps[name][0].std(axis=(0, 1))
        assert_array_equal(filters, np.argsort(-spread, kind="stable")[:5])
        for number in filters:
            assert_array_equal(next(images), maps[name][0, :, :, number])
    limits = {image.get_clim() for image in display.images_[1:4]}
    assert limits == {(0.0, maps["conv1"].max())}
    frame = FeatureMapDisplay.from_estimator(cnn, pandas.DataFrame(X), sample=len(X) - 1)
    assert_array_equal(drawn(frame)[4], drawn(display)[4])
    every = FeatureMapDisplay.from_estimator(cnn, X, layers="conv2", n_filters=None)
    assert every.filters == {"conv2": (0, 1, 2, 3, 4, 5)}


def test_feature_maps_on_axes_of_the_caller(cnn):
    _, axes = plt.subplots(1, 3)
    display = FeatureMapDisplay.from_estimator(
        cnn, X, layers="conv1", n_filters=2, ax=axes, cmap="gray"
    )
    assert list(display.axes_) == list(axes)
    assert display.images_[1].get_cmap().name == "gray"
    assert len(plt.get_fignums()) == 1
    with pytest.raises(ValueError, match="ax holds 3 Axes, but there are 9 panels"):
        display.from_estimator(cnn, X, ax=axes)


def test_what_has_no_feature_maps(cnn):
    with pytest.raises(ValueError, match=r"'output' for a sample has shape \(10,\)"):
        FeatureMapDisplay.from_estimator(cnn, X, layers="output")
    with pytest.raises(ValueError, match="sample=1797 is not among the samples"):
        FeatureMapDisplay.from_estimator(cnn, X, sample=1797)
    with pytest.raises(ValueError, match="n_filters=0 must be"):
        FeatureMapDisplay.from_estimator(cnn, X, n_filters=0)
    with pytest.raises(TypeError, match="sample=None must be a whole number"):
        FeatureMapDisplay.from_estimator(cnn, X, sample=None)
    with pytest.raises(ValueError, match="sample=0 is not among"):
        FeatureMapDisplay.from_estimator(cnn, 3.0)
    pad = kl.ZeroPadding2D(1, data_format="channels_first", name="pad")
    model = keras.Sequential([keras.Input((3, 5, 5)), pad])
    with pytest.raises(ValueError, match="'pad' has data_format='channels_first'"):
        FeatureMapDisplay.from_estimator(model, np.ones((1, 3, 5, 5)), layers="pad")
    assert not plt.get_fignums()


def test_filters(cnn):
    kernel = cnn.weights_[0]
    display = FilterDisplay.from_estimator(cnn)
    assert (display.layer, display.channels, display.filters) == ("conv1", (0,), (0, 1, 2))
    for i, image in enumerate(drawn(display)):
        assert_allclose(image, kernel[:, :, 0, i])
    low, high = display.images_[0].get_clim()
    assert high == -low == pytest.approx(np.abs(kernel).max())
    assert display.colorbar_.ax.get_ylabel() == "weights of conv1"
    assert titles(display) == ["filter 0", "filter 1", "filter 2"]
    several = FilterDisplay.from_estimator(cnn, layer="last", n_filters=2, colorbar=False)
    assert several.colorbar_ is None
    second = cnn.weights_[2]
    largest = np.sort(np.argsort(-(second**2).sum(axis=(0, 1, 2)))[:2])
    assert several.filters == tuple(largest)
    assert_allclose(several.kernel, second[:, :, :3][..., largest])
    assert [ax.get_ylabel() for ax in several.axes_] == [
        "channel 0", "", "channel 1", "", "channel 2", "",
    ]  # fmt: skip
    for image, (i, j) in zip(drawn(several), np.ndindex(3, 2), strict=True):
        assert_allclose(image, second[:, :, i, largest[j]])
    everything = FilterDisplay.from_estimator(cnn, layer="conv2", n_filters=None, n_channels=1)
    assert everything.filters == (0, 1, 2, 3, 4, 5)


def test_filters_of_several_kinds_of_layers(cnn):
    model = keras.Sequential(
        [
            keras.Input((9, 9, 2)),
            kl.Conv2DTranspose(4, 3, name="up"),
            kl.DepthwiseConv2D(5, depth_multiplier=2, name="deep"),
            kl.Reshape((7, 56), name="rows"),
            kl.Conv1D(5, 3, name="line"),
        ]
    )
    shapes = {"up": (3, 3, 2, 4), "deep": (5, 5, 4, 2), "line": (1, 3, 56, 5)}
    for name, shape in shapes.items():
        display = FilterDisplay.from_estimator(model, layer=name, n_channels=None)
        assert display.kernel.shape == shape
        plt.close("all")
    up = model.get_layer("up").get_weights()[0]
    assert_allclose(
        FilterDisplay.from_estimator(model, layer="up").kernel[:, :, 1, 2], up[:, :, 2, 1]
    )
    with pytest.raises(ValueError, match="'rows' of type Reshape is not a convolution"):
        FilterDisplay.from_estimator(model, layer="rows")
    small, _ = cluster_weights(cnn, 4, random_state=0)
    assert len(np.unique(FilterDisplay.from_estimator(small, layer="conv2").kernel)) <= 4


def test_colours_of_numbers_that_are_not_finite():
    kernel = np.array([[np.nan, 2.0], [-3.0, np.inf]]).reshape(2, 2, 1, 1)
    display = FilterDisplay(kernel, "conv", (0,), (0,)).plot()
    (image,) = display.images_
    assert image.get_clim() == (-3, 3)
    colours = image.to_rgba(image.get_array())
    assert_array_equal(colours[0, 0], [1, 0, 0, 1])
    flat = FeatureMapDisplay({"a": np.zeros((2, 2, 1))}, {"a": (0,)}).plot()
    assert flat.images_[0].get_clim() == (0, 1)
    lost = FeatureMapDisplay({"a": np.full((2, 2, 1), np.nan)}, {"a": (0,)}).plot()
    lost.figure_.canvas.draw()


def test_a_norm_of_the_callers_own(cnn):
    norm = Normalize(0, 7)
    display = FeatureMapDisplay.from_estimator(cnn, X, layers="conv1", norm=norm)
    assert display.images_[1].norm is norm
    assert FilterDisplay.from_estimator(cnn, norm=norm).images_[0].norm is norm


def test_histograms_of_weights_and_gradients(cnn):
    display = HistogramDisplay.from_estimator(cnn, bins=20)
    found = weight_histograms(cnn, bins=20)
    kernels = ["conv1/kernel", "conv2/kernel", "output/kernel"]
    assert list(display.histograms) == kernels
    for stairs, ax, name in zip(display.stairs_, display.axes_, kernels, strict=True):
        values, edges, _ = stairs.get_data()
        assert_array_equal(values, found[name].counts)
        assert_array_equal(edges, found[name].edges)
        assert ax.get_title().startswith(f"{name}\nstd {found[name].std:.1e}, zeros 0%")
        assert (ax.get_xlabel(), ax.get_yscale()) == ("weight", "log")
    start = HistogramDisplay.from_estimator(cnn, weights="initial").histograms["conv1/kernel"]
    one_layer = CNNClassifier(**{**SMALL, "filters": (3, 6), "learning_rate": 1e-12, "epochs": 1})
    still = one_layer.fit(X[:10], np.arange(10)).weights_[0]
    assert_allclose(start.values, still.ravel(), atol=1e-9)
    zeros = [np.zeros_like(w) for w in cnn.model_.get_weights()]
    assert weight_histograms(cnn, weights=zeros)["conv1/bias"].zeros == 1
    stuck = HistogramDisplay.from_estimator(
        cnn, X[:50], Y[:50], weights=zeros, kernels_only=False, log=False
    )
    gradients = gradient_histograms(cnn, X[:50], Y[:50], weights=zeros)
    assert list(stuck.histograms) == list(gradients)
    assert stuck.axes_[0].get_xlabel() == "gradient"
    assert stuck.axes_[0].get_yscale() == "linear"
    assert stuck.axes_[0].get_title() == "conv1/kernel\nstd 0.0e+00, zeros 100%"
    assert_array_equal(stuck.stairs_[-1].get_data().values, gradients["output/bias"].counts)
    _, axes = plt.subplots(3)
    assert list(display.plot(ax=axes).axes_) == list(axes)


def test_histograms_that_cannot_be_drawn(cnn):
    with pytest.raises(ValueError, match="both X and y"):
        HistogramDisplay.from_estimator(cnn, X)
    model = keras.Sequential([keras.Input((3,)), kl.BatchNormalization()])
    with pytest.raises(ValueError, match="kernels_only=False"):
        HistogramDisplay.from_estimator(model)
    small, _ = cluster_weights(cnn, 4, random_state=0)
    with pytest.raises(ValueError, match="few bits have no gradients"):
        HistogramDisplay.from_estimator(small, X[:5], Y[:5])
    assert not plt.get_fignums()


def test_histograms_of_numbers_that_are_not_finite():
    found = {"a": Histogram.of([1.0, 2.0, np.nan]), "b": Histogram.of([np.nan])}
    display = HistogramDisplay(found).plot()
    assert titles(display) == [
        "a\nstd 5.0e-01, zeros 0%, 1 not finite", "b\nstd nan, zeros 0%, 1 not finite",
    ]  # fmt: skip
    display.figure_.canvas.draw()


def test_mistakes_of_a_network(cnn):
    display = MisclassifiedDisplay.from_estimator(cnn, X[800:], Y[800:], n=7)
    wrong = misclassified(cnn, X[800:], Y[800:], n=7)
    assert len(display.axes_) == 7
    for title, image, i, certainty in zip(
        titles(display), drawn(display), wrong.indices, wrong.probability, strict=True
    ):
        predicted = cnn.predict(X[800 + i : 801 + i])[0]
        assert title == f"{Y[800 + i]} taken for {predicted}\np = {certainty:.2f}"
        assert_array_equal(image, X[800 + i].reshape(8, 8))


def test_mistakes_of_any_classifier():
    images = np.random.default_rng(0).random((6, 4, 5, 3))
    true, predicted = np.array(list("abcabc")), np.array(list("abbccc"))
    draw = MisclassifiedDisplay.from_predictions
    display = draw(images, true, predicted)
    assert titles(display) == ["c taken for b", "a taken for c", "b taken for c"]
    assert_array_equal(drawn(display)[0], images[2])
    sure = draw(images * 255, true, predicted, probability=[1, 1, 0.2, 0.5, 0.9, 1], n=2)
    assert titles(sure) == ["b taken for c\np = 0.90", "a taken for c\np = 0.50"]
    # Over the range of all that are drawn.
    assert_allclose(drawn(sure)[0], images[4] / images[3:5].max())
    assert (sure.found.n_wrong, sure.found.n_samples) == (3, 6)
    dark = np.stack([np.full((4, 5, 3), value, np.uint8) for value in (0, 51, 255)])
    assert [image.max() for image in drawn(draw(dark, [0, 0, 0], [1, 1, 1]))] == [0, 0.2, 1]
    grey = draw(images[:, :, :, :2], true, predicted)
    assert len({image.get_clim() for image in grey.images_}) == 1
    assert_allclose(drawn(grey)[0], images[2, :, :, :2].mean(axis=-1))
    none = draw(images, true, true)
    assert titles(none) == ["none of 6 is wrong"]
    _, axes = plt.subplots(2, 2)
    assert len(draw(images, true, predicted, ax=axes).axes_) == 3
    assert [ax.axison for ax in axes.ravel()] == [True, True, True, False]
    long = draw(images, np.array(["$b"] * 6), np.array(["a flower with no name at all"] * 6))
    assert titles(long)[0] == "$b\ntaken for\na flower with no na…"
    long.figure_.canvas.draw()
    with pytest.raises(ValueError, match="probability must have one number or label"):
        draw(images, true, predicted, probability=np.ones((6, 3)))
    with pytest.raises(ValueError, match=r"shape \(3, 60\); images are of shape"):
        draw(images.reshape(6, -1), true, predicted)
    with pytest.raises(ValueError, match="the same length, got 6, 6, 5, 6"):
        draw(images, true, predicted[:5])
    with pytest.raises(ValueError, match="n=0 must be"):
        draw(images, true, predicted, n=0)


def test_loss_of_a_network(cnn):
    display = LossCurveDisplay.from_estimator(cnn)
    assert display.ax_.get_ylabel() == "Cross-entropy"
    assert_array_equal(display.lines_[0].get_ydata(), cnn.history_["loss"])
    (dashed,) = display.validation_lines_
    assert_array_equal(dashed.get_ydata(), cnn.history_["val_loss"])
    assert (dashed.get_linestyle(), dashed.get_label()) == ("--", "CNNClassifier, validation")
    assert dashed.get_color() == display.lines_[0].get_color()

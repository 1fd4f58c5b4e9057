"""Feature maps, histograms, mistakes and the matrix of a convolution."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cnn_cases import SMALL
from keras import layers as kl
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import correlate
from scipy.special import softmax
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import (
    Histogram,
    cluster_weights,
    conv_matrix,
    feature_maps,
    gradient_histograms,
    misclassified,
    weight_histograms,
)

pytestmark = pytest.mark.usefixtures("keras_seed")

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
NAMES = np.array([f"digit {i}" for i in range(10)])


@pytest.fixture(scope="module")
def cnn():
    network = CNNClassifier(**{**SMALL, "filters": (3, 4), "padding": ("valid", 1)})
    return network.fit(X[:600].reshape(-1, 8, 8), NAMES[Y[:600]])


def test_feature_maps_are_correlations(cnn):
    maps = feature_maps(cnn, X[:300])
    assert list(maps) == ["conv1", "conv2"]
    kernel, bias = cnn.weights_[:2]
    expected = correlate(X[7].reshape(8, 8), kernel[:, :, 0, 1], mode="valid") + bias[1]
    assert maps["conv1"].shape == (300, 6, 6, 3)
    assert_allclose(maps["conv1"][7, :, :, 1], np.maximum(expected, 0), atol=1e-6)
    alone = feature_maps(cnn, X[290:291], "first")["conv1"][0]
    assert_allclose(maps["conv1"][290], alone, atol=1e-6)  # oneDNN sums by the size of a batch
    last = feature_maps(cnn, X[:5], "all")["output"]
    assert_allclose(last, cnn.decision_function(X[:5]), atol=1e-5)
    bytes_ = CNNClassifier(**SMALL).fit((16 * X[:100]).astype(np.uint8), Y[:100])
    scaled = feature_maps(bytes_, (16 * X[:2]).astype(np.uint8), "output")["output"]
    assert_allclose(scaled, bytes_.decision_function((16 * X[:2]).astype(np.uint8)), atol=1e-5)


def test_feature_maps_of_a_graph():
    x = keras.Input((8, 8, 1))
    inner = keras.Sequential([keras.Input((8, 8, 2)), kl.Conv2D(3, 1, name="deep")], name="inner")
    shared = kl.Conv2D(2, 3, padding="same", name="shared")
    shared.build((None, 8, 8, 1))
    y = inner(kl.Dropout(0.5)(shared(x)))
    model = keras.Model(x, kl.Add(name="sum")([y, y]))
    images = X[:4].reshape(-1, 8, 8, 1)
    maps = feature_maps(model, images, ["sum", "inner/deep"])
    assert_array_equal(maps["sum"], model.predict(images, verbose=0))
    assert_array_equal(maps["sum"], 2 * maps["inner/deep"])
    with pytest.raises(ValueError, match="names 'deep', but there is none"):
        feature_maps(model, images, "deep")
    with pytest.raises(ValueError, match="layers is empty"):
        feature_maps(model, images, [])
    with pytest.raises(ValueError, match=r"takes numbers of shape \(n_samples, 8, 8, 1\)"):
        feature_maps(model, X[:4])
    with pytest.raises(ValueError, match="NaN or infinite"):
        feature_maps(model, images * np.nan)
    dense = keras.Sequential([keras.Input((4,)), kl.Dense(2)])
    with pytest.raises(ValueError, match="there is no convolution"):
        feature_maps(dense, np.ones((1, 4)))


def test_weight_histograms(cnn):
    found = weight_histograms(cnn, bins=7)
    assert list(found)[:4] == ["conv1/kernel", "conv1/bias", "conv2/kernel", "conv2/bias"]
    for histogram, weights in zip(found.values(), cnn.weights_, strict=True):
        counts, edges = np.histogram(weights, 7)
        assert_array_equal(histogram.counts, counts)
        assert_allclose(histogram.edges, edges, rtol=1e-5, atol=1e-7)
        assert_allclose(
            [histogram.mean, histogram.std], [weights.mean(), weights.std()], rtol=1e-4
        )
    small, _ = cluster_weights(cnn, 4, random_state=0)
    assert np.count_nonzero(weight_histograms(small)["conv2/kernel"].counts) == 4
    assert Histogram.of([0.0, 1.0], 1).zeros == 0.5
    with pytest.raises(ValueError, match="bins=0 must be"):
        weight_histograms(cnn, bins=0)


def test_gradients_of_one_layer_in_closed_form():
    model = keras.Sequential([keras.Input((64,)), kl.Dense(10, activation="softmax")])
    given = [w.copy() for w in model.get_weights()]
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(64, 10)), rng.normal(size=10)]
    images, labels = X[:300], Y[:300]
    found = gradient_histograms(model, images, labels, weights=weights)
    error = softmax(images @ weights[0] + weights[1], axis=1) - np.eye(10)[labels]
    kernel, bias = found.values()
    assert_allclose(kernel.values, (images.T @ error / 300).ravel(), atol=1e-6)
    assert_allclose(bias.values, error.mean(axis=0), atol=1e-6)
    for one, two in zip(model.get_weights(), given, strict=True):
        assert_array_equal(one, two)


def test_gradients_of_a_network_by_differences():
    cnn = CNNClassifier(**{**SMALL, "dtype": "float64"}).fit(X[:50].astype(float), Y[:50])
    images, labels = X[:20].astype(float), Y[:20]
    found = gradient_histograms(cnn, images, labels)
    assert len(found) == len(cnn.weights_)
    shape, step = cnn.weights_[0].shape, 1e-6

    def loss(weights):
        other = CNNClassifier(**{**SMALL, "dtype": "float64"}).fit(X[:50].astype(float), Y[:50])
        other.weights_ = weights
        return -other.predict_log_proba(images)[np.arange(20), labels].mean()

    for place in [(0, 0, 0, 0), (2, 1, 0, 5)]:
        moved = [[w.copy() for w in cnn.weights_] for _ in range(2)]
        moved[0][0][place] += step
        moved[1][0][place] -= step
        slope = (loss(moved[0]) - loss(moved[1])) / (2 * step)
        at = np.ravel_multi_index(place, shape)
        assert_allclose(found["conv1/kernel"].values[at], slope, rtol=1e-4, atol=1e-9)


def test_a_start_from_zeros_cannot_break_symmetry():
    zero = {**SMALL, "filters": (4, 4), "kernel_initializer": "zeros", "epochs": 5}
    cnn = CNNClassifier(**zero).fit(X[:300], Y[:300])
    for weights in ("initial", "fitted", [np.zeros_like(w) for w in cnn.weights_]):
        found = gradient_histograms(cnn, X[:300], Y[:300], weights=weights)
        zeros = {name: histogram.zeros for name, histogram in found.items()}
        assert zeros.pop("output/bias") < 1
        assert set(zeros.values()) == {1.0}
    usual = CNNClassifier(**{**zero, "kernel_initializer": "glorot_uniform"}).fit(X[:300], Y[:300])
    found = gradient_histograms(usual, X[:300], Y[:300], weights="initial")
    assert all(found[f"{name}/kernel"].zeros < 0.5 for name in ("conv1", "conv2", "output"))


def test_gradients_refuse(cnn):
    with pytest.raises(ValueError, match="'fitted', 'initial' or a list"):
        gradient_histograms(cnn, X[:9], NAMES[Y[:9]], weights="zeros")
    with pytest.raises(ValueError, match="weights has arrays of shapes"):
        gradient_histograms(cnn, X[:9], NAMES[Y[:9]], weights=[np.zeros(3)])
    with pytest.raises(ValueError, match=r"y has labels \['x'\]"):
        gradient_histograms(cnn, X[:1], ["x"])
    with pytest.raises(ValueError, match="8 classes for 9 samples"):
        gradient_histograms(cnn, X[:9], NAMES[Y[:8]])
    model = cnn.model_
    with pytest.raises(ValueError, match="needs an estimator"):
        gradient_histograms(model, X[:9].reshape(-1, 8, 8, 1), Y[:9], weights="initial")
    with pytest.raises(ValueError, match="numbers of classes from 0 to 9"):
        gradient_histograms(model, X[:9].reshape(-1, 8, 8, 1), Y[:9] + 5)
    one = keras.Sequential([keras.Input((64,)), kl.Dense(1)])
    with pytest.raises(ValueError, match="an output for each class"):
        gradient_histograms(one, X[:9], Y[:9])


def test_misclassified(cnn):
    predicted, probabilities = cnn.predict(X), cnn.predict_proba(X)
    wrong = np.flatnonzero(predicted != NAMES[Y])
    found = misclassified(cnn, X, NAMES[Y], n=None)
    assert sorted(found.indices) == wrong.tolist()
    assert found.n_wrong == len(found) == len(wrong)
    assert_array_equal(found.true, NAMES[Y][found.indices])
    assert_array_equal(found.predicted, predicted[found.indices])
    assert_allclose(found.probability, probabilities[found.indices].max(axis=1))
    assert (np.diff(found.probability) <= 0).all()
    assert_array_equal(found.images[3, :, :, 0].ravel(), X[found.indices[3]])
    ten = misclassified(cnn, X, NAMES[Y])
    assert_array_equal(ten.indices, found.indices[:10])
    assert f"{len(wrong)} of {len(X)} samples" in repr(ten)
    assert ten.to_frame().loc[ten.indices[0], "predicted"] == ten.predicted[0]
    by_model = misclassified(cnn.model_, X.reshape(-1, 8, 8, 1), Y, n=10)
    assert_array_equal(np.sort(by_model.indices), np.sort(ten.indices))
    assert by_model.images.shape == (10, 8, 8, 1)
    none = misclassified(cnn, X[:3], cnn.predict(X[:3]))
    assert len(none) == 0 == len(none.to_frame())
    with pytest.raises(ValueError, match="n=0 must be"):
        misclassified(cnn, X, NAMES[Y], n=0)


MATRICES = [
    (kl.Conv1D, (3, 1, 2), (9, 1), {}),
    (kl.Conv1D, (3, 2, 1), (9, 2), {"strides": 2}),
    (kl.Conv1D, (4, 3, 5), (12, 3), {"padding": "same", "strides": 3}),
    (kl.Conv1D, (3, 2, 4), (11, 4), {"dilation_rate": 3, "groups": 2}),
    (kl.Conv2D, (3, 2, 3, 4), (7, 6, 3), {"strides": (2, 1), "padding": "same"}),
    (kl.Conv2D, (3, 3, 2, 6), (8, 9, 6), {"groups": 3}),
    (kl.Conv2D, (2, 3, 1, 1), (9, 8, 1), {"dilation_rate": (2, 1), "padding": "same"}),
    (kl.Conv3D, (2, 3, 1, 2, 3), (4, 5, 3, 2), {"strides": (1, 2, 1)}),
]


@pytest.mark.parametrize("make, kernel_shape, input_shape, options", MATRICES)
def test_conv_matrix_is_the_layer_and_its_transpose_the_gradient(
    make, kernel_shape, input_shape, options
):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=kernel_shape)
    layer = make(
        kernel_shape[-1], kernel_shape[:-2], use_bias=False, dtype="float64", **options
    )  # fmt: skip
    layer.build((None, *input_shape))
    layer.set_weights([kernel])
    x = tf.Variable(rng.normal(size=(1, *input_shape)))
    with tf.GradientTape() as tape:
        y = layer(x)
        weights = rng.normal(size=y.shape)
        loss = tf.reduce_sum(y * weights)
    matrix = conv_matrix(
        kernel, input_shape, options.get("strides", 1), options.get("padding", "valid"),
        options.get("dilation_rate", 1),
    )  # fmt: skip
    assert_allclose(matrix @ x.numpy().ravel(), y.numpy().ravel(), atol=1e-12)
    gradient = tape.gradient(loss, x).numpy()
    assert_allclose(matrix.T @ weights.ravel(), gradient.ravel(), atol=1e-12)


def test_conv_matrix_by_hand():
    matrix = conv_matrix([1, 2, 3], 4, padding=1)
    assert_array_equal(matrix.toarray(), [[2, 3, 0, 0], [1, 2, 3, 0], [0, 1, 2, 3], [0, 0, 1, 2]])
    # A kernel as wide as the input, and paddings of two sizes.
    assert_array_equal(conv_matrix(np.ones(3), 3).toarray(), [[1, 1, 1]])
    assert conv_matrix(np.ones((3, 3)), (5, 4), padding=(1, 0)).shape == (5 * 2, 20)
    image = np.arange(20.0).reshape(4, 5)
    kernel = np.array([[0, -0.5, 0], [-0.5, 1, -0.5], [0, -0.5, 0]])
    expected = correlate(image, kernel, mode="same")
    filtered = (conv_matrix(kernel, (4, 5), padding="same") @ image.ravel()).reshape(4, 5)
    assert_allclose(filtered, expected)
    assert conv_matrix(np.ones(3, np.float32), 4).dtype == np.float32


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((np.ones((3, 3)), 5), "a window alone for inputs without channels"),
        ((np.ones(6), 5), "kernel spans 6 positions along an axis on which the input has 5"),
        ((np.ones((3, 2, 4)), (9, 3)), "2 input channels and 4 filters"),
        (([np.nan], 5), "kernel must hold finite numbers"),
        (([1.0], 5, 0), "strides=0 must be whole numbers from 1 up"),
        ((np.ones((3, 3)), (5, 5), (1, 2, 3)), "one for all or one for each of the 2 axes"),
        (([1.0], 5, 1, "full"), "padding='full' must be"),
        (([1.0], 5, 1, -1), "padding=-1 must be whole numbers from 0 up"),
        (([1.0], 0), "input_shape=0 must be"),
    ],
)
def test_conv_matrix_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        conv_matrix(*arguments)

"""quantize_int8 and cluster_weights: what is stored, what it computes, where it still works."""

import copy
import math
import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest
import skops.io
from cnn_cases import SMALL
from compression_cases import KINDS, fresh, kind_name, normed
from joblib import Parallel, delayed
from keras import layers as kl
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skextra import CNNClassifier
from skextra.cnn import (
    best_n_clusters,
    cluster_weights,
    compare_networks,
    fold_batch_norm,
    load_model,
    quantize_int8,
)

pytestmark = pytest.mark.usefixtures("keras_seed")

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(batch_norm=True, epochs=5, random_state=0).fit(X[:1200], Y[:1200])


@pytest.fixture(scope="module")
def folded(cnn):
    return fold_batch_norm(cnn)[0]


@pytest.fixture(scope="module")
def quantized(folded):
    return quantize_int8(folded, X[1200:], Y[1200:])


@pytest.fixture(scope="module")
def clustered(folded):
    return cluster_weights(folded, 16, X[1200:], Y[1200:], random_state=0)


def kernels_of(model):
    """The kernels of a plain model, by the names of the layers."""
    return {
        layer.name: [np.array(w) for w in layer.get_weights() if w.ndim > 1]
        for layer in model.layers
        if layer.get_weights()
    }


def plain_copy(model, kernels):
    """The same layers with other kernels."""
    copied = keras.models.clone_model(model)
    for old, new in zip(model.layers, copied.layers, strict=True):
        weights, left = old.get_weights(), list(kernels.get(old.name, []))
        new.set_weights([left.pop(0) if w.ndim > 1 else w for w in weights])
    return copied


@pytest.mark.parametrize("layer, shape", KINDS, ids=kind_name)
def test_int8_of_every_kind(layer, shape):
    model = normed(shape, [fresh(layer, activation="tanh", name="one")])
    small, report = quantize_int8(model)
    x = np.random.default_rng(1).normal(size=(5, *shape)).astype(np.float32)
    codes = [w for w in small.get_weights() if w.ndim == max(v.ndim for v in model.get_weights())]
    assert any(w.dtype == np.int8 for w in small.get_weights())
    assert {w.dtype.name for w in codes} <= {"int8", "float32"}
    assert_allclose(small.predict(x, verbose=0), model.predict(x, verbose=0), atol=0.06)
    assert report.rows[0].weight_error < 0.01
    int8 = [w.nbytes for w in small.get_weights() if w.dtype == np.int8]
    assert sum(int8) == sum(w.size for w in model.get_weights() if w.ndim > 1)


def test_int8_weights_are_the_nearest_of_their_channel():
    model = normed((8, 8, 3), [kl.Conv2D(5, 3), kl.DepthwiseConv2D(3), kl.Conv2DTranspose(2, 3)])
    first, second, third = (layer.get_weights()[0] for layer in model.layers)
    second[:, :, 1] *= 1e-9  # channels of all sizes have scales of their own
    second[:, :, 2] = 0
    model.layers[1].set_weights([second, np.zeros(5)])
    small, _ = quantize_int8(model)
    for layer, kernel, axes in zip(
        small.layers, (first, second, third), ((0, 1, 2), (0, 1), (0, 1, 3)), strict=True
    ):
        largest = np.abs(kernel).max(axis=axes, keepdims=True)
        step = np.where(largest > 0, largest, 1) / 127
        nearest = np.rint(kernel / step) * step
        assert_allclose(np.array(layer.kernels()[0]), nearest, rtol=1e-5, atol=1e-12 * 1e-9)


@pytest.mark.parametrize("n_clusters", [2, 3, 5, 16, 100])
@pytest.mark.parametrize("layer, shape", KINDS, ids=kind_name)
def test_clusters_of_every_kind(layer, shape, n_clusters):
    model = normed(shape, [fresh(layer, activation="tanh", name="one")])
    (kernels,) = kernels_of(model).values()
    n = sum(k.size for k in kernels)
    if n < n_clusters:
        with pytest.raises(ValueError, match=f"'one' has {n} distinct weights, fewer than"):
            cluster_weights(model, n_clusters)
        return
    small, report = cluster_weights(model, n_clusters, random_state=0)
    (coded,) = small.layers
    book = np.sort(coded.codebook.centers.numpy())
    assert len(np.unique(book)) == n_clusters
    nearest = [book[np.abs(k[..., None] - book).argmin(axis=-1)] for k in kernels]
    for one, two in zip(coded.kernels(), nearest, strict=True):
        assert_array_equal(np.array(one), two)
    x = np.random.default_rng(1).normal(size=(5, *shape)).astype(np.float32)
    expected = plain_copy(model, {"one": nearest}).predict(x, verbose=0)
    assert_allclose(small.predict(x, verbose=0), expected, atol=1e-6)
    bits = math.ceil(math.log2(n_clusters))
    bias = 4 * coded.bias.shape[0] if coded.bias is not None else 0
    assert report.bytes_after == math.ceil(n * bits / 8) + 4 * n_clusters + bias
    assert sum(w.nbytes for w in small.get_weights()) == report.bytes_after


def test_one_codebook_for_all(tmp_path):
    model = normed(
        (8, 8, 3), [kl.Conv2D(5, 3), kl.SeparableConv2D(4, 3), kl.Flatten(), kl.Dense(3)]
    )
    small, report = cluster_weights(model, 8, codebook="global", random_state=0)
    counts = [sum(k.size for k in kernels) for kernels in kernels_of(model).values()]
    biases = 4 * (5 + 4 + 3)
    assert report.bytes_after == sum(math.ceil(3 * n / 8) for n in counts) + 4 * 8 + biases
    assert len({w.tobytes() for w in small.get_weights() if w.shape == (8,)}) == 1
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 3))
    expected = small.predict(x, verbose=0)
    path = tmp_path / "small.keras"
    small.save(path)
    loaded = load_model(path)
    assert len(loaded.weights) == len(small.weights)
    assert_array_equal(loaded.predict(x, verbose=0), expected)
    with zipfile.ZipFile(path) as file, file.open("model.weights.h5") as weights:
        sizes = []
        h5py.File(weights).visititems(
            lambda _, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None
        )
    assert sum(sizes) == report.bytes_after
    again, _ = cluster_weights(model, 8, codebook="global", random_state=0)
    assert_array_equal(again.predict(x, verbose=0), expected)
    # Two models from one file share nothing.
    loaded.layers[0].codebook.centers.assign(np.zeros(8))
    assert_array_equal(load_model(path).predict(x, verbose=0), expected)
    assert_array_equal(small.predict(x, verbose=0), expected)


def test_int8_of_an_estimator(folded, quantized):
    small, report = quantized
    assert type(small) is CNNClassifier
    assert abs(report.accuracy_after - report.accuracy_before) < 0.005
    assert report.accuracy_after == small.score(X[1200:], Y[1200:])
    assert report.ratio > 3.8
    assert report.bytes_after == sum(w.nbytes for w in small.weights_)
    assert report.bytes_before == sum(w.nbytes for w in folded.weights_)
    assert sum(w.size for w in small.weights_ if w.dtype == np.int8) == sum(
        w.size for w in folded.weights_ if w.ndim > 1
    )
    difference = np.abs(small.decision_function(X[1200:]) - folded.decision_function(X[1200:]))
    assert_allclose(report.max_difference, difference.max(), rtol=1e-6)
    assert_allclose(report.mean_difference, difference.mean(), rtol=1e-6)
    assert report.seconds_before > 0 < report.seconds_after
    assert report.speedup == report.seconds_before / report.seconds_after


def test_clusters_of_an_estimator(folded, clustered):
    small, report = clustered
    assert abs(report.accuracy_after - report.accuracy_before) < 0.01
    assert report.accuracy_after == small.score(X[1200:], Y[1200:])
    kernels = [w for w in folded.weights_ if w.ndim > 1]
    formula = sum(math.ceil(k.size * 4 / 8) + 4 * 16 for k in kernels)
    biases = sum(w.nbytes for w in folded.weights_ if w.ndim == 1)
    assert report.bytes_after == formula + biases == sum(w.nbytes for w in small.weights_)
    assert report.transfer_seconds(1000) == (report.bytes_before / 1000, report.bytes_after / 1000)
    errors = [
        np.sqrt(((a - b) ** 2).sum() / (a**2).sum())
        for a, b in zip(kernels, _decoded(small), strict=True)
    ]
    assert_allclose([row.weight_error for row in report.rows], errors, rtol=1e-4)


def _decoded(cnn):
    layers = [layer for layer in cnn.model_.layers if hasattr(layer, "kernels")]
    return [np.array(kernel) for layer in layers for kernel in layer.kernels()]


@pytest.mark.parametrize("which", ["folded", "quantized", "clustered"])
def test_smaller_estimators_are_estimators(which, request, tmp_path):
    small = request.getfixturevalue(which)
    small = small[0] if isinstance(small, tuple) else small
    expected = small.predict_proba(X)
    small.save(tmp_path / "cnn.keras")
    skops.io.dump(small, tmp_path / "cnn.skops")
    for other in (
        pickle.loads(pickle.dumps(small)),
        copy.deepcopy(small),
        skops.io.load(tmp_path / "cnn.skops", trusted=["skextra.cnn._classifier.CNNClassifier"]),
        CNNClassifier.load(tmp_path / "cnn.keras"),
    ):
        assert_array_equal(other.predict_proba(X), expected)
        assert [w.dtype for w in other.weights_] == [w.dtype for w in small.weights_]
        assert other.get_params() == small.get_params()
    model = load_model(tmp_path / "cnn.keras")
    assert_allclose(model.predict(X.reshape(-1, 8, 8, 1), verbose=0), expected, atol=1e-6)
    scaler = MinMaxScaler(feature_range=(0, 1)).fit(16 * X)
    pipe = make_pipeline(FrozenEstimator(scaler), FrozenEstimator(small)).fit(16 * X, Y)
    assert_allclose(pipe.predict_proba(16 * X)[:, 3].mean(), expected[:, 3].mean(), atol=0.05)
    both = Parallel(2, prefer="threads")(delayed(small.predict_proba)(X) for _ in range(4))
    assert_array_equal(both, [expected] * 4)
    for method in ("fit", "partial_fit"):
        trained = copy.copy(small).set_params(warm_start=True)
        with pytest.raises(ValueError, match="cannot be trained further"):
            getattr(trained, method)(X, Y)
        assert_array_equal(trained.predict_proba(X), expected)
    anew = clone(small).set_params(epochs=1).fit(X, Y)
    refitted = copy.copy(small).set_params(epochs=1).fit(X, Y)
    assert_array_equal(refitted.predict_proba(X), anew.predict_proba(X))
    assert any("batch_norm" in layer.name for layer in refitted.model_.layers)


def test_files_are_smaller(cnn, folded, quantized, clustered, tmp_path):
    wide = CNNClassifier(filters=(32, 64), dense_units=256, epochs=1, random_state=0)
    wide.fit(X[:100], Y[:100]).save(tmp_path / "wide.keras")
    quantize_int8(wide)[0].save(tmp_path / "int8.keras")
    cluster_weights(wide, 16, random_state=0)[0].save(tmp_path / "clusters.keras")
    size = (tmp_path / "wide.keras").stat().st_size
    assert (tmp_path / "int8.keras").stat().st_size < 0.3 * size
    assert (tmp_path / "clusters.keras").stat().st_size < 0.19 * size
    assert len(pickle.dumps(quantized[0])) < 0.3 * len(pickle.dumps(folded))


def test_estimators_of_bytes_and_of_builds(tmp_path):
    pixels = (16 * X).astype(np.uint8)
    cnn = CNNClassifier(**SMALL).fit(pixels[:300], Y[:300])
    small, _ = cluster_weights(cnn, 16, random_state=0)
    images = pixels.reshape(-1, 8, 8, 1).astype(np.float32)
    shown = small.model_.predict(images, verbose=0)
    assert_allclose(shown, small.predict_proba(pixels), atol=1e-5)
    built = CNNClassifier(build=build, epochs=1, random_state=0).fit(X[:300], Y[:300])
    for smaller in (quantize_int8, lambda model: cluster_weights(model, 8, random_state=0)):
        small, report = smaller(built)
        assert report.ratio > 2
        near = np.abs(small.predict_proba(X) - built.predict_proba(X)).max()
        assert 0 < near < 0.1
        small.save(tmp_path / "built.keras")
        loaded = CNNClassifier.load(tmp_path / "built.keras", build=build)
        assert_array_equal(loaded.predict_proba(X), small.predict_proba(X))


def build(image_shape, n_classes):
    """A functional network with a skip, which ends in a softmax."""
    x = keras.Input(image_shape)
    y = kl.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = kl.Add()([y, kl.Conv2D(8, 3, padding="same")(y)])
    return keras.Model(x, kl.Dense(n_classes, activation="softmax")(kl.Flatten()(y)))


def test_steps_in_all(cnn, quantized):
    report = compare_networks(cnn, quantized[0], X, Y)
    actions = {row.layer: row.action for row in report.rows}
    assert actions["batch_norm1"] == "gone"
    assert actions["conv1"] == actions["dense1"] == "int8"
    assert report.bytes_before == sum(w.nbytes for w in cnn.weights_)
    assert report.bytes_after == sum(w.nbytes for w in quantized[0].weights_)
    assert str(report.bytes_after)[:2] in repr(report)
    assert report.to_frame().loc["conv1", "bytes_after"] < report.to_frame().loc["conv1"].iloc[3]
    assert "<table>" in report._repr_html_()
    with pytest.raises(ValueError, match="that the first does not have"):
        compare_networks(quantized[0], cnn)
    with pytest.raises(ValueError, match="y was given without X"):
        compare_networks(cnn, quantized[0], y=Y)


def test_skipped_layers():
    model = normed((8, 8, 3), [kl.Conv2D(5, 3, name="a"), kl.Flatten(), kl.Dense(3, name="b")])
    small, report = quantize_int8(model, skip=["a"])
    assert type(small.layers[0]) is kl.Conv2D
    assert report.rows[0].action == "left: in skip"
    small, _ = cluster_weights(model, 4, skip="b", random_state=0)
    assert type(small.layers[2]) is kl.Dense
    with pytest.raises(ValueError, match=r"skip names \['c'\], which are not among"):
        quantize_int8(model, skip=["c"])
    with pytest.raises(ValueError, match="no convolution and no dense layer left"):
        quantize_int8(model, skip=["a", "b"])
    shared = kl.Conv2D(3, 3, padding="same", name="shared")
    x = keras.Input((8, 8, 3))
    twice, report = quantize_int8(keras.Model(x, shared(shared(x))))
    assert len(report.rows) == 1
    assert len(twice.weights) == 3


def test_refusals(quantized):
    model = normed((8, 3), [kl.LSTM(4, name="memory"), kl.Dense(2)])
    for smaller in (quantize_int8, cluster_weights):
        with pytest.raises(
            ValueError, match=r"'memory' of type LSTM cannot be .*skip=\['memory'\]"
        ):
            smaller(model)
        with pytest.raises(ValueError, match="'conv1' is compressed already"):
            smaller(quantized[0])
        with pytest.raises(ValueError, match="is not built"):
            smaller(keras.Sequential([kl.Dense(2)]))
    model = normed((8,), [kl.Dense(2, name="tiny")])
    with pytest.raises(
        ValueError, match="'tiny' has 16 distinct weights, fewer than n_clusters=17"
    ):
        cluster_weights(model, 17)
    both = normed((8,), [kl.Dense(2), kl.Dense(2)])
    with pytest.raises(ValueError, match="The network has 20 distinct weights"):
        cluster_weights(both, 21, codebook="global")
    for wrong, error in [(1, ValueError), (257, ValueError), (2.0, TypeError), (True, TypeError)]:
        with pytest.raises(error, match="n_clusters"):
            cluster_weights(model, wrong)
    with pytest.raises(ValueError, match="codebook='layer' must be"):
        cluster_weights(model, 4, codebook="layer")
    with pytest.raises(ValueError, match="y has 3 classes for 5 samples"):
        quantize_int8(model, np.ones((5, 8)), [0, 1, 1])


def test_the_largest_number_of_clusters_that_beats_int8():
    for n in (64, 100, 1000, 9216, 36864):
        best = best_n_clusters(n)
        assert math.ceil(n * math.ceil(math.log2(best)) / 8) + 4 * best < n
        more = range(best + 1, 257)
        assert all(math.ceil(n * math.ceil(math.log2(m)) / 8) + 4 * m >= n for m in more)
    assert best_n_clusters(64) == 8
    assert best_n_clusters(5) is None
    # Two networks of the course, 16 inputs and outputs: 9 hidden layers of 32, 3 of 128.
    narrow = normed((16,), [kl.Dense(32, use_bias=False) for _ in range(9)] + [
        kl.Dense(16, use_bias=False)])  # fmt: skip
    wide = normed((16,), [kl.Dense(128, use_bias=False) for _ in range(3)] + [
        kl.Dense(16, use_bias=False)])  # fmt: skip
    assert [m.count_params() for m in (narrow, wide)] == [9216, 36864]
    for model in (narrow, wide):
        for codebook in ("per_layer", "global"):
            best = best_n_clusters(model, codebook=codebook)
            int8 = quantize_int8(model)[1].bytes_after
            sizes = [
                cluster_weights(model, m, codebook=codebook, random_state=0)[1].bytes_after
                for m in (best, min(best + 1, 256))
            ]
            assert sizes[0] < int8
            assert best == 256 or int8 <= sizes[1]
    with pytest.raises(ValueError, match="codebook='all'"):
        best_n_clusters(64, codebook="all")
    with pytest.raises(ValueError, match="a number of weights, 1 or more"):
        best_n_clusters(0)

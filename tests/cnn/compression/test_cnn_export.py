"""export_network: other runtimes compute what Keras computes."""

import inspect
import warnings

import keras
import numpy as np
import pytest
from cnn_cases import SMALL
from compression_cases import normed
from keras import layers as kl
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import cluster_weights, export_network, quantize_int8

pytestmark = pytest.mark.usefixtures("keras_seed")

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
HAS_LITERT = "litert" in inspect.getdoc(keras.Model.export)
SUFFIXES = [
    pytest.param(
        ".tflite",
        marks=pytest.mark.skipif(not HAS_LITERT, reason="this Keras does not write LiteRT files"),
    ),
    ".onnx",
]


@pytest.fixture(autouse=True)
def _exporters_warn():
    """Let the exporters warn of what is theirs: old names in NumPy, TensorFlow and flatbuffers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(**SMALL).fit((16 * X[:300]).astype(np.uint8), Y[:300])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_estimators(cnn, suffix, tmp_path):
    pixels = (16 * X[:50]).astype(np.uint8)
    path = tmp_path / f"cnn{suffix}"
    assert export_network(cnn, path, pixels) < 1e-5
    small, _ = cluster_weights(cnn, 8, random_state=0)
    assert export_network(small, tmp_path / f"small{suffix}", pixels) < 1e-5
    small, _ = quantize_int8(cnn)
    assert export_network(small, tmp_path / f"int8{suffix}", pixels) < 0.05
    assert export_network(cnn, path) is None
    assert path.stat().st_size > 4 * sum(w.size for w in cnn.weights_)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_models_with_layers_of_few_bits(suffix, tmp_path):
    layers = [
        kl.Conv2D(16, 3, padding="same", activation="relu", name="a"),
        kl.SeparableConv2D(32, 3, strides=2, use_bias=False, name="b"),
        kl.Conv2DTranspose(16, 3, strides=2, padding="same", name="c"),
        kl.DepthwiseConv2D(3, name="d"),
        kl.Flatten(),
        kl.Dense(50),
    ]
    model = normed((9, 9, 4), layers)
    x = np.random.default_rng(0).normal(size=(6, 9, 9, 4))
    path, small_path = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    scale = np.abs(model.predict(x, verbose=0)).max()
    assert export_network(model, path, x) < 1e-5 * scale
    small, _ = cluster_weights(model, 16, random_state=0)
    assert export_network(small, small_path, x) < 1e-5 * scale
    small, _ = quantize_int8(model)
    assert export_network(small, small_path, x) < 0.02 * scale
    if suffix == ".tflite":
        assert small_path.stat().st_size < 0.4 * path.stat().st_size


def test_what_the_runtime_does_not_know(tmp_path):
    model = normed((9, 9, 4), [kl.Conv2D(4, 3, groups=2)])
    with pytest.raises(ValueError, match="grouped convolutions are not"):
        export_network(model, tmp_path / "a.onnx", np.ones((2, 9, 9, 4)))


def test_refusals(cnn, tmp_path):
    with pytest.raises(ValueError, match=r"must end in '\.tflite' or '\.onnx'"):
        export_network(cnn, tmp_path / "cnn.h5")
    with pytest.raises(ValueError, match="takes numbers of shape"):
        export_network(cnn, tmp_path / "cnn.onnx", X[:3, :60])

"""Numbers, types and messages of compressed networks, to the letter."""

import re
import time

import keras
import numpy as np
import pytest
from compression_cases import normed
from keras import layers as kl
from numpy.testing import assert_allclose, assert_array_equal

from skextra.cnn import cluster_weights, compare_networks, fold_batch_norm, quantize_int8

pytestmark = pytest.mark.usefixtures("keras_seed")


def compiled(model, x):
    """Return the outputs by XLA, which has channels first on every device."""
    import tensorflow as tf

    return tf.function(model, jit_compile=True)(x).numpy()


@pytest.mark.parametrize(
    "layer, shape",
    [
        (kl.Conv2D(5, (3, 2), strides=2, data_format="channels_first"), (3, 8, 7)),
        (kl.Conv1D(4, 4, dilation_rate=2, padding="causal", data_format="channels_first"), (3, 9)),
    ],
    ids=["Conv2D", "Conv1D"],
)
def test_channels_first(layer, shape):
    model = normed(shape, [layer])
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    expected = compiled(model, x)
    for small, near in (
        (quantize_int8(model)[0], 0.05),
        (cluster_weights(model, 48, random_state=0)[0], 0.3),
    ):
        assert small.output_shape == model.output_shape
        assert_allclose(compiled(small, x), expected, atol=near)


def test_output_padding_is_not_lost():
    layers = [kl.Conv2DTranspose(4, 3, strides=2, output_padding=1), kl.BatchNormalization()]
    model = normed((5, 6, 3), layers)
    assert model.output_shape == (None, 12, 14, 4)
    folded, _ = fold_batch_norm(model)
    for small in (folded, quantize_int8(folded)[0], cluster_weights(folded, 4)[0]):
        assert small.output_shape == model.output_shape
        assert small(np.zeros((1, 5, 6, 3), np.float32)).shape == (1, 12, 14, 4)


def test_scales_are_of_channels():
    model = normed((8, 7, 3), [kl.SeparableConv2D(5, 2, depth_multiplier=2), kl.DepthwiseConv2D(2),
                               kl.Conv2DTranspose(4, 2), kl.Conv2D(6, 2)])  # fmt: skip
    shapes = [layer.scale_shapes for layer in quantize_int8(model)[0].layers]
    assert shapes == [
        [(1, 1, 3, 2), (1, 1, 1, 5)], [(1, 1, 5, 1)], [(1, 1, 4, 1)], [(1, 1, 1, 6)],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "size, dtype, by_keras",
    [(1.0, "float32", True), (0.0, "float32", True), (1e-9, "float32", False),
     (1.0, "float64", False), (1.0, "mixed_bfloat16", False)],
)  # fmt: skip
def test_who_quantises_a_dense_layer(size, dtype, by_keras):
    model = normed((6,), [kl.Dense(4, dtype=dtype)])
    kernel, bias = model.get_weights()
    kernel[:, 1] *= size
    model.set_weights([kernel, bias])
    (layer,) = quantize_int8(model)[0].layers
    assert (type(layer) is kl.Dense) == by_keras
    x = np.eye(6, dtype=np.float32)
    found, expected = (keras.ops.cast(f(x), "float32").numpy() for f in (layer, model))
    assert_allclose(found, expected, atol=0.05, rtol=0.05)


def test_types_that_differ_are_not_folded_either_way():
    for dense, norm in (("float32", "float64"), ("float64", "float32")):
        layers = [kl.Dense(4, dtype=dense, name="d"), kl.BatchNormalization(dtype=norm, name="b")]
        model = keras.Sequential([keras.Input((8,), dtype=dense), *layers])
        with pytest.raises(ValueError, match=f"b computes in {norm}, unlike d"):
            fold_batch_norm(model)


def test_sixteen_clusters_unless_told_otherwise():
    model = normed((8,), [kl.Dense(4, name="a"), kl.Dense(4, name="b")])
    for codebook in ("per_layer", "global"):
        plain, told = (
            cluster_weights(model, *n, codebook=codebook, random_state=0)[0] for n in ((), (16,))
        )
        for one, two in zip(plain.get_weights(), told.get_weights(), strict=True):
            assert_array_equal(one, two)


def test_what_is_said_of_too_many_clusters():
    model = normed((8,), [kl.Dense(4, name="a"), kl.Dense(3, name="b")])
    with pytest.raises(ValueError, match=re.escape(
        "The layer 'a' has 32 distinct weights, fewer than n_clusters=60; use fewer clusters, "
        "or leave the layer out by skip=['a']."
    )):  # fmt: skip
        cluster_weights(model, 60)
    with pytest.raises(ValueError, match=r"n_clusters=60; use fewer clusters\.$"):
        cluster_weights(model, 60, codebook="global")


def test_a_report_word_for_word(monkeypatch):
    model = normed((6,), [kl.Dense(4, name="d")])
    x, y = np.eye(6, dtype=np.float32), np.arange(6) % 4
    clock = iter(np.cumsum(np.resize([0.0, 0.25, 0.0, 0.5], 1000)))  # a predictor each in turn
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    small, report = quantize_int8(model, x, y)
    monkeypatch.undo()
    first, second = np.array(model(x)), np.array(small(x))
    right = [float((outputs.argmax(axis=1) == y).mean()) for outputs in (first, second)]
    off = np.abs(first - second)
    assert (report.seconds_before, report.seconds_after) == (0.25, 0.5)
    assert (report.speedup, report.n_timed) == (0.5, 6)
    assert (report.bytes_before, report.bytes_after) == (4 * 28, 24 + 4 * 4 + 4 * 4)
    assert repr(report).splitlines()[-1] == (
        f"112 bytes before, 56 now: 2.00 times smaller. Outputs differ by {off.max():.3g} at "
        f"most, {off.mean():.3g} in the mean; 6 samples take 250 ms before, 500 ms now. "
        f"Accuracy {right[0]:.4f} before, {right[1]:.4f} now."
    )
    assert report.transfer_seconds(8) == (14, 7)
    for bandwidth in (0, -1, "fast"):
        with pytest.raises(ValueError, match="must be bytes a second, above 0"):
            report.transfer_seconds(bandwidth)
    bare = compare_networks(model, small)
    assert repr(bare).endswith("112 bytes before, 56 now: 2.00 times smaller.")
    assert bare.speedup is None

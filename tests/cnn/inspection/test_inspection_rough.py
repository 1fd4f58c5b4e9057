"""Odd models and odd input, for what looks into networks."""

import keras
import numpy as np
import pytest
from cnn_cases import SMALL
from compression_cases import normed
from keras import layers as kl
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import (
    Histogram,
    conv_matrix,
    feature_maps,
    gradient_histograms,
    layer_table,
    misclassified,
    quantize_int8,
    weight_histograms,
)
from skextra.cnn._keras import numbers_of

pytestmark = pytest.mark.usefixtures("keras_seed")

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)[:400]
Y = Y[:400]
IMAGES = X.reshape(-1, 8, 8, 1)


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(**SMALL).fit(X, Y)


def receptive(shape, layers):
    model = keras.Sequential([keras.Input(shape), *layers])
    return layer_table(model)[-1].receptive_field


@pytest.mark.parametrize(
    "layers, expected",
    [
        ([kl.AveragePooling1D(2), kl.UpSampling1D(2), kl.Conv1D(1, 2)], 4),
        ([kl.Conv1DTranspose(1, 3, strides=2), kl.Conv1D(1, 2)], 2),
        ([kl.Conv1DTranspose(1, 3, strides=2), kl.Conv1D(1, 4)], 3),
        ([kl.Conv1DTranspose(1, 5, strides=3), kl.Conv1D(1, 2)], 2),
        ([kl.UpSampling1D(2), kl.MaxPooling1D(2)], 1),
        ([kl.UpSampling1D(5), kl.Conv1D(1, 20), kl.Conv1D(1, 2)], 5),
        ([kl.UpSampling1D(7), kl.UpSampling1D(7), kl.AveragePooling1D(49)], 1),
        ([kl.Conv1D(1, 3, padding="causal", dilation_rate=2), kl.ZeroPadding1D(2)], 5),
        ([kl.Cropping1D(3), kl.SeparableConv1D(1, 3), kl.Softmax(), kl.Conv1D(1, 2)], 4),
        ([kl.Softmax(axis=1)], None),
        ([kl.Permute((1, 2))], None),
    ],
)
def test_receptive_fields(layers, expected):
    found = receptive((48, 1), layers)
    assert found == (None if expected is None else (expected,))


def dependencies(kind, n, k, stride, dilation):
    """Which places along an axis each place of a layer depends on, by plain loops."""
    if kind == "window":
        n_out = (n - dilation * (k - 1) - 1) // stride + 1
        pairs = [(o, o * stride + i * dilation) for o in range(n_out) for i in range(k)]
    else:
        n_out = (n - 1) * stride + k
        pairs = [(p * stride + i, p) for p in range(n) for i in range(k)]
    matrix = np.zeros((n_out, n), dtype=int)
    matrix[tuple(np.transpose(pairs))] = 1
    return matrix


@pytest.mark.parametrize("seed", range(25))
def test_receptive_fields_of_random_stacks(seed):
    rng = np.random.default_rng(seed)
    n, layers, seen = 400, [], np.eye(400, dtype=int)
    for _ in range(rng.integers(2, 6)):
        k, stride, dilation = rng.integers(1, 5), rng.integers(1, 4), rng.integers(1, 4)
        kind = rng.choice(["conv", "dilated", "pool", "up", "transposed"])
        if kind == "up":
            k = stride
            layers.append(kl.UpSampling1D(int(stride)))
        elif kind == "transposed":
            k = stride + rng.integers(0, 3)  # all places are reached
            layers.append(kl.Conv1DTranspose(1, int(k), strides=int(stride)))
        elif kind == "pool":
            layers.append(kl.MaxPooling1D(int(k), strides=int(stride)))
        elif kind == "dilated":
            layers.append(kl.Conv1D(1, int(k), dilation_rate=int(dilation)))
        else:
            layers.append(kl.Conv1D(1, int(k), strides=int(stride)))
        spread = kind in ("up", "transposed")
        step = dependencies(
            "spread" if spread else "window", len(seen), k,
            1 if kind == "dilated" else stride, dilation if kind == "dilated" else 1,
        )  # fmt: skip
        seen = (step @ seen > 0).astype(int)
    found = receptive((n, 1), layers)
    spans = [np.flatnonzero(row) for row in seen]
    assert found == (max(span[-1] - span[0] + 1 for span in spans),)


def test_receptive_fields_where_paths_meet():
    x = keras.Input((32, 1))
    near = kl.Conv1D(1, 3, padding="same")(x)
    far = kl.Cropping1D(4)(kl.ZeroPadding1D((8, 0))(x))  # the input, moved by 4
    table = layer_table(keras.Model(x, kl.Add(name="sum")([near, far])))
    assert table["sum"].receptive_field == (6,)  # from 4 before to 1 behind
    up = kl.UpSampling1D(2)(kl.AveragePooling1D(2)(x))
    joined = keras.Model(x, kl.Conv1D(1, 2, name="end")(kl.Concatenate()([up, x])))
    assert layer_table(joined)["end"].receptive_field == (4,)
    slow = kl.Concatenate(axis=1, name="seam")([x, near])
    assert layer_table(keras.Model(x, slow))["seam"].receptive_field is None
    # Two neighbours of an upsampled image come from 2 or 4 pixels, by where they are.
    paths = [kl.MaxPooling1D(2)(x), kl.Conv1D(1, 1, strides=2)(x), kl.Conv1D(1, 1)(near)]
    same = layer_table(keras.Model(x, kl.Maximum(name="m")(paths[:2])))["m"]
    assert (same.receptive_field, same.receptive_stride) == ((2,), (2,))


def test_channels_first_and_flat_input():
    first = {"data_format": "channels_first"}
    model = keras.Sequential(
        [keras.Input((3, 12, 10)), kl.Conv2D(4, 3, strides=(2, 1), **first),
         kl.MaxPooling2D(2, **first), kl.Flatten()]
    )  # fmt: skip
    table = layer_table(model)
    assert table[0].macs == 5 * 8 * 27 * 4
    assert table[-1].receptive_field == (9, 10)
    rows = keras.Sequential(
        [keras.Input((64,)), kl.Rescaling(2.0), kl.Reshape((8, 8, 1)), kl.Conv2D(2, 3)]
    )
    assert layer_table(rows)[-1].receptive_field == (3, 3)
    mixed = keras.Sequential([keras.Input((64,)), kl.Dense(64), kl.Reshape((8, 8, 1))])
    assert [row.receptive_field for row in layer_table(mixed).rows] == [(), ()]


def test_squeeze_and_excite():
    x = keras.Input((16, 16, 3))
    y = kl.Conv2D(8, 3, padding="same")(x)
    weights = kl.Dense(8)(kl.Reshape((1, 1, 8))(kl.GlobalAveragePooling2D()(y)))
    table = layer_table(keras.Model(x, kl.Multiply()([y, weights]) * 0.5))
    assert [row.receptive_field for row in table.rows] == [(3, 3), *[(16, 16)] * 5]
    assert not table.unknown


def test_sizes_of_samples_and_those_left_open():
    batch = keras.Sequential([keras.Input((8, 8, 1), batch_size=32), kl.Conv2D(2, 3)])
    table = layer_table(batch)
    assert table.activation_bytes == 6 * 6 * 2 * 4
    assert table.peak_activation_bytes == table.activation_bytes + 64 * 4
    fixed = keras.Sequential([keras.Input((8, 8, 3)), kl.Conv2D(2, 3)])
    free = keras.Sequential([keras.Input((None, None, 3)), kl.Conv2D(2, 3)])
    for model, shape in [
        (fixed, (10, 10, 3)), (free, (8, 8, 4)), (free, 8), (free, (8.0, 8, 3)), (free, "abc"),
        (free, (-1, 8, 3)), (free, [(8, 8, 3), (8, 8, 3)]),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match="does not match the inputs of the model"):
            layer_table(model, shape)
    a, b = keras.Input((None, 2), name="a"), keras.Input((None, 2), name="b")
    two = keras.Model([a, b], kl.Concatenate(name="c")([a, b]))
    assert layer_table(two, [(5, 2), (5, 2)])["c"].output_shape == (5, 4)
    open_inside = keras.Sequential(
        [keras.Input((32, 8)), kl.EinsumDense("abc,cd->abd", output_shape=(None, 4)), kl.Dense(2)]
    )
    table = layer_table(open_inside)
    assert table[0].activation_bytes is table[1].macs is None
    assert table[0].macs == 32 * 8 * 4  # the size of the input tells
    assert table.to_frame()["macs"].isna().tolist() == [False, True]
    assert "?" in repr(table)


def test_names_and_parameters_of_layers_used_again():
    shared = kl.Conv2D(2, 3, padding="same", name="s")
    x = keras.Input((8, 8, 2))
    middle = kl.Conv2D(2, 1, name="middle")(shared(x))
    model = keras.Model(x, shared(kl.ReLU(name="relu")(middle)))
    table = layer_table(model)
    assert [row.name for row in table.rows] == ["s", "middle", "relu", "s (2)"]
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 2))
    maps = feature_maps(model, images)
    assert list(maps) == ["s", "s (2)"]
    assert_allclose(maps["s (2)"], model.predict(images, verbose=0), atol=1e-6)
    inner = keras.Sequential([keras.Input((8, 8, 2)), kl.Conv2D(2, 1, name="c")], name="inner")
    twice = keras.Model(x, inner(inner(inputs=x)))
    maps = feature_maps(twice, images, "all")
    assert list(maps) == ["inner/c", "inner/c (2)"]
    assert_allclose(maps["inner/c (2)"], twice.predict(images, verbose=0), atol=1e-6)
    dense = kl.Dense(3)
    steps = keras.Input((5, 4))
    model = keras.Model(steps, [kl.TimeDistributed(dense)(steps), dense(steps)])
    assert layer_table(model).parameters == model.count_params() == 15


def test_variables_of_one_name_in_a_layer():
    x = keras.Input((5, 4))
    y = kl.MultiHeadAttention(2, 3, name="mha")(x, x)
    y = kl.Bidirectional(kl.LSTM(3), name="both")(y)
    model = keras.Model(x, kl.Dense(3, name="out")(y))
    given = np.random.default_rng(0).normal(size=(6, 5, 4))
    weights = weight_histograms(model)
    gradients = gradient_histograms(model, given, [0, 1, 2, 0, 1, 2])
    assert len(weights) == len(gradients) == len(model.trainable_weights) == 16
    assert "mha/query/kernel" in weights
    sizes = sum(len(histogram.values) for histogram in weights.values())
    assert sizes == model.count_params()


def test_operations_are_not_layers():
    ops = keras.ops
    x = keras.Input((8, 8, 2))
    y = ops.conv(x, np.ones((3, 3, 2, 4), np.float32), padding="same")
    z = kl.Conv2D(2, 3)(ops.tanh(x))
    z = kl.Conv2D(2, 3, name="last")(ops.average(z, axis=-1, weights=None)[..., None])
    table = layer_table(keras.Model(x, [y, z]))
    assert set(table.unknown) > {"conv"}
    assert table["tanh"].macs == 0
    assert table["last"].receptive_field is None

    class Own(kl.Layer):
        options = "my own"

        def call(self, x):
            return 2 * x

    model = keras.Sequential([keras.Input((8, 8, 2)), Own(name="own"), kl.Conv2D(2, 3)])
    assert layer_table(model).unknown == ("own",)


def test_feature_maps_are_those_of_predictions():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kl.RandomFlip(name="flip"),
            kl.RandomRotation(0.3),
            kl.Conv2D(2, 3, activity_regularizer="l2"),
            kl.BatchNormalization(),
            kl.Dropout(0.5),
            kl.Flatten(),
            kl.Dense(2, name="out"),
        ]
    )
    model(IMAGES[:1])
    before = [numbers_of(v) for v in model.variables], len(model.losses)
    maps = feature_maps(model, IMAGES[:9], ["flip", "out"])
    assert_array_equal(maps["flip"], IMAGES[:9])
    assert_allclose(maps["out"], model.predict(IMAGES[:9], verbose=0), atol=1e-6)
    after = [numbers_of(v) for v in model.variables], len(model.losses)
    for one, two in zip(before[0], after[0], strict=True):
        assert_array_equal(one, two)
    assert before[1] == after[1]


def test_gradients_of_a_saturated_softmax():
    model = keras.Sequential([keras.Input((2,)), kl.Dense(2, activation="softmax")])
    model.set_weights([np.array([[200.0, -200], [0, 0]]), np.zeros(2)])
    found = gradient_histograms(model, [[1.0, 0.0]], [1])
    assert_allclose(next(iter(found.values())).values, [1, -1, 0, 0], atol=1e-6)


def test_histograms_of_odd_numbers():
    for values in (
        np.float32([1, 1 + 1.2e-7]), np.float16([6e4, -6e4]), np.float32([1e38, -3e38]),
        [5.0, 5.0], [0.0, 1e-320],
    ):  # fmt: skip
        histogram = Histogram.of(values)
        assert histogram.counts.sum() == 2
        assert (np.diff(histogram.edges) > 0).all()
    histogram = Histogram.of([np.nan, 1.0, 2.0, np.inf], 2)
    assert histogram.counts.tolist() == [1, 1]
    assert "not_finite=2" in repr(histogram)
    assert "n=0" in repr(Histogram.of([]))
    model = normed((4,), [kl.Dense(2)])
    model.set_weights([np.full((4, 2), np.nan), np.zeros(2)])
    assert weight_histograms(model).popitem()[1].counts.sum() == 2
    with pytest.raises(ValueError, match=r"outputs of the model .* are not finite"):
        misclassified(model, np.ones((2, 4)), [0, 1])


def test_labels_and_samples(cnn):
    column = misclassified(cnn, X, Y[:, None], n=3)
    assert_array_equal(column.indices, misclassified(cnn, X, Y.tolist(), n=3).indices)
    model = cnn.model_
    assert_array_equal(misclassified(model, IMAGES, Y.astype(float), 3).true, column.true)
    for bad, message in [
        (np.eye(10)[Y], "1d array"), (Y[:3], "3 classes for 400 samples"), ([], "0 classes for"),
        ([None] * 400, "labels .'None'. that are not among"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            misclassified(cnn, X, bad)
    with pytest.raises(ValueError, match="numbers of classes from 0 to 9"):
        misclassified(model, IMAGES, Y + 0.5)
    words = keras.Sequential(
        [keras.Input((5,), dtype="int32"), kl.Embedding(9, 3), kl.Flatten(), kl.Dense(2)]
    )
    numbers = np.arange(10).reshape(2, 5) % 9
    assert len(gradient_histograms(words, numbers, [0, 1])) == 3
    with pytest.raises(ValueError, match="X has fractions, but the model"):
        feature_maps(words, numbers + 0.5, "all")
    assert_allclose(
        feature_maps(words, numbers, words.layers[-1].name).popitem()[1],
        words.predict(numbers, verbose=0),
        atol=1e-6,
    )
    x = keras.Input((4,))
    for outputs in ([kl.Dense(2)(x), kl.Dense(3)(x)], {"a": kl.Dense(2)(x)}):
        with pytest.raises(ValueError, match="several outputs, or a dict"):
            quantize_int8(keras.Model(x, outputs), np.ones((2, 4)))
    for layers in (3, None, [["a"]]):
        with pytest.raises(TypeError, match="must be a name or a list of names"):
            feature_maps(cnn, X, layers)
    for weights in (None, 3):
        with pytest.raises(ValueError, match="'fitted', 'initial' or a list"):
            gradient_histograms(cnn, X, Y, weights=weights)


def test_conv_matrix_of_other_types():
    assert conv_matrix(np.ones(3, np.float16), 4).dtype == np.float32
    assert conv_matrix(np.ones(3, ">f8"), 4).dtype == np.float64
    for arguments in (
        ([1.0], 5, 2.5), ([1.0], 5, None), ([1.0], 5, 1, None), ([1.0], 5, 1, 1.5), ([1.0], None),
        ([1.0], 5.5), ([1.0], 5, 1, 0, None), ([[1.0], [1.0, 2.0]], 5),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="must be"):
            conv_matrix(*arguments)

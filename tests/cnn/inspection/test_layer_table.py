"""layer_table, against textbook tables, counted loops and gradients."""

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from sklearn.exceptions import NotFittedError

from skextra import CNNClassifier
from skextra.cnn import layer_table, quantize_int8

pytestmark = pytest.mark.usefixtures("keras_seed")


def test_the_course_network_in_one_table():
    cnn = CNNClassifier(
        filters=(16, 16, 32), kernel_size=(5, 3, 7), padding=2, pool_size=(4, 3, 2),
        pool_strides=2, dense_units=32, use_bias=(False, False, False, True),
        image_shape=(32, 32, 3), epochs=1, random_state=0,
    )  # fmt: skip
    X = np.random.default_rng(0).random((20, 32, 32, 3), dtype=np.float32)
    table = layer_table(cnn.fit(X, np.arange(20) % 10))
    rows = [
        ("conv1", (32, 32, 3), (32, 32, 16), (5, 5, 3, 16), 1200, 1228800, (5, 5), (1, 1)),
        ("conv2", (15, 15, 16), (17, 17, 16), (3, 3, 16, 16), 2304, 665856, (12, 12), (2, 2)),
        ("conv3", (8, 8, 16), (6, 6, 32), (7, 7, 16, 32), 25088, 903168, (40, 40), (4, 4)),
        ("dense1", (288,), (32,), (288, 32), 9216 + 32, 9216, (32, 32), None),
        ("output", (32,), (10,), (32, 10), 320 + 10, 320, (32, 32), None),
    ]
    for name, *expected in rows:
        row = table[name]
        assert [
            row.input_shape, row.output_shape, row.kernel_shape, row.parameters, row.macs,
            row.receptive_field, row.receptive_stride,
        ] == expected  # fmt: skip
    assert [table[f"conv{i}"].padding for i in (1, 2, 3)] == [(2, 2)] * 3
    assert [table[f"pool{i}"].output_shape[0] for i in (1, 2, 3)] == [15, 8, 3]
    assert table.parameters == 38170
    assert table.macs == 1228800 + 665856 + 903168 + 9216 + 320
    assert table.weight_bytes == 4 * 38170
    assert len(table) == len(cnn.model_.layers)


def test_the_course_counts():
    model = keras.Sequential(
        [keras.Input((32, 32, 8)), kl.ZeroPadding2D(2), kl.Conv2D(16, 7, strides=3)]
    )
    row = layer_table(model)[1]
    assert (row.parameters, row.output_shape, row.input_shape) == (6288, (10, 10, 16), (32, 32, 8))
    layers = [kl.Dense(10, use_bias=False), kl.ReLU(), kl.BatchNormalization(), kl.Dense(1)]
    table = layer_table(keras.Sequential([keras.Input((100,)), *layers]))
    # The running statistics, 20, are not parameters that training changes.
    assert table.trainable == 1031
    assert table.parameters == 1051


def places(n, k, stride, dilation, padding):
    """For every output along an axis, the inputs that the window meets, padding included."""
    span = dilation * (k - 1) + 1
    if padding == "causal":
        n_out, before = -(-n // stride), span - 1
    elif padding == "same":
        n_out = -(-n // stride)
        before = max((n_out - 1) * stride + span - n, 0) // 2
    else:
        n_out, before = (n - span) // stride + 1, 0
    return [[o * stride + i * dilation - before for i in range(k)] for o in range(n_out)]


def counted(layer, shape):
    """Count the multiplications of a convolution one by one."""
    *sizes, channels = shape
    name, total = type(layer).__name__, 0
    if "Transpose" in name:
        for _ in itertools.product(*map(range, sizes)):
            for _ in itertools.product(*map(range, layer.kernel_size)):
                total += channels * layer.filters
        return total
    axes = [
        places(n, k, s, d, layer.padding)
        for n, k, s, d in zip(
            sizes, layer.kernel_size, layer.strides, layer.dilation_rate, strict=True
        )
    ]
    for windows in itertools.product(*axes):
        for _ in itertools.product(*windows):
            if "Depthwise" in name or "Separable" in name:
                total += channels * layer.depth_multiplier
            else:
                total += channels // layer.groups * layer.filters
        if "Separable" in name:
            total += channels * layer.depth_multiplier * layer.filters
    return total


CONVOLUTIONS = [
    (kl.Conv1D(3, 3), (9, 2)),
    (kl.Conv1D(4, 3, padding="causal", dilation_rate=2), (9, 2)),
    (kl.Conv1D(4, 4, strides=2, padding="same", groups=2), (9, 2)),
    (kl.Conv2D(3, (3, 2), strides=(2, 1), padding="same"), (7, 6, 2)),
    (kl.Conv2D(4, 3, dilation_rate=2, groups=2, use_bias=False), (7, 8, 4)),
    (kl.Conv3D(2, (2, 1, 3)), (4, 3, 5, 2)),
    (kl.DepthwiseConv1D(3, depth_multiplier=2), (9, 3)),
    (kl.DepthwiseConv2D(3, strides=2, depth_multiplier=3, padding="same"), (7, 8, 2)),
    (kl.SeparableConv1D(5, 3, depth_multiplier=2), (9, 3)),
    (kl.SeparableConv2D(4, 3, padding="same"), (6, 7, 3)),
    (kl.Conv1DTranspose(4, 3, strides=2), (9, 2)),
    (kl.Conv2DTranspose(4, 3, strides=2, padding="same"), (6, 7, 3)),
    (kl.Conv3DTranspose(2, 2), (3, 4, 5, 2)),
]


@pytest.mark.parametrize("layer, shape", CONVOLUTIONS, ids=lambda x: getattr(x, "name", ""))
def test_macs_are_those_of_counted_loops(layer, shape):
    # Layers of the list serve more than once.
    layer = type(layer).from_config(layer.get_config())
    model = keras.Sequential([keras.Input(shape), layer])
    (row,) = layer_table(model).rows
    assert row.macs == counted(layer, shape)
    assert row.parameters == model.count_params()
    assert row.output_shape == model.output_shape[1:]


def branched():
    """A network with a shared layer, a nested model, an operation, branches and a skip."""
    x = keras.Input((12, 12, 3))
    a = kl.Conv2D(4, 3, padding="same", name="a")(x)
    inner = keras.Sequential([keras.Input((12, 12, 4)), kl.Conv2D(4, 1), kl.BatchNormalization()])
    inner.name = "inner"
    shared = kl.Conv2D(4, 5, padding="same", name="shared")
    b = shared(shared(inner(a)))
    c = keras.ops.relu(b + a)
    d = kl.Concatenate(name="cat")([c, a])
    d = kl.SpatialDropout2D(0.5)(d)
    return keras.Model(x, kl.Dense(3, name="out")(kl.GlobalAveragePooling2D(name="mean")(d)))


def test_graphs_shared_layers_and_nested_models():
    model = branched()
    before = model.get_layer("a").output
    table = layer_table(model)
    names = [row.name for row in table.rows]
    assert names[:3] == ["a", names[1], names[2]]
    assert all(name.startswith("inner/") for name in names[1:3])
    assert names[3:5] == ["shared", "shared (2)"]
    assert table["shared (2)"].parameters == 0 == table["shared (2)"].weight_bytes
    assert table["shared (2)"].macs == table["shared"].macs == 12 * 12 * 25 * 16
    assert table["cat"].input_shape == ((12, 12, 4), (12, 12, 4))
    assert table["shared (2)"].receptive_field == (11, 11)
    assert table["cat"].receptive_field == (11, 11)  # the larger of the two paths
    assert table["mean"].receptive_field == (12, 12)
    assert table.parameters == model.count_params()
    assert table.trainable == sum(math.prod(v.shape) for v in model.trainable_variables)
    assert not table.unknown
    # Looking at it has added nothing to the model.
    assert model.get_layer("a").output is before


def test_what_is_not_known_is_said():
    class Own(kl.Layer):
        def call(self, x):
            return x * 2.0

    x = keras.Input((8, 8, 2))
    y = kl.Conv2D(2, 3, padding="same", name="first")(x)
    y = kl.Conv2D(2, 3, padding="same", name="second")(Own(name="own")(y))
    y = kl.LayerNormalization(name="norm")(y)
    table = layer_table(keras.Model(x, y))
    assert table.unknown == ("own", "norm")
    assert table["own"].macs is None
    assert table["own"].receptive_field is None
    assert table["second"].receptive_field is None
    assert table.macs == table["first"].macs + table["second"].macs
    assert "at least" in repr(table)
    assert "own, norm" in repr(table)
    assert "?" in table._repr_html_()


def seen(model, shape, axes):
    """The largest span of inputs that any output depends on, by gradients."""
    x = tf.Variable(np.random.default_rng(0).random((1, *shape)), dtype=tf.float32)
    n_out = model.output_shape[1 : 1 + axes]
    spans = np.zeros(axes, dtype=int)
    for place in itertools.product(*(range(max(0, n // 2 - 2), n // 2 + 2) for n in n_out)):
        with tf.GradientTape() as tape:
            y = model(x)[(0, *place)]
            y = tf.reduce_sum(y)
        hit = np.nonzero(np.abs(tape.gradient(y, x).numpy()[0]).sum(axis=-1))
        spans = np.maximum(spans, [h.max() - h.min() + 1 for h in hit])
    return tuple(spans.tolist())


ones = {"kernel_initializer": "ones"}
STACKS = [
    (
        (64, 1),
        [kl.Conv1D(1, 3, **ones), kl.AveragePooling1D(2), kl.Conv1D(1, 4, strides=2, **ones)],
    ),
    (
        (64, 1),
        [kl.Conv1D(1, 3, dilation_rate=2, **ones), kl.Conv1D(1, 3, dilation_rate=4, **ones)],
    ),
    (
        (40, 40, 1),
        [
            kl.Conv2D(1, (3, 1), strides=(2, 1), **ones),
            kl.AveragePooling2D((2, 3), strides=(1, 2)),
            kl.ZeroPadding2D(1),
            kl.Conv2D(1, (2, 3), dilation_rate=(2, 1), **ones),
        ],
    ),
    ((30, 1), [kl.Conv1D(1, 3, **ones), kl.UpSampling1D(2), kl.Conv1D(1, 4, **ones)]),
    ((30, 1), [kl.Conv1DTranspose(1, 5, strides=2, **ones), kl.Conv1D(1, 3, **ones)]),
    ((10, 1), [kl.Conv1D(1, 3, strides=4, **ones), kl.Flatten(), kl.Dense(1, **ones)]),
]


@pytest.mark.parametrize("shape, layers", STACKS)
def test_receptive_fields_are_those_of_gradients(shape, layers):
    layers = [type(layer).from_config(layer.get_config()) for layer in layers]
    model = keras.Sequential([keras.Input(shape), *layers])
    axes = len(shape) - 1
    row = layer_table(model)[-1]
    if len(model.output_shape) == 2:
        with tf.GradientTape() as tape:
            x = tf.constant(np.ones((1, *shape), np.float32))
            tape.watch(x)
            y = model(x)
        hit = np.flatnonzero(tape.gradient(y, x).numpy())
        assert row.receptive_field == (hit.max() - hit.min() + 1,)
        assert row.receptive_stride is None
    else:
        assert row.receptive_field == seen(model, shape, axes)


def test_memory():
    x = keras.Input((4,))
    a = kl.Dense(10, name="a")(x)
    b = kl.Dense(6, name="b")(a)
    model = keras.Model(x, kl.Concatenate()([kl.Dense(2, name="c")(b), a]))
    table = layer_table(model)
    assert table.activation_bytes == 4 * (10 + 6 + 2 + 12)
    # While the last runs, what it takes is there too: a, c and its own output.
    assert table.peak_activation_bytes == 4 * (10 + 2 + 12)
    half = keras.Sequential([keras.Input((4,)), kl.Dense(3, dtype="float64")])
    assert layer_table(half).weight_bytes == 8 * 15
    assert layer_table(half).activation_bytes == 8 * 3


def test_pictures_of_the_table():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), kl.Conv2D(2, 3, name="a&b"), kl.Flatten(), kl.Dense(5)]
    )
    table = layer_table(model)
    lines = repr(table).splitlines()
    assert lines[1].split()[:4] == ["layer", "type", "input", "output"]
    assert lines[3].split()[:5] == ["a&b", "Conv2D", "8x8x1", "6x6x2", "3x3x1x2"]
    assert f"{model.count_params():,} parameters" in lines[-1]
    assert "a&amp;b" in table._repr_html_()
    frame = table.to_frame()
    assert frame.index.tolist() == [row.name for row in table.rows]
    assert frame["macs"].sum() == table.macs
    with pytest.raises(KeyError, match="is none of the layers"):
        table["c"]


def test_a_network_from_rows_and_one_of_open_sizes():
    model = keras.Sequential(
        [keras.Input((64,)), kl.Reshape((8, 8, 1)), kl.Conv2D(2, 3), kl.Flatten(), kl.Dense(1)]
    )
    assert [row.receptive_field for row in layer_table(model).rows[1:]] == [(3, 3), (8, 8), (8, 8)]
    free = keras.Sequential([keras.Input((None, None, 3)), kl.Conv2D(4, 3)])
    assert layer_table(free, input_shape=(10, 12, 3)).macs == 8 * 10 * 27 * 4
    with pytest.raises(ValueError, match="pass input_shape to layer_table"):
        layer_table(free)
    with pytest.raises(ValueError, match="does not match the inputs"):
        layer_table(free, input_shape=(10,))


def test_layers_of_few_bits_count_as_what_they_stand_for():
    model = keras.Sequential([keras.Input((8, 8, 3)), kl.SeparableConv2D(4, 3), kl.Flatten(),
                              kl.Dense(5)])  # fmt: skip
    small, _ = quantize_int8(model)
    before, after = layer_table(model), layer_table(small)
    for old, new in zip(before.rows, after.rows, strict=True):
        assert (old.type, old.macs, old.parameters) == (new.type, new.macs, new.parameters)
    assert after.weight_bytes < before.weight_bytes / 2


def test_bad_models():
    class Written(keras.Model):
        def call(self, x):
            return x

    for what, error, message in [
        (keras.Sequential([kl.Dense(3)]), ValueError, "is not built"),
        (Written(), ValueError, "functional API"),
        (3, TypeError, "must be a keras.Model or a fitted CNNClassifier"),
        (CNNClassifier(), NotFittedError, "not fitted"),
        (CNNClassifier().fit(np.ones((2, 4)), [1, 1]), ValueError, "y had one class"),
    ]:
        with pytest.raises(error, match=message):
            layer_table(what)

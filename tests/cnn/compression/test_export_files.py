"""export_network: a file is left only where its runtime computes what Keras computes."""

import contextlib
import inspect
import sys
import warnings

import keras
import numpy as np
import pytest
from compression_cases import normed
from keras import layers as kl
from numpy.testing import assert_allclose

from skextra.cnn import cluster_weights, export_network

pytestmark = pytest.mark.usefixtures("keras_seed")

HAS_LITERT = "litert" in inspect.getdoc(keras.Model.export)
SUFFIXES = [*([".tflite"] if HAS_LITERT else []), ".onnx"]
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _exporters_warn():
    """Let the exporters warn of what is theirs: old names in NumPy, TensorFlow and flatbuffers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run(path, *arrays):
    """Return what the runtime of a file computes, the inputs and outputs in the file's order."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [x.name for x in session.get_inputs()]
        outputs = session.run(None, dict(zip(names, arrays, strict=True)))
        return dict(zip([x.name for x in session.get_outputs()], outputs, strict=True))
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path)).get_signature_runner()
    return runner(**dict(zip(runner.get_input_details(), arrays, strict=True)))


def noise(*shape):
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "policy", ["float16", "mixed_float16", "bfloat16", "mixed_bfloat16", "float64"]
)
def test_types_are_written_as_float32(policy, suffix, tmp_path):
    dtype = policy.removeprefix("mixed_") if "mixed" not in policy else "float32"
    x = keras.Input((6, 6, 3), dtype=dtype)
    y = kl.Conv2D(4, 3, activation="relu", dtype=policy)(x)
    y = kl.BatchNormalization(dtype=policy)(y)
    y = kl.TimeDistributed(kl.Dense(3, dtype=policy), dtype=policy)(y)
    y = kl.Lambda(lambda x: 2 * x, dtype=policy)(y)
    model = keras.Model(x, kl.Dense(5, dtype=policy)(kl.Flatten(dtype=policy)(y)))
    images, path = noise(3, 6, 6, 3), tmp_path / f"a{suffix}"
    difference = export_network(model, path, images)
    expected = np.array(keras.ops.cast(model(keras.ops.cast(images, dtype)), "float32"))
    near = {"bfloat16": 2e-2, "float16": 2e-3, "float64": 1e-6}[policy.removeprefix("mixed_")]
    assert difference < near * np.abs(expected).max()
    (found,) = run(path, images).values()
    assert found.dtype == np.float32
    assert_allclose(found, expected, atol=near * np.abs(expected).max())
    assert model.inputs[0].dtype == dtype


def test_coded_layers_of_other_types(tmp_path):
    model = normed((9, 9, 4), [kl.Conv2D(8, 3, dtype="mixed_float16"), kl.Flatten(), kl.Dense(4)])
    small, _ = cluster_weights(model, 16, random_state=0)
    assert export_network(small, tmp_path / "a.onnx", noise(3, 9, 9, 4)) < 0.05


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("shape", [(7, 2), (5, 6, 2), (3, 4, 3, 2)])
def test_transposed_convolutions(shape, suffix, tmp_path):
    kind = getattr(kl, f"Conv{len(shape) - 1}DTranspose")
    x = keras.Input(shape)
    outputs = [
        kind(3, size, strides=strides, output_padding=more, dilation_rate=dilation,
             padding=padding, use_bias=size != 2)(x)
        for padding in ("valid", "same")
        for size, strides, more, dilation in [
            (2, 3, None, 1), (1, 2, None, 1), (1, 3, 1, 1), (2, 3, 1, 1), (3, 2, 1, 1),
            (3, 2, 0, 1), (3, 2, None, 1), (4, 2, None, 1), (3, 1, None, 2),
        ]
    ]  # fmt: skip
    model = keras.Model(x, outputs)
    path = tmp_path / f"a{suffix}"
    assert export_network(model, path) is None
    images = noise(3, *shape)
    expected = [np.array(x) for x in model(images)]
    found = run(path, images)
    names = sorted(
        found, key=lambda name: int("".join(filter(str.isdigit, name.split(":")[0])) or 0)
    )
    for name, y in zip(names, expected, strict=True):
        assert_allclose(found[name], y, atol=1e-5)


def adapted(layer):
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(0.1 * noise(*layer.lora_kernel_b.shape))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_layers_that_keras_has_quantised(mode, suffix, tmp_path):
    x = keras.Input((4, 6))
    y = kl.MultiHeadAttention(2, 3)(x, x)
    y = kl.EinsumDense("abc,cd->adb", output_shape=(5, 4))(y)
    y = kl.Conv1D(4, 2, name="conv")(y)
    model = keras.Model(x, kl.Dense(3, name="last")(kl.Flatten()(y)))
    model.quantize(mode)
    adapted(model.get_layer("conv"))
    adapted(model.get_layer("last"))
    rows = noise(20, 4, 6)
    expected = np.array(model(rows))
    near = 0.05 * np.abs(expected).max()
    assert export_network(model, tmp_path / f"a{suffix}", rows) < near
    (found,) = run(tmp_path / f"a{suffix}", rows).values()
    assert_allclose(found, expected, atol=near)


def test_what_keras_computes_wrong_is_refused(tmp_path):
    # Keras multiplies by the codes of a quantised layer in TimeDistributed, not by its weights.
    x = keras.Input((4, 6))
    model = keras.Model(x, kl.TimeDistributed(kl.Dense(8))(x))
    model.quantize("int8")
    with pytest.raises(ValueError, match="differ from those of Keras"):
        export_network(model, tmp_path / "a.onnx")


def test_float8_is_refused(tmp_path):
    model = normed((6,), [kl.Dense(4, name="d")])
    model.layers[0].quantize("float8")
    with pytest.raises(ValueError, match="'d' rounds its inputs to float8"):
        export_network(model, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


REFUSED = {
    ".onnx": (
        (9, 9, 4),
        lambda: kl.Conv2D(4, 3, groups=2, name="odd"),
        "grouped convolutions are not: odd",
    ),
    ".tflite": ((5, 3), lambda: kl.LSTM(4, name="odd"), r"without unroll=True are not: odd"),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_left_of_what_the_runtime_refuses(suffix, tmp_path):
    shape, make, message = REFUSED[suffix]
    model = keras.Sequential([keras.Input(shape), make()])
    path = tmp_path / f"a{suffix}"
    with pytest.raises(ValueError, match=message):
        export_network(model, path)
    assert not list(tmp_path.iterdir())
    path.write_text("of yesterday")
    for X in (None, noise(2, *shape)):
        with pytest.raises(ValueError, match="so the file was removed"):
            export_network(model, path, X)
    assert path.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_where_numbers_are_others(tmp_path, monkeypatch):
    model = normed((6,), [kl.Dense(4, name="d")])
    export = keras.Model.export

    def wrong(model, *args, **kwargs):
        weights = model.get_weights()
        model.set_weights([-w for w in weights])
        export(model, *args, **kwargs)
        model.set_weights(weights)

    monkeypatch.setattr(keras.Model, "export", wrong)
    with pytest.raises(ValueError, match="differ from those of Keras by"):
        export_network(model, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_several_inputs_and_outputs(suffix, tmp_path):
    x, y = keras.Input((4,), name="zz"), keras.Input((4,), name="aa")
    outputs = [kl.Dense(3)(x), kl.Dense(3)(kl.Subtract()([x, y])), kl.Dense(3)(y)]
    path = tmp_path / f"a{suffix}"
    assert export_network(keras.Model([x, y], outputs), path) is None
    assert path.exists()
    named = keras.Model({"q": x, "b": y}, dict(zip("zam", outputs, strict=True)))
    assert export_network(named, path) is None
    first, second = noise(2, 5, 4)
    found = run(path, second, first)  # in the order of their names
    for name, expected in named({"q": first, "b": second}).items():
        assert_allclose(found[name], expected, atol=1e-5)
    with pytest.raises(ValueError, match="has 3 outputs; the difference can only be"):
        export_network(keras.Model(x, [outputs[0]] * 3), path, first)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_open_sizes_and_numbers_of_words(suffix, tmp_path):
    layers = [kl.Conv2D(4, 3, padding="same"), kl.GlobalAveragePooling2D(), kl.Dense(2)]
    model = keras.Sequential([keras.Input((None, None, 3)), *layers])
    path = tmp_path / f"a{suffix}"
    export_network(model, path)
    for shape in ((1, 9, 7, 3), (3, 20, 21, 3)):
        images = noise(*shape)
        (found,) = run(path, images).values()
        assert_allclose(found, model(images), atol=1e-5)
    words = keras.Sequential(
        [
            keras.Input((5,), dtype="int32", batch_size=3),
            kl.Embedding(7, 4),
            kl.LSTM(3, unroll=True),
        ]
    )
    rows = RNG.integers(0, 7, (3, 5))
    assert export_network(words, path, rows) < 1e-5


def test_without_the_runtime(tmp_path, monkeypatch):
    model, path = normed((6,), [kl.Dense(4)]), tmp_path / "a.onnx"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    with pytest.warns(UserWarning, match=r"a\.onnx could not be tried, as onnxruntime is not"):
        assert export_network(model, path) is None
    path.unlink()
    with pytest.raises(ImportError, match="needs onnxruntime, which is not installed"):
        export_network(model, path, noise(2, 6))
    assert not list(tmp_path.iterdir())


def test_paths(tmp_path):
    model = normed((6,), [kl.Dense(4)])
    (tmp_path / "a.onnx").mkdir()
    for path in (tmp_path / "a.onnx", tmp_path / "none" / "a.onnx"):
        with pytest.raises(ValueError, match="must name a file in an existing folder"):
            export_network(model, path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("given", [True, False])
def test_open_sizes_need_not_be_small(given, suffix, tmp_path):
    convolutions = [kl.Conv2D(4, 3, strides=2) for _ in range(5)]
    model = keras.Sequential(
        [keras.Input((None, None, 3)), *convolutions, kl.GlobalAveragePooling2D(), kl.Dense(2)]
    )
    X = RNG.random((3, 96, 96, 3)).astype(np.float32) if given else None
    difference = export_network(model, tmp_path / f"open{suffix}", X)
    assert difference is None or difference < 1e-5
    assert (tmp_path / f"open{suffix}").exists()


def test_a_model_that_noise_breaks_asks_for_samples(tmp_path):
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), kl.Embedding(1, 4), kl.Flatten(), kl.Dense(2)]
    )
    with pytest.raises(ValueError, match=r"cannot compute the samples.*Pass valid samples as X"):
        export_network(model, tmp_path / "one.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_model_that_remembers_is_left_where_it_was(suffix, tmp_path):
    inputs = keras.Input(batch_shape=(2, 5, 3))
    model = keras.Sequential([inputs, kl.LSTM(4, stateful=True, unroll=True), kl.Dense(2)])
    model(np.ones((2, 5, 3), np.float32))
    before = [np.array(state) for state in model.layers[0].states]
    with contextlib.suppress(ValueError):  # it may be refused
        export_network(model, tmp_path / f"stateful{suffix}")
    for state, old in zip(model.layers[0].states, before, strict=True):
        assert_allclose(np.array(state), old, rtol=0)


def test_inputs_that_the_model_has_not_are_named(tmp_path):
    scaled = kl.Normalization()
    scaled.adapt(RNG.normal(size=(50, 6)).astype(np.float32))
    model = keras.Sequential([keras.Input((6,)), scaled, kl.Dense(2)])
    with pytest.raises(ValueError, match=r"takes 3 inputs.*Normalization"):
        export_network(model, tmp_path / "normal.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_outputs_are_told_by_their_keys(suffix, tmp_path):
    inputs = keras.Input((8,))
    hidden = kl.Dense(4)(inputs)
    model = keras.Model(inputs, {key: kl.Dense(2)(hidden) for key in ("1", "2", "10")})
    export_network(model, tmp_path / f"keys{suffix}")
    assert (tmp_path / f"keys{suffix}").exists()

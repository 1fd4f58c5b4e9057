"""Layers that Keras itself has quantised or given LoRA weights: what is said of them is true."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers as kl
from numpy.testing import assert_allclose

from skextra.cnn import (
    compare_networks,
    fold_batch_norm,
    layer_table,
    quantize_int8,
    weight_histograms,
)
from skextra.cnn._keras import numbers_of

pytestmark = pytest.mark.usefixtures("keras_seed")

# A layer, the shape of what it takes, and the shape of its kernel.
LAYERS = {
    "dense": (lambda: kl.Dense(5, name="q"), (7,), (7, 5)),
    "dense of one": (lambda: kl.Dense(1, name="q"), (7,), (7, 1)),
    "from one": (lambda: kl.Dense(5, name="q"), (1,), (1, 5)),
    "einsum": (
        lambda: kl.EinsumDense(
            "abc,cde->abde", output_shape=(None, 3, 2), bias_axes="e", name="q"
        ),
        (4, 6),
        (6, 3, 2),
    ),
    "einsum that moves axes": (
        lambda: kl.EinsumDense("abc,cd->adb", output_shape=(5, 4), name="q"), (4, 6), (6, 5)
    ),
    "einsum of two": (
        lambda: kl.EinsumDense("abcd,cde->abe", output_shape=(None, 5), name="q"),
        (2, 3, 4),
        (3, 4, 5),
    ),
    "einsum of any axes": (
        lambda: kl.EinsumDense("...x,xy->...y", output_shape=5, name="q"), (4, 6), (6, 5)
    ),
}  # fmt: skip


def calibrated(mode, **options):
    """Return a configuration for GPTQ or AWQ, which need texts."""
    return getattr(keras.quantizers, f"{mode.upper()}Config")(
        dataset=["a b"], tokenizer=str, **options
    )


def made(name, mode=None, rank=None, **options):
    make, shape, kernel = LAYERS[name]
    model = keras.Sequential([keras.Input(shape), make()])
    if mode:
        model.layers[0].quantize(mode, **options)
    if rank:
        adapted(model.layers[0], rank)
    return model, shape, kernel


def quantize(model, mode):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of layers that Keras leaves
        model.quantize(mode)


def adapted(layer, rank):
    """Give a layer LoRA weights that are not those of its start, which change nothing."""
    layer.enable_lora(rank, lora_alpha=3)
    b = layer.lora_kernel_b
    b.assign(np.random.default_rng(1).normal(size=b.shape))


def computed(model, shape, kernel):
    """Return the kernel that a layer computes with, read from what it makes of single ones."""
    n = int(np.prod(shape))
    zero = np.array(model(np.zeros((1, *shape), np.float32)))
    outputs = np.array(model(np.eye(n, dtype=np.float32).reshape(n, *shape))) - zero
    layer = model.layers[0]
    if not hasattr(layer, "equation"):
        return outputs
    rows = outputs.reshape(*shape, *outputs.shape[1:])
    return {
        "abc,cde->abde": lambda: rows[0, :, 0],
        "abc,cd->adb": lambda: rows[0, :, :, 0],
        "abcd,cde->abe": lambda: rows[0, :, :, 0],
        "...x,xy->...y": lambda: rows[0, :, 0],
    }[layer.equation]()


HAS_BLOCKS = hasattr(keras.quantizers.Int4QuantizationConfig(), "block_size")
MODES = ["int8", "int4", *(["int4 in blocks", "int4 by channels"] if HAS_BLOCKS else [])]
CASES = [
    (name, mode, rank)
    for name in LAYERS
    for mode in (None, *MODES)
    for rank in (None, 2)
    # Of these Keras cannot quantise the one, nor compute the other.
    if not (mode and name == "einsum of any axes")
    and not (mode and rank and name == "einsum that moves axes")
]


@pytest.mark.parametrize("name, mode, rank", CASES)
def test_kernels_are_those_that_the_layer_computes_with(name, mode, rank):
    options = {}
    if mode and mode.startswith("int4 "):
        size = {"in blocks": 4, "by channels": None}[mode[5:]]
        config = keras.quantizers.Int4QuantizationConfig(block_size=size)
        mode, options = "int4", {"config": config}
    model, shape, kernel = made(name, mode, rank, **options)
    found = weight_histograms(model)["q/kernel"].values.reshape(kernel)
    expected = computed(model, shape, kernel)
    assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())
    assert len(np.unique(found)) > min(found.size, 8) // 2  # not all of one
    (row,) = layer_table(model).rows
    assert row.kernel_shape == kernel
    n_lora = rank * (kernel[-1] + int(np.prod(kernel[:-1]))) if rank else 0
    bias = model.layers[0].bias
    n_bias = 0 if bias is None else int(np.prod(bias.shape))
    assert row.parameters == int(np.prod(kernel)) + n_bias + n_lora
    assert row.weight_bytes == sum(numbers_of(w).nbytes for w in model.weights)


@pytest.mark.parametrize("mode", ["int8", "int4"])
@pytest.mark.parametrize("rank", [None, 2])
def test_embeddings(mode, rank):
    layer = kl.Embedding(7, 5, name="q")
    model = keras.Sequential([keras.Input((1,), dtype="int32"), layer])
    layer.quantize(mode)
    if rank:
        layer.enable_lora(rank)
        layer.lora_embeddings_b.assign(np.ones(layer.lora_embeddings_b.shape))
    found = weight_histograms(model)["q/embeddings"].values.reshape(7, 5)
    assert_allclose(found, np.array(model(np.arange(7)[:, None]))[:, 0], atol=1e-6)
    (row,) = layer_table(model).rows
    assert (row.kernel_shape, row.parameters) == ((7, 5), 35 + (2 * 12 if rank else 0))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_reversible_embeddings(mode, tied):
    layer = kl.ReversibleEmbedding(7, 5, tie_weights=tied, name="q")
    model = keras.Sequential([keras.Input((1,), dtype="int32"), layer])
    layer.quantize(mode)
    found = weight_histograms(model)
    assert_allclose(
        found["q/embeddings"].values.reshape(7, 5),
        np.array(model(np.arange(7)[:, None]))[:, 0],
        atol=1e-6,
    )
    if not tied:
        expected = np.array(layer(np.eye(5, dtype=np.float32), reverse=True))
        kernel = found["q/reverse_embeddings"].values.reshape(5, 7)
        assert_allclose(kernel, expected, atol=2e-2 * np.abs(expected).max())
    assert layer_table(model)[0].parameters == 35 * (1 if tied else 2)


def test_int4_of_a_layer_of_4010_parameters():
    model = keras.Sequential([keras.Input((400,)), kl.Dense(10, name="d")])
    before, plain = layer_table(model), weight_histograms(model)["d/kernel"].values
    quantize(model, "int4")
    table = layer_table(model)
    assert table[0].parameters == table.parameters == before.parameters == 4010
    assert table[0].kernel_shape == (400, 10)
    assert table[0].macs == 4000
    # Two numbers in a byte, and what belongs to groups of them.
    assert table.weight_bytes == sum(numbers_of(w).nbytes for w in model.weights) < 2000 + 2000
    found = weight_histograms(model)["d/kernel"].values
    assert np.corrcoef(found, plain)[0, 1] > 0.98
    assert compare_networks(model, model).rows[0].parameters == 4010


def test_float8():
    model, shape, kernel = made("dense", "float8")
    layer = model.layers[0]
    layer.kernel_scale.assign(0.003)  # as training would
    layer.inputs_scale.assign(1 / 256)
    found = weight_histograms(model)["q/kernel"].values.reshape(kernel)
    assert_allclose(found, computed(model, shape, kernel), atol=1e-6)
    assert_allclose(found, numbers_of(layer.kernel), rtol=0.07)
    assert layer_table(model).parameters == 7 * 5 + 5
    histograms = weight_histograms(model)
    assert set(histograms) == {"q/kernel", "q/bias"}


@pytest.mark.parametrize(
    "mode", ["gptq", *(["awq"] if hasattr(keras.quantizers, "AWQConfig") else [])]
)
@pytest.mark.parametrize("name", ["dense", "einsum", "dense of one"])
def test_kernels_that_data_have_calibrated(mode, name):
    options = {"weight_bits": 8} if mode == "gptq" else {}
    for bits in ({**options, "group_size": 3}, {"group_size": -1}):
        config = calibrated(mode, **bits)
        model, shape, kernel = made(name, mode, config=config)
        layer = model.layers[0]
        expected = computed(model, shape, kernel)
        found = weight_histograms(model)["q/kernel"].values.reshape(kernel)
        assert_allclose(found, expected, atol=1e-6)  # as long as nothing has been calibrated
        rng = np.random.default_rng(0)
        for variable in (layer.quantized_kernel, layer.kernel_scale, layer.kernel_zero):
            high = 2 if variable is layer.kernel_scale else 16
            variable.assign(rng.integers(1, high, variable.shape).astype(str(variable.dtype)))
        layer.kernel_scale.assign(rng.uniform(0.5, 2, layer.kernel_scale.shape))
        groups = layer.kernel_scale.shape[1]
        layer.g_idx.assign(np.arange(layer.g_idx.shape[0]) % groups)
        if mode == "awq":
            layer.awq_scales.assign(rng.uniform(0.5, 2, layer.awq_scales.shape))
        setattr(layer, f"is_{mode}_calibrated", True)
        del layer._kernel  # as Keras does then
        found = weight_histograms(model)["q/kernel"].values.reshape(kernel)
        assert_allclose(found, computed(model, shape, kernel), rtol=1e-5, atol=1e-5)
        (row,) = layer_table(model).rows
        assert row.kernel_shape == kernel
        bias = 0 if layer.bias is None else int(np.prod(layer.bias.shape))
        assert row.parameters == int(np.prod(kernel)) + bias


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_layers_in_layers(mode):
    x = keras.Input((4, 6))
    y = kl.MultiHeadAttention(2, 3, name="mha")(x, x)
    model = keras.Model(x, kl.TimeDistributed(kl.Dense(5, name="inner"), name="td")(y))
    before, plain = layer_table(model), weight_histograms(model)
    quantize(model, mode)
    after, found = layer_table(model), weight_histograms(model)
    for old, new in zip(before.rows, after.rows, strict=True):
        assert (old.parameters, old.kernel_shape) == (new.parameters, new.kernel_shape)
        assert old.macs == new.macs
    assert set(found) <= set(plain)
    for name in ("mha/query/kernel", "mha/attention_output/kernel", "td/kernel"):
        assert_allclose(
            found[name].values, plain[name].values, atol=0.1 * np.abs(plain[name].values).max()
        )
    actions = {row.layer: row.action for row in compare_networks(model, model).rows}
    assert actions == {"mha": mode, "td": mode}


@pytest.mark.parametrize("layer, shape", [(kl.Dense(5), (7,)), (kl.Conv2D(5, 3), (6, 6, 2))])
def test_lora_weights_are_in_the_kernel(layer, shape):
    model = keras.Sequential([keras.Input(shape), type(layer).from_config(layer.get_config())])
    (layer,) = model.layers
    adapted(layer, 2)
    found = weight_histograms(model)[f"{layer.name}/kernel"].values
    assert_allclose(found, np.array(layer.kernel).ravel(), atol=1e-6)
    assert layer_table(model).parameters == model.count_params()


@pytest.mark.parametrize(
    "layer, shape",
    [
        (kl.EinsumDense("...x,xy->...y", output_shape=5, name="q"), (4, 6)),
        (kl.EinsumDense("ab,bc->ac", output_shape=5, dtype="mixed_float16", name="q"), (6,)),
    ],
)
def test_what_keras_cannot_quantise_is_named(layer, shape):
    model = keras.Sequential([keras.Input(shape), layer])
    with pytest.raises(ValueError, match=r"cannot quantise the layer 'q' .* skip=\['q'\]"):
        quantize_int8(model)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_they_are_stored_in_fewer_bytes_already(mode):
    x = keras.Input((4, 6))
    model = keras.Model(x, kl.TimeDistributed(kl.Dense(5), name="td")(x))
    quantize(model, mode)
    with pytest.raises(ValueError, match="'td' is compressed already"):
        quantize_int8(model)
    bare = keras.Sequential([keras.Input((6,)), kl.Dense(4), kl.BatchNormalization(name="n")])
    quantize(bare, mode)
    with pytest.raises(ValueError, match=r"n follows dense.*, which is quantised already"):
        fold_batch_norm(bare)


def test_networks_with_layers_that_cannot_be_copied_are_refused_by_name():
    x = keras.Input((4, 6))
    y = kl.MultiHeadAttention(2, 3, name="mha")(x, x)
    model = keras.Model(x, kl.Conv1D(3, 2)(y))
    model.get_layer("mha").output_dense.quantize("int8")
    with pytest.raises(ValueError, match="'mha' of type MultiHeadAttention cannot be copied"):
        quantize_int8(model, skip=["mha"])
    calibrated_model, _, _ = made("dense", "gptq", config=calibrated("gptq", group_size=-1))
    calibrated_model.add(kl.Dense(3))
    calibrated_model.layers[0].is_gptq_calibrated = True
    with pytest.raises(ValueError, match="'q' of type Dense is quantised by GPTQ, and cannot be"):
        quantize_int8(calibrated_model, skip=["q"])

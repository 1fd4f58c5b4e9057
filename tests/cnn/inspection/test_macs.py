"""layer_table: multiplications of recurrent layers, attention, wrappers, against counted loops."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers as kl

from skextra.cnn import layer_table
from skextra.cnn._keras import numbers_of

pytestmark = pytest.mark.usefixtures("keras_seed")

T, N, U = 5, 4, 3  # steps, inputs, units


def model_of(layer, *shapes, call=None):
    inputs = [keras.Input(shape) for shape in shapes]
    outputs = call(layer, *inputs) if call else layer(*inputs)
    return keras.Model(inputs, outputs)


def dot(x, kernel, counter):
    """Return x @ kernel by loops, each multiplication counted."""
    y = np.zeros(kernel.shape[1])
    for i, j in itertools.product(*map(range, kernel.shape)):
        y[j] += x[i] * kernel[i, j]
        counter.append(1)
    return y


def of_steps(layer, n_gates):
    """Count what a recurrent layer's kernels cost over all steps."""
    counter, kernel = [], numbers_of(layer.cell.kernel)
    recurrent = numbers_of(layer.cell.recurrent_kernel)
    assert kernel.shape == (N, n_gates * U)
    for _ in range(T):
        dot(np.ones(N), kernel, counter)
        dot(np.ones(U), recurrent, counter)
    return len(counter)


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize(
    "kind, n_gates, options",
    [("LSTM", 4, {}), ("GRU", 3, {}), ("GRU", 3, {"reset_after": False}), ("SimpleRNN", 1, {})],
)
def test_recurrent_layers(kind, n_gates, options, sequences):
    layer = getattr(kl, kind)(U, return_sequences=sequences, **options)
    model = model_of(layer, (T, N))
    macs = of_steps(layer, n_gates)
    assert macs == T * n_gates * U * (N + U)
    assert layer_table(model).macs == macs
    both = kl.Bidirectional(type(layer).from_config({**layer.get_config(), "name": "again"}))
    assert layer_table(model_of(both, (T, N))).macs == 2 * macs
    cell = layer.cell
    of_cell = kl.RNN(type(cell).from_config({**cell.get_config(), "name": "cell"}))
    assert layer_table(model_of(of_cell, (T, N))).macs == macs
    open_steps = model_of(type(layer).from_config({**layer.get_config(), "name": "b"}), (None, N))
    assert layer_table(open_steps, input_shape=(2 * T, N)).macs == 2 * macs


def test_cells_in_stacks_and_of_the_users_own():
    stack = kl.RNN(kl.StackedRNNCells([kl.LSTMCell(U), kl.GRUCell(2)]))
    assert layer_table(model_of(stack, (T, N))).macs == T * (4 * U * (N + U) + 3 * 2 * (U + 2))

    class Own(kl.SimpleRNNCell):
        pass

    table = layer_table(model_of(kl.RNN(Own(U), name="mine"), (T, N)))
    assert table.unknown == ("mine",)
    assert "at least 0 MACs" in repr(table)


@pytest.mark.parametrize("axes", [1, 2])
def test_recurrent_convolutions(axes):
    layer = getattr(kl, f"ConvLSTM{axes}D")(2, 3, strides=2, padding="same")
    table = layer_table(model_of(layer, (T, *[6] * axes, N)))
    counter = 0
    for _ in range(T):
        for _ in itertools.product(range(3), repeat=axes):  # places that it puts out
            for _ in itertools.product(range(3), repeat=axes):  # of the window
                counter += 4 * 2 * (N + 2)
    assert table.macs == counter


def test_wrappers():
    layer = kl.TimeDistributed(kl.Conv2D(3, 2))
    assert layer_table(model_of(layer, (T, 6, 6, N))).macs == T * 25 * 4 * N * 3
    x = keras.Input((6, 6, N))
    inner = keras.Model(x, kl.Dense(2)(kl.Flatten()(kl.DepthwiseConv2D(3)(x))))
    layer = kl.TimeDistributed(inner)
    assert layer_table(model_of(layer, (T, 6, 6, N))).macs == T * (16 * 9 * N + 16 * N * 2)
    layer = kl.SpectralNormalization(kl.Dense(7))
    assert layer_table(model_of(layer, (N,))).macs == N * 7


@pytest.mark.parametrize(
    "equation, output, shape, macs",
    [
        ("ab,bc->ac", (6,), (N,), N * 6),
        ("abc,cde->abde", (None, 2, 6), (T, N), T * N * 2 * 6),
        ("abcd,cde->abe", (None, 6), (T, 2, N), T * 2 * N * 6),
        ("abc,bcd->abd", (T, 6), (T, N), T * N * 6),
        ("...x,xy->...y", 6, (T, 2, N), T * 2 * N * 6),
        ("ab...,bc->ac...", (6, None), (N, T), T * N * 6),
    ],
)
def test_einsums(equation, output, shape, macs):
    # With ones throughout, every output is the number of what was added up for it.
    layer = kl.EinsumDense(equation, output_shape=output, kernel_initializer="ones")
    model = model_of(layer, shape)
    assert layer_table(model).macs == macs == np.array(model([np.ones((1, *shape))])).sum()


def attention(n_query, n_key, heads, key_heads, size, value_size, out):
    """Count the multiplications of an attention in heads, loop by loop."""
    count = n_query * N * heads * size  # projections
    count += n_key * N * key_heads * (size + value_size)
    for _ in range(heads):
        for _ in range(n_query):
            for _ in range(n_key):
                count += size  # of the score
                count += value_size  # of the sum of values
    return count + n_query * heads * value_size * out


def test_attention_in_heads():
    layer = kl.MultiHeadAttention(2, 3, value_dim=5, name="a")
    expected = attention(T, 7, 2, 2, 3, 5, N)
    for call in (
        lambda a, x, y: a(x, y),
        lambda a, x, y: a(key=y, value=y, query=x),
        lambda a, x, y: a(x, y, attention_mask=np.ones((1, T, 7), bool)),
    ):
        assert layer_table(model_of(layer, (T, N), (7, N), call=call)).macs == expected
    grouped = kl.GroupQueryAttention(3, 4, 2)
    macs = layer_table(model_of(grouped, (T, N), (7, N))).macs
    assert macs == attention(T, 7, 4, 2, 3, 3, N)
    # Along one axis of two, the other like samples.
    layer = kl.MultiHeadAttention(2, 3, attention_axes=2)
    macs = layer_table(model_of(layer, (6, T, N), call=lambda a, x: a(x, x))).macs
    assert macs == 6 * attention(T, T, 2, 2, 3, 3, N)


def of_a_list(layer, x, y):
    return layer([x, y])


@pytest.mark.parametrize("kind", [kl.Attention, kl.AdditiveAttention])
def test_attention_without_heads(kind):
    layer = kind(use_scale=True)
    assert layer_table(model_of(layer, (T, N), (7, N), call=of_a_list)).macs == T * 7 * (N + N)


def test_products_of_two():
    assert layer_table(model_of(kl.Dot(2), (T, N), (7, N), call=of_a_list)).macs == T * 7 * N
    assert layer_table(model_of(kl.Dot((2, 1)), (T, N), (N, 6), call=of_a_list)).macs == T * 6 * N


def test_embeddings():
    x = keras.Input((T,), dtype="int32")
    table = kl.ReversibleEmbedding(9, N)
    assert layer_table(keras.Model(x, table(x))).macs == 0
    model = keras.Model(x, table(table(x), reverse=True))
    assert layer_table(model).macs == T * N * 9


def test_lora_weights_of_quantised_layers_cost_apart():
    for layer, shape, macs in (
        (kl.Dense(6), (T, N), (N + 6) * 2 * T),
        (kl.EinsumDense("abc,cde->abde", output_shape=(None, 3, 6)), (T, N), (N + 6) * 2 * 3 * T),
    ):
        model = model_of(layer, shape)
        plain = layer_table(model).macs
        layer.quantize("int8")
        assert layer_table(model).macs == plain
        layer.enable_lora(2)
        assert layer_table(model).macs == plain + macs


# Layers with weights, and what they are made with.
MADE = {
    "Conv1D": (2, 3), "Conv2D": (2, 3), "Conv3D": (2, 3), "Conv1DTranspose": (2, 3),
    "Conv2DTranspose": (2, 3), "Conv3DTranspose": (2, 3), "ConvLSTM1D": (2, 3),
    "ConvLSTM2D": (2, 3), "ConvLSTM3D": (2, 3), "Dense": (2,), "DepthwiseConv1D": (3,),
    "DepthwiseConv2D": (3,), "GRU": (2,), "LSTM": (2,), "SeparableConv1D": (2, 3),
    "SeparableConv2D": (2, 3), "SimpleRNN": (2,), "BatchNormalization": (),
    "GroupNormalization": (1,), "LayerNormalization": (), "PReLU": (), "RMSNormalization": (),
    "STFTSpectrogram": (),
}  # fmt: skip
SHAPES = [(4,), (5, 4), (6, 6, 4), (6, 6, 6, 4), (2, 6, 6, 6, 4), (900,), (900, 1)]


@pytest.mark.parametrize("name", MADE)
def test_no_layer_with_weights_is_taken_for_free(name):
    for shape in SHAPES:
        try:
            model = keras.Sequential([keras.Input(shape), getattr(kl, name)(*MADE[name])])
        except (ValueError, IndexError):
            continue
        table = layer_table(model)
        if model.weights:
            assert table.macs > 0 or table.unknown
            assert not table.unknown or "at least" in repr(table)
            return
    raise AssertionError(f"{name} takes none of the shapes")

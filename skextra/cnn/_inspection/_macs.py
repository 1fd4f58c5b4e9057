"""MACs: multiply-accumulate operations of a layer for one sample."""

import inspect
import math
import re

from skextra.cnn._keras import keras
from skextra.cnn._models._costs import described, is_coded, simple_macs, spatial, stem_of
from skextra.cnn._models._graph import can_be_followed, graph_of
from skextra.cnn._models._quantized import kernel_variables, mode_of, shape_of
from skextra.cnn._models._weights import kernel_shapes

_CELLS = ("ConvLSTMCell", "GRUCell", "LSTMCell", "SimpleRNNCell")


def macs_of(call):
    """Return the multiply-accumulate operations of a call; None if unknown.

    Parameters
    ----------
    call : Call
        A use of a layer.
    """
    layer = call.layer
    if described(layer)[0] == "ReversibleEmbedding" and _argument(call, "reverse"):
        return _product(call.outputs[0].shape[1:], layer.output_dim)
    taken = call.inputs
    if described(layer)[0] in ("GroupedQueryAttention", "MultiHeadAttention"):
        query, value, key = (_argument(call, name) for name in ("query", "value", "key"))
        taken = [query, value, value if key is None else key]
    return _macs(layer, [tuple(x.shape) for x in taken], tuple(call.outputs[0].shape))


def _argument(call, name):
    args, kwargs = call.arguments
    return inspect.signature(call.layer.call).bind(*args, **kwargs).arguments.get(name)


def _macs(layer, sources, target):
    """Return the MACs of a layer for the shapes of its inputs and its output."""
    kind, config = described(layer)
    stem, source = stem_of(kind), sources[0]
    known = simple_macs(kind, target, config)
    if known is not None:
        return known
    # An EinsumDense may not fix the shape of its output, which then follows from its input.
    is_open = None in target[1:] and stem != "EinsumDense"
    if is_open or None in (n for shape in sources for n in shape[1:]):
        return None
    if stem in _BY_KERNELS:
        return _BY_KERNELS[stem](layer, config, source, target) + _of_lora(layer, source, target)
    if kind.startswith(("ConvLSTM", "GRU", "LSTM", "SimpleRNN")) or kind == "RNN":
        return _product([source[1]], _of_cell(layer.cell, target, config))
    if kind == "Bidirectional":
        return sum_if_known(
            _macs(x, [source], target) for x in (layer.forward_layer, layer.backward_layer)
        )
    if kind == "TimeDistributed":
        inner = _of_inner(layer.layer, (None, *source[2:]), (None, *target[2:]))
        return _product([source[1]], inner)
    if kind == "SpectralNormalization":  # predicts as the layer that it wraps
        return _macs(layer.layer, sources, target)
    if kind in ("Attention", "AdditiveAttention") and layer.score_mode != "concat":
        # Scores of every pair, and sums of values by them.
        query, value = sources[:2]
        return _product(query[1:-1]) * value[-2] * (query[-1] + value[-1])
    if kind in ("GroupedQueryAttention", "MultiHeadAttention"):
        return _of_heads(layer, *sources)
    if kind == "Dot":
        axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
        return _product(target[1:], source[axis])
    return None


def _product(sizes, times=1):
    return None if times is None else math.prod(sizes) * times


def sum_if_known(numbers):
    """Return the sum of numbers; None if one of them is."""
    numbers = list(numbers)
    return None if None in numbers else sum(numbers)


def _of_dense(layer, config, source, target):
    return math.prod(target[1:]) * kernel_shapes(layer)[0][0]


def _of_convolution(layer, config, source, target):
    return math.prod(spatial(target, config)) * sum(map(math.prod, kernel_shapes(layer)))


def _of_transposed(layer, config, source, target):
    return math.prod(spatial(source, config)) * math.prod(kernel_shapes(layer)[0])


def _of_einsum(layer, config, source, target):
    """Return the product of the sizes of all axes of the equation but the samples."""
    return math.prod(_sizes(layer, source).values())


def _sizes(layer, source):
    """Return the sizes of the axes of an equation by letter, an ellipsis as one axis."""
    taken, kernel, _ = re.split(",|->", layer.equation.replace(" ", ""))
    letters = taken.replace("...", "")
    first = len(source) - len(letters) if taken.startswith("...") else 0
    others = source[:first] if first else source[len(letters) :]
    sizes = dict(zip(letters, source[first : first + len(letters)], strict=True))
    sizes["..."] = math.prod(n for n in others if n is not None)
    sizes.update(zip(kernel, kernel_shapes(layer)[0], strict=True))
    return {letter: n for letter, n in sizes.items() if n is not None}


def _of_embedding(layer, config, source, target):
    return 0


_BY_KERNELS = {
    "Conv": _of_convolution, "ConvTranspose": _of_transposed, "Dense": _of_dense,
    "DepthwiseConv": _of_convolution, "EinsumDense": _of_einsum, "Embedding": _of_embedding,
    "ReversibleEmbedding": _of_embedding, "SeparableConv": _of_convolution,
}  # fmt: skip


def _of_lora(layer, source, target):
    """Return the MACs of LoRA weights, which a quantised layer multiplies separately."""
    if is_coded(layer) or not getattr(layer, "lora_enabled", False) or mode_of(layer) is None:
        return 0
    rank = layer.lora_rank
    if hasattr(layer, "equation"):
        sizes, put_out = _sizes(layer, source), layer.equation.partition("->")[2]
        last = kernel_shapes(layer)[0][-1]
        outputs = math.prod(n for x, n in sizes.items() if x in put_out)
        return (math.prod(sizes.values()) // last + outputs) * rank
    outputs = math.prod(target[1:])
    if stem_of(type(layer).__name__) != "Dense":
        return outputs * rank
    return (outputs // target[-1] * source[-1] + outputs) * rank


def _of_cell(cell, target, config):
    """Return the MACs of one step of a recurrent layer, those of its kernels."""
    kind = described(cell)[0]
    if kind == "StackedRNNCells":
        return sum_if_known(_of_cell(x, target, config) for x in cell.cells)
    if kind not in _CELLS:
        return None
    weights = math.prod(cell.kernel.shape) + math.prod(cell.recurrent_kernel.shape)
    if kind != "ConvLSTMCell":
        return weights
    # Before the channels or after them, the output has as many axes as the window.
    n = len(cell.kernel.shape) - 2
    first = config.get("data_format") == "channels_first"
    return weights * math.prod(target[-n:] if first else target[-n - 1 : -1])


def _of_inner(layer, source, target):
    if not (isinstance(layer, keras().Model) and can_be_followed(layer)):
        return _macs(layer, [source], target)
    return sum_if_known(macs_of(call) for call in graph_of(layer, source[1:]).calls)


def _of_heads(layer, query, value, key):
    """Return the MACs of multi-head attention: its projections, scores and weighted sums."""
    positions = [math.prod(shape[1:-1]) for shape in (query, value, key)]
    places = dict(zip(("query", "value", "key"), positions, strict=True))
    places.update({"attention_output": places["query"], "gate": places["query"]})
    shapes = {part.name: shape_of(v, part) for v, part in kernel_variables(layer)}
    if not shapes.keys() <= places.keys():
        return None
    projections = sum(places[name] * math.prod(shape) for name, shape in shapes.items())
    n_heads, size, size_of_values = *shapes["query"][1:], shapes["value"][-1]
    axes = getattr(layer, "attention_axes", (1,))
    seen = math.prod(key[axis] for axis in axes)
    return projections + places["query"] * seen * n_heads * (size + size_of_values)

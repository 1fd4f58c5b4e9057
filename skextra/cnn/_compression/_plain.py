"""Plain: networks of Keras's own layers in float32, which other runtimes can represent."""

import numpy as np

from skextra.cnn._keras import numbers_of
from skextra.cnn._models._costs import axes_of, is_coded, stem_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._quantized import has_lora, mode_of
from skextra.cnn._models._rewrite import copied_layer, rewritten
from skextra.cnn._models._weights import decoded, named_variables

_OTHER_FLOATS = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
# Entries of a configuration that belong to quantised kernels and to LoRA weights.
_OF_KERNELS = ("gptq_unpacked_column_size", "lora_alpha", "lora_rank", "quantization_config")


def plain_model(model):
    """Return a copy of a model in float32, without quantised or coded kernels or LoRA weights.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional. It is not changed.

    Raises
    ------
    ValueError
        If a layer computes in float8.
    """
    for name, layer in graph_of(model).layers().items():
        if mode_of(layer) == "float8":
            raise ValueError(
                f"The layer {name!r} rounds its inputs to float8, which no other runtime does; "
                "use layers in float32 with the same weights."
            )
    return rewritten(model, _plain_layer, float_inputs="float32")[0]


def is_int8(model):
    """Return whether a layer of a model has int8 weights."""
    layers = graph_of(model).layers().values()
    return any((x.storage if is_coded(x) else mode_of(x)) == "int8" for x in layers)


def rounds(model):
    """Return whether a model rounds between layers, so that it differs from its plain copy."""
    layers = [call.layer for call in graph_of(model).calls]
    return any(
        mode_of(x) is not None or getattr(x, "compute_dtype", None) in ("float16", "bfloat16")
        for x in layers
    )


def _plain_layer(layer):
    """Return the plain layer in the place of another, and its weights; None if it is plain."""
    if is_coded(layer):
        new, weights = layer.plain()
        new = copied_layer(new, dtype="float32")
    else:
        config = layer.get_config() if hasattr(layer, "get_config") else {}
        changes = _changes(config)
        is_transposed = stem_of(type(layer).__name__) == "ConvTranspose"
        if not (changes or is_transposed or mode_of(layer) or has_lora(layer)):
            return None
        new = copied_layer(layer, **changes)
        named = {name: numbers_of(v) for name, v in named_variables(layer).items()}
        weights = {**named, **decoded(layer)}
        if is_transposed:
            weights = [weights["kernel"], *([weights["bias"]] if layer.use_bias else [])]
    if stem_of(type(new).__name__) == "ConvTranspose":
        return _widened(new, weights)
    return new, weights


def _changes(config):
    """Return the changes of a configuration, and of nested ones, to compute in float32."""
    plain = {key: _in_float32(key, value) for key, value in config.items()}
    return {key: value for key, value in plain.items() if value is not config[key]}


def _in_float32(key, value):
    """Return a value of a configuration in float32, the same object if nothing changes."""
    if key in _OF_KERNELS:
        return None
    if isinstance(value, str):
        return "float32" if key == "dtype" and value in _OTHER_FLOATS else value
    if isinstance(value, dict):
        if value.get("class_name", "").endswith("DTypePolicy"):
            policy = value["config"]
            is_other = "mode" in policy or policy.get("name") in _OTHER_FLOATS
            return "float32" if is_other else value
        changes = _changes(value)
        return {**value, **changes} if changes else value
    if isinstance(value, list | tuple):
        items = [_in_float32(None, item) for item in value]
        same = all(a is b for a, b in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value


def _widened(layer, weights):
    """Return a transposed convolution with zeros in its kernel for dilation and output padding.

    ONNX runtimes infer a wrong shape for a kernel smaller than the stride, or an
    `output_padding`; LiteRT has no dilation in two dimensions.
    """
    kernel, *bias = weights
    kernel, kind = np.asarray(kernel), type(layer).__name__
    strides, dilation = axes_of(layer.strides, kind), axes_of(layer.dilation_rate, kind)
    sizes = [d * (k - 1) + 1 for k, d in zip(layer.kernel_size, dilation, strict=True)]
    behind, padding = layer.output_padding, layer.padding
    if behind is None:
        more = [max(s - k, 0) for k, s in zip(sizes, strides, strict=True)]
    else:
        more = axes_of(behind, kind)
        if padding == "same":  # which crops half a kernel on either side
            more = [max(b - 2 * (k // 2), 0) for b, k in zip(more, sizes, strict=True)]
        if any(more):
            behind, padding = 0, "valid"
    wide = tuple(k + m for k, m in zip(sizes, more, strict=True))
    if wide == tuple(layer.kernel_size):
        return layer, weights
    spread = np.zeros((*wide, *kernel.shape[len(wide) :]), dtype=kernel.dtype)
    places = tuple(slice(0, k, d) for k, d in zip(sizes, dilation, strict=True))
    spread[places] = kernel
    changes = {"kernel_size": wide, "dilation_rate": 1, "output_padding": behind}
    return copied_layer(layer, padding=padding, **changes), [spread, *bias]

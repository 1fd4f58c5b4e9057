"""Quantised: the kernels of Keras's layers, including those in few bits or with LoRA weights.

Keras keeps numbers of 4 bits in pairs, moves the axes of scales, and adds LoRA weights when a
layer is called; here the kernels come out as the layer computes with them.
"""

import math

import numpy as np

from skextra.cnn._keras import keras, numbers_of

# Names of variables that are kernels.
KERNELS = (
    "kernel", "depthwise_kernel", "pointwise_kernel", "embeddings", "reverse_embeddings",
)  # fmt: skip
# Modes in which kernels remain floats until calibration data have been passed.
CALIBRATED = ("gptq", "awq")
_FLOAT8 = "float8_e4m3fn"
# The largest finite float8_e4m3fn.
_MOST_FLOAT8 = 448.0


def parts_of(layer):
    """Return a layer and all layers in it: cells, wrapped ones, projections of an attention."""
    if not isinstance(layer, keras().layers.Layer):
        return []
    return list(layer._flatten_layers(include_self=True, recursive=True))


def mode_of(layer):
    """Return how Keras has quantised a layer or one in it, such as 'int8'; None if it has not."""
    modes = (getattr(part, "quantization_mode", None) for part in parts_of(layer))
    return next((mode for mode in modes if mode is not None), None)


def has_lora(layer):
    """Return whether a layer or a layer in it has LoRA weights."""
    return any(getattr(part, "lora_enabled", False) for part in parts_of(layer))


def owners_of(layer):
    """Return the innermost layer that has a variable, by the variable's id."""
    owners = {}
    for part in parts_of(layer):  # inner ones come later
        owners.update((id(v), part) for v in part.weights)
    return owners


def kernel_variables(layer):
    """Return pairs of a variable that is a kernel and the layer that has it, in their order."""
    owners = owners_of(layer)
    pairs = [(v, owners[id(v)]) for v in getattr(layer, "weights", []) if v.name in KERNELS]
    return [(v, part) for v, part in pairs if _is_used(v, part)]


def _is_used(variable, part):
    """Return whether a layer computes with a kernel: some hold an empty one until calibrated."""
    mode = getattr(part, "quantization_mode", None)
    if mode not in CALIBRATED:
        return True
    return (str(variable.dtype) == "uint8") == bool(getattr(part, f"is_{mode}_calibrated"))


def is_parameter(variable, owner):
    """Return whether a variable other than a kernel is a parameter: scales are not."""
    if getattr(owner, "quantization_mode", None) is None:
        return variable.name not in KERNELS
    return variable.name == "bias" or variable.name.startswith("lora_")


def shape_of(variable, part):
    """Return the shape of a kernel, however it is stored."""
    mode, name = getattr(part, "quantization_mode", None), variable.name
    packed = mode == "int4" or (mode in CALIBRATED and str(variable.dtype) == "uint8")
    if not packed:
        return tuple(variable.shape)
    if name == "embeddings":
        return part.input_dim, part.output_dim
    if name == "reverse_embeddings":
        return part.output_dim, part.input_dim
    if not hasattr(part, "equation"):
        return part.input_spec.axes[-1], part.units
    if hasattr(part, "original_kernel_shape"):
        return tuple(int(n) for n in part.original_kernel_shape)
    shape = list(variable.shape)  # Keras before 3.14
    shape[part._int4_pack_axis] = part._orig_length_along_pack_axis
    return tuple(shape)


def decoded_kernel(variable, part):
    """Return a kernel as the layer computes with it, float64."""
    mode = getattr(part, "quantization_mode", None)
    if mode in CALIBRATED and str(variable.dtype) != "uint8":
        mode = None
    decode = {None: _plain, "float8": _of_float8, "int8": _of_int8, "int4": _of_int4}
    kernel = decode.get(mode, _of_calibrated)(variable, part)
    kernel = kernel.reshape(shape_of(variable, part))
    a, b = (getattr(part, f"lora_{variable.name}_{side}", None) for side in "ab")
    if getattr(part, "lora_enabled", False) and a is not None:
        kernel = kernel + part.lora_alpha / part.lora_rank * (_plain(a) @ _plain(b))
    return kernel


def _plain(variable, part=None):
    return numbers_of(variable).astype(np.float64)


def _of_float8(variable, part):
    # The scale changes with training; what the layer computes with is rounded to it at each call.
    ops, scale = keras().ops, _plain(part.kernel_scale)
    scaled = np.clip(_plain(variable) / scale, -_MOST_FLOAT8, _MOST_FLOAT8).astype(np.float32)
    return np.array(ops.cast(ops.cast(scaled, _FLOAT8), "float32"), dtype=np.float64) * scale


def _of_int8(variable, part):
    return _plain(variable) / _scale_along(variable, part)


def _scale_along(variable, part):
    """Return the scale of a kernel with axes like those of the kernel."""
    scale = getattr(part, f"{variable.name}_scale")
    if variable.name == "embeddings":
        return _plain(scale)[:, None]
    if hasattr(part, "equation"):  # of an EinsumDense its axes are those of the output
        return np.array(part._adjust_scale_for_dequant(scale.value), dtype=np.float64)
    return _plain(scale)


def _of_int4(variable, part):
    stored, shape = numbers_of(variable), shape_of(variable, part)
    scale = getattr(part, f"{variable.name}_scale")
    if hasattr(part, "_int4_pack_axis"):  # an EinsumDense of Keras before 3.14
        codes = _unpacked(stored, shape[part._int4_pack_axis], part._int4_pack_axis, "int8")
        return codes / _scale_along(variable, part)
    if hasattr(part, "equation"):  # of which the kernel is a matrix, with a scale for each column
        codes = _unpacked(stored, math.prod(shape) // len(stored), 1, "int8")
        if len(scale.shape) == 1:
            return codes / _plain(scale)
    else:
        short = [i for i, n in enumerate(shape) if stored.shape[i] != n]
        axis = short[0] if short else shape.index(1)
        codes = _unpacked(stored, shape[axis], axis, "int8")
        if len(scale.shape) == 1:
            return codes / _scale_along(variable, part)
    return _of_groups(codes, variable, part, axis=1 if variable.name == "embeddings" else 0)


def _of_calibrated(variable, part):
    """Return a kernel of GPTQ or AWQ, which is stored transposed."""
    stored, scale = numbers_of(variable), part.kernel_scale
    if len(stored) != scale.shape[0]:
        stored = _unpacked(stored, scale.shape[0], 0, "uint8")
    kernel = _of_groups(stored, variable, part, axis=1).T
    scales = getattr(part, "awq_scales", None)
    return kernel if scales is None else kernel / _plain(scales)[:, None]


def _unpacked(stored, n, axis, dtype):
    unpack = keras().quantizers.unpack_int4
    return np.array(unpack(stored, n, axis=axis, dtype=dtype), dtype=np.float64)


def _of_groups(codes, variable, part, axis):
    """Return the values of codes, where groups along an axis have a scale and a zero each."""
    groups = numbers_of(part.g_idx).astype(int)
    scale, zero = (
        np.take(_plain(getattr(part, f"{variable.name}_{what}")), groups, axis=axis)
        for what in ("scale", "zero")
    )
    return (codes - zero) * scale

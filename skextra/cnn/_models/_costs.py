"""Costs: what a layer's class and attributes say of its windows and its multiplications.

A layer is spoken of by the name of its class and what of its configuration matters here, so that
the layers that `skextra` stores in fewer bytes are counted as those that they came from.
"""

import math

from skextra.cnn._keras import keras
from skextra.cnn._models._coded import Coded

# Multiplication and addition, one for every number put out.
_ONCE_EACH = (
    "BatchNormalization", "Multiply", "Normalization", "PReLU", "Rescaling", "ops.Divide",
    "ops.Multiply", "ops.TrueDivide",
)  # fmt: skip
# None at all, and every number comes from the one at its place.
_POINTWISE = (
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "Concatenate",
    "Dropout", "ELU", "GaussianDropout", "GaussianNoise", "Identity", "LeakyReLU", "Masking",
    "Maximum", "Minimum", "RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation",
    "RandomTranslation", "RandomZoom", "ReLU", "Softmax", "SpatialDropout", "Subtract",
    # Of keras.ops, which have a class each too.
    "ops.Abs", "ops.Add", "ops.Concatenate", "ops.Elu", "ops.Gelu", "ops.HardSigmoid",
    "ops.HardSilu", "ops.LeakyRelu", "ops.Maximum", "ops.Minimum", "ops.Relu", "ops.Relu6",
    "ops.Sigmoid", "ops.Silu", "ops.Softplus", "ops.Subtract", "ops.Tanh",
)  # fmt: skip
# Of these it is not counted what they cost, but what they see.
_UNCOUNTED_POINTWISE = ("LayerNormalization",)
# None either, but they move numbers or choose among them.
_MOVING = (
    "AveragePooling", "Cropping", "Flatten", "GlobalAveragePooling",
    "GlobalMaxPooling", "MaxPooling", "Permute", "RepeatVector", "Reshape", "ZeroPadding",
)  # fmt: skip
# What is read of a layer, where it has it.
_READ = (
    "axis", "cropping", "data_format", "dilation_rate", "interpolation", "kernel_size",
    "output_padding", "padding", "pool_size", "size", "strides",
)  # fmt: skip


def is_coded(layer):
    """Return whether a layer is one of those that are stored in fewer bytes."""
    return isinstance(layer, Coded)


def described(layer):
    """Return the name of a layer's class, and what of its configuration is of interest.

    Operations of `keras.ops` begin with "ops.", and classes that are not Keras's with a dot, so
    that they fit no layer that is known.
    """
    if is_coded(layer):
        return layer.kind, layer.options
    name = type(layer).__name__
    if not isinstance(layer, keras().layers.Layer):
        return f"ops.{name}", {}
    if type(layer).__module__.split(".")[0] != "keras":
        return f".{name}", {}
    return name, {name: getattr(layer, name) for name in _READ if hasattr(layer, name)}


def stem_of(kind):
    """Return the name of a class without its number of dimensions: ConvTranspose for all three."""
    for dimension in ("1D", "2D", "3D"):
        kind = kind.replace(dimension, "")
    return kind


def is_pointwise(kind):
    """Return whether what a layer puts out comes from the numbers at the same place."""
    return stem_of(kind) in (*_POINTWISE, *_ONCE_EACH, *_UNCOUNTED_POINTWISE, "Dense")


def window_of(kind, config):
    """Return the size, the strides and the dilation of a window; None for each if there is none.

    For transposed convolutions the strides are those of the output.
    """
    size = config.get("kernel_size", config.get("pool_size"))
    if size is None:
        return None, None, None
    size = axes_of(size, kind)
    strides = config.get("strides")
    strides = size if strides is None else axes_of(strides, kind)
    return size, strides, axes_of(config.get("dilation_rate", 1), kind)


def axes_of(value, kind):
    """Return a value for each axis of the kind, a tuple of int."""
    n = next((n for n in (1, 2, 3) if f"{n}D" in kind), 1)
    values = value if isinstance(value, tuple | list) else (value,) * n
    return tuple(int(v) for v in values)


def spatial(shape, config):
    """Return the sizes of the axes of a shape that are neither the samples nor the channels."""
    first = config.get("data_format") == "channels_first"
    return tuple(shape[2:] if first else shape[1:-1])


def simple_macs(kind, target, config):
    """Return the multiplications of a layer without a kernel for one sample; None if not known."""
    stem = stem_of(kind)
    is_copying = stem == "UpSampling" and config.get("interpolation", "nearest") == "nearest"
    if stem in _POINTWISE or stem in _MOVING or is_copying:
        return 0
    return math.prod(target[1:]) if stem in _ONCE_EACH and None not in target[1:] else None

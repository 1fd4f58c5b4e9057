"""Costs: windows and multiplications of a layer, from its class and attributes.

A layer is described by the name of its class and the options that matter here, so that coded
layers are counted as the layers that they stand for.
"""

import math

from skextra.cnn._keras import keras
from skextra.cnn._models._coded import Coded

# One multiplication and addition for every number of the output.
_ONCE_EACH = (
    "BatchNormalization", "Multiply", "Normalization", "PReLU", "Rescaling", "ops.Divide",
    "ops.Multiply", "ops.TrueDivide",
)  # fmt: skip
# None at all, and every number depends on the one at the same place.
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
# Pointwise too, but their cost is not counted.
_UNCOUNTED_POINTWISE = ("LayerNormalization",)
# None either: they move numbers or choose among them.
_MOVING = (
    "AveragePooling", "Cropping", "Flatten", "GlobalAveragePooling",
    "GlobalMaxPooling", "MaxPooling", "Permute", "RepeatVector", "Reshape", "ZeroPadding",
)  # fmt: skip
# Attributes that `described` reads, where a layer has them.
_READ = (
    "axis", "cropping", "data_format", "dilation_rate", "interpolation", "kernel_size",
    "output_padding", "padding", "pool_size", "size", "strides",
)  # fmt: skip


def is_coded(layer):
    """Return whether a layer is a coded one."""
    return isinstance(layer, Coded)


def described(layer):
    """Return the name of a layer's class, and the options that matter here.

    Names of operations of `keras.ops` begin with "ops.", those of classes that are not Keras's
    with a dot, so that they match no known layer.
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
    """Return the name of a class without its number of dimensions, such as ConvTranspose."""
    for dimension in ("1D", "2D", "3D"):
        kind = kind.replace(dimension, "")
    return kind


def is_pointwise(kind):
    """Return whether every output of a layer depends on the inputs at the same place only."""
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
    """Return the sizes of the spatial axes of a shape."""
    first = config.get("data_format") == "channels_first"
    return tuple(shape[2:] if first else shape[1:-1])


def simple_macs(kind, target, config):
    """Return the multiplications of a layer without a kernel for one sample; None if unknown."""
    stem = stem_of(kind)
    is_copying = stem == "UpSampling" and config.get("interpolation", "nearest") == "nearest"
    if stem in _POINTWISE or stem in _MOVING or is_copying:
        return 0
    return math.prod(target[1:]) if stem in _ONCE_EACH and None not in target[1:] else None

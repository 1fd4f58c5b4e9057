"""Coded layers: Keras layers that store their kernels in a few bits and decode them in calls.

Only this module subclasses Keras, so only it imports Keras at the top; it is itself imported
within functions.
"""

import math

import keras
from keras import ops

from skextra.cnn._keras import numbers_of
from skextra.cnn._models._coded import Coded, shared
from skextra.cnn._models._packing import bits_for, packed_size
from skextra.cnn._models._rewrite import config_of
from skextra.cnn._models._weights import kernels_of

_PACKAGE = "skextra"
_KINDS = (
    "Dense", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D",
    "SeparableConv1D", "SeparableConv2D", "Conv1DTranspose", "Conv2DTranspose",
    "Conv3DTranspose",
)  # fmt: skip
_FIXED = {"initializer": "zeros", "trainable": False, "autocast": False}
# Scales and codebooks are float32, whatever the layer computes in: half precision loses digits.
_VALUES = {**_FIXED, "dtype": "float32"}
# Parts of a layer's configuration that the coded layer states itself, or that only train it.
_SAID = ("dtype", "name", "trainable")
_OF_TRAINING = ("_constraint", "_initializer", "_regularizer")


class CodedLayer(keras.layers.Layer, Coded):
    """A convolution or a dense layer whose kernels are decoded in every call.

    Parameters
    ----------
    kind : str
        Name of the class of the layer that it stands for.

    options : dict
        Its configuration, except for how it is trained.

    shapes : list of list of int
        Shapes of its kernels.

    **kwargs
        Of every Keras layer.
    """

    def __init__(self, kind, options, shapes, **kwargs):
        super().__init__(**kwargs)
        if kind not in _KINDS:
            raise ValueError(f"kind={kind!r} is no layer that can be coded: {', '.join(_KINDS)}.")
        self.kind = kind
        self.options = dict(options)
        self.shapes = [tuple(shape) for shape in shapes]
        self.supports_masking = kind == "Dense"  # as in Keras
        self.activation = keras.activations.get(options.get("activation"))
        self.bias = None
        if options["use_bias"]:
            self.bias = self.add_weight((self._n_outputs(),), initializer="zeros", name="bias")

    @classmethod
    def standing_for(cls, layer, **kwargs):
        """Return a layer that stands for one of Keras's, under its name."""
        options = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in config_of(layer).items()
            if name not in _SAID and not name.endswith(_OF_TRAINING) and value is not None
        }
        # A function of the user's need not be registered with Keras until the network is saved.
        activation = options.pop("activation", None)
        made = cls(
            type(layer).__name__,
            options,
            [list(v.shape) for v in kernels_of(layer)],
            name=layer.name,
            dtype=layer.dtype_policy.name,
            trainable=layer.trainable,
            **kwargs,
        )
        if activation is not None:
            made.options["activation"] = activation
            made.activation = layer.activation
        if layer.use_bias:
            made.bias.assign(numbers_of(layer.bias))
        return made

    def plain(self):
        """Return an equivalent new layer of Keras's own, and its weights."""
        weights = [*self.kernels(), *([] if self.bias is None else [self.bias.value])]
        return self._plain_layer(), weights

    def compute_output_shape(self, input_shape):
        """Return the shape of the output, for which Keras would otherwise trace the decoding."""
        return self._plain_layer().compute_output_shape(input_shape)

    def _plain_layer(self):
        config = {**self.options, "name": self.name, "dtype": self.dtype_policy.name}
        config.pop("activation", None)
        layer = getattr(keras.layers, self.kind).from_config(config)
        layer.activation = self.activation
        return layer

    def call(self, inputs):
        """Compute the outputs of the layer that it stands for."""
        outputs = _operate(self.kind, self.options, inputs, self.kernels())
        if self.bias is not None:
            bias = ops.cast(self.bias, outputs.dtype)
            if self.options.get("data_format") == "channels_first":
                bias = ops.reshape(bias, (-1, *[1] * (len(outputs.shape) - 2)))
            outputs = outputs + bias
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self):
        """Return the configuration of the layer."""
        own = {"kind": self.kind, "options": dict(self.options)}
        return {**super().get_config(), **own, "shapes": [list(shape) for shape in self.shapes]}

    def _n_outputs(self):
        shape = self.shapes[-1]
        if self.kind.startswith("Depthwise"):
            return shape[-1] * shape[-2]
        return shape[-2] if self.kind.endswith("Transpose") else shape[-1]


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Int8Layer(CodedLayer):
    """A layer with kernels of int8, divided by a scale for each output channel.

    Parameters
    ----------
    kind, options, shapes
        Of :class:`CodedLayer`.

    scale_shapes : list of list of int
        Shapes of the scales.

    **kwargs
        Of every Keras layer.
    """

    def __init__(self, kind, options, shapes, scale_shapes, **kwargs):
        super().__init__(kind, options, shapes, **kwargs)
        self.scale_shapes = [tuple(shape) for shape in scale_shapes]
        self.codes, self.scales = [], []
        for i, (shape, scale) in enumerate(zip(self.shapes, self.scale_shapes, strict=True)):
            self.codes.append(self.add_weight(shape, dtype="int8", name=f"codes{i}", **_FIXED))
            ones = {**_VALUES, "initializer": "ones"}
            self.scales.append(self.add_weight(scale, name=f"scale{i}", **ones))
        self.built = True

    @property
    def storage(self):
        """How the kernels are stored."""
        return "int8"

    def kernels(self):
        """Return the kernels, decoded."""
        pairs = zip(self.codes, self.scales, strict=True)
        kernels = [ops.cast(codes, "float32") / scale for codes, scale in pairs]
        return [ops.cast(kernel, self.compute_dtype) for kernel in kernels]

    def get_config(self):
        """Return the configuration of the layer."""
        scales = [list(shape) for shape in self.scale_shapes]
        return {**super().get_config(), "scale_shapes": scales}


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Codebook(keras.layers.Layer):
    """The values that the weights of one or several layers can take.

    Parameters
    ----------
    n_clusters : int
        Number of values.

    token : str
        Identifies it among the codebooks of a model.

    **kwargs
        Of every Keras layer.
    """

    def __init__(self, n_clusters, token, **kwargs):
        super().__init__(**kwargs)
        self.n_clusters = n_clusters
        self.token = token
        self.centers = self.add_weight((n_clusters,), name="centers", **_VALUES)
        self.built = True

    def get_config(self):
        """Return the configuration of the layer."""
        return {**super().get_config(), "n_clusters": self.n_clusters, "token": self.token}


@keras.saving.register_keras_serializable(package=_PACKAGE)
class ClusteredLayer(CodedLayer):
    """A layer whose weights are packed indices into a codebook.

    Parameters
    ----------
    kind, options, shapes
        Of :class:`CodedLayer`.

    codebook : Codebook or dict
        The values, which other layers may share.

    **kwargs
        Of every Keras layer.
    """

    def __init__(self, kind, options, shapes, codebook, **kwargs):
        super().__init__(kind, options, shapes, **kwargs)
        if isinstance(codebook, dict):
            codebook = _codebook_of(codebook)
        self.codebook = codebook
        self._bits = bits_for(codebook.n_clusters)
        self._count = sum(math.prod(shape) for shape in self.shapes)
        size = packed_size(self._count, self._bits)
        self.codes = self.add_weight((size,), dtype="uint8", name="codes", **_FIXED)
        self.built = True

    @property
    def storage(self):
        """How the kernels are stored."""
        zero = ", one of them 0" if (numbers_of(self.codebook.centers) == 0).any() else ""
        return f"{self.codebook.n_clusters} clusters{zero}, {self._bits} bits"

    def kernels(self):
        """Return the kernels, decoded."""
        # An index begins in one byte and may end in the next.
        packed = ops.cast(self.codes, "int32")
        first = ops.arange(self._count, dtype="int32") * self._bits
        byte, shift = first // 8, first % 8
        following = ops.minimum(byte + 1, packed.shape[0] - 1)
        word = ops.take(packed, byte) + ops.take(packed, following) * 256
        numbers = ops.bitwise_and(ops.right_shift(word, shift), 2**self._bits - 1)
        values = ops.take(ops.cast(self.codebook.centers, self.compute_dtype), numbers)
        kernels, start = [], 0
        for shape in self.shapes:
            end = start + math.prod(shape)
            kernels.append(ops.reshape(values[start:end], shape))
            start = end
        return kernels

    def get_config(self):
        """Return the configuration of the layer."""
        codebook = keras.saving.serialize_keras_object(self.codebook)
        # By this key Keras finds, in a file, that layers share it.
        codebook["shared_object_id"] = self.codebook.token
        return {**super().get_config(), "codebook": codebook}


def _codebook_of(config):
    made = keras.saving.deserialize_keras_object(config)
    if not isinstance(made, Codebook):
        raise TypeError(f"codebook must be a Codebook, got a {type(made).__name__}.")
    return shared(made)


def _operate(kind, options, inputs, kernels):
    """Return the outputs of a layer before its bias."""
    if kind == "Dense":
        return ops.matmul(inputs, kernels[0])
    window = {
        "strides": _plain(options["strides"]),
        "padding": options["padding"],
        "data_format": options["data_format"],
        "dilation_rate": _plain(options["dilation_rate"]),
    }
    if window["padding"] == "causal":
        window["padding"] = "valid"
        before = options["dilation_rate"][0] * (options["kernel_size"][0] - 1)
        first = window["data_format"] == "channels_first"
        inputs = ops.pad(inputs, [[0, 0], *([[0, 0], [before, 0]][:: 1 if first else -1])])
    if kind.startswith("Separable"):
        return ops.separable_conv(inputs, *kernels, **window)
    if kind.startswith("Depthwise"):
        return ops.depthwise_conv(inputs, *kernels, **window)
    if kind.endswith("Transpose"):
        padding = _plain(options.get("output_padding"))
        return ops.conv_transpose(inputs, *kernels, output_padding=padding, **window)
    return ops.conv(inputs, *kernels, **window)


def _plain(value):
    """Return lists as tuples, and equal numbers as one."""
    if not isinstance(value, list | tuple):
        return value
    return value[0] if len(set(value)) == 1 else tuple(value)

"""Model: the Keras model of a plan."""

import json

from skextra.cnn._keras import keras
from skextra.cnn._network._seeds import DROPOUT, KERNELS, drawn_seed

# Whatever the user's default is, images have their channels last here.
_LAST = {"data_format": "channels_last"}


def made_initializer(spec, seed):
    """Return the initializer of a plan; raise ValueError if Keras does not know it."""
    config = json.loads(spec) if spec.startswith("{") else {"class_name": spec, "config": {}}
    options, initializers = config.get("config", {}), keras().initializers
    configs = [config]
    if options.get("seed") is None:  # those that draw nothing take no seed
        configs.insert(0, {**config, "config": {**options, "seed": seed}})
    found = None
    for tried in configs:
        try:
            found = initializers.deserialize(tried)
            break
        except (TypeError, ValueError):
            pass
    if not isinstance(found, initializers.Initializer):
        raise ValueError(
            f"kernel_initializer={spec!r} is not one that Keras knows; use for example "
            "'glorot_uniform', 'he_normal', 'zeros' or what keras.initializers.serialize returns."
        )
    return found


def _activation(name):
    try:
        return keras().activations.get(name)
    except ValueError:
        raise ValueError(
            f"activation={name!r} is not one that Keras knows; use for example 'relu', 'elu', "
            "'gelu', 'tanh' or 'linear'."
        ) from None


def check_names(plan):
    """Raise ValueError if Keras does not know an activation or an initializer of a plan."""
    for layer in plan:
        if layer[0] in ("convolution", "dense", "output"):
            made_initializer(layer[-1], 0)
        if layer[0] in ("convolution", "dense"):
            _activation(layer[-2])
        if layer[0] == "activation":
            _activation(layer[1])


def model_of(plan, image_shape, n_classes, dtype, *, output="linear", divisor=None, seed=0, l2=()):
    """Return the Keras model of a plan.

    Parameters
    ----------
    plan : tuple
        The layers.

    image_shape : tuple of int
        (height, width, channels).

    n_classes : int
        Units of the output layer.

    dtype : str
        'float32' or 'float64'.

    output : str, default='linear'
        Activation of the output layer.

    divisor : float, default=None
        What a first layer divides the pixels by; by default there is no such layer.

    seed : int, default=0
        For the initial weights and dropout.

    l2 : sequence of float, default=()
        Factors of the penalties, one per layer with weights, as they go into the configuration.
    """
    k = keras()
    make = _Factory(k, dtype, seed, list(l2))
    layers = [k.Input(image_shape, dtype=dtype, name="images")]
    if divisor is not None:
        layers.append(k.layers.Rescaling(1 / divisor, dtype=dtype, name="rescaling"))
    make.outputs = n_classes, output
    for kind, *numbers in plan:
        layers.append(getattr(make, kind)(*numbers))
    return k.Sequential(layers, name="cnn")


class _Factory:
    """Make the layers of a plan, each with a name of its own."""

    def __init__(self, k, dtype, seed, l2):
        self._k = k
        self._dtype = dtype
        self._seed = seed
        self._l2 = l2
        self._count = {}
        self._kernels = 0
        self._dropouts = 0

    def _named(self, kind):
        self._count[kind] = self._count.get(kind, 0) + 1
        return {"name": f"{kind}{self._count[kind]}", "dtype": self._dtype}

    def _kernel(self, spec, activation):
        self._kernels += 1
        factor = self._l2.pop(0) if self._l2 else 0.0
        return {
            "activation": _activation(activation),
            "kernel_initializer": made_initializer(
                spec, drawn_seed(self._seed, KERNELS, self._kernels)
            ),
            "kernel_regularizer": self._k.regularizers.L2(factor) if factor else None,
        }

    def padding(self, size):
        return self._k.layers.ZeroPadding2D(size, **_LAST, **self._named("padding"))

    def convolution(self, units, kernel, strides, padding, dilation, bias, activation, spec):
        return self._k.layers.Conv2D(
            units, kernel, strides, padding, dilation_rate=dilation, use_bias=bias,
            **_LAST, **self._kernel(spec, activation), **self._named("conv"),
        )  # fmt: skip

    def batch_norm(self):
        # For validation within a fit and for partial_fit; a fit ends with exact statistics. The
        # averages span 1 / (1 - momentum) steps: Keras's .99 needs hundreds to warm up.
        return self._k.layers.BatchNormalization(momentum=0.9, **self._named("batch_norm"))

    def activation(self, name):
        return self._k.layers.Activation(_activation(name), **self._named("activation"))

    def max_pool(self, size, strides):
        return self._k.layers.MaxPooling2D(size, strides, **_LAST, **self._named("pool"))

    def average_pool(self, size, strides):
        return self._k.layers.AveragePooling2D(size, strides, **_LAST, **self._named("pool"))

    def flatten(self):
        return self._k.layers.Flatten(**_LAST, **self._named("flatten"))

    def dense(self, units, bias, activation, spec):
        return self._dense(units, bias, activation, spec, self._named("dense"))

    def output(self, spec):
        units, activation = self.outputs
        named = {"name": "output", "dtype": self._dtype}
        return self._dense(units, True, activation, spec, named)

    def _dense(self, units, bias, activation, spec, named):
        kernel = self._kernel(spec, activation)
        return self._k.layers.Dense(units, use_bias=bias, **kernel, **named)

    def dropout(self, rate):
        self._dropouts += 1
        seed = drawn_seed(self._seed, DROPOUT, self._dropouts)
        return self._k.layers.Dropout(rate, seed=seed, **self._named("dropout"))

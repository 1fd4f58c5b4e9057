"""Rewrite: copies of a model with layers replaced or omitted."""

from skextra.cnn._keras import keras, numbers_of, reason, seeded, values_of
from skextra.cnn._models._coded import sharing
from skextra.cnn._models._graph import can_be_followed, check_model
from skextra.cnn._models._quantized import CALIBRATED, mode_of, parts_of
from skextra.cnn._models._weights import named_variables

# Functions and objects that a copy shares where Keras cannot make them from a configuration.
_HANDED_OVER = ("activation", "_constraint", "_initializer", "_regularizer")


def rewritten(model, exchange, left_out=(), float_inputs=None):
    """Return a copy of a model, weights included, and the new layer for the id of each old one.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional; it stays as it is.

    exchange : callable
        Takes a layer and returns None to have it copied, or its replacement and the weights to
        set: a list, a dict by name, or None if they are set.

    left_out : sequence of keras.Layer
        Layers with one input to omit.

    float_inputs : str, default=None
        dtype of floating inputs; by default unchanged.
    """
    check_model(model)
    with seeded(0), sharing():  # new layers draw weights, which are then set
        copy = _Copy(exchange, {id(layer) for layer in left_out}, float_inputs)
        return copy.of(model), copy.made


class _Copy:
    def __init__(self, exchange, left_out, float_inputs):
        self._exchange = exchange
        self._left_out = left_out
        self._float_inputs = float_inputs
        self.made = {}

    def of(self, model):
        k = keras()
        pairs = []

        def copied(layer):
            if id(layer) not in self.made:
                self.made[id(layer)] = self._layer(layer, pairs)
            return self.made[id(layer)]

        if isinstance(model, k.Sequential):
            first = self._input(model.inputs[0])
            kept = [layer for layer in model.layers if id(layer) not in self._left_out]
            new = k.Sequential([first, *map(copied, kept)], name=model.name)
        else:
            passed = {}

            def call(layer, *args, **kwargs):
                if id(layer) not in passed:
                    return layer(*args, **kwargs)
                return args[0] if args else kwargs["inputs"]

            def made(layer):
                new = copied(layer)
                if id(layer) in self._left_out:
                    passed[id(new)] = new
                return new

            inputs = k.tree.map_structure(self._input, model.input)
            new = k.models.clone_model(model, inputs, clone_function=made, call_function=call)
        for fresh, weights in pairs:
            _set_weights(fresh, weights)
        return new

    def _input(self, x):
        k = keras()
        dtype = x.dtype
        if self._float_inputs and k.backend.is_float_dtype(dtype):
            dtype = self._float_inputs
        return k.Input(batch_shape=x.shape, dtype=dtype, name=x.name)

    def _layer(self, layer, pairs):
        if isinstance(layer, keras().Model) and can_be_followed(layer):
            return self.of(layer)
        exchanged = self._exchange(layer)
        if exchanged is not None:
            pairs.append(exchanged)
            return exchanged[0]
        # Keras marks their kernels as calibrated only when it reads a file.
        if any(
            getattr(part, f"is_{m}_calibrated", 0) for part in parts_of(layer) for m in CALIBRATED
        ):
            raise ValueError(
                f"The layer {layer.name!r} of type {type(layer).__name__} is quantised by "
                f"{mode_of(layer).upper()}, and cannot be copied; quantise the resulting network "
                "instead."
            )
        new = copied_layer(layer)
        weights = values_of(getattr(layer, "weights", []))
        # Omitted layers are never called, and so have none; statistics have become constants.
        if id(layer) not in self._left_out and not isinstance(layer, keras().layers.Normalization):
            pairs.append((new, weights))
        return new


def _set_weights(layer, weights):
    if not weights:
        return
    try:
        if isinstance(weights, dict):
            for name, variable in named_variables(layer).items():
                variable.assign(weights[name])
        else:
            layer.set_weights(weights)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"The layer {layer.name!r} of type {type(layer).__name__} cannot be copied: its "
            f"get_config makes one with other weights. {reason(error)}"
        ) from error


def config_of(layer):
    """Return the configuration of a layer, complete."""
    config = layer.get_config()
    if hasattr(layer, "output_padding"):  # Keras before 3.15 forgets it
        config["output_padding"] = layer.output_padding
    return config


def copied_layer(layer, /, **changes):
    """Return a new layer like one of Keras's or the user's, without its weights.

    Parameters
    ----------
    layer : keras.Layer
        The layer.

    **changes
        Of its configuration.
    """
    k = keras()
    if isinstance(layer, k.layers.Lambda):
        return _copied_lambda(layer, **changes)
    config = {**config_of(layer), **changes}
    if isinstance(layer, k.layers.Normalization):
        # What it has adapted to is used from elsewhere than its weights.
        if layer.weights:
            config["mean"], config["variance"] = (
                numbers_of(weight).tolist() for weight in layer.weights[:2]
            )
    elif hasattr(layer, "adapt"):
        raise ValueError(
            f"The layer {layer.name!r} of type {type(layer).__name__} cannot be copied with its "
            "adapted state; put it before the model."
        )
    try:
        return type(layer).from_config(config)
    except (NotImplementedError, TypeError, ValueError):
        pass
    # Functions and objects of the user's, which Keras need not know, are shared.
    own = [name for name in config if name.endswith(_HANDED_OVER) and hasattr(layer, name)]
    try:
        new = type(layer).from_config({**config, **dict.fromkeys(own)})
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"The layer {layer.name!r} of type {type(layer).__name__} cannot be copied: "
            f"{reason(error)} Give it a get_config that returns what its __init__ takes, and "
            "register what Keras does not know with keras.saving.register_keras_serializable."
        ) from error
    for name in own:
        setattr(new, name, getattr(layer, name))
    return new


def _copied_lambda(layer, /, **changes):
    # Not by its configuration, in which a function loses its closure.
    config = {**layer.get_config(), **changes}
    shape = config.get("output_shape")
    return keras().layers.Lambda(
        layer.function,
        output_shape=None if isinstance(shape, dict) else shape,
        arguments=layer.arguments,
        name=layer.name,
        dtype=config["dtype"] if isinstance(config["dtype"], str) else layer.dtype_policy.name,
    )

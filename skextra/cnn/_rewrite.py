"""Rewriting: copies of a model with layers exchanged or left out."""

from skextra.cnn._graph import can_be_followed, check_model
from skextra.cnn._keras import keras, numbers_of, reason, seeded

_HANDED_OVER = ("activation", "_constraint", "_initializer", "_regularizer")


def rewritten(model, exchange, left_out=()):
    """Return a copy of a model, weights included, and the new layer for the id of each old one.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional; it stays as it is.

    exchange : callable
        Is given a layer, and returns None to have it copied, or the layer to put in its place
        and the weights to set, None if they are.

    left_out : sequence of keras.Layer
        Layers with one input that are passed over.
    """
    check_model(model)
    from skextra.cnn._compression._coded_layers import sharing

    with seeded(0), sharing():  # fresh layers draw weights, which are then set
        copy = _Copy(exchange, {id(layer) for layer in left_out})
        return copy.of(model), copy.made


class _Copy:
    def __init__(self, exchange, left_out):
        self._exchange = exchange
        self._left_out = left_out
        self.made = {}

    def of(self, model):
        k = keras()
        pairs = []

        def copied(layer):
            if id(layer) not in self.made:
                self.made[id(layer)] = self._layer(layer, pairs)
            return self.made[id(layer)]

        if isinstance(model, k.Sequential):
            first = k.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype,
                            name=model.inputs[0].name)  # fmt: skip
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

            new = k.models.clone_model(model, clone_function=made, call_function=call)
        for fresh, weights in pairs:
            if weights:
                fresh.set_weights(weights)
        return new

    def _layer(self, layer, pairs):
        if isinstance(layer, keras().Model) and can_be_followed(layer):
            return self.of(layer)
        exchanged = self._exchange(layer)
        if exchanged is not None:
            pairs.append(exchanged)
            return exchanged[0]
        new = copied_layer(layer)
        weights = [numbers_of(weight) for weight in getattr(layer, "weights", [])]
        # Layers left out are never called, and so have none; statistics have become constants.
        if id(layer) not in self._left_out and not isinstance(layer, keras().layers.Normalization):
            pairs.append((new, weights))
        return new


def copied_layer(layer, **changes):
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
        return _copied_lambda(layer)
    config = {**layer.get_config(), **changes}
    if isinstance(layer, k.layers.Normalization):
        # What it has adapted to is used from elsewhere than its weights.
        if layer.weights:
            config["mean"], config["variance"] = (
                numbers_of(weight).tolist() for weight in layer.weights[:2]
            )
    elif hasattr(layer, "adapt"):
        raise ValueError(
            f"The layer {layer.name!r} of type {type(layer).__name__} cannot be copied with what "
            "it has adapted to; put it before the model."
        )
    try:
        return type(layer).from_config(config)
    except (NotImplementedError, TypeError, ValueError):
        pass
    # Functions and objects of the user's own, which Keras need not know, are handed over.
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


def _copied_lambda(layer):
    # Not by its configuration, in which a function loses what it refers to.
    config = layer.get_config()
    shape = config.get("output_shape")
    return keras().layers.Lambda(
        layer.function,
        output_shape=None if isinstance(shape, dict) else shape,
        arguments=layer.arguments,
        name=layer.name,
        dtype=config["dtype"] if isinstance(config["dtype"], str) else layer.dtype_policy.name,
    )

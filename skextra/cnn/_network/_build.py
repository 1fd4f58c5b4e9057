"""Build: models of a user's function, checked and made into networks."""

import json

import numpy as np
from scipy.special import softmax

from skextra.cnn._keras import LOCK, keras, reason, seeded, values_of
from skextra.cnn._network._network import (
    Network,
    all_layers,
    are_probabilities,
    mode,
    outputs_on_probe,
    taken_dtype,
)
from skextra.cnn._network._seeds import BUILD, drawn_seed

# Where a configuration holds names of layers.
_NAMED = ("name", "inbound_nodes", "keras_history", "input_layers", "output_layers")


def built_model(build, image_shape, n_classes, seed):
    """Return the model of the user's function; raise an error unless it fits."""
    k = keras()
    with seeded(drawn_seed(seed, BUILD)):
        model = build(image_shape, n_classes)
        if not isinstance(model, k.Model):
            raise TypeError(
                f"build must return a keras.Model, but {build!r} returned {type(model).__name__}."
            )
        shape = taken_shape(model, image_shape)
        try:
            images = np.zeros((1, *shape), dtype=taken_dtype(model))
            outputs = model(images, **mode(model, False))
        except Exception as error:
            raise ValueError(
                f"The model that build={build!r} returned cannot take images of shape {shape}: "
                f"{reason(error)}"
            ) from error
        if tuple(getattr(outputs, "shape", ())) != (1, n_classes):
            raise ValueError(
                f"The model that build={build!r} returned gives outputs of shape "
                f"{tuple(getattr(outputs, 'shape', ()))} for one image; it must be "
                f"(1, {n_classes}), one logit or probability for each of the {n_classes} classes."
            )
    return model


def taken_shape(model, image_shape):
    """Return the shape of images as a user's model takes them: signals may lack an axis."""
    if len(getattr(model, "inputs", None) or [0]) > 1:
        raise ValueError(
            f"The model that build returned has {len(model.inputs)} inputs; it must have one, "
            "the images."
        )
    try:
        wanted = tuple(model.input_shape[1:])
    except (AttributeError, TypeError):  # not known before the first call, or by a name
        return image_shape
    if None not in wanted and np.prod(wanted) == np.prod(image_shape):
        return wanted
    # Signals may lack the height, and a model may leave sizes open.
    shapes = (image_shape, image_shape[1:]) if image_shape[0] == 1 else (image_shape,)
    for shape in shapes:
        if len(shape) == len(wanted) and all(
            size in (None, given) for size, given in zip(wanted, shape, strict=True)
        ):
            return shape
    raise ValueError(
        f"The model that build returned takes images of shape {wanted}, but X has "
        f"{image_shape}; give keras.Input the image_shape that build is passed."
    )


def built_network(model, image_shape, n_classes):
    """Return the network of a user's model, which is left unchanged if it can be copied."""
    shape = taken_shape(model, image_shape)
    with LOCK:
        copied = copied_model(model)
        if copied is not None:
            model = on_logits(copied, shape)
        return Network(model, shape, n_classes)


def copied_model(model):
    """Return a copy of a model of Keras's own layers, None if there are others."""
    if config_key(model) is None:
        return None
    with seeded(0):  # it draws weights, which are then set
        copied = keras().models.clone_model(model)
    copied.set_weights(values_of(model.weights))
    return copied


def on_logits(model, shape):
    """Return a model without its final softmax, if it plainly ends in one."""
    k = keras()
    before = outputs_on_probe(model, shape)
    last = model.layers[-1]
    if not are_probabilities(before) or last.output is not model.outputs[0]:
        return model
    if isinstance(last, k.layers.Softmax):
        changed = k.Model(model.inputs[0], last.input)
    elif getattr(last, "activation", None) is k.activations.softmax:
        last.activation = k.activations.linear
        changed = model
    else:
        return model
    after = outputs_on_probe(changed, shape)
    if np.allclose(softmax(after, axis=1), before, atol=1e-5):
        return changed
    if changed is model:
        last.activation = k.activations.softmax
    return model


def config_key(model):
    """Return what tells apart models of Keras's own layers; None if there are others.

    None too for layers with a state that is neither in their weights nor in their configuration.
    """
    k = keras()
    if type(model).__name__ not in ("Sequential", "Functional"):
        return None
    layers = all_layers(model)
    own = all(type(layer).__module__.startswith("keras.") for layer in layers)
    if not own or any(isinstance(layer, k.layers.Lambda) for layer in layers):
        return None
    if any(hasattr(layer, "adapt") for layer in layers):
        return None
    # Keras numbers the names of layers as they are made.
    names = {layer.name: f"#{i}" for i, layer in enumerate([model, *layers])}
    try:
        return json.dumps(_renamed(model.get_config(), names, False), sort_keys=True)
    except (TypeError, ValueError, NotImplementedError):
        return None


def _renamed(config, names, named):
    if isinstance(config, dict):
        if not str(config.get("module") or "keras").startswith("keras"):
            raise TypeError("A function or class of the user's own.")
        return {key: _renamed(value, names, key in _NAMED) for key, value in config.items()}
    if isinstance(config, tuple | list):
        return [_renamed(value, names, named) for value in config]
    return names.get(config, config) if named and isinstance(config, str) else config

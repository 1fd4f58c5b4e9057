"""Graph: the calls that a Keras model consists of, in their order."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from skextra.cnn._keras import LOCK, keras


@dataclass
class Call:
    """One call of a layer.

    Parameters
    ----------
    layer : keras.Operation
        The layer. Operations of `keras.ops` count as layers here.

    name : str
        Its name, preceded by those of the models that contain it.

    arguments : tuple of (tuple, dict)
        Its arguments, with keras.KerasTensor in place of arrays.

    outputs : list of keras.KerasTensor
        Its outputs.
    """

    layer: object
    name: str
    arguments: tuple
    outputs: list

    @property
    def inputs(self):
        """Tensors among the arguments."""
        return _tensors(self.arguments)


@dataclass
class Graph:
    """The calls of a model.

    Parameters
    ----------
    calls : list of Call
        In an order in which they can be made, with unique names.

    inputs, outputs : list of keras.KerasTensor
        Inputs and outputs of the model.

    inner : list of keras.KerasTensor
        Outputs of nested models.
    """

    calls: list
    inputs: list
    outputs: list
    inner: list

    def layers(self):
        """Return the layers with weights, by the names of their first calls."""
        layers = {}
        for call in self.calls:
            if getattr(call.layer, "weights", None) and call.layer not in layers.values():
                layers[call.name] = call.layer
        return layers

    def consumers(self, tensor):
        """Return the calls with a tensor among their inputs."""
        return [call for call in self.calls if any(x is tensor for x in call.inputs)]

    def producer(self, tensor):
        """Return the call that outputs a tensor, None for inputs of the model."""
        found = [call for call in self.calls if any(x is tensor for x in call.outputs)]
        return found[0] if found else None

    def outputs_of(self, names, images):
        """Return the outputs of calls for images, ndarrays in the order of the names."""
        k = keras()

        def run(images):
            found = {}
            values = {id(self.inputs[0]): images}
            for call in self.calls:
                args, kwargs = k.tree.map_structure(lambda x: values.get(id(x), x), call.arguments)
                outputs = k.tree.flatten(call.layer(*args, **kwargs))
                values.update(zip(map(id, call.outputs), outputs, strict=True))
                if call.name in names:
                    found[call.name] = outputs[0]
                if len(found) == len(names):
                    break
            return [found[name] for name in names]

        # Within a layer that predicts, or random layers would draw. Losses and states that they
        # record are discarded.
        predicting = k.layers.Lambda(run, dtype=self.inputs[0].dtype, autocast=False)
        with k.StatelessScope():
            return [np.array(found) for found in predicting(images, training=False)]

    def uses(self, layer):
        """Return the calls of a layer."""
        return [call for call in self.calls if call.layer is layer]


def check_model(model):
    """Raise TypeError or ValueError unless the layers of a Keras model can be followed."""
    k = keras()
    if not isinstance(model, k.Model):
        raise TypeError(
            f"model must be a keras.Model or a fitted CNNClassifier, got {type(model).__name__}; "
            "unwrap it, as pipeline[-1], search.best_estimator_ or frozen.estimator."
        )
    if not can_be_followed(model):
        raise ValueError(
            f"The layers of {model.name!r} cannot be followed, as its call() is Python code of "
            f"the class {type(model).__name__}; make it with keras.Sequential or, by the "
            "functional API, as keras.Model(inputs, outputs)."
        )
    if not model.built or not getattr(model, "inputs", None):
        raise ValueError(
            f"The model {model.name!r} is not built, so its layers have no shapes; give it a "
            "keras.Input first, or call it once on data."
        )


def can_be_followed(model):
    """Return whether a model is defined by its layers alone: Keras's own class, or one like it."""
    known = isinstance(model, keras().Sequential) or hasattr(model, "operations")
    own = (c for c in type(model).__mro__ if c.__module__.split(".")[0] != "keras")
    return known and not any("call" in vars(c) for c in own)


def graph_of(model, input_shape=None):
    """Return the calls of a model, which is left unchanged.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional.

    input_shape : tuple of int, or list of them, default=None
        Of one sample, for a model that leaves it open; a list for a model of several inputs.
    """
    check_model(model)
    k = keras()
    shapes = [tuple(x.shape) for x in model.inputs]
    if input_shape is not None:
        shapes = _settled(shapes, input_shape)
    inputs = [k.KerasTensor(s, x.dtype) for s, x in zip(shapes, model.inputs, strict=True)]
    calls, inner = [], []
    with LOCK:
        given = inputs[0]
        if not isinstance(model, k.Sequential):
            given = k.tree.pack_sequence_as(model.input, inputs)
        outputs = _follow(model, given, "", calls, inner)
    _tell_apart(calls)
    return Graph(calls, inputs, _tensors(outputs), inner)


def _tell_apart(calls):
    """Number the names of repeated calls of a layer."""
    taken, met = {call.name for call in calls}, set()
    for call in calls:
        if call.name in met:
            n = 2
            while f"{call.name} ({n})" in taken:
                n += 1
            call.name = f"{call.name} ({n})"
            taken.add(call.name)
        met.add(call.name)


def _settled(shapes, input_shape):
    """Return shapes with open sizes filled in; raise ValueError if they contradict the model."""
    given = input_shape if isinstance(input_shape, list) else [input_shape]
    message = (
        f"input_shape={input_shape!r} does not match the inputs of the model, of shapes "
        f"{[shape[1:] for shape in shapes]}; give the whole numbers of one sample, or a list of "
        "such tuples for several inputs."
    )
    if len(given) != len(shapes) or not all(isinstance(shape, tuple) for shape in given):
        raise ValueError(message)
    for shape, sizes in zip(given, shapes, strict=True):
        right = len(shape) == len(sizes) - 1 and all(
            isinstance(n, Integral) and n >= 1 and size in (None, n)
            for n, size in zip(shape, sizes[1:], strict=True)
        )
        if not right:
            raise ValueError(message)
    return [(None, *shape) for shape in given]


def _cast(x, dtype):
    """Return a tensor as a layer that casts its inputs would see it."""
    k = keras()
    floating = isinstance(x, k.KerasTensor) and k.backend.is_float_dtype(x.dtype)
    return k.KerasTensor(x.shape, dtype) if floating else x


def _tensors(structure):
    k = keras()
    return [x for x in k.tree.flatten(structure) if isinstance(x, k.KerasTensor)]


def _follow(model, inputs, prefix, calls, inner):
    """Pass tensors through a model, recording the calls; return its outputs."""
    k = keras()
    if isinstance(model, k.Sequential):
        for layer in model.layers:
            inputs = _call(layer, (inputs,), {}, prefix, calls, inner)
        return inputs

    class Stand(k.Operation):
        """Stand in for a layer, so that following the graph adds nothing to it."""

        def __init__(self, layer):
            super().__init__(name=layer.name)
            self._layer = layer

        def call(self, *args, **kwargs):
            raise NotImplementedError  # only shapes are computed

        def compute_output_spec(self, *args, **kwargs):
            return _call(self._layer, args, kwargs, prefix, calls, inner)

    def stand(layer):
        return layer if isinstance(layer, k.layers.InputLayer) else Stand(layer)

    fresh = k.tree.map_structure(
        lambda x: k.Input(batch_shape=x.shape, dtype=x.dtype) if x is not None else None, inputs
    )
    met = {id(new): old for new, old in zip(_tensors(fresh), _tensors(inputs), strict=True)}
    start = len(calls)
    copy = k.models.clone_model(model, input_tensors=fresh, clone_function=stand)
    for call in calls[start:]:
        call.arguments = k.tree.map_structure(lambda x: met.get(id(x), x), call.arguments)
    return k.tree.map_structure(lambda x: met.get(id(x), x), copy.output)


def _call(layer, args, kwargs, prefix, calls, inner):
    k = keras()
    if isinstance(layer, k.Model) and can_be_followed(layer):
        check_model(layer)
        inputs = args[0] if args else kwargs["inputs"]
        outputs = _follow(layer, inputs, f"{prefix}{layer.name}/", calls, inner)
        inner += _tensors(outputs)
        return outputs
    given = args, kwargs
    if isinstance(layer, k.Layer) and getattr(layer, "autocast", False):
        given = k.tree.map_structure(lambda x: _cast(x, layer.compute_dtype), given)
    specs = layer.compute_output_spec(*given[0], **given[1])
    outputs = k.tree.map_structure(lambda x: k.KerasTensor(x.shape, x.dtype), specs)
    calls.append(Call(layer, prefix + layer.name, (args, kwargs), _tensors(outputs)))
    return outputs

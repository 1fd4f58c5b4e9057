"""Fold plan: which layer takes which batch normalisation in, and why others are left."""

import numpy as np

from skextra.cnn._compression._affine import Affine, Linear
from skextra.cnn._keras import keras
from skextra.cnn._models._costs import described, is_coded, stem_of
from skextra.cnn._models._quantized import has_lora, mode_of

_TAKES = ("Conv", "ConvTranspose", "Dense", "DepthwiseConv", "SeparableConv")
# They do nothing in predictions.
_IDLE = (
    "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity", "SpatialDropout",
)  # fmt: skip


class FoldPlan:
    """Where each batch normalisation of a graph goes.

    First each into a layer before it, past those that do nothing in predictions and those that
    are gone already: a convolution, a dense layer or a batch normalisation that stays. Then those
    that stay into a layer behind them, the last first.

    Parameters
    ----------
    graph : Graph
        The calls of a model.

    Attributes
    ----------
    into : dict of str to Call
        The call that takes a batch normalisation in, by the name of the latter.

    behind, before : dict of int to list
        What a layer takes in of its outputs and of its inputs, by the id of the layer: affine
        maps, in the order in which they are taken.

    reasons : dict of str to str
        Why batch normalisations are left, by name.
    """

    def __init__(self, graph):
        self._graph = graph
        self.into, self.behind, self.before, self.reasons = {}, {}, {}, {}
        self.norms = [c for c in graph.calls if described(c.layer)[0] == "BatchNormalization"]
        failed = {}
        for call in self.norms:
            try:
                self._fold_back(call)
            except _Left as left:
                failed[call.name] = str(left)
        for call in reversed(self.norms):
            if call.name in failed:
                try:
                    self._fold_on(call)
                except _Left as left:
                    reasons = dict.fromkeys((failed[call.name], str(left)))  # once if the same
                    self.reasons[call.name] = "; ".join(reasons)

    def affine_of(self, norm):
        """Return what a batch normalisation does with those that it has taken in."""
        affine = Affine.of(norm)
        for other in self.behind.get(id(norm), []):
            affine = affine.then(other)
        return affine

    def _fold_back(self, call):
        _check_norm(call, self._graph)
        tensor = call.inputs[0]
        while True:
            before = self._graph.producer(tensor)
            if before is None:
                raise _Left("stands at the input")
            if not self._is_idle(before):
                break
            self._check_link(tensor, before)
            tensor = before.inputs[0]
        if described(before.layer)[0] == "BatchNormalization":
            _check_norm(before, self._graph)
        else:
            _check_takes(before, "stands behind")
            if before.layer.activation not in (None, keras().activations.linear):
                name = getattr(before.layer.activation, "__name__", before.layer.activation)
                raise _Left(f"stands behind the activation {name!r} of {before.name}")
        _check_type(call, before)
        if len(self._graph.uses(before.layer)) > 1:
            raise _Left(f"stands behind {before.name}, which is used more than once")
        self._check_link(tensor, before)
        _check_model(call, before)
        if call.layer.axis % len(tensor.shape) != _channels(before, len(tensor.shape)):
            raise _Left(
                f"normalises axis {call.layer.axis}, which is not that of the channels of "
                f"{before.name}"
            )
        self.into[call.name] = before
        self.behind.setdefault(id(before.layer), []).append(Affine.of(call.layer))

    def _fold_on(self, call):
        _check_norm(call, self._graph)
        tensor, affine = call.outputs[0], self.affine_of(call.layer)
        n_axes = len(tensor.shape)
        sizes = [1] * (n_axes - 1)
        sizes[call.layer.axis % n_axes - 1] = -1
        affine = affine.each(lambda values: values.reshape(sizes))
        while True:
            self._check_link(tensor, call)
            behind = next(iter(self._graph.consumers(tensor)), None)
            if behind is None:
                raise _Left("is not used")
            passed = affine if self._is_idle(behind) else _passed(behind, tensor, affine)
            if passed is None:
                break
            tensor, affine = behind.outputs[0], passed
        _check_takes(behind, "stands before")
        _check_type(call, behind)
        if len(self._graph.uses(behind.layer)) > 1:
            raise _Left(f"stands before {behind.name}, which is used more than once")
        _check_model(call, behind)
        channels = _channels(behind, len(tensor.shape))
        others = [n for axis, n in enumerate(affine.scale.shape, 1) if axis != channels]
        if any(n > 1 for n in others):
            raise _Left(
                f"normalises axis {call.layer.axis}, which is not that of the channels of "
                f"{behind.name}"
            )
        affine = affine.each(np.ravel)
        if affine.shift.any() and Linear(behind.layer).meets_zeros:
            if stem_of(described(behind.layer)[0]) == "ConvTranspose":
                raise _Left(f"has a shift, which is not the same in all outputs of {behind.name}")
            raise _Left(f"has a shift, which the zeros at the borders of {behind.name} have not")
        self.into[call.name] = behind
        self.before.setdefault(id(behind.layer), []).append(affine)

    def _is_idle(self, call):
        """Return whether a call does nothing in predictions, or will be gone."""
        if call.name in self.into:
            return True
        kind = described(call.layer)[0]
        is_linear = kind == "Activation" and call.layer.activation is keras().activations.linear
        trains = call.arguments[1].get("training") not in (None, False)
        return (stem_of(kind) in _IDLE or is_linear) and not trains

    def _check_link(self, tensor, call):
        """Raise unless a tensor goes to one call only, and to nobody outside."""
        given = any(tensor is x for x in (*self._graph.outputs, *self._graph.inner))
        if len(self._graph.consumers(tensor)) > 1 or given:
            producer = self._graph.producer(tensor)
            if producer is call and described(call.layer)[0] == "BatchNormalization":
                raise _Left("is not taken by one layer alone")
            raise _Left(f"is not the only one to take what {producer.name} puts out")


class _Left(Exception):
    """Why a batch normalisation is left."""


def _check_norm(call, graph):
    if len(graph.uses(call.layer)) > 1:
        raise _Left("is used more than once")
    if call.arguments[1].get("training") or call.arguments[1].get("mask") is not None:
        raise _Left("is called with training=True or with a mask")


def _check_takes(call, where):
    kind, layer = described(call.layer)[0], call.layer
    if stem_of(kind) not in _TAKES or is_coded(layer):
        raise _Left(f"{where} {call.name} of type {type(layer).__name__}")
    if mode_of(layer) is not None:
        raise _Left(f"{where} {call.name}, which is quantised already")
    if has_lora(layer):
        raise _Left(f"{where} {call.name}, which has LoRA weights")


def _check_type(call, other):
    if call.layer.compute_dtype != other.layer.compute_dtype:
        raise _Left(f"computes in {call.layer.compute_dtype}, unlike {other.name}")


def _check_model(call, other):
    if call.name.rpartition("/")[0] != other.name.rpartition("/")[0]:
        raise _Left(f"is in another model than {other.name}")


def _channels(call, n_axes):
    """Return the axis of the channels of a layer's inputs and outputs."""
    if described(call.layer)[0] == "BatchNormalization":
        return call.layer.axis % n_axes
    return 1 if described(call.layer)[1].get("data_format") == "channels_first" else n_axes - 1


def _passed(call, tensor, affine):
    """Return the map that does behind a layer what one does before it; None if there is none."""
    kind, config = described(call.layer)
    shape, first = tuple(tensor.shape[1:]), config.get("data_format") == "channels_first"
    if kind == "Flatten":
        if None in shape or first:
            return None
        return affine.each(lambda values: np.broadcast_to(values, shape).ravel())
    is_global = stem_of(kind) == "GlobalAveragePooling"
    # An average of scaled numbers is the average scaled, if all have one scale.
    if is_global or (stem_of(kind) == "AveragePooling" and config["padding"] == "valid"):
        channels = 0 if first else len(shape) - 1
        if any(n > 1 for axis, n in enumerate(affine.scale.shape) if axis != channels):
            return None
        return affine.each(np.ravel) if is_global and len(call.outputs[0].shape) == 2 else affine
    return None

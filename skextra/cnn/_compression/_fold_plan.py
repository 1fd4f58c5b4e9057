"""Fold plan: which layer absorbs which batch normalisation, and why others are left."""

import numpy as np

from skextra.cnn._compression._affine import Affine, Linear
from skextra.cnn._keras import keras
from skextra.cnn._models._costs import described, is_coded, stem_of
from skextra.cnn._models._quantized import has_lora, mode_of

# Layers that can absorb an affine map of their inputs or outputs.
_ABSORBING = ("Conv", "ConvTranspose", "Dense", "DepthwiseConv", "SeparableConv")
# Layers that do nothing in inference.
_IDLE = (
    "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity", "SpatialDropout",
)  # fmt: skip


class FoldPlan:
    """Which layer absorbs each batch normalisation of a graph.

    First, each is folded into the layer before it, past layers that do nothing in inference and
    those that are folded already: into a convolution, a dense layer or a batch normalisation that
    remains. Then those that remain are folded into a layer after them, the last one first.

    Parameters
    ----------
    graph : Graph
        The calls of a model.

    Attributes
    ----------
    into : dict of str to Call
        The call that absorbs a batch normalisation, by the name of the latter.

    after, before : dict of int to list
        The affine maps of its outputs and of its inputs that a layer absorbs, in this order, by
        the id of the layer.

    reasons : dict of str to str
        Why the others are left, by name.
    """

    def __init__(self, graph):
        self._graph = graph
        self.into, self.after, self.before, self.reasons = {}, {}, {}, {}
        self.norms = [c for c in graph.calls if described(c.layer)[0] == "BatchNormalization"]
        failed = {}
        for call in self.norms:
            try:
                self._fold_into_previous(call)
            except _Left as left:
                failed[call.name] = str(left)
        for call in reversed(self.norms):
            if call.name in failed:
                try:
                    self._fold_into_next(call)
                except _Left as left:
                    reasons = dict.fromkeys((failed[call.name], str(left)))  # once if the same
                    self.reasons[call.name] = "; ".join(reasons)

    def affine_of(self, norm):
        """Return the map of a batch normalisation with those that it has absorbed."""
        affine = Affine.of(norm)
        for other in self.after.get(id(norm), []):
            affine = affine.then(other)
        return affine

    def _fold_into_previous(self, call):
        _check_norm(call, self._graph)
        tensor = call.inputs[0]
        while True:
            before = self._graph.producer(tensor)
            if before is None:
                raise _Left("follows the input")
            if not self._is_idle(before):
                break
            self._check_link(tensor, before)
            tensor = before.inputs[0]
        if described(before.layer)[0] == "BatchNormalization":
            _check_norm(before, self._graph)
        else:
            _check_absorbs(before, "follows")
            if before.layer.activation not in (None, keras().activations.linear):
                name = getattr(before.layer.activation, "__name__", before.layer.activation)
                raise _Left(f"follows the activation {name!r} of {before.name}")
        self._check_pair(call, before, "follows")
        self._check_link(tensor, before)
        _check_model(call, before)
        if call.layer.axis % len(tensor.shape) != _channels(before, len(tensor.shape)):
            raise _Left(
                f"normalises axis {call.layer.axis}, which is not that of the channels of "
                f"{before.name}"
            )
        self.into[call.name] = before
        self.after.setdefault(id(before.layer), []).append(Affine.of(call.layer))

    def _fold_into_next(self, call):
        _check_norm(call, self._graph)
        tensor, affine = call.outputs[0], self.affine_of(call.layer)
        n_axes = len(tensor.shape)
        sizes = [1] * (n_axes - 1)
        sizes[call.layer.axis % n_axes - 1] = -1
        affine = affine.each(lambda values: values.reshape(sizes))
        while True:
            self._check_link(tensor, call)
            after = next(iter(self._graph.consumers(tensor)), None)
            if after is None:
                raise _Left("is not used")
            passed = affine if self._is_idle(after) else _passed(after, tensor, affine)
            if passed is None:
                break
            tensor, affine = after.outputs[0], passed
        _check_absorbs(after, "precedes")
        self._check_pair(call, after, "precedes")
        _check_model(call, after)
        channels = _channels(after, len(tensor.shape))
        others = [n for axis, n in enumerate(affine.scale.shape, 1) if axis != channels]
        if any(n > 1 for n in others):
            raise _Left(
                f"normalises axis {call.layer.axis}, which is not that of the channels of "
                f"{after.name}"
            )
        affine = affine.each(np.ravel)
        if affine.shift.any() and Linear(after.layer).meets_zeros:
            if stem_of(described(after.layer)[0]) == "ConvTranspose":
                raise _Left(f"has a shift, which is not the same in all outputs of {after.name}")
            raise _Left(f"has a shift, which the zeros at the borders of {after.name} lack")
        self.into[call.name] = after
        self.before.setdefault(id(after.layer), []).append(affine)

    def _check_pair(self, call, other, where):
        """Raise unless two layers have one type, and the other is used once."""
        if call.layer.compute_dtype != other.layer.compute_dtype:
            raise _Left(f"computes in {call.layer.compute_dtype}, unlike {other.name}")
        if len(self._graph.uses(other.layer)) > 1:
            raise _Left(f"{where} {other.name}, which is used more than once")

    def _is_idle(self, call):
        """Return whether a call does nothing in inference, or is folded already."""
        if call.name in self.into:
            return True
        kind = described(call.layer)[0]
        is_linear = kind == "Activation" and call.layer.activation is keras().activations.linear
        trains = call.arguments[1].get("training") not in (None, False)
        return (stem_of(kind) in _IDLE or is_linear) and not trains

    def _check_link(self, tensor, call):
        """Raise unless exactly one call uses a tensor, and the model does not return it."""
        given = any(tensor is x for x in (*self._graph.outputs, *self._graph.inner))
        if len(self._graph.consumers(tensor)) > 1 or given:
            producer = self._graph.producer(tensor)
            if producer is call and described(call.layer)[0] == "BatchNormalization":
                raise _Left("is not used by one layer only")
            raise _Left(f"is not the only user of the output of {producer.name}")


class _Left(Exception):
    """Why a batch normalisation is left."""


def _check_norm(call, graph):
    if len(graph.uses(call.layer)) > 1:
        raise _Left("is used more than once")
    if call.arguments[1].get("training") or call.arguments[1].get("mask") is not None:
        raise _Left("is called with training=True or with a mask")


def _check_absorbs(call, where):
    kind, layer = described(call.layer)[0], call.layer
    if stem_of(kind) not in _ABSORBING or is_coded(layer):
        raise _Left(f"{where} {call.name} of type {type(layer).__name__}")
    if mode_of(layer) is not None:
        raise _Left(f"{where} {call.name}, which is quantised already")
    if has_lora(layer):
        raise _Left(f"{where} {call.name}, which has LoRA weights")


def _check_model(call, other):
    if call.name.rpartition("/")[0] != other.name.rpartition("/")[0]:
        raise _Left(f"is in another model than {other.name}")


def _channels(call, n_axes):
    """Return the axis of the channels of a layer's inputs and outputs."""
    if described(call.layer)[0] == "BatchNormalization":
        return call.layer.axis % n_axes
    return 1 if described(call.layer)[1].get("data_format") == "channels_first" else n_axes - 1


def _passed(call, tensor, affine):
    """Return the map after a layer that is equivalent to one before it; None if there is none."""
    kind, config = described(call.layer)
    shape, first = tuple(tensor.shape[1:]), config.get("data_format") == "channels_first"
    if kind == "Flatten":
        if None in shape or first:
            return None
        return affine.each(lambda values: np.broadcast_to(values, shape).ravel())
    is_global = stem_of(kind) == "GlobalAveragePooling"
    # The average of scaled inputs is the scaled average, if all have one scale.
    if is_global or (stem_of(kind) == "AveragePooling" and config["padding"] == "valid"):
        channels = 0 if first else len(shape) - 1
        if any(n > 1 for axis, n in enumerate(affine.scale.shape) if axis != channels):
            return None
        return affine.each(np.ravel) if is_global and len(call.outputs[0].shape) == 2 else affine
    return None

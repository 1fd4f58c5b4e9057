"""layer_table: shapes, parameters, multiplications and receptive fields, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skextra._typing import KerasModelLike
from skextra.cnn._inspection._field import fields_of
from skextra.cnn._inspection._macs import macs_of, sum_if_known
from skextra.cnn._models._costs import described, window_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._weights import bytes_of, count_parameters, itemsize, kernel_shapes
from skextra.cnn._subject import subject_of
from skextra.cnn._tables import as_text, frame, html_table, text_table

if TYPE_CHECKING:
    import pandas as pd

    from skextra.cnn._classifier import CNNClassifier

# Heads of the printed table, the columns that are read most first.
_COLUMNS = {
    "layer": "name", "type": "type", "input": "input_shape", "output": "output_shape",
    "kernel": "kernel_shape", "parameters": "parameters", "MACs": "macs",
    "field": "receptive_field", "field step": "receptive_stride", "strides": "strides",
    "padding": "padding", "dilation": "dilation", "trainable": "trainable",
    "output bytes": "activation_bytes", "weight bytes": "weight_bytes",
}  # fmt: skip
_SEEN_ALL = "all"
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class LayerRow:
    """A row of a :class:`LayerTable`: what a layer is and costs, for one sample.

    Parameters
    ----------
    name : str
        Name of the layer, after those of the models that it is in. Further uses of a layer have
        rows of their own, with a number after the name.

    type : str
        Name of the layer's class.

    input_shape, output_shape : tuple of int
        Shapes without the axis of the samples; a tuple of shapes for several inputs.

    kernel_shape : tuple of int or None
        Shape of the kernel in the order of Keras: window, input channels of a group, output
        channels. Separable convolutions have a tuple of both kernels, pools only their window.

    strides, dilation : tuple of int or None
        Strides and dilation of the window.

    padding : str, tuple or None
        'same', 'valid' or 'causal'. After a ZeroPadding layer, the rows added on either side, as
        a pair for an axis whose sides differ; `input_shape` is then the input of that layer.

    parameters, trainable : int
        Number of parameters, and of those that training changes. A quantised layer has as many as
        before. Parameters that layers share count with the first layer.

    macs : int or None
        Multiply-accumulate operations; None if the table does not know the layer.

    receptive_field : tuple of int or None
        Largest number of inputs along each axis that one output depends on, including padding.
        After a Flatten or a global pool, it is the part of the whole input that is seen. None if
        unknown, and empty if the input has no axes but the channels.

    receptive_stride : tuple of float or None
        Mean displacement, in inputs, between the fields of two neighbouring outputs. None if
        there is one field for all, or none known.

    activation_bytes : int or None
        Size of the output in bytes; None if its shape is not fixed.

    weight_bytes : int
        Size of the stored weights in bytes.
    """

    name: str
    type: str
    input_shape: Shape | tuple[Shape, ...]
    output_shape: Shape
    kernel_shape: Shape | tuple[Shape, ...] | None
    strides: Shape | None
    padding: str | tuple[int | tuple[int, int], ...] | None
    dilation: Shape | None
    parameters: int
    trainable: int
    macs: int | None
    receptive_field: Shape | None
    receptive_stride: tuple[float, ...] | None
    activation_bytes: int | None
    weight_bytes: int


@dataclass(frozen=True, eq=False)
class LayerTable:
    """The layers of a network in numbers, as returned by :func:`layer_table`.

    It is printed as a table, and displayed as one in a notebook.

    Parameters
    ----------
    name : str
        Name of the network.

    rows : tuple of LayerRow
        A row for every use of a layer, in an order of computation.

    peak_activation_bytes : int
        Largest size of all outputs that are held at once, for one sample, if each output is kept
        until the last layer that takes it has run.

    Examples
    --------
    >>> from skextra.cnn import LayerTable
    >>> LayerTable("empty", (), 0).macs
    0
    """

    name: str
    rows: tuple[LayerRow, ...]
    peak_activation_bytes: int

    @property
    def parameters(self) -> int:
        """Number of parameters of all layers."""
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        """Number of parameters that training changes."""
        return sum(row.trainable for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations for one sample, without the layers in `unknown`."""
        return sum(row.macs or 0 for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Size of the outputs of all layers for one sample, in bytes."""
        return sum(row.activation_bytes or 0 for row in self.rows)

    @property
    def weight_bytes(self) -> int:
        """Size of the stored weights of all layers, in bytes."""
        return sum(row.weight_bytes for row in self.rows)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the layers whose operations the table does not know."""
        return tuple(row.name for row in self.rows if row.macs is None)

    def __getitem__(self, name: str | int) -> LayerRow:
        """Return the row with a name or at a position."""
        if not isinstance(name, str):
            return self.rows[name]
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name!r} is none of the layers {[row.name for row in self.rows]}.")

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[LayerRow]:
        return iter(self.rows)

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row a layer, indexed by its name.
        """
        table = frame(self.rows, LayerRow, "LayerTable.to_frame")
        return table.astype({"macs": "Int64", "activation_bytes": "Int64"})

    def __repr__(self) -> str:
        return f"{self.name}\n{text_table(_COLUMNS, self._cells())}\n{self._footer()}"

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, self._cells(), self.name) + f"<p>{self._footer()}</p>"

    def _cells(self):
        cells = []
        for row in self.rows:
            values = {field.name: getattr(row, field.name) for field in fields(row)}
            for name in ("macs", "activation_bytes"):
                values[name] = "?" if values[name] is None else values[name]
            values["input_shape"] = _shapes(row.input_shape)
            values["kernel_shape"] = _shapes(row.kernel_shape)
            if row.receptive_field is None:
                values["receptive_field"] = "?"
            elif row.receptive_stride is None:
                values["receptive_stride"] = _SEEN_ALL
            cells.append([values[name] for name in _COLUMNS.values()])
        return cells

    def _footer(self):
        least = "at least " if self.unknown else ""
        lines = [
            f"{self.parameters:,} parameters ({self.trainable:,} trainable) in "
            f"{self.weight_bytes:,} bytes; {least}{self.macs:,} MACs and "
            f"{self.activation_bytes:,} bytes of outputs a sample, "
            f"{self.peak_activation_bytes:,} at once."
        ]
        if self.unknown:
            lines.append(f"Not counted (?): {', '.join(self.unknown)}.")
        return " ".join(lines)


def _shapes(shapes):
    if not shapes or not isinstance(shapes[0], tuple):
        return shapes
    if len(shapes) > 2 and len(set(shapes)) == 1:
        return f"{len(shapes)} of {as_text(shapes[0])}"
    return " + ".join(as_text(shape) for shape in shapes)


def layer_table(
    model: CNNClassifier | KerasModelLike, input_shape: Shape | list[Shape] | None = None
) -> LayerTable:
    """Tabulate the layers of a network: shapes, parameters, operations and receptive fields.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator. It is not changed.

    input_shape : tuple of int or list of them, default=None
        Shape of a sample, for a model that does not fix it; a list for several inputs.

    Returns
    -------
    table : LayerTable
        A row for each layer, and totals.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind, is not built, or does not fix the shape of its input.

    See Also
    --------
    feature_maps : Outputs of the layers.
    CompressionReport : What compressing a network saves.

    Notes
    -----
    MACs are multiply-accumulate operations, including those with the zeros of a padding. For a
    convolution they are the output positions times the size of the kernel (for a transposed one,
    the input positions), for a dense layer the inputs times the outputs. A recurrent layer applies
    both its kernels at every step: an LSTM of u units on n inputs costs 4 u (n + u). Attention
    costs its projections, the scores of every pair of positions and the weighted sums. Biases,
    activations, and the products of gates with states are not counted. Batch normalisation and
    other layers that scale cost one for each output; pools and layers that add or move numbers
    cost none. The table lists layers that it does not know, and prints the total as "at least".

    The receptive field grows by (kernel - 1) * dilation * (product of the strides so far) [1]_.
    After upsampling and transposed convolutions the fields of outputs differ, and the table has
    the largest. The field is unknown where paths with different strides meet, and after layers
    that the table does not know.

    References
    ----------
    .. [1] A. Araujo, W. Norris and J. Sim, "Computing receptive fields of convolutional neural
       networks", Distill, 2019.

    Examples
    --------
    >>> import keras
    >>> from skextra.cnn import layer_table
    >>> model = keras.Sequential([
    ...     keras.Input((64, 64, 128)),
    ...     keras.layers.Conv2D(256, 3, strides=2, padding="same", use_bias=False),
    ...     keras.layers.Conv2D(512, 3, padding="same", use_bias=False),
    ... ])
    >>> table = layer_table(model)
    >>> [row.parameters for row in table.rows]
    [294912, 1179648]
    >>> [row.macs for row in table.rows]
    [301989888, 1207959552]
    >>> table[1].receptive_field, table[1].receptive_stride
    ((7, 7), (2, 2))
    """
    model = subject_of(model, "layer_table").model
    graph = graph_of(model, input_shape)
    for x in graph.inputs:
        if None in x.shape[1:]:
            raise ValueError(
                f"The model {model.name!r} does not fix the shape of its input, "
                f"{tuple(x.shape[1:])}; pass input_shape to layer_table."
            )
    parts = zip(graph.calls, fields_of(graph), _first_met(graph), strict=True)
    return LayerTable(model.name, tuple(_row(graph, *part) for part in parts), _peak(graph))


def _first_met(graph):
    """Return, for each call, its variables that no call before has: shared ones count once."""
    counted, fresh = set(), []
    for call in graph.calls:
        fresh.append([v for v in getattr(call.layer, "weights", []) if id(v) not in counted])
        counted.update(map(id, fresh[-1]))
    return fresh


def _row(graph, call, field, variables):
    kind, config = described(call.layer)
    window, strides, dilation = window_of(kind, config)
    padding, taken = _padding(graph, call, kind, config)
    inputs = tuple(tuple(x.shape[1:]) for x in (taken, *call.inputs[1:]))
    kernels = tuple(kernel_shapes(call.layer)) or (window,)  # pools have a window only
    parameters, trainable = count_parameters(call.layer, variables)
    return LayerRow(
        name=call.name,
        type=kind.lstrip("."),
        input_shape=inputs[0] if len(inputs) == 1 else inputs,
        output_shape=tuple(call.outputs[0].shape[1:]),
        kernel_shape=kernels[0] if len(kernels) == 1 else kernels,
        strides=strides,
        padding=padding,
        dilation=None if config.get("kernel_size") is None else dilation,
        parameters=parameters,
        trainable=trainable,
        macs=macs_of(call),
        receptive_field=field.size,
        receptive_stride=field.stride,
        activation_bytes=sum_if_known(_sample_bytes(x) for x in call.outputs),
        weight_bytes=sum(bytes_of(v) for v in variables),
    )


def _padding(graph, call, kind, config):
    """Return the padding of a call, and its input: that of a ZeroPadding layer in front of it."""
    if kind.startswith("ZeroPadding"):
        return _border(config["padding"]), call.inputs[0]
    padding = None if window_of(kind, config)[0] is None else config.get("padding")
    before = graph.producer(call.inputs[0]) if padding == "valid" else None
    if before is not None and described(before.layer)[0].startswith("ZeroPadding"):
        return _border(before.layer.padding), before.inputs[0]
    return padding, call.inputs[0]


def _sample_bytes(x):
    """Return the size of a tensor for one sample; None if its shape or type is not fixed."""
    size = itemsize(x.dtype)
    return None if None in x.shape[1:] or size is None else math.prod(x.shape[1:]) * size


def _border(padding):
    """Return the padding of a ZeroPadding layer: one number per axis if its sides are equal."""
    pairs = padding if np.ndim(padding) == 2 else [padding]
    pairs = tuple(tuple(int(p) for p in pair) for pair in pairs)
    return tuple(a for a, _ in pairs) if all(a == b for a, b in pairs) else pairs


def _peak(graph):
    """Return the largest size of the tensors that are held at once, in bytes."""
    kept = {id(x) for x in graph.outputs}
    last = {id(x): i for i, call in enumerate(graph.calls) for x in call.inputs}
    live = {id(x): _sample_bytes(x) or 0 for x in graph.inputs}
    peak = sum(live.values())
    for i, call in enumerate(graph.calls):
        live.update((id(x), _sample_bytes(x) or 0) for x in call.outputs)
        peak = max(peak, sum(live.values()))
        live = {x: size for x, size in live.items() if x in kept or last.get(x, -1) > i}
    return peak

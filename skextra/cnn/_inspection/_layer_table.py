"""layer_table: shapes, parameters, multiplications and receptive fields, layer by layer."""

import math
from dataclasses import dataclass, fields

import numpy as np

from skextra.cnn._inspection._field import Field
from skextra.cnn._inspection._macs import macs_of
from skextra.cnn._models._costs import described, window_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._weights import bytes_of, count_parameters, itemsize, kernel_shapes
from skextra.cnn._subject import subject_of
from skextra.cnn._tables import as_text, frame, html_table, text_table

# In the order of the printed table: what is asked for most comes first.
_COLUMNS = {
    "layer": "name", "type": "type", "input": "input_shape", "output": "output_shape",
    "kernel": "kernel_shape", "parameters": "parameters", "MACs": "macs",
    "field": "receptive_field", "field step": "receptive_stride", "strides": "strides",
    "padding": "padding", "dilation": "dilation", "trainable": "trainable",
    "output bytes": "activation_bytes", "weight bytes": "weight_bytes",
}  # fmt: skip
_SEEN_ALL = "all"


@dataclass(frozen=True)
class LayerRow:
    """A row of a :class:`LayerTable`: what a layer is and costs, for one sample.

    Parameters
    ----------
    name : str
        Name of the layer, behind those of the models that it is in. Further uses of a layer have
        rows of their own, with a number behind the name.

    type : str
        Name of its class.

    input_shape, output_shape : tuple of int
        Without the axis of the samples. Inputs of a layer that has several are in a tuple.

    kernel_shape : tuple of int or None
        In the order of Keras: window, input channels of a group, output channels. Separable
        convolutions have a tuple of both kernels, pools their window alone.

    strides, dilation : tuple of int or None
        Of the window.

    padding : str, tuple or None
        'same', 'valid' or 'causal', or the rows on either side if a ZeroPadding layer stands
        before; `input_shape` is then what that layer takes. A pair of numbers for an axis whose
        sides differ.

    parameters, trainable : int
        Numbers of parameters, and of those that training changes. What is stored in fewer bytes
        counts as what it stands for, so that an int4 layer has as many as before; what layers
        share counts with the first.

    macs : int or None
        Multiplications with addition; None if the table does not know the layer.

    receptive_field : tuple of int or None
        The most inputs along each axis that one output depends on, padding counted. For layers
        behind a Flatten or a global pool it is what they see of the whole input. None if it is
        not known, and empty where the input has no axes but the channels.

    receptive_stride : tuple of float or None
        By how many inputs the fields of two neighbouring outputs differ, in the mean. None where
        there is one field for all, or none known.

    activation_bytes : int or None
        Size of the output. None if its shape is open.

    weight_bytes : int
        Size of the weights as they are stored.
    """

    name: str
    type: str
    input_shape: tuple
    output_shape: tuple
    kernel_shape: tuple | None
    strides: tuple | None
    padding: object
    dilation: tuple | None
    parameters: int
    trainable: int
    macs: int | None
    receptive_field: tuple | None
    receptive_stride: tuple | None
    activation_bytes: int
    weight_bytes: int


@dataclass(frozen=True, eq=False)
class LayerTable:
    """The layers of a network in numbers, as returned by :func:`layer_table`.

    It prints as a table, and is one in a notebook.

    Parameters
    ----------
    name : str
        Name of the network.

    rows : tuple of LayerRow
        A row for every use of a layer, in an order in which they can be computed.

    peak_activation_bytes : int
        The most that must be held at once of what layers put out, for one sample, if each output
        is kept until the last layer that takes it is done.

    Examples
    --------
    >>> from skextra.cnn import LayerTable
    >>> LayerTable("empty", (), 0).macs
    0
    """

    name: str
    rows: tuple
    peak_activation_bytes: int

    @property
    def parameters(self):
        """Number of parameters of all layers."""
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self):
        """Number of parameters that training changes."""
        return sum(row.trainable for row in self.rows)

    @property
    def macs(self):
        """Multiplications with addition for one sample, of the layers that are not `unknown`."""
        return sum(row.macs or 0 for row in self.rows)

    @property
    def activation_bytes(self):
        """Size of the outputs of all layers for one sample."""
        return sum(row.activation_bytes or 0 for row in self.rows)

    @property
    def weight_bytes(self):
        """Size of the weights of all layers as they are stored."""
        return sum(row.weight_bytes for row in self.rows)

    @property
    def unknown(self):
        """Names of layers of which the table does not know the multiplications."""
        return tuple(row.name for row in self.rows if row.macs is None)

    def __getitem__(self, name):
        """Return the row of a name or a position."""
        if not isinstance(name, str):
            return self.rows[name]
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name!r} is none of the layers {[row.name for row in self.rows]}.")

    def __len__(self):
        return len(self.rows)

    def to_frame(self):
        """Return the table as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row a layer, indexed by its name.
        """
        table = frame(self.rows, LayerRow, "LayerTable.to_frame")
        return table.astype({"macs": "Int64", "activation_bytes": "Int64"})

    def __repr__(self):
        return f"{self.name}\n{text_table(_COLUMNS, self._cells())}\n{self._footer()}"

    def _repr_html_(self):
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


def layer_table(model, input_shape=None):
    """Return what the layers of a network are and cost, for one sample.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator. It stays as it is.

    input_shape : tuple of int or list of them, default=None
        Shape of a sample, for a model that leaves it open; a list for several inputs.

    Returns
    -------
    table : LayerTable
        A row a layer, and totals.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind, is not built, or leaves sizes open.

    See Also
    --------
    feature_maps : What layers put out.
    CompressionReport : What was gained by making a network smaller.

    Notes
    -----
    MACs are multiplications that are added up, those with the zeros of a padding included: output
    positions times the size of the kernel for convolutions (for transposed ones input positions),
    inputs times outputs for dense layers. Recurrent layers cost both their kernels at every step,
    an LSTM of u units on n inputs 4 u (n + u), and attention its projections, the scores of every
    pair of places and the sums by them. Biases, activations, and the products of gates with
    states are not counted. A batch normalisation or another layer that scales costs one for each
    number it puts out, pools and layers that add or move numbers cost none. Layers that the table
    does not know are named, and the total is then printed as "at least".

    The receptive field grows by (kernel - 1) * dilation * stride so far, and the stride so far is
    multiplied by that of the layer [1]_. Behind upsampling and transposed convolutions outputs
    differ in what they see, and the field is the largest. Where paths of unlike strides meet, and
    behind layers that the table does not know, it is not known.

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
                f"The model {model.name!r} leaves sizes of its input open, {tuple(x.shape[1:])}; "
                "pass layer_table an input_shape."
            )
    return LayerTable(model.name, tuple(_rows(graph)), _peak(graph))


def _rows(graph):
    layouts = (described(call.layer)[1] for call in graph.calls)
    layout = next((config for config in layouts if "data_format" in config), {})
    fields_of, met, counted = {}, set(), set()
    for call in graph.calls:
        kind, config = described(call.layer)
        inputs = [(id(x), tuple(x.shape)) for x in call.inputs]
        sources = [fields_of.get(key) or Field.of_input(shape, layout) for key, shape in inputs]
        target = tuple(call.outputs[0].shape)
        field = Field.joined(sources).through(kind, config, inputs[0][1], target, layout)
        fields_of.update((id(x), field) for x in call.outputs)
        # Variables are counted where they are first met, whatever layers share them.
        fresh = [v for v in getattr(call.layer, "weights", []) if id(v) not in counted]
        counted.update(id(v) for v in fresh)
        yield _row(call, kind, config, field, graph, fresh, call.layer in met)
        met.add(call.layer)


def _row(call, kind, config, field, graph, variables, again):
    kernels = kernel_shapes(call.layer)
    window, strides, dilation = window_of(kind, config)
    is_convolution = config.get("kernel_size") is not None
    target = tuple(call.outputs[0].shape)
    padding = config.get("padding") if window is not None else None
    taken = call.inputs[0]
    before = graph.producer(taken) if padding == "valid" else None
    if before is not None and described(before.layer)[0].startswith("ZeroPadding"):
        padding = _border(before.layer.padding)
        taken = before.inputs[0]
    if kind.startswith("ZeroPadding"):
        padding = _border(config["padding"])
    inputs = tuple(tuple(x.shape[1:]) for x in (taken, *call.inputs[1:]))
    kernel = window  # of a pool, which has no other
    if kernels:
        kernel = kernels[0] if len(kernels) == 1 else tuple(kernels)
    parameters, trainable = count_parameters(call.layer, [] if again else variables)
    return LayerRow(
        name=call.name,
        type=kind.lstrip("."),
        input_shape=inputs[0] if len(inputs) == 1 else inputs,
        output_shape=target[1:],
        kernel_shape=kernel,
        strides=strides,
        padding=padding,
        dilation=dilation if is_convolution else None,
        parameters=parameters,
        trainable=trainable,
        macs=macs_of(call),
        receptive_field=field.size,
        receptive_stride=field.stride,
        activation_bytes=_all_or_none(_sample_bytes(x) for x in call.outputs),
        weight_bytes=sum(bytes_of(v) for v in variables),
    )


def _sample_bytes(x):
    """Return the size of a tensor for one sample; None if its shape or type does not say."""
    size = itemsize(x.dtype)
    return None if None in x.shape[1:] or size is None else math.prod(x.shape[1:]) * size


def _all_or_none(sizes):
    sizes = list(sizes)
    return None if None in sizes else sum(sizes)


def _border(padding):
    """Return the padding of a layer that pads: one number an axis where both sides have one."""
    pairs = padding if np.ndim(padding) == 2 else [padding]
    pairs = tuple(tuple(int(p) for p in pair) for pair in pairs)
    return tuple(a for a, _ in pairs) if all(a == b for a, b in pairs) else pairs


def _peak(graph):
    """Return the most bytes that are held at once when the calls are made in their order."""
    kept = {id(x) for x in graph.outputs}
    last = {id(x): i for i, call in enumerate(graph.calls) for x in call.inputs}
    live = {id(x): _sample_bytes(x) or 0 for x in graph.inputs}
    peak = sum(live.values())
    for i, call in enumerate(graph.calls):
        live.update((id(x), _sample_bytes(x) or 0) for x in call.outputs)
        peak = max(peak, sum(live.values()))
        live = {x: size for x, size in live.items() if x in kept or last.get(x, -1) > i}
    return peak

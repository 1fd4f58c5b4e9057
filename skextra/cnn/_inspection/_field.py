"""Field: the receptive field of each layer, which inputs an output depends on, exactly."""

import math

import numpy as np

from skextra.cnn._models._costs import (
    axes_of,
    described,
    is_pointwise,
    spatial,
    stem_of,
    window_of,
)

_WINDOWED = ("AveragePooling", "Conv", "DepthwiseConv", "MaxPooling", "SeparableConv")
# An end of the interval of an output that no input reaches: beyond the size of any input, and far
# from the overflow of int64 when intervals are moved.
_NOTHING = 2**40


class Axis:
    """The intervals of input positions that the positions along an axis depend on.

    They repeat: position p + len(low) sees what position p sees, displaced by `shift`. Upsampling
    makes the period longer, strides make it shorter; without upsampling it is one.

    Parameters
    ----------
    low, high : ndarray of int of shape (period,)
        First and last input position seen.

    shift : int
        Displacement of the intervals from one period to the next.
    """

    def __init__(self, low, high, shift):
        self.low, self.high, self.shift = np.asarray(low), np.asarray(high), shift

    @property
    def size(self):
        """The largest number of positions that are seen."""
        return max(int((self.high - self.low).max()) + 1, 0)

    @property
    def stride(self):
        """Mean displacement between the intervals of neighbouring positions."""
        stride = self.shift / len(self.low)
        return int(stride) if stride == int(stride) else stride

    def at(self, positions):
        """Return the first and last input seen at any positions, also those in the padding."""
        periods, phase = np.divmod(positions, len(self.low))
        moved = periods * self.shift
        seen = self.high[phase] >= self.low[phase]
        return (
            np.where(seen, self.low[phase] + moved, _NOTHING),
            np.where(seen, self.high[phase] + moved, -_NOTHING),
        )

    def read(self, windows, stride_in, stride_out):
        """Return the axis of a layer whose output p reads positions `windows[p]` of this one.

        Parameters
        ----------
        windows : ndarray of int of shape (stride_out * period, k)
            Positions, with _NOTHING for those that do not exist.

        stride_in, stride_out : int
            The window moves by `stride_in` positions every `stride_out` outputs.
        """
        low, high = self.at(np.where(windows == _NOTHING, 0, windows))
        low = np.where(windows == _NOTHING, _NOTHING, low).min(axis=1)
        high = np.where(windows == _NOTHING, -_NOTHING, high).max(axis=1)
        periods = len(windows) // stride_out * stride_in / len(self.low)
        return Axis(low, high, round(periods * self.shift))

    def period_of(self, stride_in):
        """Return the number of steps of `stride_in` positions after which the pattern repeats."""
        return len(self.low) // math.gcd(len(self.low), stride_in)

    def windowed(self, k, stride, dilation, before):
        """Return the axis after a window of size k, with `before` positions of padding."""
        outputs = np.arange(self.period_of(stride))
        windows = outputs[:, None] * stride + np.arange(k) * dilation - before
        return self.read(windows, stride, 1)

    def spread(self, k, stride, dilation, cut):
        """Return the axis after a transposed window, without the first `cut` outputs."""
        outputs = np.arange(self.period_of(1) * stride)
        spread = outputs[:, None] + cut - np.arange(k) * dilation
        return self.read(np.where(spread % stride, _NOTHING, spread // stride), 1, stride)

    def joined(self, other):
        """Return the axis of a layer that takes both; None if their strides differ."""
        period = math.lcm(len(self.low), len(other.low))
        if self.shift * (period // len(self.low)) != other.shift * (period // len(other.low)):
            return None
        ends = [axis.at(np.arange(period)) for axis in (self, other)]
        low, high = np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])
        return Axis(low, high, self.shift * (period // len(self.low)))

    def whole(self, n, extent):
        """Return the number of input positions that n positions see together."""
        low, high = self.at(np.arange(n))
        return max(min(int(high.max()), extent - 1) - max(int(low.min()), 0) + 1, 0)


class Field:
    """The receptive field of the outputs of a layer.

    Parameters
    ----------
    axes : tuple of Axis or None
        One for each axis that is neither the samples nor the channels.

    extent : tuple of int
        Sizes of the input.

    seen : tuple of int or None
        Sizes of what all outputs see, after a layer that mixes all positions.
    """

    def __init__(self, axes, extent, seen=None):
        self.axes, self.extent, self.seen = axes, extent, seen

    @classmethod
    def of_input(cls, shape, config):
        """Return the field of an input of a shape."""
        extent = tuple(spatial(shape, config))
        return cls(tuple(Axis([0], [0], 1) for _ in extent), extent)

    @property
    def size(self):
        """Number of inputs seen along each axis; None if unknown."""
        if self.seen is not None:
            return self.seen
        return None if self.axes is None else tuple(axis.size for axis in self.axes)

    @property
    def stride(self):
        """Distances between neighbouring fields; None if there is one field, or none known."""
        return None if self.axes is None else tuple(axis.stride for axis in self.axes)

    @classmethod
    def joined(cls, fields):
        """Return the field of a layer that takes several inputs."""
        first, *others = fields
        for other in others:
            first = first._with(other)
        return first

    def _with(self, other):
        if self.extent != other.extent:
            return _UNKNOWN
        if self.seen is not None or other.seen is not None:
            sizes = (self.size, other.size)
            if None in sizes:
                return _UNKNOWN
            return Field(None, self.extent, tuple(map(max, *sizes)) if self.extent else ())
        if self.axes is None or other.axes is None or len(self.axes) != len(other.axes):
            return _UNKNOWN
        axes = tuple(a.joined(b) for a, b in zip(self.axes, other.axes, strict=True))
        return _UNKNOWN if None in axes else Field(axes, self.extent)

    def through(self, kind, config, source, target, layout):
        """Return the field after a layer.

        Parameters
        ----------
        kind, config : str, dict
            What the layer is.

        source, target : tuple
            Shapes of its first input and output, the samples first.

        layout : dict
            The order of the axes, if the layer's configuration does not tell.
        """
        stem = stem_of(kind)
        if self.size is None or self.seen is not None:  # nothing sees more than all
            return self
        if stem == "Reshape" and not self.axes and len(target) > 2:
            return Field.of_input(target, layout)
        if stem == "Dense" and len(source) == 2:
            return Field(None, self.extent, self.size if self.axes else ())
        if stem == "Flatten" or stem.startswith("Global"):
            sizes = spatial(source, layout if stem == "Flatten" else config)
            whole = zip(self.axes, sizes, self.extent, strict=True)
            return Field(None, self.extent, tuple(a.whole(n, size) for a, n, size in whole))
        if stem in ("Concatenate", "LayerNormalization", "Softmax") and not _is_of_channels(
            config, layout, target
        ):
            return _UNKNOWN
        if is_pointwise(kind):
            return self
        moved = self._moved(stem, kind, config, source, target)
        return _UNKNOWN if moved is None else Field(tuple(moved), self.extent)

    def _moved(self, stem, kind, config, source, target):
        """Return the axes after a layer with windows; None if unknown."""
        if stem in ("ZeroPadding", "Cropping"):
            sign = 1 if stem == "ZeroPadding" else -1
            ends = config["padding" if sign == 1 else "cropping"]
            pairs = zip(self.axes, ends if np.ndim(ends) == 2 else [ends], strict=True)
            return [axis.windowed(1, 1, 1, sign * end[0]) for axis, end in pairs]
        if stem == "UpSampling":
            if config.get("interpolation") not in (None, "nearest"):
                return None
            factors = axes_of(config["size"], kind)
            # Each input is repeated as often as the factor says.
            return [axis.spread(s, s, 1, 0) for axis, s in zip(self.axes, factors, strict=True)]
        if stem not in (*_WINDOWED, "ConvTranspose"):
            return None
        sizes, outputs = spatial(source, config), spatial(target, config)
        axes = zip(self.axes, *window_of(kind, config), sizes, outputs, strict=True)
        padding = config["padding"]
        if stem == "ConvTranspose":
            same = padding == "same"
            return [
                axis.spread(k, s, d, max(d * (k - 1) + 1 - s, 0) // 2 if same else 0)
                for axis, k, s, d, _, _ in axes
            ]
        return [
            axis.windowed(k, s, d, _before(padding, d * (k - 1) + 1, s, n, m))
            for axis, k, s, d, n, m in axes
        ]


def _before(padding, span, stride, n, n_out):
    """Return the padding in front of an input of size n that makes an output of size n_out."""
    if padding == "causal":
        return span - 1
    return max((n_out - 1) * stride + span - n, 0) // 2 if padding == "same" else 0


def _is_of_channels(config, layout, shape):
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    channels = 1 if layout.get("data_format") == "channels_first" else len(shape) - 1
    return isinstance(axis, int) and axis % len(shape) == channels


def fields_of(graph):
    """Return the field after each call of a graph, in the order of the calls."""
    calls = [(call, *described(call.layer)) for call in graph.calls]
    layout = next((config for _, _, config in calls if "data_format" in config), {})
    known, fields = {}, []
    for call, kind, config in calls:
        shapes = [tuple(x.shape) for x in call.inputs]
        sources = [
            known.get(id(x)) or Field.of_input(shape, layout)
            for x, shape in zip(call.inputs, shapes, strict=True)
        ]
        target = tuple(call.outputs[0].shape)
        fields.append(Field.joined(sources).through(kind, config, shapes[0], target, layout))
        known.update((id(x), fields[-1]) for x in call.outputs)
    return fields


_UNKNOWN = Field(None, None)

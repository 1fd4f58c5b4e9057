"""Field: which numbers of the input a number of a layer depends on, exactly."""

import math

import numpy as np

from skextra.cnn._models._costs import axes_of, is_pointwise, spatial, stem_of, window_of

_WINDOWED = ("AveragePooling", "Conv", "DepthwiseConv", "MaxPooling", "SeparableConv")
_NOTHING = 2**40  # an end of the interval of an output that no input reaches


class Axis:
    """The intervals of input places that the places along an axis depend on.

    They repeat: what place p + len(low) sees is what place p sees, moved by `shift`. Upsampling
    makes the period longer, strides make it shorter; without upsampling it is one.

    Parameters
    ----------
    low, high : ndarray of int of shape (period,)
        First and last input place seen.

    shift : int
        Move of the intervals from one period to the next.
    """

    def __init__(self, low, high, shift):
        self.low, self.high, self.shift = np.asarray(low), np.asarray(high), shift

    @property
    def size(self):
        """The most places that are seen."""
        return max(int((self.high - self.low).max()) + 1, 0)

    @property
    def stride(self):
        """By how many places the intervals of neighbours differ, in the mean."""
        stride = self.shift / len(self.low)
        return int(stride) if stride == int(stride) else stride

    def at(self, places):
        """Return the first and last places seen at any places, those in a padding included."""
        turns, place = np.divmod(places, len(self.low))
        moved = turns * self.shift
        seen = self.high[place] >= self.low[place]
        return (
            np.where(seen, self.low[place] + moved, _NOTHING),
            np.where(seen, self.high[place] + moved, -_NOTHING),
        )

    def read(self, windows, stride_in, stride_out):
        """Return the axis of a layer of which output p reads places `windows[p]` of this one.

        Parameters
        ----------
        windows : ndarray of int of shape (stride_out * period, k)
            Places, with _NOTHING for those that do not exist.

        stride_in, stride_out : int
            Every `stride_out` outputs, `stride_in` places are passed.
        """
        low, high = self.at(np.where(windows == _NOTHING, 0, windows))
        low = np.where(windows == _NOTHING, _NOTHING, low).min(axis=1)
        high = np.where(windows == _NOTHING, -_NOTHING, high).max(axis=1)
        turns = len(windows) // stride_out * stride_in / len(self.low)
        return Axis(low, high, round(turns * self.shift))

    def period_of(self, stride_in):
        """Return after how many steps of `stride_in` places the pattern repeats."""
        return len(self.low) // math.gcd(len(self.low), stride_in)

    def windowed(self, k, stride, dilation, before):
        """Return the axis behind a window of size k, `before` places of padding before it."""
        outputs = np.arange(self.period_of(stride))
        windows = outputs[:, None] * stride + np.arange(k) * dilation - before
        return self.read(windows, stride, 1)

    def spread(self, k, stride, dilation, cut):
        """Return the axis behind a transposed window, `cut` places of its output left out."""
        outputs = np.arange(self.period_of(1) * stride)
        places = outputs[:, None] + cut - np.arange(k) * dilation
        return self.read(np.where(places % stride, _NOTHING, places // stride), 1, stride)

    def joined(self, other):
        """Return the axis of what takes both; None if they move at different paces."""
        period = math.lcm(len(self.low), len(other.low))
        if self.shift * (period // len(self.low)) != other.shift * (period // len(other.low)):
            return None
        ends = [axis.at(np.arange(period)) for axis in (self, other)]
        low, high = np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])
        return Axis(low, high, self.shift * (period // len(self.low)))

    def whole(self, n, extent):
        """Return the number of the input's places that n places see together."""
        low, high = self.at(np.arange(n))
        return max(min(int(high.max()), extent - 1) - max(int(low.min()), 0) + 1, 0)


class Field:
    """What of the input the numbers of a layer depend on.

    Parameters
    ----------
    axes : tuple of Axis or None
        One for each axis that is neither the samples nor the channels.

    extent : tuple of int
        Sizes of the input.

    seen : tuple of int or None
        Sizes of what all numbers see, behind a layer that mixes all places.
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
        """Numbers of inputs seen along each axis; None if it is not known."""
        if self.seen is not None:
            return self.seen
        return None if self.axes is None else tuple(axis.size for axis in self.axes)

    @property
    def stride(self):
        """Distances of the fields of neighbours; None if there is one field, or none known."""
        return None if self.axes is None else tuple(axis.stride for axis in self.axes)

    @classmethod
    def joined(cls, fields):
        """Return the field of what is computed from several."""
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
        """Return the field behind a layer.

        Parameters
        ----------
        kind, config : str, dict
            What the layer is.

        source, target : tuple
            Shapes of its first input and output, the samples first.

        layout : dict
            The order of axes where the layer's configuration does not say it.
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
        """Return the axes behind a layer that looks around; None if it is not known."""
        if stem in ("ZeroPadding", "Cropping"):
            sign = 1 if stem == "ZeroPadding" else -1
            ends = config["padding" if sign == 1 else "cropping"]
            pairs = zip(self.axes, ends if np.ndim(ends) == 2 else [ends], strict=True)
            return [axis.windowed(1, 1, 1, sign * end[0]) for axis, end in pairs]
        if stem == "UpSampling":
            if config.get("interpolation") not in (None, "nearest"):
                return None
            factors = axes_of(config["size"], kind)
            # Each number serves for as many places as the factor.
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
    """Return the places of padding before an input of n places, of which n_out are made."""
    if padding == "causal":
        return span - 1
    return max((n_out - 1) * stride + span - n, 0) // 2 if padding == "same" else 0


def _is_of_channels(config, layout, shape):
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    channels = 1 if layout.get("data_format") == "channels_first" else len(shape) - 1
    return isinstance(axis, int) and axis % len(shape) == channels


_UNKNOWN = Field(None, None)

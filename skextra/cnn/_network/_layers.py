"""Layers: the layers that the parameters ask for, as plain tuples, checked without Keras.

A plan is a tuple of layers, each a tuple of a kind and its numbers:

    ("padding", (height, width))
    ("convolution", units, kernel, strides, padding, dilation, use_bias, activation, initializer)
    ("batch_norm",)
    ("activation", name)
    ("max_pool" or "average_pool", size, strides)
    ("flatten",)
    ("dense", units, use_bias, activation, initializer)
    ("dropout", rate)
    ("output", initializer)
"""

import json
import math
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from skextra._typing import Int

Value = TypeVar("Value")
# Parameters of CNNClassifier: one value for all layers, or one for each.
PerLayer: TypeAlias = tuple[Value, ...] | list[Value]
Size: TypeAlias = Int | tuple[Int, Int]
# A list of integers is no list of `Int`, since lists are invariant.
Counts: TypeAlias = Int | tuple[Int, ...] | list[int]
Padding: TypeAlias = Literal["same", "valid"] | Size
Pool: TypeAlias = Literal["max", "average"] | None
Config: TypeAlias = str | dict[str, Any]

# Of the output layer, where the parameter has a value for each of the others: Keras's own default.
_GLOROT = "glorot_uniform"


class Reader:
    """Read parameters that are one value for all layers, or one for each.

    Parameters
    ----------
    estimator : CNNClassifier
        Whose parameters are read.

    n_convolutions, n_hidden : int
        The number of convolutions, and of these and dense layers.
    """

    def __init__(self, estimator, n_convolutions, n_hidden):
        self._estimator = estimator
        self._counts = {"convolutions": n_convolutions, "layers": n_hidden}

    def each(self, name, check, *limits, over="convolutions"):
        """Return a value for each layer, as `check(value, *limits)` returns it.

        Raise ValueError with the name of the parameter where `check` raises one.
        """
        value, count = getattr(self._estimator, name), self._counts[over]
        values = value if isinstance(value, tuple | list) else [value] * count
        if len(values) != count:
            raise ValueError(
                f"{name}={value!r} has {len(value)} values, but there are {count} {over}; "
                "give one value for all, or one for each (itself a pair where height and "
                "width differ)."
            )
        try:
            return [check(item, *limits) for item in values]
        except ValueError as error:
            raise ValueError(f"{name}={value!r} is not valid: {error}") from None


def whole(value, low):
    """Check for a whole number from `low` up."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        raise ValueError(f"{value!r} is not a whole number from {low} up.")
    return int(value)


def pair(value, low):
    """Check for a whole number from `low` up, or a pair of them; return a pair."""
    values = value if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{value!r} is not a pair of height and width.")
    return whole(values[0], low), whole(values[1], low)


def optional_pair(value, low):
    """Check for None or what `pair` takes."""
    return None if value is None else pair(value, low)


def number(value, low, below=math.inf):
    """Check for a number from `low` up and below `below`."""
    right = isinstance(value, Real) and not isinstance(value, bool)
    if not right or not low <= value < below:
        limit = "" if below == math.inf else f" and below {below}"
        raise ValueError(f"{value!r} is not a number from {low} up{limit}.")
    return float(value)


def option(value, *options):
    """Check for one of the options."""
    value = value.item() if isinstance(value, np.generic) else value
    if not any(value is item or (type(value) is type(item) and value == item) for item in options):
        raise ValueError(f"{value!r} is none of {', '.join(map(repr, options))}.")
    return value


def name(value):
    """Check for a string."""
    if not isinstance(value, str):
        raise ValueError(
            f"{value!r} is not a string; use a name that Keras knows, such as 'relu'."
        )
    return value


def checked_initializer(value):
    """Check for a name or a configuration of an initializer; return it as a string."""
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, default=lambda number: number.item())
    if not isinstance(value, str):
        raise ValueError(
            f"{value!r} is neither a name nor what keras.initializers.serialize returns."
        )
    return value


def padding(value):
    """Check for a padding."""
    return option(value, "same", "valid") if isinstance(value, str) else pair(value, 0)


def sizes(estimator, parameter):
    """Return the units of `filters` or `dense_units`, a tuple."""
    value = getattr(estimator, parameter)
    values = value if isinstance(value, tuple | list) else (value,)
    try:
        return tuple(whole(item, 1) for item in values)
    except ValueError as error:
        raise ValueError(f"{parameter}={value!r} is not valid: {error}") from None


def plan_of(estimator, image_shape, guessed):
    """Return the layers, and the l2 factors of those with weights; None and one with `build`.

    An initializer or a factor that is given for all holds for the output layer too.

    Parameters
    ----------
    estimator : CNNClassifier
        Whose parameters are read.

    image_shape : tuple of int
        (height, width, channels).

    guessed : bool
        Whether the shape is a guess. Kernels and pools that are larger than what is left of the
        image are then cut to it; otherwise they are an error.
    """
    if estimator.build is not None:
        estimator._check_number("l2", low=0)
        return None, float(estimator.l2)
    filters, units = sizes(estimator, "filters"), sizes(estimator, "dense_units")
    read = Reader(estimator, len(filters), len(filters) + len(units))
    plan, extent = _Plan(read), _Extent(image_shape, guessed)
    pools = zip(
        read.each("pool", option, "max", "average", None),
        read.each("pool_size", pair, 1),
        read.each("pool_strides", optional_pair, 1),
        strict=True,
    )
    windows = zip(
        read.each("kernel_size", pair, 1),
        read.each("strides", pair, 1),
        read.each("padding", padding),
        read.each("dilation", pair, 1),
        strict=True,
    )
    for i, (count, window, pool) in enumerate(zip(filters, windows, pools, strict=True)):
        where = f"convolution {i + 1}"
        border, *shape = extent.convolve(*window, where)
        if border is not None:
            plan.layers.append(("padding", border))
        plan.weighted(i, "convolution", count, *shape)
        kind, size, step = pool
        if kind is not None:
            size, step = extent.pool(size, size if step is None else step, where)
            if max(*size, *step) > 1:
                plan.layers.append((f"{kind}_pool", size, step))
        plan.dropout(i)
    plan.layers.append(("flatten",))
    for i, count in enumerate(units, start=len(filters)):
        plan.weighted(i, "dense", count)
        plan.dropout(i)
    init, l2 = estimator.kernel_initializer, estimator.l2
    plan.layers.append(
        ("output", _GLOROT if isinstance(init, tuple | list) else checked_initializer(init))
    )
    plan.l2.append(0.0 if isinstance(l2, tuple | list) else number(l2, 0))
    return tuple(plan.layers), tuple(plan.l2)


class _Plan:
    """The layers so far, and the parameters that convolutions and dense layers share."""

    def __init__(self, read):
        self.layers = []
        self.l2 = read.each("l2", number, 0, over="layers")
        self._activations = read.each("activation", name, over="layers")
        self._biases = read.each("use_bias", option, "auto", True, False, over="layers")
        self._norms = read.each("batch_norm", option, True, False, over="layers")
        self._initializers = read.each("kernel_initializer", checked_initializer, over="layers")
        self._dropouts = read.each("dropout", number, 0, 1, over="layers")

    def weighted(self, i, kind, *numbers):
        """Add layer `i` and what stands between it and its activation."""
        norm, bias, activation = self._norms[i], self._biases[i], self._activations[i]
        use_bias = not norm if bias == "auto" else bias
        inside = None if norm else activation
        self.layers.append((kind, *numbers, use_bias, inside, self._initializers[i]))
        if norm:
            self.layers += [("batch_norm",), ("activation", activation)]

    def dropout(self, i):
        """Add the dropout after layer `i`."""
        if self._dropouts[i]:
            self.layers.append(("dropout", self._dropouts[i]))


class _Extent:
    """The height and the width of an image, layer after layer."""

    def __init__(self, image_shape, guessed):
        self._image_shape = image_shape
        # Along an axis that the images do not have, sizes are 1 and paddings 0.
        self._flat = tuple(size == 1 for size in image_shape[:2])
        self._guessed = guessed
        self._left = list(image_shape[:2])

    def _along(self, sizes, otherwise):
        pairs = zip(sizes, self._flat, strict=True)
        return tuple(otherwise if flat else size for size, flat in pairs)

    def convolve(self, kernel, stride, padding, dilation, where):
        """Apply a convolution.

        Return the border that it needs (or None), its kernel, strides, padding and dilation.
        """
        kernel, stride, dilation = (self._along(s, 1) for s in (kernel, stride, dilation))
        if max(stride) > 1 and max(dilation) > 1:
            raise ValueError(
                f"strides={stride} and dilation={dilation} cannot both exceed 1 in {where}; set "
                "one of them to 1."
            )
        if padding == "same":
            self._left = [-(-s // t) for s, t in zip(self._left, stride, strict=True)]
            return None, kernel, stride, "same", dilation
        border = (0, 0) if padding == "valid" else self._along(padding, 0)
        self._left = [s + 2 * p for s, p in zip(self._left, border, strict=True)]
        if self._guessed:
            spans = zip(dilation, kernel, self._left, strict=True)
            dilation = tuple(d if d * (k - 1) < s else 1 for d, k, s in spans)
            kernel = tuple(map(min, kernel, self._left))
        spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
        self._shrink(spans, stride, "the kernel_size", where)
        return border if any(border) else None, kernel, stride, "valid", dilation

    def pool(self, size, stride, where):
        """Apply a pool; return its size and strides."""
        size, stride = self._along(size, 1), self._along(stride, 1)
        if self._guessed:
            size, stride = (tuple(map(min, s, self._left)) for s in (size, stride))
        self._shrink(size, stride, "the pool_size", where)
        return size, stride

    def _shrink(self, spans, stride, what, where):
        if any(span > s for span, s in zip(spans, self._left, strict=True)):
            height, width = self._left
            raise ValueError(
                f"image_shape={self._image_shape} is reduced to nothing: {height} x {width} is "
                f"left where {what} of {where} spans {spans[0]} x {spans[1]}; use fewer filters, "
                "smaller pools or strides, pool=None or padding='same'."
            )
        self._left = [(s - n) // t + 1 for s, n, t in zip(self._left, spans, stride, strict=True)]

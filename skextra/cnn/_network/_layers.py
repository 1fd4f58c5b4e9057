"""Layers: what the parameters of a CNNClassifier come to, as plain tuples checked without Keras.

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

import numpy as np

_GLOROT = "glorot_uniform"


class Reader:
    """Read a parameter for one layer after the other: one value for all of them, or one each."""

    def __init__(self, estimator, n_convolutions, n_hidden):
        self._estimator = estimator
        self._counts = {"convolutions": n_convolutions, "layers": n_hidden}

    def each(self, name, check, over="convolutions"):
        """Return a value a layer, as `check` returns it; it raises ValueError with a reason."""
        value, count = getattr(self._estimator, name), self._counts[over]
        if isinstance(value, tuple | list):
            if len(value) != count:
                raise ValueError(
                    f"{name}={value!r} has {len(value)} values, but there are {count} {over}; "
                    "give one value for all, or one for each (itself a pair where height and "
                    "width differ)."
                )
            values = value
        else:
            values = [value] * count
        try:
            return [check(item) for item in values]
        except ValueError as error:
            raise ValueError(f"{name}={value!r} is not valid: {error}") from None


def whole(low):
    """Return a check for whole numbers from `low` up."""

    def check(value):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
            raise ValueError(f"{value!r} is not a whole number from {low} up.")
        return int(value)

    return check


def pair(low):
    """Return a check for whole numbers from `low` up, or pairs of them."""
    one = whole(low)

    def check(value):
        if not isinstance(value, tuple | list):
            return one(value), one(value)
        if len(value) != 2:
            raise ValueError(f"{value!r} is not a pair of height and width.")
        return one(value[0]), one(value[1])

    return check


def number(low, below=math.inf):
    """Return a check for numbers from `low` up and below `below`."""

    def check(value):
        right = isinstance(value, Real) and not isinstance(value, bool)
        if not right or not low <= value < below:
            limit = "" if below == math.inf else f" and below {below}"
            raise ValueError(f"{value!r} is not a number from {low} up{limit}.")
        return float(value)

    return check


def option(*options):
    """Return a check for one of the options."""

    def check(value):
        value = value.item() if isinstance(value, np.generic) else value
        if not any(
            value is item or (type(value) is type(item) and value == item) for item in options
        ):
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, options))}.")
        return value

    return check


def name(value):
    """Check for a string."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not the name of one; Keras's are strings such as 'relu'.")
    return value


def initializer(value):
    """Check for a name or a configuration of an initialiser; return it as a string."""
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, default=lambda number: number.item())
    if not isinstance(value, str):
        raise ValueError(
            f"{value!r} is neither a name nor what keras.initializers.serialize returns."
        )
    return value


def padding(value):
    """Check for a padding."""
    if isinstance(value, str):
        return option("same", "valid")(value)
    return pair(0)(value)


def sizes(estimator, parameter):
    """Return the units of `filters` or `dense_units`, a tuple."""
    value = getattr(estimator, parameter)
    values = value if isinstance(value, tuple | list) else (value,)
    try:
        return tuple(whole(1)(item) for item in values)
    except ValueError as error:
        raise ValueError(f"{parameter}={value!r} is not valid: {error}") from None


def plan_of(estimator, image_shape, guessed):
    """Return the layers, and the l2 factors of those with weights.

    An initialiser or a factor that is given for all holds for the output layer too.

    Parameters
    ----------
    estimator : CNNClassifier
        Whose parameters are read.

    image_shape : tuple of int
        (height, width, channels).

    guessed : bool
        Whether the shape is a guess: kernels and pools that are larger than what is left of the
        image are then cut to it, and otherwise an error.
    """
    filters, units = sizes(estimator, "filters"), sizes(estimator, "dense_units")
    read = Reader(estimator, len(filters), len(filters) + len(units))
    plan, room = _Plan(read), _Room(image_shape, guessed)
    pools = zip(
        read.each("pool", option("max", "average", None)),
        read.each("pool_size", pair(1)),
        read.each("pool_strides", lambda step: None if step is None else pair(1)(step)),
        strict=True,
    )
    windows = zip(
        read.each("kernel_size", pair(1)),
        read.each("strides", pair(1)),
        read.each("padding", padding),
        read.each("dilation", pair(1)),
        strict=True,
    )
    for i, (count, window, pool) in enumerate(zip(filters, windows, pools, strict=True)):
        where = f"convolution {i + 1}"
        border, *shape = room.convolve(*window, where)
        if border is not None:
            plan.layers.append(("padding", border))
        plan.weighted(i, "convolution", count, *shape)
        kind, size, step = pool
        if kind is not None:
            size, step = room.pool(size, size if step is None else step, where)
            if max(*size, *step) > 1:
                plan.layers.append((f"{kind}_pool", size, step))
        plan.dropout(i)
    plan.layers.append(("flatten",))
    for i, count in enumerate(units, start=len(filters)):
        plan.weighted(i, "dense", count)
        plan.dropout(i)
    init, l2 = estimator.kernel_initializer, estimator.l2
    plan.layers.append(
        ("output", _GLOROT if isinstance(init, tuple | list) else initializer(init))
    )
    plan.l2.append(0.0 if isinstance(l2, tuple | list) else number(0)(l2))
    return tuple(plan.layers), tuple(plan.l2)


class _Plan:
    """Layers so far, and the parameters that convolutions and dense layers share."""

    def __init__(self, read):
        self.layers = []
        self.l2 = read.each("l2", number(0), "layers")
        self._activations = read.each("activation", name, "layers")
        self._biases = read.each("use_bias", option("auto", True, False), "layers")
        self._norms = read.each("batch_norm", option(True, False), "layers")
        self._initializers = read.each("kernel_initializer", initializer, "layers")
        self._dropouts = read.each("dropout", number(0, 1), "layers")

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


class _Room:
    """What is left of the height and the width of an image, layer after layer."""

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
        """Take a convolution off.

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
        """Take a pool off; return its size and strides."""
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

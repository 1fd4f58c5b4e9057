"""Images: rows of numbers seen as (height, width, channels), and signals as images 1 high."""

import math
from numbers import Integral

import numpy as np

from skextra._base import warn_caller

KINDS = AUTO, IMAGE, SIGNAL = "auto", "image", "signal"
# A sample is suspected to be a signal of several channels if it has at most 16 and is at least
# three times as long as wide: few images are that narrow, and few signals have more channels.
_MOST_CHANNELS = 16
_STRIP = 3


def flat(X):
    """Return X with images as rows, and the shape of an image (or None).

    Anything but an array of numbers in three or four dimensions is returned unchanged.
    """
    if not hasattr(X, "ndim") and isinstance(X, list | tuple) and _depth(X) > 2:
        try:
            X = np.asarray(X)
        except ValueError as error:
            raise ValueError(
                "X is a list of images of several sizes; they must have one."
            ) from error
    if getattr(X, "ndim", 2) not in (3, 4):
        return X, None
    X = np.asarray(X)
    if X.dtype.kind not in "buif":
        raise ValueError(f"X is an array of {X.dtype} in {X.ndim} dimensions; pass numbers.")
    shape = tuple(int(size) for size in X.shape[1:])
    return X.reshape(len(X), math.prod(shape)), shape


def _depth(X):
    depth = 0
    while isinstance(X, list | tuple | np.ndarray) and len(X):
        depth += X.ndim if isinstance(X, np.ndarray) else 1
        if isinstance(X, np.ndarray):
            break
        X = X[0]
    return depth


def settle_shape(input_kind, image_shape, seen, n_features):
    """Return (height, width, channels), and whether it is a guess; signals have a height of 1.

    The rule is in the notes of CNNClassifier.

    Parameters
    ----------
    input_kind, image_shape : str, tuple or None
        As the parameters of the estimator.

    seen : tuple of int or None
        Shape of a sample as it was passed; None for rows.

    n_features : int
        How many numbers a sample has.
    """
    if image_shape is not None:
        shape = as_shape(image_shape, input_kind)
        if math.prod(shape) != n_features:
            what = "rows" if seen is None else f"images of shape {seen}, that is rows"
            raise ValueError(
                f"image_shape={image_shape!r} needs {math.prod(shape)} numbers a sample, but X "
                f"has {what} of {n_features}; give the height, width and channels of X, or the "
                "length and channels of signals."
            )
        return shape, False
    if seen is not None:
        return _shape_seen(seen, input_kind), False
    side = math.isqrt(n_features)
    if input_kind != SIGNAL and side**2 == n_features:
        return (side, side, 1), True
    if input_kind == IMAGE:
        raise ValueError(
            f"input_kind='image', but rows of {n_features} numbers are no square images; give "
            "their height, width and channels as image_shape, or set input_kind='signal'."
        )
    return (1, n_features, 1), True


def _shape_seen(seen, input_kind):
    """Return the shape of samples that were passed in three or four dimensions."""
    if input_kind != SIGNAL:
        return seen if len(seen) == 3 else (*seen, 1)
    if len(seen) == 3 and seen[0] != 1:
        raise ValueError(
            f"input_kind='signal', but X has samples of shape {seen}; signals are rows, or have "
            "the shape (n_samples, length, channels)."
        )
    return (1, *seen[-2:])


def as_shape(image_shape, input_kind=AUTO):
    """Return the parameter image_shape as (height, width, channels)."""
    sizes = (image_shape,) if isinstance(image_shape, Integral) else image_shape
    right = isinstance(sizes, tuple | list) and 1 <= len(sizes) <= 3
    if not (right and all(_is_size(size) for size in sizes)):
        raise ValueError(
            f"image_shape={image_shape!r} must be (height, width, channels), (height, width) or, "
            "for signals, (length,) or with input_kind='signal' (length, channels): whole numbers "
            "from 1 up."
        )
    sizes = tuple(int(size) for size in sizes)
    if input_kind == SIGNAL:
        shape = {1: (1, *sizes, 1), 2: (1, *sizes), 3: sizes}[len(sizes)]
        if shape[0] != 1:
            raise ValueError(
                f"image_shape={image_shape!r} is that of images, but input_kind='signal'; give "
                "(length,) or (length, channels)."
            )
        return shape
    if input_kind == IMAGE and len(sizes) == 1:
        raise ValueError(
            f"image_shape={image_shape!r} is that of signals, but input_kind='image'; give "
            "(height, width) or (height, width, channels)."
        )
    return {1: (1, *sizes, 1), 2: (*sizes, 1), 3: sizes}[len(sizes)]


def warn_of_strips(input_kind, image_shape, seen):
    """Warn if samples that are taken for images of one channel look like signals of several."""
    given = seen if image_shape is None else image_shape
    if input_kind != AUTO or not isinstance(given, tuple | list) or len(given) != 2:
        return
    height, width = given
    if 1 < width <= _MOST_CHANNELS and height >= _STRIP * width:
        warn_caller(
            f"Samples of shape {tuple(given)} are taken for images of one channel, {height} high "
            f"and {width} wide. For signals of {width} channels set input_kind='signal'; for "
            "images set input_kind='image'.",
            UserWarning,
        )


def _is_size(size):
    return isinstance(size, Integral) and not isinstance(size, bool) and size >= 1

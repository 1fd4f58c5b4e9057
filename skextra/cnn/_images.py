"""Images: rows of numbers seen as (height, width, channels), and the scale of their pixels."""

import math
from numbers import Integral

import numpy as np

from skextra._base import warn_caller

# What the numbers of the training images were: it decides what may be predicted on.
BYTES, UNIT, OTHER = "uint8", "unit", "other"
# A little more than 1, for images that were resized or filtered.
_ABOUT_ONE = 1.01
# What no image on a scale from 0 to 1 comes to by noise or a filter.
_FAR_FROM_ONE = 50.0


def flat(X):
    """Return X, images of three or four dimensions as rows, and the shape of an image (or None).

    Anything that is not an array of numbers in more than two dimensions is returned as it is.
    """
    if not hasattr(X, "ndim") and isinstance(X, list | tuple) and _depth(X) > 2:
        try:
            X = np.asarray(X)
        except ValueError as error:
            raise ValueError(
                "X is a list of images of several sizes; they must be of one."
            ) from error
    if getattr(X, "ndim", 2) not in (3, 4):
        return X, None
    X = np.asarray(X)
    if X.dtype.kind not in "buif":
        raise ValueError(f"X is an array of {X.dtype} in {X.ndim} dimensions; images are numbers.")
    shape = X.shape[1:] if X.ndim == 4 else (*X.shape[1:], 1)
    return X.reshape(len(X), math.prod(shape)), tuple(int(size) for size in shape)


def _depth(X):
    depth = 0
    while isinstance(X, list | tuple | np.ndarray) and len(X):
        depth += X.ndim if isinstance(X, np.ndarray) else 1
        if isinstance(X, np.ndarray):
            break
        X = X[0]
    return depth


def settle_shape(image_shape, seen, n_features):
    """Return (height, width, channels), and whether it is a guess.

    `image_shape` is the parameter, `seen` the shape of the images passed (None for rows).
    """
    if image_shape is None:
        if seen is not None:
            return seen, False
        side = math.isqrt(n_features)
        return ((side, side, 1) if side**2 == n_features else (1, n_features, 1)), True
    shape = as_shape(image_shape)
    if math.prod(shape) != n_features:
        what = "rows" if seen is None else f"images of shape {seen}, that is rows"
        raise ValueError(
            f"image_shape={image_shape!r} needs {math.prod(shape)} numbers a sample, but X has "
            f"{what} of {n_features}; give the height, width and channels of X."
        )
    return shape, False


def as_shape(image_shape):
    """Return the parameter image_shape as (height, width, channels)."""
    sizes = (image_shape,) if isinstance(image_shape, Integral) else image_shape
    right = isinstance(sizes, tuple | list) and 1 <= len(sizes) <= 3
    if not (right and all(_is_size(size) for size in sizes)):
        raise ValueError(
            f"image_shape={image_shape!r} must be (height, width, channels), (height, width) or, "
            "for signals, (length,): whole numbers from 1 up."
        )
    sizes = tuple(int(size) for size in sizes)
    return {1: (1, *sizes, 1), 2: (*sizes, 1), 3: sizes}[len(sizes)]


def _is_size(size):
    return isinstance(size, Integral) and not isinstance(size, bool) and size >= 1


def pixel_scale(X):
    """Return what the numbers of X are: bytes, from 0 to 1, or others."""
    if X.dtype == np.uint8:
        return BYTES
    return UNIT if X.min() >= 0 and X.max() <= _ABOUT_ONE else OTHER


def check_scale(fitted, X):
    """Raise ValueError if X is on another scale than the images seen in fit, or warn."""
    if fitted == UNIT and X.dtype != np.uint8 and X.max(initial=0) > _FAR_FROM_ONE:
        warn_caller(
            f"X goes up to {X.max():g}, but the network was fitted on numbers from 0 to 1; if "
            "they are pixels, pass uint8 or divide them by 255.",
            UserWarning,
        )
    if fitted == BYTES and X.dtype != np.uint8 and X.max(initial=0) > _ABOUT_ONE:
        raise ValueError(
            f"X is {X.dtype} and goes up to {X.max():g}, but the network was fitted on uint8, "
            "which is divided by 255 inside; pass uint8, or divide X by 255."
        )
    if fitted == OTHER and X.dtype == np.uint8:
        raise ValueError(
            "X is uint8, which is divided by 255 inside, but the network was fitted on numbers "
            "that do not lie between 0 and 1; pass X as it was in fit."
        )

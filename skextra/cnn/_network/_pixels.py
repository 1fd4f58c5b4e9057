"""Pixels: the scale of the numbers in images, and what integers are divided by.

The rule, which `fit` applies to the training images and predictions keep to:

* uint8 is divided by 255;
* integers of another type are divided by the largest number of the bits that the largest of them
  takes, eight at least: pixels from 0 to 255 by 255, those of 12 bits by 4095, sound of 16 bits by
  32767;
* unless none exceeds 31: those are codes or counts, and used unchanged;
* bool and floats are used unchanged.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import assert_all_finite

from skextra._base import warn_caller

# The scale of training images that are not divided: floats from 0 to 1, other floats, and
# booleans and small integers.
UNIT, OTHER, CODES = "unit", "other", "codes"
# Integers up to it are codes or counts: no camera has five bits, and networks learn from numbers
# of that size unchanged.
_LARGEST_CODE = 31
# Pixels of dark images take fewer bits than their type has; no type of image has fewer than these.
_FEWEST_BITS = 8
# Resizing and filtering take images from 0 to 1 a little beyond 1.
_ABOUT_ONE = 1.01
# Noise and filters do not take them as far as this: these are pixels from 0 to 255.
_FAR_FROM_ONE = 50.0
# Factor over the expected largest value, or root mean square, that is worth a warning: images
# from 0 to 1 stay below it, and the root mean square of standardised features is 1.
_OFF_SCALE = 2.0


@dataclass
class Range:
    """The smallest and the largest of some numbers."""

    low: float
    high: float

    @property
    def size(self) -> float:
        """The largest magnitude."""
        return max(self.high, -self.low)


def range_of(rows):
    """Return the range of rows, block by block; raise ValueError if one is NaN or infinite."""
    if rows.dtype == np.uint8:  # where only the type matters
        return Range(0, 255)
    low, high = 0, 0
    for block in rows.blocks():
        assert_all_finite(block, estimator_name="CNNClassifier", input_name="X")
        low, high = min(low, block.min().item()), max(high, block.max().item())
    return Range(low, high)


def scale_of(dtype: np.dtype, seen: Range) -> int | str:
    """Return what integers are divided by for training images of such a type and range.

    Return UNIT, OTHER or CODES where they are taken as they are.
    """
    if dtype == np.uint8:
        return 255
    if dtype.kind in "iu" and seen.size > _LARGEST_CODE:
        return 2 ** max(_FEWEST_BITS, int(seen.size).bit_length()) - 1
    if dtype.kind != "f":
        return CODES
    return UNIT if seen.low >= 0 and seen.high <= _ABOUT_ONE else OTHER


def is_scale(value):
    """Return whether a value is one that `scale_of` returns."""
    if value in (UNIT, OTHER, CODES):
        return True
    right = isinstance(value, int) and value >= 2**_FEWEST_BITS - 1
    return right and value & (value + 1) == 0


def divisor_of(scale: int | str, dtype: np.dtype) -> int:
    """Return what images of a type are divided by for a network of a scale."""
    if dtype.kind not in "iu":
        return 1
    if isinstance(scale, int):
        return scale
    return 255 if dtype == np.uint8 else 1


def check_scale(scale, dtype, seen):
    """Raise ValueError if images are on another scale than those seen in fit, or warn."""
    divided, size = isinstance(scale, int), seen.size
    if divided and dtype.kind not in "iu" and size > _ABOUT_ONE:
        raise ValueError(
            f"X is {dtype} and goes up to {size:g}, but the network was fitted on integers, which "
            f"are divided by {scale} inside; pass integers, or divide X by {scale}."
        )
    if divided and dtype == np.uint8 and scale > 255:
        raise ValueError(
            "X is uint8, but the network was fitted on integers of more bits, which are divided "
            f"by {scale} inside; pass X as it was in fit."
        )
    if divided and dtype.kind in "iu" and size > _OFF_SCALE * scale:
        warn_caller(
            f"X goes up to {size:g}, but the network was fitted on integers up to {scale}; put X "
            "on the scale that it had in fit.",
            UserWarning,
        )
    if scale == UNIT and dtype != np.uint8 and seen.high > _FAR_FROM_ONE:
        warn_caller(
            f"X goes up to {seen.high:g}, but the network was fitted on numbers from 0 to 1; if "
            "they are pixels, pass uint8 or divide them by 255.",
            UserWarning,
        )
    if scale in (OTHER, CODES) and dtype == np.uint8:
        what = "integers" if scale == CODES else "numbers that do not lie between 0 and 1"
        raise ValueError(
            f"X is uint8, which is divided by 255 inside, but the network was fitted on {what} "
            "that are taken as they are; pass X in the type that it had in fit."
        )
    if scale == CODES and seen.size > _LARGEST_CODE:
        warn_caller(
            f"X goes up to {seen.size:g} and is taken as it is, as the network was fitted on "
            f"integers up to {_LARGEST_CODE}; if they are pixels, pass uint8 from the first fit "
            "on, or include brighter images in that fit.",
            UserWarning,
        )


def warn_off_scale(rows, seen):
    """Warn of floats to be trained on that are far from where initial weights expect them.

    Standardised features are not, however far single ones reach: their mean square is 1.
    """
    if rows.dtype.kind != "f" or seen.size <= _OFF_SCALE:
        return
    if seen.low >= 0 or _root_mean_square(rows) > _OFF_SCALE:
        warn_caller(
            f"X goes up to {seen.size:g} and is trained on as it is, but networks learn best from "
            "numbers near 0 to 1. Divide pixels by 255, or pass them as integers, which is done "
            "inside; put other features on one scale with StandardScaler or MinMaxScaler.",
            UserWarning,
        )


def _root_mean_square(rows):
    with np.errstate(over="ignore"):
        total = sum(np.square(block, dtype=np.float64).sum() for block in rows.blocks())
    return np.sqrt(total / (len(rows) * rows.n_pixels))


def check_range(dtype, rows, seen):
    """Raise ValueError if X has numbers that the type of a network has not."""
    largest = float(np.finfo(dtype).max)
    if rows.dtype.kind == "f" and seen.size > largest:
        raise ValueError(
            f"X goes up to {seen.size:g}, which is too large for the network's {dtype}; put X "
            "on a smaller scale, for example with StandardScaler."
        )

"""Rows: images as they lie in memory or in a file, copied only where they are used."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike
from sklearn.utils.validation import validate_data

from skextra._typing import FloatArray, MatrixLike
from skextra.cnn._network._images import flat
from skextra.cnn._network._pixels import check_range, check_scale, divisor_of, range_of

# Bytes read at a time: larger blocks take more memory, smaller ones more calls. From here on a
# pass over the data gains at most half (benchmarks/network_constants.py).
_BLOCK = 2**20


class Rows:
    """Rows of numbers of any type, read and converted in blocks.

    Parameters
    ----------
    array : ndarray of shape (n_samples, n_pixels)
        The numbers, which may be mapped from a file.

    divisor : int, default=1
        What they are divided by in `numbers`.

    index : ndarray of int, default=None
        Which rows of the array; all by default.

    Attributes
    ----------
    dtype : dtype
        Of the numbers as they are stored.

    n_pixels : int
        How many numbers a row has.
    """

    def __init__(self, array: np.ndarray, divisor: int = 1, index: np.ndarray | None = None):
        self.dtype = array.dtype
        self.n_pixels = array.shape[1]
        self._array = array
        self._divisor = divisor
        self._index = index

    def __len__(self) -> int:
        return len(self._array) if self._index is None else len(self._index)

    def take(self, index: np.ndarray) -> Self:
        """Return some of the rows, without a copy."""
        index = index if self._index is None else self._index[index]
        return Rows(self._array, self._divisor, index)

    def divided(self, divisor: int) -> Self:
        """Return the same rows with another divisor."""
        return Rows(self._array, divisor, self._index)

    def given(self, which: slice | np.ndarray) -> np.ndarray:
        """Return the rows at a slice or an array of indices, as they are stored."""
        return self._array[which if self._index is None else self._index[which]]

    def numbers(self, which: slice | np.ndarray, dtype: DTypeLike) -> FloatArray:
        """Return the rows at a slice or an array of indices, divided, as a network takes them."""
        given = self.given(which)
        if self._divisor == 1:
            return np.ascontiguousarray(given, dtype=dtype)
        numbers = np.array(given, dtype=dtype, order="C")
        numbers /= numbers.dtype.type(self._divisor)
        return numbers

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield all rows as they are stored, in blocks."""
        size = max(1, _BLOCK // max(1, self.n_pixels * self.dtype.itemsize))
        for start in range(0, len(self), size):
            yield self.given(slice(start, start + size))


def read_images(cnn: Any, X: MatrixLike) -> Rows:
    """Return new images as rows, checked against those of `fit`."""
    X, shape = flat(X)
    X = validate_data(cnn, X, dtype=dtype_of(X), ensure_all_finite=False, reset=False)
    rows, design = numeric_rows(X), cnn._design
    check_shape(design.image_shape, shape)
    check_pixels(design, rows, range_of(rows))
    return rows.divided(divisor_of(design.scale, rows.dtype))


def check_pixels(design, rows, seen):
    """Raise ValueError, or warn, if numbers are on another scale than those of `fit`."""
    check_scale(design.scale, rows.dtype, seen)
    check_range(design.dtype, rows, seen)


def dtype_of(X):
    """Return the dtype to read X in: its own if it has numbers.

    Data frames of one kind of number are read as that kind. Where pandas keeps them with masks,
    scikit-learn would make them float64.
    """
    dtypes = getattr(X, "dtypes", None)
    if not hasattr(dtypes, "__array__"):
        return "numeric"
    names = {str(dtype).lower().replace("boolean", "bool") for dtype in dtypes}
    try:
        kept = np.result_type(*names)
    except (TypeError, ValueError):  # other things than numbers, or no columns
        return "numeric"
    whole = kept.kind in "bui" and not X.isna().any(axis=None)
    return kept if whole or kept.kind == "f" else "numeric"


def numeric_rows(X):
    """Return an array as rows; raise ValueError unless it has numbers."""
    if X.dtype.kind not in "buif":
        raise ValueError(f"X is an array of {X.dtype}; pass numbers.")
    return Rows(X)


def check_shape(fitted, seen):
    """Raise ValueError if images have another shape than those of fit."""
    if seen is not None and [n for n in seen if n > 1] != [n for n in fitted if n > 1]:
        raise ValueError(
            f"X has images of shape {(*seen, 1)[:3]}, but the network was fitted on {fitted}; "
            "reshape X, or pass rows."
        )

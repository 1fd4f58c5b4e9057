"""Rows: images as they lie in memory or in a file, of which only what is used is copied."""

import numpy as np

# Bytes in a block: a fraction of any processor's cache, and enough for a call to pay.
_BLOCK = 2**20


class Rows:
    """Rows of numbers of any type, read and converted a few at a time.

    Parameters
    ----------
    array : ndarray of shape (n_samples, n_pixels)
        The numbers, which may be mapped from a file.

    divisor : int, default=1
        What they are divided by on the way.

    index : ndarray of int, default=None
        Which rows of the array; all by default.
    """

    def __init__(self, array, divisor=1, index=None):
        self._array = array
        self._divisor = divisor
        self._index = index

    def __len__(self):
        return len(self._array) if self._index is None else len(self._index)

    @property
    def dtype(self):
        """Type of the numbers as they lie there."""
        return self._array.dtype

    @property
    def n_pixels(self):
        """How many numbers a row has."""
        return self._array.shape[1]

    def take(self, index):
        """Return some of the rows, none of which are copied."""
        index = index if self._index is None else self._index[index]
        return Rows(self._array, self._divisor, index)

    def divided(self, divisor):
        """Return the same rows with another divisor."""
        return Rows(self._array, divisor, self._index)

    def given(self, which):
        """Return the rows that a slice or an array of numbers names, as they lie there."""
        return self._array[which if self._index is None else self._index[which]]

    def numbers(self, which, dtype):
        """Return the rows that a slice or an array of numbers names, as a network takes them."""
        given = self.given(which)
        if self._divisor == 1:
            return np.ascontiguousarray(given, dtype=dtype)
        numbers = np.array(given, dtype=dtype, order="C")
        numbers /= numbers.dtype.type(self._divisor)
        return numbers

    def blocks(self):
        """Yield all rows as they lie there, in blocks."""
        size = rows_in(_BLOCK, self.n_pixels, self.dtype)
        for start in range(0, len(self), size):
            yield self.given(slice(start, start + size))


def rows_in(n_bytes, n_pixels, dtype):
    """Return how many rows of a type go into so many bytes, one at least."""
    return max(1, n_bytes // max(1, n_pixels * np.dtype(dtype).itemsize))

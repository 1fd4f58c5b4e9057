"""Mapped rows that are sparse: every pass over them takes their entries only."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skextra._common._csr import csr_arrays
from skextra._common._threads import run
from skextra._kernels import _hinge_csr as kernels
from skextra._svm._mapped_rows import ArraySource, MappedRows
from skextra._typing import FloatArray


class SparseRows(MappedRows):
    """The rows of a CSR array, which are neither centred nor whitened.

    The problems are taken four at a time, and threads share the fours: no sum depends on their
    number. Sums are in float64 whatever the dtype of the rows.

    Parameters
    ----------
    array : CSR array of shape (n, p)
        The rows, in float32 or float64.
    threads : int
        Number of threads.

    Attributes
    ----------
    array : CSR array of shape (n, p)
        The rows.
    csr : tuple of ndarray
        Their entries, as compiled loops take them.
    """

    def __init__(self, array: sparse.csr_array, threads: int) -> None:
        super().__init__(ArraySource(array), None, np.zeros(array.shape[1]), threads)
        self.dtype = np.dtype(np.float64)
        self.array, self.csr = array, csr_arrays(array)

    def squared_norms(self) -> NDArray[np.float64]:
        """Return the squared norms of the rows, (n,)."""
        out = np.empty(len(self.csr[2]) - 1)
        kernels.squared_norms(self.csr, out)
        return out

    def decisions(self, V: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the decision values, (n_rows, k)."""
        out = np.empty((len(rows), V.shape[1]))

        def task(columns, width):
            part = np.tile(padded(V[-1:, columns], width), (len(rows), 1))
            kernels.decide(self.csr, rows, padded(V[:-1, columns], width), part)
            out[:, columns] = part[:, : columns.stop - columns.start]

        self._in_fours(task, V.shape[1])
        return out

    def transposed_product(
        self, pulls: NDArray[np.float64], rows: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return the transposed features times `pulls`, with their sums last: (p + 1, k)."""
        out = np.empty((self.n_features + 1, pulls.shape[1]))
        out[-1] = pulls.sum(axis=0)

        def task(columns, width):
            part = np.zeros((self.n_features, width))
            kernels.pull(self.csr, rows, padded(pulls[:, columns], width), part)
            out[:-1, columns] = part[:, : columns.stop - columns.start]

        self._in_fours(task, pulls.shape[1])
        return out

    def normal_product(
        self, V: NDArray[np.float64], masses: FloatArray, rows: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return the transposed features times masses times the features times V: (p + 1, k)."""
        out = np.empty(V.shape)

        def task(columns, width):
            mass = padded(masses[:, columns], width)
            some = np.flatnonzero(mass.any(axis=1))
            point = padded(V[:-1, columns], width), padded(V[-1:, columns], width)[0]
            part = np.zeros((self.n_features, width)), np.zeros(width)
            kernels.multiply(self.csr, rows[some], point, mass[some], part)
            count = columns.stop - columns.start
            out[:-1, columns], out[-1, columns] = part[0][:, :count], part[1][:count]

        self._in_fours(task, V.shape[1])
        return out

    def _in_fours(self, task, k):
        """Call task(columns, width) for slices of k columns."""
        parts = fours(k)
        run(lambda i: task(*parts[i]), len(parts), self.threads)


def fours(k: int) -> list[tuple[slice, int]]:
    """Return slices of k columns, four or fewer at a time, and the width that loops take: 4 or 1.

    A loop has four columns or one. Two or three are filled up.
    """
    parts = [slice(i, min(i + kernels.WIDTH, k)) for i in range(0, k, kernels.WIDTH)]
    return [(part, 1 if part.stop - part.start == 1 else kernels.WIDTH) for part in parts]


def padded(columns, width):
    """Return a copy in C order, with zeros for the columns that are missing."""
    out = np.zeros((len(columns), width), columns.dtype)
    out[:, : columns.shape[1]] = columns
    return out

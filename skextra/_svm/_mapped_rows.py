"""Mapped rows: every pass over them, in chunks that threads share."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skextra._common._threads import run
from skextra._svm._linear import QUICK_FROM, QuickTriangle, solve_upper
from skextra._typing import FloatArray, FloatMatrix

# Rows in a chunk. A larger one makes better matrix products, a smaller one stays in the cache:
# with a thousand features a chunk is two or four megabytes (benchmarks/svm_constants.py).
_CHUNK = 512
# Groups of chunks that threads share, each with a partial sum. The number is fixed so that sums
# do not depend on the number of threads. More groups balance better, and need more memory and
# additions: benchmarks/svm_constants.py.
_GROUPS = 32
_MEBI = 2**20


class Whitening:
    """Between weights of the map's features and weights of the columns that it computes.

    The features are ``(columns - mean) @ inv(factor)``; without a factor, ``columns - mean``.
    """

    def __init__(self, factor, mean, dtype, threads):
        self.factor = factor
        self.mean = mean
        quick = factor is not None and dtype == np.float32 and len(factor) >= QUICK_FROM
        self._quick = QuickTriangle(factor, threads) if quick else None

    def outward(self, V, quick=False):
        """Return (weights of the columns, intercepts) for V, which has the intercepts last."""
        weights = self._solve(V[:-1], False, quick)
        return weights, V[-1] - self.mean @ weights

    def inward(self, gradient, sums, quick=False):
        """Return the gradient by V for that by the columns' weights and by the intercepts."""
        gradient = self._solve(gradient - np.outer(self.mean, sums), True, quick)
        return np.vstack((gradient, sums))

    def features(self, columns):
        """Return features, (p, n), of centred columns, (m, n)."""
        return self._solve(columns, True, True)

    def _solve(self, right, transposed, quick):
        if self.factor is None:
            return right
        if quick and self._quick:
            return self._quick.solve(right, transposed)
        return solve_upper(self.factor, right, transposed)


class MappedRows:
    """The rows of the data under a map.

    Every pass over rows is a method; what comes back has the size of the weights, or a number for
    each row and problem.

    Parameters
    ----------
    source : ArraySource or ComputedSource
        Gives blocks of columns.
    factor : ndarray of shape (p, p) or None
        Whitens the columns.
    mean : ndarray of shape (m,)
        Centres the columns.
    threads : int
        Number of threads.
    """

    def __init__(
        self,
        source: "ArraySource | ComputedSource",
        factor: NDArray[np.float64] | None,
        mean: NDArray[np.float64],
        threads: int,
    ) -> None:
        self.whitening = Whitening(factor, mean, source.dtype, threads)
        self.n_features = source.columns if factor is None else len(factor)
        self.dtype = source.dtype
        self.capacity = source.capacity
        self.holds_all = source.holds_all
        self.threads = threads
        self._source = source

    def store(self, rows: NDArray[np.intp]) -> None:
        """Store these rows, as many as there is room for, in place of others."""
        self._source.store(rows, self.threads)

    def decisions(self, V: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the decision values, (n_rows, k)."""
        weights, intercepts = self.whitening.outward(V)
        weights = weights.astype(self.dtype)
        out = np.empty((len(rows), V.shape[1]))
        groups = _groups(len(rows))

        def task(number):
            for start in groups[number]:
                part = slice(start, start + _CHUNK)
                out[part] = self._source.take(rows[part]) @ weights
                out[part] += intercepts

        run(task, len(groups), self.threads)
        return out

    def transposed_product(
        self, pulls: NDArray[np.float64], rows: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return the transposed features times `pulls`, with their sums last: (p + 1, k)."""

        def task(part):
            pull = pulls[part].astype(self.dtype)
            return self._source.take(rows[part]).T @ pull

        return self.whitening.inward(self._sum(task, pulls.shape), pulls.sum(axis=0))

    def normal_product(
        self, V: NDArray[np.float64], masses: FloatArray, rows: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return the transposed features times masses times the features times V: (p + 1, k).

        To the precision of the columns, which is enough for conjugate gradients.
        """
        weights, intercepts = self.whitening.outward(V, quick=True)
        weights = weights.astype(self.dtype)
        intercepts = intercepts.astype(self.dtype)
        totals = np.empty((len(rows), V.shape[1]))

        def task(part):
            block = self._source.take(rows[part])
            pull = block @ weights
            pull += intercepts
            pull *= masses[part]
            totals[part] = pull
            return block.T @ pull

        total = self._sum(task, totals.shape)
        return self.whitening.inward(total, totals.sum(axis=0), quick=True)

    def second_moment(
        self, rows: NDArray[np.intp], mass: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the mean of the features' outer products, (p, p), for weights that sum to 1."""
        roots = np.sqrt(mass)[:, None]
        total = np.zeros((self.n_features,) * 2)
        # One thread and few large products: a sum for each chunk would cost more than the chunk.
        size = max(_CHUNK, self.n_features)
        for start in range(0, len(rows), size):
            last = min(start + size, len(rows))
            parts = [slice(i, min(i + _CHUNK, last)) for i in range(start, last, _CHUNK)]
            block = np.concatenate([self._centred(rows[part]) * roots[part] for part in parts])
            # Row by row: whitening the sum instead could make it indefinite.
            block = self.whitening.features(block.T).astype(self.dtype, copy=False)
            total += block @ block.T
        return total

    def square_means(
        self, rows: NDArray[np.intp], mass: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the diagonal of `second_moment`; the features must not be whitened."""
        total = np.zeros(self.n_features)
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            block = self._source.take(rows[part])
            if sparse.issparse(block):
                total += block.multiply(block).T @ mass[part]
            else:
                total += mass[part] @ (block - self.whitening.mean) ** 2
        return total

    def _centred(self, rows):
        block = self._source.take(rows)
        if sparse.issparse(block):
            block = block.toarray()
        return block - self.whitening.mean

    def _sum(self, task, shape):
        """Return the sum of what a task gives for the chunks of `shape[0]` rows, in a fixed order.

        It gives an array of (columns, shape[1]).
        """
        groups = _groups(shape[0])
        shape = self._source.columns, shape[1]

        def of_group(number):
            total = np.zeros(shape)
            for start in groups[number]:
                total += task(slice(start, start + _CHUNK))
            return total

        total = np.zeros(shape)
        for part in run(of_group, len(groups), self.threads):
            total += part
        return total


def _groups(count):
    """Return where the chunks of `count` rows start, in groups of neighbours."""
    size = _CHUNK * -(-count // (_CHUNK * _GROUPS)) or _CHUNK
    return [range(i, min(i + size, count), _CHUNK) for i in range(0, count, size)]


def capacity_of(memory_limit: float, n_rows: int, columns: int, dtype: np.dtype[Any]) -> int:
    """Return how many of the rows, of so many columns, fit into `memory_limit` MiB."""
    return int(max(1, min(n_rows, memory_limit * _MEBI / (columns * dtype.itemsize))))


class ArraySource:
    """Columns that have been computed: an array or CSR array."""

    holds_all = True

    def __init__(self, array: FloatMatrix) -> None:
        self._array = array
        self.dtype = array.dtype
        self.capacity, self.columns = array.shape

    def store(self, rows: NDArray[np.intp], threads: int) -> None:
        """Do nothing: all rows are stored."""

    def take(self, rows: NDArray[np.intp]) -> FloatMatrix:
        """Return the columns of some rows."""
        first, last = (rows[0], rows[-1]) if len(rows) else (0, -1)
        if last - first == len(rows) - 1:
            return self._array[first : last + 1]
        return self._array[rows]


class ComputedSource:
    """Columns that are computed when asked for, unless they have been stored.

    Parameters
    ----------
    compute : callable
        Maps row numbers to columns; a second argument may be the array to write to.
    n_rows, columns : int
        Shape of all of them together.
    dtype : dtype
        Their precision.
    capacity : int
        Number of rows that may be stored.
    """

    def __init__(
        self,
        compute: Callable[..., FloatArray],
        n_rows: int,
        columns: int,
        dtype: np.dtype[Any],
        capacity: int,
    ) -> None:
        self._compute = compute
        self.dtype = np.dtype(dtype)
        self.columns = columns
        self.capacity = capacity
        self.holds_all = self.capacity == n_rows
        self._place = np.full(n_rows, -1)
        self._stored = np.empty((0, columns), self.dtype)
        self._local = threading.local()  # what take() returns is valid until the next call

    def store(self, rows: NDArray[np.intp], threads: int) -> None:
        """Store these rows, as many as there is room for, in place of others."""
        if not len(self._stored):
            self._stored = np.empty((self.capacity, self.columns), self.dtype)
        rows = rows[: self.capacity]
        if not self.holds_all:
            gone = np.ones(len(self._place), bool)
            gone[rows] = False
            self._place[gone] = -1
        is_free = np.ones(self.capacity, bool)
        is_free[self._place[self._place >= 0]] = False
        new = np.sort(rows[self._place[rows] < 0])
        free = np.flatnonzero(is_free)[: len(new)]
        groups = _groups(len(new))

        def task(number):
            for start in groups[number]:
                part = slice(start, start + _CHUNK)
                span = free[part]
                if span[-1] - span[0] == len(span) - 1:
                    self._compute(new[part], self._stored[span[0] : span[-1] + 1])
                else:
                    self._stored[span] = self._compute(new[part])

        run(task, len(groups), threads)
        self._place[new] = free

    def take(self, rows: NDArray[np.intp]) -> FloatMatrix:
        """Return the columns of some rows."""
        places = self._place[rows]
        missing = np.flatnonzero(places < 0)
        if not hasattr(self._local, "buffer"):
            self._local.buffer = np.empty((_CHUNK, self.columns), self.dtype)
        out = self._local.buffer[: len(rows)]
        if len(missing) == len(rows):
            return self._compute(rows, out)
        if not len(missing) and (np.diff(places) == 1).all():
            return self._stored[places[0] : places[-1] + 1]
        self._stored.take(places, axis=0, out=out, mode="clip")
        if len(missing):
            out[missing] = self._compute(rows[missing])
        return out

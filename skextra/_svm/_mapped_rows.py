"""Products with the mapped rows, chunk after chunk, by any number of threads."""

import threading

import numpy as np
from scipy import sparse

from skextra._common._threads import run
from skextra._svm._linear import QUICK_FROM, QuickTriangle, solve_upper

_CHUNK = 512  # rows; a chunk of a thousand features is then two or four megabytes
_TASKS = 32  # a fixed number, so that sums do not depend on the number of threads


class Whitening:
    """From the weights of the map's own features to those that are multiplied with the blocks.

    The features are ``(block - mean) @ inv(factor)``; without a factor, ``block - mean``.
    """

    def __init__(self, factor, mean, quick=None):
        self.factor = factor
        self.mean = mean
        self._quick = quick

    @classmethod
    def of(cls, factor, mean, dtype, threads):
        """Return a whitening for blocks of a dtype."""
        quick = factor is not None and dtype == np.float32 and len(factor) >= QUICK_FROM
        return cls(factor, mean, QuickTriangle(factor, threads) if quick else None)

    def outward(self, V, quick=False):
        """Return (weights of the block's columns, intercepts) for V with the intercepts last."""
        weights = self._solve(V[:-1], False, quick)
        return weights, V[-1] - self.mean @ weights

    def inward(self, gradient, sums, quick=False):
        """Return the gradient by V for one by the block's columns, and the sums of the pulls."""
        gradient = self._solve(gradient - np.outer(self.mean, sums), True, quick)
        return np.vstack((gradient, sums))

    def features(self, columns):
        """Return whitened features, (p, n), of centred mapped samples as columns, (m, n)."""
        return self._solve(columns, True, True)

    def _solve(self, right, transposed, quick):
        if self.factor is None:
            return right
        if quick and self._quick:
            return self._quick.solve(right, transposed)
        return solve_upper(self.factor, right, transposed)


class MappedRows:
    """The rows of the data under a map.

    Parameters
    ----------
    source : object with `take(rows)`, `columns` and `dtype`
        Gives the mapped rows.
    whitening : Whitening
        The coordinates of the weights.
    threads : int
        Number of threads.
    """

    def __init__(self, source, whitening, threads):
        self.source = source
        self.whitening = whitening
        self.threads = threads

    @property
    def n_features(self):
        """Number of features of the map."""
        factor = self.whitening.factor
        return self.source.columns if factor is None else len(factor)

    def forward(self, V, rows):
        """Return the decision values, (n_rows, k)."""
        weights, intercepts = self.whitening.outward(V)
        weights = weights.astype(self.source.dtype)
        out = np.empty((len(rows), V.shape[1]))

        def task(part):
            out[part] = self.source.take(rows[part]) @ weights
            out[part] += intercepts

        self._each(task, len(rows))
        return out

    def backward(self, pulls, rows):
        """Return the transposed map times `pulls`, with their sums last: (p + 1, k)."""

        def task(part):
            pull = pulls[part].astype(self.source.dtype)
            return self.source.take(rows[part]).T @ pull

        sums = np.zeros((self.source.columns, pulls.shape[1]))
        return self.whitening.inward(self._sum(task, len(rows), sums), pulls.sum(axis=0))

    def normal(self, V, masses, rows):
        """Return the transposed map times masses times the map times V: (p + 1, k).

        To the precision of the blocks, which will do for conjugate gradients.
        """
        weights, intercepts = self.whitening.outward(V, quick=True)
        weights = weights.astype(self.source.dtype)
        intercepts = intercepts.astype(self.source.dtype)
        totals = np.empty((len(rows), V.shape[1]))

        def task(part):
            block = self.source.take(rows[part])
            pull = block @ weights
            pull += intercepts
            pull *= masses[part]
            totals[part] = pull
            return block.T @ pull

        sums = np.zeros((self.source.columns, V.shape[1]))
        total = self._sum(task, len(rows), sums)
        return self.whitening.inward(total, totals.sum(axis=0), quick=True)

    def second_moment(self, rows, mass):
        """Return the mean of the features' outer products, (p, p), for weights that sum to 1."""
        roots = np.sqrt(mass)[:, None]
        total = np.zeros((self.n_features,) * 2)
        # One thread and few large products: a sum for each chunk would cost more than the chunk.
        size = max(_CHUNK, self.n_features)
        for start in range(0, len(rows), size):
            part = range(start, min(start + size, len(rows)), _CHUNK)
            spans = [slice(i, min(i + _CHUNK, start + size, len(rows))) for i in part]
            block = np.concatenate([self._block(rows[span]) * roots[span] for span in spans])
            # Whitened row by row: whitening the sum would lose its being positive.
            block = self.whitening.features(block.T).astype(self.source.dtype, copy=False)
            total += block @ block.T
        return total

    def square_means(self, rows, mass):
        """Return the diagonal of `second_moment`; the features must not be whitened."""
        total = np.zeros(self.source.columns)
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            block = self.source.take(rows[part])
            if sparse.issparse(block):
                total += block.multiply(block).T @ mass[part]
            else:
                total += mass[part] @ (block - self.whitening.mean) ** 2
        return total

    def _block(self, rows):
        block = self.source.take(rows)
        if sparse.issparse(block):
            block = block.toarray()
        return block - self.whitening.mean

    def _sum(self, task, count, start):
        for total in self._each(task, count, start.shape):
            start += total
        return start

    def _each(self, task, count, shape=None):
        """Run a task on every chunk; return the sums of what groups of chunks gave, in order."""
        groups = _groups(count)

        def group(number):
            total = None if shape is None else np.zeros(shape)
            for part in groups[number]:
                value = task(part)
                if shape is not None:
                    total += value
            return total

        return run(group, len(groups), self.threads)


def _groups(count):
    """Return the chunks of `count` rows as slices, in groups of neighbours."""
    chunks = [slice(i, min(i + _CHUNK, count)) for i in range(0, count, _CHUNK)]
    size = -(-len(chunks) // _TASKS) or 1
    return [chunks[i : i + size] for i in range(0, len(chunks), size)]


class ArraySource:
    """Mapped rows that are there already: an array or CSR array."""

    holds_all = True

    def __init__(self, array):
        self._array = array
        self.dtype = array.dtype
        self.capacity, self.columns = array.shape

    def store(self, rows, threads):
        """Do nothing: all rows are stored."""

    def take(self, rows):
        """Return the mapped rows."""
        first, last = (rows[0], rows[-1]) if len(rows) else (0, -1)
        if last - first == len(rows) - 1:
            return self._array[first : last + 1]
        return self._array[rows]


class ComputedSource:
    """Mapped rows that are computed when asked for, unless they have been stored.

    Parameters
    ----------
    compute : callable
        Maps row numbers to mapped rows; a second argument may be the array to write to.
    n_rows, columns : int
        Shape of all mapped rows together.
    dtype : dtype
        Of the mapped rows.
    capacity : int
        Number of rows that may be stored.
    """

    def __init__(self, compute, n_rows, columns, dtype, capacity):
        self._compute = compute
        self.dtype = np.dtype(dtype)
        self.columns = columns
        self.capacity = min(capacity, n_rows)
        self._place = np.full(n_rows, -1)
        self._stored = np.empty((0, columns), self.dtype)
        self._used = 0
        self._local = threading.local()  # what take() returns is good until the next call

    @property
    def holds_all(self):
        """Whether there is room for every row."""
        return self.capacity == len(self._place)

    def store(self, rows, threads):
        """Store the rows, as many as there is room for, in place of those that are not named."""
        if not len(self._stored):
            self._stored = np.empty((self.capacity, self.columns), self.dtype)
        rows = rows[: self.capacity]
        places = self._place[rows]
        if not self.holds_all:
            free = np.ones(self.capacity, bool)
            free[places[places >= 0]] = False
            gone = np.ones(len(self._place), bool)
            gone[rows] = False
            self._place[gone] = -1
            free = np.flatnonzero(free)
        else:
            free = np.arange(self._used, self.capacity)
        new = np.sort(rows[places < 0])
        self._used += len(new)
        free = free[: len(new)]
        groups = _groups(len(new))

        def task(number):
            for part in groups[number]:
                span = free[part]
                if span[-1] - span[0] == len(span) - 1:
                    self._compute(new[part], self._stored[span[0] : span[-1] + 1])
                else:
                    self._stored[span] = self._compute(new[part])

        run(task, len(groups), threads)
        self._place[new] = free

    def take(self, rows):
        """Return the mapped rows."""
        places = self._place[rows]
        missing = np.flatnonzero(places < 0)
        out = self._buffer()[: len(rows)]
        if len(missing) == len(rows):
            return self._compute(rows, out)
        if not len(missing) and (np.diff(places) == 1).all():
            return self._stored[places[0] : places[-1] + 1]
        self._stored.take(places, axis=0, out=out, mode="clip")
        if len(missing):
            out[missing] = self._compute(rows[missing])
        return out

    def _buffer(self):
        if not hasattr(self._local, "buffer"):
            self._local.buffer = np.empty((_CHUNK, self.columns), self.dtype)
        return self._local.buffer

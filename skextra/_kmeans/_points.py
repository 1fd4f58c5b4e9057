"""The points to be clustered: what dense and sparse ones have in common."""

import numpy as np
from scipy import sparse

from skextra._base import frozen
from skextra._common._threads import run

_MOST_CHUNKS = 32
# Multiplications below which starting threads costs more than it gains.
_SMALL_WORK = 2_000_000
_LEAST_VARIANCE, _MOST_VARIANCE = 1e-280, 1e290
NOTHING = np.empty(0)


def chunk_bounds(n):
    """Return the bounds of some chunks of n rows, which depend on n alone.

    Whatever is summed is summed chunk by chunk and then over the chunks in order, so that results
    do not depend on the number of threads.
    """
    count = int(np.clip(n // 2048, 1, _MOST_CHUNKS))
    return np.linspace(0, n, count + 1).astype(np.int64)


def floating(X):
    """Return the dtype in which results are given: that of X, or float64 for integers."""
    return X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)


class RoughFrameError(ArithmeticError):
    """Some point lies so far out that the frame, made from some rows only, is no good."""


class Points:
    """Rows with weights. Centres are given and returned relative to `offset`, in float64.

    `scale`, a power of two, brings the data to a variance of about one, where float32 squares
    neither overflow nor vanish; bounds and some results are in terms of scaled lengths. A `frame`
    (offset, scale) given spares looking for one; `roughly` looks at some rows only.
    """

    def __init__(self, X, weight, threads, frame=None, roughly=False):
        self.X = X
        self.n, self.d = X.shape
        self.threads = threads
        self.weight = frozen(np.ones(1) if weight is None else weight)
        self.inc = 0 if weight is None else 1
        self.bounds = chunk_bounds(self.n)
        if frame is not None:
            self.offset, self.scale = frame
            return
        with np.errstate(over="ignore", invalid="ignore"):
            self.offset, self.variance = self._look(roughly)
        total = self.variance.sum()
        if self.inc and not np.isfinite(self.weight.sum()):
            raise ValueError("sample_weight sums to infinity; scale it down.")
        if not _LEAST_VARIANCE < total < _MOST_VARIANCE and self._varies():
            raise ValueError(
                "X spreads so far, or so little, that squared distances are beyond the range of "
                "float64; scale it, for example with StandardScaler."
            )
        self.scale = 2.0 ** -np.round(np.log2(total) / 2) if total > 0 else 1.0

    def _look(self, roughly):
        """Return the offset and the variance of each feature."""
        if not roughly or self.n <= self._enough_rows():
            return self._moments()
        step = self.n // self._enough_rows()
        weight = self.weight[::step] if self.inc else None
        some = type(self)(self.X[::step], weight, self.threads)
        if not some.variance.any():  # they may be the only ones that are alike
            return self._moments()
        return some.offset, some.variance

    def _varies(self):
        top, bottom = self.X.max(axis=0), self.X.min(axis=0)
        if sparse.issparse(top):
            top, bottom = top.toarray(), bottom.toarray()
        return (top != bottom).any()

    def _enough_rows(self):
        return max(2_000, 200_000 // self.d)

    def subset(self, indices):
        """Return some of the points, all of weight one, in the same frame."""
        return type(self)(self.X[indices], None, self.threads, (self.offset, self.scale))

    @property
    def own_weight(self):
        """Return the weights, None if all points weigh the same."""
        return self.weight if self.inc else None

    def each_chunk(self, task, work):
        """Call ``task(number, start, stop)`` for every chunk; `work` says what a row costs."""
        threads = self.threads if work * self.n > _SMALL_WORK else 1
        bounds = self.bounds
        return run(lambda c: task(c, bounds[c], bounds[c + 1]), len(bounds) - 1, threads)

    def assign(self, centers, state, full, costs=NOTHING, observe=None):
        """Move every point to its nearest centre; return how many changed.

        `state` is updated: labels, limits, sums and counts. With `full` every point is looked at,
        and then two more results are to be had: `costs`, unless empty, receives what removing
        each centre would add to the inertia, and ``observe(number, start, squares)`` is called
        for every chunk with the squared distances of its points to their centres, both scaled
        and rounded.
        """
        k, d = centers.shape
        chunks = len(self.bounds) - 1
        sums, counts = np.zeros((chunks, k, d)), np.zeros((chunks, k))
        parts = np.zeros((chunks, len(costs)))
        work = self._assigner(centers, state, full)

        def task(c, start, stop):
            own = np.empty(stop - start if observe else 0, np.float32)
            changed, _ = work(start, stop, sums[c], counts[c], parts[c], own)
            if observe:
                observe(c, start, own)
            return changed

        changed = sum(self.each_chunk(task, k * self.work))
        state.sums += sums.sum(axis=0)
        state.counts += counts.sum(axis=0)
        state.fresh = False
        if full and len(state.lower) > 0:
            state.limits[:] = np.inf  # upper bounds from now on, computed at the first look
        costs += parts.sum(axis=0)
        return changed

    def cross_distances(self, centers):
        """Return the squared distances to a few centres, (n_centers, n), scaled and float32."""
        out = np.empty((len(centers), self.n), np.float32)
        work = self._crosser(centers)
        self.each_chunk(lambda _, *part: work(*part, out, 0), self.work * len(centers))
        return out

    def potentials(self, centers, closest):
        """Return the weighted sums of the squared distances if each centre were added alone.

        `closest` holds the scaled squared distances to the centres so far.
        """
        work = self._crosser(centers)

        def task(_, start, stop):
            out = np.empty((len(centers), stop - start), np.float32)
            work(start, stop, out, start)
            np.minimum(out, closest[start:stop], out=out)
            return out @ self.weights(start, stop)

        return sum(self.each_chunk(task, self.work * len(centers)))

    def weights(self, start, stop):
        """Return the weights of a run of points."""
        return self.weight[start:stop] if self.inc else np.ones(stop - start)

    def shares(self):
        """Return the weights as shares of the largest, which neither overflow nor are zero."""
        weight = self.weights(0, self.n)
        return np.maximum(weight / weight.max(), np.finfo(np.float64).tiny)

    def sums_of(self, indices):
        """Return (sum of some rows relative to the offset, their weight)."""
        weight = self.weight[indices] if self.inc else np.ones(len(indices))
        return weight @ self.X[indices] - weight.sum() * self.offset, weight.sum()

    def own_distances(self, centers, labels):
        """Return the squared distance of every point to its centre."""
        out = np.empty(self.n)

        def task(_, start, stop):
            out[start:stop] = self.own_distances_in(centers, labels, start, stop)

        self.each_chunk(task, self.work + 4)
        return out

    def own_distances_in(self, centers, labels, start, stop):
        """Return the squared distances of a run of points to their centres."""
        out = np.empty(stop - start)
        self._measure(centers, labels, start, stop, out)
        return out

    def inertia(self, centers, labels):
        """Return the weighted sum of the squared distances to the own centres."""

        def task(_, start, stop):
            out = self.own_distances_in(centers, labels, start, stop)
            return out @ self.weight[start:stop] if self.inc else out.sum()

        return float(sum(self.each_chunk(task, self.work + 4)))

    def means_of(self, indices, weight, labels, k):
        """Return the means of k groups of rows, relative to the offset."""
        bounds = chunk_bounds(len(indices))
        chunks = len(bounds) - 1
        sums, counts = np.zeros((chunks, k, self.d)), np.zeros((chunks, k))
        inc = 0 if weight is None else 1
        weight = frozen(np.ones(1) if weight is None else weight)

        def task(c):
            part = bounds[c], bounds[c + 1]
            self._group(indices, labels, *part, weight, inc, sums[c], counts[c])

        run(task, chunks, self.threads if len(indices) * self.work > _SMALL_WORK else 1)
        sums, counts = sums.sum(axis=0), counts.sum(axis=0)
        means = sums / np.where(counts > 0, counts, 1.0)[:, None]
        means[counts == 0] = self.rows(indices[:1])
        return means

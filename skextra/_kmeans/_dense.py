"""Dense points: compiled loops for few and for many features."""

import numpy as np

from skextra._base import frozen
from skextra._common._threads import run
from skextra._kernels import _kmeans_narrow as narrow
from skextra._kernels import _kmeans_rows as kernels
from skextra._kernels import _kmeans_wide as wide
from skextra._kmeans._points import _SMALL_WORK, Points, chunk_bounds

NARROW = 64
# Multiplications an iteration up to which one thread that does not come back in between is faster.
_SERIAL_WORK = 12_000_000


class DensePoints(Points):
    """Dense rows; distances are taken from their weighted mean, `offset`."""

    is_dense = True

    def __init__(self, X, weight, threads, frame=None, roughly=False):
        self.is_narrow = X.shape[1] <= NARROW
        self.work = X.shape[1]
        super().__init__(frozen(np.ascontiguousarray(X)), weight, threads, frame, roughly)

    def _moments(self):
        """Return (weighted mean, variance of each feature)."""
        shift = self.X[0].astype(np.float64)
        chunks = len(self.bounds) - 1
        total, square = np.zeros((2, chunks, self.d))

        def task(c, start, stop):
            return kernels.column_moments(
                self.X, start, stop, self.weight, self.inc, shift, total[c], square[c]
            )

        mass = sum(self.each_chunk(task, 2 * self.d))
        mean = total.sum(axis=0) / mass
        variance = np.maximum(square.sum(axis=0) / mass - mean**2, 0.0)
        return frozen(shift + mean), variance

    def _room(self, k):
        """Return what `_pack` returns, with the parts that do not depend on the centres filled."""
        columns = -(-self.d // 4) * 4 if self.is_narrow else self.d
        packed = np.zeros((k + k % 2, columns), np.float32)
        norms = np.full(k + k % 2, np.inf, np.float32)
        # Rounding of float32 products and sums: of d terms one by one, or in eight lanes.
        unit = 2.0**-23 * ((self.d if self.is_narrow else self.d / 8) + 16)
        return packed, norms, np.array([unit, 0.0], np.float32)

    def _pack(self, centers):
        """Return what the kernels take of centres: (-2 c, squared norms, error bounds)."""
        k, d = centers.shape
        packed, norms, error = self._room(k)
        scaled = centers * self.scale
        packed[:k, :d] = -2.0 * scaled
        norms[:k] = np.einsum("kd,kd->k", scaled, scaled)
        error[1] = error[0] * norms[:k].max()
        return packed, norms, error

    def rows(self, indices):
        """Return rows relative to the offset, in float64."""
        return self.X[indices].astype(np.float64) - self.offset

    def scaled_rows(self, indices):
        """Return rows relative to the offset, scaled and in float32."""
        out = np.empty((len(indices), self.d), np.float32)
        bounds = chunk_bounds(len(indices))

        def task(c):
            kernels.gather(self.X, self.offset, self.scale, indices, bounds[c], bounds[c + 1], out)

        run(task, len(bounds) - 1, self.threads if out.size > _SMALL_WORK else 1)
        return out

    def _group(self, indices, labels, start, stop, weight, inc, sums, counts):
        kernels.group_sums(
            self.X, self.offset, indices, labels, start, stop, weight, inc, sums, counts
        )

    def is_small_for(self, k):
        """Whether iterations with k centres are best run in one go, by one thread."""
        return self.is_narrow and k * self.d * self.n <= _SERIAL_WORK

    def keeps_all_bounds(self, k):
        """Whether a bound for every pair of point and centre pays and takes little room."""
        return k >= NARROW // 2 and not self.is_narrow and 8 * k <= self.d * self.X.itemsize

    def iterate(self, centers, state, max_iter, tol, costs):
        """Run Lloyd's iterations in one go; return (centres, iterations, changes of the last)."""
        centers = centers.copy()
        iterations, changed, state.reach = narrow.iterate_narrow(
            self.X,
            self.offset,
            self.scale,
            self.weight,
            self.inc,
            centers,
            *self._room(len(centers)),
            state.labels,
            state.limits,
            state.reach,
            state.travel,
            state.sums,
            state.counts,
            max_iter,
            tol,
            state.fresh,
            costs,
        )
        return centers, iterations, changed

    def _assigner(self, centers, state, full):
        packed, norms, error = self._pack(centers)
        lower = state.lower
        by_bounds = len(lower) > 0 and not full

        def work(start, stop, sums, counts, costs, own):
            rows = self.X, self.offset, self.scale, start, stop, self.weight, self.inc, centers
            if by_bounds:
                return wide.assign_by_bounds(
                    *rows, state.labels, state.limits, lower, state.travel, sums, counts
                )
            head = *rows, packed, norms, error, state.labels, state.limits
            tail = state.reach, state.travel, full, sums, counts, costs, own
            if self.is_narrow:
                return narrow.assign_narrow(*head, *tail)
            return wide.assign_wide(*head, lower, *tail)

        return work

    def _crosser(self, centers):
        packed, norms, _ = self._pack(centers)
        kernel = narrow.cross_narrow if self.is_narrow else wide.cross_wide

        def work(start, stop, out, base):
            kernel(self.X, self.offset, self.scale, start, stop, packed, norms, out, base)

        return work

    def _measure(self, centers, labels, start, stop, out):
        kernels.own_distances(self.X, self.offset, start, stop, centers, labels, out)

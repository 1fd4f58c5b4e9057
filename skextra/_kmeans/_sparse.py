"""Sparse points: CSR rows, never made dense."""

import numpy as np
from sklearn.utils.sparsefuncs import mean_variance_axis

from skextra._common._csr import arrays_of
from skextra._kernels import _kmeans_csr as kernels
from skextra._kmeans._points import Points


class SparsePoints(Points):
    """CSR rows; distances are taken from the origin, because centring would fill the zeros."""

    is_dense = False

    def __init__(self, X, weight, threads, frame=None, roughly=False):
        self._head = arrays_of(X)
        self.work = max(1, X.nnz // X.shape[0])
        super().__init__(X, weight, threads, frame, roughly)

    def _moments(self):
        weight = self.own_weight
        if weight is not None:
            weight = (weight / weight.max()).astype(self.X.dtype)
        _, variance = mean_variance_axis(self.X, axis=0, weights=weight)
        return np.zeros(self.d), variance.astype(np.float64)

    def rows(self, indices):
        """Return rows as a dense float64 array."""
        return self.X[indices].toarray().astype(np.float64)

    def scaled_rows(self, indices):
        """Return rows, scaled and in float32, still sparse."""
        with np.errstate(over="ignore"):  # rows of weight zero may be anywhere
            return (self.X[indices] * self.scale).astype(np.float32)

    def _group(self, indices, labels, start, stop, weight, inc, sums, counts):
        kernels.group_sums_csr(
            *self._head, indices, labels, start, stop, weight, inc, sums, counts
        )

    def is_small_for(self, k):
        """Whether iterations with k centres are best run in one go: there is no such kernel."""
        return False

    def keeps_all_bounds(self, k):
        """Whether a bound for every pair pays: a distance is cheap here."""
        return False

    def _columns(self, centers):
        return np.ascontiguousarray(centers.T), np.einsum("kd,kd->k", centers, centers)

    def _assigner(self, centers, state, full):
        columns, norms = self._columns(centers)

        def work(start, stop, sums, counts, costs, own):
            return kernels.assign_csr(
                *self._head,
                start,
                stop,
                self.weight,
                self.inc,
                columns,
                norms,
                self.scale,
                state.labels,
                state.limits,
                state.reach,
                state.travel,
                full,
                sums,
                counts,
                costs,
                own,
            )

        return work

    def _crosser(self, centers):
        columns, norms = self._columns(centers)

        def work(start, stop, out, base):
            kernels.cross_csr(*self._head, start, stop, columns, norms, self.scale**2, out, base)

        return work

    def _measure(self, centers, labels, start, stop, out):
        norms = np.einsum("kd,kd->k", centers, centers)
        kernels.own_distances_csr(*self._head, start, stop, centers, norms, labels, out)

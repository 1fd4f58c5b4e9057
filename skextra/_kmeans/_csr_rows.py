"""Sparse rows: CSR, never made dense."""

import numpy as np
from sklearn.utils.sparsefuncs import mean_variance_axis

from skextra._common._csr import csr_arrays
from skextra._kernels import _kmeans_csr as kernels
from skextra._kmeans._local_rows import LocalRows


class CsrRows(LocalRows):
    """CSR rows; distances are taken from the origin, because centring would fill the zeros."""

    is_dense = False
    assign_chunk = staticmethod(kernels.assign_csr)
    cross_chunk = staticmethod(kernels.cross_csr)
    group_chunk = staticmethod(kernels.group_sums_csr)

    def __init__(self, X, weight, threads, frame=None, roughly=False):
        self.work = max(1, X.nnz // X.shape[0])
        super().__init__(X, weight, threads, frame, roughly)
        arrays = csr_arrays(X)
        self.block = tuple(kernels.CsrBlock(*arrays, self.scale, self._weight, self._step))

    def _moments(self):
        weight = self.own_weight
        if weight is not None:
            weight = (weight / weight.max()).astype(self.X.dtype)
        mean, variance = mean_variance_axis(self.X, axis=0, weights=weight)
        return mean.astype(np.float64), variance.astype(np.float64)

    def take(self, indices):
        return self.X[indices].toarray().astype(np.float64)

    def take_scaled(self, indices):
        with np.errstate(over="ignore"):  # rows of weight zero may be anywhere
            return (self.X[indices] * self.scale).astype(np.float32)

    def pack(self, centers):
        norms = np.einsum("kd,kd->k", centers, centers)
        return kernels.CenterColumns(np.ascontiguousarray(centers.T), norms)

    @staticmethod
    def own_chunk(block, start, stop, centers, labels, out):
        norms = np.einsum("kd,kd->k", centers, centers)
        kernels.own_distances_csr(block, start, stop, centers, norms, labels, out)

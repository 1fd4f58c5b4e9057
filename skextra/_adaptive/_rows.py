"""Rows of inputs in the form that the compiled loops take: dense, strided or CSR."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from skextra._base import frozen
from skextra._common._batches import batches
from skextra._common._csr import csr_arrays, without_repeats
from skextra._kernels import _lms_csr, _lms_dense, _row_keys
from skextra._kernels._adaptive_types import CompressedRows, Gains, StridedRows
from skextra._typing import FloatArray, FloatMatrix

FILE_ORDER = np.empty(0, np.intp)
_NO_POWER = np.empty(0)
# Features up to which an epoch takes rows in pairs, so that the next row need not wait for the
# error of the last. The two loops alone, on rows in the cache: pairs take .6 of the time at 16
# features, .7 at 64 and .8 at 256.
_NARROW = 64
# Entries that are copied at a time: 8 MB in float64, which large data do not notice.
CHUNK_ENTRIES = 1_000_000


def as_rows(X: FloatMatrix, bias: float) -> "Rows":
    """Wrap a validated matrix; `bias` is the constant input, 1 or 0."""
    return CSRRows(X, bias) if sparse.issparse(X) else DenseRows(X, bias)


class Rows(ABC):
    """Inputs of an adaptive filter: the rows of a matrix, with a constant input beside them.

    Attributes
    ----------
    matrix : {ndarray, sparse matrix} of shape (n, p)
        The matrix.

    n, p : int
        Numbers of rows and of features.

    dtype : dtype
        What the loops compute in, float64 or float32.

    bias : scalar of that dtype
        The constant input, 1 or 0.
    """

    def __init__(self, X: FloatMatrix, bias: float) -> None:
        self.matrix = X
        self.n, self.p = X.shape
        self.dtype = X.dtype
        self.bias = X.dtype.type(bias)

    @property
    def plain(self) -> "Rows":
        """The rows before any scaling; squared errors are meant in these."""
        return self

    def some(self, part: slice | NDArray[np.intp]) -> FloatMatrix:
        """Return some rows in the form of the matrix, without the bias."""
        return self.matrix[part]

    @abstractmethod
    def epoch(
        self,
        order: NDArray[np.intp],
        targets: FloatArray,
        gains: Gains,
        average: bool,
        w: FloatArray,
        v: FloatArray,
    ) -> tuple[float, FloatArray, FloatArray]:
        """Return (loss of v, w after one epoch, what averaging adds to w)."""

    @abstractmethod
    def loss(self, targets: FloatArray, gains: Gains, v: FloatArray) -> float:
        """Return the weighted mean of the squared errors of v, summed over the outputs."""

    @abstractmethod
    def astype(self, dtype: DTypeLike) -> "Rows":
        """Return the rows in another dtype."""

    @abstractmethod
    def powers(self) -> NDArray[np.float64]:
        """Return the squared norm of every row, the bias included."""

    @abstractmethod
    def dense(self, part: slice | NDArray[np.intp]) -> FloatArray:
        """Return some rows as a dense matrix."""

    @abstractmethod
    def keys(self, multipliers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return a 64-bit key of the content of every row."""

    @abstractmethod
    def dense_chunks(self) -> "Iterator[tuple[slice, DenseRows, Any]]":
        """Yield (slice, DenseRows, their scale) that together cover all rows."""


class DenseRows(Rows):
    """Dense rows whose entries are adjacent in memory, at any distance from row to row.

    Besides C-contiguous matrices these are the overlapping windows of a delay line. Any other
    layout is copied once.
    """

    def __init__(self, X: FloatMatrix, bias: float) -> None:
        super().__init__(X, bias)
        self.strided = tuple(StridedRows(*_flatten(X), self.p, self.bias))

    def epoch(self, order, targets, gains, average, w, v, power=_NO_POWER):
        """Do the same; unless empty, `power` receives sum and maximum of the squared norms."""
        w, added = w.copy(), np.zeros(w.shape, w.dtype)
        kernel = _lms_dense.lms_epoch_narrow if self.p <= _NARROW else _lms_dense.lms_epoch
        loss = kernel(self.strided, order, targets, tuple(gains), w, added, average, v, power)
        return loss / gains.total, w, added

    def loss(self, targets, gains, v):
        return _lms_dense.squared_error(self.strided, targets, tuple(gains), v) / gains.total

    def astype(self, dtype):
        """Return the rows in another dtype; rows that overlap in memory still do."""
        if self.dtype == dtype:
            return self
        other = copy(self)
        other.dtype, other.bias = dtype, dtype.type(self.bias)
        buf, start, stride, p, _ = self.strided
        other.strided = frozen(buf.astype(dtype)), start, stride, p, other.bias
        return other

    def powers(self, scale=1.0):
        """Return the squared norm of every row times `scale`, with that of the bias."""
        powers = np.empty(self.n)
        _lms_dense.row_powers(self.strided, scale, powers)
        return powers

    def dense(self, part):
        return self.matrix[part]

    def keys(self, multipliers):
        buf, start, stride, *_ = self.strided
        return _row_keys.keys_of_dense(buf, start, stride, self.n, self.p, multipliers)

    def dense_chunks(self):
        yield slice(0, self.n), self, 1.0


class CSRRows(Rows):
    """Rows of a CSR matrix."""

    def __init__(self, X: FloatMatrix, bias: float) -> None:
        super().__init__(without_repeats(X), bias)
        self._compressed = tuple(CompressedRows(*csr_arrays(self.matrix), self.bias))

    def epoch(self, order, targets, gains, average, w, v):
        pairs = np.stack([w, v], axis=2).reshape(len(w), -1)
        added = np.zeros_like(w)
        loss = _lms_csr.lms_epoch_csr(
            self._compressed, order, targets, tuple(gains), pairs, added, average
        )
        return loss / gains.total, np.ascontiguousarray(pairs[:, ::2]), added

    def loss(self, targets, gains, v):
        error = (targets - self.matrix @ v[:, :-1].T - self.bias * v[:, -1]).astype(np.float64)
        weight = gains.weight if gains.inc else np.broadcast_to(gains.weight, self.n)
        return weight @ np.einsum("ik,ik->i", error, error) / gains.total

    def astype(self, dtype):
        return self if self.dtype == dtype else CSRRows(self.matrix.astype(dtype), self.bias)

    def powers(self, scale=1.0):
        """Return the squared norm of every row times `scale`, with that of the bias."""
        powers, ones = np.empty(self.n), np.ones(self.p)
        size = max(1, CHUNK_ENTRIES * self.n // max(1, self.matrix.nnz))
        for part in batches(self.n, size):
            rows = self.matrix[part]
            with np.errstate(over="ignore"):  # the caller checks the sums
                # float32 squares overflow from 2e19 on
                rows.data = np.square(scale * rows.data.astype(np.float64))
            powers[part] = rows @ ones
        return powers + float(self.bias) ** 2

    def moment_product(
        self, weight: NDArray[np.float64], vector: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return sum_i weight_i x_i (x_i . vector)."""
        projected = (self.matrix @ vector[:-1] + self.bias * vector[-1]) * weight
        return np.append(self.matrix.T @ projected, self.bias * projected.sum())

    def dense(self, part):
        return self.matrix[part].toarray()

    def keys(self, multipliers):
        data, indices, indptr, _ = self._compressed
        return _row_keys.keys_of_csr(data, indices, indptr, multipliers)

    def dense_chunks(self):
        for part in batches(self.n, max(1, CHUNK_ENTRIES // self.p)):
            yield part, DenseRows(self.dense(part), self.bias), 1.0


def _flatten(X: FloatArray) -> tuple[FloatArray, int, int]:
    """Return (flat buffer, offset of row 0, elements from row to row) of a dense matrix."""
    item = X.itemsize
    n, p = X.shape
    unit = p == 1 or X.strides[1] == item
    if not unit or X.strides[0] % item:
        X = np.ascontiguousarray(X)
    if X.flags.c_contiguous:
        return frozen(X.reshape(-1)), 0, p
    stride = X.strides[0] // item
    span = abs(stride) * (n - 1) + p
    first = X if stride >= 0 else X[::-1]
    buf = np.lib.stride_tricks.as_strided(first, (span,), (item,), writeable=False)
    return buf, 0 if stride >= 0 else -stride * (n - 1), stride


def presentation_order(
    rows: Rows, targets: FloatArray, random_state: np.random.RandomState
) -> NDArray[np.intp]:
    """Return a random order of the rows that depends on their content, not on their position.

    Rows are sorted by a random hash of their features and targets. The order is therefore the
    same wherever a row stands in the file, and equal rows follow each other, which makes a sample
    weight of w the same as w copies of the row.
    """
    count = rows.p + targets.shape[1]
    multipliers = random_state.randint(0, 1 << 32, size=(count, 2)).astype(np.uint64)
    multipliers = (multipliers[:, 0] << np.uint64(32)) | multipliers[:, 1] | np.uint64(1)
    keys = rows.keys(multipliers[: rows.p])
    _row_keys.finish_keys(keys, frozen(np.ascontiguousarray(targets)), multipliers[rows.p :])
    return np.argsort(keys, kind="stable")

"""Training rows in the form that the compiled loops take: dense, strided or CSR."""

from copy import copy

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skextra._base import frozen
from skextra._common._csr import arrays_of, without_repeats
from skextra._kernels import _lms_csr, _lms_dense, _row_keys

FILE_ORDER = np.empty(0, np.intp)
_NARROW = 64
_SOME_ENTRIES = 1_000_000  # of a sparse matrix, to be at work on


def as_rows(X, bias):
    """Wrap a validated matrix; `bias` is the constant input, 1 or 0."""
    return CSRRows(X, bias) if sparse.issparse(X) else DenseRows(X, bias)


class DenseRows:
    """Dense rows whose entries are adjacent in memory, at any distance from row to row.

    Besides C-contiguous matrices that covers the overlapping windows of a delay line; anything
    else is copied once.
    """

    def __init__(self, X, bias):
        self.matrix = X
        self.n, self.p = X.shape
        self.dtype = X.dtype
        self.bias = X.dtype.type(bias)
        self.buf, self.start, self.stride = _flatten(X)

    @property
    def _head(self):
        return self.buf, self.start, self.stride

    def epoch(self, order, targets, gains, average, w, v):
        """Return (loss of v, w after one epoch, what averaging adds to w)."""
        w = w.copy()
        u = np.zeros_like(w)
        kernel = _lms_dense.lms_epoch_narrow if self.p <= _NARROW else _lms_dense.lms_epoch
        loss = kernel(*self._head, order, targets, *gains.arrays, self.bias, w, u, average, v)
        return loss / gains.total, w, u

    def loss(self, targets, gains, v):
        """Return the weighted mean of the squared errors of v, summed over the outputs."""
        total = _lms_dense.squared_error(
            *self._head, targets, gains.weight, gains.inc, self.bias, v
        )
        return total / gains.total

    def astype(self, dtype):
        """Return the rows in another dtype; rows that overlap in memory still do."""
        if self.dtype == dtype:
            return self
        other = copy(self)
        other.dtype, other.bias = dtype, dtype.type(self.bias)
        other.buf = frozen(self.buf.astype(dtype))
        return other

    def powers(self, scale=1.0):
        """Return the squared norm of every row times `scale`, with that of the bias."""
        out = np.empty(self.n)
        _lms_dense.row_powers(*self._head, self.p, scale, float(self.bias), out)
        return out

    def moment_product(self, weight, inc, vector):
        """Return sum_i weight_i x_i (x_i . vector)."""
        out = np.zeros(self.p + 1)
        bias = float(self.bias)
        _lms_dense.moment_product(*self._head, self.n, self.p, weight, inc, bias, vector, out)
        return out

    def dense(self, part):
        """Return some rows as a dense matrix."""
        return self.matrix[part]

    def keys(self, multipliers):
        """Return a 64-bit key of every row's content."""
        return _row_keys.keys_of_dense(*self._head, self.n, self.p, multipliers)

    def dense_chunks(self):
        """Yield (slice, dense rows, their scale) that together cover all rows."""
        yield slice(0, self.n), self, 1.0


class CSRRows:
    """Rows of a CSR matrix."""

    def __init__(self, X, bias):
        self.matrix = X = without_repeats(X)
        self.n, self.p = X.shape
        self.dtype = X.dtype
        self.bias = X.dtype.type(bias)
        self._head = arrays_of(X)

    def epoch(self, order, targets, gains, average, w, v):
        """Return (loss of v, w after one epoch, what averaging adds to w)."""
        pairs = np.stack([w, v], axis=2).reshape(len(w), -1)
        u = np.zeros_like(w)
        loss = _lms_csr.lms_epoch_csr(
            *self._head, order, targets, *gains.arrays, self.bias, pairs, u, average
        )
        return loss / gains.total, np.ascontiguousarray(pairs[:, ::2]), u

    def loss(self, targets, gains, v):
        """Return the weighted mean of the squared errors of v, summed over the outputs."""
        error = (targets - self.matrix @ v[:, :-1].T - self.bias * v[:, -1]).astype(np.float64)
        weight = np.broadcast_to(gains.weight, self.n) if gains.inc == 0 else gains.weight
        return weight @ np.einsum("ik,ik->i", error, error) / gains.total

    def astype(self, dtype):
        """Return the rows in another dtype."""
        return self if self.dtype == dtype else CSRRows(self.matrix.astype(dtype), self.bias)

    def powers(self, scale=1.0):
        """Return the squared norm of every row times `scale`, with that of the bias."""
        out, ones = np.empty(self.n), np.ones(self.p)
        size = max(1, _SOME_ENTRIES * self.n // max(1, self.matrix.nnz))
        for part in gen_batches(self.n, size):
            rows = self.matrix[part]
            with np.errstate(over="ignore"):  # the caller looks at the sums
                # float32 squares overflow from 2e19 on
                rows.data = np.square(scale * rows.data.astype(np.float64))
            out[part] = rows @ ones
        return out + float(self.bias) ** 2

    def moment_product(self, weight, inc, vector):
        """Return sum_i weight_i x_i (x_i . vector)."""
        projected = self.matrix @ vector[:-1] + self.bias * vector[-1]
        projected = projected * (weight if inc else weight[0])
        return np.append(self.matrix.T @ projected, self.bias * projected.sum())

    def dense(self, part):
        """Return some rows as a dense matrix."""
        return self.matrix[part].toarray()

    def keys(self, multipliers):
        """Return a 64-bit key of every row's content."""
        return _row_keys.keys_of_csr(*self._head, multipliers)

    def dense_chunks(self):
        """Yield (slice, dense rows, their scale), some megabytes at a time."""
        size = max(1, _SOME_ENTRIES // self.p)
        for first in range(0, self.n, size):
            part = slice(first, min(first + size, self.n))
            yield part, DenseRows(self.dense(part), self.bias), 1.0


def _flatten(X):
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


def presentation_order(rows, targets, random_state):
    """Return a random order of the rows that depends on their content, not on their position.

    Rows are sorted by a random hash of their features and targets. So the order is the same
    wherever a row stands in the file, and equal rows come one after the other, which is what
    makes a sample weight of w the same as w copies of the row.
    """
    count = rows.p + targets.shape[1]
    multipliers = random_state.randint(0, 1 << 32, size=(count, 2)).astype(np.uint64)
    multipliers = (multipliers[:, 0] << np.uint64(32)) | multipliers[:, 1] | np.uint64(1)
    target_rows = DenseRows(targets, 0)
    keys = rows.keys(multipliers[: rows.p])
    _row_keys.finish_keys(keys, target_rows.keys(multipliers[rows.p :]))
    return np.argsort(keys, kind="stable")

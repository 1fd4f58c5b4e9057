"""Directions of samples: rows divided by their length."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skextra._common._batches import batches
from skextra._typing import FloatMatrix

# Squared lengths beyond which squares of single entries overflow or vanish.
_LEAST, _MOST = 1e-280, 1e280
# Entries squared at a time: in float64 they stay in the second-level cache.
_BATCH = 65_536
# A length that differs from one by no more than so many roundings is one, for whoever normalised
# the rows rounded as well: they need no copy, and normalising them again changes no bit.
_ROUNDINGS = 8
# Rows of zeros that an error names.
_NAMED = 5


def directions(X: FloatMatrix, name: str = "X") -> FloatMatrix:
    """Return X with every row divided by its length; X itself if all are of length one.

    Integers become float64. Raise ValueError, which calls X by its `name`, if a row is zero.
    """
    squares = _squared_lengths(X)
    usual = (squares > _LEAST) & (squares < _MOST)
    if not usual.all():
        X = _of_moderate_size(X, ~usual, name)
        squares = _squared_lengths(X)
    lengths = np.sqrt(squares)
    if X.dtype.kind == "f":
        is_one = np.abs(lengths - 1.0) <= _ROUNDINGS * np.finfo(X.dtype).eps
        if is_one.all():
            return X
        lengths[is_one] = 1.0
    return _divided(X, lengths)


def _squared_lengths(X: FloatMatrix) -> NDArray[np.float64]:
    """Return the squared length of every row, in float64, infinite or zero beyond its range."""
    squares = np.zeros(X.shape[0])
    with np.errstate(over="ignore", under="ignore"):
        if sparse.issparse(X):
            begins, filled = X.indptr[:-1], np.diff(X.indptr) > 0
            if filled.any():
                entries = np.square(X.data, dtype=np.float64)
                squares[filled] = np.add.reduceat(entries, begins[filled])
            return squares
        for part in batches(len(X), max(1, _BATCH // X.shape[1])):
            rows = X[part].astype(np.float64, copy=False)
            np.einsum("ij,ij->i", rows, rows, out=squares[part])
    return squares


def _of_moderate_size(X: FloatMatrix, odd: NDArray[np.bool_], name: str) -> FloatMatrix:
    """Return X with odd rows multiplied by powers of two that bring their entries to about one."""
    largest = np.zeros(X.shape[0])
    largest[odd] = _largest(X[odd])
    zeros = np.flatnonzero(odd & (largest == 0))
    if len(zeros):
        raise ValueError(_refusal(zeros, name))
    exponents = -np.frexp(largest)[1]
    if sparse.issparse(X):
        data = np.ldexp(X.data, np.repeat(exponents, np.diff(X.indptr)))
        return sparse.csr_array((data, X.indices, X.indptr), shape=X.shape)
    return np.ldexp(X, exponents[:, None])


def _largest(X):
    size = abs(X).max(axis=1)
    return size.toarray().ravel() if sparse.issparse(size) else size


def _refusal(zeros, name):
    named = ", ".join(map(str, zeros[:_NAMED])) + (", ..." if len(zeros) > _NAMED else "")
    which = f"a row of zeros ({named})" if len(zeros) == 1 else f"rows of zeros ({named})"
    return (
        f"{name} has {which}, whose direction is undefined for metric='cosine'; keep the others, "
        f"for example with {name}[sklearn.utils.extmath.row_norms({name}) > 0]."
    )


def _divided(X: FloatMatrix, lengths: NDArray[np.float64]) -> FloatMatrix:
    """Return X with every row divided by a length in float64, and rounded once."""
    dtype = X.dtype if X.dtype.kind == "f" else np.float64
    if sparse.issparse(X):
        data = (X.data / np.repeat(lengths, np.diff(X.indptr))).astype(dtype, copy=False)
        return sparse.csr_array((data, X.indices, X.indptr), shape=X.shape)
    out = np.empty(X.shape, dtype)
    for part in batches(len(X), max(1, _BATCH // X.shape[1])):
        np.divide(X[part], lengths[part, None], out=out[part], casting="same_kind")
    return out

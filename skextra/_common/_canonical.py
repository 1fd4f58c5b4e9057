"""A canonical order for small data, so that neither order nor repetition of rows matters."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skextra._base import frozen
from skextra._common._csr import csr_arrays
from skextra._kernels import _row_keys
from skextra._typing import FloatMatrix

# Entries up to which the order costs little beside a fit: 120,000 take about a millisecond to hash
# and sort. Raising it makes larger fits independent of the order of the rows, more slowly.
_MOST_ENTRIES = 120_000
# 2^64 divided by the golden ratio, whose multiples spread evenly (Knuth, volume 3, 6.4).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def canonical(
    X: FloatMatrix, weight: NDArray[np.float64] | None
) -> tuple[FloatMatrix, NDArray[np.float64] | None, NDArray[np.intp] | None]:
    """Return (distinct rows in an order that depends on their content, weights, row of each).

    Weights are None if they are all one. Large data are returned as they are, with None for the
    last.
    """
    if not is_small(X):
        return X, weight, None
    if X.dtype.kind != "f":  # many integers, of which most have no weight
        X = X.astype(np.float64)
    order, repeats = distinct(X)
    place = np.empty(len(order), np.intp)
    if weight is None and not repeats.any():
        place[order] = np.arange(len(order))
        return X[order], None, place
    place[order] = np.cumsum(~repeats) - 1
    weight = np.bincount(place, weight).astype(np.float64)
    weight = None if (weight == 1).all() else weight
    return X[order[~repeats]], weight, place


def is_small(X: FloatMatrix) -> bool:
    """Return whether X has so few entries that sorting its rows costs little beside a fit."""
    return (X.nnz if sparse.issparse(X) else X.size) <= _MOST_ENTRIES


def distinct(
    X: FloatMatrix, codes: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return (an order of the rows that depends on their content, which of them repeat another).

    The second is in that order: ``order[~repeats]`` are the distinct rows. With `codes`, one
    number per row, rows with different codes are distinct.
    """
    keys = _row_keys_of(_of_unit_size(X))
    order = np.argsort(keys, kind="stable") if codes is None else np.lexsort((codes, keys))
    repeats = np.zeros(len(order), bool)
    same = keys[order[1:]] == keys[order[:-1]]
    if codes is not None:
        same &= codes[order[1:]] == codes[order[:-1]]
    twins = np.flatnonzero(same)
    if len(twins):
        repeats[twins + 1] = _equal_rows(X[order[twins]], X[order[twins + 1]])
    return order, repeats


def _of_unit_size(X: FloatMatrix) -> FloatMatrix:
    """Return X times the power of two that brings its largest entry to one or just above.

    Data that differ by a power of two are then in the same order.
    """
    values = X.data if sparse.issparse(X) else X
    largest = max(values.max(initial=0.0), -values.min(initial=0.0))
    exponent = 1 - int(np.frexp(largest)[1])
    if abs(exponent) < np.finfo(X.dtype).maxexp - 1:
        scaled = values * X.dtype.type(2.0**exponent)
    else:
        scaled = np.ldexp(values, exponent)  # slower, but 2 ** exponent would overflow
    if sparse.issparse(X):
        return sparse.csr_array((scaled, X.indices, X.indptr), shape=X.shape)
    return scaled


def _row_keys_of(X: FloatMatrix) -> NDArray[np.uint64]:
    multipliers = np.arange(1, X.shape[1] + 1, dtype=np.uint64) * _GOLDEN | np.uint64(1)
    if sparse.issparse(X):
        return _row_keys.keys_of_csr(*csr_arrays(X), multipliers)
    n, p = X.shape
    return _row_keys.keys_of_dense(frozen(X.reshape(-1)), 0, p, n, p, multipliers)


def _equal_rows(A: FloatMatrix, B: FloatMatrix) -> NDArray[np.bool_]:
    if sparse.issparse(A):
        return np.asarray((A != B).sum(axis=1)).ravel() == 0
    return (A == B).all(axis=1)

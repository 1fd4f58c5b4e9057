"""Rows divided by their length, whatever that is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skextra._kmeans._directions import directions


def made(n=300, d=7, dtype=np.float64):
    return np.random.default_rng(0).standard_normal((n, d)).astype(dtype)


def unit(X):
    X = np.asarray(X, np.float64)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(300, 7), (1, 1), (40_000, 2), (3, 70_000)])
def test_rows_are_divided_by_their_length(kind, dtype, shape):
    X = made(*shape, dtype=dtype)
    U = directions(kind(X))
    assert U.dtype == dtype
    assert_allclose(dense(U), unit(X), rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16])
def test_integers_become_float64(dtype):
    X = np.random.default_rng(0).integers(1, 120, (50, 4)).astype(dtype)
    U = directions(X)
    assert U.dtype == np.float64
    assert_allclose(U, unit(X), rtol=1e-15)
    assert directions(np.ones((2, 4), np.uint8)).tolist() == [[0.5] * 4] * 2


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_powers_of_two_change_no_bit(kind, dtype):
    X = made(dtype=dtype)
    low, high = (-1000, 1000) if dtype == np.float64 else (-100, 100)
    powers = np.random.default_rng(1).integers(low, high, (300, 1))
    moved = np.ldexp(X, powers)
    assert np.isfinite(moved).all()
    assert_array_equal(dense(directions(kind(moved))), dense(directions(kind(X))))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "dtype, powers", [(np.float64, [-1070, -700, 700, 1023]), (np.float32, [-145, 127])]
)
def test_rows_whose_squares_overflow_or_vanish(kind, dtype, powers):
    for power in powers:
        X = np.array([[1, 1, 0, 0.5], [3, 4, 0, 12], [0, -1, 0, 0]], dtype)
        wanted = unit(X)
        X[0] = np.ldexp(X[0], power)
        assert_allclose(dense(directions(kind(X))), wanted, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_unit_rows_are_not_copied_and_stay_as_they_are(kind, dtype):
    X = kind(made(4000, 90, dtype=dtype))
    once = directions(X)
    assert directions(once) is once
    longer = once * np.where(np.arange(4000) == 7, dtype(3), dtype(1))[:, None]
    longer = sparse.csr_array(longer) if sparse.issparse(X) else longer
    twice = dense(directions(longer))
    assert_array_equal(np.delete(twice, 7, axis=0), np.delete(dense(once), 7, axis=0))


def test_a_row_alone_is_what_it_is_among_others():
    X = made(5000, 33)
    together = directions(X)
    for i in (0, 17, 1985, 1986, 4999):
        assert_array_equal(directions(X[i : i + 1])[0], together[i])
    assert_array_equal(directions(X[::2].copy()), together[::2])


def test_sparse_rows_share_their_structure():
    S = sparse.random(60, 30, density=0.3, format="csr", random_state=0)
    S = S[S.getnnz(axis=1) > 0]
    U = directions(S)
    assert np.shares_memory(U.indices, S.indices)
    assert np.shares_memory(U.indptr, S.indptr)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_rows_of_zeros_are_named(kind):
    X = made(20)
    X[3] = 0
    with pytest.raises(ValueError, match=r"X has a row of zeros \(3\), whose direction"):
        directions(kind(X))
    X[[5, 8, 11, 12, 19]] = 0
    with pytest.raises(ValueError, match=r"init has rows of zeros \(3, 5, 8, 11, 12, \.\.\.\)"):
        directions(kind(X), "init")
    with pytest.raises(ValueError, match=r"\(0\)"):
        directions(np.zeros((1, 3), np.uint8))


def test_stored_zeros_are_zeros():
    S = sparse.csr_array((np.array([0.0, 2.0]), [0, 1], [0, 1, 2]), shape=(2, 2))
    with pytest.raises(ValueError, match=r"a row of zeros \(0\)"):
        directions(S)

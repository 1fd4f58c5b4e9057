"""Rows pass the checks of scikit-learn, whether these are called or not."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skextra._common import _new_rows
from skextra._common._new_rows import check_new, is_plain_target, is_plain_training


class Fitted(BaseEstimator):
    def fit(self, X, y=None):
        validate_data(self, X, dtype=[np.float64, np.float32])
        self.fitted_ = True
        return self


X = np.random.default_rng(0).standard_normal((5, 3))


def theirs(estimator, X):
    options = {"dtype": [np.float64, np.float32], "order": "C", "reset": False}
    return validate_data(estimator, X, accept_sparse="csr", **options)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_valid_array_is_returned_without_a_call_of_scikit_learn(dtype, monkeypatch):
    estimator, rows = Fitted().fit(X), X[:1].astype(dtype)
    monkeypatch.setattr(_new_rows, "validate_data", None)
    assert check_new(estimator, rows) is rows


@pytest.mark.parametrize(
    "rows",
    [
        np.asfortranarray(X),
        X[:, ::-1],
        X.astype(">f8"),
        X.astype(np.float16),
        (10 * X).astype(int),
        X.tolist(),
        np.full((2, 3), 3e38, np.float32),  # whose sum is not finite
        sparse.csr_array(X),
        sparse.coo_array(X),
    ],
)
def test_other_rows_become_what_scikit_learn_makes_of_them(rows):
    estimator = Fitted().fit(X)
    ours, expected = check_new(estimator, rows, accept_sparse=True), theirs(estimator, rows)
    assert type(ours) is type(expected)
    assert ours.dtype == expected.dtype
    if sparse.issparse(ours):
        ours, expected = ours.toarray(), expected.toarray()
    assert ours.flags.c_contiguous == expected.flags.c_contiguous
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(
    "rows, message",
    [
        (X[:, :2], "X has 2 features"),
        (X[0], "Expected 2D array"),
        (X[None], "dim 3"),
        (X[:0], "0 sample"),
        (np.where(X > 1, np.nan, X), "contains NaN"),
        (np.where(X > 1, np.inf, X), "contains infinity"),
        (X + 1j, "Complex data"),
        (np.array([["a", "b", "c"]]), "could not convert"),
    ],
)
def test_invalid_rows_raise_as_in_scikit_learn(rows, message):
    estimator = Fitted().fit(X)
    with pytest.raises(ValueError, match=message) as expected:
        theirs(estimator, rows)
    with pytest.raises(ValueError, match=message) as ours:
        check_new(estimator, rows, accept_sparse=True)
    assert str(ours.value) == str(expected.value)


def test_what_is_assumed_finite_is_not_searched():
    estimator, rows = Fitted().fit(X), np.full((1, 3), np.nan)
    with config_context(assume_finite=True):
        assert check_new(estimator, rows) is rows


def test_an_array_after_a_frame_raises_the_warning_of_scikit_learn():
    estimator = Fitted().fit(pd.DataFrame(X, columns=list("abc")))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        check_new(estimator, X)


def test_a_frame_after_a_frame_passes():
    frame = pd.DataFrame(X, columns=list("abc"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(check_new(Fitted().fit(frame), frame), X)


def test_an_estimator_that_is_not_fitted_raises():
    with pytest.raises(NotFittedError):
        check_new(Fitted(), X)


def test_sparse_entries_stored_in_parts_are_added_up():
    rows = sparse.csr_array(([1.0, 2.0], [0, 0], [0, 2]), shape=(1, 3))
    assert check_new(Fitted().fit(X), rows, accept_sparse=True).nnz == 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_of_training_rows_that_pass_every_check_the_width_is_noted(dtype):
    estimator = Fitted().fit(pd.DataFrame(X[:, :2], columns=["a", "b"]))
    assert is_plain_training(estimator, X.astype(dtype))
    assert estimator.n_features_in_ == 3
    assert not hasattr(estimator, "feature_names_in_")


@pytest.mark.parametrize(
    "rows",
    [
        np.asfortranarray(X),
        X.astype(">f8"),
        X.astype(np.float16),
        (10 * X).astype(int),
        X.tolist(),
        pd.DataFrame(X),
        sparse.csr_array(X),
        X[0],
        X[:0],
        X[:, :0],
        np.where(X[1, 1] == X, np.nan, X),
        np.where(X[1, 1] == X, np.inf, X),
        np.full((2, 3), 3e38, np.float32),  # whose sum is not finite
        np.ma.masked_array(X, X > 1),
    ],
)
def test_other_training_rows_are_left_to_scikit_learn(rows):
    estimator = Fitted().fit(pd.DataFrame(X[:, :2], columns=["a", "b"]))
    before = dict(vars(estimator))
    assert not is_plain_training(estimator, rows)
    assert vars(estimator) == before


def test_an_array_keeps_its_order_if_asked_to():
    X = np.asfortranarray(np.ones((3, 2)))
    assert check_new(Fitted().fit(X), X, order=None) is X
    assert check_new(Fitted().fit(X), X).flags.c_contiguous


@pytest.mark.parametrize(
    "y", [np.arange(12) // 4, np.arange(12, dtype=np.uint8) // 2, np.array([-1, 1] * 6, np.int8)]
)
def test_whole_numbers_are_class_labels(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_classification_targets(y)
    assert is_plain_target(y, 12)


@pytest.mark.parametrize(
    "y",
    [
        [0, 1] * 6,
        np.array([0.0, 1.0] * 6),
        np.array([0, 1] * 5),
        np.array([[0], [1]] * 6),
        np.array(["a", "b"] * 6),
        np.arange(12),
        np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max] * 6),
    ],
    ids=repr,
)
def test_other_labels_are_left_to_scikit_learn(y):
    assert not is_plain_target(y, 12)

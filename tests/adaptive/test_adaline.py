"""Adaline: logic gates, real data, and the promises of a scikit-learn classifier."""

import pickle

import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skextra import Adaline, LMSRegressor


def truth_table(bits):
    return np.array(np.meshgrid(*[[-1, 1]] * bits)).reshape(bits, -1).T


@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("bits", "gate"),
    [
        (2, lambda X: (X == 1).any(axis=1)),
        (2, lambda X: ~(X == 1).all(axis=1)),
        (3, lambda X: X.sum(axis=1) > 0),
    ],
    ids=["OR", "NAND", "majority"],
)
def test_gates_are_learnt_with_every_pattern_right(bits, gate, seed, variant, average):
    X = truth_table(bits)
    y = np.where(gate(X), "true", "false")
    model = Adaline(variant=variant, average=average, random_state=seed).fit(X, y)
    assert_array_equal(model.predict(X), y)


def test_weights_worked_by_hand_can_be_set():
    def hand(bias, *coef):
        X = truth_table(len(coef))
        model = Adaline(max_iter=1, learning_rate=1e-12, tol=None)
        return X, model.fit(X, X[:, 0], coef_init=coef, intercept_init=bias).predict(X)

    X, nand = hand(1, -1, -1)
    assert_array_equal(nand == 1, ~(X == 1).all(axis=1))
    X, either = hand(2, 2, 1)
    assert_array_equal(either == 1, (X == 1).any(axis=1))
    X, majority = hand(0, 1, 1, 1)
    assert_array_equal(majority == 1, X.sum(axis=1) > 0)


def test_it_is_lms_on_plus_and_minus_one():
    X, y = load_iris(return_X_y=True)
    options = {"tol": None, "max_iter": 4, "shuffle": False, "average": False}
    model = Adaline(**options).fit(X, y)
    lms = LMSRegressor(**options).fit(X, np.where(y[:, None] == np.arange(3), 1, -1))
    assert_array_equal(model.coef_, lms.coef_)
    assert_array_equal(model.loss_curve_, lms.loss_curve_)
    pair = y < 2
    model = Adaline(**options).fit(X[pair], y[pair])
    assert model.coef_.shape == (1, 4)
    lms.fit(X[pair], 2 * y[pair] - 1)
    assert_array_equal(model.coef_[0], lms.coef_)


@pytest.mark.parametrize(
    ("load", "least"), [(load_iris, 0.80), (load_breast_cancer, 0.95), (load_digits, 0.93)]
)
def test_accuracy_is_that_of_least_squares(load, least):
    X, y = load(return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=1)
    model = make_pipeline(StandardScaler(), Adaline(random_state=0))
    assert cross_val_score(model, X, y, cv=folds).mean() > least


def test_sorted_rows_do_no_harm():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    order = np.random.default_rng(0).permutation(len(y))
    by_class = Adaline(random_state=0).fit(X, y)
    mixed = Adaline(random_state=0).fit(X[order], y[order])
    assert_allclose(by_class.coef_, mixed.coef_, rtol=1e-9)
    naive = Adaline(shuffle=False, average=False, tol=None, max_iter=50).fit(X, y)
    assert naive.score(X, y) < by_class.score(X, y)
    assert_array_equal(by_class.predict(X[order]), mixed.predict(X[order]))


def test_labels_weights_and_forms():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"], dtype=object)[y]
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    model = Adaline(random_state=0)
    reference = clone(model).fit(X, y, sample_weight=weight)
    named = clone(model).fit(X, names, sample_weight=weight)
    assert_array_equal(named.predict(X), named.classes_[reference.predict(X)])
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(repeated.coef_, reference.coef_, rtol=1e-8)
    other = clone(model).fit(sparse.csr_matrix(X), y, sample_weight=weight)
    assert_allclose(other.coef_, reference.coef_, rtol=1e-10)
    single = clone(model).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == single.decision_function(X[:2].astype(np.float32)).dtype
    assert single.coef_.dtype == np.float32


def test_class_weight_is_sample_weight():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    balanced = Adaline(class_weight="balanced", random_state=0).fit(X, y)
    weight = len(y) / (2 * np.bincount(y))
    explicit = Adaline(class_weight=dict(enumerate(weight)), random_state=0).fit(X, y)
    rows = Adaline(random_state=0).fit(X, y, sample_weight=weight[y])
    assert_allclose(balanced.coef_, explicit.coef_, rtol=1e-12)
    assert_allclose(balanced.coef_, rows.coef_, rtol=1e-12)
    assert not hasattr(balanced, "partial_fit")
    assert hasattr(explicit, "partial_fit")


def test_partial_fit_in_chunks_is_one_pass_and_checks_classes():
    X, y = load_iris(return_X_y=True)
    options = {"learning_rate": 0.005, "average": True}
    once = Adaline(**options).partial_fit(X, y, classes=[0, 1, 2])
    chunks = Adaline(**options)
    with pytest.raises(ValueError, match="classes must be given"):
        chunks.partial_fit(X, y)
    assert not hasattr(chunks, "n_features_in_")
    for rows in (slice(0, 60), slice(60, 61), slice(61, 150)):
        chunks.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert_allclose(chunks.coef_, once.coef_, rtol=1e-12)
    with pytest.raises(ValueError, match=r"labels .*7.* not among"):
        chunks.partial_fit(X, np.where(y == 2, 7, y))
    with pytest.raises(ValueError, match="differs from"):
        chunks.partial_fit(X, y, classes=[0, 1])


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="one class"):
        Adaline().fit([[1.0], [2.0]], [1, 1])
    with pytest.raises(ValueError, match="one class"):
        Adaline().fit([[1.0], [2.0]], [1, 0], sample_weight=[1, 0])


def test_meta_estimators_agree():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    options = {"learning_rate": 0.01, "tol": None, "max_iter": 20, "shuffle": False}
    own = Adaline(**options).fit(X, y)
    meta = OneVsRestClassifier(Adaline(**options)).fit(X, y)
    assert_allclose(meta.decision_function(X), own.decision_function(X), rtol=1e-9)


def test_threads_and_processes_give_the_same_weights():
    X, y = load_digits(return_X_y=True)
    model = Adaline(random_state=0, max_iter=5, tol=None)
    alone = clone(model).fit(X, y).coef_
    for backend in ("threading", "loky"):
        fitted = Parallel(n_jobs=2, backend=backend)(
            delayed(clone(model).fit)(X, y) for _ in range(4)
        )
        for one in fitted:
            assert_array_equal(one.coef_, alone)


def test_pickled_and_resumed_stream_is_the_stream():
    X, y = load_iris(return_X_y=True)
    stream = Adaline().partial_fit(X[::2], y[::2], classes=[0, 1, 2])
    resumed = pickle.loads(pickle.dumps(stream))
    assert_array_equal(
        stream.partial_fit(X[1::2], y[1::2]).coef_, resumed.partial_fit(X[1::2], y[1::2]).coef_
    )


def test_decision_zero_is_the_first_class():
    model = Adaline(max_iter=1, tol=None).fit([[1.0], [-1.0]], [1, 0])
    model.coef_, model.intercept_ = np.zeros((1, 1)), np.zeros(1)
    assert_array_equal(model.predict([[3.0]]), [0])


def test_least_squares_is_what_it_converges_to():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = Adaline(random_state=0, tol=None, max_iter=20_000).fit(X, y)
    exact = LinearRegression().fit(X, 2 * y - 1)
    assert model.loss_curve_[-1] < 1.02 * np.mean((exact.predict(X) - (2 * y - 1)) ** 2)

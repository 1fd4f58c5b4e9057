"""Fits in the space of the exact kernel: what the map of all samples gives, without the map."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine, make_moons
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler
from skops.io import dumps, loads

from skextra import FeatureMapSVM
from skextra._svm import _training
from skextra._svm._exact_kernel import nested_order, solve_exact_kernel
from skextra._svm._problems import Problems, sides


def standardised(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def by_all_landmarks(svm, X, y, **fit):
    """Return the decision values of the same problem in the space of a map of all samples."""
    return clone(svm).set_params(landmarks=X).fit(X, y, **fit).decision_function(X)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize(
    "options", [{}, {"C": 0.01}, {"C": 100.0}, {"multi_class": "ovo"}], ids=str
)
def test_it_is_the_solution_of_the_map_of_all_samples(load, options):
    X, y = standardised(load)
    svm = FeatureMapSVM(**options).fit(X, y)
    assert svm.duality_gap_.max() < 1e-9
    assert_allclose(svm.decision_function(X), by_all_landmarks(svm, X, y), rtol=1e-5, atol=1e-5)


def test_weights_are_repetitions_and_classes_may_weigh_unevenly():
    X, y = standardised(load_iris)
    weight = np.random.default_rng(0).integers(0, 4, len(X)) ** 3
    svm = FeatureMapSVM(class_weight={0: 1.0, 1: 100.0, 2: 0.1})
    weighted = clone(svm).fit(X, y, sample_weight=weight)
    repeated = clone(svm).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(weighted.decision_function(X), repeated.decision_function(X), rtol=1e-8)
    expected = by_all_landmarks(svm, X, y, sample_weight=weight)
    assert_allclose(weighted.decision_function(X), expected, rtol=1e-4, atol=1e-4)


def test_landmarks_are_the_support_vectors():
    X, y = standardised(load_breast_cancer)
    svm = FeatureMapSVM().fit(X, y)
    assert_array_equal(sorted(svm.landmarks_.tolist()), sorted(X[svm.support_].tolist()))
    assert svm.get_feature_names_out().tolist() == [f"rbf{i}" for i in range(len(svm.support_))]
    Z = svm.transform(svm.landmarks_)
    assert_allclose(Z @ Z.T, rbf_kernel(svm.landmarks_, gamma=svm.gamma_), atol=1e-12)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_planes_lie_in_the_space_of_transform(load):
    X, y = standardised(load)
    svm = FeatureMapSVM().fit(X, y)
    decisions = svm.decision_function(X).reshape(len(X), -1)
    assert_allclose(svm.transform(X) @ svm.coef_.T + svm.intercept_, decisions, atol=1e-11)
    assert_allclose(svm.dual_coef_ @ svm.transform(svm.support_vectors_), svm.coef_, atol=1e-10)
    assert_allclose(2 / np.linalg.norm(svm.coef_, axis=1), svm.margin_, rtol=1e-10)
    assert svm.coef_.shape == (len(svm.margin_), len(svm.get_feature_names_out()))


def test_normals_are_the_same_whenever_they_are_asked_for():
    X, y = standardised(load_iris)
    svm = FeatureMapSVM()
    assert not hasattr(svm, "coef_")
    svm.fit(X, y)
    trusted = ["skextra._svm._feature_map_svm.FeatureMapSVM"]
    copies = [pickle.loads(pickle.dumps(svm)), loads(dumps(svm), trusted=trusted)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: svm.coef_, range(8)))
    copies += [pickle.loads(pickle.dumps(svm)), loads(dumps(svm), trusted=trusted)]
    for coef in (*found, *(copy.coef_ for copy in copies)):
        assert_array_equal(coef, svm.coef_)
    svm.fit(X, y == 1)
    assert svm.coef_.shape == (1, len(svm.landmarks_))
    svm.set_params(feature_map="identity").fit(X, y)
    assert svm.coef_.shape == (3, 4)
    svm.set_params(feature_map="rbf").fit(X, y)
    assert_array_equal(svm.coef_, copies[0].coef_)


def test_a_smooth_kernel_has_features_that_are_zero():
    X, y = make_moons(400, noise=0.3, random_state=0)
    svm = FeatureMapSVM(gamma=0.02, C=1).fit(X, y)
    Z = svm.transform(X)
    assert not Z.any(axis=0).all()
    assert_allclose(Z @ Z.T, rbf_kernel(X, gamma=0.02), atol=1e-9)
    assert_allclose(Z @ svm.coef_[0] + svm.intercept_[0], svm.decision_function(X), atol=1e-6)


def test_equal_samples_of_different_classes_are_one_landmark():
    X, y = standardised(load_iris)
    X, y = np.vstack((X, X[::3])), np.concatenate((y, (y[::3] + 1) % 3))
    svm = FeatureMapSVM().fit(X, y)
    assert len(np.unique(svm.landmarks_, axis=0)) == len(svm.landmarks_) < len(svm.support_)
    assert_allclose(svm.decision_function(X), by_all_landmarks(svm, X, y), rtol=1e-5, atol=1e-5)


def test_what_conjugate_gradients_cannot_solve_is_factorised(monkeypatch):
    monkeypatch.setattr(_training, "_MOST_EXACT_KERNEL_COST", 1e4)
    factorised = Mock(wraps=_training._exactly)
    monkeypatch.setattr(_training, "_exactly", factorised)
    X, y = make_moons(300, noise=0.2, random_state=0)
    svm = FeatureMapSVM(C=1000, gamma=0.05).fit(X, y)
    factorised.assert_called_once()
    assert svm.duality_gap_.max() < 1e-9
    assert_allclose(svm.decision_function(X), by_all_landmarks(svm, X, y), rtol=1e-4, atol=1e-4)


def test_steps_are_limited_and_the_gap_is_a_bound():
    X, y = standardised(load_breast_cancer)
    best = FeatureMapSVM().fit(X, y)
    with pytest.warns(UserWarning, match="did not converge: after 3 steps"):
        svm = FeatureMapSVM(max_iter=3).fit(X, y)

    def objective(svm):
        violation = np.maximum(0, 1 - np.where(y == 1, 1, -1) * svm.decision_function(X))
        return 0.5 * (2 / svm.margin_[0]) ** 2 + 4.0 * violation @ violation

    lost = 1 - objective(best) / objective(svm)
    assert 0 < lost <= svm.duality_gap_[0] + 1e-12


def test_a_negative_weight_does_not_spoil_the_gap():
    X, codes = standardised(load_breast_cancer)
    order = nested_order(codes)
    X, codes = X[order], codes[order]
    problems = Problems(sides(codes, 2, "ovr"), np.full(len(X), 4.0))
    gram = rbf_kernel(X, gamma=1 / 30)
    exact = solve_exact_kernel(gram, problems, 0.01, 100)
    assert exact.converged

    def objective(planes):
        images = gram @ planes.weights[:, 0]
        margins = problems.signs[:, 0] * (images + planes.intercept)
        violations = np.maximum(0.0, 1.0 - margins)
        return 0.5 * planes.weights[:, 0] @ images + 4.0 * violations @ violations

    negative = 0
    for steps in range(1, exact.n_iter):
        planes = solve_exact_kernel(gram, problems, 0.01, steps)
        assert planes.n_iter == steps
        assert 1.0 - objective(exact) / objective(planes) <= planes.gaps[0] + 1e-9
        assert planes.converged == (planes.gaps[0] <= 0.01)
        negative += (problems.signs * planes.weights < 0).any()
    assert negative > 0


def test_memory_and_size_decide(monkeypatch):
    X, y = standardised(load_breast_cancer)
    few = FeatureMapSVM(memory_limit=2.0, random_state=0).fit(X, y)
    assert len(few.landmarks_) == 300
    monkeypatch.setattr(_training, "_MOST_EXACT_KERNEL_ROWS", 500)
    assert_array_equal(FeatureMapSVM(random_state=0).fit(X, y).landmarks_, few.landmarks_)


def test_every_half_of_the_rows_has_all_classes_in_proportion():
    codes = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [640, 320, 64]))
    order = nested_order(codes)
    assert_array_equal(np.sort(order), np.arange(1024))
    for size in (512, 256, 128):
        shares = np.bincount(codes[order[:size]]) / size
        assert_array_equal(shares, [0.625, 0.3125, 0.0625])


def test_short_streams_keep_to_the_exact_kernel():
    X, y = standardised(load_breast_cancer)
    svm = FeatureMapSVM()
    for part in range(0, len(X), 100):
        svm.partial_fit(X[part : part + 100], y[part : part + 100], classes=[0, 1])
    whole = FeatureMapSVM(gamma=svm.gamma_).fit(X, y)
    assert np.mean(svm.predict(X) == whole.predict(X)) > 0.99
    assert_array_equal(sorted(svm.landmarks_.tolist()), sorted(svm.support_vectors_.tolist()))


def test_a_stream_may_outgrow_the_exact_kernel(monkeypatch):
    X, y = standardised(load_breast_cancer)
    svm = FeatureMapSVM(gamma=1e-4, random_state=0).fit(X, y)
    assert len(svm.landmarks_) > 300  # support vectors, most of which depend on others
    monkeypatch.setattr(_training, "_MOST_EXACT_KERNEL_ROWS", 10)
    svm.partial_fit(X[:100], y[:100])
    assert len(svm.landmarks_) < 100
    assert svm.score(X, y) > 0.95


def test_single_rows_are_decided_as_many_are():
    X, y = standardised(load_wine)
    for dtype in (np.float64, np.float32):
        svm = FeatureMapSVM().fit(X.astype(dtype), y)
        expected = svm.decision_function(X.astype(dtype))
        for size in (1, 3, 8, 9):
            found = svm.decision_function(X[:size].astype(dtype))
            assert found.dtype == dtype
            assert_allclose(found, expected[:size], rtol=1e-5 if dtype == np.float32 else 1e-11)

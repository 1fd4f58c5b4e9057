"""The exact method of FeatureMapSVM: where it begins makes no difference to where it ends."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler

from skextra import FeatureMapSVM
from skextra._svm import _exact
from skextra._svm._exact import solve_exactly
from skextra._svm._problems import Problems, sides


def case(n_classes, multi_class="ovr", n=120, p=8):
    """Return (mapped rows, problems): classes that overlap."""
    rng = np.random.default_rng(n_classes)
    codes = rng.integers(0, n_classes, n)
    Phi = rng.standard_normal((n, p)) + 1.5 * rng.standard_normal((n_classes, p))[codes] + 3.0
    return Phi, Problems(sides(codes, n_classes, multi_class), np.full(n, 0.5))


def solved(Phi, problems, start=None, max_iter=100):
    return solve_exactly(Phi, problems, "squared_hinge", 1e-9, max_iter, start)


@pytest.mark.parametrize("multi_class", ["ovr", "ovo"])
@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_a_solution_to_begin_with_takes_one_step_a_problem(n_classes, multi_class):
    Phi, problems = case(n_classes, multi_class)
    cold = solved(Phi, problems)
    again = solved(Phi, problems, (cold.coef, cold.intercept))
    assert again.n_iter == problems.signs.shape[1] < cold.n_iter
    assert_allclose(again.coef, cold.coef, rtol=1e-10)
    assert_allclose(again.intercept, cold.intercept, rtol=1e-10)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e8])
def test_planes_that_are_far_off_lead_to_the_same_solution(size):
    Phi, problems = case(3)
    rng = np.random.default_rng(0)
    start = size * rng.standard_normal((8, 3)), size * rng.standard_normal(3)
    cold, planes = solved(Phi, problems), solved(Phi, problems, start)
    assert planes.converged
    assert planes.gaps.max() < 1e-9
    assert_allclose(planes.coef, cold.coef, rtol=1e-9)
    assert_allclose(planes.intercept, cold.intercept, rtol=1e-9)


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
def test_the_pilot_saves_steps_and_changes_no_plane(load, monkeypatch):
    X, y = load(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[:600], y[:600]
    svm = FeatureMapSVM(n_components=200, random_state=0).fit(X, y)
    monkeypatch.setattr(_exact, "_MOST_STARTED_COST", 0.0)
    cold = FeatureMapSVM(n_components=200, random_state=0).fit(X, y)
    assert svm.n_iter_ < cold.n_iter_
    assert_array_equal(svm.landmarks_, cold.landmarks_)
    assert_array_equal(svm.support_, cold.support_)
    assert_array_equal(svm.coef_, cold.coef_)
    assert_array_equal(svm.intercept_, cold.intercept_)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_gram_matrix_makes_no_difference(n_classes, monkeypatch):
    Phi, problems = case(n_classes, n=60, p=50)
    planes = []
    for fewest in (1, 100):
        monkeypatch.setattr(_exact, "_FEWEST_PROBLEMS", fewest)
        planes.append(solved(Phi, problems))
    assert planes[0].n_iter == planes[1].n_iter
    assert_allclose(planes[0].coef, planes[1].coef, rtol=1e-9, atol=1e-12)

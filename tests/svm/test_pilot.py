"""The pilot of FeatureMapSVM: which landmarks it draws, and how many it asks for."""

from unittest.mock import Mock, patch

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification, make_moons

from skextra import FeatureMapSVM
from skextra._svm._landmark_kernels import GaussianKernel
from skextra._svm._parameters import gamma_of
from skextra._svm._pilot import Pilot, fit_pilot
from skextra._svm._training import task_of


def smooth(n):
    """Two features: some hundred landmarks span the Gaussians of all samples."""
    return make_moons(n, noise=0.25, random_state=0)


def rough(n, n_classes=2):
    """Twenty features that matter: no number of landmarks spans them."""
    return make_classification(
        n, 20, n_informative=20, n_redundant=0, n_classes=n_classes, random_state=0
    )


def pilot_of(X, y, count=600):
    svm = FeatureMapSVM()
    task = task_of(svm, X, y, np.ones(len(X)))
    kernel = GaussianKernel(gamma_of("scale", task.X, task.weight))
    return task, fit_pilot(task, task.costs, count, kernel, 1, np.random.RandomState(0))


def test_auto_takes_as_many_landmarks_as_the_decisions_need():
    few = FeatureMapSVM(random_state=0).fit(*smooth(4000))
    many = FeatureMapSVM(random_state=0).fit(*rough(4000))
    assert len(few.landmarks_) <= 300
    assert len(many.landmarks_) == 800
    X, y = smooth(4000)
    full = FeatureMapSVM(n_components=1200, random_state=0).fit(X, y)
    assert (few.predict(X) == full.predict(X)).mean() > 0.995


def test_a_given_number_of_landmarks_is_kept():
    svm = FeatureMapSVM(n_components=500, gamma=500.0, random_state=0).fit(*smooth(4000))
    assert len(svm.landmarks_) == 500


@pytest.mark.parametrize("count", [1, 5, 10])
def test_few_landmarks_are_as_many_as_asked_for_and_near_the_border(count):
    X, y = smooth(2000)
    drawn = Mock(wraps=Pilot.draw)
    with patch.object(Pilot, "draw", lambda *args: drawn(*args)):
        svm = FeatureMapSVM(n_components=count, random_state=0).fit(X, y)
    assert len(svm.landmarks_) == count
    drawn.assert_called_once()


def test_more_of_the_kernel_needs_more_landmarks():
    X, y = rough(3000)
    task, pilot = pilot_of(X, y)
    _, smoother = pilot_of(*smooth(3000))
    assert smoother.landmarks_needed(smooth(3000)[0]) <= 200 < pilot.landmarks_needed(task.X)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_what_the_pilot_knows_of_its_rows_is_what_its_map_decides(n_classes):
    task, pilot = pilot_of(*rough(3000, n_classes))
    assert pilot.decisions.shape == (3000, n_classes)
    decided = pilot.landmark_map.decisions(task.X[pilot.rows]) + pilot.intercepts
    assert_allclose(pilot.decisions, decided, atol=2e-3)
    rows, at_own = pilot.landmarks()
    assert_array_equal(task.X[rows], pilot.landmark_map.landmarks)
    assert_array_equal(at_own.decisions, pilot.decisions[pilot.own])
    assert (pilot.decisions.argmax(axis=1) == task.codes[pilot.rows]).mean() > 0.8


def test_one_problem_stands_for_both_classes():
    _, pilot = pilot_of(*rough(3000))
    assert_array_equal(pilot.decisions[:, 0], -pilot.decisions[:, 1])
    assert pilot.intercepts[0] == -pilot.intercepts[1]


def test_classes_in_the_other_order_turn_the_decisions_round():
    X, y = rough(3000)
    svm = FeatureMapSVM(n_components=200, random_state=0)
    expected = svm.fit(X, y).decision_function(X)
    assert_allclose(svm.fit(X, 1 - y).decision_function(X), -expected, atol=1e-2)


def test_drawn_rows_are_near_the_border():
    task, pilot = pilot_of(*rough(3000))
    rows, at_drawn = pilot.draw(300, task.costs, np.random.RandomState(0))
    assert len(np.unique(rows)) == 300
    assert np.abs(at_drawn.decisions).mean() < 0.7 * np.abs(pilot.decisions).mean()

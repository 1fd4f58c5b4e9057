"""Duality gaps: bounds on the excess over the optimum, for any planes and dual variables."""

import numpy as np
import pytest

from skextra._svm._exact_kernel import _gaps
from skextra._svm._solution import hinge_gap, relative_gap, squared_hinge_gap

SIGN, COST = np.array([1, 1, -1, -1]), np.ones(4)
PHI = np.array([[1.0], [2.0], [-1.0], [-3.0]])


@pytest.mark.parametrize(
    ("gap", "objective", "expected"),
    [
        (0.0, 0.0, 0.0),
        (1.0, 4.0, 0.25),
        (np.nan, np.nan, np.inf),
        (np.nan, 1.0, np.inf),
        (np.inf, np.inf, np.inf),
        (1.0, np.inf, np.inf),
        (np.inf, 1.0, np.inf),
    ],
)
def test_an_objective_that_is_no_number_has_no_certificate(gap, objective, expected):
    assert relative_gap(gap, objective) == expected


@pytest.mark.parametrize("size", [0.0, 1.0, 1e8, 1e200, np.inf])
def test_the_gap_is_at_most_the_objective(size):
    w, alpha = np.array([0.1]), np.full(4, size)
    violation = np.maximum(0, 1 - SIGN * (PHI @ w))
    with np.errstate(over="ignore", invalid="ignore"):
        gap, objective = squared_hinge_gap(w, SIGN, COST, alpha, PHI.T @ (SIGN * alpha), violation)
    assert objective == 0.005 + violation @ violation
    assert 0 < gap <= objective
    gap, objective = hinge_gap(PHI, SIGN, COST, w, 0.0, alpha)
    assert 0 <= gap <= objective


@pytest.mark.parametrize("size", [1.0, 1e8, 1e200])
def test_the_gap_of_the_exact_kernel_is_at_most_one(size):
    gram, signs, duals = np.eye(4), SIGN[None].astype(float), np.full((1, 4), size)
    weights = 0.1 * signs
    with np.errstate(over="ignore", invalid="ignore"):
        _, gaps = _gaps(gram, signs, COST, weights, weights.copy(), np.zeros(1), duals)
    assert 0 < gaps[0] <= 1


def test_decisions_that_are_no_numbers_have_no_certificate():
    signs, weights = SIGN[None].astype(float), np.zeros((1, 4))
    decisions = np.full((1, 4), np.nan)
    _, gaps = _gaps(np.eye(4), signs, COST, weights, decisions, np.zeros(1), weights)
    assert gaps[0] == np.inf

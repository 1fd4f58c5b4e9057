"""The compiled search in the space of a kernel against plain NumPy."""

import numpy as np
import pytest
from kernel_cases import call
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from skextra._kernels import _active_rows as loops
from skextra._kernels import _gaussian


def case(n=9, seed=0):
    """Return (kernel, signs, costs), one row of which is not part of the problem."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    gram = np.exp(-0.5 * ((X[:, None] - X) ** 2).sum(axis=2))
    sign = rng.choice([-1.0, 1.0], n)
    sign[:3] = 1.0, -1.0, 0.0
    return gram, sign, rng.uniform(0.5, 2.0, n)


def search(gram, sign, cost, first, weights, decisions, b=0.0, accuracy=1e-20, most_steps=50):
    """Return what the compiled search returns; it writes into weights and decisions."""
    n = len(gram)
    memory = (np.empty(n, np.intp), np.empty(n * n, np.float32), np.empty(n, np.float32),
              np.empty((7, n)))  # fmt: skip
    args = gram, sign, cost, first, weights, decisions, b, accuracy, most_steps, *memory
    return call(loops.solve, args, [weights, decisions, *memory])


def objective(w, b, gram, sign, cost):
    violation = np.where(sign == 0, 0.0, np.maximum(0, 1 - sign * (gram @ w + b)))
    return 0.5 * w @ gram @ w + cost @ violation**2


@pytest.mark.parametrize("seed", range(3))
def test_a_search_ends_at_the_least_objective(seed):
    gram, sign, cost = case(seed=seed)
    weights, decisions = np.zeros((2, 9))
    b, steps, is_solved = search(gram, sign, cost, 9, weights, decisions)
    assert is_solved
    assert 1 <= steps < 20
    assert_allclose(decisions, gram @ weights + b, rtol=1e-12)
    assert_allclose(weights.sum(), 0, atol=1e-12)
    violation = np.where(sign == 0, 0.0, np.maximum(0, 1 - sign * decisions))
    assert_allclose(weights, 2 * cost * sign * violation, atol=1e-8)
    best = minimize(lambda v: objective(v[:-1], v[-1], gram, sign, cost), np.zeros(10), tol=1e-12)
    assert objective(weights, b, gram, sign, cost) <= best.fun + 1e-12


def test_a_search_goes_on_from_fewer_rows():
    gram, sign, cost = case()
    whole, decided = np.zeros((2, 9))
    expected, _, _ = search(gram, sign, cost, 9, whole, decided)
    weights, decisions = np.zeros((2, 9))
    b, _, _ = search(gram, sign, cost, 6, weights[:6], decisions[:6])
    assert not weights[6:].any()
    extended = decisions.copy()
    same, steps, is_solved = search(gram, sign, cost, 6, weights.copy(), extended, b, 1e-20, 0)
    assert (same, steps, is_solved) == (b, 0, False)
    assert_allclose(extended, gram @ weights + b, rtol=1e-12)
    b, _, is_solved = search(gram, sign, cost, 6, weights, decisions, b)
    assert is_solved
    assert_allclose(b, expected, rtol=1e-7)
    assert_allclose(weights, whole, atol=1e-7)


def test_rows_of_one_side_need_no_weights():
    gram, _, cost = case()
    weights, decisions = np.zeros((2, 9))
    b, _, _ = search(gram, np.ones(9), cost, 9, weights, decisions)
    assert_allclose(b, 1.0, atol=1e-6)
    assert_allclose(weights, 0.0, atol=1e-6)


def test_a_system_beyond_float32_is_given_up():
    gram, sign, _ = case(n=30)
    gram = 1.0 - 1e-9 * (1.0 - gram)
    weights, decisions = np.zeros((2, 30))
    _, steps, is_solved = search(gram, sign, np.full(30, 1e9), 30, weights, decisions)
    assert not is_solved
    assert steps <= 50


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_decisions_of_single_rows(dtype):
    rng = np.random.default_rng(0)
    X, landmarks = (rng.standard_normal((n, 3)).astype(dtype) for n in (2, 4))
    weights, decisions = rng.standard_normal((4, 2)), np.full((2, 2), 99.0)
    X.flags.writeable = landmarks.flags.writeable = False
    call(_gaussian.decide, (X, landmarks, 0.7, weights, decisions), [decisions])
    distances = ((X[:, None] - landmarks) ** 2).sum(axis=2, dtype=float)
    assert_allclose(decisions, np.exp(-0.7 * distances) @ weights, rtol=1e-6)
    assert_array_equal(decisions.shape, (2, 2))

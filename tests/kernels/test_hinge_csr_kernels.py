"""The compiled loops of the squared hinge on sparse rows against plain NumPy."""

from functools import partial

import numpy as np
import pytest
from kernel_cases import call
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skextra._common._csr import csr_arrays
from skextra._kernels import _hinge_csr as hinge

assert_close = partial(assert_allclose, rtol=1e-12, atol=1e-12)

WIDTHS = pytest.mark.parametrize("width", [1, 4])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def drawn_rows(dtype=np.float64):
    """Return a dense and the same sparse matrix, with rows of no, one and many entries."""
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((9, 12)) < 0.5, rng.standard_normal((9, 12)), 0).astype(dtype)
    dense[0], dense[1, :11] = 0, 0
    return dense.astype(float), csr_arrays(sparse.csr_array(dense))


NUMBERS = np.array([8, 0, 1, 3, 4, 7])


@WIDTHS
@DTYPES
def test_decisions_are_added(width, dtype):
    dense, rows = drawn_rows(dtype)
    weights = np.random.default_rng(1).standard_normal((12, width))
    decisions = np.ones((6, width))
    call(hinge.decide, (rows, NUMBERS, weights, decisions), [decisions])
    assert_close(decisions, 1 + dense[NUMBERS] @ weights)


@WIDTHS
@DTYPES
def test_pulls_are_added_to_the_weights(width, dtype):
    dense, rows = drawn_rows(dtype)
    pulls = np.random.default_rng(1).standard_normal((6, width))
    pulls[2] = 0
    weights = np.ones((12, width))
    call(hinge.pull, (rows, NUMBERS, pulls, weights), [weights])
    assert_close(weights, 1 + dense[NUMBERS].T @ pulls)


@WIDTHS
def test_the_normal_product_is_two_products(width):
    dense, rows = drawn_rows()
    rng = np.random.default_rng(1)
    point = rng.standard_normal((12, width)), rng.standard_normal(width)
    masses = rng.uniform(0, 2, (6, width))
    product = np.ones((12, width)), np.ones(width)
    call(hinge.multiply, (rows, NUMBERS, point, masses, product), product)
    pulls = masses * (dense[NUMBERS] @ point[0] + point[1])
    assert_close(product[0], 1 + dense[NUMBERS].T @ pulls)
    assert_close(product[1], 1 + pulls.sum(axis=0))


@DTYPES
def test_norms_are_squared(dtype):
    dense, rows = drawn_rows(dtype)
    out = np.full(9, 99.0)
    call(hinge.squared_norms, (rows, out), [out])
    assert_close(out, (dense**2).sum(axis=1))


@WIDTHS
def test_descent_gives_each_row_in_turn_the_best_dual_variables(width):
    dense, rows = drawn_rows()
    rng = np.random.default_rng(1)
    signs = rng.choice(np.array([-1, 1], np.int8), (6, width))
    signs[3, 0] = 0
    costs, unit = rng.uniform(0.5, 2, 6), 0.7
    curvatures = (dense[NUMBERS] ** 2).sum(axis=1) + unit
    dual = np.where(rng.random((6, width)) < 0.5, rng.uniform(0, 1, (6, width)), 0.0) * abs(signs)
    weights = dense[NUMBERS].T @ (dual * signs)
    intercepts = rng.standard_normal(width)
    order, slack = np.array([4, 0, 5, 3, 1]), np.full(width, 0.1)
    sums = tuple(np.full((3, width), 99.0))
    idle = np.zeros(6, bool)

    expected, w, b = dual.copy(), weights.copy(), intercepts.copy()
    gaps, losses, slopes = np.zeros((3, width))
    rests = np.zeros(6, bool)
    for t in order:
        x, sign, cost, before = dense[NUMBERS[t]], signs[t], costs[t], expected[t].copy()
        violation = 1 - sign * (x @ w + b)
        above = np.maximum(violation, 0) * abs(sign)
        gaps += cost * above**2 - before * violation + before**2 / (4 * cost)
        losses += cost * above**2
        curvature = curvatures[t] + 0.5 / cost
        after = np.maximum(before + (violation - before / (2 * cost)) / curvature, 0) * abs(sign)
        expected[t] = after
        slopes += abs(after - before) * curvature
        w += np.outer(x, sign * (after - before))
        b += unit * sign * (after - before)
        rests[t] = ((after == 0) & ((violation < -0.1) | (sign == 0))).all()

    problem, point = (signs, costs, curvatures, unit, slack), (weights, intercepts)
    args = rows, NUMBERS, order, problem, dual, point, sums, idle
    call(hinge.descend, args, [dual, *point, *sums, idle])
    assert_close(dual, expected)
    assert_close(weights, w)
    assert_close(intercepts, b)
    assert_close(sums, [gaps, losses, slopes])
    assert_array_equal(idle, rests)
    assert (dual[2] == expected[2]).all()  # not in the order

"""The compiled loops of the squared hinge against plain NumPy."""

from functools import partial

import numpy as np
from kernel_cases import call
from numpy.testing import assert_allclose, assert_array_equal

from skextra._kernels import _squared_hinge as hinge

assert_close = partial(assert_allclose, rtol=1e-12, atol=1e-12)


def drawn_problems():
    """Return (decisions, signs, costs, violations) with rows that are absent or just satisfied."""
    rng = np.random.default_rng(3)
    decisions = rng.standard_normal((7, 3)) * 1.5
    signs = rng.choice(np.array([-1, 1], np.int8), (7, 3))
    signs[0], signs[1, 2], signs[2, :2] = 0, 0, 0
    decisions[3], signs[3] = [1.0, -1.0, 4.0], [1, -1, 1]  # two of no violation, on the margin
    decisions[4, 1], signs[4, 1] = 1.0, 1
    violation = np.where(signs == 0, 0, np.maximum(1 - signs * decisions, 0))
    return decisions, signs, rng.uniform(0.5, 2, 7), violation


def test_residuals_are_the_derivatives_of_the_squared_hinge():
    decisions, signs, costs, violation = drawn_problems()
    pulls, (losses, masses) = np.full((7, 3), 99.0), np.full((2, 3), 99.0)
    used = violation[:, 0] == 0
    args = decisions, signs, costs, pulls, losses, masses, used
    call(hinge.residuals, args, [pulls, losses, masses, used])
    assert_close(pulls, 2 * costs[:, None] * signs * violation)
    assert_close(losses, costs @ violation**2)
    assert_close(masses, 2 * costs @ (violation > 0))
    assert_array_equal(used, (violation > 0).any(axis=1))


def test_slope_and_curvature_are_those_along_the_line():
    decisions, signs, costs, _ = drawn_problems()
    rng = np.random.default_rng(4)
    change, step = rng.standard_normal((7, 3)), np.array([0.5, 0.0, 1.25])
    slopes, curvatures = np.full((2, 3), 99.0)
    args = decisions, change, signs, costs, step, slopes, curvatures
    call(hinge.along, args, [slopes, curvatures])
    violation = np.where(signs == 0, 0, np.maximum(1 - signs * (decisions + step * change), 0))
    assert_close(slopes, costs @ (-2 * signs * violation * change))
    assert_close(curvatures, 2 * costs @ ((violation > 0) * change**2))


def test_least_margins_leave_out_the_problems_that_a_row_is_not_part_of():
    decisions, signs, _, _ = drawn_problems()
    margins = np.full(7, 99.0)
    call(hinge.least_margins, (decisions, signs, margins), [margins])
    assert_close(margins, np.where(signs == 0, 1e300, signs * decisions).min(axis=1))

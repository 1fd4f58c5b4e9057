"""The linear algebra of FeatureMapSVM."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skextra._svm._linear import QuickTriangle, solve_upper


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("order", [1, 3, 8, 61, 520])
def test_a_quick_triangle_solves_to_float32(order, transposed):
    rng = np.random.default_rng(order)
    factor = np.triu(rng.standard_normal((order, order))) / np.sqrt(order) + 2 * np.eye(order)
    right = rng.standard_normal((order, 3))
    solved = QuickTriangle(factor, 1).solve(right, transposed)
    assert_allclose(solved, solve_upper(factor, right, transposed), rtol=1e-4, atol=1e-5)
    assert_array_equal(QuickTriangle(factor, 2).solve(right, transposed), solved)

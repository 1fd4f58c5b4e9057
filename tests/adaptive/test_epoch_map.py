"""A whole epoch as one map of the weights, against rows that are presented one by one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skextra import LMSRegressor
from skextra._adaptive._epoch_map import EpochMap
from skextra._adaptive._rows import as_rows


def test_it_replaces_epochs_only_where_they_take_longer():
    wide, narrow = as_rows(np.ones((1000, 50)), 1.0), as_rows(np.ones((400, 10)), 1.0)
    assert EpochMap.worthwhile_after(wide, 1, 1000) == 51
    assert EpochMap.worthwhile_after(wide, 1, 100) is None
    assert EpochMap.worthwhile_after(narrow, 1, 1000) is None
    assert EpochMap.worthwhile_after(narrow, 10, 1000) == 11


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("variant", ["lms", "nlms"])
def test_a_fit_through_it_ends_where_rows_one_by_one_end(variant, average, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 4))
    y = X @ rng.standard_normal((4, 2)) + 1
    model = LMSRegressor(variant=variant, learning_rate=0.02, average=average, tol=None)
    expected = model.set_params(max_iter=80).fit(X, y)
    coef, curve = expected.coef_, expected.loss_curve_
    monkeypatch.setattr("skextra._adaptive._epoch_map._LEAST_WORK", 0)
    model.fit(X, y)
    assert not np.array_equal(model.coef_, coef)  # another order of rounding: it ran
    assert_allclose(model.coef_, coef, rtol=1e-11)
    assert_allclose(model.loss_curve_, curve, rtol=1e-9, atol=1e-14)

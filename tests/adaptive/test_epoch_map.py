"""A whole epoch as one map of the weights, against rows that are presented one by one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skextra import LMSRegressor
from skextra._adaptive._epoch_map import EpochMap, composed_epoch
from skextra._adaptive._gains import gains_of
from skextra._adaptive._inputs import Inputs
from skextra._adaptive._rows import FILE_ORDER, as_rows


def drawn(n, p, n_outputs, variant, weighted, shuffled, dtype):
    rng = np.random.default_rng([n, p])
    X = rng.standard_normal((n, p)).astype(dtype)
    targets = rng.standard_normal((n, n_outputs)).astype(dtype)
    weight = rng.uniform(0.5, 2.5, n) if weighted else None
    rows = as_rows(X, 1.0)
    order = rng.permutation(n) if shuffled else FILE_ORDER
    inputs = Inputs(variant, rows, rows.powers(), weight, order)
    return inputs, targets, gains_of(inputs, 0.05, targets, X.dtype)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("n, p, n_outputs", [(1, 1, 1), (64, 3, 2), (200, 5, 1)])
def test_it_takes_any_weights_where_the_epoch_takes_them(
    n, p, n_outputs, variant, weighted, shuffled, dtype, average
):
    inputs, targets, gains = drawn(n, p, n_outputs, variant, weighted, shuffled, dtype)
    rng = np.random.default_rng(1)
    origin, start = rng.standard_normal((2, n_outputs, p + 1))
    composed = composed_epoch(inputs, targets, gains, average, origin)
    _, last, added = inputs.rows.epoch(
        inputs.order, targets, gains, average, start.astype(dtype), start.astype(dtype)
    )
    tolerance = {"atol": 1e-11 if dtype == np.float64 else 1e-3}
    columns = np.vstack([start.T, np.eye(n_outputs)])
    assert_allclose(last.T, composed.map @ columns, **tolerance)
    assert_allclose(added.T, composed.mean_map @ columns, **tolerance)
    Z = np.c_[inputs.rows.matrix.astype(np.float64), np.ones(n)]
    weighted = np.broadcast_to(gains.weight, n)[:, None] * Z
    right = np.hstack([Z, targets.astype(np.float64) - Z @ origin.T])
    assert_allclose(composed.moments, weighted.T @ right, rtol=1e-9, atol=1e-12)


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

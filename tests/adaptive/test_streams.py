"""LMSRegressor and Adaline fed piece by piece: partial_fit, adapt and recursive least squares."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge

from skextra import Adaline, LMSRegressor, TappedDelayLine


def made(n=200):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 3))
    return X, X @ [1.0, -2.0, 3.0] + 1.0 + 0.1 * rng.standard_normal(n)


def test_chunks_are_one_pass():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)), rng.standard_normal((40, 2))
    for options in ({"average": True}, {"variant": "nlms"}, {"variant": "rls", "forgetting": 0.9}):
        model = LMSRegressor(max_iter=1, tol=None, **options)
        if model.variant != "rls":
            model.set_params(learning_rate=0.05)
        whole = clone(model).fit(X, y)
        parts = clone(model)
        for rows in (slice(0, 7), slice(7, 8), slice(8, 40)):
            parts.partial_fit(X[rows], y[rows])
        assert_allclose(parts.coef_, whole.coef_, rtol=1e-12)
        assert_allclose(parts.intercept_, whole.intercept_, rtol=1e-12)
        assert parts.n_iter_ == 3


@pytest.mark.parametrize("variant", ["lms", "nlms", "rls"])
@pytest.mark.parametrize("to_sparse", [False, True])
def test_adapt_returns_what_the_filter_put_out_before_each_step(variant, to_sparse):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 3)), rng.standard_normal((30, 2))
    data = sparse.csr_array(X) if to_sparse else X
    model = LMSRegressor(variant=variant, average=variant == "lms")
    model.partial_fit(X[:10], y[:10])
    step_by_step = pickle.loads(pickle.dumps(model))
    adapting = LMSRegressor(variant=variant).partial_fit(X[:10], y[:10])  # its weights: the last
    trace = model.adapt(data[10:], y[10:], return_path=True)
    assert_allclose(trace.error, y[10:] - trace.output, rtol=1e-12)
    for i in range(20):
        row = X[10 + i : 11 + i]
        assert_allclose(trace.output[i], adapting.predict(row)[0], atol=1e-12)
        for filter in (step_by_step, adapting):
            filter.partial_fit(row, y[10 + i : 11 + i])
        assert_allclose(trace.coef_path[i], adapting.coef_, atol=1e-12)
        assert_allclose(trace.intercept_path[i], adapting.intercept_, atol=1e-12)
    assert_allclose(model.coef_, step_by_step.coef_, rtol=1e-11)
    assert trace.to_frame().shape == (20, 4)


def test_rls_is_ridge_and_forgets_by_powers():
    X, y = load_diabetes(return_X_y=True)
    inputs = np.c_[X, np.ones(len(X))]
    model = LMSRegressor(variant="rls", delta=0.1).fit(X, y)
    ridge = Ridge(alpha=0.1, fit_intercept=False).fit(inputs, y)
    assert_allclose(np.append(model.coef_, model.intercept_), ridge.coef_, rtol=1e-8)
    forgetful = LMSRegressor(variant="rls", delta=0.1, forgetting=0.98).fit(X, y)
    age = np.arange(len(y))[::-1]
    gram = (inputs.T * 0.98**age) @ inputs + 0.1 * 0.98 ** len(y) * np.eye(11)
    expected = np.linalg.solve(gram, (inputs.T * 0.98**age) @ y)
    assert_allclose(np.append(forgetful.coef_, forgetful.intercept_), expected, rtol=1e-6)
    assert_allclose(forgetful.inverse_correlation_ @ gram, np.eye(11), atol=1e-6)


def a_sine_that_switches(dtype, n=200_000, after=200):
    """Return 16 taps of a sine that changes its frequency, and what a filter makes of them."""
    rng, t = np.random.default_rng(1), np.arange(n)
    x = np.where(t < n - after, np.sin(0.1 * t), np.sin(0.7 * t))
    y = x + 0.01 * rng.standard_normal(n)
    return TappedDelayLine(16).fit_transform(x[:, None].astype(dtype)), y.astype(dtype)


def test_rls_learns_nothing_from_the_rounding_of_float32():
    """A sine excites two directions; in the others only rounding is left after a while."""
    found = {}
    for dtype in (np.float64, np.float32):
        X, y = a_sine_that_switches(dtype)
        model = LMSRegressor(variant="rls", forgetting=0.9999, delta=0.01)
        left = rf"Only rounding errors \({X.dtype}\) are left of them"
        with pytest.warns(ConvergenceWarning, match=left):
            model.partial_fit(X[:-200], y[:-200])
        found[dtype] = model.coef_.copy()
        with pytest.warns(ConvergenceWarning, match="some directions were not excited"):
            errors = model.adapt(X[-200:], y[-200:]).error
        assert np.abs(errors).max() < (0.35 if dtype is np.float32 else 0.5)
    assert np.abs(found[np.float32]).max() < 1.2
    assert_allclose(found[np.float32], found[np.float64], atol=0.05)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("forgetting", [0.9, 0.98, 0.999])
def test_rls_that_has_lost_its_digits_says_so_and_stays_in_bounds(forgetting, dtype):
    X, y = a_sine_that_switches(dtype, n=50_000, after=0)
    model = LMSRegressor(variant="rls", forgetting=forgetting)
    with pytest.warns(ConvergenceWarning, match="the weights in these directions are kept"):
        model.fit(X, y)
    assert np.abs(model.coef_).max() < 3
    assert model.score(X[-1000:], y[-1000:]) > 0.999


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("size", [1, 3, 5, 700])
def test_chunks_are_one_pass_of_rls_where_rounding_is_kept_out(size, form):
    x = np.sin(0.1 * np.arange(2000))
    X = TappedDelayLine(4).fit_transform(x[:, None])
    y = X @ [1.0, 2.0, 3.0, 4.0] + 0.01 * np.random.default_rng(0).standard_normal(len(x))
    model = LMSRegressor(variant="rls", forgetting=0.98)
    with pytest.warns(ConvergenceWarning, match="some directions were not excited"):
        expected = clone(model).partial_fit(X, y)
    assert_allclose(expected.coef_, [1, 2, 3, 4], atol=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for first in range(0, len(x), size):
            part = slice(first, first + size)
            model.partial_fit(form(X[part]), y[part])
    assert_allclose(model.coef_, expected.coef_, rtol=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scales", [[1, 1e5, 1e-3], [1, 1, 1e-5], [1e8, 1, 1e-8]])
def test_rls_does_not_take_features_in_small_units_for_rounding(scales, dtype):
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((5000, 3))
    y = (Z @ [1, 2, 3] + 0.01 * rng.standard_normal(5000)).astype(dtype)
    model = LMSRegressor(variant="rls", forgetting=0.99, fit_intercept=False, delta=1e-20)
    assert_allclose(model.fit((Z * scales).astype(dtype), y).coef_ * scales, [1, 2, 3], atol=0.02)


@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_rls_takes_an_offset_for_no_lack_of_excitation(offset):
    X = np.random.default_rng(0).standard_normal((5000, 3))
    X[:, 1] += offset
    model = LMSRegressor(variant="rls", forgetting=0.99).fit(X, X @ [1, 2, 3])
    assert_allclose(model.coef_, [1, 2, 3], rtol=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_rls_in_float32_is_that_of_float64_where_the_rows_excite_all(scale):
    rng = np.random.default_rng(0)
    X = np.float32(scale * rng.standard_normal((3000, 5)) * [1, 1, 0.1, 0.01, 1e-3])
    y = np.float32(X @ np.arange(1.0, 6.0))
    for forgetting in (0.9, 0.99, 1.0):
        model = LMSRegressor(
            variant="rls", forgetting=forgetting, delta=1e-9 * scale**2, fit_intercept=False
        )
        expected = clone(model).fit(X.astype(float), y.astype(float)).coef_
        assert_allclose(model.fit(X, y).coef_, expected, rtol=1e-3)
        chunks = clone(model)
        for part in (slice(0, 7), slice(7, 2000), slice(2000, 3000)):
            chunks.partial_fit(X[part], y[part])
        assert_allclose(chunks.coef_, model.coef_, rtol=1e-4)


@pytest.mark.parametrize("forgetting", [1.0, 0.999])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_a_delta_that_outweighs_the_rows_is_told(fit_intercept, forgetting):
    X, y = made()
    X, y = X * 1e-6, (y - y.mean()) * 1e-6
    model = LMSRegressor(variant="rls", fit_intercept=fit_intercept, forgetting=forgetting)
    with pytest.warns(ConvergenceWarning, match="delta=0.01 outweighs 3 of 3 features"):
        model.fit(X, y)
    assert np.abs(model.coef_).max() < 1e-3
    assert_allclose(model.set_params(delta=1e-14).fit(X, y).coef_, [1, -2, 3], atol=0.1)


def test_divergence_in_a_stream_is_told_and_undone():
    X, y = made()
    for method in ("partial_fit", "adapt"):
        model = LMSRegressor(learning_rate=0.05).partial_fit(X, y)
        before = model.coef_
        model.set_params(learning_rate=1e10)
        with pytest.warns(ConvergenceWarning, match="diverges.*those before this call"):
            getattr(model, method)(X, y)
        assert_array_equal(model.coef_, before)
        largest = 1e6 * (X**2).sum(axis=1).max() + 1
        with pytest.warns(ConvergenceWarning, match=rf"these rows .* = {2 / largest:.4g} is safe"):
            getattr(model, method)(1000 * X, y)


@pytest.mark.parametrize("variant", ["lms", "nlms", "rls"])
@pytest.mark.parametrize("before", [True, False])
def test_fit_intercept_cannot_change_in_a_stream(variant, before):
    X, y = made()
    model = LMSRegressor(variant=variant, fit_intercept=before, max_iter=3, tol=None).fit(X, y)
    model.set_params(fit_intercept=not before, warm_start=True)
    state = pickle.dumps(vars(model))
    for attempt in (model.partial_fit, model.adapt, model.fit):
        with pytest.raises(ValueError, match="fit_intercept"):
            attempt(X, y)
        assert pickle.dumps(vars(model)) == state
    assert model.set_params(warm_start=False).fit(X, y).coef_.shape == (3,)


def test_variants_take_over_from_each_other():
    X, y = made()
    model = LMSRegressor(max_iter=3, tol=None)
    for variant in ("nlms", "rls", "lms", "rls", "nlms", "lms"):
        model.set_params(variant=variant).partial_fit(X, y)
        alone = LMSRegressor(variant=variant).partial_fit(X, y)
        assert hasattr(model, "learning_rate_") == (variant != "rls")
        assert hasattr(model, "inverse_correlation_") == (variant == "rls")
        if variant != "rls":
            assert model.learning_rate_ == alone.learning_rate_
            assert model.stability_ == alone.stability_
        assert_allclose(model.coef_, [1, -2, 3], atol=0.1)


def test_averaging_begins_where_it_is_switched_on():
    X, y = made()
    for first in (True, False):
        model = LMSRegressor(learning_rate=0.02, average=first).partial_fit(X, y)
        adapting = LMSRegressor(learning_rate=0.02).partial_fit(X, y)  # its weights: the last
        for average in (not first, first, not first):
            model.set_params(average=average).partial_fit(X, y)
            steps = adapting.adapt(X, y, return_path=True).coef_path
            expected = steps.mean(axis=0) if average else steps[-1]
            assert_allclose(model.coef_, expected, rtol=1e-11)


@pytest.mark.parametrize("method", ["partial_fit", "adapt"])
@pytest.mark.parametrize("variant", ["lms", "nlms"])
def test_a_stream_that_grows_without_overflow_is_told(method, variant):
    X, y = made()
    model = LMSRegressor(variant=variant, learning_rate=0.8 if variant == "lms" else 2.3)
    present = getattr(model, method)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        for _ in range(4):
            present(X, y)
    assert record[0].category is ConvergenceWarning
    assert "diverges" in str(record[0].message)
    assert "is now" in str(record[0].message)
    assert record[0].filename == __file__
    assert np.isfinite(model.coef_).all()
    assert np.abs(model.coef_).max() > 1e3


def test_a_safe_stream_is_never_warned_of():
    X, y = made()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LMSRegressor().partial_fit(X * 1e-3, y * 1e9)
        for scale in (1e-3, 0.0, 1.0, 1e3, 1e-3):
            model.partial_fit(X * scale, y)
            assert model.learning_rate_ * np.square(X * scale).sum(axis=1).max() < 2


def test_automatic_rate_of_a_stream_is_lowered_by_larger_rows_only():
    X, y = made()
    model = LMSRegressor(fit_intercept=False).partial_fit(np.zeros((5, 3)), np.zeros(5))
    assert_array_equal(model.coef_, 0.0)
    rates = [
        model.partial_fit(scale * X, y).learning_rate_ for scale in (1.0, 0.01, 1.0, 100.0, 1.0)
    ]
    assert rates[0] == rates[1] == rates[2] > rates[3] == rates[4]
    model.set_params(learning_rate=0.01).partial_fit(X, y)
    assert model.learning_rate_ == 0.01
    model.set_params(learning_rate="auto").partial_fit(X, y)
    assert model.learning_rate_ == rates[3]  # the large rows are not forgotten


def test_forgetting_raised_to_a_huge_weight_underflows_in_peace():
    X, y = made()
    weight = np.full(len(y), 1e6)
    for forgetting in (0.5, 0.999):
        model = LMSRegressor(variant="rls", forgetting=forgetting)
        with pytest.warns(ConvergenceWarning, match="some directions were not excited"):
            model.fit(X, y, sample_weight=weight)
        assert_allclose(model.predict(X[-1:]), y[-1:], rtol=1e-6)


@pytest.mark.parametrize("forgetting", [1.0, 0.99, 1 - 1e-10])
def test_rls_with_hardly_any_weight_is_rls_without_the_row(forgetting):
    X, y = made()
    model = LMSRegressor(variant="rls", forgetting=forgetting)
    without = model.fit(X[1:], y[1:]).coef_
    for tiny in (1e-12, 1e-17, 1e-300, 5e-324):
        weight = np.append(tiny, np.ones(len(X) - 1))
        assert_allclose(model.fit(X, y, sample_weight=weight).coef_, without, rtol=1e-7)


def test_rls_without_excitation_is_told_and_stays_finite():
    rng = np.random.default_rng(0)
    quiet = np.zeros((20_000, 3))
    quiet[:, 0] = 1.0
    X, y = made()
    model = LMSRegressor(variant="rls", forgetting=0.9, fit_intercept=False)
    with pytest.warns(ConvergenceWarning, match="not excited.*has reached its limit") as record:
        trace = model.adapt(quiet, 2.0 + 0.01 * rng.standard_normal(len(quiet)))
    assert record[0].filename == __file__
    assert np.abs(trace.error[100:]).max() < 0.2
    assert np.linalg.eigvalsh(model.inverse_correlation_).min() > 0
    model.partial_fit(X, y - 1.0)
    assert_allclose(model.coef_, [1, -2, 3], atol=0.3)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_rls_on_hard_data_is_ridge(scale):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4)) @ np.diag([1.0, 1e-2, 1e-4, 1e-5]) * scale
    X[:, 1] += X[:, 0]
    y = X @ np.ones(4) / scale
    delta = 1e-14 * scale**2
    model = LMSRegressor(variant="rls", delta=delta, fit_intercept=False).fit(X, y)
    assert_allclose(model.coef_ * scale, np.ones(4), rtol=1e-2)
    inverse = model.inverse_correlation_
    assert_array_equal(inverse, inverse.T)
    assert_allclose(inverse @ (X.T @ X + delta * np.eye(4)), np.eye(4), atol=1e-3)


def test_inverse_correlation_is_of_rls_alone():
    X, y = made()
    with pytest.raises(AttributeError, match="variant='lms'"):
        getattr(LMSRegressor().fit(X, y), "inverse_correlation_")  # noqa: B009
    assert not hasattr(LMSRegressor(variant="rls"), "inverse_correlation_")


def test_adaline_streams_are_checked_alike():
    X, y = made()
    model = Adaline(learning_rate=0.01).partial_fit(X, y > 0, classes=[False, True])
    with pytest.raises(ValueError, match="fit_intercept"):
        model.set_params(fit_intercept=False).partial_fit(X, y > 0)
    model.set_params(fit_intercept=True, learning_rate=1.0)
    for _ in range(3):
        with pytest.warns(ConvergenceWarning, match="Adaline diverges"):
            model.partial_fit(X, y > 0)

"""LMSRegressor and Adaline on rows of any size: silence, tails, units far from one."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skextra import Adaline, LMSRegressor, TappedDelayLine, lms_stability

WEIGHTS = np.array([1.0, -2.0, 0.5, 3.0])
SCALES = [
    (np.float32, 1e-36),
    (np.float32, 1e-30),
    (np.float32, 1e-20),
    (np.float32, 1e-10),
    (np.float32, 1e15),
    (np.float32, 1e19),
    (np.float64, 1e-150),
    (np.float64, 1e-20),
    (np.float64, 1e150),
]


def drawn(dtype, scale, n=80):
    """Return rows and their exact outputs."""
    X = np.random.default_rng(0).standard_normal((n, 4)) * scale
    return X.astype(dtype), (X @ WEIGHTS).astype(dtype)


def fitted(how, X, y, **settings):
    filter = LMSRegressor(variant="nlms", fit_intercept=False, **settings)
    if how == "fit":
        return filter.set_params(max_iter=5, tol=None).fit(X, y)
    for _ in range(5):
        getattr(filter, how)(X, y)
    return filter


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("how", ["fit", "partial_fit", "adapt"])
@pytest.mark.parametrize("dtype, scale", SCALES)
def test_nlms_learns_the_same_weights_at_every_scale(dtype, scale, how, form, average):
    X, y = drawn(dtype, scale)
    expected = fitted(how, *drawn(np.float64, 1.0), average=average).coef_
    learnt = fitted(how, form(X), y, average=average).coef_
    assert learnt.dtype == dtype
    tolerance = 2e-5 if dtype == np.float32 else 1e-10
    assert_allclose(learnt, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype, scale", [(np.float32, 1e19), (np.float64, 1e150)])
def test_the_bias_does_not_disturb_nlms_on_large_rows(dtype, scale):
    X, y = drawn(dtype, scale)
    filter = LMSRegressor(variant="nlms", max_iter=200, tol=None).fit(X, y)
    assert_allclose(filter.coef_, WEIGHTS, rtol=1e-4)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype, scale", [*SCALES[1:6], SCALES[6], SCALES[8]])
def test_adaline_decides_alike_at_every_scale(dtype, scale, form):
    X, y = drawn(np.float64, 1.0)
    adaline = Adaline(variant="nlms", fit_intercept=False, shuffle=False)
    expected = adaline.fit(X, y > 0)
    outputs, loss = expected.decision_function(X), expected.loss_curve_
    adaline.fit(form((X * scale).astype(dtype)), y > 0)
    tolerance = 1e-4 if dtype == np.float32 else 1e-8
    assert_allclose(adaline.loss_curve_, loss, rtol=tolerance)
    assert_allclose(adaline.coef_ * scale @ X.T, outputs[None], atol=tolerance)


@pytest.mark.parametrize("scale", [1e-30, 1e19])
def test_lms_in_float32_takes_the_rate_that_its_rows_need(scale):
    X, y = drawn(np.float32, scale)
    filter = LMSRegressor(fit_intercept=False, max_iter=300, tol=None).fit(X, y)
    assert_allclose(filter.coef_, WEIGHTS, rtol=1e-4)


@pytest.mark.parametrize("silence", [3_000, 8_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", ["partial_fit", "adapt"])
def test_a_decaying_tail_keeps_the_weights(how, dtype, silence):
    """Rows that shrink to denormal numbers, and then to zero, teach nothing wrong."""
    rng = np.random.default_rng(0)
    noise, x = np.append(rng.standard_normal(500), np.zeros(silence)), np.zeros(500 + silence)
    for t in range(len(x)):
        x[t] = 0.9 * x[t - 1] + noise[t]
    X = TappedDelayLine(4).fit_transform(x[:, None].astype(dtype))
    y = (X.astype(np.float64) @ WEIGHTS).astype(dtype)
    filter = LMSRegressor(variant="nlms", learning_rate=0.5, fit_intercept=False)
    getattr(filter, how)(X[:500], y[:500])
    assert_allclose(filter.coef_, WEIGHTS, rtol=0.05)
    getattr(filter, how)(X[500:], y[500:])
    assert_allclose(filter.coef_, WEIGHTS, rtol=0.05)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_silence_makes_no_step(form):
    X, y = drawn(np.float64, 1.0)
    filter = fitted("partial_fit", X, y)
    before = filter.coef_.copy()
    silence = form(np.zeros((10, 4)))
    filter.partial_fit(silence, np.ones(10))
    filter.adapt(silence, np.ones(10))
    assert_array_equal(filter.coef_, before)


def test_a_silent_start_does_not_spoil_the_rows_after_it():
    X, y = drawn(np.float64, 1.0)
    expected = fitted("adapt", X, y).coef_
    silent = np.r_[np.zeros((1, 4)), X], np.r_[1.0, y]
    filter = LMSRegressor(variant="nlms", fit_intercept=False).adapt(*silent)
    assert np.isfinite(filter.output).all()
    assert_allclose(fitted("adapt", *silent).coef_, expected, rtol=1e-3)


def test_sample_weights_repeat_faint_rows():
    X, y = drawn(np.float64, 1e-200)
    repeats = np.arange(80) % 3 + 1
    once = LMSRegressor(variant="nlms", fit_intercept=False)
    weighted = once.partial_fit(X, y, sample_weight=repeats).coef_.copy()
    again = LMSRegressor(variant="nlms", fit_intercept=False)
    again.partial_fit(np.repeat(X, repeats, axis=0), np.repeat(y, repeats))
    assert_allclose(weighted, again.coef_, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1e20])
def test_the_stability_of_nlms_does_not_depend_on_scale(scale):
    X, _ = drawn(np.float64, 1.0)
    expected = lms_stability(X, 1.5, variant="nlms", fit_intercept=False)
    found = lms_stability(X * scale, 1.5, variant="nlms", fit_intercept=False)
    assert_allclose(found.lambda_max, expected.lambda_max, rtol=1e-9)
    assert_allclose(found.spectral_radius, expected.spectral_radius, rtol=1e-9)
    assert_allclose(found.critical_rate, expected.critical_rate, rtol=1e-6)


def test_what_cannot_be_computed_is_refused_by_name():
    X, y = drawn(np.float64, 1e-200)
    with pytest.raises(ValueError, match=r"y goes up to .*e-199, the square of which underflows"):
        LMSRegressor(variant="nlms", fit_intercept=False).fit(X, y)
    with pytest.raises(ValueError, match="learning_rate='auto' overflows; scale the features"):
        LMSRegressor(fit_intercept=False).fit(X, np.ones(80))


def test_weights_beyond_float32_are_not_blamed_on_a_safe_rate():
    X, _ = drawn(np.float32, 1e-20)
    y = np.full(80, 1e30, np.float32)
    for how in ("fit", "partial_fit"):
        filter = LMSRegressor(variant="nlms", fit_intercept=False)
        with pytest.warns(
            ConvergenceWarning, match="float32 holds: scale X and y or pass"
        ) as seen:
            getattr(filter, how)(X, y)
        assert "diverge" not in str(seen[0].message).lower()
        assert np.isfinite(filter.coef_).all()


@pytest.mark.parametrize("rate", [0.5, 1.9, 2.5])
def test_no_message_calls_one_rate_both_safe_and_divergent(rate):
    X, y = drawn(np.float32, 1e10, n=20)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        filter = LMSRegressor(variant="nlms", learning_rate=rate, fit_intercept=False)
        for _ in range(40):
            filter.partial_fit(X, y)
    assert all(issubclass(warning.category, ConvergenceWarning) for warning in seen)
    assert any("diverges" in str(warning.message) for warning in seen) == (rate > 2)


@pytest.mark.parametrize("variant", ["lms", "nlms"])
def test_squared_norms_near_the_largest_float_give_the_weights_of_unit_scale(variant):
    X = np.random.default_rng(0).standard_normal((60, 3))
    y = X @ [1.0, -2.0, 0.5]
    filter = LMSRegressor(variant=variant, fit_intercept=False, max_iter=20, tol=None)
    expected = filter.fit(X, y).coef_
    scale = 2.0**508  # the largest squared norm is half of the largest float
    assert_allclose(filter.fit(X * scale, y).coef_ * scale, expected, rtol=1e-12)

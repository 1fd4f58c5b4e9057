"""The bounds on the learning rate, against closed forms and trial runs."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.sparse.linalg import ArpackNoConvergence
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skextra import LMSRegressor, lms_stability
from skextra._adaptive._stability import _EpochProduct


def made(n=60, p=3):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, p)) * np.arange(1, p + 1)


def with_bias(X):
    return np.c_[X, np.ones(len(X))]


@pytest.mark.parametrize("shape", [(60, 3), (500, 100), (20, 100)])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_bounds_are_those_of_the_correlation_matrix(shape, container):
    X = made(*shape)
    weight = np.random.default_rng(1).random(shape[0])
    stability = lms_stability(container(X), 1e-6, sample_weight=weight)
    moment = (with_bias(X).T * weight) @ with_bias(X) / weight.sum()
    assert_allclose(stability.mean_bound, 2 / np.linalg.eigvalsh(moment)[-1], rtol=1e-3)
    assert_allclose(stability.mean_square_bound, 2 / np.trace(moment), rtol=1e-12)
    powers = (with_bias(X) ** 2).sum(axis=1)
    assert_allclose(stability.guaranteed_bound, 2 / powers.max(), rtol=1e-12)
    m = 1e-6 * np.trace(moment)
    assert_allclose(stability.misadjustment, m / (2 - m), rtol=1e-12)
    assert lms_stability(X, 1e9).misadjustment == np.inf


def spectral_radius(X, rate):
    product = np.eye(X.shape[1])
    for x in X:
        product = product - rate * np.outer(x, x @ product)
    return np.abs(np.linalg.eigvals(product)).max()


def test_critical_rate_is_where_the_epoch_matrix_reaches_radius_one():
    X = made()
    stability = lms_stability(X, 0.01)
    assert_allclose(stability.spectral_radius, spectral_radius(with_bias(X), 0.01), rtol=1e-10)
    assert spectral_radius(with_bias(X), stability.critical_rate * (1 - 1e-5)) < 1
    assert spectral_radius(with_bias(X), stability.critical_rate * (1 + 1e-5)) > 1
    assert stability.guaranteed_bound <= stability.critical_rate


def test_directions_without_data_do_not_count():
    X = np.c_[made(), np.zeros(60), made()[:, :1]]
    padded = lms_stability(X, 0.01, fit_intercept=False)
    # A doubled feature is one feature of sqrt(2) times the size.
    alone = lms_stability(made() * [2**0.5, 1, 1], 0.01, fit_intercept=False)
    assert_allclose(padded.spectral_radius, alone.spectral_radius, rtol=1e-9)
    assert_allclose(padded.critical_rate, alone.critical_rate, rtol=1e-6)


def test_rows_without_power_have_no_bounds():
    for p in (2, 100):
        stability = lms_stability(np.zeros((3, p)), fit_intercept=False)
        assert stability.mean_bound == stability.guaranteed_bound == np.inf
        assert stability.misadjustment == 0.0
        assert not stability.is_unstable


@pytest.mark.parametrize("name", ["moments_of_all", "estimated_eigenvalue", "_EpochProduct"])
@pytest.mark.parametrize("variant", ["lms", "nlms"])
def test_a_spectrum_that_cannot_be_had_does_not_stop_a_fit(name, variant, monkeypatch):
    def fail(*args, **kwargs):
        raise np.linalg.LinAlgError

    monkeypatch.setattr(f"skextra._adaptive._stability.{name}", fail)
    model = LMSRegressor(variant=variant, learning_rate=3.0, max_iter=3)
    with pytest.warns(ConvergenceWarning, match="diverged|has grown"):
        stability = model.fit(made(), made()[:, 0]).stability_
    if name != "estimated_eigenvalue":
        assert stability.critical_rate is None
    X = made(200, 100)
    stability = LMSRegressor(max_iter=2, tol=None).fit(X, X[:, 0]).stability_
    assert np.isnan(stability.mean_bound) == (name == "estimated_eigenvalue")


def test_a_spectrum_that_lanczos_does_not_find_leaves_the_other_bounds(monkeypatch):
    def fail(*args, **kwargs):
        raise ArpackNoConvergence("no", [], [])

    monkeypatch.setattr("skextra._adaptive._stability.largest_eigenvalue", fail)
    stability = lms_stability(sparse.csr_array(made()))
    assert np.isnan(stability.mean_bound)
    assert "nan" in stability.describe_bounds()
    assert stability.guaranteed_bound == lms_stability(made()).guaranteed_bound


@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "n, p, scale, rtol",
    [(60, 3, 1.0, 1e-5), (40_000, 3, 1.0, 0.05), (500, 100, 1.0, 0.2), (500, 100, 1e30, 0.2)],
)
def test_a_fit_estimates_the_strongest_direction(n, p, scale, rtol, container, dtype, variant):
    X = (made(n, p) * scale).astype(dtype)
    rate = 1e-7 / scale**2 if variant == "lms" else 0.1
    model = LMSRegressor(variant=variant, learning_rate=rate, tol=None, max_iter=1)
    found = model.fit(container(X), made(n, p)[:, 0].astype(dtype)).stability_
    exact = lms_stability(X.astype(np.float64), variant=variant)
    assert_allclose(found.lambda_max, exact.lambda_max, rtol=rtol)
    assert_allclose(found.trace, exact.trace, rtol=1e-5)
    assert_allclose(found.guaranteed_bound, exact.guaranteed_bound, rtol=1e-5)


def test_an_estimate_starts_from_any_rows():
    X = np.r_[np.eye(100), -np.eye(100)] * np.arange(1, 101)  # whose mean is zero
    stability = LMSRegressor(fit_intercept=False, max_iter=1, tol=None).fit(X, X[:, 0]).stability_
    assert_allclose(stability.lambda_max, 100.0, rtol=0.1)


@pytest.mark.parametrize("period, p", [(2, 8), (3, 8), (2, 80)])
def test_an_estimate_sees_all_kinds_of_rows_that_take_turns(period, p):
    X = np.random.default_rng(0).standard_normal((60_000, p))
    X[::period] *= 1e-3
    y = X @ np.arange(1.0, p + 1)
    model = LMSRegressor(fit_intercept=False).fit(X, y)
    exact = lms_stability(X, learning_rate=0.1, fit_intercept=False).lambda_max
    assert 0.6 * exact < model.stability_.lambda_max < 1.2 * exact
    assert model.n_iter_ < 30


@pytest.mark.parametrize("place", range(120, 126))
def test_an_estimate_lies_between_mean_and_sum_of_the_eigenvalues(place):
    X = np.zeros((50_000, 4))
    X[place] = 1000.0  # a row that the estimate sees or not
    model = LMSRegressor(fit_intercept=False, learning_rate=1e-9, max_iter=1, tol=None)
    stability = model.fit(X, X[:, 0]).stability_
    assert stability.trace / 4 <= stability.lambda_max <= stability.trace


def test_orthogonal_rows_diverge_at_the_guaranteed_bound():
    stability = lms_stability(np.eye(3), 0.5, fit_intercept=False)
    assert_allclose(stability.critical_rate, 2.0, rtol=1e-5)
    assert_allclose(stability.spectral_radius, 0.5)


def test_predicted_misadjustment_is_measured():
    rng = np.random.default_rng(0)
    n, p = 200_000, 5
    X = rng.standard_normal((n, p))
    y = X @ np.ones(p) + 0.1 * rng.standard_normal(n)
    model = LMSRegressor(learning_rate=0.02, fit_intercept=False)
    excess = np.mean(model.adapt(X, y).error[1000:] ** 2) / 0.01 - 1
    assert_allclose(excess, model.stability_.misadjustment, rtol=0.1)


def test_only_a_fit_in_doubt_takes_the_trouble_of_the_exact_limit(monkeypatch):
    X, rates = made(), []
    bounds = lms_stability(X)
    radius = _EpochProduct.radius

    def counted(self, rate):
        rates.append(rate)
        return radius(self, rate)

    monkeypatch.setattr(_EpochProduct, "radius", counted)
    model = LMSRegressor(tol=None, max_iter=30)
    for rate in ("auto", bounds.guaranteed_bound):
        safe = clone(model).set_params(learning_rate=rate).fit(X, X[:, 0])
        assert safe.stability_.critical_rate is safe.stability_.spectral_radius is None
        assert "2/lambda_max" in safe.stability_.describe_bounds()
    safe._repr_html_()
    assert not rates
    rate = (bounds.guaranteed_bound + bounds.critical_rate) / 2
    stable = clone(model).set_params(learning_rate=rate).fit(X, X[:, 0]).stability_
    assert stable.spectral_radius < 1
    assert stable.critical_rate is None
    assert rates == [rate]
    with pytest.warns(ConvergenceWarning, match="exact limit for this order of the rows"):
        unstable = clone(model).set_params(learning_rate=rate * 2).fit(X, X[:, 0]).stability_
    assert_allclose(unstable.critical_rate, bounds.critical_rate, rtol=1e-6)
    X = load_digits().data
    with pytest.warns(ConvergenceWarning, match="diverged"):
        large = clone(model).set_params(learning_rate=1.0).fit(X, X[:, 10]).stability_
    assert large.spectral_radius is large.critical_rate is None
    assert lms_stability(X[:200, :30]).critical_rate > 0


def test_a_loaded_model_has_the_exact_limit_that_its_fit_has_found():
    X = made()
    with pytest.warns(ConvergenceWarning, match="exact limit"):
        model = LMSRegressor(learning_rate=1.0).fit(X, X[:, 0])
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.stability_ == model.stability_
    assert_allclose(loaded.stability_.critical_rate, lms_stability(X).critical_rate, rtol=1e-6)


def test_automatic_rate_never_diverges():
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1.0, 1e3):
        for X in (
            rng.standard_normal((50, 4)) * scale,
            rng.standard_cauchy((50, 4)) * scale,
            rng.random((50, 4)) * scale + 10 * scale,
        ):
            assert lms_stability(X).spectral_radius < 1 + 1e-9
            assert lms_stability(X, variant="nlms").spectral_radius < 1 + 1e-9


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="variant='rls' has no learning rate"):
        lms_stability(made(), variant="rls")
    with pytest.raises(ValueError, match="learning_rate='fast'"):
        lms_stability(made(), "fast")
    for rate in (-1.0, 0.0, np.nan, np.inf, None):
        with pytest.raises(ValueError, match=r"learning_rate=.*finite number above 0"):
            lms_stability(made(), rate)


@pytest.mark.parametrize("rate", [0.645, 0.66, 0.68])
def test_no_exact_limit_lies_above_a_rate_that_diverges(rate):
    """These rows are unstable from .6416 to .6805, and stable again up to .9433."""
    X = np.random.default_rng(16).standard_normal((5, 3))
    y = X @ [1.0, 2.0, 3.0]
    stability = lms_stability(X, rate, fit_intercept=False)
    assert stability.is_unstable
    assert_allclose(stability.critical_rate, 0.64165, atol=1e-4)
    below, above = stability.critical_rate * np.array([1 - 1e-4, 1 + 1e-4])
    assert spectral_radius(X, below) < 1 < spectral_radius(X, above)
    with pytest.warns(ConvergenceWarning, match=r"exact limit for this order .* = 0\.6417"):
        LMSRegressor(learning_rate=rate, fit_intercept=False).fit(X, y)


def test_a_tiny_rate_whose_radius_rounds_to_above_one_is_no_limit():
    for seed in range(20):
        stability = lms_stability(np.random.default_rng(seed).standard_normal((30, 3)), 1e-17)
        assert stability.critical_rate >= stability.guaranteed_bound
        assert not stability.is_unstable


@pytest.mark.parametrize("dtype, scale", [(np.float32, 1e-20), (np.float32, 1e19), (float, 1e100)])
@pytest.mark.parametrize("p", [4, 80])
def test_bounds_at_a_given_rate_hold_for_rows_whose_squares_are_beyond_their_dtype(
    dtype, scale, p
):
    X = (np.random.default_rng(0).standard_normal((30, p)) * scale).astype(dtype)
    rate = 0.1 / scale / scale / p if dtype is float else 1e-10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of the float32 rows of 1e19
        lms = LMSRegressor(learning_rate=rate, max_iter=2, tol=None).fit(X, X[:, 0])
    powers = 1.0 + np.square(X.astype(float)).sum(axis=1)
    assert_allclose(lms.stability_.max_power, powers.max(), rtol=1e-6)
    assert_allclose(lms.stability_.trace, powers.mean(), rtol=1e-6)


@pytest.mark.parametrize("p", [4, 80])
@pytest.mark.parametrize("average", [False, True])
def test_a_fit_that_measures_its_rows_while_it_adapts_is_one_that_measures_them_before(p, average):
    X = np.random.default_rng(0).standard_normal((90, p))
    lms = LMSRegressor(learning_rate=1e-3, max_iter=3, tol=None, average=average)
    measuring = clone(lms).fit(X, X[:, 0])
    before = clone(lms).fit(X, X[:, 0], sample_weight=np.ones(90))
    assert_allclose(measuring.coef_, before.coef_, rtol=1e-12)
    assert_allclose(measuring.loss_curve_, before.loss_curve_, rtol=1e-12)
    assert_allclose(measuring.stability_.trace, before.stability_.trace, rtol=1e-12)
    assert measuring.stability_.max_power == pytest.approx(before.stability_.max_power)


def test_squares_that_overflow_are_refused_at_a_given_rate_too():
    with pytest.raises(ValueError, match="overflow, alone or times sample_weight; scale the"):
        LMSRegressor(learning_rate=0.1).fit([[1e200], [2.0]], [1.0, 2.0])

"""The bounds on the learning rate, against closed forms and trial runs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.sparse.linalg import ArpackNoConvergence
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skextra import LMSRegressor, lms_stability


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


@pytest.mark.parametrize("failure", [ArpackNoConvergence("no", [], []), np.linalg.LinAlgError()])
def test_a_spectrum_that_cannot_be_had_does_not_stop_a_fit(failure, monkeypatch):
    def fail(*args, **kwargs):
        raise failure

    monkeypatch.setattr("skextra._adaptive._stability._largest_eigenvalue", fail)
    monkeypatch.setattr("skextra._adaptive._stability._EpochProduct", fail)
    if isinstance(failure, np.linalg.LinAlgError):
        assert LMSRegressor().fit(made(), made()[:, 0]).stability_.critical_rate is None
    stability = measure_wide()
    assert np.isnan(stability.mean_bound)
    assert "nan" in stability.describe_bounds()


def measure_wide():
    X = made(200, 100)
    return LMSRegressor(max_iter=2, tol=None).fit(X, X[:, 0]).stability_


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


def test_fit_says_the_exact_limit_where_the_data_are_small():
    X = made()
    assert LMSRegressor().fit(X, X[:, 0]).stability_.critical_rate is not None
    X = load_digits().data
    stability = LMSRegressor(max_iter=1, tol=None).fit(X, X[:, 10]).stability_
    assert stability.critical_rate is None
    assert "2/lambda_max" in stability.describe_bounds()
    assert lms_stability(X[:200, :30]).critical_rate > 0


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

"""Fits that stop far from the least squares say so; fits that come near do not."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skextra import Adaline, LMSRegressor

FAR = "stopped by tol=.* far from the least-squares solution"
SLOW = LMSRegressor(tol=1e-6, max_iter=100_000)


def standardised(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("load, at_most", [(load_wine, 0.7), (load_breast_cancer, 0.87)])
def test_adaline_on_unscaled_data_warns(load, at_most, variant, form, dtype):
    X, y = load(return_X_y=True)
    adaline = Adaline(variant=variant, random_state=0)
    with pytest.warns(ConvergenceWarning, match=FAR) as seen:
        adaline.fit(form(X.astype(dtype)), y)
    assert adaline.score(X, y) < at_most
    message = str(seen[0].message)
    assert "eigenvalues of the correlation matrix of X have a ratio of" in message
    assert ("MaxAbsScaler" if form is sparse.csr_array else "StandardScaler") in message


@pytest.mark.parametrize("variant", ["lms", "nlms"])
def test_the_warning_names_ratio_gap_and_remedy(variant):
    X, y = load_wine(return_X_y=True)
    model = LMSRegressor(variant=variant, tol=1e-6, max_iter=100_000, average=False)
    with pytest.warns(ConvergenceWarning, match=FAR) as seen:
        model.fit(X, y)
    assert model.score(X, y) < 0
    inputs = np.c_[X, np.ones(len(X))]
    values = np.linalg.eigvalsh(inputs.T @ inputs)
    residuals = y - inputs @ np.linalg.lstsq(inputs, y, rcond=None)[0]
    message = str(seen[0].message)
    assert f"is {model.loss_curve_[-1]:.4g}, and {np.mean(residuals**2):.4g} can be" in message
    assert f"have a ratio of {values[-1] / values[0]:.2g}" in message
    assert "use variant='rls' or 'wiener'." in message


@pytest.mark.parametrize("weight", [None, "ones", "mixed"])
@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("settings", [{}, {"tol": 1e-6}, {"average": True}, {"shuffle": True}])
@pytest.mark.parametrize(
    "load", [load_wine, load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud]
)
def test_standardised_data_raise_no_false_alarm(load, settings, variant, weight):
    X, y = standardised(load)
    if weight is not None:
        weight = np.linspace(1.0 if weight == "ones" else 0.2, 1.0, len(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*did not converge in max_iter")
        model = LMSRegressor(variant=variant, **settings, random_state=0)
        model.fit(X, y.astype(float), sample_weight=weight)
        if load not in (load_diabetes, load_linnerud):
            Adaline(variant=variant, random_state=0).fit(X, y, sample_weight=weight)


def test_sorted_rows_settle_elsewhere_and_the_warning_says_so():
    X, y = load_wine(return_X_y=True)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    with pytest.warns(ConvergenceWarning, match="settled elsewhere.*use shuffle=True") as seen:
        settled = LMSRegressor(average=False).fit(X, y)
    assert "use average=True" in str(seen[0].message)
    assert settled.score(X, y) < 0.6
    assert LMSRegressor(shuffle=True, random_state=0).fit(X, y).score(X, y) > 0.85


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_wide_data_warn_by_what_a_few_steps_gain(dtype, form):
    X, y = load_breast_cancer(return_X_y=True)
    X = PolynomialFeatures(2, include_bias=False).fit_transform(X)[:, :100]
    with pytest.warns(ConvergenceWarning, match=FAR):
        Adaline(random_state=0).fit(form(X.astype(dtype)), y)
    X = StandardScaler().fit_transform(X).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Adaline(random_state=0).fit(form(X), y)


def test_wide_data_without_a_bias_warn_too():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1000, 80)) * np.logspace(-3, 0, 80)
    y = X @ (rng.standard_normal(80) / np.logspace(-3, 0, 80))
    with pytest.warns(ConvergenceWarning, match=FAR):
        LMSRegressor(fit_intercept=False, tol=1e-3).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LMSRegressor(fit_intercept=False, tol=1e-3).fit(X / np.logspace(-3, 0, 80), y)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_exact_outputs_raise_no_alarm_at_any_precision(offset):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3))
    for dtype in (np.float64, np.float32):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            LMSRegressor().fit(X.astype(dtype), (X @ [1, 2, 3] + offset).astype(dtype))
            LMSRegressor().fit(X.astype(dtype), np.full(200, offset, dtype))


def test_a_rate_too_small_for_tol_is_told():
    X, y = standardised(load_diabetes)
    with pytest.warns(ConvergenceWarning, match=FAR + ".*raise learning_rate"):
        LMSRegressor(learning_rate=1e-5, tol=1e-2).fit(X, y)


def test_what_was_asked_for_is_not_warned_of():
    X, y = load_wine(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LMSRegressor(tol=None, max_iter=20).fit(X, y)  # a lab wants these epochs
        LMSRegressor().fit(X[:10], y[:10])  # fewer rows than weights fit anything
        LMSRegressor().partial_fit(X, y)


def noisy(n=300, p=4):
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((n, p))
    return Z, Z @ rng.standard_normal(p) + 0.1 * rng.standard_normal(n)


@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("units", [1e-6, 1e-8, 1e-20, [1e8, 1, 1, 1], [1, 1e-9, 1, 1e-3]])
def test_units_however_far_apart_hide_no_shortfall(units, variant):
    Z, y = noisy()
    with pytest.warns(ConvergenceWarning, match=FAR) as seen:
        model = LMSRegressor(variant=variant, tol=1e-3).fit(Z * units, y)
    inputs = np.c_[Z, np.ones(len(Z))]
    least = np.mean((y - inputs @ np.linalg.lstsq(inputs, y, rcond=None)[0]) ** 2)
    assert f"is {model.loss_curve_[-1]:.4g}, and {least:.4g} can be" in str(seen[0].message)


@pytest.mark.parametrize("n, p", [(3000, 100), (300, 400)])
def test_one_large_column_among_many_hides_no_shortfall(n, p):
    Z, y = noisy(n, p)
    Z[:, 0] *= 1e6
    with pytest.warns(ConvergenceWarning, match=FAR):
        LMSRegressor().fit(Z, y)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("scale", [1e78, 1e100, 1e-100])
def test_huge_and_tiny_units_raise_no_false_alarm(scale, form):
    X = np.random.default_rng(0).standard_normal((200, 5)) * scale
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LMSRegressor(variant="nlms", fit_intercept=False).fit(form(X), X @ np.arange(1, 6.0))


def test_a_faint_row_hides_no_shortfall():
    Z, y = noisy()
    X = np.vstack([Z * [1e5, 1, 1, 1], np.full((1, 4), 1e-160)])
    with pytest.warns(ConvergenceWarning, match=FAR):
        LMSRegressor(variant="nlms", fit_intercept=False, tol=1e-3).fit(X, np.append(y, 0))

"""Properties that the mathematics promises, on data that hypothesis makes up."""

import numpy as np
import pytest
from ecosystem_cases import ESTIMATORS, WEIGHTED, new, outputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import is_clusterer, is_regressor

from skextra import Adaline, FeatureMapSVM, KMeansPP, LMSRegressor, Madaline, TappedDelayLine

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:n_components=:UserWarning"),
]
QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
# Numbers on a grid, so that no sum is so close to a tie that its rounding decides.
GRID = st.integers(-32, 32).map(lambda k: k / 16)
EVERY = [name for name in ESTIMATORS if name != "CNNClassifier"]
# Whose results do not depend on the order of the rows, whatever the data.
ORDERLESS = {
    "Adaline": Adaline(max_iter=5, tol=None, random_state=0),
    "KMeansPP": KMeansPP(2, random_state=0),
    "Madaline": Madaline(2, max_iter=3, n_init=1, random_state=0),
    "FeatureMapSVM": FeatureMapSVM(random_state=0),
    "wiener": LMSRegressor(variant="wiener"),
    "shuffled": LMSRegressor(shuffle=True, max_iter=5, tol=None, random_state=0),
}


@st.composite
def problems(draw, least=8):
    """Return X and y: two classes or more, and distinct rows."""
    n, p = draw(st.integers(least, 16)), draw(st.integers(1, 4))
    X = draw(arrays(np.float64, (n, p), elements=GRID))
    y = np.arange(n) % draw(st.integers(2, 3))
    return X, y


def fit(model, X, y, **weights):
    return model.fit(X, *(() if is_clusterer(model) else (y,)), **weights)


def close(one, other, rows, tolerance=1e-7):
    """Assert that two estimators say the same of some rows, but for rounding."""
    for method, values in outputs(one, rows).items():
        if method != "predict" or is_regressor(one):
            again = outputs(other, rows)[method]
            size = np.abs(values).max(initial=1.0)
            assert_allclose(values, again, rtol=0, atol=tolerance * size, err_msg=method)


@pytest.mark.parametrize("name", ORDERLESS)
@QUICK
@given(problem=problems(), seed=st.integers(0, 99))
def test_the_order_of_the_rows_is_immaterial(name, problem, seed):
    X, y = problem
    order = np.random.default_rng(seed).permutation(len(X))
    model = ORDERLESS[name]
    one = fit(type(model)(**model.get_params()), X, y)
    other = fit(type(model)(**model.get_params()), X[order], y[order])
    close(one, other, X, 1e-6)


@pytest.mark.parametrize("name", [name for name in WEIGHTED if name != "CNNClassifier"])
@QUICK
@given(problem=problems(), data=st.data())
def test_weights_are_repetitions(name, problem, data):
    X, y = problem
    weight = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(X), max_size=len(X))))
    repeats = np.repeat(np.arange(len(X)), weight)
    one = fit(new(name), X, y, sample_weight=weight.astype(float))
    other = fit(new(name), X[repeats], y[repeats])
    close(one, other, X, 1e-6)


@pytest.mark.parametrize("name", ["LMSRegressor", "Adaline", "FeatureMapSVM"])
@QUICK
@given(problem=problems())
def test_sparse_is_dense(name, problem):
    X, y = problem
    one, other = fit(new(name), X, y), fit(new(name), sparse.csr_array(X), y)
    close(one, other, X, 1e-6)


@QUICK
@given(seed=st.integers(0, 10**6), shape=st.tuples(st.integers(8, 40), st.integers(1, 6)))
def test_sparse_clusters_are_dense_ones(seed, shape):
    X = np.random.default_rng(seed).normal(size=shape)  # on a grid, ties might go either way
    X *= np.random.default_rng(seed).random(shape) < 0.7
    one = KMeansPP(3, init=X[:3], tol=0).fit(X)
    other = KMeansPP(3, init=X[:3], tol=0).fit(sparse.csr_array(X))
    assert_allclose(other.cluster_centers_, one.cluster_centers_, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(one.labels_, other.labels_)


@pytest.mark.parametrize("name", EVERY)
@QUICK
@given(problem=problems())
def test_fits_are_idempotent_and_keep_the_dtype(name, problem):
    X, y = problem
    model = fit(new(name), X, y)
    first = outputs(model, X)
    again = outputs(fit(model, X, y), X)
    for method, values in first.items():
        np.testing.assert_array_equal(values, again[method])
    single = fit(new(name), X.astype(np.float32), y)
    for attribute in ("coef_", "cluster_centers_"):
        if hasattr(single, attribute):
            assert getattr(single, attribute).dtype == np.float32
    if hasattr(single, "transform"):
        assert single.transform(X.astype(np.float32)).dtype == np.float32


@QUICK
@given(problem=problems(), shift=st.integers(-8, 8), exponent=st.integers(-20, 20))
def test_clusters_move_and_grow_with_the_data(problem, shift, exponent):
    X, _ = problem
    scale = 2.0**exponent
    start = X[:2]
    one = KMeansPP(2, init=start, tol=0).fit(X)
    other = KMeansPP(2, init=scale * (start + shift), tol=0).fit(scale * (X + shift))
    assert_allclose(other.inertia_, scale**2 * one.inertia_, rtol=1e-6, atol=1e-12 * scale**2)
    centers = scale * (one.cluster_centers_ + shift)
    assert_allclose(other.cluster_centers_, centers, rtol=1e-9, atol=1e-9 * scale)


@QUICK
@given(problem=problems(), shift=st.integers(-8, 8), exponent=st.integers(-20, 20))
def test_least_squares_follow_shifts_and_scales(problem, shift, exponent):
    X, y = problem
    scale = 2.0**exponent
    one = LMSRegressor(variant="wiener").fit(X, y).predict(X)
    other = LMSRegressor(variant="wiener").fit(scale * (X + shift), y)
    assert_allclose(other.predict(scale * (X + shift)), one, atol=1e-6)


@QUICK
@given(problem=problems(), shift=st.integers(-8, 8))
def test_margins_follow_shifts(problem, shift):
    X, y = problem
    one = FeatureMapSVM("identity").fit(X, y).decision_function(X)
    other = FeatureMapSVM("identity").fit(X + shift, y).decision_function(X + shift)
    assert_allclose(one, other, atol=1e-6 * np.abs(one).max(initial=1.0))


@pytest.mark.parametrize("variant", ["lms", "nlms", "rls"])
@QUICK
@given(problem=problems(), cut=st.integers(1, 7))
def test_chunks_are_one_pass(variant, problem, cut):
    X, y = problem
    rate = {} if variant == "rls" else {"learning_rate": 0.01}
    stream = LMSRegressor(variant=variant, **rate)
    stream.partial_fit(X[:cut], y[:cut]).partial_fit(X[cut:], y[cut:])
    whole = LMSRegressor(variant=variant, **rate).partial_fit(X, y)
    assert_allclose(stream.coef_, whole.coef_, rtol=1e-9, atol=1e-12)
    line = TappedDelayLine(3)
    assert line.fit_transform(X).shape == (len(X), 3 * X.shape[1])

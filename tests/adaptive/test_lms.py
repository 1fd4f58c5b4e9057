"""LMSRegressor against plain loops, closed forms and its own promises."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.sparse.linalg import lsmr
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error
from sklearn.preprocessing import StandardScaler

from skextra import Adaline, LMSRegressor, lms_stability


def naive_lms(X, y, rate, epochs, *, normalised=False, intercept=True, weight=None):
    """Return (weights after each presentation, loss after each epoch), by the textbook."""
    inputs = np.c_[X, np.ones(len(X))] if intercept else X
    counts = np.ones(len(X), int) if weight is None else weight
    w = np.zeros(inputs.shape[1])
    path, losses = [], []
    for _ in range(epochs):
        for x, d, count in zip(inputs, y, counts, strict=True):
            for _ in range(count):
                step = rate / (x @ x) if normalised else rate
                w = w + step * (d - w @ x) * x
                path.append(w)
        losses.append(np.average((y - inputs @ w) ** 2, weights=counts))
    return np.array(path), np.array(losses)


def weights_of(model):
    return np.append(model.coef_, model.intercept_) if model.fit_intercept else model.coef_


@pytest.fixture(params=[(1, 1), (2, 3), (51, 7), (50, 70)], ids=str)
def made(request):
    n, p = request.param
    rng = np.random.default_rng(p)
    X = rng.standard_normal((n, p))
    return X, X @ rng.standard_normal(p) + 1 + 0.1 * rng.standard_normal(n)


@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("epochs", [1, 3, 60])
def test_every_weight_and_loss_is_the_textbooks(made, variant, intercept, weighted, epochs):
    X, y = made
    weight = np.random.default_rng(0).integers(1, 4, len(y)) if weighted else None
    options = {"variant": variant, "fit_intercept": intercept, "tol": None, "max_iter": epochs}
    path, losses = naive_lms(
        X, y, 0.02, epochs, normalised=variant == "nlms", intercept=intercept, weight=weight
    )
    model = LMSRegressor(learning_rate=0.02, **options).fit(X, y, sample_weight=weight)
    assert_allclose(weights_of(model), path[-1], rtol=1e-12, atol=1e-13)
    assert_allclose(model.loss_curve_, losses, rtol=1e-11, atol=1e-13 * losses[0])
    assert model.n_iter_ == epochs
    mean = LMSRegressor(learning_rate=0.02, average=True, **options)
    mean.fit(X, y, sample_weight=weight)
    assert_allclose(weights_of(mean), path.mean(axis=0), rtol=1e-11, atol=1e-13)


def test_epoch_map_is_in_use_and_changes_nothing(monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    X, y = np.tile(X, (5, 1)), np.tile(y, 5)
    fast = LMSRegressor(learning_rate=0.1, tol=None, max_iter=60, average=True).fit(X, y)
    monkeypatch.setattr(
        "skextra._adaptive._epochs.EpochMap.worthwhile_after", staticmethod(lambda *_: None)
    )
    slow = LMSRegressor(learning_rate=0.1, tol=None, max_iter=60, average=True).fit(X, y)
    assert not np.array_equal(fast.coef_, slow.coef_)  # another order of rounding: it ran
    assert_allclose(fast.coef_, slow.coef_, rtol=1e-12)
    assert_allclose(fast.loss_curve_, slow.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("variant", ["lms", "nlms", "rls", "wiener"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_is_dense(variant, dtype):
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((60, 20)) * (rng.random((60, 20)) < 0.3)).astype(dtype)
    y = rng.standard_normal((60, 2)).astype(dtype)
    weight = rng.random(60) * 3
    model = LMSRegressor(variant=variant, tol=None, max_iter=5, average=True, shuffle=True)
    model.set_params(random_state=0)
    dense = clone(model).fit(X, y, sample_weight=weight)
    for indices in (np.int32, np.int64):
        A = sparse.csr_array(X)
        A.indices, A.indptr = A.indices.astype(indices), A.indptr.astype(indices)
        other = clone(model).fit(A, y, sample_weight=weight)
        tolerance = 1e-12 if dtype == np.float64 else 2e-5
        assert_allclose(other.coef_, dense.coef_, rtol=tolerance, atol=tolerance)
        assert_allclose(other.loss_curve_, dense.loss_curve_, rtol=tolerance)
        assert_allclose(other.predict(A), dense.predict(X), rtol=tolerance, atol=tolerance)
        assert other.coef_.dtype == dense.coef_.dtype == dense.predict(X).dtype == dtype


def test_repeated_sparse_entries_count_as_their_sum():
    A = sparse.csr_array((np.array([1.0, 2.0, 1.0]), [0, 0, 1], [0, 2, 3]), shape=(2, 2))
    assert not A.has_canonical_format
    split = LMSRegressor(variant="nlms", max_iter=3, tol=None).fit(A, [1.0, 2.0])
    whole = LMSRegressor(variant="nlms", max_iter=3, tol=None).fit(A.toarray(), [1.0, 2.0])
    assert_allclose(split.coef_, whole.coef_, rtol=1e-12)
    assert A.nnz == 3


def test_weight_is_repetition_whatever_the_variant():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((30, 4)), rng.standard_normal(30)
    weight = rng.integers(0, 5, 30)
    for options in (
        {"variant": "lms"},
        {"variant": "lms", "learning_rate": 0.22},  # overshoots: rate |x|^2 > 2 on some rows
        {"variant": "nlms", "average": True},
        {"variant": "rls", "forgetting": 0.95},
        {"variant": "wiener"},
        {"variant": "lms", "shuffle": True, "random_state": 3, "average": True},
    ):
        model = LMSRegressor(tol=None, max_iter=2, **options)
        weighted = clone(model).fit(X, y, sample_weight=weight)
        repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
        assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-9, atol=1e-12)
        assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_wiener_is_least_squares_and_lms_tends_to_it():
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    wiener = LMSRegressor(variant="wiener").fit(X, y)
    exact = LinearRegression().fit(X, y)
    assert_allclose(wiener.coef_, exact.coef_, rtol=1e-9)
    assert_allclose(wiener.loss_curve_, [mean_squared_error(y, exact.predict(X))])
    slow = LMSRegressor(learning_rate=1e-4, tol=None, max_iter=50_000).fit(X, y)
    assert_allclose(slow.predict(X), wiener.predict(X), atol=1.0)  # of a spread of 77


def test_average_removes_misadjustment_on_diabetes():
    X, y = load_diabetes(return_X_y=True)
    best = LinearRegression().fit(X, y).score(X, y)
    last = LMSRegressor(average=False).fit(X, y).score(X, y)
    mean = LMSRegressor(average=True).fit(X, y).score(X, y)
    assert last < mean < best
    assert best - mean < 0.4 * (best - last)


@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("epochs", [1, 3])
def test_a_fit_that_chooses_its_rate_averages_its_last_epoch(made, variant, epochs):
    X, y = made
    model = LMSRegressor(variant=variant, tol=None, max_iter=epochs).fit(X, y)
    path, _ = naive_lms(X, y, model.learning_rate_, epochs, normalised=variant == "nlms")
    assert_allclose(weights_of(model), path[-len(y) :].mean(axis=0), rtol=1e-11, atol=1e-13)
    given = clone(model).set_params(learning_rate=model.learning_rate_).fit(X, y)
    assert_allclose(weights_of(given), path[-1], rtol=1e-11, atol=1e-13)
    assert_array_equal(clone(given).set_params(average=False).fit(X, y).coef_, given.coef_)


def test_a_stream_publishes_its_newest_weights_and_goes_on_from_those_of_a_fit():
    X, y = lab()
    stream = LMSRegressor().partial_fit(X, y)
    path, _ = naive_lms(X, y, stream.learning_rate_, 1)
    assert_allclose(weights_of(stream), path[-1], rtol=1e-11)
    fitted = LMSRegressor().fit(X, y)
    x, error = np.append(X[0], 1.0), y[0] - fitted.predict(X[:1])[0]
    expected = weights_of(fitted) + fitted.learning_rate_ * error * x
    fitted.adapt(X[:1], y[:1])
    assert_allclose(weights_of(fitted), expected, rtol=1e-12)


def test_a_default_fit_comes_within_a_thousandth_of_least_squares():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40_000, 10))
    y = X @ rng.standard_normal(10) + rng.standard_normal(40_000)
    train, test = slice(0, 20_000), slice(20_000, None)
    best = LinearRegression().fit(X[train], y[train]).score(X[test], y[test])
    assert LMSRegressor().fit(X[train], y[train]).score(X[test], y[test]) > best - 0.001


def lab():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 2))
    return X, 1 + X @ [1, -2] + 0.01 * rng.standard_normal(100)


@pytest.mark.parametrize("tol", [None, 1e-5])
def test_divergence_is_told_and_leaves_finite_weights(tol):
    X, y = lab()
    with pytest.warns(ConvergenceWarning, match="learning_rate=1; .*2/max") as record:
        model = LMSRegressor(learning_rate=1.0, max_iter=50, tol=tol).fit(X, y)
    assert record[0].filename == __file__
    assert np.isfinite(model.coef_).all()
    assert model.loss_curve_[-1] > 1e6 * np.mean(y**2)
    assert np.isinf(model.loss_curve_[-1]) == (tol is None)
    assert model.n_iter_ == len(model.loss_curve_) < 50


def test_a_slow_divergence_does_not_pass_for_convergence():
    X, y = lab()
    critical = lms_stability(X).critical_rate
    model = LMSRegressor(learning_rate=critical * 1.01, max_iter=100_000)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LMSRegressor(learning_rate=critical * 0.99, max_iter=100_000).fit(X, y)


@pytest.mark.parametrize("tol", [None, 1e-3])
@pytest.mark.parametrize("model", [LMSRegressor(), Adaline()], ids=str)
@pytest.mark.parametrize("excess", [1e-5, 1e-4])
def test_a_rate_just_too_large_is_told_whatever_the_curve_says(model, tol, excess):
    X, y = lab()
    y = y > 1 if isinstance(model, Adaline) else y
    model = clone(model).set_params(tol=tol, max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning, match="exact limit for this order of the rows"):
        diverged = clone(model).set_params(learning_rate=1.0).fit(X, y)
    critical = diverged.stability_.critical_rate  # for the order of the rows, which is random
    with pytest.warns(ConvergenceWarning, match="diverges with.*multiplies the slowest error"):
        clone(model).set_params(learning_rate=critical * (1 + excess)).fit(X, y)


def test_growth_is_not_called_slow_convergence():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1000, 40)), rng.standard_normal(1000)
    model = LMSRegressor(learning_rate=0.046, max_iter=4)
    with pytest.warns(ConvergenceWarning, match="has grown from.*Lower learning_rate"):
        model.fit(X, y)
    assert model.stability_.spectral_radius is None


@pytest.mark.parametrize("variant", ["lms", "nlms"])
def test_a_rate_too_small_to_learn_anything_is_told(variant):
    X, y = lab()
    with pytest.warns(ConvergenceWarning, match="under one time constant"):
        LMSRegressor(variant=variant, learning_rate=1e-9).fit(X, y)
    model = LMSRegressor(fit_intercept=False)
    tiny, usual = clone(model).fit(X * 1e-4, y), clone(model).fit(X, y)
    assert_allclose(tiny.coef_ * 1e-4, usual.coef_, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_loss_of_the_epoch_map_is_exact_for_nearly_collinear_features(dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 5))
    X[:, 4] = X[:, 0] + 1e-7 * rng.standard_normal(400)
    X = X.astype(dtype)
    y = X[:, 0] + 0.5 + 0.01 * rng.standard_normal(400).astype(dtype)
    model = LMSRegressor(learning_rate=0.01, tol=None, max_iter=300).fit(X, y)
    direct = np.mean((y - model.predict(X)) ** 2, dtype=np.float64)
    assert_allclose(model.loss_curve_[-1], direct, rtol=1e-9 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("dense_entries", [0, 4_000_000])
def test_sparse_wiener_has_the_least_norm_too(dense_entries, monkeypatch):
    monkeypatch.setattr("skextra._adaptive._wiener._DENSE_ENTRIES", dense_entries)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 6)) * np.array([1, 2, 3, 4, 5, 6])
    X[:, 5] = X[:, 0] + X[:, 1]
    y = rng.standard_normal((20, 2))
    for rows in (slice(None), slice(0, 4)):
        dense = LMSRegressor(variant="wiener").fit(X[rows], y[rows])
        other = LMSRegressor(variant="wiener").fit(sparse.csr_array(X[rows]), y[rows])
        assert_allclose(other.coef_, dense.coef_, rtol=1e-9, atol=1e-12)
        assert_allclose(other.intercept_, dense.intercept_, rtol=1e-9)


def test_sparse_wiener_that_stops_short_says_so(monkeypatch):
    monkeypatch.setattr("skextra._adaptive._wiener._DENSE_ENTRIES", 0)
    monkeypatch.setattr(
        "skextra._adaptive._wiener.lsmr", lambda *args, **options: lsmr(*args, maxiter=2)
    )
    X, y = load_diabetes(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="stopped after 2 .*MaxAbsScaler") as record:
        LMSRegressor(variant="wiener").fit(sparse.csr_array(X), y)
    assert record[0].filename == __file__


def test_divergence_is_told_though_all_epochs_were_asked_for_and_none_overflowed():
    X, y = lab()
    with pytest.warns(ConvergenceWarning, match="diverged at epoch 3"):
        model = LMSRegressor(learning_rate=1.0, max_iter=3, tol=None).fit(X, y)
    assert model.n_iter_ == 3
    assert 1e6 < model.loss_curve_[-1] < np.inf


def test_too_few_epochs_are_told():
    X, y = load_diabetes(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs.*StandardScaler"):
        LMSRegressor(max_iter=3).fit(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("model", [LMSRegressor(), LMSRegressor(learning_rate=0.01), Adaline()])
@pytest.mark.parametrize("variant", ["lms", "nlms"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("row", [0, 99])
def test_a_value_that_is_not_finite_is_refused_wherever_it_is(
    value, model, variant, form, dtype, row
):
    X, y = lab()
    X, y = X.astype(dtype), y > 1
    X[row, 1] = value
    model, what = clone(model).set_params(variant=variant), "NaN|infinity"
    with pytest.raises(ValueError, match=f"Input X contains ({what})"):
        model.fit(form(X), y)
    weight = np.arange(100) != row  # a row of weight 0 is refused too
    with pytest.raises(ValueError, match=f"Input X contains ({what})"):
        model.fit(form(X), y, sample_weight=weight)
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_input_changes_nothing(value):
    X, y = lab()
    model = LMSRegressor().fit(X, y)
    before = pickle.dumps(vars(model))
    bad = np.c_[X, X]
    bad[3, 1] = value
    for attempt, message in (
        (lambda: model.fit(bad, y), "NaN|infinity"),
        (lambda: model.fit(X, bad[:, 1]), "NaN|infinity"),
        (lambda: model.fit(np.c_[X, X], y, coef_init=[1.0, 2.0]), "coef_init has shape"),
        (lambda: model.fit(X, y, intercept_init=value), "intercept_init contains NaN"),
        (lambda: model.fit(X, y, sample_weight=-np.ones(100)), "[Nn]egative"),
        (lambda: model.partial_fit(bad[:, :2], y), "NaN|infinity"),
        (lambda: model.partial_fit(X, np.c_[y, y]), "y has shape"),
        (lambda: model.adapt(X[:, :1], y), "1 feature"),
        (lambda: model.fit(X.astype(np.float32), y * 1e300), "beyond the range of float32"),
    ):
        with pytest.raises(ValueError, match=message):
            attempt()
        assert pickle.dumps(vars(model)) == before


@pytest.mark.parametrize(
    ("parameter", "values"),
    {
        "variant": ["LMS", None],
        "learning_rate": [0, -1, "best", np.inf, np.nan, None, True],
        "forgetting": [0, 1.5, "1", np.nan],
        "delta": [0, -1.0, np.inf, np.nan],
        "max_iter": [0, 2.5],
        "tol": [-1, "1", np.nan],
        "shuffle": ["once", 2],
        "average": ["yes"],
    }.items(),
)
def test_errors_name_the_parameter(parameter, values):
    for value in values:
        with pytest.raises((ValueError, TypeError), match=parameter):
            LMSRegressor(**{parameter: value}).fit([[1.0], [2.0]], [1.0, 2.0])


def test_wiener_cannot_adapt():
    model = LMSRegressor(variant="wiener")
    assert not hasattr(model, "partial_fit")
    assert not hasattr(model, "adapt")
    with pytest.raises(ValueError, match="initial weights"):
        model.fit([[1.0], [2.0]], [1.0, 2.0], coef_init=[1.0])


def test_warm_start_and_initial_weights_continue():
    X, y = lab()
    whole = LMSRegressor(learning_rate=0.01, tol=None, max_iter=6).fit(X, y)
    warm = LMSRegressor(learning_rate=0.01, tol=None, max_iter=3, warm_start=True)
    warm.fit(X, y)
    given = LMSRegressor(learning_rate=0.01, tol=None, max_iter=3)
    given.fit(X, y, coef_init=warm.coef_, intercept_init=warm.intercept_)
    warm.fit(X, y)
    assert_allclose(warm.coef_, whole.coef_, rtol=1e-12)
    assert_allclose(given.coef_, whole.coef_, rtol=1e-12)


def test_shuffle_does_not_see_the_order_of_the_file():
    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    model = LMSRegressor(shuffle=True, random_state=0, tol=None, max_iter=3)
    one = clone(model).fit(X, y)
    other = clone(model).fit(X[order], y[order])
    assert_allclose(one.coef_, other.coef_, rtol=1e-12)
    different = clone(model).set_params(random_state=1).fit(X, y)
    assert not np.allclose(one.coef_, different.coef_, rtol=1e-6)


def test_memory_layout_does_not_matter():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 6)), rng.standard_normal(40)
    expected = LMSRegressor(tol=None, max_iter=3).fit(X, y).coef_
    wide = np.zeros((80, 12))
    wide[::2, ::2] = X
    rows = np.zeros((40, 9))
    rows[:, 2:8] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    for layout in (
        np.asfortranarray(X),
        wide[::2, ::2],
        rows[:, 2:8],
        X[::-1].copy()[::-1],
        frozen,
    ):
        assert_allclose(layout, X)
        model = LMSRegressor(tol=None, max_iter=3).fit(layout, y)
        assert_array_equal(model.coef_, expected)


@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1e8, 1e150])
def test_scaling_the_data_scales_the_weights(scale):
    X, y = lab()
    model = LMSRegressor(fit_intercept=False, variant="nlms", tol=None, max_iter=5)
    reference = clone(model).fit(X, y)
    scaled = clone(model).fit(X * scale, y)
    assert_allclose(scaled.coef_ * scale, reference.coef_, rtol=1e-9)


def test_squares_that_overflow_are_refused_in_words():
    with pytest.raises(
        ValueError, match="overflow, alone or times sample_weight; scale the features"
    ):
        LMSRegressor().fit([[1e200], [2.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match="overflow, alone or times sample_weight"):
        LMSRegressor().fit(sparse.csr_array([[1e200], [2.0]]), [1.0, 2.0])


@pytest.mark.parametrize("variant", ["lms", "nlms", "rls", "wiener"])
def test_degenerate_data(variant):
    model = LMSRegressor(variant=variant, max_iter=20_000)
    assert_allclose(clone(model).fit([[0.0]], [3.0]).predict([[0.0]]), [3.0], rtol=2e-2)
    for p in (2, 100):
        flat = clone(model).set_params(fit_intercept=False).fit(np.zeros((4, p)), np.ones(4))
        assert_array_equal(flat.coef_, np.zeros(p))
    assert_allclose(clone(model).fit([[2.0], [2.0]], [1.0, 1.0]).predict([[2.0]]), 1.0, rtol=2e-2)
    silent = clone(model).fit([[1.0], [2.0]], [0.0, 0.0])
    assert_array_equal(silent.coef_, [0.0])


def test_skops_round_trip():
    io = pytest.importorskip("skops.io")
    X, y = lab()
    model = LMSRegressor().fit(X, y)
    blob = io.dumps(model)
    restored = io.loads(blob, trusted=io.get_untrusted_types(data=blob))
    assert_array_equal(restored.predict(X), model.predict(X))
    assert restored.stability_ == model.stability_

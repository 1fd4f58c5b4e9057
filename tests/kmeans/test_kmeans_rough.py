"""KMeansPP(refine='rough'): a fast search, and one iteration on all data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skextra import KMeansPP
from skextra._kmeans._coreset import coreset
from skextra._kmeans._data import rows_of
from skextra._kmeans._local_rows import LocalRows
from skextra._kmeans._sample import rough_size


def rough(k, **options):
    return KMeansPP(k, refine="rough", random_state=0, **options)


def grouped(n, d, k, dtype=np.float64, seed=0):
    return make_blobs(n, d, centers=k, random_state=seed)[0].astype(dtype)


def squares(X, centers):
    X, centers = np.asarray(X, np.float64), np.asarray(centers, np.float64)
    return np.square(X[:, None] - centers).sum(axis=2)


@pytest.mark.parametrize("n, d, k", [(300, 1, 3), (40, 2, 3), (900, 2, 8), (6000, 3, 8)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_and_inertia_are_those_of_the_centers(n, d, k, dtype, weighted):
    X = grouped(n, d, 20, dtype)
    weight = np.random.default_rng(0).uniform(0, 2, n).round(1) if weighted else None
    model = rough(k).fit(X, sample_weight=weight)
    distances = squares(X, model.cluster_centers_)
    assert_array_equal(model.labels_, distances.argmin(axis=1))
    assert_array_equal(model.labels_, model.predict(X))
    assert_allclose(
        model.inertia_,
        np.average(distances.min(axis=1), weights=weight)
        * (n if weight is None else weight.sum()),
    )


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_many_features_and_sparse_data_are_labelled_exactly(kind):
    X = np.abs(grouped(4000, 90, 30))
    X[X < 4] = 0
    model = rough(12).fit(kind(X))
    distances = squares(X, model.cluster_centers_)
    assert_array_equal(model.labels_, distances.argmin(axis=1))
    assert_allclose(model.inertia_, distances.min(axis=1).sum())
    assert model.inertia_ < 1.1 * KMeansPP(12, random_state=0).fit(X).inertia_


def test_all_data_are_passed_over_twice(monkeypatch):
    passes = []
    assign = LocalRows.assign
    monkeypatch.setattr(
        LocalRows, "assign", lambda rows, *a, **o: passes.append(rows.n) or assign(rows, *a, **o)
    )
    X = grouped(50_000, 3, 30)
    rough(30).fit(X)
    assert passes.count(len(X)) == 2
    assert sum(n for n in passes if n < len(X)) < 2 * len(X)


@pytest.mark.parametrize("n", [300, 20_000])
@pytest.mark.parametrize("options", [{}, {"max_iter": 7, "tol": 0}, {"algorithm": "elkan"}])
def test_there_is_one_iteration_whatever_max_iter_is(n, options):
    X = grouped(n, 70, 10)
    model = rough(6, store_history=True, **options).fit(X)
    assert model.n_iter_ == model.history_.n_iter == 1
    assert_array_equal(model.history_.labels(X, -1), model.labels_)
    assert_array_equal(model.cluster_centers_, rough(6).fit(X).cluster_centers_)


@pytest.mark.parametrize("n_init", [1, 3])
def test_callbacks_hear_of_each_iteration(n_init, capsys):
    class Listen:
        setup = teardown = lambda *args, **kwargs: None
        heard, most = 0, None

        def on_fit_task_begin(self, estimator, context):
            if context.parent is None:
                self.most = context.max_subtasks

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            self.heard += context.parent is not None

    listen = Listen()
    rough(5, n_init=n_init, verbose=1).set_callbacks(listen).fit(grouped(5000, 2, 9))
    assert listen.heard == listen.most == n_init
    assert capsys.readouterr().out.count("inertia") == n_init


def test_centers_are_the_means_of_clusters_before_the_last_labels():
    X = grouped(20_000, 2, 9)
    model = rough(9, store_history=True).fit(X)
    labels = model.history_.labels(X, 0)
    means = [X[labels == c].mean(axis=0) for c in range(9)]
    assert_allclose(model.cluster_centers_, means)


def test_tiny_groups_far_out_get_a_center():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100_000, 2))
    places = rng.uniform(-300, 300, (5, 2))
    X[:50] += np.repeat(places, 10, axis=0)
    for seed in range(5):
        model = KMeansPP(10, refine="rough", random_state=seed).fit(X)
        assert squares(places, model.cluster_centers_).min(axis=1).max() < 25


def test_the_sample_stands_for_all_rows():
    X = grouped(30_000, 2, 5)
    X[:20] += 500
    weight = np.random.default_rng(0).integers(1, 4, len(X)).astype(float)
    rows = rows_of(X, weight, 1)
    indices, weights = coreset(rows, 3000, np.random.RandomState(0))
    assert np.isin(np.arange(20), indices).all()
    assert_allclose(weights.sum(), weight.sum(), rtol=0.05)
    assert_allclose(weights @ X[indices], weight @ X, rtol=0.05)
    assert_allclose(weights @ X[indices] ** 2, weight @ X**2, rtol=0.05)


@pytest.mark.parametrize("n, d, k", [(10**6, 2, 10), (10**6, 2, 1000), (60_000, 784, 100)])
def test_a_pass_over_the_sample_is_short(n, d, k):
    size = rough_size(n, d, k)
    assert 20 * k <= size <= max(n // 2, 256 * k)
    # The search keeps no more than a few features, so that its rows are shorter as well.
    assert size * min(d, 48) <= n * d / 20
    # Twice the data cannot make the sample smaller, nor more than twice as large.
    assert size <= rough_size(2 * n, d, k) <= 2 * size


def test_small_data_are_searched_whole():
    assert rough_size(700, 2, 10) == 700


def test_a_sample_of_few_rows_per_cluster_is_not_the_last_word():
    X = np.random.default_rng(0).random((30_000, 8))
    inertias = [rough(100).set_params(random_state=s).fit(X).inertia_ for s in range(3)]
    assert np.mean(inertias) < 1.034 * KMeansPP(100, random_state=0).fit(X).inertia_


@pytest.mark.parametrize("case", ["blobs", "digits"])
def test_the_inertia_is_close_to_that_of_a_full_search(case):
    X, k = (load_digits().data, 10) if case == "digits" else (grouped(100_000, 2, 30), 30)
    inertias = [KMeansPP(k, refine="rough", random_state=s).fit(X).inertia_ for s in range(5)]
    lowest = KMeansPP(k, random_state=0).fit(X).inertia_
    assert np.mean(inertias) < 1.05 * lowest


def test_given_centers_are_where_the_search_begins():
    X = grouped(20_000, 2, 8)
    crowded = X[:1] + 1e-3 * np.arange(8)[:, None]
    stuck = KMeansPP(8, init=crowded, max_iter=1).fit(X)
    model = rough(8, init=crowded).fit(X)
    assert model.inertia_ < stuck.inertia_ / 10
    assert model.n_iter_ == 1


def test_results_do_not_depend_on_the_number_of_threads():
    X = grouped(120_000, 5, 20)
    fits = []
    for threads in (1, 3):
        with threadpool_limits(threads):
            fits.append(rough(20).fit(X))
    assert_array_equal(fits[0].cluster_centers_, fits[1].cluster_centers_)
    assert_array_equal(fits[0].labels_, fits[1].labels_)
    assert fits[0].inertia_ == fits[1].inertia_


@pytest.mark.parametrize("n", [60, 4000])
def test_weights_are_repetitions_of_small_data(n):
    X = grouped(n, 2, 4)
    weight = np.random.default_rng(0).integers(1, 4, n)
    weighted = rough(4).fit(X, sample_weight=weight)
    repeated = rough(4).fit(np.repeat(X, weight, axis=0))
    assert_array_equal(weighted.cluster_centers_, repeated.cluster_centers_)
    assert_array_equal(np.repeat(weighted.labels_, weight), repeated.labels_)


def test_numbers_are_solved_exactly():
    x = np.random.default_rng(0).random((1000, 1))
    assert_allclose(rough(8).fit(x).inertia_, KMeansPP(8).fit(x).inertia_, rtol=1e-9)


def test_rows_too_far_for_single_precision_are_labelled_exactly():
    X = grouped(30_000, 2, 6)
    X[17] = 1e12
    model = rough(6).fit(X)
    assert (model.labels_ == model.labels_[17]).sum() == 1
    assert_array_equal(model.labels_, model.predict(X))
    assert_array_equal(model.cluster_centers_[model.labels_[17]], X[17])


def test_fewer_distinct_rows_than_clusters_are_reported():
    X = np.repeat(np.eye(3), 10_000, axis=0)
    with pytest.warns(ConvergenceWarning, match="Only 3 of n_clusters=5"):
        model = rough(5).fit(X)
    assert model.inertia_ == 0
    with pytest.warns(ConvergenceWarning, match="Only 1 of n_clusters=5"):
        rough(5).fit(np.ones((30_000, 2)))


def test_a_stream_begins_with_a_rough_fit_and_goes_on_exactly():
    X = grouped(20_000, 2, 6)
    first, second = X[:15_000], X[15_000:]
    stream, fitted = rough(6).partial_fit(first), rough(6).fit(first)
    assert_array_equal(stream.cluster_centers_, fitted.cluster_centers_)
    before, counts = fitted.cluster_centers_, np.bincount(fitted.labels_, minlength=6)
    stream.partial_fit(second)
    labels = fitted.predict(second)
    added = np.array([second[labels == c].sum(axis=0) for c in range(6)])
    counts_after = counts + np.bincount(labels, minlength=6)
    expected = (before * counts[:, None] + added) / counts_after[:, None]
    assert_allclose(stream.cluster_centers_, expected)
    assert stream.n_iter_ == 2

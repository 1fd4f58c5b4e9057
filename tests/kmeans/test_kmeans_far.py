"""Samples far away from all others: what they may cost, and what they must not change."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from skextra import KMeansPP
from skextra._kmeans._data import rows_of

FAR = [1e2, 1e5, 1e8, 1e14]


def nearest(X, centers):
    """Return the nearest centre of every row, by differences in float64."""
    squares = [np.square(X.astype(np.float64) - center).sum(axis=1) for center in centers]
    return np.argmin(squares, axis=0)


def cloud(n, d, far=(), seed=0):
    """Return normal samples, of which the first are moved out along all features."""
    X = np.random.default_rng(seed).standard_normal((n, d))
    X[: len(far)] += np.reshape(far, (-1, 1))
    return X


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("roughly", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("far", FAR)
def test_a_far_sample_moves_neither_the_frame_nor_the_variance(kind, roughly, weighted, far):
    X = kind(cloud(5000, 6, [far, -far]))
    weight = np.random.default_rng(1).uniform(0.5, 2, 5000) if weighted else None
    rows = rows_of(X, weight, 1, roughly=roughly)
    assert np.linalg.norm(rows.offset) < 3
    assert_allclose(rows.variance, 1, rtol=0.35)  # known from some hundred rows
    squares = (rows.scale * far) ** 2
    assert 0 < squares < 1e6  # in reach of float32


def test_many_far_samples_move_the_variance_but_not_the_frame():
    rows = rows_of(cloud(5000, 6, [1e6] * 200), None, 1)
    assert np.linalg.norm(rows.offset) < 3
    assert_allclose(rows.variance, 200 / 5000 * (1 - 200 / 5000) * 1e12, rtol=1e-3)


@pytest.mark.parametrize(
    "X", [load_digits().data, cloud(30, 2), np.eye(50), np.arange(9.0)[:, None]]
)
def test_ordinary_data_are_framed_by_mean_and_variance(X):
    rows = rows_of(X, None, 1)
    assert_allclose(rows.offset, X.mean(axis=0), atol=1e-12)
    assert_allclose(rows.variance.sum(), X.var(axis=0).sum(), rtol=1e-12)


def test_two_groups_far_apart_are_framed_by_mean_and_variance():
    X = cloud(1000, 3)
    X[::2] += 1e4
    rows = rows_of(X, None, 1)
    assert_allclose(rows.offset, X.mean(axis=0))
    assert_allclose(rows.variance, X.var(axis=0))


@pytest.mark.parametrize("refine", [None, "auto"])
@pytest.mark.parametrize("d, kind", [(4, np.asarray), (70, np.asarray), (4, sparse.csr_array)])
@pytest.mark.parametrize("far", [1e3, 1e8])
def test_iterations_go_on_in_spite_of_a_far_sample(far, d, kind, refine):
    k, X = 8, cloud(3000, d, [far])
    options = {"refine": refine, "random_state": 0}
    without = KMeansPP(k - 1, **options).fit(kind(X[1:]))
    model = KMeansPP(k, **options).fit(kind(X))
    assert np.count_nonzero(model.labels_ == model.labels_[0]) == 1
    assert model.n_iter_ > 5 or refine
    assert model.inertia_ < without.inertia_ * (1.005 if refine else 1.03)
    stopped = KMeansPP(k, max_iter=2, **options).fit(kind(X))
    assert model.n_iter_ > 2
    assert model.inertia_ < stopped.inertia_


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [2, 30, 80])
@pytest.mark.parametrize("tails", [0.7, 1.5, 3])
def test_labels_of_heavy_tails_are_exact(tails, d, dtype):
    X = np.random.default_rng(0).standard_t(tails, (4000, d)).astype(dtype)
    model = KMeansPP(20, random_state=0).fit(X)
    expected = nearest(X, model.cluster_centers_.astype(np.float64))
    assert_array_equal(model.labels_, expected)
    assert_array_equal(model.predict(X), expected)
    strict = KMeansPP(20, refine=None, algorithm="lloyd", tol=0, random_state=0).fit(X)
    means = [X[strict.labels_ == c].astype(np.float64).mean(axis=0) for c in range(20)]
    assert_allclose(strict.cluster_centers_, means, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_a_weight_of_two_is_two_samples_far_away_as_well(kind):
    X = cloud(400, 3, [1e7, -1e4, 1e2])
    weight = np.random.default_rng(0).integers(1, 4, len(X))
    one = KMeansPP(5, random_state=0).fit(kind(X), sample_weight=weight)
    other = KMeansPP(5, random_state=0).fit(kind(np.repeat(X, weight, axis=0)))
    assert_array_equal(one.cluster_centers_, other.cluster_centers_)
    assert_array_equal(np.repeat(one.labels_, weight), other.labels_)
    assert one.n_iter_ == other.n_iter_


def test_far_samples_leave_no_trace_of_the_number_of_threads():
    X = cloud(40_000, 5, [1e6, 1e3])
    fits = [KMeansPP(12, random_state=0) for _ in range(2)]
    for model, threads in zip(fits, (1, 4), strict=True):
        with threadpool_limits(threads):
            model.fit(X)
    assert_array_equal(fits[0].cluster_centers_, fits[1].cluster_centers_)
    assert_array_equal(fits[0].labels_, fits[1].labels_)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_samples_far_away_that_a_search_sample_missed_get_centres(kind):
    X, k = cloud(20_000, 6), 24
    places = [4_001, 9_007, 16_011]
    rest = np.delete(X, places, axis=0)
    X[places] += np.array([[-1], [1], [2]]) * 1e3
    for seed in range(3):
        model = KMeansPP(k, random_state=seed).fit(kind(X))
        assert np.bincount(model.labels_, minlength=k)[model.labels_[places]].tolist() == [1] * 3
        without = KMeansPP(k - 3, random_state=seed).fit(kind(rest))
        assert model.inertia_ < without.inertia_ * 1.01


@pytest.mark.parametrize("far", [1e20, 3e23, 1e25])
@pytest.mark.parametrize("n, d, k", [(4000, 10, 20), (4000, 80, 40), (6000, 2, 450)])
def test_labels_are_exact_where_others_leave_the_range_of_float32(n, d, k, far):
    X = cloud(n, d)
    X[0] = far
    model = KMeansPP(k, init=X[:k], tol=0, max_iter=10).fit(X)
    expected = nearest(X, model.cluster_centers_)
    assert_array_equal(model.labels_, expected)
    assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("d, k", [(10, 5), (80, 40)])
def test_a_centre_that_comes_from_far_away_leaves_no_label_behind(kind, d, k):
    X = cloud(3000, d)
    init = X[:k].copy()
    init[0] = 1e40
    model = KMeansPP(k, init=init, tol=0, algorithm="lloyd").fit(kind(X))
    assert_array_equal(model.labels_, nearest(X, model.cluster_centers_))


def test_predicting_samples_beyond_float32_is_silent():
    X = cloud(500, 100)
    model = KMeansPP(30, random_state=0).fit(X)
    assert_array_equal(model.predict(X * 1e150), nearest(X * 1e150, model.cluster_centers_))


def test_far_samples_leave_embeddings_searched_with_all_features():
    rng = np.random.default_rng(0)
    groups = rng.standard_normal((300, 128))
    X = groups[rng.integers(300, size=6000)] + 0.7 * rng.standard_normal((6000, 128))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    X[::500] *= 60
    plain, full = (
        np.mean([KMeansPP(60, refine=r, random_state=s).fit(X).inertia_ for s in range(3)])
        for r in (None, "auto")
    )
    assert full < 1.002 * plain

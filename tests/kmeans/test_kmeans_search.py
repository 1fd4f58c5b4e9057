"""The search of KMeansPP: lower than restarts, blind to nothing that matters, and its parts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_blobs

from skextra import KMeansPP
from skextra._kmeans._data import rows_of
from skextra._kmeans._dense_rows import NarrowRows
from skextra._kmeans._lloyd import Clustering, lloyd
from skextra._kmeans._seeding import greedy_plus_plus, seed_on_some
from skextra._kmeans._split_merge import split_and_merge


def grid(n, side, seed):
    rng = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    return corners[rng.integers(len(corners), size=n)] * 10.0 + rng.standard_normal((n, 2))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n, d", [(3000, 2), (40_000, 2), (3000, 80)])
def test_planted_clusters_are_found(n, d, weighted):
    X = grid(n, 6, seed=0)
    if d > 2:
        X = X @ np.linalg.qr(np.random.default_rng(1).standard_normal((d, 2)))[0].T
    weight = np.random.default_rng(2).uniform(0.5, 2, n) if weighted else None
    planted = KMeansPP(36, init=KMeans(36, n_init=20, random_state=0).fit(X).cluster_centers_)
    best = planted.fit(X, sample_weight=weight).inertia_
    for seed in range(3):
        found = KMeansPP(36, random_state=seed).fit(X, sample_weight=weight)
        assert found.inertia_ <= best * 1.0005
        assert_array_equal(found.predict(X), found.labels_)


def test_digits_end_lower_than_ten_restarts_on_average():
    X = load_digits().data
    ours = [KMeansPP(10, random_state=seed).fit(X).inertia_ for seed in range(8)]
    theirs = [KMeans(10, n_init=3, random_state=seed).fit(X).inertia_ for seed in range(8)]
    assert np.mean(ours) < np.mean(theirs)


@pytest.mark.parametrize("seed", range(3))
def test_rare_far_groups_are_found(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200_000, 2))
    angles = np.arange(5) * 2 * np.pi / 5 + rng.uniform(0, 1)
    places = 300 * np.c_[np.cos(angles), np.sin(angles)]
    chosen = rng.choice(len(X), (5, 12), replace=False)
    for group, place in zip(chosen, places, strict=True):
        X[group] += place
    model = KMeansPP(10, random_state=seed).fit(X)
    for place in places:
        assert np.linalg.norm(model.cluster_centers_ - place, axis=1).min() < 2
    theirs = min(KMeans(10, random_state=s).fit(X).inertia_ for s in range(2))
    assert model.inertia_ < 1.01 * theirs


def test_effort_lowers_the_inertia_on_average():
    X = np.random.default_rng(0).random((2000, 2))

    def mean(effort):
        fits = [KMeansPP(20, refine=effort, random_state=seed).fit(X) for seed in range(8)]
        return np.mean([fit.inertia_ for fit in fits])

    assert mean(10) < mean(1) < mean(None)


@pytest.mark.parametrize("n", [900, 3000])
@pytest.mark.parametrize("d", [2, 70])
@pytest.mark.parametrize("options", [{}, {"refine": 2}, {"init": "random"}, {"max_iter": 1}])
def test_one_cluster_is_the_mean_of_all(n, d, options):
    X = np.random.default_rng(d).standard_normal((n, d)) + 5
    weight = np.random.default_rng(n).uniform(1, 2, n)
    mean = np.average(X, axis=0, weights=weight)
    spread = (weight @ (X - mean) ** 2).sum()
    for data in (X, sparse.csr_array(X), X.astype(np.float32)):
        model = KMeansPP(1, random_state=0, **options).fit(data, sample_weight=weight)
        assert_allclose(model.cluster_centers_[0], mean, atol=1e-5)
        assert_allclose(model.inertia_, spread, rtol=1e-6)
    stream = KMeansPP(1, random_state=0, **options)
    for part in np.array_split(np.arange(n), 2):
        stream.partial_fit(X[part], sample_weight=weight[part])
    assert_allclose(stream.cluster_centers_[0], mean, atol=1e-2)


@pytest.mark.parametrize("seed", range(12))
def test_weights_are_repetitions_to_the_last_bit(seed):
    X, _ = make_blobs(400, centers=4, random_state=seed)
    weight = np.random.default_rng(seed).integers(1, 4, 400)
    weighted = KMeansPP(4, random_state=0).fit(X, sample_weight=weight)
    repeated = KMeansPP(4, random_state=0).fit(np.repeat(X, weight, axis=0))
    assert_array_equal(weighted.cluster_centers_, repeated.cluster_centers_)
    assert_array_equal(np.repeat(weighted.labels_, weight), repeated.labels_)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_draw_by_mass_is_the_inverse_of_the_running_sum(n):
    rng = np.random.default_rng(n)
    mass = rng.random(n) * (rng.random(n) < 0.6) + 1e-3
    places = rng.random(500)
    rows = rows_of(np.zeros((n, 1)), mass, 1)
    drawn = rows.draw_far(places)
    cumulated = np.cumsum(mass)
    assert_array_equal(drawn, np.searchsorted(cumulated, places * cumulated[-1], "right"))


@pytest.mark.parametrize("n, d, k", [(500, 2, 7), (3000, 80, 5), (1500, 16, 40)])
def test_a_full_assignment_is_brute_force(n, d, k):
    rng = np.random.default_rng(k)
    X = rng.standard_normal((n, d)) * rng.uniform(0.1, 5, d) + 100
    weight = rng.uniform(0.5, 2, n)
    points = rows_of(X, weight, 2)
    centers = points.take(rng.choice(n, k, replace=False))
    squares = cdist(X, centers + points.offset, "sqeuclidean")
    order = np.sort(squares, axis=1)
    own = order[:, 0] * points.scale**2
    running = np.cumsum(weight * own)
    places = (running - weight * own / 2) / running[-1]  # each in the middle of a row's share
    state = points.unassigned(k)
    changed, costs, draws = points.assign(
        centers, state, full=True, costs=True, places=places[None]
    )
    assert changed == n
    assert_array_equal(state.labels, squares.argmin(axis=1))
    drawn = draws.indices[0]
    assert np.count_nonzero(drawn != np.arange(n)) <= k  # rows that lie on their centre
    assert_allclose(draws.squares[0], own[drawn], rtol=1e-4, atol=1e-3)
    assert_allclose(draws.shares, running[-1] / n, rtol=1e-4)
    removal = np.bincount(state.labels, weight * (order[:, 1] - order[:, 0]), minlength=k)
    assert_allclose(costs / points.scale**2, removal, rtol=1e-4, atol=1e-3)
    assert_allclose(state.counts, np.bincount(state.labels, weight, minlength=k))
    cross = points.squared_distances(centers[:3]) / points.scale**2
    assert_allclose(cross, squares[:, :3].T, rtol=1e-4, atol=1e-2)
    closest = order[:, 0].astype(np.float32) * np.float32(points.scale**2)
    left = points.potentials(centers[:3], closest) / points.scale**2
    assert_allclose(left, weight @ np.minimum(squares[:, :3], order[:, :1]), rtol=1e-3, atol=1)


@pytest.mark.parametrize("d", [2, 30, 80])
def test_bounds_never_hide_a_change(d):
    rng = np.random.default_rng(d)
    X = rng.standard_normal((700, d))
    points = rows_of(X, None, 1)
    for pairs in (False, True):
        if pairs and isinstance(points, NarrowRows):
            continue
        centers = points.take(np.arange(12))
        state = points.unassigned(12, pairs)
        points.assign(centers, state, full=True)
        for _ in range(60):
            way = rng.standard_normal((12, d)) * rng.choice([0.0, 0.001, 0.05], (12, 1))
            centers = centers + way
            state.move(np.linalg.norm(way, axis=1) * points.scale)
            points.assign(centers, state)
            brute = cdist(points.take(np.arange(700)), centers, "sqeuclidean").argmin(axis=1)
            assert_array_equal(state.labels, brute)
            sums = [points.take(np.flatnonzero(brute == c)).sum(axis=0) for c in range(12)]
            assert_allclose(state.sums, sums, atol=1e-10)


def test_what_a_split_saves_is_what_two_means_save():
    X, _ = make_blobs(400, centers=[[0, 0], [8, 0], [30, 30]], random_state=0)
    points = rows_of(X, None, 1)
    start = Clustering.start(points, np.array([[4.0, 0.0], [30.0, 30.0]]) - points.offset)
    state = start.assignment
    points.assign(start.centers, state, full=True)
    saved = points.split(state.sums / state.counts[:, None], state.labels).saved
    inside = X[state.labels == 0]
    one = KMeans(1, n_init=1).fit(inside).inertia_
    two = KMeans(2, n_init=1, random_state=0).fit(inside).inertia_
    assert_allclose(saved[0], one - two, rtol=0.1)  # judged by some of the points
    assert saved[0] > 10 * saved[1]


@pytest.mark.parametrize("seed", range(3))
def test_seeds_are_distinct_samples_spread_like_scikit_learns(seed):
    X = grid(4000, 5, seed)
    points = rows_of(X, None, 2)
    chosen = greedy_plus_plus(points, 25, np.random.RandomState(seed))
    assert len(set(chosen)) == 25
    some = seed_on_some(points, 25, np.random.RandomState(seed)) + points.offset
    theirs = [KMeans(25, n_init=1, max_iter=1, random_state=s).fit(X).inertia_ for s in range(5)]
    for centers in (X[chosen], some):
        assert KMeansPP(25, init=centers, max_iter=1).fit(X).inertia_ < 1.5 * np.mean(theirs)


@pytest.mark.parametrize("max_iter", [1, 2, 3, 6])
@pytest.mark.parametrize("d", [2, 80])
def test_costs_of_removal_are_known_at_a_fixed_point(d, max_iter):
    X = grid(1200, 3, seed=d)
    if d > 2:
        X = X @ np.linalg.qr(np.random.default_rng(1).standard_normal((d, 2)))[0].T
    points = rows_of(X, None, 1)
    centers = KMeans(9, n_init=10, tol=0, random_state=0).fit(X).cluster_centers_ - points.offset
    squares = np.sort(cdist(X - points.offset, centers, "sqeuclidean"), axis=1)
    labels = points.nearest_labels(centers)
    removal = np.bincount(labels, squares[:, 1] - squares[:, 0], minlength=9)
    found = lloyd(points, Clustering.start(points, centers), max_iter=max_iter, costs=True)
    assert_allclose(found.costs / points.scale**2, removal, rtol=1e-3)


class CountedRows(NarrowRows):
    """Rows that count the rounds of a search: each round that gains splits all clusters anew."""

    rounds = 0

    def split(self, centers, labels):
        self.rounds += 1
        return super().split(centers, labels)


def test_a_search_ends_early_where_there_is_nothing_to_find():
    rng = np.random.default_rng(0)
    uniform = rng.random((6000, 16))
    for k in (60, 120):
        rows = CountedRows(uniform, None, 1)
        found = split_and_merge(rows, seed_on_some(rows, k, np.random.RandomState(0)))
        assert rows.rounds <= 8
        theirs = [KMeans(k, random_state=seed).fit(uniform).inertia_ for seed in range(3)]
        assert found.inertia(rows) < 1.001 * np.mean(theirs)


def embeddings(n, d, n_groups, seed=0):
    """Return unit rows that fill all dimensions, around unit vectors."""
    rng = np.random.default_rng(seed)
    groups = rng.standard_normal((n_groups, d))
    groups /= np.linalg.norm(groups, axis=1, keepdims=True)
    X = groups[rng.integers(n_groups, size=n)] + rng.normal(scale=0.7 / np.sqrt(d), size=(n, d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n_groups", [8, 80, 600])
def test_embeddings_end_no_higher_than_kmeans(n_groups):
    X = embeddings(6000, 128, n_groups)
    ours = [KMeansPP(60, random_state=seed).fit(X).inertia_ for seed in range(3)]
    theirs = [KMeans(60, random_state=seed).fit(X).inertia_ for seed in range(3)]
    assert np.mean(ours) < 1.001 * np.mean(theirs)

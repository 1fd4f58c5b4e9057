"""K-means with many clusters: the labels stay exact, and sums take little memory."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from skextra import KMeansPP
from skextra._kmeans import _dense_rows, _seeding
from skextra._kmeans._data import rows_of
from skextra._kmeans._seeding import seed_on_some


def groups(n=30_000, k=500, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-10, 10, (k, d))[rng.integers(k, size=n)] + rng.normal(0, 0.3, (n, d))


@pytest.fixture
def passes(monkeypatch):
    """Return a list that hears of every pass, whether rows met near centres only."""
    heard = []
    assign = _dense_rows.NarrowRows._assign_near

    def listened(*args):
        found = assign(*args)
        heard.append(found is not None)
        return found

    monkeypatch.setattr(_dense_rows.NarrowRows, "_assign_near", listened)
    return heard


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_sample_has_the_nearest_of_many_centres(dtype, passes):
    X = groups().astype(dtype) + 100
    model = KMeansPP(500, random_state=0).fit(X)
    distances = cdist(X.astype(np.float64), model.cluster_centers_.astype(np.float64))
    assert_array_equal(model.labels_, distances.argmin(axis=1))
    assert np.count_nonzero(passes) > 3


def test_many_clusters_do_not_depend_on_the_number_of_threads(passes):
    X = groups()
    models = []
    for limit in (1, 2, 5):
        with threadpool_limits(limit):
            models.append(KMeansPP(500, random_state=0).fit(X))
    for other in models[1:]:
        assert_array_equal(models[0].cluster_centers_, other.cluster_centers_)
        assert_array_equal(models[0].labels_, other.labels_)
    assert any(passes)


def test_near_centres_lead_to_the_clustering_of_all(monkeypatch):
    X = groups()
    near = KMeansPP(500, random_state=0).fit(X)
    monkeypatch.setattr(_dense_rows, "_MANY", 1_000_000)
    full = KMeansPP(500, random_state=0).fit(X)
    assert near.inertia_ == pytest.approx(full.inertia_, rel=2e-3)


@pytest.mark.parametrize("n, k", [(60_000, 10), (60_000, 3000), (200_000, 5000)])
def test_sums_of_many_clusters_take_little_memory(n, k):
    points = rows_of(np.random.default_rng(0).random((n, 2), dtype=np.float32), None, 1)
    sums, counts, costs = points.room_for_sums(k, costs=True)
    assert len(sums) == len(counts) == len(costs) <= points.n_chunks
    assert sums.size <= max(points.X.size / 8, 4 * k * 2)
    assert not any(part.any() for part in (sums, counts, costs))
    assert points.room_for_sums(k, costs=False)[2].shape == (len(sums), 0)


@pytest.mark.parametrize("kind, few", [("groups", True), ("noise", False)])
def test_near_centres_are_asked_for_only_where_they_are_few(kind, few):
    X = groups() if kind == "groups" else np.random.default_rng(0).normal(size=(30_000, 16))
    points = rows_of(X, None, 1)
    centers = points.take(np.arange(500))
    state = points.nearest(centers)
    before = state.copy()
    assert (points._assign_near(centers, state, True, False) is not None) == few
    assert_array_equal(state.labels, before.labels)
    assert_array_equal(state.counts, before.counts)


def test_many_seeds_are_spread_as_those_compared_with_all_samples(monkeypatch):
    X = np.random.default_rng(0).random((12_000, 3))
    X[:6000] *= 0.1  # half of them far denser
    points = rows_of(X, None, 1)

    def inertias():
        seeds = [seed_on_some(points, 600, np.random.RandomState(s)) for s in range(3)]
        for centers in seeds:
            assert len(np.unique(centers, axis=0)) == 600
        return [points.inertia(c, points.nearest_labels(c)) for c in seeds]

    in_cells = inertias()
    monkeypatch.setattr(_seeding, "_MANY", 1_000_000)
    assert np.mean(in_cells) < 1.06 * np.mean(inertias())


def test_many_equal_samples_are_seeded():
    X = np.repeat(np.eye(3), 400, axis=0)
    found = seed_on_some(rows_of(X, None, 1), 600, np.random.RandomState(0))
    assert found.shape == (600, 3)
    assert len(np.unique(found, axis=0)) == 3


@pytest.mark.parametrize("k", [10, 3000])
def test_means_of_many_groups_are_those_of_numpy(k):
    rng = np.random.default_rng(0)
    X = rng.normal(5.0, 1.0, (70_000, 2))
    weight = rng.uniform(0.5, 2.0, len(X))
    labels = rng.integers(k, size=len(X)).astype(np.int32)
    points = rows_of(X, weight, 2)
    mass = np.bincount(labels, weight)[:, None]
    expected = np.stack([np.bincount(labels, weight * x) for x in X.T], axis=1) / mass
    found = points.means(labels, k) + points.offset
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    some = np.flatnonzero(labels > k // 2)
    found = points.means(labels[some], k, some, weight[some]) + points.offset
    np.testing.assert_allclose(found[k // 2 + 1 :], expected[k // 2 + 1 :], rtol=1e-9)

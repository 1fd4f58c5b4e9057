"""Where centres are searched: along main directions, with all features, or not at all."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans

from skextra import KMeansPP
from skextra._kmeans import _seeding
from skextra._kmeans._data import rows_of
from skextra._kmeans._dense_rows import WideRows
from skextra._kmeans._sample import Sample
from skextra._kmeans._seeding import seed_on_some
from skextra._kmeans._split_merge import FirstRound


def around(groups, n, spread, seed=0):
    rng = np.random.default_rng(seed)
    members = rng.integers(len(groups), size=n)
    return groups[members] + rng.normal(scale=spread, size=(n, groups.shape[1]))


def blobs(n, d, n_groups):
    return around(np.random.default_rng(1).uniform(0, 3, (n_groups, d)), n, 1.0)


def embeddings(n, d, n_groups):
    groups = np.random.default_rng(1).standard_normal((n_groups, d))
    groups /= np.linalg.norm(groups, axis=1, keepdims=True)
    X = around(groups, n, 0.7 / np.sqrt(d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def noise(n, d):
    return np.random.default_rng(0).standard_normal((n, d))


def sample_of(X, k, seed=0):
    return Sample(rows_of(X, None, 1), k, np.random.RandomState(seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("X", [blobs(6000, 128, 80), embeddings(6000, 256, 80)])
def test_as_many_groups_as_centres_are_searched_along_main_directions(X, seed):
    sample = sample_of(X, 80, seed)
    assert sample.rows.d < X.shape[1]
    assert sample.start().shape == (80, sample.rows.d)


@pytest.mark.parametrize("seed", range(3))
def test_more_groups_than_centres_are_searched_with_all_features(seed):
    sample = sample_of(embeddings(6000, 128, 200), 60, seed)
    assert sample.rows.d == 128
    assert sample.start() is None
    assert sample.is_worthwhile


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("X", [noise(6000, 128), embeddings(6000, 256, 40)])
def test_rows_on_which_a_search_gains_nothing_are_not_searched(X, seed):
    assert not sample_of(X, 120, seed).is_worthwhile


def test_few_centres_are_searched_along_main_directions():
    sample = sample_of(noise(6000, 128), 20)
    assert sample.rows.d < 128
    assert sample.is_worthwhile


def test_fits_without_a_search_end_no_higher_than_kmeans():
    X = embeddings(6000, 256, 40)
    ours = [KMeansPP(120, random_state=seed).fit(X) for seed in range(3)]
    theirs = [KMeans(120, random_state=seed).fit(X).inertia_ for seed in range(3)]
    assert np.mean([model.inertia_ for model in ours]) < 1.001 * np.mean(theirs)
    for model in ours:
        assert_array_equal(model.labels_, model.predict(X))


def test_a_search_that_is_asked_for_takes_place():
    X = embeddings(6000, 128, 600)
    auto, asked = (KMeansPP(60, refine=r, random_state=0).fit(X) for r in ("auto", 3))
    assert asked.inertia_ < 0.998 * auto.inertia_


@pytest.mark.parametrize("power", [-150, 150])
def test_weights_scale_the_inertia_only_where_there_is_no_search(power):
    X, weight = noise(3000, 128), 1.0 + np.random.default_rng(1).random(3000)
    model, scaled = (
        KMeansPP(60, random_state=0).fit(X, sample_weight=np.ldexp(weight, p)) for p in (0, power)
    )
    assert_array_equal(scaled.labels_, model.labels_)
    assert scaled.inertia_ == np.ldexp(model.inertia_, power)


@pytest.mark.parametrize("far", [1e8, 1e25])
def test_a_far_row_does_not_spoil_seeds(far):
    X = noise(12_000, 100)
    X[5] *= far
    for seed in range(3):
        model = KMeansPP(60, random_state=seed).fit(X)
        assert (model.labels_ == model.labels_[5]).sum() == 1
        assert len(np.unique(model.labels_)) == 60


def test_a_few_rows_together_have_a_centre_without_a_search():
    X = noise(20_000, 100)
    X[:3] += 8
    assert not sample_of(X, 60).is_worthwhile
    for seed in range(3):
        labels = KMeansPP(60, random_state=seed).fit(X).labels_
        assert (labels == labels[0]).sum() == 3


def test_seeds_tell_groups_that_products_in_float32_cannot():
    places = np.repeat(1e4 * np.random.default_rng(2).standard_normal((150, 128)), 2, axis=0)
    places[1::2] += 1.0
    group = np.resize(np.arange(300), 6000)
    X = places[group] + 0.01 * noise(6000, 128)
    rows = rows_of(X, None, 1)
    seeds = seed_on_some(rows, 300, np.random.RandomState(0)) + rows.offset
    near = np.square(places[:, None] - seeds).sum(axis=2).argmin(axis=0)
    assert len(np.unique(near)) > 295


@pytest.mark.parametrize("X", [blobs(6000, 128, 60), embeddings(6000, 128, 60)])
def test_groups_that_fill_their_dimensions_are_found(X):
    fits = [KMeans(60, random_state=seed).fit(X).inertia_ for seed in range(3)]
    for seed in range(5):
        assert KMeansPP(60, random_state=seed).fit(X).inertia_ < 0.99 * min(fits)


@pytest.mark.parametrize("n_shared", [1, 3, 6, 10])
def test_groups_that_share_centres_are_never_taken_for_none(n_shared):
    X = blobs(6000, 100, 60).astype(np.float32)
    groups = np.random.default_rng(1).uniform(0, 3, (60, 100)).astype(np.float32)
    groups[:n_shared] = groups[n_shared : 2 * n_shared] + np.float32(0.01)
    found = FirstRound.of(WideRows(X, None, 1), groups - WideRows(X, None, 1).offset)
    assert found.shows_groups or found.is_worthwhile


@pytest.mark.parametrize("weighted", [False, True])
def test_seeds_by_products_are_drawn_by_their_squared_distance(weighted, monkeypatch):
    monkeypatch.setattr(_seeding, "_n_trials", lambda k: 1)
    places = np.zeros((4, 100), np.float32)
    places[:, 0] = 0, 1, 3, 7
    weight = np.array([1.0, 4, 1, 2]) if weighted else np.ones(4)
    rows = rows_of(places, weight if weighted else None, 1)
    squares = (places[:, :1] - places[:, 0]) ** 2
    expected = np.zeros((4, 4, 4))
    for a in range(4):
        second = weight * squares[a]
        for b in np.flatnonzero(second):
            third = weight * np.minimum(squares[a], squares[b])
            share = weight[a] / weight.sum() * second[b] / second.sum()
            expected[a, b] = share * third / third.sum()
    counts, n_draws = np.zeros((4, 4, 4)), 4000
    for seed in range(n_draws):
        seeds = seed_on_some(rows, 3, np.random.RandomState(seed)) + rows.offset
        counts[tuple(np.searchsorted(places[:, 0], np.round(seeds[:, 0])))] += 1
    assert_allclose(counts / n_draws, expected, atol=4 * np.sqrt(0.25 / n_draws))
    assert not counts[expected == 0].any()


@pytest.mark.parametrize("k", [40, 600])
def test_seeds_by_products_meet_every_group(k):
    X = 100 * np.random.default_rng(0).standard_normal((k, 200))
    X = np.repeat(X, 20, axis=0) + noise(20 * k, 200)
    rows = rows_of(X, None, 1)
    seeds = seed_on_some(rows, k, np.random.RandomState(0))
    assert_array_equal(np.sort(rows.nearest_labels(seeds)), np.repeat(np.arange(k), 20))


def test_seeds_of_rows_with_fewer_places_than_centres():
    X = np.repeat(noise(5, 120), 50, axis=0)
    rows = rows_of(X, None, 1)
    seeds = seed_on_some(rows, 8, np.random.RandomState(0))
    assert len(np.unique(seeds, axis=0)) == 5

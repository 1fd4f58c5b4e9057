"""KMeansPP on data of one feature, which are solved exactly, and on few samples of any number."""

from contextlib import nullcontext
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning

from skextra import KMeansPP, inertia_path


def brute_force(x, k, weight=None):
    """Return the least inertia over all partitions of sorted numbers into k runs, in fractions."""
    weight = np.ones(len(x)) if weight is None else weight
    order = np.argsort(x)
    x, weight = [Fraction(float(v)) for v in x[order]], [Fraction(float(w)) for w in weight[order]]

    def cost(i, j):
        mass = sum(weight[i:j])
        mean = sum(w * v for w, v in zip(weight[i:j], x[i:j], strict=True)) / mass
        return sum(w * (v - mean) ** 2 for w, v in zip(weight[i:j], x[i:j], strict=True))

    n = len(x)
    costs = {(i, j): cost(i, j) for i in range(n) for j in range(i + 1, n + 1)}
    cuts = combinations(range(1, n), k - 1)
    return float(min(sum(costs[run] for run in pairwise((0, *cut, n))) for cut in cuts))


def least_on_a_line(x, k):
    """Return the least inertia for k clusters of numbers, from the table of all runs."""
    x, n = np.sort(x) - x.mean(), len(x)
    sums, squares = (np.append(0.0, np.cumsum(x**power)) for power in (1, 2))
    i, j = np.triu_indices(n + 1, 1)
    costs = np.full((n + 1, n + 1), np.inf)
    costs[i, j] = squares[j] - squares[i] - (sums[j] - sums[i]) ** 2 / (j - i)
    least = costs[0]
    for _ in range(k - 1):
        least = (least[:, None] + costs).min(axis=0)
    return least[n]


def lowest_of_many(X, k, starts, seed=0):
    """Return the lowest inertia of Lloyd's iterations from many random samples, all at once."""
    rng = np.random.default_rng(seed)
    centers = X[np.argsort(rng.random((starts, len(X))), axis=1)[:, :k]]
    for _ in range(25):
        labels = np.square(X[:, None] - centers[:, None]).sum(axis=3).argmin(axis=2)
        member = labels[:, None] == np.arange(k)[:, None]
        counts = member.sum(axis=2)[..., None]
        centers = np.where(counts > 0, member @ X / np.maximum(counts, 1), centers)
    return np.square(X[:, None] - centers[:, None]).sum(axis=3).min(axis=2).sum(axis=1).min()


@pytest.mark.parametrize("n, k", [(2, 2), (6, 2), (9, 3), (10, 5), (11, 4)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_one_feature_is_solved_exactly(n, k, weighted, dtype, init):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = (rng.standard_normal(n) * rng.choice([1, 9], n)).astype(dtype)
        weight = rng.uniform(0.1, 5, n) if weighted else None
        least = brute_force(x, k, weight)
        for X in (x[:, None], sparse.csr_array(x[:, None])):
            model = KMeansPP(k, init=init, random_state=seed).fit(X, sample_weight=weight)
            rtol, atol = (1e-9, 1e-15 * x @ x) if dtype is np.float64 else (1e-5, 1e-6)
            assert_allclose(model.inertia_, least, rtol=rtol, atol=atol)
            assert_array_equal(model.predict(X), model.labels_)
            assert (np.diff(model.cluster_centers_[:, 0]) > 0).all()
            assert model.cluster_centers_.dtype == dtype


@pytest.mark.parametrize("n, k", [(40, 8), (300, 7), (4000, 9)])
@pytest.mark.parametrize("kind", ["random", "standard_normal", "standard_cauchy"])
def test_more_numbers_are_solved_exactly(n, k, kind):
    x = getattr(np.random.default_rng(n), kind)(n)
    model = KMeansPP(k).fit(x[:, None])
    if n <= 300:
        assert_allclose(model.inertia_, least_on_a_line(x, k), rtol=1e-9)
    searched = [KMeansPP(k, init=x[s : s + k, None], refine=None).fit(x[:, None]) for s in (0, 9)]
    assert model.inertia_ <= min(other.inertia_ for other in searched) * (1 + 1e-12)


@pytest.mark.parametrize("offset, spread", [(1e8, 1.0), (-1e8, 1e-3), (0.0, 1e-100), (1e6, 1e9)])
def test_one_feature_is_solved_far_from_zero_and_in_any_unit(offset, spread):
    x = np.random.default_rng(0).standard_normal(12) * spread + offset
    model = KMeansPP(4).fit(x[:, None])
    assert_allclose(model.inertia_, brute_force(x, 4), rtol=1e-6)
    assert_array_equal(model.predict(x[:, None]), model.labels_)


def test_tight_groups_far_apart_are_split_where_it_counts():
    # Squares of 1e6 leave nothing of squares of 1e-5 in float64.
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(0, 1e-5, 5), 1e6 + rng.normal(0, 1e-4, 5)])
    model = KMeansPP(5).fit(x[:, None])
    assert_allclose(model.inertia_, brute_force(x, 5), rtol=1e-6)


def test_the_exact_solution_depends_on_nothing_but_the_data():
    x = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9])[:, None]  # many partitions are equally good
    weight = np.array([1, 2, 1, 3, 1, 1, 2, 1, 1, 2])
    model = KMeansPP(4, random_state=0).fit(x, sample_weight=weight)
    order = np.random.default_rng(0).permutation(weight.sum())
    repeated = np.repeat(x, weight, axis=0)[order]
    for seed, options in enumerate([{}, {"init": "random"}, {"n_init": 3}, {"refine": 5}]):
        other = KMeansPP(4, random_state=seed, **options).fit(repeated)
        assert_array_equal(other.cluster_centers_, model.cluster_centers_)
        assert_array_equal(other.labels_, np.repeat(model.labels_, weight)[order])
        assert other.inertia_ == model.inertia_


def test_the_exact_solution_is_watched_like_any_other(capsys):
    x = np.random.default_rng(0).random((200, 1))
    for tol in (1e-4, 0):
        options = {"tol": tol, "store_history": True, "verbose": 1, "n_init": 4}
        model = KMeansPP(6, random_state=0, **options).fit(x)
        history = model.history_
        assert 1 <= model.n_iter_ <= 3
        assert history.n_iter == model.n_iter_ == capsys.readouterr().out.count("inertia")
        assert history.n_changed.tolist() == [200] + [0] * (model.n_iter_ - 1)
        assert_allclose(history.centers[0], model.cluster_centers_, rtol=1e-12)
        assert_allclose(history.inertia, model.inertia_, rtol=1e-12)
        assert_array_equal(history.labels(x, 0), model.labels_)


def test_plain_mode_and_given_centres_stay_lloyds():
    x = np.random.default_rng(1).random((15, 1))
    best = KMeansPP(4).fit(x).inertia_
    plain = [KMeansPP(4, refine=None, random_state=s).fit(x).inertia_ for s in range(20)]
    assert max(plain) > 1.01 * best
    given = KMeansPP(4, init=np.sort(x, axis=0)[:4]).fit(x)
    assert given.inertia_ > 1.01 * best
    assert given.n_iter_ > 1


@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_array])
def test_fewer_distinct_numbers_than_clusters(as_given):
    x = as_given(np.repeat([[5.0], [1.0], [3.0]], 4, axis=0))
    with pytest.warns(ConvergenceWarning, match="Only 3 of n_clusters=5"):
        model = KMeansPP(5, random_state=0).fit(x)
    assert model.inertia_ == 0
    assert_array_equal(np.unique(model.cluster_centers_), [1, 3, 5])
    assert_array_equal(model.predict(x), model.labels_)
    assert len(np.unique(model.labels_)) == 3


def test_a_path_on_a_line_is_exact():
    x = np.random.default_rng(0).exponential(size=60)
    weight = np.random.default_rng(1).integers(1, 4, 60)
    repeated = np.repeat(x, weight)
    for X in (x[:, None], sparse.csr_array(x[:, None])):
        path = inertia_path(X, [1, 2, 5, 9, 60], sample_weight=weight)
        least = [least_on_a_line(repeated, k) for k in (1, 2, 5, 9, 60)]
        assert_allclose(path.inertia, least, rtol=1e-7, atol=1e-10)
        assert [len(centers) for centers in path.centers] == [1, 2, 5, 9, 60]


@pytest.mark.parametrize("n, k", [(12, 3), (15, 4), (40, 8)])
@pytest.mark.parametrize("d", [2, 5])
def test_few_samples_end_in_the_optimum(n, k, d):
    missed = 0
    for seed in range(12):
        X = np.random.default_rng(seed).random((n, d))
        lowest = lowest_of_many(X, k, 300)
        missed += KMeansPP(k, random_state=seed).fit(X).inertia_ > lowest * (1 + 1e-6)
    assert missed <= (1 if d == 5 and n == 40 else 0)


@pytest.mark.parametrize("d", [2, 70])
def test_few_sparse_samples_and_weights_end_in_the_optimum(d):
    rng = np.random.default_rng(d)
    X = rng.random((13, d)) * (rng.random((13, d)) < 0.5)
    weight = rng.integers(1, 4, 13)
    lowest = lowest_of_many(np.repeat(X, weight, axis=0), 4, 2000)
    for data in (X, sparse.csr_array(X), X.astype(np.float32)):
        model = KMeansPP(4, random_state=0).fit(data, sample_weight=weight)
        assert model.inertia_ <= lowest * (1 + 1e-6)
        assert_array_equal(model.predict(data), model.labels_)
        exact = cdist(X, model.cluster_centers_, "sqeuclidean").min(axis=1)
        assert_allclose(model.inertia_, weight @ exact, rtol=1e-5)


@pytest.mark.parametrize("scale", [2.0**-400, 2.0**400])
def test_few_samples_scale_with_their_unit(scale):
    X = np.random.default_rng(0).random((30, 3))
    one = KMeansPP(5, random_state=0).fit(X)
    other = KMeansPP(5, random_state=0).fit(X * scale)
    assert_array_equal(one.labels_, other.labels_)
    assert_allclose(other.cluster_centers_, one.cluster_centers_ * scale, rtol=1e-13)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("least, most", [(5e-324, 1.0), (1.0, 1e307), (5e-324, 1e307)])
def test_weights_of_any_size(d, least, most):
    X = np.random.default_rng(d).random((12, d))
    weight = np.where(np.arange(12) % 3, least, most)
    model = KMeansPP(4, random_state=0).fit(X, sample_weight=weight)
    heavy = X[weight == most]
    assert_allclose(np.sort(model.cluster_centers_, axis=0), np.sort(heavy, axis=0), rtol=1e-6)
    assert_array_equal(model.predict(X), model.labels_)
    with pytest.warns(ConvergenceWarning) if least < 1 else nullcontext():
        KMeansPP(6, random_state=0).fit(X, sample_weight=weight)


def test_few_samples_of_few_places():
    X = np.repeat([[0.0, 1.0], [2.0, 3.0], [9.0, 9.0]], 4, axis=0)
    model = KMeansPP(3, random_state=0).fit(X)
    assert model.inertia_ < 1e-28
    with pytest.warns(ConvergenceWarning, match="Only 3 of n_clusters=4"):
        KMeansPP(4, random_state=0).fit(X)


def test_a_path_of_few_samples_ends_in_the_optimum():
    X = np.random.default_rng(4).random((20, 2))
    lowest = [lowest_of_many(X, k, 2000) for k in (2, 4, 6)]
    for data in (X, sparse.csr_array(X)):
        assert_allclose(inertia_path(data, [2, 4, 6], random_state=0).inertia, lowest, rtol=1e-6)

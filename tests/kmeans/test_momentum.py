import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin

from skextra import KMeansPP
from skextra._kmeans._data import rows_of
from skextra._kmeans._lloyd import _rough_inertia, lengths, means_of
from skextra._kmeans._metric import METRICS
from skextra._kmeans._momentum import Momentum


def steps_to_zero(pull, step):
    """Count iterations whose means are `pull` times the centres, until they are near zero."""
    centers = np.ones((2, 2))
    for count in range(1000):
        if np.abs(centers).max() < 1e-6:
            return count
        means = pull * centers
        centers = step(centers, means)
    return 1000


@pytest.mark.parametrize(("slow", "at_most"), [(0.9, 0.3), (0.98, 0.2)])
def test_slow_directions_take_a_fraction_of_the_steps(slow, at_most):
    pull = np.array([[slow, 0.3], [0.5, slow]])
    momentum = Momentum(np.ones((2, 2)))
    hurried = steps_to_zero(pull, lambda c, m: momentum.aim(c, m, np.square(c).sum(axis=1)))
    assert hurried < at_most * steps_to_zero(pull, lambda _, means: means)


def test_first_step_ends_at_the_means():
    centers, means = np.zeros((1, 2)), np.array([[1.0, 0.0]])
    momentum = Momentum(means)  # they have not moved
    assert_array_equal(momentum.aim(centers, means, np.array([3.0])), means)


def test_momentum_starts_again_where_the_means_pull_back():
    momentum = Momentum(np.array([[0.0]]))
    ahead = momentum.aim(np.array([[0.0]]), np.array([[1.0]]), np.array([3.0]))
    assert ahead > 1
    back = np.array([[1.2]])  # beyond the means before, but not as far as the centre
    assert_array_equal(momentum.aim(ahead, back, np.array([2.0])), back)


def test_centres_go_back_where_the_inertia_has_risen():
    momentum = Momentum(np.array([[0.0]]))
    means = np.array([[1.0]])
    ahead = momentum.aim(np.array([[0.0]]), means, np.array([3.0]))
    assert_array_equal(momentum.aim(ahead, np.array([[2.0]]), np.array([3.5])), means)


def gains(X, model):
    """Return what moving to the means gains in every iteration, as shares of the inertia."""
    shares = []
    for centers, inertia in zip(
        model.history_.centers[:-1], model.history_.inertia[:-1], strict=True
    ):
        labels = pairwise_distances_argmin(X, centers)
        counts = np.bincount(labels, minlength=len(centers))
        sums = np.zeros_like(centers)
        np.add.at(sums, labels, X)
        moved = sums / counts[:, None] - centers
        shares.append(counts @ np.square(moved).sum(axis=1) / inertia)
    return np.array(shares)


def test_a_searched_fit_ends_after_three_small_gains():
    X = np.random.default_rng(0).random((8000, 16))
    tol = 2e-4
    options = {"init": X[:40], "refine": 1, "store_history": True, "random_state": 0}
    model = KMeansPP(40, tol=tol, **options).fit(X)
    longer = KMeansPP(40, tol=0, **options).fit(X)
    small = gains(X, model)[2:] <= tol / 2
    assert 5 < model.n_iter_ < longer.n_iter_
    assert small[-3:].all()
    assert not any(small[i : i + 3].all() for i in range(len(small) - 3))
    assert_allclose(model.inertia_, longer.inertia_, rtol=5 * tol)


def test_flat_data_end_lower_than_by_plain_iterations():
    X = np.random.default_rng(0).standard_normal((6000, 70))
    ours, plain = (
        [KMeansPP(40, algorithm=kind, random_state=seed).fit(X).inertia_ for seed in range(3)]
        for kind in ("auto", "lloyd")
    )
    assert np.mean(ours) < (1 - 6e-4) * np.mean(plain)


def test_without_tol_momentum_ends_where_the_centres_are_means():
    X = np.random.default_rng(0).random((3000, 8))
    model = KMeansPP(60, tol=0, random_state=0).fit(X)
    assert model.n_iter_ < 300
    means = [X[model.labels_ == c].mean(axis=0) for c in range(60)]
    assert_allclose(model.cluster_centers_, means, rtol=0, atol=1e-12)
    assert_array_equal(model.labels_, pairwise_distances_argmin(X, model.cluster_centers_))


def test_iterations_do_not_go_round_in_circles():
    X = np.random.default_rng(0).random((10_000, 16))
    model = KMeansPP(400, tol=0, random_state=4).fit(X)
    assert model.n_iter_ < 100


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_pulls_tell_what_moving_to_the_places_gains(metric):
    rng = np.random.default_rng(3)
    metric = METRICS[metric]
    X = metric.rows(rng.normal(1.0, 1.0, (300, 5)))
    rows = rows_of(X, rng.uniform(1, 2, 300), 1)
    centers = X[:4] - rows.offset
    assignment = rows.nearest(centers)
    before = rows.inertia(centers, assignment.labels)
    places = metric.place(means_of(assignment, centers), centers, rows.offset)
    gain = metric.pulls(assignment, rows.offset) @ lengths(places - centers) ** 2
    after = rows.inertia(places, assignment.labels)
    assert_allclose(gain, before - after, rtol=1e-10)


@pytest.mark.parametrize("far", [1e5, 1e8])
def test_a_far_row_does_not_turn_momentum_back(far):
    X = np.random.default_rng(0).standard_normal((20_000, 10))
    near, model = [], KMeansPP(50, random_state=0)
    for place in (1e3, far):
        Y = X.copy()
        Y[0] += place
        near.append(model.fit(Y).inertia_)
    assert_allclose(near[1], near[0], rtol=5e-4)


def test_clusters_without_rows_of_their_own_end_the_iterations():
    X = np.repeat(np.random.default_rng(0).standard_normal((50, 120)), 100, axis=0)
    with pytest.warns(ConvergenceWarning, match="Only 50 of n_clusters=60"):
        assert KMeansPP(60, random_state=0).fit(X).n_iter_ < 10


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_some_rows_tell_the_inertia_of_all(is_sparse, is_weighted):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50_000, 4)) + 3.0
    X = sparse.csr_array(X) if is_sparse else X
    rows = rows_of(X, rng.uniform(0, 2, 50_000) if is_weighted else None, 1)
    centers = rows.take(np.arange(5))
    labels = rows.nearest(centers).labels
    told = _rough_inertia(rows, centers, labels)
    assert_allclose(told, rows.inertia(centers, labels), rtol=0.03)

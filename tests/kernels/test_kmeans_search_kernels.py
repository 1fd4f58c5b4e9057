"""Lloyd's iterations in one go, and the loops of the search, against NumPy."""

import numpy as np
import pytest

from skextra._kernels import _kmeans_search as search
from skextra._kernels._kmeans_rows import DenseBlock
from skextra._kmeans._dense_rows import NarrowRows
from skextra._kmeans._lloyd import Assignment


def squares_of(rows, centers):
    return np.square(rows[:, None] - centers).sum(axis=2)


def textbook(rows, weight, centers, labels, max_iter, tol):
    """Return (centres, labels, changes, way of every centre in every iteration)."""
    centers, ways = centers.copy(), []
    for _ in range(max_iter):
        old, labels = labels, squares_of(rows, centers).argmin(axis=1)
        mass = np.bincount(labels, weight, len(centers))
        means = centers.copy()
        for c in np.flatnonzero(mass > 1e-12 * weight.sum()):
            means[c] = weight[labels == c] @ rows[labels == c] / mass[c]
        ways.append(np.sqrt(np.square(means - centers).sum(axis=1)))
        centers, changed = means, np.count_nonzero(labels != old)
        if changed == 0 or ways[-1] @ ways[-1] <= tol:
            break
    return centers, labels, changed, np.array(ways)


def blobs(weighted, d=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, d)) + rng.integers(0, 4, (40, 1))
    weight = rng.uniform(0.5, 2, 40) if weighted else None
    points = NarrowRows(X, weight, 1, (np.average(X, axis=0, weights=weight), 0.375))
    return points, X - points.offset, np.ones(40) if weight is None else weight


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [1, 3, 4])
@pytest.mark.parametrize("max_iter, tol", [(1, 0.0), (2, 0.0), (50, 0.0), (50, 0.02)])
def test_iterations_in_one_go_are_the_textbook(weighted, k, max_iter, tol):
    points, rows, weight = blobs(weighted)
    start = rows[:k] + 0.01
    centers, labels, changed, ways = textbook(
        rows, weight, start, np.full(len(rows), -1), max_iter, tol
    )
    state = Assignment(points.n, k, points.d)
    found, iterations, changes, _ = points.iterate(start, state, max_iter, tol, False)
    assert (iterations, changes) == (len(ways), changed)
    np.testing.assert_array_equal(state.labels, labels)
    np.testing.assert_allclose(found, centers, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(state.travel, ways.sum(axis=0) * points.scale, rtol=1e-9)
    np.testing.assert_allclose(state.reach, ways.max(axis=1).sum() * points.scale, rtol=1e-9)
    np.testing.assert_allclose(state.counts, np.bincount(labels, weight, k), rtol=1e-9)
    assert (start == rows[:k] + 0.01).all()


def test_iterations_stop_where_the_centres_move_by_no_more_than_tol():
    points, rows, weight = blobs(True)
    start = rows[:3] + 0.01
    ways = textbook(rows, weight, start, np.full(len(rows), -1), 50, 0.0)[3]
    moved = np.square(ways).sum(axis=1)
    for least, iterations in [(1 + 1e-9, 2), (1 - 1e-9, 3)]:
        state = Assignment(points.n, 3, points.d)
        found = points.iterate(start, state, 50, least * moved[1], False)
        assert found[1] == iterations


def test_iterations_that_are_to_tell_what_centres_are_worth():
    points, rows, weight = blobs(True)
    start = rows[:4] + 0.01
    for max_iter in (3, 30):  # the second long after nothing moves
        state = Assignment(points.n, 4, points.d)
        _, iterations, _, costs = points.iterate(start, state, max_iter, 0.0, True)
        before = textbook(rows, weight, start, np.full(len(rows), -1), max_iter - 1, -1.0)[0]
        ranked = np.sort(squares_of(rows, before), axis=1) * points.scale**2
        lost = np.bincount(state.labels, weight * (ranked[:, 1] - ranked[:, 0]), 4)
        assert iterations == max_iter
        np.testing.assert_allclose(costs, lost, rtol=1e-4)


def test_iterations_go_on_from_where_points_are():
    points, rows, _ = blobs(False)
    start = rows[:3] + 0.01
    state = Assignment(points.n, 3, points.d)
    points.iterate(start, state, 1, 0.0, False)
    state.resume(0.0)
    state.labels[:], state.limits[:] = 1, 1e9  # nobody is in doubt, right or wrong
    points.iterate(start, state, 1, 0.0, False)
    assert (state.labels == 1).all()
    state.is_fresh = True
    points.iterate(start, state, 1, 0.0, False)
    assert (state.labels != 1).any()


def test_a_cluster_of_no_weight_keeps_its_centre():
    X = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]])
    for light, moves in [(1e-11, False), (1e-9, True)]:
        points = NarrowRows(X, np.array([100.0, 100.0, light]), 1)
        start = X[[0, 2]] - points.offset + 0.5
        state = Assignment(3, 2, 2)
        found = points.iterate(start, state, 1, 0.0, False)[0]
        expected = X[2] - points.offset + (0.0 if moves else 0.5)
        np.testing.assert_allclose(found[1], expected, rtol=1e-4)
        np.testing.assert_allclose(found[0], [0.5, 0.0] - points.offset, atol=1e-9)


def test_points_in_the_order_of_their_labels():
    order, bounds = np.full(5, -1), np.full(6, -1)
    search.group(np.array([2, 0, 2, 3, 0], np.int32), order, bounds)
    assert order.tolist() == [1, 4, 0, 2, 3]
    assert bounds.tolist() == [0, 2, 2, 4, 5, 5]


def halves_of(X, weight, center):
    """Return (one mean, the other, inertia saved) as `_split_in_two` is described."""
    step = 1 + (len(X) - 1) // 128
    rows, weight = X[::step] - center, weight[::step]
    axis = rows[np.square(rows).sum(axis=1).argmax()]
    for _ in range(2):
        axis = (weight * (rows @ axis)) @ rows
        axis = axis / np.linalg.norm(axis)
    middle = 0.0
    for _ in range(3):
        high = rows @ axis > middle
        means = [np.average(rows[side], axis=0, weights=weight[side]) for side in (~high, high)]
        axis = means[1] - means[0]
        middle = axis @ (means[0] + means[1]) / 2
    mass = weight[~high].sum(), weight[high].sum()
    saved = step * axis @ axis * mass[0] * mass[1] / sum(mass)
    return center + means[0], center + means[1], saved


@pytest.mark.parametrize("step", [0, 1])
def test_clusters_are_split_along_their_main_direction(step):
    rng = np.random.default_rng(0)
    sizes = [0, 1, 2, 7, 128, 129, 300, 3]
    X = rng.normal(size=(sum(sizes), 2)) @ [[2.0, 0.5], [0.0, 0.7]] + 5
    weight = rng.uniform(0.5, 2, len(X))
    labels = rng.permutation(np.repeat(np.arange(8, dtype=np.int32), sizes))
    X[labels == 7] = 6.0  # all in one place
    groups = [np.flatnonzero(labels == c) for c in range(8)]
    centers = np.array([X[mine].mean(axis=0) if len(mine) else np.zeros(2) for mine in groups])
    centers[3:7] += rng.normal(0, 0.1, (4, 2))
    low, high, saved = np.full((8, 2), -1.0), np.full((8, 2), -2.0), np.full(8, np.nan)
    own = weight if step else weight[:1]
    block = DenseBlock(X, np.zeros(2), 1.0, own, step)
    room = np.full(len(X), -1), np.full(9, -1), np.full((4, 2), np.nan)
    search.split_each(block, labels, centers, search.Halves(low, high, saved), *room)
    assert saved[[0, 1, 7]].tolist() == [0, 0, 0]
    assert (low[[0, 1, 7]] == -1).all()
    assert (high[[0, 1, 7]] == -2).all()
    for c in range(2, 7):
        mine = groups[c]
        weights = weight[mine] if step else np.full(len(mine), weight[0])
        expected = halves_of(X[mine], weights, centers[c])
        np.testing.assert_allclose(low[c], expected[0], rtol=1e-9)
        np.testing.assert_allclose(high[c], expected[1], rtol=1e-9)
        np.testing.assert_allclose(saved[c], expected[2], rtol=1e-9)


def split(X, weight, center):
    """Return (inertia saved, one mean, the other) of one cluster."""
    low, high = np.full(X.shape[1], np.nan), np.full(X.shape[1], np.nan)
    every = np.arange(len(X))
    block = DenseBlock(X, np.zeros(X.shape[1]), 1.0, weight, 1)
    room = np.full((4, X.shape[1]), np.nan)
    return search._split_in_two(block, every, 0, len(X), center, low, high, room), low, high


def test_clusters_that_cannot_be_split_save_nothing():
    square = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert split(square, np.array([0.0, 0.0]), np.zeros(2))[0] == 0  # of no weight
    assert split(square, np.array([1.0, 0.0]), np.zeros(2))[0] == 0  # on one side only
    assert split(square, np.array([0.0, 1.0]), np.zeros(2))[0] == 0
    saved, low, high = split(square, np.array([1.0, 1.0]), np.zeros(2))
    assert saved == 2
    assert sorted([low.tolist(), high.tolist()]) == [[-1.0, 0.0], [1.0, 0.0]]


def test_a_point_half_way_goes_to_the_lower_half():
    X = np.array([[3.0], [-3.0], [0.0]])
    saved, low, high = split(X, np.array([1.0, 1.0, 1e-30]), np.zeros(1))
    assert (low, high) == (-3.0, 3.0)
    assert saved == 18
    X = np.array([[2.0], [-1.0], [-1.0]])
    saved, low, high = split(X, np.ones(3), np.zeros(1))
    assert (low, high, saved) == (-1.0, 2.0, 6.0)


def test_draws_in_rising_order():
    mass = np.array([0.0, 1.0, 0.0, 3.0, 4.0, 0.0])
    places = np.array([0.0, 0.1, 0.125, 0.3, 0.49, 0.5, 0.99, 1.0])
    drawn = np.full(8, -1)
    assert search.draw_in_order(mass, places, drawn) == 8
    assert drawn.tolist() == [1, 1, 3, 3, 3, 4, 4, 5]
    drawn = np.full(3, -1)
    assert search.draw_in_order(np.zeros(4), np.array([0.1, 0.2, 0.3]), drawn) == 0
    assert drawn.tolist() == [3, 3, 3]

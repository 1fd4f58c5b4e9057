"""Bounds for every pair of row and centre: they hold, and spare distances and nothing else."""

import numpy as np
import pytest

from skextra._kernels import _kmeans_pairs as pairs
from skextra._kernels._kmeans_rows import DenseBlock, Totals
from skextra._kmeans import _dense_rows
from skextra._kmeans._dense_rows import WideRows
from skextra._kmeans._lloyd import Assignment

K = 6


@pytest.fixture(params=[0.0, 1.0], ids=["all at once", "one by one"])
def most_candidates(request, monkeypatch):
    """Let rows in doubt meet all centres at once, or distances be computed one by one."""
    monkeypatch.setattr(_dense_rows, "_MOST_CANDIDATES", request.param)
    return request.param


def made(n=300, d=270, seed=0):
    """Return (points, centres, distances of all pairs, scaled)."""
    rng = np.random.default_rng(seed)
    X, weight = rng.normal(3.0, 2.0, (n, d)), rng.uniform(0.5, 2.0, n)
    points = WideRows(X, weight, 1, (np.average(X, axis=0, weights=weight), 0.375))
    rows = X - points.offset
    centers = rows[rng.choice(n, K, replace=False)] + rng.normal(0, 0.1, (K, d))
    return points, centers, distances(points, centers)


def distances(points, centers):
    rows = points.X - points.offset
    return np.sqrt(np.square(rows[:, None] - centers).sum(axis=2)) * points.scale


def run(points, centers, state, full, part):
    """Return (changed, looked at, sums, counts) of one call for a run of rows."""
    sums, counts = np.zeros((K, points.d)), np.zeros(K)
    totals = tuple(Totals(sums, counts, np.empty(0), np.empty(0, np.float32)))
    packed, bounds = tuple(points.pack(centers)), tuple(state.labelling())
    return *points.assign_chunk(points.block, *part, packed, bounds, full, totals), sums, counts


def bounded(points, centers, seed=1):
    """Return an assignment after a full pass, with centres that have travelled."""
    state = Assignment(points.n, K, points.d)
    state.bound_pairs()
    state.reach, state.travel[:] = 0.75, np.random.default_rng(seed).integers(1, 9, K) / 16
    run(points, centers, state, True, (0, points.n))
    return state


def assert_bounds(state, far, inside=slice(None), slack=6e-3):
    """Check the bounds of some rows against true distances, and that they are not loose."""
    own = state.labels[inside]
    below = far[inside] + state.travel - state.lower[inside]
    assert (below >= 0).all()
    nearest = far[inside][np.arange(len(own)), own]
    above = state.limits[inside] + state.travel[own] - nearest
    assert (above >= 0).all()
    if slack is not None:
        assert max(below.max(), above.max()) < slack


def test_a_full_pass_sets_the_bounds_of_every_pair():
    points, centers, far = made()
    state = bounded(points, centers)
    np.testing.assert_array_equal(state.labels, far.argmin(axis=1))
    assert_bounds(state, far)
    before = state.lower.copy()
    run(points, centers, state, True, (3, points.n - 2))
    np.testing.assert_array_equal(state.lower, before)


def test_labels_follow_centres_that_move(most_candidates):
    points, centers, far = made()
    state, part = bounded(points, centers), (3, points.n - 2)
    inside, rows = slice(*part), points.X - points.offset
    rng = np.random.default_rng(2)
    for step in (0.02, 0.3, 0.3, 0.02):
        way = step * rng.standard_normal(centers.shape)
        centers = centers + way
        state.move(np.linalg.norm(way, axis=1) * points.scale)
        old, far = state.labels.copy(), distances(points, centers)
        changed, looked, sums, counts = run(points, centers, state, False, part)
        new = far.argmin(axis=1)
        np.testing.assert_array_equal(state.labels[inside], new[inside])
        np.testing.assert_array_equal(state.labels[:3], old[:3])
        assert changed == np.count_nonzero(old[inside] != new[inside])
        assert changed <= looked * K <= K * (part[1] - part[0])
        assert_bounds(state, far, inside, slack=None)
        gained = np.zeros((K, points.d))
        for i in range(*part):
            gained[new[i]] += points.own_weight[i] * rows[i]
            gained[old[i]] -= points.own_weight[i] * rows[i]
        np.testing.assert_allclose(sums, gained, atol=1e-9)
        np.testing.assert_allclose(counts.sum(), 0, atol=1e-12)


def test_rows_whose_label_is_certain_are_not_looked_at(most_candidates):
    points, centers, far = made()
    state, part = bounded(points, centers), (0, points.n)
    wrong = (state.labels + 1) % K
    state.labels[:] = wrong
    state.lower += 100
    state.limits[:] = 0
    assert run(points, centers, state, False, part)[:2] == (0, 0)
    np.testing.assert_array_equal(state.labels, wrong)
    state.limits[:], state.lower[:] = np.inf, 0.0
    assert run(points, centers, state, False, part)[0] == points.n
    np.testing.assert_array_equal(state.labels, far.argmin(axis=1))


def test_only_centres_in_question_are_looked_at(monkeypatch):
    monkeypatch.setattr(_dense_rows, "_MOST_CANDIDATES", 1.0)
    points, centers, far = made()
    state = bounded(points, centers)
    order = far.argsort(axis=1)
    nearest, other = order[:, 0], order[:, 1]
    every = np.arange(points.n)
    state.limits += 1e-2
    state.lower[every, other] = far[every, nearest] + state.travel[other]
    changed, looked, _, _ = run(points, centers, state, False, (0, points.n))
    assert changed == 0
    assert looked == 2 * points.n // K  # its own and one other of every row
    assert_bounds(state, far, slack=1e-2)


@pytest.mark.parametrize("old", [0, 1, 2, 3])
@pytest.mark.parametrize("shift", [0.0, 1e-14])
def test_ties_are_decided_as_everywhere_else(most_candidates, old, shift):
    X = np.zeros((1, 66))
    X[0, 0] = shift
    points = WideRows(X, None, 1, (np.zeros(66), 0.5))
    centers = np.zeros((4, 66))
    centers[:, 0] = 5.0, -1.0, 1.0, 1.0
    state = Assignment(1, 4, 66)
    state.labels[:], state.limits[:] = old, np.inf
    state.lower = np.zeros((1, 4), np.float32)
    totals = Totals(np.zeros((4, 66)), np.zeros(4), np.empty(0), np.empty(0, np.float32))
    packed, bounds = tuple(points.pack(centers)), tuple(state.labelling())
    points.assign_chunk(points.block, 0, 1, packed, bounds, False, tuple(totals))
    assert state.labels[0] == (2 if shift else 1)


def test_close_distances_are_told_apart_one_by_one(monkeypatch):
    monkeypatch.setattr(_dense_rows, "_MOST_CANDIDATES", 1.0)
    points, centers, _ = made()
    centers[2] = centers[0] + np.where(np.arange(points.d) == 0, 1e-9, 0.0)
    state = bounded(points, centers)
    expected = distances(points, centers).argmin(axis=1)
    state.labels[:] = (state.labels + 1) % K
    state.limits[:], state.lower[:] = np.inf, 0.0
    run(points, centers, state, False, (0, points.n))
    assert {0, 2} <= set(expected)
    np.testing.assert_array_equal(state.labels, expected)


def test_parts_of_the_loop():
    X, offset, center = (
        np.array([[0.0, 0.0], [4.0, 7.0]]),
        np.array([1.0, 2.0]),
        np.array([-1.0, 1]),
    )
    block = DenseBlock(X, offset, 1.0, np.ones(1), 0)
    assert pairs._square(block, 1, center) == 4**2 + 4**2
    row, travel = np.array([3.0, 1.0, 2.5], np.float32), np.array([1.0, 0.0, 0.5])
    assert pairs._count_candidates(row, travel, 1, 2.0) == 2
    assert pairs._count_candidates(row, travel, 1, 1.9) == 0
    assert pairs._count_candidates(row, travel, 0, 1.5) == 1


def test_a_row_given_to_another_cluster_is_looked_at_again(most_candidates):
    points, centers, far = made()
    state = bounded(points, centers)
    state.relabel(np.array([4]), (state.labels[[4]] + 1) % K)
    changed, _, _, _ = run(points, centers, state, False, (0, points.n))
    assert changed == 1
    np.testing.assert_array_equal(state.labels, far.argmin(axis=1))

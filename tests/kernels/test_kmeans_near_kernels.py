"""The loops in which a row meets only centres near its own, against a look at all of them."""

import numpy as np
import pytest

from skextra._kernels import _kmeans_near as near
from skextra._kmeans import _dense_rows
from skextra._kmeans._dense_rows import NarrowRows
from skextra._kmeans._lloyd import Assignment


def spread(n=300, k=24, d=3, *, weighted=True, seed=0):
    """Return (points, rows relative to their offset, centres, weights): groups far apart."""
    rng = np.random.default_rng(seed)
    places = 40.0 * rng.random((k // 2, d))
    X = np.repeat(places, n // len(places), axis=0) + rng.normal(size=(n, d))
    weight = rng.uniform(0.5, 2.0, n) if weighted else None
    points = NarrowRows(X, weight, 1, (np.average(X, axis=0, weights=weight), 0.375))
    rows = X - points.offset
    centers = rows[rng.choice(n, k, replace=False)] + rng.normal(0, 0.3, (k, d))
    return points, rows, centers, np.ones(n) if weight is None else weight


def labelled(points, rows, centers, seed=1):
    """Return an assignment to centres near these, some rows certain and some without a label."""
    rng = np.random.default_rng(seed)
    state = Assignment(points.n, len(centers), points.d)
    others = centers + rng.normal(0, 0.3, centers.shape)
    state.labels[:] = squares_of(rows, others).argmin(axis=1)
    state.labels[rng.random(points.n) < 0.2] = -1
    state.reach, state.travel[:] = 0.75, rng.integers(1, 9, len(centers)) / 16
    state.limits[:] = np.where((rng.random(points.n) < 0.3) & (state.labels >= 0), 9.0, 0.5)
    state.is_fresh = False
    return state


def squares_of(rows, centers):
    return np.square(rows[:, None] - centers).sum(axis=2)


@pytest.fixture
def always(monkeypatch):
    """Compare rows with near centres only, however many these are."""
    monkeypatch.setattr(_dense_rows, "_WORTHWHILE", np.inf)


def test_rows_in_doubt_in_the_order_of_their_labels():
    state = Assignment(9, 3, 2)
    state.labels[:] = [2, -1, 0, 2, 2, 0, -1, 2, 0]
    state.limits[:] = [0, 0, 9, 1.5, 0, 0, 0, 9, 9]
    state.reach, state.travel[:] = 1.0, [0.25, 0.0, 0.5]  # 1.5 is in doubt as much as less
    members = np.empty(4, np.int64)
    order, bounds = np.full(9, -1, np.int32), np.full(5, -1)
    near.order_pending(state.labelling(), False, order, bounds, members)
    assert bounds.tolist() == [0, 2, 3, 3, 6]
    assert order[:6].tolist() == [1, 6, 5, 0, 3, 4]
    near.order_pending(state.labelling(), True, order, bounds, members)
    assert bounds.tolist() == [0, 2, 5, 5, 9]
    assert order.tolist() == [1, 6, 2, 5, 8, 0, 3, 4, 7]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("number", range(3))
def test_near_centres_are_enough_for_labels_sums_and_limits(number, weighted, full):
    points, rows, centers, weight = spread(weighted=weighted, seed=number)
    state = labelled(points, rows, centers)
    before = state.copy()
    looked = full | (before.limits < 2) | (before.labels < 0)
    changed, costs, draws = points._assign_near(centers, state, full, full)
    squares = squares_of(rows, centers) * points.scale**2
    nearest, ranked = squares.argmin(axis=1), np.sort(squares, axis=1)
    new = np.where(looked, nearest, before.labels)
    np.testing.assert_array_equal(state.labels, new)
    assert changed == np.count_nonzero(new != before.labels)
    assert draws is None
    moved = np.flatnonzero(new != before.labels)
    sums, counts = np.zeros_like(centers), np.zeros(len(centers))
    for i in moved:
        for cluster, sign in ((new[i], 1), (before.labels[i], -1)):
            if cluster >= 0:
                sums[cluster] += sign * weight[i] * rows[i]
                counts[cluster] += sign * weight[i]
    np.testing.assert_allclose(state.sums, sums, atol=1e-9)
    np.testing.assert_allclose(state.counts, counts, atol=1e-9)
    # Limits never promise more than the gap to the second centre, or to those not looked at.
    first, second = np.sqrt(ranked[:, :2].T)
    old = before.labels
    own = np.sqrt(squares[np.arange(points.n), old])
    for a in range(len(centers)):
        group = looked & (old == a)
        gaps = np.sqrt(np.sort(squares_of(centers[[a]], centers)[0])) * points.scale
        clear = max(2.1 * own[group].max(initial=0), gaps[1])
        if (gaps > clear).any():
            second[group] = np.minimum(second, clear - own)[group]
    passed = state.reach + state.travel[new]
    assert (state.limits <= np.where(looked, np.sqrt(ranked[:, 1]) - first + passed, 9.0)).all()
    assert (state.limits >= np.where(looked, second - first + passed - 0.02, 0.5)).all()
    # Nor do costs exceed those of giving every row to its second centre.
    lost = np.bincount(new, weight * (ranked[:, 1] - ranked[:, 0]), len(centers))
    assert (costs <= lost[: len(costs)] * (1 + 1e-4) + 1e-4).all()
    assert len(costs) == full * len(centers)


@pytest.mark.usefixtures("always")
def test_a_row_far_from_its_centre_still_finds_the_nearest():
    points, rows, centers, _ = spread()
    state = labelled(points, rows, centers)
    state.labels[:] = np.random.default_rng(2).integers(0, len(centers), points.n)
    points._assign_near(centers, state, True, False)
    np.testing.assert_array_equal(state.labels, squares_of(rows, centers).argmin(axis=1))


@pytest.mark.usefixtures("always")
def test_rows_at_their_centres_are_certain_until_the_centres_move():
    X = np.repeat(np.arange(30.0), 10)[:, None] * [1.0, 2.0]
    points = NarrowRows(X, None, 1, (np.zeros(2), 1.0))
    centers = X[::10].copy()
    state = Assignment(300, 30, 2)
    state.labels[:] = np.repeat(np.arange(30), 10)
    assert points._assign_near(centers, state, True, False)[0] == 0
    np.testing.assert_allclose(state.limits, np.sqrt(5.0), rtol=0.1)


@pytest.mark.usefixtures("always")
def test_equal_centres_leave_the_choice_to_float64():
    points, rows, centers, _ = spread()
    centers[1::2] = centers[::2]
    state = labelled(points, rows, centers)
    points._assign_near(centers, state, True, False)
    assert (state.labels % 2 == 0).all()  # the first of those equally near
    np.testing.assert_array_equal(state.labels, squares_of(rows, centers).argmin(axis=1))


def test_the_share_of_candidates_is_that_of_the_centres_in_reach():
    points, rows, centers, _ = spread(weighted=False)
    k = len(centers)
    state = labelled(points, rows, centers)
    order, bounds = np.empty(points.n, np.int32), np.empty(k + 2, np.int64)
    near.order_pending(state.labelling(), True, order, bounds, np.empty(50, np.int64))
    columns = np.ascontiguousarray((centers * points.scale).T, dtype=np.float32)
    room = np.empty(k, np.float32), np.empty(k + 3, np.int64)
    groups = points.block, order, bounds
    found = near.share_of_candidates(
        *groups, 2, tuple(points.pack(centers)), columns, room, np.empty(64, np.float32)
    )
    shares = []
    for a in range(1, k, 2):
        own = order[bounds[a + 1] : bounds[a + 2]]
        if len(own):
            radius = np.sqrt(squares_of(rows[own], centers[[a]]).max())
            gaps = np.sqrt(squares_of(centers[[a]], centers)[0])
            others = np.delete(gaps, a).min()
            shares.append((gaps <= max(2.1 * radius, others) * (1 + 1e-5)).mean())
    np.testing.assert_allclose(found, np.mean(shares))

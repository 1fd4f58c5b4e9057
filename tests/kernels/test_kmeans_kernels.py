"""Every compiled loop of k-means against a few lines of NumPy, called as the estimator does."""

import numpy as np
import pytest
from scipy import sparse

from skextra._kernels import _kmeans_rows as rows_kernels
from skextra._kmeans._csr_rows import CsrRows
from skextra._kmeans._dense_rows import NarrowRows, WideRows
from skextra._kmeans._lloyd import Assignment

KINDS = {"narrow": (262, 11), "wide": (70, 66), "products": (262, 270), "csr": (45, 9)}
EDGE = 1.0 - 1e-6


class ProductRows(WideRows):
    """Rows that BLAS multiplies with centres however few."""

    products_from = 0


DENSE = {"narrow": NarrowRows, "wide": WideRows, "products": ProductRows}


def made(kind, k, *, weighted=True, seed=0):
    """Return (points, the rows relative to their offset, centres, weights)."""
    rng = np.random.default_rng(seed)
    n, d = KINDS[kind]
    X = rng.normal(3.0, 2.0, (n, d))
    weight = rng.uniform(0.5, 2.0, n) if weighted else None
    if kind == "csr":
        X[rng.random((n, d)) < 0.6] = 0.0
        points = CsrRows(sparse.csr_array(X), weight, 1, (np.zeros(d), 0.375))
    else:
        frame = np.average(X, axis=0, weights=weight), 0.375
        points = DENSE[kind](X, weight, 1, frame)
    rows = X - points.offset
    centers = rows[rng.choice(n, k, replace=False)] + rng.normal(0, 0.1, (k, d))
    return points, rows, centers, np.ones(n) if weight is None else weight


def squares_of(rows, centers):
    return np.square(rows[:, None] - centers).sum(axis=2)


def state_of(points, k, seed=1):
    """Return an assignment with some points of no cluster, and sums that are not zero."""
    rng = np.random.default_rng(seed)
    state = Assignment(points.n, k, points.d)
    state.labels[:] = rng.integers(-1, k, points.n)
    state.reach, state.travel[:] = 0.75, rng.integers(1, 9, k) / 16
    return state


def run(points, centers, state, full, part, *, costs=True, own=True):
    """Return (changed, looked at, sums, counts, costs, own) of one call for a run of rows."""
    k, d = centers.shape
    sums, counts = np.full((k, d), 0.5), np.full(k, 0.25)
    costs = np.full(k, 0.125 if costs else 0)[: k if costs else 0]
    own = np.full(part[1] - part[0] if own else 0, np.nan, np.float32)
    totals = tuple(rows_kernels.Totals(sums, counts, costs, own))
    packed, bounds = tuple(points.pack(centers)), tuple(state.labelling())
    found = points.assign_chunk(points.block, *part, packed, bounds, full, totals)
    return *found, *totals


def blurs_of(points, rows, centers):
    """Return what rounding may do to squared distances (scaled), for every row and centre."""
    if points.is_dense:
        d = points.d  # of which loops add one after the other, and BLAS 256 in any order
        depth = d if isinstance(points, NarrowRows) else min(d, 256) / 2 + d / 256
        unit = np.float32(2.0**-23 * (depth + 16))
        squares, norms = (np.square(x * points.scale).sum(axis=1) for x in (rows, centers))
        return unit * (squares[:, None] + norms)
    return np.zeros((len(rows), len(centers)))


def limits_of(points, rows, centers, state):
    """Return (labels, limits, how much of that is for rounding) of a look at every row."""
    squares = squares_of(rows, centers) * points.scale**2
    labels = squares.argmin(axis=1)
    own = np.arange(len(centers)) == labels[:, None]
    exact, cautious = (
        np.sqrt(np.where(own, np.inf, squares - b).min(axis=1))
        - np.sqrt((squares + b)[own])
        + state.reach
        for b in (0, blurs_of(points, rows, centers))
    )
    return labels, (cautious + state.travel[labels]) * EDGE, exact - cautious


def assert_limits(found, limits, caution):
    """Compare limits, closely enough to tell whether they allow for rounding."""
    assert (np.abs(found - limits) <= 0.15 * caution + 1e-6).all()


def moves_of(rows, weight, old, new, k):
    """Return what goes to the sums and counts of the clusters."""
    sums, counts = np.full((k, rows.shape[1]), 0.5), np.full(k, 0.25)
    for i in np.flatnonzero(old != new):
        sums[new[i]] += weight[i] * rows[i]
        counts[new[i]] += weight[i]
        if old[i] >= 0:
            sums[old[i]] -= weight[i] * rows[i]
            counts[old[i]] -= weight[i]
    return sums, counts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k, weighted", [(3, True), (4, False)])
def test_a_full_look_finds_the_nearest_centres(kind, k, weighted):
    points, rows, centers, weight = made(kind, k, weighted=weighted)
    state = state_of(points, k)
    before, part = state.copy(), (3, points.n - 2)
    inside = slice(*part)
    labels, limits, caution = limits_of(points, rows, centers, state)
    changed, looked, sums, counts, costs, own = run(points, centers, state, True, part)
    old, new = before.labels[inside], labels[inside]
    assert (changed, looked) == (np.count_nonzero(old != new), len(old))
    np.testing.assert_array_equal(state.labels[inside], new)
    assert_limits(state.limits[inside], limits[inside], caution[inside])
    outside = np.r_[0:3, points.n - 2 : points.n]
    np.testing.assert_array_equal(state.labels[outside], before.labels[outside])
    np.testing.assert_array_equal(state.limits[outside], -np.inf)
    moves = moves_of(rows[inside], weight[inside], old, new, k)
    np.testing.assert_allclose(sums, moves[0], rtol=1e-9)
    np.testing.assert_allclose(counts, moves[1], rtol=1e-9)
    ranked = np.sort(squares_of(rows[inside], centers), axis=1) * points.scale**2
    np.testing.assert_allclose(own, ranked[:, 0], rtol=1e-4, atol=5e-5)
    lost = np.bincount(new, weight[inside] * (ranked[:, 1] - ranked[:, 0]), k)
    np.testing.assert_allclose(costs, 0.125 + lost, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_points_within_their_limits_are_not_looked_at(kind):
    points, rows, centers, weight = made(kind, 5)
    state = state_of(points, 5)
    state.labels[state.labels < 0] = 0
    doubt = state.reach + state.travel[state.labels]
    step = np.resize([-0.0625, 0.0, 0.0625], points.n)
    state.limits[:] = doubt + step
    if kind == "csr":
        state.labels[2] = -1  # of no cluster, and with a limit that would excuse it
    before = state.copy()
    labels, limits, caution = limits_of(points, rows, centers, state)
    part = (0, points.n)
    changed, looked, sums, counts, _, _ = run(points, centers, state, False, part, costs=False)
    due = (step <= 0) | (before.labels < 0)
    new = np.where(due, labels, before.labels)
    assert (changed, looked) == (np.count_nonzero(before.labels != new), due.sum())
    np.testing.assert_array_equal(state.labels, new)
    assert_limits(state.limits, np.where(due, limits, before.limits), caution)
    moves = moves_of(rows, weight, before.labels, new, 5)
    np.testing.assert_allclose(sums, moves[0], rtol=1e-9)
    np.testing.assert_allclose(counts, moves[1], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_asked_for_is_not_written(kind):
    points, _, centers, _ = made(kind, 3)
    bare, rich = state_of(points, 3), state_of(points, 3)
    part = (0, points.n)
    first = run(points, centers, bare, True, part, costs=False, own=False)
    other = run(points, centers, rich, True, part)
    assert len(first[4]) == len(first[5]) == 0
    for one, two in zip(first[:4], other[:4], strict=True):  # by loops compiled for another case
        np.testing.assert_allclose(one, two, rtol=1e-12)
    np.testing.assert_allclose(bare.limits, rich.limits, rtol=1e-6)


def near_ties(n, d, k, far, rng):
    """Return (points between pairs of centres, a hair to one side; centres, some far away)."""
    centers = rng.normal(size=(k, d))
    centers[k // 2 :: 3] *= far
    one, other = np.stack([rng.choice(k, 2, replace=False) for _ in range(n)], axis=1)
    hair = rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-9, -3, n)
    middle = (centers[one] + centers[other]) / 2
    return middle + hair[:, None] * (centers[one] - centers[other]), centers


@pytest.mark.parametrize("far", [1.0, 30.0, 1e3, 1e5])
@pytest.mark.parametrize("n, d, k", [(260, 1, 4), (300, 3, 7), (520, 13, 30), (300, 64, 9)])
def test_labels_and_limits_allow_for_rounding_in_narrow_rows(n, d, k, far):
    assert_bounds_hold(NarrowRows, n, d, k, far)


@pytest.mark.parametrize("far", [1.0, 30.0, 1e3, 1e5])
@pytest.mark.parametrize("n, d, k", [(300, 65, 5), (130, 200, 40), (90, 1500, 7)])
def test_labels_and_limits_allow_for_rounding_in_wide_rows(n, d, k, far):
    assert_bounds_hold(WideRows, n, d, k, far)


def assert_bounds_hold(kind, n, d, k, far):
    """Compare labels, limits and bounds of pairs with longer numbers, on rows near ties."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, centers = near_ties(n, d, k, far, rng)
        points = kind(X, None, 1, (np.zeros(d), 1.0))
        squares = squares_of(X.astype(np.longdouble), centers)
        ranked = np.sqrt(np.sort(squares, axis=1))
        decided = ranked[:, 1] - ranked[:, 0] > 1e-12 * ranked[:, 1]
        nearest = squares.argmin(axis=1)
        state, pairs = Assignment(n, k, d), Assignment(n, k, d)
        run(points, centers, state, True, (0, n))
        labels = [state.labels, points.nearest_labels(centers)]
        assert (state.limits <= ranked[:, 1] - ranked[:, 0] + 1e-15 * ranked[:, 1]).all()
        if kind is WideRows:
            pairs.bound_pairs()
            run(points, centers, pairs, True, (0, n))
            labels.append(pairs.labels)
            assert (pairs.lower <= np.sqrt(squares)).all()
            assert (pairs.limits >= np.sqrt(squares[np.arange(n), pairs.labels])).all()
        for found in labels:
            np.testing.assert_array_equal(found[decided], nearest[decided])


@pytest.mark.parametrize("kind", [NarrowRows, WideRows])
def test_a_centre_far_away_leaves_the_limits_of_others_tight(kind):
    rng = np.random.default_rng(0)
    n, d = 300, 10
    X, centers = rng.normal(size=(n, d)), rng.normal(size=(6, d))
    centers[5] = 1e6
    points = kind(X, None, 1, (np.zeros(d), 1.0))
    state = Assignment(n, 6, d)
    run(points, centers, state, True, (0, n))
    ranked = np.sqrt(np.sort(squares_of(X, centers), axis=1))
    np.testing.assert_allclose(state.limits, ranked[:, 1] - ranked[:, 0], atol=2e-4)


@pytest.mark.parametrize("kind", DENSE)
def test_float64_decides_what_float32_cannot(kind):
    n, d = KINDS[kind]
    side = np.resize([-1e-9, 0.0, 1e-9], n)
    X = np.random.default_rng(0).normal(size=(n, d))
    X[:, 0] = side
    points = DENSE[kind](X, None, 1, (np.zeros(d), 0.5))
    centers = np.zeros((3, d))
    centers[:, 0] = 10.0, 1.0, -1.0
    state = state_of(points, 3)
    part = (0, n)
    run(points, centers, state, True, part)
    np.testing.assert_array_equal(state.labels, np.where(side < 0, 2, 1))
    ranked = np.sqrt(np.sort(squares_of(X, centers), axis=1))
    gap = 0.5 * (ranked[:, 1] - ranked[:, 0])
    limits = ((gap + 0.75 + state.travel[state.labels]) * EDGE).astype(np.float32)
    np.testing.assert_allclose(state.limits, limits, rtol=2e-7)


def test_nearest_two_of_all_centres():
    rng = np.random.default_rng(0)
    X, centers, offset = rng.normal(size=(9, 3)), rng.normal(size=(5, 3)), rng.normal(size=3)
    squares = squares_of(X - offset, centers)
    block = rows_kernels.DenseBlock(X, offset, 1.0, np.ones(1), 0)
    for i in range(9):
        label, best, second = rows_kernels.nearest_two(block, i, centers)
        assert label == squares[i].argmin()
        np.testing.assert_allclose([best, second], np.sort(squares[i])[:2], rtol=1e-12)
    twice = np.array([centers[0], centers[1], centers[1], centers[0]])
    block = rows_kernels.DenseBlock(twice + offset, offset, 1.0, np.ones(1), 0)
    for i, label in enumerate([0, 1, 1, 0]):  # the first of equals
        assert rows_kernels.nearest_two(block, i, twice)[0] == label
    label, _, second = rows_kernels.nearest_two(block, 0, centers[:1])
    assert (label, second) == (0, np.inf)


def test_a_centre_that_lies_on_a_point_and_one_for_all():
    for kind in KINDS:
        points, rows, centers, _ = made(kind, 1)
        centers = rows[:1].copy()
        state = state_of(points, 1)
        own = run(points, centers, state, True, (0, points.n))[5]
        assert not state.labels.any()
        assert (own >= 0).all()
        assert own[0] < 1e-4
        np.testing.assert_array_equal(state.limits, rows_kernels.FARTHEST)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 3])
def test_distances_to_a_few_centres(kind, k):
    points, rows, centers, _ = made(kind, k)
    centers[0] = rows[5]
    out = np.full((k, points.n), np.nan, np.float32)
    points.cross_chunk(points.block, 3, points.n - 2, points.pack(centers), out, 1)
    expected = squares_of(rows, centers).T * points.scale**2
    inside = slice(3, points.n - 2)
    rounding = 2e-7 * expected.max()  # of squares that cancel
    np.testing.assert_allclose(out[:, 2:-3], expected[:, inside], rtol=1e-4, atol=rounding)
    assert np.isnan(out[:, :2]).all()
    assert np.isnan(out[:, -3:]).all()
    assert (out[:, 2:-3] >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_distances_to_the_own_centre(kind):
    points, rows, centers, _ = made(kind, 3)
    labels = np.arange(points.n, dtype=np.int32) % 3
    out = np.full(points.n, np.nan)
    points.own_chunk(points.block, 3, points.n - 2, centers, labels, out)
    expected = np.square(rows - centers[labels]).sum(axis=1)
    np.testing.assert_allclose(out[:-5], expected[3:-2], rtol=1e-9)
    assert np.isnan(out[-5:]).all()
    points.own_chunk(points.block, 0, 3, rows[:3].copy(), labels, out)
    np.testing.assert_allclose(out[:3], 0, atol=1e-12)
    assert (out[:3] >= 0).all()


@pytest.mark.parametrize("d", [3, 63, 64, 65])
@pytest.mark.parametrize("step", [0, 1])
def test_moments_of_the_columns(d, step):
    rng = np.random.default_rng(0)
    X, shift, weight = rng.normal(2, 1, (70, d)), rng.normal(size=d), rng.uniform(1, 2, 70)
    total, square = np.full(d, 0.5), np.full(d, 0.25)
    block = rows_kernels.DenseBlock(X, shift, 1.0, weight, step)
    mass = rows_kernels.column_moments(block, 2, 69, total, square)
    own, moved = weight[2:69] if step else np.full(67, weight[0]), X[2:69] - shift
    np.testing.assert_allclose(mass, own.sum(), rtol=1e-12)
    np.testing.assert_allclose(total, 0.5 + own @ moved, rtol=1e-9)
    np.testing.assert_allclose(square, 0.25 + own @ moved**2, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [0, 1])
def test_sums_of_groups_of_some_rows(kind, step):
    points, rows, _, weight = made(kind, 2)
    some = np.arange(0, 40, 3)
    labels = np.arange(len(some)) % 2
    sums, counts = np.full((2, points.d), 0.5), np.full(2, 0.25)
    groups = rows_kernels.Groups(some, labels, weight, step)
    points.group_chunk(points.block, groups, 2, 11, sums, counts)
    own = weight[:14] if step else np.full(14, weight[0])
    for label in range(2):
        mine = np.flatnonzero(labels[2:11] == label) + 2
        np.testing.assert_allclose(sums[label], 0.5 + own[mine] @ rows[some[mine]], rtol=1e-9)
        np.testing.assert_allclose(counts[label], 0.25 + own[mine].sum(), rtol=1e-12)


def test_rows_are_gathered_scaled():
    points, rows, _, _ = made("narrow", 2)
    out = np.full((6, points.d), np.nan, np.float32)
    some = np.array([9, 4, 4, 0, 7, 2])
    rows_kernels.gather(points.block, some, 1, 5, out)
    np.testing.assert_allclose(out[1:5], 0.375 * rows[some[1:5]], rtol=1e-5, atol=1e-6)
    assert np.isnan(out[[0, 5]]).all()


def test_points_whose_label_is_in_doubt():
    labels = np.array([0, 1, 0, 1, 1, 0], np.int32)
    limits = np.array([1.0, 1.0, 0.75, 1.25, 1.5, 0.5], np.float32)
    travel = np.array([0.25, 0.75])
    members = np.full(2, -1)
    bounds = rows_kernels.Labelling(labels, limits, np.empty((0, 0)), 0.5, travel)
    take = rows_kernels.pending
    assert take(1, 6, bounds, False, members) == (3, 2)
    assert members.tolist() == [1, 2]
    assert take(3, 6, bounds, False, members) == (6, 2)
    assert members.tolist() == [3, 5]
    assert take(6, 6, bounds, False, members) == (6, 0)
    assert take(3, 5, bounds, False, members) == (5, 1)
    assert take(1, 6, bounds, True, members) == (3, 2)
    assert members.tolist() == [1, 2]
    assert take(5, 6, bounds, True, members) == (6, 1)
    assert members.tolist() == [5, 2]


@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_new_rows_are_labelled_and_measured(kind, k):
    points, rows, centers, _ = made(kind, k)
    centers[-1] = rows[3] + 1e-9
    squares = squares_of(rows, centers)
    labels = points.nearest_labels(centers)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, squares.argmin(axis=1))
    few = points.subset(np.arange(9)).nearest_labels(centers)
    np.testing.assert_array_equal(few, labels[:9])
    out = np.empty((points.n, k))
    assert points.measure(centers, out)
    np.testing.assert_allclose(out, np.sqrt(squares) * points.scale, rtol=1e-6)


@pytest.mark.parametrize("kind", DENSE)
def test_close_scores_are_decided_in_float64(kind):
    points, rows, centers, _ = made(kind, 3)
    centers[2] = centers[0] + np.where(np.arange(points.d) == 0, 1e-9, 0.0)
    expected = squares_of(rows, centers).argmin(axis=1)
    assert {0, 2} <= set(expected)
    np.testing.assert_array_equal(points.nearest_labels(centers), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_beyond_the_range_of_the_dtype_are_told(dtype):
    points, _, centers, _ = made("narrow", 2)
    out = np.empty((points.n, 2), dtype)
    centers[1] = 1e30
    assert points.measure(centers, out)
    centers[1] = 1e60 if dtype == np.float32 else 1e200
    assert not points.measure(centers, out)

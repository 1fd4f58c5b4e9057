"""The loops for points on a line and for few points, against NumPy and exact fractions."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from kernel_cases import call
from numpy.testing import assert_allclose, assert_array_equal

from skextra._kernels import _kmeans_few as few
from skextra._kernels import _kmeans_line as line

PAIRS = [(1.0, 2.0**-60), (2.0**-60, 1.0), (0.1, 0.2), (1 / 3, -1 / 3), (-1e16, 3.7), (0.0, 5.0)]


@pytest.mark.parametrize("a, b", PAIRS)
def test_sums_and_products_come_with_their_rounding_errors(a, b):
    high, low = line._exact_sum(a, b)
    assert high == a + b
    assert Fraction(high) + Fraction(low) == Fraction(a) + Fraction(b)
    high, low = line._exact_product(a, b)
    assert high == a * b
    assert Fraction(high) + Fraction(low) == Fraction(a) * Fraction(b)


def line_of(n, seed=0):
    """Return rising numbers in two groups a million of their widths apart, weights, and sums."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.normal(0, 1e-3, n) + 1e3 * (np.arange(n) >= n // 2))
    weight = rng.uniform(0.1, 3, n)
    sums = np.zeros((3, 2, n + 1))
    call(line.add_up, (x, weight, sums), [sums])
    return x, weight, sums


def exact_run(x, weight):
    """Return (weight, mean, inertia) in fractions."""
    x, weight = [Fraction(v) for v in x], [Fraction(w) for w in weight]
    mean = sum(w * v for w, v in zip(weight, x, strict=True)) / sum(weight)
    inertia = sum(w * (v - mean) ** 2 for w, v in zip(weight, x, strict=True))
    return sum(weight), mean, inertia


def test_running_sums_are_right_to_twice_the_digits():
    x, weight, sums = line_of(20)
    for i in range(21):
        for power in range(3):
            terms = zip(x[:i], weight[:i], strict=True)
            exact = sum(Fraction(w) * Fraction(v) ** power for v, w in terms)
            high, low = sums[power, :, i]
            assert abs(Fraction(high) + Fraction(low) - exact) <= Fraction(1e-29) * abs(exact)
            assert high + low == high


def test_runs_are_measured_where_squares_cancel():
    x, weight, sums = line_of(20)
    for i, j in [(0, 1), (0, 10), (3, 9), (10, 20), (13, 15), (19, 20), (5, 16), (0, 20)]:
        found = call(line.measure_run, (sums, i, j), [])
        expected = [float(value) for value in exact_run(x[i:j], weight[i:j])]
        assert_allclose(found, expected, rtol=1e-9, atol=1e-18)


def test_a_run_of_no_weight_has_no_inertia():
    assert line.measure_run(np.zeros((3, 2, 3)), 0, 2) == (0.0, 0.0, 0.0)


def best_parts(x, weight, k):
    """Return the least inertia of the first j points in q + 1 runs, (k, n + 1)."""
    n = len(x)
    costs = np.full((n + 1, n + 1), np.inf)
    for i in range(n):
        for j in range(i + 1, n + 1):
            mean = np.average(x[i:j], weights=weight[i:j])
            costs[i, j] = weight[i:j] @ (x[i:j] - mean) ** 2
    lines = [costs[0]]
    for _ in range(1, k):
        lines.append((lines[-1][:, None] + costs).min(axis=0))
    return np.array(lines)


@pytest.mark.parametrize("n, k", [(1, 1), (2, 2), (5, 5), (12, 1), (12, 2), (17, 4), (33, 6)])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_runs_are_those_of_the_whole_table(n, k, seed):
    x, weight, sums = line_of(n, seed)
    if seed:
        x = np.sort(np.random.default_rng(seed).random(n))
        sums[:] = 0.0
        line.add_up(x, weight, sums)
    starts = np.full((k, n + 1), n, np.int32)
    call(line.best_starts, (x, weight, sums, starts), [starts])
    least = best_parts(x, weight, k)
    for q in range(k):
        for j in range(q + 1, n + 1) if q < k - 1 else [n]:
            bounds = [j]
            for p in reversed(range(q + 1)):
                bounds.append(starts[p, bounds[-1]])
            assert bounds[-1] == 0
            runs = [exact_run(x[i:e], weight[i:e])[2] for e, i in pairwise(bounds)]
            assert_allclose(float(sum(runs)), least[q, j], rtol=1e-9, atol=1e-18)
    assert (starts[-1, 1:n] == (0 if k == 1 else n)).all()


def test_a_last_run_begins_where_it_is_told_to_look():
    x, weight, sums = line_of(12, 1)
    before = best_parts(x, weight, 2)[1]
    for lower, upper in [(2, 11), (2, 5), (4, 4), (9, 11)]:
        found, least = line._last_run(x, weight, sums, before, 12, lower, upper)
        totals = [before[i] + line.measure_run(sums, i, 12)[2] for i in range(lower, upper + 1)]
        assert found == lower + np.argmin(totals)
        assert_allclose(least, min(totals), rtol=1e-9)


def test_of_equal_runs_the_last_begins_late():
    x, weight = np.arange(3.0), np.ones(3)
    sums = np.zeros((3, 2, 4))
    line.add_up(x, weight, sums)
    starts = np.zeros((2, 4), np.int32)
    line.best_starts(x, weight, sums, starts)
    assert starts[1, 3] == 2


def few_of(n=14, k=3, d=2, seed=0):
    rng = np.random.default_rng(seed)
    rows, weight = rng.normal(size=(n, d)), rng.uniform(0.5, 2, n)
    return rows, weight, rng.integers(0, k, n).astype(np.int32), rng.normal(size=(k, d))


def on_clusters(kernel):
    """Return a kernel that takes the fields of a partition one by one, as `call` compares them."""
    return lambda rows, weight, *fields: kernel(rows, weight, few.Partition(*fields))


def averages(rows, weight, labels, centers):
    """Return (means, weights); an empty cluster keeps its centre."""
    share = np.where(labels == np.arange(len(centers))[:, None], weight, 0.0)
    mass = share.sum(axis=1)
    means = share @ rows / np.where(mass > 0, mass, 1.0)[:, None]
    return np.where(mass[:, None] > 0, means, centers), mass


def inertia_of(rows, weight, labels, centers):
    return weight @ np.square(rows - centers[labels]).sum(axis=1)


def test_means_and_weights_of_clusters():
    rows, weight, labels, centers = few_of(k=4)
    labels[labels == 2] = 0
    expected = averages(rows, weight, labels, centers)
    found, mass = centers.copy(), np.full(4, np.nan)
    call(on_clusters(few.average), (rows, weight, labels, found, mass), [found, mass])
    assert_allclose(found, expected[0], rtol=1e-12)
    assert_allclose(mass, expected[1], rtol=1e-12)
    assert_array_equal(found[2], centers[2])
    assert_allclose(
        few.square_between(rows, 3, centers, 1), np.square(rows[3] - centers[1]).sum(), rtol=1e-12
    )


@pytest.mark.parametrize("k, d", [(1, 2), (3, 1), (4, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_no_point_gains_by_moving_after_an_exchange(k, d, seed):
    rows, weight, labels, centers = few_of(16, k, d, seed)
    means, mass = averages(rows, weight, labels, centers)
    before, start = inertia_of(rows, weight, labels, means), labels.copy()
    args = rows, weight, labels, means, mass
    moves = call(on_clusters(few.exchange), args, [labels, means, mass])
    assert (moves > 0) == (labels != start).any()
    settled, masses = averages(rows, weight, labels, means)
    assert_allclose(means, settled, rtol=1e-9)
    assert_allclose(mass, masses, rtol=1e-9)
    least = inertia_of(rows, weight, labels, settled)
    assert least <= before
    for i in range(len(rows)):
        for c in range(k):
            other = labels.copy()
            other[i] = c
            moved = averages(rows, weight, other, settled)[0]
            assert inertia_of(rows, weight, other, moved) >= least * (1 - 1e-9)
    assert few.exchange(rows, weight, few.Partition(labels, means, mass)) == 0


def test_an_exchange_goes_on_where_lloyd_ends_and_fills_empty_clusters():
    # Each point is nearest to its own centre, yet 4 saves more beside 6 than it costs there.
    rows, weight = np.array([[0.0], [4.0], [8.1]]), np.ones(3)
    labels, centers, mass = np.array([0, 0, 1], np.int32), np.array([[2.0], [8.1]]), np.zeros(2)
    few.average(rows, weight, few.Partition(labels, centers, mass))
    assert few.exchange(rows, weight, few.Partition(labels, centers, mass)) == 0
    rows[2] = 7.5
    few.average(rows, weight, few.Partition(labels, centers, mass))
    assert few.exchange(rows, weight, few.Partition(labels, centers, mass)) == 1
    assert_array_equal(labels, [0, 1, 1])
    rows = np.array([[0.0], [1.0], [1.0]])
    labels, centers, mass = np.zeros(3, np.int32), np.array([[0.0], [9.0], [9.0]]), np.zeros(3)
    few.average(rows, weight, few.Partition(labels, centers, mass))
    few.exchange(rows, weight, few.Partition(labels, centers, mass))
    assert len(set(labels)) == 2
    assert labels[1] == labels[2]


def test_a_point_that_gains_nothing_stays():
    rows = np.array([[-1.0], [0.0], [1.0]])  # the middle one costs a half on either side
    labels, centers, mass = np.array([0, 0, 1], np.int32), np.zeros((2, 1)), np.zeros(2)
    few.average(rows, np.ones(3), few.Partition(labels, centers, mass))
    assert few.exchange(rows, np.ones(3), few.Partition(labels, centers, mass)) == 0
    assert_array_equal(labels, [0, 0, 1])


def test_one_jump_may_do():
    rows = np.array([[0.0], [1.0], [100.0], [101.0], [200.0], [201.0]])
    labels, centers = np.array([0, 1, 2, 2, 2, 2], np.int32), np.array([[0.0], [1.0], [150.5]])
    best = few.Partition(labels, centers, np.empty(3))
    scratch = few.Partition(np.empty_like(labels), np.empty_like(centers), np.empty(3))
    draws = np.array([[0.0, 0.9]])  # the first centre to the last point
    least = few.search_by_jumps(rows, np.ones(6), draws, best, scratch)
    assert least == 1.5
    assert_array_equal(labels, [1, 1, 2, 2, 0, 0])


def test_a_centre_jumps():
    rows, _, labels, centers = few_of(20, 4, 2)
    gone, to = 2, 7
    labels[to] = 1
    expected = labels.copy()
    squares = np.square(rows[:, None] - centers).sum(axis=2)
    squares[:, gone] = np.square(rows - rows[to]).sum(axis=1)
    own = np.take_along_axis(squares, labels[:, None], axis=1)[:, 0]
    homeless = labels == gone
    expected[squares[:, gone] < own] = gone
    expected[homeless] = squares.argmin(axis=1)[homeless]
    expected[to] = gone

    def jump(rows, labels, centers, gone, to):
        few.jump(rows, few.Partition(labels, centers, np.empty(4)), gone, to)

    call(jump, (rows, labels, centers, gone, to), [labels])
    assert_array_equal(labels, expected)


def test_a_centre_may_jump_to_a_twin_of_another():
    rows, centers = np.array([[1.0], [2.0], [2.0]]), np.array([[1.0], [2.0]])
    labels = np.array([0, 1, 1], np.int32)
    few.jump(rows, few.Partition(labels, centers, np.empty(2)), 0, 2)
    assert_array_equal(labels, [0, 1, 0])


def test_copies_are_copies():
    _, _, labels, centers = few_of()
    to, places = np.zeros_like(labels), np.zeros_like(centers)

    def copy(labels, centers, to, places):
        mass = np.empty(len(centers))
        few.copy(few.Partition(labels, centers, mass), few.Partition(to, places, mass))

    call(copy, (labels, centers, to, places), [to, places])
    assert_array_equal(to, labels)
    assert_array_equal(places, centers)


def test_the_search_keeps_what_is_better():
    rows, weight, labels, centers = few_of(24, 4, 2, 1)
    draws = np.random.default_rng(0).random((30, 2))
    best, places = labels.copy(), centers.copy()
    least, kept = np.inf, 0
    for r in range(-1, len(draws)):
        trial, means = best.copy(), places.copy()
        if r >= 0:
            jumping = few.Partition(trial, means, np.empty(4))
            few.jump(rows, jumping, int(draws[r, 0] * 4), int(draws[r, 1] * 24))
        means, mass = averages(rows, weight, trial, means)
        few.exchange(rows, weight, few.Partition(trial, means, mass))
        inertia = inertia_of(rows, weight, trial, means)
        if inertia < least * (1 - 1e-9):
            best, places, least, kept = trial, means, inertia, kept + 1
    assert kept > 2
    scratch = [np.empty_like(labels), np.empty_like(centers), np.empty(4)]

    def search(rows, weight, draws, labels, centers, mass, *scratch):
        best, trial = few.Partition(labels, centers, mass), few.Partition(*scratch)
        return few.search_by_jumps(rows, weight, draws, best, trial)

    args = rows, weight, draws, labels, centers, np.zeros(4), *scratch
    found = call(search, args, [labels, centers, *scratch])
    assert_array_equal(labels, best)
    assert_allclose(centers, places, rtol=1e-9)
    assert_allclose(found, least, rtol=1e-9)

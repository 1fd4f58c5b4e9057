"""The compiled loops of Madaline against plain NumPy."""

import itertools

import numpy as np
import pytest
from kernel_cases import call
from numpy.testing import assert_allclose, assert_array_equal

from skextra._base import frozen
from skextra._kernels import _madaline_forward as forward
from skextra._kernels import _madaline_rules as rules

dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def close(result, expected, dtype=np.float64):
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    assert_allclose(result, expected, rtol=tolerance, atol=tolerance)


def sign(values):
    return np.where(np.asarray(values) > 0, 1.0, -1.0)


def extended(x):
    return np.append(x, 1.0)


def alpha_lms(w, x, goal, rate):
    x = extended(x)
    return w + rate * (goal - w @ x) * x / (x @ x)


def drawn(n_units, n_outputs, *, n=6, p=3, seed=0, dtype=np.float64):
    """Return random (patterns, targets, hidden weights, output weights)."""
    rng = np.random.default_rng([n_units, n_outputs, seed])
    X = rng.standard_normal((n, p))
    targets = sign(rng.standard_normal((n, n_outputs)))
    W = rng.standard_normal((n_units, p + 1))
    V = rng.standard_normal((n_outputs, n_units + 1))
    return [array.astype(dtype) for array in (X, targets, W, V)]


def layers_of(W, V, need=0):
    """Return Layers of these weights, or with a need of the hidden units alone."""
    output = np.empty((0, len(W) + 1), W.dtype) if need else V
    return forward.Layers(W, output, need, len(V))


def room_of(W, n_outputs, most=None):
    """Return a Room with as many candidates."""
    most = len(W) if most is None else min(most, len(W))
    sums, outputs = np.full(len(W), np.nan, W.dtype), np.full(n_outputs, np.nan, W.dtype)
    return forward.Room(sums, outputs, np.full(most, -7), np.full(len(W), np.nan))


@dtypes
def test_linear_sums_are_products_with_the_bias_last(dtype):
    X, _, W, _ = drawn(4, 1, dtype=dtype)
    sums = np.full(5, 99, dtype)
    call(forward.linear_sums, (X[0], W, sums), [sums])
    close(sums, [*(W @ extended(X[0])), 99], dtype)


@dtypes
def test_output_units_see_signs_and_zero_is_negative(dtype):
    _, _, _, V = drawn(4, 3, dtype=dtype)
    sums, outputs = np.array([0.5, -2.0, 0.0, 3.0], dtype), np.full(4, 99, dtype)
    call(forward.network_outputs, (sums, V, outputs), [outputs])
    close(outputs, [*(V @ [1, -1, -1, 1, 1]), 99], dtype)


@pytest.mark.parametrize("values", [[4.0], [1, -1], [2, 0, -3], [1, 1, 0, -2], [3, 1, 1, 0, -4]])
def test_the_logic_of_need_is_the_need_th_largest_sum(values):
    for order in itertools.permutations(values):
        for need in range(1, len(values) + 1):
            sums = np.array(order, float)
            assert forward._logic_output(sums, need) == sorted(values, reverse=True)[need - 1]
            assert sorted(sums) == sorted(values)  # all are still there


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("need", [0, 1, 2, 3])
def test_a_pattern_is_decided_by_output_units_or_by_logics_of_groups(n_outputs, need):
    X, _, W, V = drawn(6, n_outputs)
    exact = W @ extended(X[0])
    sums, outputs = np.full(6, 99.0), np.full(n_outputs, 99.0)
    args = X[0], layers_of(W, V, need), sums, outputs
    call(forward._decide, args, [sums, outputs])
    if need:
        ranked = np.sort(exact.reshape(n_outputs, -1))
        close(np.sort(sums.reshape(n_outputs, -1)), ranked)
        close(outputs, ranked[:, -need])
    else:
        close(sums, exact)
        close(outputs, V @ extended(sign(exact)))


@pytest.mark.parametrize(
    "outputs, target, by_signs, expected",
    [
        ([3, -2, 1], [1, -1, 1], True, False),
        ([3, -2, 1], [1, -1, -1], True, True),
        ([-3, -2, 1], [1, -1, 1], True, True),
        ([0, 2], [-1, 1], True, False),
        ([0, 2], [1, 1], True, True),
        ([3, -2, 1], [1, -1, -1], False, False),
        ([-3, -2, -1], [-1, -1, 1], False, False),
        ([-3, 2, 1], [-1, 1, -1], False, False),
        ([3, 2, 1], [-1, 1, -1], False, True),
        ([2, 2, 1], [1, -1, -1], False, False),  # the first of equals
        ([2, 1, 2], [-1, -1, 1], False, True),
    ],
)
def test_a_decision_is_all_signs_or_the_largest_output(outputs, target, by_signs, expected):
    outputs, target = np.array(outputs, float), np.array(target, float)
    assert call(forward.is_wrong, (outputs, target, by_signs), []) == expected


@pytest.mark.parametrize("n, keep", [(6, False), (6, True), (1, True)])
@pytest.mark.parametrize("need", [0, 2])
def test_layers_run_over_all_patterns_and_keep_sums_in_the_units_order(n, keep, need):
    X, _, W, V = drawn(6, 2, n=n)
    exact = np.c_[X, np.ones(n)] @ W.T
    outputs = np.full((n, 2), 99.0)
    sums = np.full((n if keep else 0, 6), 99.0)
    own = np.empty(6)
    args = frozen(X), layers_of(W, V, need), sums, outputs, own
    call(forward.run_layers, args, [sums, outputs, own])
    decided = np.sort(exact.reshape(n, 2, 3))[:, :, -need]
    close(outputs, decided if need else np.c_[sign(exact), np.ones(n)] @ V.T)
    if keep:
        close(sums, exact)


@pytest.mark.parametrize("by_signs", [False, True])
@pytest.mark.parametrize("need", [0, 2])
def test_wrong_patterns_are_counted(by_signs, need):
    X, targets, W, V = drawn(6, 2, n=9)
    layers, outputs = layers_of(W, V, need), np.empty(targets.shape)
    forward.run_layers(X, tuple(layers), np.empty((0, 0)), outputs, np.empty(6))
    if by_signs:
        wrong = (sign(outputs) != targets).any(axis=1)
    else:
        wrong = targets[np.arange(9), outputs.argmax(axis=1)] < 0
    room, count = room_of(W, 2), forward.count_wrong_by_logic if need else forward.count_wrong
    args = frozen(X), layers, frozen(targets), by_signs, room
    assert 0 < call(count, args, room[:2]) == wrong.sum() < 9


@dtypes
def test_adapting_moves_the_sum_by_a_share_of_the_way(dtype):
    X, _, W, _ = drawn(2, 1, dtype=dtype)
    x, w = X[0], W[0].copy()
    power = call(rules._power, (x,), [])
    close(power, 1 + x @ x, dtype)
    s, goal, rate = (dtype(value) for value in (w @ extended(x), -1.0, 0.3))
    close(call(rules._adapt, (x, power, w, s, goal, rate), [w]), s + 0.3 * (-1 - s), dtype)
    close(w, alpha_lms(W[0], x, -1.0, 0.3), dtype)


def error_of(V, hidden, target, margin, soft):
    """Return the hinge loss or the number of wrong signs, from the signs of the hidden units."""
    outputs = V @ extended(hidden)
    if soft:
        return np.maximum(margin - target * outputs, 0).sum()
    return float((sign(outputs) != target).sum())


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("units", [(-1, -1), (0, -1), (2, -1), (1, 0), (0, 2), (3, 1)])
def test_trial_error_is_that_of_the_inverted_units(soft, units):
    sums = np.array([0.5, -2.0, 0.0, 3.0])
    for seed in range(4):
        _, targets, _, V = drawn(4, 3, seed=seed)
        outputs = V @ extended(sign(sums))
        hidden = sign(sums)
        hidden[[unit for unit in units if unit >= 0]] *= -1
        expected = error_of(V, hidden, targets[0], 0.4, soft)
        close(call(rules._error, (outputs, V, *units, sums, targets[0], 0.4, soft), []), expected)


def test_an_output_of_zero_counts_as_negative():
    V, sums = np.array([[0.5, -0.5], [-1.0, 1.0]]), np.array([1.0])
    for target, wrong in (([1, 1], 2), ([1, -1], 1), ([-1, -1], 0)):
        args = np.zeros(2), V, -1, -1, sums, np.array(target, float), 0.5
        assert call(rules._error, (*args, False), []) == wrong
        assert call(rules._error, (*args, True), []) == 1.0


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_an_output_of_zero_is_learnt_from_with_a_margin_and_without(soft, margin):
    X, order = np.array([[0.5]]), np.array([0])
    for target, wrong in ((1.0, True), (-1.0, margin > 0)):
        W, V, usage = np.zeros((2, 2)), np.zeros((1, 3)), np.zeros(2)
        settings, room = rules.RuleSettings(0.5, margin, 0.0, False, soft), room_of(W, 1)
        args = X, order, np.array([[target]]), layers_of(W, V), usage, settings, room
        assert call(rules.mrii_epoch, args, [W, V, usage, *room]) == wrong
        assert np.sign(V[0, 2]) == (target if wrong else 0)


def least_sure(sums, usage, gain, most):
    """Call the kernel; return (how many, candidates, key) with room for `most` units."""
    sums, usage = np.array(sums, float), np.array(usage, float)
    candidates, key = np.full(most, -7), np.full(len(sums), 99.0)
    found = call(rules._least_sure, (sums, usage, gain, candidates, key), [candidates, key])
    return found, candidates.tolist(), key


def test_the_least_sure_have_the_smallest_sums_and_the_first_of_equals_leads():
    sums = [0.5, -0.25, 0.0, 4.0, 0.25, -0.5]
    assert least_sure(sums, [0] * 6, 3.0, 6)[:2] == (6, [2, 1, 4, 0, 5, 3])
    assert least_sure(sums, [5] * 6, 3.0, 3)[:2] == (3, [2, 1, 4])


def test_units_used_often_come_later():
    sums, usage = np.array([1.0, -1.5, 2.5]), np.array([6.0, 1.0, 0.0])
    assert least_sure(sums, usage, 0.0, 3)[1] == [0, 1, 2]
    found, candidates, key = least_sure(sums, usage, 2.0, 1)
    assert (found, candidates) == (1, [1])
    expected = np.abs(sums) * (1 + 2 * usage / (1 + usage.mean()))
    close(key[[0, 2]], expected[[0, 2]])
    assert least_sure(sums, usage, 2.0, 3)[1] == np.argsort(expected).tolist() == [1, 2, 0]


def test_sums_that_are_not_numbers_are_no_candidates():
    assert least_sure([np.nan, 2.0, np.nan, -1.0], [0] * 4, 1.0, 4)[:2] == (2, [3, 1, -7, -7])
    assert least_sure([np.nan], [0], 1.0, 1)[:2] == (0, [-7])


def textbook_mrii(X, targets, W, V, usage, rate, margin, gain, most, pairs, soft):
    """One epoch of MRII by the book; return (W, V, usage, adaptations)."""
    W, V, usage = W.astype(float), V.astype(float), usage.copy()
    adaptations = 0

    def error(*units):
        hidden = sign(s)
        hidden[list(units)] *= -1
        return error_of(V, hidden, d, margin, soft)

    def teach(*units):
        for i in units:
            W[i] = alpha_lms(W[i], x, -sign(s[i]), rate)
            s[i] = W[i] @ extended(x)
            usage[i] += 1

    for x, d in zip(X, targets, strict=True):
        s = W @ extended(x)
        if error() == 0 and error_of(V, sign(s), d, margin, True) == 0:
            continue
        adaptations += 1
        key = np.abs(s) * (1 + gain * usage / (1 + usage.mean()))
        units = np.argsort(key, kind="stable")[:most]
        for i in units:
            if error(i) < error():
                teach(i)
        if pairs:
            trials = [(i, j) for a, i in enumerate(units) for j in units[:a]]
            teach(*next((pair for pair in trials if error(*pair) < error()), ()))
        outputs = V @ extended(sign(s))
        for k in np.flatnonzero((d * outputs < margin) | (sign(outputs) != d)):
            V[k] = alpha_lms(V[k], sign(s), d[k], rate)
    return W, V, usage, adaptations


def check_mrii(X, targets, W, V, usage, rate, *options):
    """Compare an epoch over at most 7 patterns with the book's; return the book's."""
    dtype = X.dtype.type
    order = np.random.default_rng(len(X)).permutation(len(X))[:7]
    expected = textbook_mrii(X[order], targets[order], W, V, usage, rate, *options)
    W, V, usage = W.copy(), V.copy(), usage.copy()
    margin, gain, most, pairs, soft = options
    settings, room = (
        rules.RuleSettings(dtype(rate), dtype(margin), gain, pairs, soft),
        room_of(W, len(V), most),
    )
    args = frozen(X), order, frozen(targets), layers_of(W, V), usage, settings, room
    assert call(rules.mrii_epoch, args, [W, V, usage, *room]) == expected[3]
    close(W, expected[0], dtype)
    close(V, expected[1], dtype)
    assert_array_equal(usage, expected[2])
    return expected


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("most", [2, 4])
def test_an_epoch_of_mrii_is_the_books(soft, pairs, most):
    for seed, dtype in enumerate([np.float64] * 5 + [np.float32]):
        X, targets, W, V = drawn(4, 3, n=8, seed=seed, dtype=dtype)
        W[2] *= seed % 2  # its sums are zero
        V[:, 3] *= seed % 3 > 0  # inverting this unit changes nothing
        usage = np.array([3.0, 0.0, 1.0, 7.0])
        check_mrii(X, targets, W, V, usage, 0.8, 0.4, 2.0, most, pairs, soft)


def test_usage_decides_which_unit_is_taught():
    W, V, usage = np.array([[0.0, -0.5], [0.0, -1.0]]), np.array([[1.0, 1.0, 0.0]]), [9.0, 0.0]
    for gain, counts in ((0.0, [10, 0]), (4.0, [9, 1])):
        args = np.ones((1, 1)), np.ones((1, 1)), W, V, np.array(usage), 0.8, 0.4, gain, 1
        assert check_mrii(*args, False, True)[2].tolist() == counts


def test_two_units_are_taught_where_neither_alone_lowers_the_error():
    V = np.array([[1.0, 1.0, 2.0, -1.0]])  # the third and another must be positive
    W = np.array([[0.5, -0.5], [0.5, -0.6], [0.5, -0.7]])
    for pairs, counts in ((False, [0, 0, 0]), (True, [1, 0, 1])):
        args = np.ones((1, 1)), np.ones((1, 1)), W, V, np.zeros(3), 0.1, 0.0, 0.5, 3, pairs
        assert check_mrii(*args, False)[2].tolist() == counts


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_output_units_learn_what_lacks_and_what_is_wrong_but_not_what_just_does(margin):
    # The outputs are at the margin, at zero (which is negative) twice, and beyond the margin.
    V = np.array([[0.25, 0.25], [0.25, -0.25], [0.25, -0.25], [1.0, 0.25]])
    targets = np.array([[1.0, 1.0, -1.0, 1.0]])
    learnt = V.copy()
    layers, usage = layers_of(np.array([[1.0, 0.0]]), learnt), np.zeros(1)
    settings, room = rules.RuleSettings(0.25, margin, 0.5, True, False), room_of(layers[0], 4, 0)
    args = np.ones((1, 1)), np.zeros(1, int), targets, layers, usage, settings, room
    assert call(rules.mrii_epoch, args, [learnt, *room]) == 1
    expected = [alpha_lms(v, [1.0], d, 0.25) for v, d in zip(V, targets[0], strict=True)]
    adapted = [False, True, margin > 0, False]
    close(learnt, np.where(np.array(adapted)[:, None], expected, V))
    assert usage == 0


def textbook_mri(X, targets, W, rate, need):
    """One epoch of MRI by the book; return (W, adaptations)."""
    W, adaptations = W.astype(float), 0
    for x, d in zip(X, targets, strict=True):
        for mine, goal in zip(W.reshape(len(d), -1, W.shape[1]), d, strict=True):
            s = mine @ extended(x)
            positive = (s > 0).sum()
            if (positive >= need) == (goal > 0):
                continue
            adaptations += 1
            lacking = need - positive if goal > 0 else positive - (need - 1)
            against = np.flatnonzero(sign(s) != goal)
            for i in against[np.argsort(np.abs(s[against]), kind="stable")][:lacking]:
                mine[i] = alpha_lms(mine[i], x, goal, rate)
    return W, adaptations


def check_mri(X, targets, W, rate, need):
    """Compare an epoch over the patterns in a random order with the book's; return the book's."""
    order = np.random.default_rng(len(X)).permutation(len(X))
    expected = textbook_mri(X[order], targets[order], W, rate, need)
    W = W.copy()
    layers = forward.Layers(W, W[:0], need, targets.shape[1])
    room = room_of(W, targets.shape[1])
    args = frozen(X), order, frozen(targets), layers, X.dtype.type(rate), room
    assert call(rules.mri_epoch, args, [W, room.sums]) == expected[1]
    close(W, expected[0], X.dtype)
    return expected


@pytest.mark.parametrize("need", [1, 2, 3], ids=["or", "majority", "and"])
def test_an_epoch_of_mri_is_the_books(need):
    for seed in range(4):
        check_mri(*drawn(6, 2, seed=seed)[:3], 0.6, need)
        check_mri(*drawn(3, 1, seed=seed)[:3], 1.5, need)
    check_mri(*drawn(6, 2, dtype=np.float32)[:3], 0.6, need)


@pytest.mark.parametrize("goal, adapted", [(1.0, [1, 2]), (-1.0, [])])
def test_in_mri_a_sum_of_zero_is_negative_and_nearest_and_the_first_of_equals_learns(
    goal, adapted
):
    W = np.array([[2.0, -3.0], [1.0, -1.5], [1.0, -1.0], [1.5, -2.0]])  # sums -1, -.5, 0, -.5
    expected, adaptations = check_mri(np.ones((1, 1)), np.array([[goal]]), W, 0.5, 2)
    assert np.flatnonzero((expected != W).any(axis=1)).tolist() == adapted
    assert adaptations == bool(adapted)

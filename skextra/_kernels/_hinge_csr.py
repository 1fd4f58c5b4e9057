"""The squared hinge of four problems, or of one, on the rows of a CSR matrix.

`rows` is (data, indices, indptr). `numbers` are the rows that take part; signs, dual variables and
decisions have a line for each of these. Weights have a line for each feature, and four columns, or
one: a line is then one access to memory and one or two vectors.
"""

import numpy as np

from skextra._kernels._csr_columns import FAST, in_columns
from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel

WIDTH = 4


def _loops(width):
    """Return the loops for so many problems."""
    add_product, add_multiple = in_columns(width)

    @inner(fastmath=FAST)
    def descend(rows, numbers, order, problem, dual, point, sums, idle):
        data, indices, indptr = rows
        signs, costs, curvatures, unit, slack = problem
        weights, intercepts = point
        gaps, losses, moves = sums
        totals, changes = np.empty(width), np.empty(width)
        for j in range(width):
            gaps[j] = losses[j] = moves[j] = 0.0
        for t in order:
            i = numbers[t]
            first, last = np.uint64(indptr[i]), np.uint64(indptr[i + 1])
            for j in range(width):
                totals[j] = intercepts[j]
            add_product(data, indices, first, last, weights, totals)
            cost = costs[t]
            ridge = 0.5 / cost
            rate = 1.0 / (curvatures[t] + ridge)
            moved = 0.0
            is_idle = True
            for j in range(width):
                sign = np.float64(signs[t, j])
                before = dual[t, j]
                violation = 1.0 - sign * totals[j]
                above = max(violation, 0.0) * abs(sign)
                gaps[j] += cost * above * above - before * (violation - 0.5 * ridge * before)
                losses[j] += cost * above * above
                slope = violation - ridge * before
                after = max(before + rate * slope, 0.0) * abs(sign)
                change = sign * (after - before)
                dual[t, j] = after
                changes[j] = change
                intercepts[j] += unit * change
                moved = max(moved, abs(change))
                moves[j] += abs(change) / rate
                is_idle &= after == 0.0 and (violation < -slack[j] or sign == 0.0)
            idle[t] = is_idle
            if moved > 0.0:
                add_multiple(data, indices, first, last, changes, weights)

    @inner(fastmath=FAST)
    def decide(rows, numbers, weights, decisions):
        data, indices, indptr = rows
        for t in range(len(numbers)):
            i = numbers[t]
            first, last = np.uint64(indptr[i]), np.uint64(indptr[i + 1])
            add_product(data, indices, first, last, weights, decisions[t])

    @inner(fastmath=FAST)
    def pull(rows, numbers, pulls, weights):
        data, indices, indptr = rows
        for t in range(len(numbers)):
            some = False
            for j in range(width):
                some |= pulls[t, j] != 0.0
            if some:
                i = numbers[t]
                first, last = np.uint64(indptr[i]), np.uint64(indptr[i + 1])
                add_multiple(data, indices, first, last, pulls[t], weights)

    @inner(fastmath=FAST)
    def multiply(rows, numbers, point, masses, product):
        data, indices, indptr = rows
        weights, intercepts = point
        image, sums = product
        pulls = np.empty(width)
        for t in range(len(numbers)):
            i = numbers[t]
            first, last = np.uint64(indptr[i]), np.uint64(indptr[i + 1])
            for j in range(width):
                pulls[j] = intercepts[j]
            add_product(data, indices, first, last, weights, pulls)
            for j in range(width):
                pulls[j] *= masses[t, j]
                sums[j] += pulls[j]
            add_multiple(data, indices, first, last, pulls, image)

    return descend, decide, pull, multiply


_descend_one, _decide_one, _pull_one, _multiply_one = _loops(1)
_descend_four, _decide_four, _pull_four, _multiply_four = _loops(WIDTH)


@kernel(fastmath=FAST)
def descend(rows, numbers, order, problem, dual, point, sums, idle):
    """Visit the rows in an order, and give each the dual variables that are best for it alone.

    `problem` is (signs, costs, curvatures, unit, slack): `unit` is the square of the feature that
    stands for the intercept, which the curvatures, the squared norms of the rows, contain. `point`
    is (weights, intercepts), which follow the dual variables. `sums` are, for each problem, the
    duality gap and the loss, with the terms of each row as it was found, and the largest slope.
    `idle` tells which rows have no dual variable and a margin beyond 1 by more than the slack.

    This is dual coordinate descent (Hsieh et al., ICML 2008).
    """
    if point[0].shape[1] == 1:
        _descend_one(rows, numbers, order, problem, dual, point, sums, idle)
    else:
        _descend_four(rows, numbers, order, problem, dual, point, sums, idle)


@kernel(fastmath=FAST)
def decide(rows, numbers, weights, decisions):
    """Add the decision values of the rows, (n, 4) or (n, 1), to `decisions`."""
    if weights.shape[1] == 1:
        _decide_one(rows, numbers, weights, decisions)
    else:
        _decide_four(rows, numbers, weights, decisions)


@kernel(fastmath=FAST)
def pull(rows, numbers, pulls, weights):
    """Add the transposed rows times `pulls` to the weights."""
    if weights.shape[1] == 1:
        _pull_one(rows, numbers, pulls, weights)
    else:
        _pull_four(rows, numbers, pulls, weights)


@kernel(fastmath=FAST)
def multiply(rows, numbers, point, masses, product):
    """Add the transposed rows times masses times decision values to `product`.

    `point` is (weights, intercepts), `product` (weights, sums of masses times decision values).
    """
    if point[0].shape[1] == 1:
        _multiply_one(rows, numbers, point, masses, product)
    else:
        _multiply_four(rows, numbers, point, masses, product)


@kernel(fastmath=FAST)
def squared_norms(rows, out):
    """Write the squared norm of each row."""
    data, _, indptr = rows
    for i in range(len(out)):
        total = 0.0
        for q in range(indptr[i], indptr[i + 1]):
            total += np.float64(data[q]) * np.float64(data[q])
        out[i] = total

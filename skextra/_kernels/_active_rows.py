"""Newton's method for the squared hinge in the space of a kernel, on the rows that are active.

A problem has decision values ``gram @ weights + b``. A row is active if it violates its margin,
``1 - sign * decision > 0``; the others have no weight at the solution. If the active rows are
known, the solution is that of a linear system: ``(gram + 1 / (2 cost)) @ weights = sign - b`` for
these rows, and the weights sum to zero (Chapelle, Neural Computation 19, 2007). Conjugate
gradients solve it, each time from the weights so far, so that few steps are needed once few rows
change sides. They take products in float32; residuals and decision values are in float64, and the
errors of float32 vanish with the next step.
"""

import numpy as np

from skextra._kernels._inner import inner
from skextra._kernels._kernel import kernel

# Sums may be reordered, which vectorises them, and products contracted; overflow and NaN are kept.
FAST = {"reassoc", "contract", "nsz"}
_MOST_LINE_STEPS = 100  # a bound: Newton's method on a piecewise linear slope takes a few
_SLOPE = 1e-4  # of the first one: the active set does not change with more accurate steps
# Conjugate gradients end when the square of the residual has fallen to this share: while active
# rows change, and once they stay the same. With 1e-2 a search takes half as many steps again, each
# of which copies a part of the kernel; with 1e-6 as many steps of more iterations.
_FALL, _LAST_FALL = 1e-4, 1e-6
_LEAST_FALL = 0.25  # of the same residual in a step: less is beyond float32
_MOST_ITERATIONS = 60  # of a step: few systems need more, and a better start takes as long

# gram: (n, n), the kernel; sign: (n,), +1 and -1 for the two sides, 0 for rows that are not part
# of the problem; cost: (n,), C times the weight of a row. With m decision values, the problem is
# that of the first m rows.


@kernel(fastmath=FAST)
def solve(gram, sign, cost, first, weights, decisions, b, accuracy, most_steps,
          active, block, rounded, vectors):  # fmt: skip
    """Solve a problem from `weights`, `decisions` and `b`.

    Return (b, number of steps, whether it is solved to `accuracy`, a share of the objective). The
    decision values from row `first` on are computed first. `active`, (n,), `block`, of n * n
    numbers of float32, `rounded`, (n,) of float32, and `vectors`, (7, n), are memory to work in.
    """
    m = len(decisions)
    solved, residual, diagonal = vectors[0], vectors[1], vectors[2]
    new_weights, new_decisions = vectors[3], vectors[4]
    if first < m:
        count = find_used(weights[:first], active)
        decide(gram, active, count, weights, b, first, m, decisions)
    last = np.inf  # the error, if the active rows are those of the step before
    for number in range(most_steps):
        count, is_stale = find_active(sign, decisions, weights, active)
        new_b = b
        if count > 0:
            if last == np.inf:
                copy_block(gram, active[:count], block)
            if is_stale:
                new_b = 0.0
            for i in range(count):
                row = active[i]
                diagonal[i] = 0.5 / cost[row]
                solved[i] = weights[row]
                residual[i] = sign[row]
                if not is_stale:
                    residual[i] -= decisions[row] + diagonal[i] * weights[row]
            fall = _FALL if last == np.inf else _LAST_FALL
            new_b += iterate(block, diagonal[:count], solved[:count], residual[:count], is_stale,
                             fall, vectors[5], vectors[6], rounded)  # fmt: skip
        for i in range(m):
            new_weights[i] = 0.0
        for i in range(count):
            new_weights[active[i]] = solved[i]
        decide(gram, active, count, new_weights, new_b, 0, m, new_decisions)
        share = 1.0
        is_same = has_same_active(sign, decisions, new_decisions)
        if not is_same:
            slope, curve = 0.0, 0.0
            for i in range(m):
                change = (new_decisions[i] - new_b) - (decisions[i] - b)
                slope += weights[i] * change
                curve += (new_weights[i] - weights[i]) * change
            share = best_share(sign, cost, decisions, new_decisions, slope, curve)
        for i in range(m):
            weights[i] += share * (new_weights[i] - weights[i])
            decisions[i] += share * (new_decisions[i] - decisions[i])
        b += share * (new_b - b)
        if share == 0.0:
            return b, number + 1, False
        if not is_same:
            last = np.inf
            continue
        error, size = 0.0, 0.0
        for i in range(count):
            row = active[i]
            left = sign[row] - new_decisions[row] - diagonal[i] * solved[i]
            error += left * left / diagonal[i]
            size += sign[row] * solved[i]
        if error <= accuracy * size:
            return b, number + 1, True
        if error > _LEAST_FALL * last:
            return b, number + 1, False
        last = error
    return b, most_steps, False


@inner
def find_used(weights, used):
    """Write the numbers of the rows that have weights; return how many they are."""
    count = 0
    for i in range(len(weights)):
        if weights[i] != 0.0:
            used[count] = i
            count += 1
    return count


@inner
def find_active(sign, decisions, weights, active):
    """Write the active rows; return (how many they are, whether another row has a weight)."""
    count, is_stale = 0, False
    for i in range(len(decisions)):
        if sign[i] != 0 and sign[i] * decisions[i] < 1.0:
            active[count] = i
            count += 1
        elif weights[i] != 0.0:
            is_stale = True
    return count, is_stale


@inner
def has_same_active(sign, decisions, new_decisions):
    """Return whether the same rows are active at both decision values."""
    is_same = True
    for i in range(len(decisions)):
        was_active = sign[i] * decisions[i] < 1.0
        if sign[i] != 0 and was_active != (sign[i] * new_decisions[i] < 1.0):
            is_same = False
    return is_same


@inner
def copy_block(gram, rows, block):
    """Write the kernel of some rows among themselves, in float32, one after the other."""
    count = len(rows)
    for i in range(count):
        for j in range(count):
            block[i * count + j] = gram[rows[i], rows[j]]


@inner(fastmath=FAST)
def iterate(block, diagonal, solved, residual, is_new, fall, change, product, rounded):
    """Improve `solved` by conjugate gradients; return what the intercept changes by.

    The system is `block`, the rows one after the other, plus a diagonal. The weights are kept at a
    sum of zero, and `residual` up to a constant. With `is_new` it holds the right side only.
    """
    count = len(solved)
    inverse_sum, weight_sum = 0.0, 0.0
    for i in range(count):
        inverse_sum += 1.0 / (1.0 + diagonal[i])
        weight_sum += solved[i]
    if is_new:
        for i in range(count):
            solved[i] -= weight_sum / inverse_sum / (1.0 + diagonal[i])
        multiply(block, diagonal, solved, rounded, product)
        for i in range(count):
            residual[i] -= product[i]
    offset = mean_residual(residual, diagonal, inverse_sum)
    square = 0.0
    for i in range(count):
        change[i] = (residual[i] - offset) / (1.0 + diagonal[i])
        square += residual[i] * change[i]
    enough = fall * square
    for _ in range(_MOST_ITERATIONS):
        if square <= enough:
            break
        multiply(block, diagonal, change, rounded, product)
        curve = 0.0
        for i in range(count):
            curve += change[i] * product[i]
        if curve <= 0.0:
            break
        length = square / curve
        for i in range(count):
            solved[i] += length * change[i]
            residual[i] -= length * product[i]
        offset = mean_residual(residual, diagonal, inverse_sum)
        before, square = square, 0.0
        for i in range(count):
            square += residual[i] * (residual[i] - offset) / (1.0 + diagonal[i])
        for i in range(count):
            new = (residual[i] - offset) / (1.0 + diagonal[i])
            change[i] = new + square / before * change[i]
    return offset


@inner(fastmath=FAST)
def mean_residual(residual, diagonal, inverse_sum):
    """Return the mean of the residuals, weighted as the preconditioner does."""
    total = 0.0
    for i in range(len(diagonal)):
        total += residual[i] / (1.0 + diagonal[i])
    return total / inverse_sum


@inner(fastmath=FAST)
def multiply(block, diagonal, vector, rounded, product):
    """Write the product of the system with a vector, by products in float32."""
    count = len(diagonal)
    for i in range(count):
        rounded[i] = vector[i]
    for i in range(count):
        row = block[i * count : (i + 1) * count]
        total = np.float32(0.0)
        for j in range(count):
            total += row[j] * rounded[j]
        product[i] = total + diagonal[i] * vector[i]


@inner(fastmath=FAST)
def best_share(sign, cost, decisions, new_decisions, slope_0, curve_0):
    """Return the share of the way to new decision values at which the objective is least.

    The weights' own part of it has the derivatives slope_0 + share * curve_0.
    """
    share, low, high, scale = 1.0, 0.0, np.inf, 0.0
    for number in range(_MOST_LINE_STEPS):
        slope, curve = slope_0 + share * curve_0, curve_0
        for i in range(len(decisions)):
            change = new_decisions[i] - decisions[i]
            violation = 1.0 - sign[i] * (decisions[i] + share * change)
            if sign[i] != 0 and violation > 0.0:
                slope -= 2.0 * cost[i] * sign[i] * change * violation
                curve += 2.0 * cost[i] * change * change
        if number == 0:
            scale = max(abs(slope), curve)
        if curve <= 0.0 or abs(slope) <= _SLOPE * scale:
            break
        if slope < 0.0:
            low = share
        else:
            high = share
        new = share - slope / curve
        if not low < new < high:
            new = 0.5 * (low + high) if high < np.inf else 2.0 * share
        if new == share:
            break
        share = new
    return share


@inner(fastmath=FAST)
def decide(gram, rows, count, weights, b, first, last, decisions):
    """Write the decision values from `first` to `last`, by the rows that have weights."""
    for j in range(first, last):
        decisions[j] = b
    fours = count - count % 4
    for i in range(0, fours, 4):
        r0, r1, r2, r3 = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
        w0, w1, w2, w3 = weights[r0], weights[r1], weights[r2], weights[r3]
        for j in range(first, last):
            decisions[j] += (
                w0 * gram[r0, j] + w1 * gram[r1, j] + w2 * gram[r2, j] + w3 * gram[r3, j]
            )
    for i in range(fours, count):
        row = rows[i]
        for j in range(first, last):
            decisions[j] += weights[row] * gram[row, j]

"""The squared hinge of many problems at once: its derivatives, at a point and along a line."""

from skextra._kernels._kernel import kernel

# Sums may be reordered, which vectorises them, and products contracted; overflow and NaN are kept.
FAST = {"reassoc", "contract", "nsz"}

# decisions: (n, k); signs: (n, k), +1 and -1 for the two sides of problem j, 0 for rows that are
# not part of it; costs: (n,), C times the weight of a row. A violation is max(0, 1 - margin).


@kernel(fastmath=FAST)
def residuals(decisions, signs, costs, pulls, losses, masses, used):
    """Write 2 cost sign violation (`pulls`), and each problem's loss and sum of 2 cost (`masses`).

    The sums are over the rows that violate their margins in a problem; `used` tells which rows do
    so in any problem.
    """
    n, k = decisions.shape
    for j in range(k):
        losses[j] = 0.0
        masses[j] = 0.0
    for i in range(n):
        is_violated = False
        twice = 2.0 * costs[i]
        for j in range(k):
            sign = signs[i, j]
            violation = 1.0 - sign * decisions[i, j]
            if sign != 0 and violation > 0.0:
                is_violated = True
                pulls[i, j] = twice * sign * violation
                losses[j] += 0.5 * twice * violation * violation
                masses[j] += twice
            else:
                pulls[i, j] = 0.0
        used[i] = is_violated


@kernel(fastmath=FAST)
def along(decisions, change, signs, costs, step, slopes, curvatures):
    """Write slope and curvature of each problem's loss at decisions + step * change."""
    n, k = decisions.shape
    for j in range(k):
        slopes[j] = 0.0
        curvatures[j] = 0.0
    for i in range(n):
        twice = 2.0 * costs[i]
        for j in range(k):
            sign = signs[i, j]
            violation = 1.0 - sign * (decisions[i, j] + step[j] * change[i, j])
            if sign != 0 and violation > 0.0:
                slopes[j] -= twice * sign * violation * change[i, j]
                curvatures[j] += twice * change[i, j] * change[i, j]


@kernel(fastmath=FAST)
def least_margins(decisions, signs, margins):
    """Write the least signed decision value of each row over its problems."""
    n, k = decisions.shape
    for i in range(n):
        least = 1e300
        for j in range(k):
            sign = signs[i, j]
            if sign != 0:
                least = min(least, sign * decisions[i, j])
        margins[i] = least

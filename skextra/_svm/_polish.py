"""From a solution of some digits to one of all: identify the rows that lie on their margins."""

import numpy as np
from scipy import linalg

from skextra._svm._solution import Fixed, Solution, hinge_gap, relative_gap

_ROUNDS = 30  # a bound: a division that is right settles in a few, a wrong one repeats itself
# Rows on their margins beyond which a division is not tried: their system is dense, and takes the
# cube of their number.
_MOST_FREE = 1500
_SLACK = 1e-11  # by which rounding may violate a condition, as a share of the largest term
_MOST_GAP = 1e-9  # relative gap of a solution that satisfies the conditions but for rounding


def polish(Phi, y, cost, search, n_iter, fixed=None):
    """Solve the optimality conditions with the rows divided into three, until none changes sides.

    A row has alpha of 0, of its cost, or in between; in the last case its margin is 1 exactly.
    Returns None if no division satisfies the conditions.
    """
    alpha = search.alpha
    margins = y * (Phi @ search.w + search.b)
    upper = np.where(np.isinf(cost), 0.0, cost)
    distance = 1.0 - margins
    outer = fixed or Fixed(0.0, 0.0, 0.0)
    # Of a complementary pair the larger one, in its own unit, is taken to be the nonzero one.
    unit = max(alpha.max(), 1e-300)
    bound = np.isfinite(cost) & (distance > (cost - alpha) / unit)
    free = ~bound & (alpha / unit > -distance)
    # With many more rows on their margins than there are features, the division is still wrong.
    most_free = max(2 * Phi.shape[1] + 10, 200)
    seen = set()
    for _ in range(_ROUNDS):
        F = np.flatnonzero(free)
        if not len(F) or len(F) > min(_MOST_FREE, most_free):
            return None
        full = np.where(bound, upper, 0.0) * y
        push = Phi.T @ full + outer.push
        beta, b = _equal_margins(Phi[F], y[F], push, full.sum() + outer.sides)
        w = push + Phi[F].T @ beta
        candidate = full * y
        candidate[F] = beta * y[F]
        margins = y * (Phi @ w + b)
        tiny = _SLACK * max(candidate.max(), 1e-300)
        low = free & (candidate < -tiny)
        high = free & (candidate > cost + tiny)
        short = ~free & ~bound & (margins < 1.0 - _SLACK)
        long = bound & (margins > 1.0 + _SLACK)
        if not (low.any() or high.any() or short.any() or long.any()):
            candidate = np.minimum(np.maximum(candidate, 0.0), cost)
            gap, objective = hinge_gap(Phi, y, cost, w, b, candidate, fixed)
            relative = relative_gap(gap, objective)
            return Solution(w, b, candidate, relative, n_iter) if relative < _MOST_GAP else None
        free = (free & ~low & ~high) | short | long
        bound = (bound & ~long) | high
        key = (free.tobytes(), bound.tobytes())
        if key in seen:
            return None
        seen.add(key)
    return None


def _equal_margins(Phi, y, push, pushed):
    """Return (sign times alpha of rows that lie on their margins, the intercept)."""
    n = len(y)
    system = np.empty((n + 1, n + 1))
    system[:n, :n] = Phi @ Phi.T
    system[:n, n] = system[n, :n] = 1.0
    system[n, n] = 0.0
    right = np.append(y - Phi @ push, -pushed)
    solved = linalg.lstsq(system, right, check_finite=False, lapack_driver="gelsy")[0]
    return solved[:n], solved[n]

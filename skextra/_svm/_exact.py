"""All problems on mapped rows held in memory, solved to the last digit."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skextra._svm._interior_point import solve_hinge
from skextra._svm._linear import add_to_diagonal, solve_positive
from skextra._svm._problems import Problems, least_margins, too_far_from_one
from skextra._svm._solution import Planes, Solution, balanced, relative_gap, squared_hinge_gap
from skextra._typing import FloatMatrix

_ACCURACY = 1e-9  # relative gap of an exact solution, rounding errors included
_MOST_GRAM_ROWS = 4000  # rows whose Gram matrix is formed once, up to 128 MB of float64
# Problems from which that pays: with fewer, the products of the rows that are active take less
# (breast_cancer 1.08 times as long with a Gram matrix, benchmarks/svm_constants.py).
_FEWEST_PROBLEMS = 3
# Costs, of features up to 1, and share of active rows up to which a search begins with the planes
# it is given. That saves a third of the steps of digits and breast_cancer, whose fits take 1.2 to
# 1.3 times as long without. Where most rows are active, one step from zero that all problems share
# leads further; at large costs the planes of a pilot are far off: benchmarks/svm_constants.py.
_MOST_STARTED_COST, _MOST_STARTED_SHARE = 100.0, 0.5
_MOST_SEARCH_STEPS = 100  # a bound: Newton's method on a piecewise linear slope takes a few
_SLOPE = 1e-4  # of the first one: the active set does not change with more accurate steps


def solve_exactly(
    Phi: FloatMatrix,
    problems: Problems,
    loss: str,
    tol: float,
    max_iter: int,
    start: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Planes:
    """Return the Planes that solve all problems.

    Parameters
    ----------
    Phi : {ndarray, CSR array} of shape (n, p)
        Mapped rows.
    problems : Problems
        The problems.
    loss : {'hinge', 'squared_hinge'}
        With infinite costs both are the hard margin.
    tol : float
        Duality gap, as a share of the objective, at which a problem counts as solved.
    max_iter : int
        Largest number of steps for a problem.
    start : tuple of ndarray or None
        Normals, (p, k), and intercepts, (k,), that the squared hinge may begin with. They tell
        which rows are likely to be active, and make no difference to the solution.
    """
    signs, costs = problems.signs, problems.costs
    if sparse.issparse(Phi):
        Phi = Phi.toarray()
    mean = Phi.mean(axis=0, dtype=np.float64)
    scaled = Phi - mean
    exponent = int(np.frexp(np.abs(scaled).max(initial=0.0))[1])
    scaled = np.ldexp(scaled, -exponent)
    with np.errstate(over="ignore", under="ignore"):
        square = np.ldexp(1.0, 2 * exponent) if abs(exponent) < 500 else np.nan
        scaled_costs = costs * square
    hard = np.isinf(costs).any()
    if np.isnan(square) or (
        not hard and not (np.isfinite(scaled_costs) & (scaled_costs > 0)).all()
    ):
        raise too_far_from_one(np.ldexp(1.0, exponent), "StandardScaler")
    if loss == "hinge" or hard:
        solutions = [solve_hinge(scaled, sign, scaled_costs, max_iter) for sign in signs.T]
    else:
        if start is not None:
            coef, intercept = start
            start = np.ldexp(coef, exponent), intercept + mean @ coef
        solutions = _squared_hinge(scaled, signs, scaled_costs, max_iter, start)
    normals, intercepts, alphas, gaps, steps = zip(*solutions, strict=True)
    coef = np.ldexp(np.column_stack(normals), -exponent)
    intercept = np.array(intercepts) - mean @ coef
    gaps = np.array(gaps)
    duals = np.column_stack(alphas) / square
    margins = least_margins(Phi @ coef + intercept, signs)
    converged = bool((gaps <= max(tol, _ACCURACY)).all())
    return Planes(coef, intercept, coef, duals, gaps, sum(steps), converged, margins)


def _squared_hinge(Phi, signs, costs, max_iter, start):
    """Return the Solution of every problem by Newton's method on its active rows.

    The objective is piecewise quadratic, so that the right active set ends the search (Keerthi &
    DeCoste, JMLR 6, 2005). The linear system is that of the features, or of the active rows where
    these are fewer (Chapelle, Neural Computation 19, 2007). Phi is centred and of unit size.
    """
    n, p = Phi.shape
    k = signs.shape[1]
    gram = None
    if k >= _FEWEST_PROBLEMS and n <= _MOST_GRAM_ROWS and n < 2 * p:
        gram = Phi @ Phi.T
    W, b = start if _is_useful(start, Phi, signs, costs) else (np.zeros((p, k)), np.zeros(k))
    points = [None] * k
    if k > 1 and signs.all() and not W.any():
        points = zip(*_all_active(Phi, gram, signs, costs), strict=True)
    return [
        _solve(Phi, gram, sign, costs, max_iter, plane, point)
        for sign, *plane, point in zip(signs.T, W.T, b, points, strict=True)
    ]


def _is_useful(start, Phi, signs, costs):
    """Return whether planes are near enough to the solution to begin with."""
    if start is None or costs.max() > _MOST_STARTED_COST:
        return False
    W, b = start
    is_active = signs * (Phi @ W + b) < 1.0
    return is_active[signs != 0].mean() < _MOST_STARTED_SHARE


def _all_active(Phi, gram, signs, costs):
    """Return weights and intercepts, a row a problem, that solve it if all rows are active."""
    W, b = _newton_point(Phi, gram, signs.astype(np.float64), costs, np.arange(len(Phi)))
    return W.T, b


def _solve(Phi, gram, sign, costs, max_iter, plane, point):
    """Return the Solution of one problem.

    The search begins with the weights and intercept `plane`. `point`, if known, solves the problem
    for the rows that are active there.
    """
    part = np.flatnonzero(sign)
    y, cost = sign[part].astype(np.float64), costs[part]
    if len(part) < len(sign):
        Phi = Phi[part]
        gram = None if gram is None else gram[np.ix_(part, part)]
    w, b = plane
    violation = 1.0 - y * (Phi @ w + b)
    active = np.flatnonzero(violation > 0)
    n_iter = 0
    while n_iter < max_iter:
        n_iter += 1
        if not len(active):  # no margin is violated: try a smaller w
            point = np.zeros_like(w), b
        new_w, new_b = point or _newton_point(Phi, gram, y, cost, active)
        point = None
        margins = y * (Phi @ new_w + new_b)
        if np.array_equal(np.flatnonzero(margins < 1), active):
            w, b = new_w, new_b
            break
        length = _exact_step(w, new_w - w, 1.0 - margins, violation, cost)
        w, b = w + length * (new_w - w), b + length * (new_b - b)
        violation = violation + length * (1.0 - margins - violation)
        active = np.flatnonzero(violation > 0)
        if length == 0:
            break
    violation = np.maximum(0.0, 1.0 - y * (Phi @ w + b))
    alpha = 2.0 * cost * violation
    even = balanced(alpha, y)
    gap, objective = squared_hinge_gap(w, y, cost, even, Phi.T @ (even * y), violation)
    full = np.zeros(len(sign))
    full[part] = alpha
    return Solution(w, b, full, relative_gap(gap, objective), n_iter)


def _newton_point(Phi, gram, y, cost, active):
    """Return the weights and intercept that solve the problem if `active` is the active set.

    With several columns in y there is a solution for each.
    """
    if len(active) <= Phi.shape[1]:
        return _by_rows(Phi, gram, y[active], 2.0 * cost[active], active)
    A, y, twice = Phi[active], y[active], 2.0 * cost[active]
    total = twice.sum()
    mean = twice @ A / total
    centred = A - mean
    weighted = twice[:, None] * centred
    system = centred.T @ weighted
    add_to_diagonal(system, 1.0)
    w = solve_positive(system, weighted.T @ y)
    return w, twice @ y / total - mean @ w


def _by_rows(Phi, gram, y, twice, active):
    """Return the weights and intercept by the system of the active rows."""
    if gram is None:
        A = Phi[active]
        system = A @ A.T
    else:
        system = gram.take(active, axis=0).take(active, axis=1)
    add_to_diagonal(system, 1.0 / twice)
    solved = solve_positive(system, np.column_stack((y, np.ones(len(twice)))))
    by_y, by_one = solved[:, :-1].reshape(y.shape), solved[:, -1]
    b = by_y.sum(axis=0) / by_one.sum()
    weights = np.zeros((len(Phi), *y.shape[1:]))
    weights[active] = by_y - np.multiply.outer(by_one, b)
    return Phi.T @ weights, b


def _exact_step(w, change, new_violation, violation, cost):
    """Return the step in [0, 1] or beyond that minimises the objective between two points.

    `violation` and `new_violation` are 1 - margin at step 0 and 1, linear in between.
    """
    slope_0, curve_0 = w @ change, change @ change
    delta = new_violation - violation
    twice_delta = 2.0 * cost * delta
    length, low, high = 1.0, 0.0, np.inf
    scale = None
    for _ in range(_MOST_SEARCH_STEPS):
        there = violation + length * delta
        pushed = np.where(there > 0, twice_delta, 0.0)
        slope = slope_0 + length * curve_0 + pushed @ there
        curve = curve_0 + pushed @ delta
        scale = scale or max(abs(slope), curve)
        if curve <= 0 or abs(slope) <= _SLOPE * scale:
            break
        low, high = (length, high) if slope < 0 else (low, length)
        new = length - slope / curve
        if not low < new < high:
            new = 0.5 * (low + high) if np.isfinite(high) else 2.0 * length
        if new == length:
            break
        length = new
    return length

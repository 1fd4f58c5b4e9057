"""All samples as landmarks: the squared hinge in the space of the exact kernel, without a map."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skextra._common._canonical import distinct
from skextra._kernels import _active_rows as kernels
from skextra._svm._problems import Problems, least_margins
from skextra._svm._solution import Planes, relative_gap

ACCURACY = 1e-9  # relative gap of an exact solution
# Square of the residual, as a share of the objective, at which all rows are solved, and some of
# them, whose solution is only a start. The gap is about the first of these. With 1e-10 it would be
# below 1e-9 too, decision values would have five digits instead of eight, and a fit would take up
# to a quarter less time (benchmarks/svm_constants.py).
_RESIDUAL, _ROUGH_RESIDUAL = 1e-16, 1e-3
# Steps of a problem after which its search has failed. Where it succeeds it takes about five for
# each size, thirty for 2500 rows.
MOST_STEPS = 80
# Rows that a search begins with, before it doubles them. More would take longer than the few steps
# that they save, and fewer save nothing either (benchmarks/svm_constants.py).
_FIRST_ROWS = 60


def solve_exact_kernel(
    gram: NDArray[np.float64], problems: Problems, tol: float, max_iter: int
) -> Planes:
    """Return the Planes that solve all problems in the space of a kernel.

    Their normals are sums of the samples' images, with `weights`; `coef` is None. The problems
    begin with few rows, and go on with twice as many from where they have ended.

    Parameters
    ----------
    gram : ndarray of shape (n, n)
        The kernel between the samples. The first of them should be a fair selection of all.
    problems : Problems
        The problems.
    tol : float
        Duality gap, as a share of the objective, at which a problem counts as solved.
    max_iter : int
        Largest number of steps for a problem; a search ends after MOST_STEPS in any case.
    """
    n, k = problems.signs.shape
    signs = np.ascontiguousarray(problems.signs.T, dtype=np.float64)
    weights, decisions = np.zeros((2, k, n))
    intercept, steps = np.zeros(k), 0
    memory = (np.empty(n, np.intp), np.empty(n * n, np.float32), np.empty(n, np.float32),
              np.empty((7, n)))  # fmt: skip
    for j in range(k):
        left = most = min(max_iter, MOST_STEPS)
        first, b = 0, 0.0
        for size in _sizes(n):
            accuracy = _RESIDUAL if size == n else _ROUGH_RESIDUAL
            b, taken, _ = kernels.solve(
                gram, signs[j], problems.costs, first or size, weights[j, :size],
                decisions[j, :size], b, accuracy, left, *memory,
            )  # fmt: skip
            first, left = size, left - taken
        intercept[j], steps = b, steps + most - left
    duals = np.maximum(signs * weights, 0.0)
    squares, gaps = _gaps(gram, signs, problems.costs, weights, decisions, intercept, duals)
    return Planes(
        None, intercept, weights.T, duals.T, gaps, steps,
        bool((gaps <= max(tol, ACCURACY)).all()),
        least_margins(decisions.T, problems.signs), np.sqrt(squares),
    )  # fmt: skip


def _sizes(n):
    """Return how many rows a search takes, one after the other, up to all."""
    sizes = [n]
    while sizes[-1] > 2 * _FIRST_ROWS:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes[::-1]


def _gaps(gram, signs, costs, weights, decisions, intercept, duals):
    """Return (squared norm of every normal, duality gaps as shares of the objectives)."""
    images = decisions - intercept[:, None]
    squares = np.einsum("ij,ij->i", weights, images)
    violations = np.where(signs == 0, 0.0, np.maximum(0.0, 1.0 - signs * decisions))
    primal = 0.5 * squares + violations**2 @ costs
    # The weights sum to zero. As long as none is on the wrong side, they are dual variables, too.
    pulls = signs * duals
    dual_squares = squares
    if not np.array_equal(pulls, weights):
        plus, minus = np.maximum(pulls, 0.0), np.maximum(-pulls, 0.0)
        more, less = plus.sum(axis=1), minus.sum(axis=1)
        least = np.minimum(more, less)
        share = least / np.where(least > 0, more, 1.0), least / np.where(least > 0, less, 1.0)
        plus, minus = plus * share[0][:, None], minus * share[1][:, None]
        duals, pulls = plus + minus, plus - minus
        dual_squares = np.einsum("ij,ij->i", pulls, pulls @ gram)
    dual = duals.sum(axis=1) - 0.5 * dual_squares - duals**2 @ (0.25 / costs)
    # Dual variables of 0 are feasible, too: their objective is 0.
    gaps = np.maximum(primal - np.fmax(dual, 0.0), 0.0)
    return squares, np.array(list(map(relative_gap, gaps, primal)))


def nested_order(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return an order of rows of which every half, quarter ... has all classes in proportion."""
    order = np.argsort(codes, kind="stable")
    parts = []
    while len(order) > 1:
        parts.append(order[1::2])
        order = order[::2]
    return np.concatenate((order, *parts[::-1]))


def without_unused(X, weights):
    """Return (rows of X that have a weight in any problem, without repeats; their weights)."""
    used = np.flatnonzero(weights.any(axis=1))
    X, weights = X[used], weights[used]
    order, repeats = distinct(X)
    if not repeats.any():
        return X, weights
    place = np.cumsum(~repeats) - 1
    merged = np.zeros((place[-1] + 1, weights.shape[1]))
    np.add.at(merged, place, weights[order])
    return X[order[~repeats]], merged


def in_order(planes: Planes, order: NDArray[np.intp]) -> Planes:
    """Return planes of the rows in `order` as those of the rows as they were."""
    weights, duals = np.empty((2, *planes.duals.shape))
    margins = np.empty(len(order))
    weights[order], duals[order], margins[order] = planes.weights, planes.duals, planes.margins
    return replace(planes, weights=weights, duals=duals, margins=margins)

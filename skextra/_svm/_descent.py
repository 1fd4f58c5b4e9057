"""Squared hinge on sparse rows: coordinate descent on the dual variables, row by row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skextra._common._threads import run
from skextra._kernels import _hinge_csr as kernels
from skextra._svm._at_scale import FirstGuess, Stopping, solve_at_scale
from skextra._svm._objective import move_along
from skextra._svm._problems import Problems, least_margins
from skextra._svm._solution import Planes, balanced, squared_hinge_gap
from skextra._svm._sparse_rows import SparseRows, fours, padded

# Features beyond which sparse rows are solved by descent. Newton's method with the whole second
# moment as its preconditioner takes fewer passes where there are fewer, at the cube of their number.
FEWEST_FEATURES = 1000
# Passes after which Newton's method continues, which ends in fewer once it is near. Costs up to
# 100 on docstrings take 350 to a gap of .01.
_MOST_PASSES = 500
# How many times the tolerance the gap may be, as the rows were found, for the gap to be computed:
# it falls to a third or less in the course of a pass.
_HOPE = 3.0
# Rows without a dual variable in any problem of a part are left out if their margins exceed 1 by
# so many times the mean slope of the rows visited, until every eighth pass visits all. On
# docstrings that halves the time, and takes no more passes.
_SLACK, _ALL_EVERY = 3.0, 8


def solve_sparse(
    mapped: SparseRows,
    problems: Problems,
    stopping: Stopping,
    random_state: np.random.RandomState,
) -> Planes:
    """Return the Planes that solve all problems on sparse rows.

    Each pass of dual coordinate descent visits a row once. After many passes Newton's method
    continues.
    """
    descent = _Descent(mapped, problems, stopping)
    while not descent.is_over():
        descent.visit()
    planes = descent.planes(certified=True)
    open_ = np.flatnonzero(planes.gaps > stopping.tol)
    left = stopping.max_iter - planes.n_iter
    if not len(open_) or left <= 0 or descent.was_stopped:
        return planes
    return _continued(mapped, problems, stopping, random_state, planes, open_)


def _continued(mapped, problems, stopping, random_state, planes, open_):
    """Return the planes after Newton's method on the problems that are still open."""

    def all_of(part):
        whole = {name: getattr(planes, name).copy() for name in ("coef", "intercept", "gaps")}
        for name, values in whole.items():
            values[..., open_] = getattr(part, name)
        duals = planes.duals
        if len(part.duals):
            duals = duals.copy()
            duals[:, open_] = part.duals
        n_iter = planes.n_iter + part.n_iter
        converged = bool((whole["gaps"] <= stopping.tol).all())
        return Planes(**whole, weights=whole["coef"], duals=duals, n_iter=n_iter,
                      converged=converged, margins=planes.margins)  # fmt: skip

    report = None
    if stopping.report is not None:
        def report(part):
            return stopping.report(all_of(part))

    rest = Problems(np.ascontiguousarray(problems.signs[:, open_]), problems.costs)
    V = np.vstack((planes.coef[:, open_], planes.intercept[open_]))
    n = len(problems.costs)
    moment = mapped.square_means(np.arange(n), np.full(n, 1.0 / n))
    part = solve_at_scale(
        mapped, rest, FirstGuess(V, None, moment),
        Stopping(stopping.tol, stopping.max_iter - planes.n_iter, report), random_state,
    )  # fmt: skip
    whole = all_of(part)
    decisions = mapped.decisions(np.vstack((whole.coef, whole.intercept)), np.arange(len(rest.costs)))
    return Planes(**{**vars(whole), "margins": least_margins(decisions, problems.signs)})


@dataclass(eq=False)
class _Part:
    """Problems that descend together: four with all rows, or one with its own.

    Attributes
    ----------
    columns : slice
        Their numbers among all problems.
    rows : ndarray of shape (m,)
        The rows that take part.
    signs, costs, curvatures : ndarray of shape (m, width), (m,) and (m,)
        Their sides, costs, and squared norms with the feature of the intercept.
    dual, weights, intercepts : ndarray of shape (m, width), (p, width) and (width,)
        The dual variables, and what follows from them.
    """

    columns: slice
    rows: NDArray[np.intp]
    signs: NDArray[np.int8]
    costs: NDArray[np.float64]
    curvatures: NDArray[np.float64]
    dual: NDArray[np.float64]
    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    def __post_init__(self):
        self.k = self.columns.stop - self.columns.start
        self.live = np.arange(len(self.rows))
        self.idle = np.zeros(len(self.rows), bool)
        self.slack = np.full(len(self.intercepts), np.inf)
        self.gaps = np.full(self.k, np.inf)
        self.margins = None
        self.is_open = True


class _Descent:
    """The search: the parts, pass after pass."""

    def __init__(self, mapped, problems, stopping):
        self.mapped, self.problems, self.stopping = mapped, problems, stopping
        self.n_iter = 0
        self.was_stopped = False
        squares = mapped.squared_norms()
        # The feature that stands for the intercept is as long as a row.
        self.unit = float(squares.mean()) or 1.0
        self.parts = list(self._divided(squares + self.unit))

    def _divided(self, curvatures):
        """Yield the parts: fours of problems that take all rows, and others one by one."""
        signs, costs = self.problems.signs, self.problems.costs
        n, k = signs.shape
        p, every = self.mapped.n_features, np.arange(n)
        if signs.all():
            for columns, width in fours(k):
                yield _Part(columns, every, padded(signs[:, columns], width), costs, curvatures,
                            np.zeros((n, width)), np.zeros((p, width)), np.zeros(width))  # fmt: skip
            return
        for j in range(k):
            rows = np.flatnonzero(signs[:, j])
            yield _Part(slice(j, j + 1), rows, signs[rows, j : j + 1].copy(), costs[rows],
                        curvatures[rows], np.zeros((len(rows), 1)), np.zeros((p, 1)),
                        np.zeros(1))  # fmt: skip

    def is_over(self):
        """Return whether to stop."""
        must_end = self.n_iter >= self.stopping.max_iter or self.was_stopped
        return must_end or not any(part.is_open for part in self.parts)

    def visit(self):
        """Visit the rows of all open parts once."""
        self.n_iter += 1
        parts = [part for part in self.parts if part.is_open]
        run(lambda i: self._descend(parts[i]), len(parts), self.mapped.threads)
        if self.stopping.report is not None:
            self.was_stopped = bool(self.stopping.report(self.planes()))

    def _descend(self, part):
        """Visit the rows of a part once; settle whether it stays open."""
        # Any order that is not that of the classes will do, so that no fit needs a seed for it.
        order = np.random.RandomState(self.n_iter).permutation(part.live)
        part.margins = None
        width = len(part.intercepts)
        sums = np.empty((3, width))
        kernels.descend(
            self.mapped.csr, part.rows, order,
            (part.signs, part.costs, part.curvatures, self.unit, part.slack),
            part.dual, (part.weights, part.intercepts), tuple(sums), part.idle,
        )  # fmt: skip
        self._shift(part)
        gaps, losses, moves = sums
        part.slack = _SLACK * moves / max(len(order), 1)
        objectives = 0.5 * np.einsum("ij,ij->j", part.weights, part.weights) + losses
        part.live = order[~part.idle[order]]
        if self.n_iter % _ALL_EVERY == 0:
            part.live = np.arange(len(part.rows))
        tol = self.stopping.tol
        if (gaps <= _HOPE * tol * objectives)[: part.k].all():
            self._certify(part)
            part.is_open = bool((part.gaps > tol).any())
            part.live = np.arange(len(part.rows))
        part.is_open &= self.n_iter < _MOST_PASSES

    def _shift(self, part):
        """Take the intercepts as the centre of their penalty (the method of multipliers)."""
        part.intercepts += self.unit * np.einsum("ij,ij->j", part.signs, part.dual)

    def _certify(self, part):
        """Make the dual variables feasible and the intercepts the best, and compute the gaps."""
        k, width = part.k, len(part.intercepts)
        for j in range(k):
            part.dual[:, j] = balanced(part.dual[:, j], part.signs[:, j])
        part.weights[:] = 0.0
        kernels.pull(self.mapped.csr, part.rows, part.dual * part.signs, part.weights)
        decisions = np.zeros((len(part.rows), width))
        kernels.decide(self.mapped.csr, part.rows, part.weights, decisions)
        part.intercepts = move_along(decisions, None, Problems(part.signs, part.costs))
        violations = np.maximum(0.0, 1.0 - part.signs * decisions)
        for j in range(k):
            w = part.weights[:, j]
            gap, objective = squared_hinge_gap(
                w, part.signs[:, j], part.costs, part.dual[:, j], w, violations[:, j]
            )
            part.gaps[j] = gap / objective if objective > 0 else 0.0
        part.margins = least_margins(decisions[:, :k], part.signs[:, :k])

    def planes(self, certified=False):
        """Return the Planes of all problems, with their gaps if they are to be certified."""
        n, k = self.problems.signs.shape
        coef, intercept = np.empty((self.mapped.n_features, k)), np.empty(k)
        gaps = np.full(k, np.inf)
        if certified:
            uncertain = [part for part in self.parts if part.margins is None or part.is_open]
            run(lambda i: self._certify(uncertain[i]), len(uncertain), self.mapped.threads)
        duals = np.zeros((n if certified else 0, k))
        margins = np.full(n, np.inf)
        for part in self.parts:
            columns = part.columns
            coef[:, columns], intercept[columns] = part.weights[:, : part.k], part.intercepts[: part.k]
            if certified:
                duals[part.rows, columns] = part.dual[:, : part.k]
                gaps[columns] = part.gaps
                margins[part.rows] = np.minimum(margins[part.rows], part.margins)
        converged = bool((gaps <= self.stopping.tol).all())
        return Planes(coef, intercept, coef, duals, gaps, self.n_iter, converged, margins)

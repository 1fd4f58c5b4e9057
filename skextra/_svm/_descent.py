"""Squared hinge on sparse rows: coordinate descent on the dual variables, row by row."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skextra._common._threads import run
from skextra._kernels import _hinge_csr as kernels
from skextra._svm._at_scale import FirstGuess, Stopping, solve_at_scale
from skextra._svm._exact import solve_exactly
from skextra._svm._objective import move_along
from skextra._svm._problems import Problems, least_margins, too_far_from_one
from skextra._svm._solution import Planes, balanced, relative_gap, squared_hinge_gap
from skextra._svm._sparse_rows import SparseRows, fours, padded

# Features beyond which sparse rows are solved by descent. With fewer, Newton's method needs few
# passes, as it is preconditioned by their whole second moment: with 1000 features and 20,000 rows
# it takes 2.3 times as long as descent, with 300 and 5,000 rows 1.5 times. It holds up at large
# costs, where descent does not: benchmarks/svm_constants.py.
FEWEST_FEATURES = 200
# Features up to which that is so for Newton's method after descent, too.
_MOST_MOMENT_FEATURES = 1000
# Passes after which Newton's method continues. At C=100, 37,000 docstrings take 350, in less time
# than Newton's method from the 24th on; 3000 docstrings take more, and Newton's method from the
# 30th on would take .6 times as long: benchmarks/svm_constants.py.
_MOST_PASSES = 500
# Multiplications of a step of the exact method for an entry in a pass. Where the exact method may
# continue, descent ends when it has taken about as long as that will, so that a fit takes at most
# about twice as long as by the better of the two. On texts that is descent, at large or uneven
# costs as well: it takes between a thirtieth and a quarter of the time. With labels that have
# little to do with the features it is the exact method: benchmarks/svm_constants.py.
_MULTIPLICATIONS_PER_ENTRY = 20
# Share of the tolerance that descent goes on to. A gap of .01 loses .07 points of accuracy on
# docstrings, .003 none; the passes up to there take a tenth to a third of the time.
_AIM = 0.3
# How many times as large the gap may be, as the rows were found, for the gap to be computed: it
# falls to a third or less in the course of a pass.
_HOPE = 3.0
# Rows without a dual variable in any problem of a part are left out if their margins exceed 1 by
# so many times the mean slope of the rows visited, until every eighth pass visits all. At C=4
# that halves the time on docstrings and takes no more passes: benchmarks/svm_constants.py.
_SLACK, _ALL_EVERY = 3.0, 8


def solve_sparse(
    mapped: SparseRows,
    problems: Problems,
    stopping: Stopping,
    random_state: np.random.RandomState,
    may_be_exact: bool = False,
) -> Planes:
    """Return the Planes that solve all problems on sparse rows.

    Each pass of dual coordinate descent visits a row once. After many passes another method
    continues: the exact one if the rows are few enough for it, else Newton's with conjugate
    gradients.
    """
    descent = _Descent(mapped, problems, stopping, may_be_exact)
    while not descent.is_over():
        descent.visit()
    planes = descent.certified_planes()
    open_ = np.flatnonzero(planes.gaps > stopping.tol)
    left = stopping.max_iter - planes.n_iter
    if not len(open_) or left <= 0 or descent.was_stopped:
        return planes
    every = np.arange(len(problems.costs))
    rest = Problems(np.ascontiguousarray(problems.signs[:, open_]), problems.costs)
    if may_be_exact:
        start = planes.coef[:, open_], planes.intercept[open_]
        part = solve_exactly(mapped.array, rest, "squared_hinge", stopping.tol, left, start)
    else:
        part = _by_newton(mapped, rest, stopping, random_state, planes, open_)
    planes = planes.updated(open_, part)
    V = np.vstack((planes.coef, planes.intercept))
    margins = least_margins(mapped.decisions(V, every), problems.signs)
    return replace(planes, margins=margins, converged=part.converged)


def _by_newton(mapped, rest, stopping, random_state, planes, open_):
    """Return the planes of the problems that are still open, by Newton's method."""
    n = len(rest.costs)
    moment = None
    if mapped.n_features > _MOST_MOMENT_FEATURES:
        moment = mapped.square_means(np.arange(n), np.full(n, 1.0 / n))
    V = np.vstack((planes.coef[:, open_], planes.intercept[open_]))
    guess = FirstGuess(V, second_moment=moment)
    report = stopping.report and (lambda part: stopping.report(planes.updated(open_, part)))
    rest_stopping = Stopping(stopping.tol, stopping.max_iter - planes.n_iter, report)
    return solve_at_scale(mapped, rest, guess, rest_stopping, random_state)


@dataclass(eq=False)
class _Part:
    """Problems that descend together: four with all rows, or one with its own.

    Attributes
    ----------
    columns : slice
        Their numbers among all problems.
    rows : ndarray of shape (m,)
        The rows that take part.
    signs : ndarray of shape (m, width)
        Their sides; 0 in columns that fill up the width.
    costs, curvatures : ndarray of shape (m,)
        Their costs, and squared norms with the feature of the intercept.
    dual : ndarray of shape (m, width)
        Dual variables.
    weights, intercepts : ndarray of shape (p, width) and (width,)
        What follows from them.
    live : ndarray of int
        Which of the rows the next pass visits.
    slack : ndarray of shape (width,)
        By how much a margin must exceed 1 for the row to be left out.
    gaps, margins : ndarray of shape (k,) and (m,), or None
        The certificate, if it is that of the present weights.
    is_open : bool
        Whether there are to be more passes.
    """

    columns: slice
    rows: NDArray[np.intp]
    signs: NDArray[np.int8]
    costs: NDArray[np.float64]
    curvatures: NDArray[np.float64]
    dual: NDArray[np.float64]
    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    live: NDArray[np.intp]
    slack: NDArray[np.float64]
    gaps: NDArray[np.float64] | None = None
    margins: NDArray[np.float64] | None = None
    is_open: bool = True

    @classmethod
    def of(cls, columns, rows, signs, costs, curvatures, n_features):
        """Return the part where no row has a dual variable yet."""
        m, width = signs.shape
        return cls(columns, rows, signs, costs, curvatures, np.zeros((m, width)),
                   np.zeros((n_features, width)), np.zeros(width), np.arange(m),
                   np.full(width, np.inf))  # fmt: skip

    @property
    def k(self):
        """Number of problems."""
        return self.columns.stop - self.columns.start


class _Descent:
    """The search: the parts, pass after pass."""

    def __init__(self, mapped, problems, stopping, may_be_exact):
        self.mapped, self.problems, self.stopping = mapped, problems, stopping
        self.n_iter = 0
        self.was_stopped = False
        squares = mapped.squared_norms()
        if not np.isfinite(problems.costs * squares).all():
            raise self._overflow()
        # The feature that stands for the intercept is as long as a row.
        self.unit = float(squares.mean()) or 1.0
        self.parts = list(self._divided(squares + self.unit))
        self.most_passes = self._passes_of_exact_method() if may_be_exact else _MOST_PASSES

    def _divided(self, curvatures):
        """Yield the parts: fours of problems that take all rows, and others one by one."""
        signs, costs = self.problems.signs, self.problems.costs
        n, k = signs.shape
        p, every = self.mapped.n_features, np.arange(n)
        if signs.all():
            for columns, width in fours(k):
                yield _Part.of(columns, every, padded(signs[:, columns], width), costs,
                               curvatures, p)  # fmt: skip
            return
        for j in range(k):
            rows, column = np.flatnonzero(signs[:, j]), slice(j, j + 1)
            yield _Part.of(column, rows, signs[rows, column].copy(), costs[rows],
                           curvatures[rows], p)  # fmt: skip

    def _passes_of_exact_method(self):
        """Return how many passes take as long as the exact method does."""
        n, p = self.mapped.array.shape
        step = self.problems.signs.shape[1] * n * p * min(n, p)
        entries = len(self.parts) * max(len(self.mapped.csr[0]), 1)
        return min(_MOST_PASSES, step // (_MULTIPLICATIONS_PER_ENTRY * entries) + 1)

    def is_over(self):
        """Return whether to stop."""
        must_end = self.n_iter >= self.stopping.max_iter or self.was_stopped
        return must_end or not any(part.is_open for part in self.parts)

    def visit(self):
        """Visit the rows of all open parts once."""
        self.n_iter += 1
        self._each(self._descend, [part for part in self.parts if part.is_open])
        if self.stopping.report is not None:
            self.was_stopped = bool(self.stopping.report(self.planes()))

    def certified_planes(self):
        """Return the Planes with their dual variables, gaps and margins."""
        self._each(self._certify, [part for part in self.parts if part.gaps is None])
        n, k = self.problems.signs.shape
        duals, gaps, margins = np.zeros((n, k)), np.empty(k), np.full(n, np.inf)
        for part in self.parts:
            duals[part.rows, part.columns] = part.dual[:, : part.k]
            gaps[part.columns] = part.gaps
            margins[part.rows] = np.minimum(margins[part.rows], part.margins)
        if not np.isfinite(gaps).all():
            raise self._overflow()
        converged = bool((gaps <= self.stopping.tol).all())
        return replace(self.planes(), duals=duals, gaps=gaps, n_iter=self.n_iter,
                       converged=converged, margins=margins)  # fmt: skip

    def _overflow(self):
        """Return the error of an objective that is no number."""
        # StandardScaler would make the rows dense.
        return too_far_from_one(np.abs(self.mapped.csr[0]).max(), "MaxAbsScaler")

    def planes(self):
        """Return the Planes as they are, without a certificate."""
        k = self.problems.signs.shape[1]
        coef, intercept = np.empty((self.mapped.n_features, k)), np.empty(k)
        for part in self.parts:
            coef[:, part.columns] = part.weights[:, : part.k]
            intercept[part.columns] = part.intercepts[: part.k]
        return Planes(coef, intercept, coef, np.zeros((0, k)), np.full(k, np.inf))

    def _each(self, task, parts):
        run(lambda i: task(parts[i]), len(parts), self.mapped.threads)

    def _descend(self, part):
        """Visit the rows of a part once, and settle whether it stays open."""
        # Any order that is not that of the classes will do, so that no fit needs a seed for it.
        order = np.random.RandomState(self.n_iter).permutation(part.live)
        sums = np.empty((3, len(part.intercepts)))
        is_idle = np.zeros(len(part.rows), bool)
        kernels.descend(
            self.mapped.csr, part.rows, order,
            (part.signs, part.costs, part.curvatures, self.unit, part.slack),
            part.dual, (part.weights, part.intercepts), tuple(sums), is_idle,
        )  # fmt: skip
        # The intercepts become the centre of their penalty (the method of multipliers), so that
        # in the end there is none.
        part.intercepts += self.unit * np.einsum("ij,ij->j", part.signs, part.dual)
        part.gaps = part.margins = None
        gaps, losses, slopes = sums
        part.slack = _SLACK * slopes / max(len(order), 1)
        part.live = order[~is_idle[order]]
        objectives = 0.5 * np.einsum("ij,ij->j", part.weights, part.weights) + losses
        goal = _AIM * self.stopping.tol
        if (gaps <= _HOPE * goal * objectives)[: part.k].all():
            self._certify(part)
            part.is_open = bool((part.gaps > goal).any())
        if part.gaps is not None or self.n_iter % _ALL_EVERY == 0:
            part.live = np.arange(len(part.rows))
        part.is_open &= self.n_iter < self.most_passes

    def _certify(self, part):
        """Make the dual variables feasible and the intercepts the best, and compute the gaps."""
        for j in range(part.k):
            part.dual[:, j] = balanced(part.dual[:, j], part.signs[:, j])
        part.weights[:] = 0.0
        kernels.pull(self.mapped.csr, part.rows, part.dual * part.signs, part.weights)
        decisions = np.zeros(part.dual.shape)
        kernels.decide(self.mapped.csr, part.rows, part.weights, decisions)
        part.intercepts = move_along(decisions, None, Problems(part.signs, part.costs))
        part.gaps = np.empty(part.k)
        for j in range(part.k):
            w, sign = part.weights[:, j], part.signs[:, j]
            violation = np.maximum(0.0, 1.0 - sign * decisions[:, j])
            gap, objective = squared_hinge_gap(w, sign, part.costs, part.dual[:, j], w, violation)
            part.gaps[j] = relative_gap(gap, objective)
        part.margins = least_margins(decisions, part.signs)

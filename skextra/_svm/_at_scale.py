"""Squared hinge on many rows: first on some, then on those that matter, until all rows agree."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skextra._svm._mapped_rows import MappedRows
from skextra._svm._newton_cg import Preconditioner, newton
from skextra._svm._objective import SquaredHinge
from skextra._svm._problems import Problems, least_margins
from skextra._svm._solution import Planes, balanced, relative_gap, squared_hinge_gap
from skextra._typing import FloatArray

# Least number of rows that a search begins with when it has no weights yet. Fewer give a start
# that takes more steps later; of 15,000 rows more make no difference beyond the noise of the
# measurement (benchmarks/svm_constants.py).
_FIRST_ROWS = 5000
# Duality gap up to which these are solved: a smaller one would fit their sampling error. From .01
# to .2 times are equal (benchmarks/svm_constants.py).
_FIRST_TOL = 0.05
# Rounds after which rows that have been at work stay, if not all fit into memory. This ends a
# cycle of rows that replace one another; it is rarely reached: benchmarks/svm_constants.py.
_MOST_ROUNDS = 5
# Rounds without progress that end a search. The first may be due to an outdated working set.
_MOST_STALLS = 2
# Features up to which the preconditioner is made again for the active rows, which takes the cube
# of their number: without it a fit takes 1.8 times as long with 300 (benchmarks/svm_constants.py).
_MOST_REFRESHED = 1500
# Active rows for it, as a multiple of the number of features. With 4 it takes twice as long, and a
# fit of 5,000 or 10,000 images a tenth longer: benchmarks/svm_constants.py.
_REFRESH = 2
# Ratio of costs up to which few active rows tell less than the landmarks do. Beyond it, as with
# balanced weights of a rare class, the costly rows make the matrix: without them a fit of 40,000
# rows, of which 1 in 500 is rare, does not converge in float32 (benchmarks/bench_svm.py).
_EVEN = 10.0
# Features beyond which conjugate gradients are preconditioned by a diagonal, as the matrix would
# take more than 288 MB and its factor minutes.
_MOST_MOMENT_FEATURES = 6000


@dataclass(frozen=True)
class FirstGuess:
    """What a search begins with.

    Attributes
    ----------
    V : ndarray of shape (p + 1, k) or None
        Weights, the intercepts last; None to find some from a part of the rows.
    rows : ndarray of int or None
        With short memory: rows that are likely to matter, no more than there is room for.
    second_moment : ndarray of shape (p, p) or None
        Mean square of the features; None takes it from rows.
    """

    V: NDArray[np.float64] | None = None
    rows: NDArray[np.intp] | None = None
    second_moment: FloatArray | None = None


@dataclass(frozen=True)
class Stopping:
    """When a search ends.

    Attributes
    ----------
    tol : float
        Duality gap, as a share of the objective, at which a problem is solved.
    max_iter : int
        Largest number of Newton steps.
    report : callable or None
        Called with Planes after each step; a true answer ends the search.
    """

    tol: float
    max_iter: int
    report: Callable[[Planes], bool] | None


def solve_at_scale(
    mapped: MappedRows,
    problems: Problems,
    guess: FirstGuess,
    stopping: Stopping,
    random_state: np.random.RandomState,
) -> Planes:
    """Return the Planes that solve all problems on MappedRows that need not fit into memory."""
    search = _Search(mapped, problems, stopping, random_state)
    search.begin(guess)
    while not search.is_over():
        search.choose_rows()
        search.improve()
    return search.planes_at(search.V, search.duals, search.gaps, search.n_iter, search.converged,
                            search.margins)  # fmt: skip


class _Search:
    """The search: weights V, what they mean for every row, and the rows at work."""

    def __init__(self, mapped, problems, stopping, random_state):
        self.mapped, self.problems, self.stopping = mapped, problems, stopping
        self.random_state = random_state
        self.rows = self.every = np.arange(len(problems.costs))
        self.n_iter = self.rounds = self.stalls = 0
        self.was_stopped = self.converged = False

    def begin(self, guess):
        """Settle the first weights and the first preconditioner."""
        mapped, n, tol = self.mapped, len(self.every), self.stopping.tol
        moment = guess.second_moment
        if moment is None:
            moment = self.second_moment(self.some_of(self.every, 4 * mapped.n_features))
        self.precondition(moment)
        self.V = guess.V
        if guess.V is None:
            self.V = np.zeros((mapped.n_features + 1, self.problems.signs.shape[1]))
        if n > _FIRST_ROWS and (guess.V is None or not mapped.holds_all):
            rows = guess.rows
            if rows is None:
                share = max(n // 5 if mapped.holds_all else n // 3, _FIRST_ROWS)
                rows = self.some_of(self.every, min(share, max(mapped.capacity, _FIRST_ROWS)))
                tol = max(tol, _FIRST_TOL)
            mapped.store(rows)
            self.minimise(rows, tol, 1.0 if guess.rows is not None else n / len(rows))
        if mapped.holds_all:
            mapped.store(self.every)

    def is_over(self):
        """Evaluate all rows; return whether the gaps are small, or it is time to stop."""
        signs, costs = self.problems.signs, self.problems.costs
        decisions = self.mapped.decisions(self.V, self.every)
        self.violations = np.maximum(0.0, 1.0 - signs * decisions)
        self.violations[signs == 0] = 0.0
        self.duals = 2.0 * costs[:, None] * self.violations
        self.margins = least_margins(decisions, signs)
        must_end = self.n_iter >= self.stopping.max_iter or self.was_stopped
        if not (self.rounds or must_end):
            return False
        self.gaps = self.duality_gaps()
        self.converged = bool((self.gaps <= self.stopping.tol).all())
        return self.converged or must_end or self.stalls == _MOST_STALLS

    def choose_rows(self):
        """Choose the rows to work on: with short memory, those that are likely to matter."""
        if not self.mapped.holds_all:
            # As many as there is room for; rows beyond are computed again at every step.
            nearest = np.sort(self.margins)[self.mapped.capacity - 1]
            near = self.margins <= max(nearest, 1.0)
            if self.rounds >= _MOST_ROUNDS:
                near = self.margins <= 1.0
                near[self.rows] = True
            self.rows = np.flatnonzero(near)
            self.mapped.store(self.rows[np.argsort(self.margins[self.rows], kind="stable")])
        active, p = self.rows[self.margins[self.rows] < 1.0], self.mapped.n_features
        costs = self.problems.costs
        is_telling = len(active) >= 2 * p or costs.max() > _EVEN * costs.min()
        if self.rounds == 0 and is_telling and len(active) > 0 and p <= _MOST_REFRESHED:
            active = self.some_of(active, _REFRESH * p)
            mass = costs[active] * (self.violations[active] > 0).sum(axis=1)
            self.precondition(self.second_moment(active, mass))

    def improve(self):
        """Minimise over the rows at work, each round to half the gap of the one before."""
        before = self.n_iter
        stalled = self.minimise(self.rows, np.ldexp(self.stopping.tol, -min(self.rounds, 60)))
        self.rounds += 1
        self.stalls = self.stalls + 1 if stalled or self.n_iter == before else 0

    def minimise(self, rows, tol, factor=1.0):
        """Minimise over some rows, their costs times a factor; return whether that stalled."""
        hinge = SquaredHinge(self.mapped, rows, self.problems.restricted(rows, factor), self.V)
        most = max(self.stopping.max_iter - self.n_iter, 1)
        report = self.report if self.stopping.report else None
        end = newton(hinge, self.V, self.preconditioner, tol, most, report)
        self.V = end.V
        self.n_iter += end.n_iter
        return end.stalled

    def report(self, V):
        """Report a step; return whether the search is to end."""
        k = V.shape[1]
        planes = self.planes_at(V, np.zeros((0, k)), np.full(k, np.inf))
        self.was_stopped = bool(self.stopping.report(planes))
        return self.was_stopped

    def planes_at(self, V, *certificate):
        """Return the Planes of weights."""
        weights, intercept = self.mapped.whitening.outward(V)
        return Planes(V[:-1], intercept, weights, *certificate)

    def some_of(self, rows, count):
        """Return `count` of the rows, drawn at random, rising; all if these are fewer."""
        if count >= len(rows):
            return rows
        return rows[np.sort(self.random_state.choice(len(rows), count, replace=False))]

    def second_moment(self, rows, mass=None):
        """Return the mean square of the features over rows; of many features its diagonal only."""
        mass = np.ones(len(rows)) if mass is None else mass
        many = self.mapped.n_features > _MOST_MOMENT_FEATURES
        mean = self.mapped.square_means if many else self.mapped.second_moment
        return mean(rows, mass / mass.sum())

    def precondition(self, second_moment):
        """Replace the preconditioner."""
        quick = self.mapped.dtype == np.float32
        self.preconditioner = Preconditioner(second_moment, self.mapped.threads if quick else 0)

    def duality_gaps(self):
        """Return the gaps, as shares of the objectives, for dual variables made feasible."""
        signs, costs, k = self.problems.signs, self.problems.costs, self.V.shape[1]
        even = np.column_stack([balanced(self.duals[:, j], signs[:, j]) for j in range(k)])
        used = np.flatnonzero(even.any(axis=1))
        pulls = self.mapped.transposed_product((even * signs)[used], used)[:-1]
        gaps = np.empty(k)
        for j in range(k):
            gap, objective = squared_hinge_gap(
                self.V[:-1, j], signs[:, j], costs, even[:, j], pulls[:, j], self.violations[:, j]
            )
            gaps[j] = relative_gap(gap, objective)
        return gaps

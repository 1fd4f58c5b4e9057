"""Squared hinge on many rows: first on some, then on those that matter, until all agree."""

import numpy as np

from skextra._svm._newton_cg import Preconditioner, newton
from skextra._svm._problems import least_margins
from skextra._svm._solution import balanced, squared_hinge_gap

_FIRST_ROWS = 5000  # more rows than this are not begun with all at once
_MOST_ROUNDS = 5  # with short memory: later on no row that has mattered is let go
_MOST_REFRESHED = 1500  # features up to which a new preconditioner costs less than it saves
_MOST_MOMENT_FEATURES = 6000  # beyond that, conjugate gradients are scaled by a diagonal


def solve_at_scale(
    mapped, signs, costs, V, first, second_moment, tol, max_iter, random_state, report
):
    """Solve all problems.

    Return V, dual variables (n, k), relative gaps, Newton steps, success and least margins (n,).

    Parameters
    ----------
    mapped : MappedRows
        The mapped rows.
    signs : ndarray of shape (n, k)
        Sides in every problem.
    costs : ndarray of shape (n,)
        C times weight.
    V : ndarray of shape (p + 1, k) or None
        Start; None for one from some of the rows.
    first : ndarray of int or None
        With short memory: rows that are likely to matter, no more than there is room for.
    second_moment : ndarray of shape (p, p) or None
        Mean square of the features to begin with; None takes it from rows.
    tol : float
        Duality gap, as a share of the objective, at which a problem is solved.
    max_iter : int
        Largest number of Newton steps.
    random_state : RandomState
        Draws the rows to begin with.
    report : callable
        Called with V after each step; a true answer ends the search.
    """
    n, k = signs.shape
    source = mapped.source
    limited = not source.holds_all
    if second_moment is None:
        some = _some_rows(n, 4 * mapped.n_features, random_state)
        second_moment = _second_moment(mapped, some, np.ones(len(some)))
    preconditioner = _preconditioner(mapped, second_moment)
    every = np.arange(n)
    steps = rounds = stalls = 0
    ended = [False]

    def told(V):
        ended[0] = bool(report(V))
        return ended[0]

    def improve(V, rows, costs, tol):
        state = newton(mapped, rows, signs[rows], costs[rows], V, preconditioner, tol,
                       max(max_iter - steps, 1), told)  # fmt: skip
        return state.V, steps + state.n_iter, state.stalled

    if n > _FIRST_ROWS and (V is None or limited):
        guessed = first is not None
        if not guessed:
            share = n // 3 if limited else n // 5
            share = min(max(share, _FIRST_ROWS), max(source.capacity, _FIRST_ROWS))
            first = _some_rows(n, share, random_state)
        start = np.zeros((mapped.n_features + 1, k)) if V is None else V
        source.store(first, mapped.threads)
        factor, tol_0 = (1.0, tol) if guessed else (n / len(first), max(tol, 0.05))
        V, steps, _ = improve(start, first, costs * factor, tol_0)
    elif V is None:
        V = np.zeros((mapped.n_features + 1, k))
    if not limited:
        source.store(every, mapped.threads)
    work = np.zeros(n, bool)
    converged = False
    while True:
        decisions = mapped.forward(V, every)
        lacks = np.maximum(0.0, 1.0 - signs * decisions)
        lacks[signs == 0] = 0.0
        duals = 2.0 * costs[:, None] * lacks
        if rounds or steps >= max_iter or ended[0]:
            relative = _certified(mapped, V, signs, costs, lacks, duals)
            converged = bool((relative <= tol).all())
            if converged or steps >= max_iter or ended[0] or stalls == 2:
                return V, duals, relative, steps, converged, least_margins(decisions, signs)
        margins = least_margins(decisions, signs)
        rows = every
        if limited:
            # As many as there is room for; rows beyond are computed again at every step.
            near = np.sort(margins)[source.capacity - 1]
            work = margins <= max(near, 1.0) if rounds < _MOST_ROUNDS else work | (margins <= 1.0)
            rows = np.flatnonzero(work)
            source.store(rows[np.argsort(margins[rows], kind="stable")], mapped.threads)
        if rounds == 0:
            preconditioner = _refreshed(mapped, rows, margins, lacks, preconditioner, random_state)
        before = steps
        V, steps, stalled = improve(V, rows, costs, np.ldexp(tol, -min(rounds, 60)))
        rounds += 1
        stalls = stalls + 1 if stalled or steps == before else 0


def _some_rows(n, count, random_state):
    if count >= n:
        return np.arange(n)
    return np.sort(random_state.choice(n, count, replace=False))


def _refreshed(mapped, rows, margins, lacks, preconditioner, random_state):
    """Return a preconditioner made for the rows that are active now, if these are many."""
    p = mapped.n_features
    active = rows[margins[rows] < 1.0]
    if len(active) < 2 * p or p > _MOST_REFRESHED:
        return preconditioner
    if len(active) > 4 * p:
        active = active[_some_rows(len(active), 4 * p, random_state)]
    mass = (lacks[active] > 0).sum(axis=1).astype(np.float64)
    return _preconditioner(mapped, _second_moment(mapped, active, mass))


def _preconditioner(mapped, second_moment):
    quick = mapped.source.dtype == np.float32
    return Preconditioner(second_moment, mapped.threads if quick else 0)


def _second_moment(mapped, rows, mass):
    """Return the mean square of the features over rows; of many features its diagonal only."""
    mass = mass / mass.sum()
    if mapped.n_features > _MOST_MOMENT_FEATURES:
        return mapped.square_means(rows, mass)
    return mapped.second_moment(rows, mass)


def _certified(mapped, V, signs, costs, lacks, duals):
    """Return the duality gaps, as shares of the objectives, for dual variables made feasible."""
    k = signs.shape[1]
    even = np.column_stack([balanced(duals[:, j], signs[:, j]) for j in range(k)])
    used = np.flatnonzero(even.any(axis=1))
    pulls = mapped.backward((even * signs)[used], used)[:-1]
    relative = np.empty(k)
    for j in range(k):
        gap, objective = squared_hinge_gap(
            V[:-1, j], signs[:, j], costs, even[:, j], pulls[:, j], lacks[:, j]
        )
        relative[j] = gap / objective if objective > 0 else 0.0
    return relative

"""Squared hinge at scale: all problems at once by Newton's method with conjugate gradients."""

from dataclasses import dataclass

import numpy as np

from skextra._kernels import _squared_hinge as kernels
from skextra._svm._linear import QUICK_FROM, QuickTriangle, cholesky, solve_cholesky

_FORCING = 0.3  # how far conjugate gradients reduce the gradient in one Newton step
_PROGRESS = {4: 1e-6, 8: 1e-12}  # least share of the objective that a step must gain
_RIDGES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4)  # moments in float32 are positive but for rounding
_MOST_CG = 200


@dataclass
class State:
    """Where the search stands.

    Attributes
    ----------
    V : ndarray of shape (p + 1, k)
        Weights, the intercepts last.
    decisions : ndarray of shape (n, k)
        Decision values of the rows at hand.
    gaps, objectives : ndarray of shape (k,)
        Duality gap and objective of every problem.
    n_iter : int
        Newton steps.
    stalled : bool
        Whether the steps made no more progress.
    """

    V: np.ndarray
    decisions: np.ndarray
    gaps: np.ndarray
    objectives: np.ndarray
    n_iter: int
    stalled: bool


class Preconditioner:
    """(I + h M)^-1 for a model M of the mean square of the features, with the intercept apart.

    One factorisation serves all problems: h is the mean of their active masses. A vector stands
    for a diagonal M. With `quick_threads` above 0 it works in float32, on so many threads.
    """

    def __init__(self, second_moment, quick_threads=0):
        self._moment = second_moment
        self._threads = quick_threads if len(second_moment) >= QUICK_FROM else 0
        self._mass = None
        self._factor = None

    def prepare(self, masses):
        """Factorise for these active masses, unless the last factors are near enough."""
        mass = float(np.mean(masses))
        if self._mass is None or not 0.5 * self._mass <= mass <= 2.0 * self._mass:
            matrix = mass * self._moment
            if matrix.ndim == 1:
                self._factor = 1.0 + matrix
            else:
                matrix[np.diag_indices_from(matrix)] += 1.0
                factor = cholesky(matrix, _RIDGES)
                quick = self._threads > 0
                self._factor = QuickTriangle(factor, self._threads) if quick else factor
            self._mass = mass
        self._masses = np.maximum(masses, 1e-300)

    def __call__(self, residual, live):
        """Return the preconditioned residuals of the problems `live`."""
        if self._moment.ndim == 1:
            weights = residual[:-1] / self._factor[:, None]
        else:
            factor, right = self._factor, residual[:-1]
            if self._threads:
                weights = factor.solve(factor.solve(right, transposed=True))
            else:
                weights = solve_cholesky(factor, right)
        return np.vstack((weights, residual[-1] / self._masses[live]))


def newton(mapped, rows, signs, costs, V, preconditioner, tol, max_iter, report):
    """Minimise |w|^2 / 2 + sum of cost lack^2 for every problem over the given rows.

    Parameters
    ----------
    mapped : MappedRows
        The mapped rows.
    rows : ndarray of int
        Rows that take part, rising.
    signs : ndarray of shape (n_rows, k)
        Sides of these rows in every problem.
    costs : ndarray of shape (n_rows,)
        C times weight.
    V : ndarray of shape (p + 1, k)
        Start.
    preconditioner : Preconditioner
        For conjugate gradients.
    tol : float
        Duality gap, as a share of the objective, at which a problem is solved.
    max_iter : int
        Largest number of Newton steps.
    report : callable
        Called with the weights after each step; a true answer ends the search.
    """
    decisions = mapped.forward(V, rows)
    n, k = decisions.shape
    pulls = np.empty((n, k))
    losses, masses = np.empty(k), np.empty(k)
    used = np.empty(n, bool)
    n_iter, before = 0, None
    progress = _PROGRESS[mapped.source.dtype.itemsize]
    while True:
        kernels.residuals(decisions, signs, costs, pulls, losses, masses, used)
        active = np.flatnonzero(used)
        gradient = _with_weights(V, -mapped.backward(pulls[active], rows[active]))
        objectives = 0.5 * (V[:-1] ** 2).sum(axis=0) + losses
        gaps = 0.5 * (gradient[:-1] ** 2).sum(axis=0) + np.abs(gradient[-1]) * (1 + np.abs(V[-1]))
        state = State(V, decisions, gaps, objectives, n_iter, stalled=False)
        open_ = gaps > tol * objectives
        if not open_.any() or n_iter >= max_iter or (n_iter and report(V)):
            return state
        if n_iter and not (objectives[open_] < (1 - progress) * before[open_]).any():
            state.stalled = True  # as far as the precision of the map goes
            return state
        before = objectives
        preconditioner.prepare(masses)
        weights = np.where(pulls[active] != 0, 2.0 * costs[active, None], 0.0)
        step = _conjugate_gradients(
            mapped, rows[active], weights.astype(mapped.source.dtype), gradient, preconditioner,
            np.flatnonzero(open_),
        )  # fmt: skip
        change = mapped.forward(step, rows)
        lengths = _exact_steps(V, step, decisions, change, signs, costs)
        V = V + lengths * step
        decisions += lengths * change
        _settle_intercepts(V, decisions, signs, costs)
        n_iter += 1


def _with_weights(V, gradient):
    gradient[:-1] += V[:-1]
    return gradient


def _conjugate_gradients(mapped, rows, weights, gradient, preconditioner, live):
    """Return Newton steps of the problems `live`, zero for the others."""
    step = np.zeros_like(gradient)
    residual = -gradient[:, live]
    z = preconditioner(residual, live)
    direction = z.copy()
    rz = (residual * z).sum(axis=0)
    goal = _FORCING**2 * rz
    weights = weights[:, live]
    for _ in range(_MOST_CG):
        image = _with_weights(direction, mapped.normal(direction, weights, rows))
        length = rz / (direction * image).sum(axis=0)
        step[:, live] += length * direction
        residual -= length * image
        z = preconditioner(residual, live)
        rz, before = (residual * z).sum(axis=0), rz
        going = rz > goal
        if not going.any():
            break
        if not going.all():
            live, goal, weights = live[going], goal[going], weights[:, going]
            residual, z, direction = residual[:, going], z[:, going], direction[:, going]
            rz, before = rz[going], before[going]
        direction = z + rz / before * direction
    return step


def _settle_intercepts(V, decisions, signs, costs):
    """Minimise over the intercepts alone, which makes the dual variables feasible."""
    nothing = np.zeros(V.shape[1])
    change = np.ones_like(decisions)
    lengths = _least(nothing, nothing, nothing, decisions, change, signs, costs)
    V[-1] += lengths
    decisions += lengths


def _exact_steps(V, step, decisions, change, signs, costs):
    """Return for every problem the step length that minimises its objective along the line."""
    slope = (V[:-1] * step[:-1]).sum(axis=0)
    curve = (step[:-1] ** 2).sum(axis=0)
    return _least(np.ones(V.shape[1]), slope, curve, decisions, change, signs, costs)


def _least(lengths, slope_0, curve_0, decisions, change, signs, costs):
    """Return where slope_0 t + curve_0 t^2 / 2 + the losses at decisions + t change are least.

    Newton's method on the slope, which is piecewise linear, between bounds that close in.
    """
    k = len(lengths)
    low, high = np.full(k, -np.inf), np.full(k, np.inf)
    slopes, curves = np.empty(k), np.empty(k)
    scale = None
    for _ in range(50):
        kernels.along(decisions, change, signs, costs, lengths, slopes, curves)
        slopes += slope_0 + lengths * curve_0
        curves += curve_0
        if scale is None:
            scale = np.maximum(np.abs(slopes), curves)
        done = np.abs(slopes) <= 1e-10 * scale
        if done.all():
            break
        low = np.where(slopes < 0, lengths, low)
        high = np.where(slopes > 0, lengths, high)
        new = lengths - slopes / np.where(curves > 0, curves, 1.0)
        with np.errstate(invalid="ignore"):
            middle = 0.5 * (low + high)
        new = np.where((new > low) & (new < high), new, middle)
        lengths = np.where(done, lengths, new)
    return lengths

"""Squared hinge at scale: all problems at once by Newton's method with conjugate gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skextra._svm._linear import (
    QUICK_FROM,
    QuickTriangle,
    add_to_diagonal,
    cholesky,
    solve_cholesky,
)
from skextra._svm._objective import SquaredHinge
from skextra._typing import FloatArray

# Factor by which conjugate gradients reduce the gradient in one Newton step. A smaller one takes
# more of them, a larger one more Newton steps: benchmarks/svm_constants.py.
_FORCING = 0.3
# Least share of the objective that a step must gain, by the size of a number: a few hundred times
# less than its rounding error in float32, as sums are more accurate, and more in float64.
_PROGRESS = {4: 1e-6, 8: 1e-12}
# Added to the diagonal in turn, as shares of its largest entry, until the matrix is positive:
# second moments in float32 are, but for rounding errors from 1e-8 on.
_RIDGES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
_MOST_CG = 200  # a bound: with the preconditioner about ten are usual


@dataclass(frozen=True)
class State:
    """Where a search ends.

    Attributes
    ----------
    V : ndarray of shape (p + 1, k)
        Weights, the intercepts last.
    n_iter : int
        Newton steps.
    stalled : bool
        Whether the steps made no more progress.
    """

    V: NDArray[np.float64]
    n_iter: int
    stalled: bool


def newton(
    hinge: SquaredHinge,
    V: NDArray[np.float64],
    preconditioner: "Preconditioner",
    tol: float,
    max_iter: int,
    report: Callable[[NDArray[np.float64]], bool] | None = None,
) -> State:
    """Minimise |w|^2 / 2 + squared hinge for every problem; return a State.

    Parameters
    ----------
    hinge : SquaredHinge
        The losses, at V.
    V : ndarray of shape (p + 1, k)
        Start.
    preconditioner : Preconditioner
        For conjugate gradients.
    tol : float
        Duality gap, as a share of the objective, at which a problem is solved.
    max_iter : int
        Largest number of Newton steps.
    report : callable or None
        Called with the weights after each step; a true answer ends the search.
    """
    n_iter, before = 0, None
    progress = _PROGRESS[hinge.dtype.itemsize]
    while True:
        losses, masses, gradient = hinge.derivatives()
        gradient[:-1] += V[:-1]
        objectives = 0.5 * (V[:-1] ** 2).sum(axis=0) + losses
        gaps = 0.5 * (gradient[:-1] ** 2).sum(axis=0) + np.abs(gradient[-1]) * (1 + np.abs(V[-1]))
        open_ = gaps > tol * objectives
        if not open_.any() or n_iter >= max_iter or (n_iter and report and report(V)):
            return State(V, n_iter, stalled=False)
        if n_iter and not (objectives[open_] < (1 - progress) * before[open_]).any():
            return State(V, n_iter, stalled=True)  # as far as the precision of the map goes
        before = objectives
        preconditioner.prepare(masses)
        step = _conjugate_gradients(hinge, gradient, preconditioner, np.flatnonzero(open_))
        slope, curve = (V[:-1] * step[:-1]).sum(axis=0), (step[:-1] ** 2).sum(axis=0)
        V = V + hinge.move(step, slope, curve) * step
        V[-1] += hinge.move(None)  # the best intercepts make the dual variables feasible
        n_iter += 1


def _conjugate_gradients(hinge, gradient, preconditioner, live):
    """Return Newton steps of the problems `live`, zero for the others."""
    step = np.zeros_like(gradient)
    residual = -gradient[:, live]
    z = preconditioner(residual, live)
    direction = z.copy()
    rz = (residual * z).sum(axis=0)
    goal = _FORCING**2 * rz
    hessian = hinge.hessian(live)
    for _ in range(_MOST_CG):
        image = hessian(direction)
        image[:-1] += direction[:-1]
        length = rz / (direction * image).sum(axis=0)
        step[:, live] += length * direction
        residual -= length * image
        z = preconditioner(residual, live)
        rz, before = (residual * z).sum(axis=0), rz
        going = rz > goal
        if not going.any():
            break
        if not going.all():
            live, goal = live[going], goal[going]
            hessian = hinge.hessian(live)
            residual, z, direction = residual[:, going], z[:, going], direction[:, going]
            rz, before = rz[going], before[going]
        direction = z + rz / before * direction
    return step


class Preconditioner:
    """(I + h M)^-1 for a model M of the mean square of the features, with the intercept apart.

    One factorisation serves all problems: h is the mean of their active masses. A vector stands
    for a diagonal M. With `quick_threads` above 0 it works in float32, on so many threads.
    """

    def __init__(self, second_moment: FloatArray, quick_threads: int = 0) -> None:
        self._moment = second_moment
        self._threads = quick_threads if len(second_moment) >= QUICK_FROM else 0
        self._mass = None
        self._factor = None

    def prepare(self, masses: NDArray[np.float64]) -> None:
        """Factorise for these active masses, unless the last factors are near enough."""
        mass = float(np.mean(masses))
        if self._mass is None or not 0.5 * self._mass <= mass <= 2.0 * self._mass:
            matrix = mass * self._moment
            if matrix.ndim == 1:
                self._factor = 1.0 + matrix
            else:
                add_to_diagonal(matrix, 1.0)
                factor = cholesky(matrix, _RIDGES)
                quick = self._threads > 0
                self._factor = QuickTriangle(factor, self._threads) if quick else factor
            self._mass = mass
        self._masses = np.maximum(masses, 1e-300)

    def __call__(
        self, residual: NDArray[np.float64], live: NDArray[np.intp]
    ) -> NDArray[np.float64]:
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

"""The squared hinge of all problems over some rows, as a search meets it."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from skextra._kernels import _squared_hinge as kernels
from skextra._svm._mapped_rows import MappedRows
from skextra._svm._problems import Problems

_MOST_LINE_STEPS = 50  # a bound: Newton's method on a piecewise linear slope takes about five
# Share of its first value that the slope is reduced to. It takes no product with the map, and
# makes the dual variables feasible.
_LINE_ACCURACY = 1e-10


class SquaredHinge:
    """Sum of cost times max(0, 1 - margin)^2 of every problem, at a point that moves along lines.

    Every pass over the rows is a method. What comes in and goes out has the size of the weights
    or is a number for each problem; `decisions` alone has a value for each row.

    Parameters
    ----------
    mapped : MappedRows
        The mapped rows.
    rows : ndarray of int
        Rows that take part, rising.
    problems : Problems
        The problems over these rows.
    V : ndarray of shape (p + 1, k)
        Weights to begin with, the intercepts last.

    Attributes
    ----------
    dtype : dtype
        Precision of the mapped rows.
    decisions : ndarray of shape (n_rows, k)
        Decision values at the point.
    """

    def __init__(
        self,
        mapped: MappedRows,
        rows: NDArray[np.intp],
        problems: Problems,
        V: NDArray[np.float64],
    ) -> None:
        self.dtype = mapped.dtype
        self._mapped, self._rows = mapped, rows
        self._signs, self._costs = problems.signs, problems.costs
        self.decisions = mapped.decisions(V, rows)
        self._pulls = np.empty(self.decisions.shape)
        self._used = np.empty(len(rows), bool)
        self._active = None

    def derivatives(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return losses and active masses, (k,), and the gradient, (p + 1, k)."""
        losses, masses = np.empty((2, self.decisions.shape[1]))
        kernels.residuals(self.decisions, self._signs, self._costs, self._pulls, losses, masses,
                          self._used)  # fmt: skip
        self._active = np.flatnonzero(self._used)
        pulls, rows = self._pulls[self._active], self._rows[self._active]
        return losses, masses, -self._mapped.transposed_product(pulls, rows)

    def hessian(
        self, live: NDArray[np.intp]
    ) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """Return the function that multiplies by the Hessian of the problems `live`."""
        pulls = self._pulls[self._active][:, live]
        masses = np.where(pulls != 0, 2.0 * self._costs[self._active, None], 0.0)
        return partial(
            self._mapped.normal_product,
            masses=masses.astype(self.dtype),
            rows=self._rows[self._active],
        )

    def move(
        self,
        step: NDArray[np.float64] | None,
        slope: NDArray[np.float64] | float = 0.0,
        curve: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.float64]:
        """Move each problem along V + t step to where it is least; return t, (k,).

        Without a step the intercepts alone move. Else the rest of the objective is given: it is
        slope t + curve t^2 / 2.
        """
        change = None if step is None else self._mapped.decisions(step, self._rows)
        problems = Problems(self._signs, self._costs)
        return move_along(self.decisions, change, problems, slope, curve)


def move_along(
    decisions: NDArray[np.float64],
    change: NDArray[np.float64] | None,
    problems: Problems,
    slope: NDArray[np.float64] | float = 0.0,
    curve: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    """Move decision values along `change`, by t for each problem, to where it is least; return t.

    Without a change the intercepts move. The rest of the objective is slope t + curve t^2 / 2.
    This is Newton's method on the slope of the whole, which is piecewise linear, between bounds
    that close in.
    """
    k = decisions.shape[1]
    if change is None:
        change, lengths = np.ones_like(decisions), np.zeros(k)
    else:
        lengths = np.ones(k)
    low, high = np.full(k, -np.inf), np.full(k, np.inf)
    scale = None
    slopes, curves = np.empty((2, k))
    for _ in range(_MOST_LINE_STEPS):
        kernels.along(decisions, change, problems.signs, problems.costs, lengths, slopes, curves)
        slopes += slope + lengths * curve
        curves += curve
        if scale is None:
            scale = np.maximum(np.abs(slopes), curves)
        done = np.abs(slopes) <= _LINE_ACCURACY * scale
        if done.all():
            break
        low = np.where(slopes < 0, lengths, low)
        high = np.where(slopes > 0, lengths, high)
        new = lengths - slopes / np.where(curves > 0, curves, 1.0)
        with np.errstate(invalid="ignore"):
            middle = 0.5 * (low + high)
        new = np.where((new > low) & (new < high), new, middle)
        lengths = np.where(done, lengths, new)
    decisions += lengths * change
    return lengths

"""Solutions: of one binary problem, of all of them, and the duality gaps that certify them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Solution(NamedTuple):
    """The solution of one problem.

    Attributes
    ----------
    w : ndarray of shape (p,)
        Normal of the plane.
    b : float
        Its intercept.
    alpha : ndarray of shape (n,)
        Dual variables of the rows.
    gap : float
        Duality gap, as a share of the objective.
    n_iter : int
        Iterations.
    """

    w: NDArray[np.float64]
    b: float
    alpha: NDArray[np.float64]
    gap: float
    n_iter: int


@dataclass(frozen=True)
class Planes:
    """The planes of all problems.

    Attributes
    ----------
    coef : ndarray of shape (p, k) or None
        Their normals, in the space of the map; None if only their weights are known.
    intercept : ndarray of shape (k,)
        Their intercepts.
    weights : ndarray of shape (m, k)
        The normals as weights of the columns that the map computes; `coef` unless the map
        whitens these.
    duals : ndarray of shape (n, k)
        Dual variables, 0 or more.
    gaps : ndarray of shape (k,)
        Duality gaps as shares of the objectives.
    n_iter : int
        Steps, over all problems that were solved one by one.
    converged : bool
        Whether every gap is within the tolerance.
    margins : ndarray of shape (n,)
        Least signed decision value of every row over its problems.
    lengths : ndarray of shape (k,) or None
        Lengths of the normals, where `coef` is None.
    """

    coef: NDArray[np.float64] | None
    intercept: NDArray[np.float64]
    weights: NDArray[np.float64]
    duals: NDArray[np.float64]
    gaps: NDArray[np.float64]
    n_iter: int = 0
    converged: bool = False
    margins: NDArray[np.float64] | None = None
    lengths: NDArray[np.float64] | None = None

    @classmethod
    def none(cls, n, p):
        """Return the planes of no problem: only one class has come so far."""
        coef, nothing = np.zeros((p, 0)), np.zeros(0)
        return cls(coef, nothing, coef, np.zeros((n, 0)), nothing, converged=True)

    def updated(self, columns, part):
        """Return these planes with some columns replaced by those of `part`, without margins.

        The dual variables stay unless `part` has some.
        """
        coef, intercept, gaps = self.coef.copy(), self.intercept.copy(), self.gaps.copy()
        coef[:, columns], intercept[columns], gaps[columns] = part.coef, part.intercept, part.gaps
        duals = self.duals
        if len(part.duals):
            duals = duals.copy()
            duals[:, columns] = part.duals
        return Planes(coef, intercept, coef, duals, gaps, self.n_iter + part.n_iter)

    def expanded(self, solved, signs):
        """Return the planes of all problems, of which only those `solved` are here.

        Where a side has no rows yet, the plane is at infinity: w is 0, and b is the side that has
        rows. Any row may turn out to matter.
        """
        if solved.all():
            return self
        k = len(solved)

        def spread(values):
            full = np.zeros((*values.shape[:-1], k))
            full[..., solved] = values
            return full

        intercept = np.sign(signs.sum(axis=0, dtype=np.int64)).astype(np.float64)
        intercept[solved] = self.intercept
        return Planes(spread(self.coef), intercept, spread(self.weights), spread(self.duals),
                      spread(self.gaps), self.n_iter, self.converged,
                      np.zeros(len(signs)))  # fmt: skip


@dataclass(frozen=True)
class Fixed:
    """The terms of rows whose dual variables are settled at their costs.

    Attributes
    ----------
    push : ndarray of shape (p,)
        Sum of cost times sign times features.
    sides : float
        Sum of cost times sign.
    cost : float
        Sum of cost.
    """

    push: NDArray[np.float64]
    sides: float
    cost: float


def balanced(alpha: NDArray[np.float64], sign: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return `alpha` with the heavier side scaled down, so that both sides have the same sum."""
    plus, minus = alpha[sign > 0].sum(), alpha[sign < 0].sum()
    least = min(plus, minus)
    if least <= 0:
        return np.zeros_like(alpha)
    return alpha * np.where(sign > 0, least / plus, least / minus)


def hinge_gap(Phi, sign, cost, w, b, alpha, fixed=None):
    """Return (duality gap of the hinge loss, objective) for any w and b and any alpha >= 0.

    With infinite costs w is scaled up until no margin is violated.
    """
    margins = sign * (Phi @ w + b)
    if fixed is not None:
        alpha = np.minimum(alpha, cost)
        v = Phi.T @ (alpha * sign) + fixed.push
        uneven = abs(alpha @ sign + fixed.sides) * (1.0 + abs(b))
        primal = 0.5 * (w @ w) + cost @ np.maximum(0.0, 1.0 - margins)
        primal += fixed.cost - fixed.push @ w - fixed.sides * b
        dual = alpha.sum() + fixed.cost - 0.5 * (v @ v)
        return max(primal - dual, 0.0) + uneven, primal
    hard = np.isinf(cost).any()
    alpha = balanced(alpha if hard else np.minimum(alpha, cost), sign)
    v = Phi.T @ (alpha * sign)
    if hard:
        least = margins.min()
        if least <= 0:
            return np.inf, np.inf
        primal = 0.5 * (w @ w) / least**2
        # The best multiple of alpha is as good a certificate, and it is known in closed form.
        norm = v @ v
        dual = 0.5 * alpha.sum() ** 2 / norm if norm > 0 else np.inf
        return max(primal - dual, 0.0), primal
    primal = 0.5 * (w @ w) + cost @ np.maximum(0.0, 1.0 - margins)
    return _gap_to(alpha.sum() - 0.5 * (v @ v), primal), primal


def squared_hinge_gap(weights, sign, cost, alpha, pull, violation):
    """Return (duality gap of the squared hinge, objective).

    `pull` is the transposed map times sign alpha, for an alpha whose two sides have one sum.
    """
    primal = 0.5 * (weights @ weights) + cost @ violation**2
    dual = alpha.sum() - 0.5 * (pull @ pull) - (alpha**2 / (4.0 * cost)).sum()
    return _gap_to(dual, primal), primal


def _gap_to(dual, primal):
    """Return the gap to a dual objective, or to that of alpha = 0, which is 0, if it is better."""
    return max(primal - max(0.0, dual), 0.0)


def relative_gap(gap: float, objective: float) -> float:
    """Return a duality gap as a share of the objective; infinite unless both are finite."""
    if objective == 0:
        return 0.0
    return gap / objective if np.isfinite(gap) and np.isfinite(objective) else np.inf

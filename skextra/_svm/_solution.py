"""The solution of one binary problem, and the certificate that goes with it."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Solution:
    """Weights of one problem.

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

    w: np.ndarray
    b: float
    alpha: np.ndarray
    gap: float
    n_iter: int


def balanced(alpha, sign):
    """Return `alpha` with the heavier side scaled down, so that both sides sum to the same."""
    plus, minus = alpha[sign > 0].sum(), alpha[sign < 0].sum()
    least = min(plus, minus)
    if least <= 0:
        return np.zeros_like(alpha)
    return alpha * np.where(sign > 0, least / plus, least / minus)


@dataclass
class Fixed:
    """Rows whose dual variables are settled at their costs, as the others feel them.

    Attributes
    ----------
    push : ndarray of shape (p,)
        Sum of cost sign features.
    sides : float
        Sum of cost sign.
    cost : float
        Sum of cost.
    """

    push: np.ndarray
    sides: float
    cost: float


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
    return max(primal - (alpha.sum() - 0.5 * (v @ v)), 0.0), primal


def squared_hinge_gap(weights, sign, cost, alpha, pull, lack):
    """Return (duality gap of the squared hinge, objective).

    `pull` is the transposed map times sign alpha, for an alpha whose two sides have one sum.
    """
    primal = 0.5 * (weights @ weights) + cost @ lack**2
    dual = alpha.sum() - 0.5 * (pull @ pull) - (alpha**2 / (4.0 * cost)).sum()
    return max(primal - dual, 0.0), primal

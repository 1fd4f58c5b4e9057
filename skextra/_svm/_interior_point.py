"""The hinge loss and the hard margin, solved to the last digit."""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from skextra._svm._linear import add_to_diagonal, cholesky, solve_cholesky
from skextra._svm._polish import polish
from skextra._svm._solution import Fixed, Solution, balanced, hinge_gap

# Relative gap below which each step tries to identify the active set. A larger one tries earlier,
# and more of its trials fail: benchmarks/svm_constants.py.
_POLISHED_BELOW = 1e-4
_MOST_STEPS = 200  # a bound: about 20 are usual, and later ones gain nothing in float64
# More rows than this are sieved: solved on a sample, then on the rows near their margins. Up to
# about here the rounds of a sieve take as long as all rows at once: benchmarks/svm_constants.py.
_MANY_ROWS = 10_000
# One row in so many is in the sample. A smaller sample takes less time and predicts the rows near
# their margins less well: benchmarks/svm_constants.py.
_SAMPLE_STEP = 8
# One row in so many counts as near its margin at first. A narrower band is quicker to solve and
# more often has to be widened: benchmarks/svm_constants.py.
_BAND_SHARE = 6
# More takes steps that a sample does not repay: benchmarks/svm_constants.py.
_SAMPLE_ACCURACY = 1e-4
_MOST_SIEVES = 6  # a bound: the band doubles each time and may not exceed half of the rows
_SETTLED = 1e-10  # relative gap of a polished solution that rounding accounts for
# Distance between the convex hulls, in units of the data, that counts as none: 1e6 times the
# rounding error, as the certificate is a mean of many rows.
_TOUCHING = 1e-10


class NotSeparableError(ValueError):
    """No plane separates the classes; holds the certificate.

    Attributes
    ----------
    distance : float
        Between two points of the convex hulls of the sides, in units of the data.
    rows, sign, weights : ndarray
        Rows of the problem, their sides and their weights in these points.
    """

    def __init__(self, distance, rows, sign, weights):
        super().__init__(distance)
        self.distance = distance
        self.rows = rows
        self.sign = sign
        self.weights = weights


def solve_hinge(
    Phi: NDArray[np.float64], sign: NDArray[np.int8], cost: NDArray[np.float64], max_iter: int
) -> Solution:
    """Solve one problem by Mehrotra's predictor-corrector method, then settle the active set.

    Parameters
    ----------
    Phi : ndarray of shape (n, p)
        Mapped rows, centred, of unit size.
    sign : ndarray of shape (n,)
        +1 and -1 for the two sides, 0 for rows that are not part of the problem.
    cost : ndarray of shape (n,)
        C times weight; all infinite for the hard margin.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    Solution
        The solution; its gap bounds its error.

    Raises
    ------
    NotSeparableError
        With infinite costs, if the convex hulls of the sides touch.
    """
    max_iter = min(max_iter, _MOST_STEPS)
    part = np.flatnonzero(sign)
    y = sign[part].astype(np.float64)
    Phi, cost = (Phi, cost) if len(part) == len(sign) else (Phi[part], cost[part])
    best = None
    if len(y) > max(_MANY_ROWS, 20 * Phi.shape[1]) and np.isfinite(cost).all():
        best = _sieve(Phi, y, cost, max_iter)
    if best is None:
        best = _solve(Phi, y, cost, max_iter, rows=part)
    alpha = np.zeros(len(sign))
    alpha[part] = best.alpha
    return Solution(best.w, best.b, alpha, best.gap, best.n_iter)


def _solve(Phi, y, cost, max_iter, rows=None, fixed=None, accuracy=1e-15):
    """Return the Solution; `rows` are the numbers to report if the classes touch."""
    search = _Search(Phi, y, cost, fixed)
    best = None
    for n_iter in range(1, max_iter + 1):
        search.step()
        gap, objective = hinge_gap(Phi, y, cost, search.w, search.b, search.alpha, fixed)
        relative = gap / objective if np.isfinite(objective) and objective > 0 else np.inf
        if best is None or relative <= best.gap:
            best = Solution(search.w, search.b, search.alpha, relative, n_iter)
        if search.hard:
            _check_certificate(Phi, y, search.alpha, best, rows)
        # The true objective is positive: rows that were left out have crossed their margins.
        ends = search.stuck or (fixed is not None and objective < 0)
        ends = ends or n_iter == max_iter or relative < accuracy
        if relative < min(_POLISHED_BELOW, accuracy * 1e11) or ends:
            polished = polish(Phi, y, cost, search, n_iter, fixed)
            if polished is not None and polished.gap <= max(best.gap, _SETTLED):
                best = polished
                break
        if ends:
            break
    return best


def _sieve(Phi, y, cost, max_iter):
    """Return the Solution from a sample, then from the rows near their margins; None if it fails.

    Every row beyond its margin has an alpha of 0, every row that violates it has its cost. Only
    which rows these are is unknown, and a sample predicts it for most.
    """
    sides = [np.flatnonzero(y > 0), np.flatnonzero(y < 0)]
    sample = np.sort(np.concatenate([side[::_SAMPLE_STEP] for side in sides]))
    solution = _solve(
        Phi[sample], y[sample], cost[sample] * _SAMPLE_STEP, max_iter, accuracy=_SAMPLE_ACCURACY
    )
    n_iter = solution.n_iter
    margins = y * (Phi @ solution.w + solution.b)
    wanted = max(len(y) // _BAND_SHARE, 20 * Phi.shape[1])
    band = np.zeros(len(y), bool)
    for _ in range(_MOST_SIEVES):
        distance = np.abs(margins - 1.0)
        band |= distance <= np.partition(distance, wanted)[wanted]
        above = ~band & (margins < 1.0)
        push = cost[above] * y[above]
        fixed = Fixed(push @ Phi[above], push.sum(), cost[above].sum())
        rows = np.flatnonzero(band)
        solution = _solve(Phi[rows], y[rows], cost[rows], max_iter, fixed=fixed)
        n_iter += solution.n_iter
        margins = y * (Phi @ solution.w + solution.b)
        wrong = ~band & (above != (margins < 1.0))
        if not wrong.any():
            alpha = np.where(above, cost, 0.0)
            alpha[rows] = solution.alpha
            gap, objective = hinge_gap(Phi, y, cost, solution.w, solution.b, alpha)
            if gap > _SETTLED * objective:
                return None
            return Solution(solution.w, solution.b, alpha, gap / objective, n_iter)
        band |= wrong
        wanted *= 2
        if wanted > len(y) // 2:
            break
    return None


def _check_certificate(Phi, y, alpha, best, rows):
    """Raise NotSeparableError if alpha is the weights of one point in both convex hulls."""
    if np.isfinite(best.gap) and best.gap < 0.5:
        return
    even = balanced(alpha, y)
    side = even[y > 0].sum()
    if side > 0:
        weights = even / side
        distance = np.linalg.norm(Phi.T @ (weights * y))
        if distance < _TOUCHING:
            raise NotSeparableError(distance, rows, y, weights)


class _Search:
    """The iterates of the interior point method (Nocedal & Wright, Numerical Optimization, 16.6).

    Multiplier alpha and slack s belong to y f >= 1 - xi, multiplier beta and slack xi to xi >= 0.
    `pairs` is (alpha, s) and, for finite costs, (beta, xi).
    """

    def __init__(self, Phi, y, cost, fixed):
        self.Phi, self.y, self.cost = Phi, y, cost
        self.fixed = fixed or Fixed(0.0, 0.0, 0.0)
        n, p = Phi.shape
        self.hard = bool(np.isinf(cost).any())
        self.gram = Phi @ Phi.T * np.outer(y, y) if n < p else None
        self.w, self.b = np.zeros(p), 0.0
        alpha = np.full(n, 1.0 / n) if self.hard else 0.5 * cost
        self.pairs = [(alpha, np.ones(n))]
        if not self.hard:
            self.pairs.append((cost - alpha, np.ones(n)))
        self.stuck, self.length = False, 1.0

    @property
    def alpha(self):
        """The dual variables."""
        return self.pairs[0][0]

    def step(self):
        """Make one predictor-corrector step."""
        Phi, y, pairs = self.Phi, self.y, self.pairs
        (alpha, s), xi = pairs[0], 0.0 if self.hard else pairs[1][1]
        pull = alpha * y
        r_w = self.w - Phi.T @ pull - self.fixed.push
        r_b = -pull.sum() - self.fixed.sides
        r_p = y * (Phi @ self.w + self.b) + xi - 1.0 - s
        count = len(y) * len(pairs)
        mu = sum(multiplier @ slack for multiplier, slack in pairs) / count
        theta = sum(slack / multiplier for multiplier, slack in pairs)
        try:
            solve = self._factorise(1.0 / theta)
        except linalg.LinAlgError:
            self.stuck = True
            return
        goals = [-multiplier * slack for multiplier, slack in pairs]
        _, _, affine = self._direction(solve, theta, r_w, r_b, r_p, goals)
        length = self._longest(affine, 1.0)
        after = sum(one @ other for one, other in _moved(pairs, affine, length))
        # After a short step the iterate is near the boundary: return to the central path first.
        share = max((after / count / mu) ** 3, 0.5 if self.length < 0.1 else 0.0)
        goals = [
            mu * share - multiplier * slack - d_multiplier * d_slack
            for (multiplier, slack), (d_multiplier, d_slack) in zip(pairs, affine, strict=True)
        ]
        d_w, d_b, changes = self._direction(solve, theta, r_w, r_b, r_p, goals)
        length = self.length = self._longest(changes, 0.99 if mu > 1e-6 else 0.9995)
        self.w = self.w + length * d_w
        self.b += length * d_b
        self.pairs = _moved(pairs, changes, length)
        self.stuck = length < 1e-10 or not np.isfinite(self.b)

    def _direction(self, solve, theta, r_w, r_b, r_p, goals):
        """Return the changes of w, b and the pairs that bring their products to the goals."""
        alpha, s = self.pairs[0]
        q = -r_p + goals[0] / alpha
        if not self.hard:
            beta, xi = self.pairs[1]
            r_c = self.cost - alpha - beta
            q += (xi * r_c - goals[1]) / beta
        d_w, d_b = solve(q, r_w, r_b)
        d_alpha = (q - self.y * (self.Phi @ d_w + d_b)) / theta
        changes = [(d_alpha, (goals[0] - s * d_alpha) / alpha)]
        if not self.hard:
            d_beta = r_c - d_alpha
            changes.append((d_beta, (goals[1] - xi * d_beta) / beta))
        return d_w, d_b, changes

    def _factorise(self, weight):
        """Return a solver of the normal equations, in the smaller of rows and features."""
        Phi, y = self.Phi, self.y
        if self.gram is None:
            total = weight.sum()
            mean = weight @ Phi / total
            if len(y) > _MANY_ROWS // 10:
                system = Phi.T @ (weight[:, None] * Phi) - total * np.outer(mean, mean)
            else:  # small data are solved to all digits: avoid cancellation
                centred = Phi - mean
                system = centred.T @ (weight[:, None] * centred)
            add_to_diagonal(system, 1.0)
            factor = cholesky(system)

            def solve(q, r_w, r_b):
                pull = weight * q * y
                right_b = pull.sum() - r_b
                right = Phi.T @ pull - r_w - mean * right_b
                d_w = solve_cholesky(factor, right)
                return d_w, right_b / total - mean @ d_w

            return solve
        system = self.gram.copy()
        add_to_diagonal(system, 1.0 / weight)
        factor = cholesky(system)
        by_y = solve_cholesky(factor, y)

        def solve(q, r_w, r_b):
            by_q = solve_cholesky(factor, q + y * (Phi @ r_w))
            d_b = (y @ by_q - r_b) / (y @ by_y)
            return Phi.T @ ((by_q - d_b * by_y) * y) - r_w, d_b

        return solve

    def _longest(self, changes, share):
        """Return `share` of the longest step that keeps everything positive, at most 1."""
        fastest = 0.0
        for values, change in zip(self.pairs, changes, strict=True):
            fastest = max(fastest, *(-(d / v).min() for v, d in zip(values, change, strict=True)))
        return 1.0 if fastest <= share else share / fastest


def _moved(pairs, changes, length):
    """Return the pairs after a step."""
    return [
        (multiplier + length * d_multiplier, slack + length * d_slack)
        for (multiplier, slack), (d_multiplier, d_slack) in zip(pairs, changes, strict=True)
    ]

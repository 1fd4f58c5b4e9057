"""From data, labels and weights to the weights of the planes: which method solves what."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skextra._svm._at_scale import solve_at_scale
from skextra._svm._exact_newton import exact_newton
from skextra._svm._interior_point import solve_hinge
from skextra._svm._mapped_rows import MappedRows, Whitening
from skextra._svm._problems import least_margins

_ACCURACY = 1e-9  # of the exact methods, where a smaller tol is asked for
_FEW_ROWS = 4000  # for which the system of the active rows is small, whatever the map
_MOST_EXACT_WORK = 3e8  # multiplications up to which the exact method is as good as the iterative


@dataclass
class Planes:
    """The planes of all problems.

    Attributes
    ----------
    coef : ndarray of shape (p, k)
        Their normals, in the map's space.
    intercept : ndarray of shape (k,)
        Their intercepts.
    kernel_coef : ndarray of shape (m, k) or None
        The normals as weights of the kernel's columns.
    duals : ndarray of shape (n, k)
        Dual variables, at least 0.
    gaps : ndarray of shape (k,)
        Duality gaps as shares of the objectives.
    n_iter : int
        Steps, over all problems that were solved one by one.
    converged : bool
        Whether every gap is within the tolerance.
    margins : ndarray of shape (n,)
        Least signed decision value of every row over its problems.
    """

    coef: np.ndarray
    intercept: np.ndarray
    kernel_coef: np.ndarray | None
    duals: np.ndarray
    gaps: np.ndarray
    n_iter: int
    converged: bool
    margins: np.ndarray | None = None

    @classmethod
    def none(cls, n, p, m=None):
        """Return the planes of no problem: only one class has come so far."""
        kernel_coef = None if m is None else np.zeros((m, 0))
        return cls(
            np.zeros((p, 0)), np.zeros(0), kernel_coef, np.zeros((n, 0)), np.zeros(0), 0, True
        )

    def expanded(self, solved, signs):
        """Return the planes of all problems, of which only those `solved` are here.

        Where a side has no rows yet, the plane is at infinity: w is 0, and b the side there is;
        any row may turn out to matter.
        """
        if solved.all():
            return self
        k = len(solved)

        def spread(values, fill=0.0):
            full = np.full((*values.shape[:-1], k), fill)
            full[..., solved] = values
            return full

        intercept = np.sign(signs.sum(axis=0, dtype=np.int64)).astype(np.float64)
        intercept[solved] = self.intercept
        kernel_coef = None if self.kernel_coef is None else spread(self.kernel_coef)
        duals, gaps = spread(self.duals), spread(self.gaps)
        return Planes(spread(self.coef), intercept, kernel_coef, duals, gaps, self.n_iter,
                      self.converged, np.zeros(len(signs)))  # fmt: skip


def exact_is_light(n, p):
    """Return whether the exact method takes little for n rows of p features."""
    return n <= _FEW_ROWS or n * float(min(n, p)) ** 2 <= _MOST_EXACT_WORK


def solve_exactly(Phi, signs, costs, loss, tol, max_iter):
    """Solve on mapped rows held in memory, to the last digit; return Planes.

    Parameters
    ----------
    Phi : {ndarray, CSR array} of shape (n, p)
        Mapped rows.
    signs, costs : ndarray of shape (n, k) and (n,)
        Sides in every problem; C times weight.
    loss : {'hinge', 'squared_hinge'}
        With infinite costs both are the hard margin.
    tol, max_iter
        As of `solve_at_scale`.
    """
    if sparse.issparse(Phi):
        Phi = Phi.toarray()
    mean = Phi.mean(axis=0, dtype=np.float64)
    scaled = Phi - mean
    exponent = int(np.frexp(np.abs(scaled).max(initial=0.0))[1])
    scaled = np.ldexp(scaled, -exponent)
    with np.errstate(over="ignore", under="ignore"):
        square = np.ldexp(1.0, 2 * exponent) if abs(exponent) < 500 else np.nan
        scaled_costs = costs * square
    hard = np.isinf(costs).any()
    if np.isnan(square) or (
        not hard and not (np.isfinite(scaled_costs) & (scaled_costs > 0)).all()
    ):
        raise ValueError(
            f"The mapped features reach {np.ldexp(1.0, exponent):.2g}, too far from 1 for C: put "
            "X on one scale first, for example with StandardScaler."
        )
    if loss == "hinge" or hard:
        solutions = []
        for j in range(signs.shape[1]):
            solutions.append(solve_hinge(scaled, signs[:, j], scaled_costs, max_iter))
    else:
        solutions = exact_newton(scaled, signs, scaled_costs, max_iter)
    coef = np.ldexp(np.column_stack([one.w for one in solutions]), -exponent)
    intercept = np.array([one.b for one in solutions]) - mean @ coef
    gaps = np.array([one.gap for one in solutions])
    duals = np.column_stack([one.alpha for one in solutions]) / square
    n_iter = sum(one.n_iter for one in solutions)
    margins = least_margins(Phi @ coef + intercept, signs)
    converged = bool((gaps <= max(tol, _ACCURACY)).all())
    return Planes(coef, intercept, None, duals, gaps, n_iter, converged, margins)


def solve_iteratively(
    source, factor, mean, signs, costs, V, first, second_moment, tol, max_iter, random_state,
    threads, report,
):  # fmt: skip
    """Solve the squared hinge on mapped rows that may be computed as they are needed."""
    mapped = MappedRows(source, Whitening.of(factor, mean, source.dtype, threads), threads)

    def planes_of(V):
        weights, intercept = mapped.whitening.outward(V)
        kernel_coef = None if factor is None else weights
        nothing = np.zeros((0, V.shape[1]))
        return Planes(
            V[:-1], intercept, kernel_coef, nothing, np.full(V.shape[1], np.inf), 0, False
        )

    V, duals, gaps, n_iter, converged, margins = solve_at_scale(
        mapped, signs, costs, V, first, second_moment, tol, max_iter, random_state,
        lambda V: report(planes_of(V)),
    )  # fmt: skip
    planes = planes_of(V)
    planes.duals, planes.gaps, planes.margins = duals, gaps, margins
    planes.n_iter, planes.converged = n_iter, converged
    return planes

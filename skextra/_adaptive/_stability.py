"""How large a learning rate LMS bears on given data."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.optimize import brentq
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

from skextra._adaptive._epoch_map import composed
from skextra._adaptive._faint_rows import FaintRows, audible
from skextra._adaptive._gains import Gains, automatic_rate
from skextra._adaptive._moments import moments_of
from skextra._adaptive._rows import FILE_ORDER, CSRRows, as_rows
from skextra._base import frozen

# The critical rate takes some fifteen epoch maps of n p^2 steps and as many spectra of p^3: up to
# this size it is a matter of milliseconds, and `fit` computes it unasked.
_EXACT_WORK = 200_000
_EXACT_SIZE = 32
_DENSE_SIZE = 64


@dataclass(frozen=True)
class LMSStability:
    """Bounds on the learning rate of LMS or NLMS, and what the rate in use leads to.

    R is the correlation matrix of the rows, bias input included (for NLMS, of the rows divided
    by their norm).

    Parameters
    ----------
    variant : {'lms', 'nlms'}
        The update rule.

    learning_rate : float
        The rate in use.

    lambda_max : float
        Largest eigenvalue of R, the power of the strongest direction. NaN if it could not be
        computed.

    trace : float
        Trace of R, the mean squared norm of a row.

    max_power : float
        Largest squared norm of a row.

    spectral_radius : float or None
        Growth of the slowest error component in one epoch over the rows in the order given, at the
        rate in use: below 1 the weights converge, above 1 they diverge. None where not computed.

    critical_rate : float or None
        The rate at which the spectral radius reaches 1: the exact limit for this order of the
        rows, never above `learning_rate` where that is unstable. Rates beyond the limit can be
        stable again. The search goes up from the guaranteed bound by steps of a quarter, so that
        it can pass over a narrower window of unstable rates that does not hold `learning_rate`.
        None where not computed (see :func:`skextra.lms_stability`).

    References
    ----------
    .. [1] B. Widrow and M. A. Lehr, "30 years of adaptive neural networks: perceptron, Madaline,
       and backpropagation", Proc. IEEE 78(9), 1415-1442, 1990.

    Examples
    --------
    >>> from skextra import lms_stability
    >>> stability = lms_stability([[1.0], [2.0]], learning_rate=0.1, fit_intercept=False)
    >>> stability.guaranteed_bound, stability.mean_square_bound
    (0.5, 0.8)
    """

    variant: str
    learning_rate: float
    lambda_max: float
    trace: float
    max_power: float
    spectral_radius: float | None = None
    critical_rate: float | None = None

    @property
    def mean_bound(self):
        """``2 / lambda_max``: below it the mean of the weights converges (random order)."""
        return _ratio(2.0, self.lambda_max)

    @property
    def mean_square_bound(self):
        """``2 / trace(R)``: below it the mean square error usually converges (random order)."""
        return _ratio(2.0, self.trace)

    @property
    def guaranteed_bound(self):
        """``2 / max ||x||^2``: below it no order of these rows can make the weights diverge."""
        return _ratio(2.0, self.max_power)

    @property
    def misadjustment(self):
        """Predicted excess of the steady mean squared error over the Wiener solution's, relative.

        ``m / (2 - m)`` with ``m = learning_rate * trace(R)``; infinite from the bound on.
        """
        m = self.learning_rate * self.trace
        return m / (2.0 - m) if m < 2.0 else np.inf

    def describe_bounds(self):
        """Put the bounds into one line, as the warnings give them.

        Returns
        -------
        str
            The bounds, smallest to largest as a rule.
        """
        parts = [
            f"2/max||x||^2 = {self.guaranteed_bound:.4g} (safe in any order)",
            f"2/trace(R) = {self.mean_square_bound:.4g} (mean square)",
            f"2/lambda_max = {self.mean_bound:.4g} (mean)",
        ]
        if self.critical_rate is not None:
            parts.append(f"exact limit for this order of the rows = {self.critical_rate:.4g}")
        return ", ".join(parts)

    @property
    def is_unstable(self):
        """Whether the rate in use is known to diverge on these rows in this order."""
        # The margin is for the rounding of the eigenvalues; rates beyond the limit exceed it.
        return self.spectral_radius is not None and self.spectral_radius > 1.0 + 1e-7


def _ratio(a, b):
    return np.inf if b == 0 else a / b


def lms_stability(
    X, learning_rate="auto", *, variant="lms", sample_weight=None, fit_intercept=True
):
    """Compute the stability bounds of LMS on given rows, the exact one included.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows, in the order in which they would be presented.

    learning_rate : float or 'auto', default='auto'
        The rate to judge. 'auto' takes the one that :class:`skextra.LMSRegressor` would.

    variant : {'lms', 'nlms'}, default='lms'
        The update rule.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    fit_intercept : bool, default=True
        Whether a constant input of 1 stands beside the features.

    Returns
    -------
    LMSStability
        The bounds. `spectral_radius` and `critical_rate` are None for sparse X.

    Raises
    ------
    ValueError
        If an option or the data are invalid.

    Notes
    -----
    One epoch over rows in a fixed order multiplies the error of the weights by
    ``P = product of (I - learning_rate x x^T)``. Its spectral radius on the span of the rows
    decides convergence; the critical rate is found by root search. Cost O(n p^2 + p^3) per trial
    rate, some fifteen of them.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skextra import lms_stability
    >>> X, y = load_diabetes(return_X_y=True, scaled=False)
    >>> stability = lms_stability(X, learning_rate=1e-5)
    >>> bool(stability.guaranteed_bound < 1e-4 < stability.critical_rate * 10)
    True
    """
    if variant not in ("lms", "nlms"):
        raise ValueError(f"variant={variant!r} has no learning rate; use 'lms' or 'nlms'.")
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    if sample_weight is not None:
        sample_weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        X, sample_weight = X[sample_weight > 0], sample_weight[sample_weight > 0]
    rows = as_rows(X, 1.0 if fit_intercept else 0.0)
    powers = rows.powers()
    if isinstance(learning_rate, str):
        if learning_rate != "auto":
            raise ValueError(f"learning_rate={learning_rate!r}; use 'auto' or a positive number.")
        mean_power = np.average(powers, weights=sample_weight)
        learning_rate = automatic_rate(variant, mean_power, powers.max())
    elif not isinstance(learning_rate, Real) or not 0 < learning_rate < np.inf:
        raise ValueError(f"learning_rate={learning_rate!r} must be a finite number above 0.")
    rows, powers = audible(rows, powers, variant)
    return measure(
        rows, powers, sample_weight, variant, float(learning_rate), FILE_ORDER, exact=True
    )


def measure(rows, powers, sample_weight, variant, rate, order, moments=None, exact=None):
    """Return the LMSStability of validated rows; `exact` None leaves it to the size.

    `moments`, where they are known, are those of :func:`moments_for`.
    """
    weight, total = _weights(powers, sample_weight, variant)
    trace = float(weight @ powers / total)
    max_power = float(powers.max()) if variant == "lms" else float(powers.max() > 0)
    if moments is None:
        moments = moments_for(rows, powers, sample_weight, variant, exact)
    lambda_max = 0.0
    if trace > 0:
        try:
            if moments is not None:
                lambda_max = float(moments.eigenvalues[-1])
            else:
                lambda_max = _largest_eigenvalue(rows, weight) / total
        except (ArpackError, np.linalg.LinAlgError):
            lambda_max = np.nan  # a record for the reader, not worth failing a fit for
    if exact is None:
        exact = rows.p < _EXACT_SIZE and rows.n * (rows.p + 1) ** 2 <= _EXACT_WORK
    radius = critical = None
    if exact and not isinstance(rows, CSRRows) and trace > 0:
        try:
            product = _EpochProduct(rows, powers, sample_weight, variant, order, moments.gram)
            radius = product.radius(rate)
            unstable = rate if radius > 1.0 and rate > 2.0 / max_power else np.inf
            critical = product.critical(2.0 / max_power, unstable)
        except np.linalg.LinAlgError:
            pass
    return LMSStability(variant, rate, lambda_max, trace, max_power, radius, critical)


def moments_for(rows, powers, sample_weight, variant, exact=False, targets=None):
    """Return the Moments of rows, for NLMS divided by their norms; None where rows are wide.

    `exact` asks for those of dense rows at any width.
    """
    if rows.p >= _DENSE_SIZE and (not exact or isinstance(rows, CSRRows)):
        return None
    weight, total = _weights(powers, sample_weight, variant)
    if variant == "lms" and sample_weight is None:
        weight = None
    return moments_of(rows, weight, total, _no_targets(rows) if targets is None else targets)


def _weights(powers, sample_weight, variant):
    """Return what the rows count in the correlation matrix, and in all."""
    weight = np.ones(len(powers)) if sample_weight is None else sample_weight
    total = float(weight.sum())
    if variant == "nlms":
        weight = np.divide(weight, powers, out=np.zeros(len(powers)), where=powers > 0)
    return weight, total


def _no_targets(rows):
    return frozen(np.empty((rows.n, 0)))


def _largest_eigenvalue(rows, weight):
    size = rows.p + 1
    weight = frozen(np.ascontiguousarray(weight, np.float64))
    operator = LinearOperator(
        (size, size),
        matvec=lambda v: rows.moment_product(weight, 1, np.ravel(v).astype(np.float64)),
        dtype=np.float64,
    )
    # A fixed start, for results that do not vary; one product turns it to the right side.
    start = np.random.default_rng(0).standard_normal(size)
    start = rows.moment_product(weight, 1, start)
    # A relative accuracy of 1e-3 is plenty for a bound, and a short Lanczos basis reaches it
    # with the fewest passes over the data, each of which costs as much as an epoch.
    return float(eigsh(operator, k=1, v0=start, ncv=5, tol=1e-3, return_eigenvectors=False)[0])


class _EpochProduct:
    """The matrix of one epoch as a function of the rate, on the span of the rows."""

    def __init__(self, rows, powers, sample_weight, variant, order, gram):
        self._rows = rows.all_dense() if isinstance(rows, FaintRows) else rows
        self._powers = powers
        self._sample_weight = sample_weight
        self._variant = variant
        self._order = order
        values, vectors = np.linalg.eigh(gram)
        self._span = vectors[:, values > values[-1] * len(values) * np.finfo(float).eps]

    def _compose(self, rate):
        rows = self._rows
        targets = _no_targets(rows)
        gains = Gains(self._variant, rate, self._powers, self._sample_weight, targets, np.float64)
        return composed(rows, self._order, targets, gains, False, np.zeros((0, rows.p + 1)))

    def radius(self, rate):
        """Return the spectral radius at `rate`."""
        with np.errstate(over="ignore", invalid="ignore"):
            matrix = self._span.T @ self._compose(rate)[0] @ self._span
        if not np.isfinite(matrix).all():
            return np.inf
        return float(np.abs(np.linalg.eigvals(matrix)).max())

    def critical(self, guaranteed, unstable=np.inf):
        """Return the smallest rate from `guaranteed` on at which the radius reaches 1.

        Stability may come back at larger rates; `unstable`, a rate known to be so, is not passed.
        """
        low = high = guaranteed
        while (excess := self._excess(high)) < 0.0:
            low, high = high, min(1.25 * high, unstable)
        if low == high or excess == 0.0:
            return float(high)
        return float(brentq(self._excess, low, high, rtol=1e-7, xtol=1e-300))

    def _excess(self, rate):
        # Capped, because far beyond the limit the radius is of no use to interpolation.
        return min(self.radius(rate), 3.0) - 1.0

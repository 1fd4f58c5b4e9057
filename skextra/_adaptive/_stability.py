"""The largest learning rates at which LMS is stable on given data."""

from dataclasses import dataclass, replace
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.sparse.linalg import ArpackError
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

from skextra._adaptive._epoch_map import composed_epoch
from skextra._adaptive._faint_rows import FaintRows
from skextra._adaptive._gains import automatic_rate, gains_of
from skextra._adaptive._inputs import InputPower, Inputs
from skextra._adaptive._moments import Moments, moments_of_all
from skextra._adaptive._rows import FILE_ORDER, CSRRows, as_rows
from skextra._adaptive._spectrum import estimated_eigenvalue, largest_eigenvalue
from skextra._base import frozen
from skextra._typing import FloatArray, MatrixLike

# The critical rate takes some fifteen epoch maps of n p^2 steps and as many spectra of p^3: up to
# this size it is a matter of milliseconds, and a fit that diverges computes it unasked.
_EXACT_WORK = 200_000
_EXACT_SIZE = 32
# By how much the spectral radius may exceed 1 before a rate counts as unstable: far above the
# rounding of the eigenvalues, and a growth of 1e-4 in a thousand epochs.
_UNSTABLE = 1e-7
# The search for the critical rate goes up by this factor from the guaranteed bound. A finer one
# misses fewer windows of unstable rates, and each step costs an epoch map.
_SEARCH_STEP = 1.25


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
        Largest eigenvalue of R, the power of the strongest direction. A fit on many rows estimates
        it from a sample of them, with fewer than 64 features to some percent; with more it may be
        too low, by 10 to 40% on the images of MNIST. NaN if its computation failed.

    trace : float
        Trace of R, the mean squared norm of a row.

    max_power : float
        Largest squared norm of a row.

    spectral_radius : float or None
        Growth of the slowest error component in one epoch over the rows in the order given, at the
        rate in use: below 1 the weights converge, above 1 they diverge. None if not computed:
        a fit needs it only at rates above the guaranteed bound, and computes it on small dense
        data.

    critical_rate : float or None
        The rate at which the spectral radius reaches 1: the exact limit for this order of the
        rows, never above `learning_rate` if that is unstable. Rates beyond the limit can be
        stable again. The search goes up from the guaranteed bound in steps of a quarter, so that
        it can miss a narrower window of unstable rates that does not contain `learning_rate`.
        None if not computed: a fit computes it on small dense data if the rate is unstable or the
        fit has diverged, :func:`skextra.lms_stability` on any dense rows.

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

    variant: Literal["lms", "nlms"]
    learning_rate: float
    lambda_max: float
    trace: float
    max_power: float
    spectral_radius: float | None = None
    critical_rate: float | None = None

    @property
    def mean_bound(self) -> float:
        """``2 / lambda_max``: below it the mean of the weights converges (random order)."""
        return _bound(self.lambda_max)

    @property
    def mean_square_bound(self) -> float:
        """``2 / trace(R)``: below it the mean square error usually converges (random order)."""
        return _bound(self.trace)

    @property
    def guaranteed_bound(self) -> float:
        """``2 / max ||x||^2``: below it no order of these rows can make the weights diverge."""
        return _bound(self.max_power)

    @property
    def misadjustment(self) -> float:
        """Predicted excess of the steady mean squared error over the Wiener solution's, relative.

        ``m / (2 - m)`` with ``m = learning_rate * trace(R)``; infinite from the bound on.
        """
        m = self.learning_rate * self.trace
        return m / (2.0 - m) if m < 2.0 else np.inf

    def describe_bounds(self) -> str:
        """Describe the bounds in one line, as the warnings do.

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
    def is_unstable(self) -> bool:
        """Whether the rate in use is known to diverge on these rows in this order."""
        return self.spectral_radius is not None and self.spectral_radius > 1.0 + _UNSTABLE


def _bound(power: float) -> float:
    return np.inf if power == 0 else 2.0 / power


def lms_stability(
    X: MatrixLike,
    learning_rate: float | Literal["auto"] = "auto",
    *,
    variant: Literal["lms", "nlms"] = "lms",
    sample_weight: ArrayLike | None = None,
    fit_intercept: bool = True,
) -> LMSStability:
    """Compute the stability bounds of LMS on given rows, the exact one included.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows, in the order in which they would be presented.

    learning_rate : float or 'auto', default='auto'
        The rate to judge. 'auto' takes that of :class:`skextra.LMSRegressor`.

    variant : {'lms', 'nlms'}, default='lms'
        The update rule.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    fit_intercept : bool, default=True
        Whether to add a constant input of 1.

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
    >>> stability.guaranteed_bound < stability.critical_rate
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
    inputs = Inputs(variant, rows, powers, sample_weight, FILE_ORDER).audible()
    stability = _bounds(
        inputs, float(learning_rate), InputPower().including(powers, sample_weight)
    )
    if stability.trace == 0:
        return stability
    try:
        if isinstance(inputs.rows, CSRRows):
            return replace(stability, lambda_max=largest_eigenvalue(inputs))
        moments = moments_of_all(inputs)
        stability = replace(stability, lambda_max=float(moments.eigenvalues[-1]))
        return _with_exact_limit(stability, inputs, moments.gram)
    except (ArpackError, np.linalg.LinAlgError):
        return stability


def measure(
    inputs: Inputs, rate: float, power: InputPower, moments: Moments | None = None
) -> LMSStability:
    """Return the bounds that a fit needs, at the cost of a fraction of an epoch.

    `power` is that of the inputs before they were made audible, `moments` are those of all rows
    or None.
    """
    stability = _bounds(inputs, rate, power)
    if stability.trace == 0:
        return stability
    try:
        if moments is not None:
            return replace(stability, lambda_max=float(moments.eigenvalues[-1]))
        # It lies between the mean of all eigenvalues and their sum, which is known exactly.
        mean = stability.trace / (inputs.rows.p + (inputs.rows.bias != 0))
        estimate = estimated_eigenvalue(inputs, stability.max_power)
        return replace(stability, lambda_max=min(max(estimate, mean), stability.trace))
    except np.linalg.LinAlgError:
        return stability  # a record for the reader, not worth failing a fit for


def measure_exactly(stability: LMSStability, inputs: Inputs, diverged: bool) -> LMSStability:
    """Return the bounds of a fit with the exact limit, if its rate is in doubt.

    It is where the rate is above the guaranteed bound. Then the spectral radius is added, if the
    data are small, and the critical rate if the rate is unstable or the fit has `diverged`.
    """
    rows = inputs.rows
    is_small = rows.p < _EXACT_SIZE and rows.n * (rows.p + 1) ** 2 <= _EXACT_WORK
    in_doubt = stability.learning_rate > stability.guaranteed_bound
    if isinstance(rows, CSRRows) or not (is_small and in_doubt):
        return stability
    try:
        gram = moments_of_all(inputs).gram
        return _with_exact_limit(stability, inputs, gram, only_unstable=not diverged)
    except np.linalg.LinAlgError:
        return stability


def _bounds(inputs: Inputs, rate: float, power: InputPower) -> LMSStability:
    """Return the bounds that follow from the norms of the rows."""
    if inputs.variant == "lms":
        trace, max_power = power.total / power.weight, power.largest
    else:
        weight, total = inputs.correlation_weights()
        trace, max_power = float(weight @ inputs.powers / total), float(inputs.powers.max() > 0)
    return LMSStability(inputs.variant, rate, np.nan if trace > 0 else 0.0, trace, max_power)


def _with_exact_limit(
    stability: LMSStability, inputs: Inputs, gram: FloatArray, only_unstable: bool = False
) -> LMSStability:
    """Add the spectral radius and the critical rate."""
    product, rate = _EpochProduct(inputs, gram), stability.learning_rate
    guaranteed = stability.guaranteed_bound
    stability = replace(stability, spectral_radius=product.radius(rate))
    if only_unstable and not stability.is_unstable:
        return stability
    unstable = rate if stability.spectral_radius > 1.0 and rate > guaranteed else np.inf
    return replace(stability, critical_rate=product.critical(guaranteed, unstable))


class _EpochProduct:
    """The matrix of one epoch as a function of the rate, on the span of the rows."""

    def __init__(self, inputs: Inputs, gram: FloatArray) -> None:
        rows = inputs.rows
        if isinstance(rows, FaintRows):
            inputs = replace(inputs, rows=rows.all_dense())
        self._inputs = inputs
        self._no_targets = frozen(np.empty((rows.n, 0)))
        values, vectors = np.linalg.eigh(gram)
        self._span = vectors[:, values > values[-1] * (len(values) * np.finfo(float).eps)]

    def radius(self, rate: float) -> float:
        """Return the spectral radius at `rate`."""
        origin = np.zeros((0, self._inputs.rows.p + 1))
        with np.errstate(over="ignore", invalid="ignore"):
            gains = gains_of(self._inputs, rate, self._no_targets, np.float64)
            epoch = composed_epoch(self._inputs, self._no_targets, gains, False, origin)
            matrix = self._span.T @ epoch.matrix @ self._span
        if not np.isfinite(matrix).all():
            return np.inf
        return float(np.abs(np.linalg.eigvals(matrix)).max())

    def critical(self, guaranteed: float, unstable: float = np.inf) -> float:
        """Return the smallest rate from `guaranteed` on at which the radius reaches 1.

        Larger rates can be stable again; the search does not pass `unstable`, a rate known to be
        so.
        """
        low = high = guaranteed
        while (excess := self._excess(high)) < 0.0:
            low, high = high, min(_SEARCH_STEP * high, unstable)
        if low == high or excess == 0.0:
            return float(high)
        return float(brentq(self._excess, low, high, rtol=1e-7, xtol=1e-300))

    def _excess(self, rate: float) -> float:
        # Capped, because far beyond the limit the radius is of no use to interpolation.
        return min(self.radius(rate), 3.0) - 1.0

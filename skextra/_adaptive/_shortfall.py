"""How far above the least-squares loss a fit has stopped, and whether its rate explains that."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skextra._adaptive._epochs import Run
from skextra._adaptive._gains import mean_square
from skextra._adaptive._inputs import Inputs
from skextra._adaptive._moments import Moments, moments_of, moments_of_all
from skextra._adaptive._rows import CHUNK_ENTRIES, DenseRows, Rows
from skextra._adaptive._spectrum import NARROW
from skextra._adaptive._stability import LMSStability
from skextra._common._batches import batches
from skextra._kernels._adaptive_types import Gains
from skextra._typing import FloatArray, FloatMatrix

# The limits below are set between what tests/adaptive/test_shortfall.py measures: on standardised
# wine, breast cancer, iris, digits and diabetes slow weights cost at most .05 of the least loss,
# on the unscaled wine and breast cancer .5 to 5. Lower limits warn of fits that are good enough,
# higher ones stay silent on bad ones.

# What counts as far: a share of the least loss, beyond what the number of weights and the
# misadjustment of the rate explain.
_SLOW = 0.25
# Of the variance and of the mean square of the targets; less is no loss, however small the least.
_SLOW_VARIANCE, _ROUNDING = 1e-3, 1e-10
# For weights that have settled away from the least-squares solution, as sorted rows make them do.
# Then at least this share of the variance of the targets must be lost too: .2 of R2.
_SETTLED, _SETTLED_VARIANCE = 1.0, 0.2
# Time constants after which a weight should have settled: its share of the loss falls by a factor
# of e^2 in each, or, if all iterates are averaged, with the square of their number.
_CONSTANTS, _CONSTANTS_AVERAGED = 3, 10
# On wide data steps of conjugate gradients show what can be gained. With four rows per weight they
# cost some hundredths of a fit that ran into `tol`, and what they gain from noise stays below this
# share of the variance, which slow weights must exceed.
_STEPS, _WIDE_ROWS, _WIDE_VARIANCE = 2, 4, 0.1
# With no more rows than weights all targets can be fitted, noise too: then the loss must be near
# the variance still, and fall to that share at once.
_NO_BETTER, _FALL = 0.9, 0.5
# Rows per weight whose moments are taken for NLMS, and the fewest rows in all: with 50 the
# relative noise of the moments is about a seventh.
_NARROW_ROWS, _FEWEST_ROWS = 50, 500
_CONSTANT = 1e-10  # a column that varies by less, beside its mean, is rounding


@dataclass
class Shortfall:
    """A fit that stopped far above the least loss.

    `least` is the loss that can be reached, or a bound on it from above; `is_slow` says whether
    weights are still on their way, `ratio` is that of the largest to the smallest eigenvalue of
    the correlation matrix, and `epochs` the time constant of the weights that are behind (None
    where they are not known).
    """

    loss: float
    least: float
    is_slow: bool
    ratio: float | None = None
    epochs: float | None = None


class _Ended(NamedTuple):
    """How a run ended: its loss, and what of it no longer run would spare.

    `power` and `spread` are the mean square and the variance of the targets, `explained` the share
    of the loss that misadjustment may add.
    """

    loss: float
    power: float
    spread: float
    explained: float


def shortfall(
    inputs: Inputs,
    targets: FloatArray,
    gains: Gains,
    run: Run,
    stability: LMSStability,
    moments: Moments | None = None,
) -> Shortfall | None:
    """Return the Shortfall of a run that `tol` has ended, or None where it came near enough.

    `moments` are those of all rows, None where they are not known yet.
    """
    rows = inputs.rows.plain  # squared errors of faint rows underflow, and count for nothing
    weight = gains.weight if gains.inc else None
    weights = run.weights.published.astype(np.float64)
    power = mean_square(targets, gains)
    means = targets.mean(axis=0, dtype=np.float64) if weight is None else weight @ targets
    spread = power - float(np.mean((means if weight is None else means / gains.total) ** 2))
    ended = _Ended(float(run.loss_curve[-1]), power, spread, 3.0 * stability.misadjustment)
    if rows.p >= NARROW:
        return _wide(ended, rows, weight, targets, weights)
    if rows.n <= rows.p + 1:
        return None
    rate = stability.learning_rate
    if stability.variant == "lms":
        moments = moments_of_all(inputs, targets) if moments is None else moments
    else:
        every = _every(rows, _NARROW_ROWS)
        some = DenseRows(rows.dense(slice(None, None, every)), rows.bias)
        part = weight[::every]
        moments = moments_of(some, part, part.sum(), targets[::every])
        strength = np.trace(moments.gram)
        rate = rate * moments.total / strength if strength > 0 else 0.0
    return _narrow(ended, moments, gains.total * rate, _per_weight(rows.n, rows.p + 1), run)


def _narrow(
    ended: _Ended, moments: Moments, pace: float, freedom: float, run: Run
) -> Shortfall | None:
    """Tell the excess of slow weights from that of weights which have settled elsewhere.

    An eigenvalue times `pace` is what the weights along its eigenvector approach by in an epoch.
    """
    weights = run.weights.published.astype(np.float64)
    excess = moments.excess(weights) / len(weights)
    least = max(ended.loss - excess, 0.0)
    rounding = _ROUNDING * ended.power
    enough = max((_SLOW + freedom) * least, _SLOW_VARIANCE * ended.spread, rounding)
    if not enough < excess < np.inf:
        return None
    values, parts = moments.excess_by_direction(weights)
    parts = parts / len(weights)
    with np.errstate(divide="ignore", over="ignore"):
        epochs = 1.0 / (pace * values)
    needed = _CONSTANTS_AVERAGED if run.weights.average is True else _CONSTANTS
    behind = epochs * needed > len(run.loss_curve)
    settled = float(parts[~behind].sum())
    if excess - settled > enough:
        slowest = np.argmax(np.where(behind, parts, 0.0))
        return Shortfall(ended.loss, least, True, values[-1] / values[0], epochs[slowest])
    bound = max(_SETTLED_VARIANCE * ended.spread, rounding)
    if settled > max((_SETTLED + freedom + ended.explained) * least, bound):
        return Shortfall(ended.loss, least, False)
    return None


def _wide(
    ended: _Ended,
    rows: Rows,
    weight: FloatArray | None,
    targets: FloatArray,
    weights: FloatArray,
) -> Shortfall | None:
    """Take a few steps of conjugate gradients on standardised columns, and judge their gain."""
    every = _every(rows, _WIDE_ROWS)
    freedom = _per_weight(-(-rows.n // every), rows.p + 1)
    if freedom == np.inf and ended.loss < _NO_BETTER * ended.spread:
        return None
    X, some = rows.matrix, slice(None, None, every)
    if every > 1:
        X, targets, weight = X[some], targets[some], None if weight is None else weight[some]
    weight = np.ones(len(targets)) if weight is None else weight
    before, after = _by_conjugate_gradients(X, float(rows.bias), weight, targets, weights)
    gained, rounding = before - after, _ROUNDING * ended.power
    if freedom == np.inf:
        is_far = gained > _FALL * before and gained > rounding
    else:
        bound = max(_WIDE_VARIANCE * ended.spread, rounding)
        is_far = gained > max((_SLOW + freedom + ended.explained) * after, bound)
    return Shortfall(ended.loss, ended.loss * after / before, True) if is_far else None


def _every(rows: Rows, per_weight: int) -> int:
    """Return the distance of evenly spaced rows that leaves `per_weight` rows per weight."""
    return max(1, rows.n // max(per_weight * (rows.p + 1), _FEWEST_ROWS))


def _per_weight(n: int, p: int) -> float:
    """Return twice the share of the loss that p weights gain from noise by least squares."""
    return 2.0 * p / (n - p) if n > p else np.inf


class _Chunks:
    """Products with a matrix in its own dtype, some rows at a time."""

    def __init__(self, X: FloatMatrix) -> None:
        n, p = X.shape
        entries = X.nnz / n if sparse.issparse(X) else p
        size = max(1, int(CHUNK_ENTRIES / max(entries, 1.0)))
        self._X, self._parts = X, list(batches(n, size))

    def times(self, v: FloatArray) -> FloatArray:
        """Return X @ v in float64."""
        v = v.astype(self._X.dtype)
        return np.concatenate([self._X[part] @ v for part in self._parts]).astype(np.float64)

    def transposed_times(self, e: FloatArray) -> FloatArray:
        """Return X.T @ e in float64."""
        e = e.astype(self._X.dtype)
        return sum(self._X[part].T @ e[part] for part in self._parts).astype(np.float64)

    def mean_squares(self, share: FloatArray) -> FloatArray:
        """Return the mean square of every column, with rows that count by their share."""
        sums = 0.0
        for part in self._parts:
            block = self._X[part].astype(np.float64)
            squares = block.power(2) if sparse.issparse(block) else np.square(block)
            sums = sums + squares.T @ share[part]
        return sums


def _by_conjugate_gradients(X, bias, weight, targets, weights):
    """Return the mean losses of `weights` and of the weights a few steps from there."""
    share = weight / weight.sum()
    X = _Chunks(X)
    error = targets - X.times(weights[:, :-1].T) - bias * weights[:, -1]
    before = share @ np.square(error)
    if bias:
        error -= share @ error
    # With a bias the columns are centred. That and their common scale make the steps long.
    first = X.transposed_times(np.c_[share, share[:, None] * error])
    mean, product = first[:, 0] * (bias != 0.0), first[:, 1:]
    squares = X.mean_squares(share)
    varied = squares - mean**2 > _CONSTANT * squares
    scale = np.zeros((len(squares), 1))
    scale[varied, 0] = 1.0 / np.sqrt((squares - mean**2)[varied])

    direction = gradient = scale * (product - np.outer(mean, share @ error))
    power = np.square(gradient).sum(axis=0)
    for step in range(_STEPS):
        moved = X.times(scale * direction) - mean @ (scale * direction)
        curvature = share @ np.square(moved)
        error -= np.divide(power, curvature, out=np.zeros(len(power)), where=curvature > 0) * moved
        if step < _STEPS - 1:
            weighted = share[:, None] * error
            product = X.transposed_times(weighted) - np.outer(mean, weighted.sum(axis=0))
            gradient, last = scale * product, power
            power = np.square(gradient).sum(axis=0)
            turn = np.divide(power, last, out=np.zeros(len(power)), where=last > 0)
            direction = gradient + turn * direction
    return float(before.mean()), float((share @ np.square(error)).mean())

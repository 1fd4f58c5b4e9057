"""How far above the least-squares loss a fit has stopped, and whether its rate explains that."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skextra._adaptive._moments import moments_of
from skextra._adaptive._rows import DenseRows

# What counts as far: a share of the least loss, beyond what the estimation of so many weights and
# the misadjustment of the rate explain. On standardised wine, breast cancer, iris, digits and
# diabetes slow weights cost at most .05 of it, on the unscaled wine and breast cancer .5 to 5.
_SLOW = 0.25
# Of the variance and of the mean square of the targets; less is no loss, however small the least.
_SLOW_VARIANCE, _ROUNDING = 1e-3, 1e-10
# For weights that have settled, only elsewhere than at the least squares: sorted rows do that.
# Then at least this share of the variance of the targets must be at stake too: .2 of R2.
_SETTLED, _SETTLED_VARIANCE = 1.0, 0.2
# Time constants a weight needs: its share of the loss falls by e^2 in each, or, where the iterates
# are averaged, with the square of their number.
_CONSTANTS, _CONSTANTS_AVERAGED = 3, 10
# On wide data steps of conjugate gradients tell what can be gained. With so many rows for each
# weight they cost some hundredths of a fit that ran into `tol`, and what they gain from noise
# stays below what they gain from slow weights, of which this share of the variance is asked.
_STEPS, _WIDE_ROWS, _WIDE_VARIANCE = 2, 4, 0.1
# With no more rows than weights all can be fitted, noise too: then the loss must be near the
# variance still, and at once fall to that share.
_NO_BETTER, _FALL = 0.9, 0.5
_NARROW_ROWS = 50  # for each weight, where the moments are not at hand
_FEWEST_ROWS = 500
_BLOCK_ENTRIES = 1_000_000  # of the data, taken at once
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


def shortfall(rows, gains, targets, run, stability, moments, average):
    """Return the Shortfall of a run that `tol` has ended, or None where it came near enough.

    `moments` are those that `stability` was measured by, or None where the rows are wide.
    """
    weight = gains.weight if gains.inc else None
    weights = run.weights.published.astype(np.float64)
    loss = float(run.loss_curve[-1])
    power = gains.power_of(targets)
    means = targets.mean(axis=0, dtype=np.float64) if weight is None else weight @ targets
    spread = power - float(np.mean((means if weight is None else means / gains.total) ** 2))
    explained = 3.0 * stability.misadjustment
    if moments is None:
        return _wide(rows, weight, targets, weights, loss, explained, spread, power)
    freedom = _per_weight(rows.n, rows.p + 1)
    if freedom == np.inf:
        return None
    rate, total = stability.learning_rate, gains.total
    if stability.variant == "nlms":
        every = _every(rows, _NARROW_ROWS)
        some = DenseRows(rows.dense(slice(None, None, every)), rows.bias)
        part = weight[::every]
        moments = moments_of(some, part, part.sum(), targets[::every])
        strength = np.trace(moments.gram)
        rate = rate * moments.total / strength if strength > 0 else 0.0
    excess = moments.excess(weights) / len(weights)
    least = max(loss - excess, 0.0)
    enough = max((_SLOW + freedom) * least, _SLOW_VARIANCE * spread, _ROUNDING * power)
    if not enough < excess < np.inf:
        return None
    values, parts = moments.excess_by_direction(weights)
    parts = parts / len(weights)
    with np.errstate(divide="ignore", over="ignore"):
        epochs = 1.0 / (total * rate * values)
    behind = epochs * (_CONSTANTS_AVERAGED if average else _CONSTANTS) > len(run.loss_curve)
    settled = float(parts[~behind].sum())
    slow = excess - settled
    if slow > enough:
        slowest = np.argmax(np.where(behind, parts, 0.0))
        return Shortfall(loss, least, True, values[-1] / values[0], epochs[slowest])
    bound = max(_SETTLED_VARIANCE * spread, _ROUNDING * power)
    if settled > max((_SETTLED + freedom + explained) * least, bound):
        return Shortfall(loss, least, False)
    return None


def _wide(rows, weight, targets, weights, loss, explained, spread, power):
    """Take a few steps of conjugate gradients on standardised columns, and see what they gain."""
    every = _every(rows, _WIDE_ROWS)
    freedom = _per_weight(-(-rows.n // every), rows.p + 1)
    if freedom == np.inf and loss < _NO_BETTER * spread:
        return None
    X, some = rows.matrix, slice(None, None, every)
    if every > 1:
        X, targets, weight = X[some], targets[some], None if weight is None else weight[some]
    weight = np.ones(len(targets)) if weight is None else weight
    before, after = _by_conjugate_gradients(X, float(rows.bias), weight, targets, weights)
    gained = before - after
    if freedom == np.inf:
        is_far = gained > _FALL * before and gained > _ROUNDING * power
    else:
        bound = max(_WIDE_VARIANCE * spread, _ROUNDING * power)
        is_far = gained > max((_SLOW + freedom + explained) * after, bound)
    return Shortfall(loss, loss * after / before, True) if is_far else None


def _every(rows, per_weight):
    """Return the distance of evenly spaced rows, so many for each weight."""
    return max(1, rows.n // max(per_weight * (rows.p + 1), _FEWEST_ROWS))


def _per_weight(n, p):
    """Return what share of the loss least squares gains from noise, for so many weights, twice."""
    return 2.0 * p / (n - p) if n > p else np.inf


def _by_conjugate_gradients(X, bias, weight, targets, weights):
    """Return the mean losses of `weights` and of where a few steps from there lead."""
    share = weight / weight.sum()
    n, p = X.shape
    entries = X.nnz / n if sparse.issparse(X) else p
    parts = list(gen_batches(n, max(1, int(_BLOCK_ENTRIES / max(entries, 1.0)))))

    def forward(v):
        real = v.astype(X.dtype)
        return np.concatenate([X[part] @ real for part in parts]).astype(np.float64)

    def backward(e):
        real = e.astype(X.dtype)
        return sum(X[part].T @ real[part] for part in parts).astype(np.float64)

    error = targets - forward(weights[:, :-1].T) - bias * weights[:, -1]
    before = share @ np.square(error)
    if bias:
        error -= share @ error
    # With a bias the columns may be centred. That and their scale make the steps long.
    first = backward(np.c_[share, share[:, None] * error])
    mean, product = first[:, 0] * (bias != 0.0), first[:, 1:]
    squares = sum(_squared(X[part]).T @ share[part] for part in parts)
    varied = squares - mean**2 > _CONSTANT * squares
    scale = np.zeros((p, 1))
    scale[varied, 0] = 1.0 / np.sqrt((squares - mean**2)[varied])

    direction = gradient = scale * (product - np.outer(mean, share @ error))
    power = np.square(gradient).sum(axis=0)
    for step in range(_STEPS):
        moved = forward(scale * direction) - mean @ (scale * direction)
        curvature = share @ np.square(moved)
        error -= np.divide(power, curvature, out=np.zeros(len(power)), where=curvature > 0) * moved
        if step < _STEPS - 1:
            weighted = share[:, None] * error
            product = backward(weighted) - np.outer(mean, weighted.sum(axis=0))
            gradient, last = scale * product, power
            power = np.square(gradient).sum(axis=0)
            turn = np.divide(power, last, out=np.zeros(len(power)), where=last > 0)
            direction = gradient + turn * direction
    return float(before.mean()), float((share @ np.square(error)).mean())


def _squared(block):
    block = block.astype(np.float64)
    return block.power(2) if sparse.issparse(block) else np.square(block)

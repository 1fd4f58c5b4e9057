"""Step sizes row by row: learning rate, normalisation and sample weights in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skextra._base import frozen
from skextra._kernels._adaptive_types import Gains
from skextra._typing import FloatArray

if TYPE_CHECKING:
    from skextra._adaptive._inputs import Inputs

# Misadjustment that the automatic rate aims at: the mean squared error settles about this
# share above that of the Wiener solution. Larger adapts faster. Widrow & Lehr (1990, section IV)
# design by this figure.
_MISADJUSTMENT = 0.1
# Steps, and steps times the largest target, that float32 is trusted with, whatever the rows. The
# range of float32 is 1e-38 to 3e38; the margin of 1e8 on either side is for errors that grow and
# for products with the entries of a row. Beyond, a fit takes float64, at twice the memory.
_SMALLEST_SINGLE, _LARGEST_SINGLE = 1e-30, 1e30
# Relative step up to which the binomial series of `_repeated` takes over: the first term left out
# is below the fourth power of this over 360, 3e-15; the closed form loses digits as 1e-16 / x.
_SERIES = 1e-3


def gains_of(inputs: Inputs, rate: float, targets: FloatArray, dtype: DTypeLike) -> Gains:
    """Return the Gains of every row, in the dtype to compute in.

    That is `dtype`, or float64 where float32 cannot hold the steps towards the targets.

    Presenting a row r times in a row moves the weights by ``e x (1 - rho^r) / power`` with
    ``rho = 1 - rate * power``, a formula that serves for any weight r > 0; where a step overshoots
    (rho < 0) and r is no whole number, rho^r is read as ``|rho|^r cos(pi r)``, which agrees at
    the whole numbers.
    """
    powers, sample_weight = inputs.powers, inputs.sample_weight
    if inputs.variant == "nlms":
        # A row of zeros carries no information and makes no step.
        step = np.divide(float(rate), powers, out=np.zeros(len(powers)), where=powers > 0)
    else:
        step = np.full(1 if sample_weight is None else inputs.rows.n, float(rate))
    inc = int(inputs.variant == "nlms" or sample_weight is not None)
    hold, weight, total = step, np.ones(len(step)), float(inputs.rows.n)
    if sample_weight is not None:
        step, hold = _repeated(step, powers, sample_weight)
        weight, total = sample_weight, float(sample_weight.sum())
    if dtype == np.float32 and not _fit_single(step, targets):
        dtype = np.float64
    step, hold = (frozen(np.ascontiguousarray(gain, dtype)) for gain in (step, hold))
    return Gains(step, hold, frozen(np.ascontiguousarray(weight, np.float64)), inc, total)


def part_of_gains(gains: Gains, part: slice | NDArray[np.intp]) -> Gains:
    """Return the Gains of some rows, of which all have an entry each."""
    weight = frozen(gains.weight[part])
    return Gains(frozen(gains.step[part]), frozen(gains.hold[part]), weight, 1, weight.sum())


def mean_square(targets: FloatArray, gains: Gains) -> float:
    """Return the mean square of the targets: the loss of a filter that outputs nothing."""
    targets = targets.astype(np.float64, copy=False)
    if not gains.inc:
        return float(np.vdot(targets, targets)) / targets.size
    return float(np.average(np.mean(np.square(targets), axis=1), weights=gains.weight))


def _fit_single(step, targets):
    """Whether float32 holds the steps, and those towards the largest target."""
    steps = np.abs(step)
    largest = float(steps.max(initial=0.0))
    smallest = float(steps.min(initial=largest, where=steps > 0))
    if largest > _LARGEST_SINGLE or smallest < _SMALLEST_SINGLE:
        return largest == 0.0
    return largest * float(np.abs(targets).max(initial=0.0)) <= _LARGEST_SINGLE


def _repeated(rates, powers, r):
    """Return (step, hold) of r presentations of each row.

    With ``x = rate * power`` they are ``(1 - (1 - x)^r) / power`` and, written so that no digits
    cancel, ``((1 - x) ((1 - x)^r - 1) + r x) / (x power)``, or its binomial series where x and
    r x are small.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        x = rates * powers
        shrinking = x < 1.0
        log_rho = np.log1p(-np.where(shrinking, x, 0.0))
        less = np.where(
            shrinking, np.expm1(r * log_rho), np.abs(1.0 - x) ** r * np.cos(np.pi * r) - 1.0
        )
        idle = x == 0.0
        step = np.where(idle, rates * r, -less / np.where(idle, 1.0, powers))
        exact = ((1.0 - x) * less + r * x) / np.where(idle, 1.0, x) / np.where(idle, 1.0, powers)
        pairs = (r + 1.0) * r / 2.0
        nested = 1.0 - (r - 1.0) / 3.0 * x * (
            1.0 - (r - 2.0) / 4.0 * x * (1.0 - (r - 3.0) / 5.0 * x)
        )
        hold = np.where((r + 1.0) * x < _SERIES, rates * pairs * nested, exact)
    return step, hold


def automatic_rate(variant: str, mean_power: float, max_power: float) -> float:
    """Return a learning rate that converges in any order of the rows.

    For LMS the smaller of ``1 / max ||x||^2``, half the bound that no sequence of rows can break,
    and ``2 M / ((1 + M) tr R)``, at which theory predicts a misadjustment M of 10%. For NLMS the
    rate ``2 M / (1 + M)`` of the same misadjustment. Rows without power move no weight, so that
    any rate suits them.
    """
    share = 2 * _MISADJUSTMENT / (1 + _MISADJUSTMENT)
    if variant == "nlms":
        return share
    if not mean_power > 0:
        return 1.0
    return float(min(1.0 / max_power, share / mean_power))

"""Step sizes, row by row: learning rate, normalisation and sample weights in one place."""

from dataclasses import dataclass

import numpy as np

from skextra._base import frozen

# Misadjustment that the automatic rate aims at: the mean squared error settles about this
# share above the Wiener solution's (Widrow & Lehr 1990, section IV).
_MISADJUSTMENT = 0.1


# What float32 computes with steps beyond these may overflow or lose digits, whatever the rows.
_SMALLEST_SINGLE, _LARGEST_SINGLE = 1e-30, 1e30


class Gains:
    """The step ``w += step_i e x`` of every row.

    Presenting a row r times in a row moves the weights by ``e x (1 - rho^r) / power`` with
    ``rho = 1 - rate * power``, a formula that serves for any weight r > 0; where a step overshoots
    (rho < 0) and r is no whole number, rho^r is read as ``|rho|^r cos(pi r)``, which agrees at
    the whole numbers. `hold` is the share of the row in the sum of the iterates, which
    averaging needs; both arrays have one entry if all rows are alike (``inc == 0``).

    `dtype` is the one to compute in: that of the rows, or float64 where float32 cannot hold the
    steps towards the targets.
    """

    def __init__(self, variant, rate, powers, sample_weight, targets, dtype):
        self.inc = 0 if variant == "lms" and sample_weight is None else 1
        n = len(powers)
        weight = np.ones(1) if sample_weight is None else sample_weight
        rates = _rates(variant, rate, powers if self.inc else powers[:1])
        if sample_weight is None:
            step = hold = rates
        else:
            step, hold = _repeated(rates, powers, sample_weight)
        size = n if self.inc else 1
        self.dtype = np.dtype(dtype)
        if self.dtype == np.float32 and not _fit_single(step, targets):
            self.dtype = np.dtype(np.float64)
        self.step = _filled(step, size, self.dtype)
        self.hold = _filled(hold, size, self.dtype)
        self.weight = _filled(weight, size, np.float64)
        self.total = float(n if sample_weight is None else sample_weight.sum())

    @property
    def arrays(self):
        """Return what the compiled loops take."""
        return self.step, self.hold, self.weight, self.inc, self.total

    def power_of(self, targets):
        """Return the mean square of the targets: the loss of a filter that outputs nothing."""
        squares = np.mean(np.square(targets, dtype=np.float64), axis=1)
        return float(np.average(squares, weights=self.weight if self.inc else None))


def _filled(values, size, dtype):
    return frozen(np.ascontiguousarray(np.broadcast_to(values, size), dtype=dtype))


def _fit_single(step, targets):
    """Whether float32 holds the steps, and those towards the largest target."""
    steps = np.abs(step)
    largest = float(steps.max(initial=0.0))
    smallest = float(steps.min(initial=largest, where=steps > 0))
    if largest > _LARGEST_SINGLE or smallest < _SMALLEST_SINGLE:
        return largest == 0.0
    return largest * float(np.abs(targets).max(initial=0.0)) <= _LARGEST_SINGLE


def _rates(variant, rate, powers):
    if variant == "lms":
        return np.full(len(powers), float(rate))
    # NLMS divides by the power of the row; a row of zeros carries no information and no step.
    return np.divide(float(rate), powers, out=np.zeros(len(powers)), where=powers > 0)


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
        hold = np.where((r + 1.0) * x < 1e-3, rates * pairs * nested, exact)
    return step, hold


@dataclass(frozen=True)
class InputPower:
    """Squared norms of the rows presented so far: their weight, weighted sum and maximum."""

    weight: float = 0.0
    total: float = 0.0
    largest: float = 0.0

    @property
    def mean(self):
        """Return the mean squared norm."""
        return self.total / self.weight if self.weight > 0 else 0.0

    def including(self, powers, sample_weight):
        """Return the same with more rows."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
            weighted = powers.sum() if sample_weight is None else sample_weight @ powers
            weight = len(powers) if sample_weight is None else sample_weight.sum()
        return InputPower(
            self.weight + float(weight),
            self.total + float(weighted),
            max(self.largest, float(powers.max(initial=0.0))),
        )


def automatic_rate(variant, mean_power, max_power):
    """Return a learning rate that converges in any order of the rows.

    For LMS the smaller of ``1 / max ||x||^2``, half the bound that no sequence of rows can break,
    and ``2 M / ((1 + M) tr R)``, at which theory predicts a misadjustment M of 10%. For NLMS the
    rate ``2 M / (1 + M)`` of the same misadjustment. Rows without power move no weight, so that
    for them any rate would do.
    """
    share = 2 * _MISADJUSTMENT / (1 + _MISADJUSTMENT)
    if variant == "nlms":
        return share
    if not mean_power > 0:
        return 1.0
    return float(min(1.0 / max_power, share / mean_power))

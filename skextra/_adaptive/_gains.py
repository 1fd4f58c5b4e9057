"""Step sizes, row by row: learning rate, normalisation and sample weights in one place."""

import numpy as np

from skextra._adaptive._rows import frozen

# Misadjustment that the automatic rate aims at: the mean squared error settles about this
# share above the Wiener solution's (Widrow & Lehr 1990, section IV).
_MISADJUSTMENT = 0.1


class Gains:
    """The step ``w += step_i e x`` of every row.

    Presenting a row r times in a row moves the weights by ``e x (1 - rho^r) / power`` with
    ``rho = 1 - rate * power``, a formula that serves for any weight r > 0; where a step overshoots
    (rho < 0) and r is no whole number, rho^r is read as ``|rho|^r cos(pi r)``, which agrees at
    the whole numbers. `hold` is the share of the row in the sum of the iterates, which
    averaging needs; both arrays have one entry if all rows are alike (``inc == 0``).
    """

    def __init__(self, variant, rate, powers, sample_weight, dtype):
        self.inc = 0 if variant == "lms" and sample_weight is None else 1
        n = len(powers)
        weight = np.ones(1) if sample_weight is None else sample_weight
        rates = _rates(variant, rate, powers if self.inc else powers[:1])
        if sample_weight is None:
            step = hold = rates
        else:
            step, hold = _repeated(rates, powers, sample_weight)
        size = n if self.inc else 1
        self.step = _filled(step, size, dtype)
        self.hold = _filled(hold, size, dtype)
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


def _rates(variant, rate, powers):
    if variant == "lms":
        return np.full(len(powers), float(rate))
    # NLMS divides by the power of the row; a row of zeros carries no information and no step.
    return np.divide(float(rate), powers, out=np.zeros(len(powers)), where=powers > 0)


def _repeated(rates, powers, r):
    """Return (step, hold) of r presentations of each row."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        x = rates * powers
        small = np.abs(x) < 1e-8
        power = np.where(small, 1.0, powers)
        rho_r = np.where(
            x < 1.0,
            np.exp(r * np.log1p(-np.minimum(x, 1.0))),
            np.abs(1.0 - x) ** r * np.cos(np.pi * r),
        )
        step = np.where(
            x < 1.0, -np.expm1(r * np.log1p(-np.minimum(x, 1.0))) / power, (1.0 - rho_r) / power
        )
        # Series where rho is 1 to eight digits: r steps of the plain rule.
        step = np.where(small, rates * r, step)
        hold = (r - (1.0 - x) * step * power / np.where(small, 1.0, x)) / power
        hold = np.where(small, rates * r * (r + 1) / 2, hold)
    return step, hold


def automatic_rate(variant, powers, sample_weight):
    """Return a learning rate that converges in any order of the rows.

    For LMS the smaller of ``1 / (1 + max ||x||^2)``, half the bound that no sequence of rows can
    break, and ``2 M / ((1 + M) tr R)``, at which theory predicts a misadjustment M of 10%. For
    NLMS the rate ``2 M / (1 + M)`` of the same misadjustment.
    """
    share = 2 * _MISADJUSTMENT / (1 + _MISADJUSTMENT)
    if variant == "nlms":
        return share
    trace = np.average(powers, weights=sample_weight)
    with np.errstate(divide="ignore"):
        return float(min(1.0 / (powers.max() + 1.0), share / trace))

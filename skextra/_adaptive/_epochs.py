"""Epochs of LMS and NLMS, row by row or as an affine map, and the loop that runs them."""

from dataclasses import dataclass
from math import isfinite
from typing import Literal, NamedTuple

import numpy as np

from skextra._adaptive._epoch_map import EpochMap
from skextra._adaptive._gains import mean_square
from skextra._adaptive._inputs import InputPower, Inputs
from skextra._adaptive._weights import Weights
from skextra._callbacks import EpochReporter
from skextra._kernels._adaptive_types import Gains
from skextra._typing import FloatArray

# Beyond this growth of the mean squared error a run counts as diverged. It ends there, unless
# tol=None asks for all epochs: then it ends when it overflows. A smaller one ends diverging runs
# sooner, but also stable ones whose loss rises for a while, as it does on sorted rows.
GROWTH = 1e6
# Successive epochs whose loss must stay within `tol` of the one before. One quiet epoch may be
# the turning point of a curve that falls and then rises; more cost as many epochs.
_PATIENCE = 3
# Squared norms that float32 holds, with room for those of shorter rows. For others a pass in
# float64 is made.
_SMALLEST_SINGLE, _LARGEST_SINGLE = 1e-25, 1e35


class Stopping(NamedTuple):
    """When a run ends.

    After `max_iter` epochs, or once the loss changes by less than `tol`; such a loss counts as
    convergence only after `warm_up` epochs, since steps too small to learn anything would pass
    for it before. Weights beyond `largest` have diverged.
    """

    max_iter: int
    tol: float | None
    warm_up: float
    largest: float


@dataclass
class Run:
    """What `run_epochs` returns: the last good weights, the losses and how the run ended."""

    weights: Weights
    loss_curve: FloatArray
    status: Literal["converged", "max_iter", "stopped", "diverged"]


def run_epochs(
    inputs: Inputs,
    targets: FloatArray,
    gains: Gains,
    weights: Weights,
    stopping: Stopping,
    reporter: EpochReporter[Weights],
    first: tuple[float, Weights] | None = None,
) -> Run:
    """Present all rows up to `max_iter` times in the same order.

    `first` is what the first epoch gave, where it has been made already.

    The loss of the weights after epoch k is a by-product of epoch k + 1, or of the affine map
    that replaces the epochs once that is cheaper; so each epoch reads the data once.
    """
    max_iter, tol, warm_up, largest = stopping
    scale = mean_square(targets, gains)
    floor = (inputs.rows.p * float(np.finfo(inputs.rows.dtype).eps)) ** 2 * scale
    epochs = RowByRow(inputs, targets, gains)
    switch = EpochMap.worthwhile_after(inputs.rows, targets.shape[1], max_iter)
    curve = []
    kept = weights
    start = previous = 0.0
    quiet = 0
    status = "max_iter"
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(max_iter + 1):
            if epoch == max_iter or status == "stopped":
                loss, following = epochs.loss(weights), None
            else:
                if epoch == switch:
                    epochs = EpochMap(inputs, targets, gains, weights)
                loss, following = first or epochs.step(weights)
                first = None
            loss = loss / targets.shape[1]
            if epoch > 0:
                is_finite = isfinite(loss)
                curve.append(loss if is_finite else np.inf)
                if not (is_finite and _within(weights.last, largest)):
                    return Run(kept, np.asarray(curve), "diverged")
                kept = weights
                grown = loss > GROWTH * max(scale, start)
                if grown and (tol is not None or following is None):
                    return Run(kept, np.asarray(curve), "diverged")
                if tol is not None:
                    quiet = quiet + 1 if abs(loss - previous) <= tol * previous else 0
                    if (quiet >= _PATIENCE and epoch >= warm_up) or loss <= floor:
                        return Run(kept, np.asarray(curve), "converged")
            else:
                start = loss
            previous = loss
            if following is None:
                break
            weights = following
            if reporter.epoch(weights):
                status = "stopped"
    return Run(kept, np.asarray(curve), status)


def _within(weights: FloatArray, largest: float) -> bool:
    """Whether no weight is larger than that."""
    # The sum of squares is the quicker test, which all but huge weights pass.
    return np.vdot(weights, weights) <= largest or np.abs(weights).max() <= largest


class RowByRow:
    """Epochs that present one row after the other."""

    def __init__(self, inputs: Inputs, targets: FloatArray, gains: Gains) -> None:
        self._rows, self._order = inputs.rows, inputs.order
        self._targets, self._gains = targets, gains

    def step(self, weights: Weights) -> tuple[float, Weights]:
        """Return (loss of the published weights, weights after one more epoch)."""
        average, w = bool(weights.average), weights.last
        loss, last, added = self._rows.epoch(
            self._order, self._targets, self._gains, average, w, weights.published
        )
        mean = w + added if average else None
        return loss, weights.advanced(last, mean, self._gains.total)

    def step_measuring(self, weights: Weights) -> tuple[tuple[float, Weights], InputPower]:
        """Return (what `step` returns, the power of the rows), for dense rows of weight one.

        The kernel takes the norms of rows that it has at hand anyway, in their precision.
        """
        average, w, sums = bool(weights.average), weights.last, np.zeros(2)
        with np.errstate(over="ignore", invalid="ignore"):
            loss, last, added = self._rows.epoch(
                self._order, self._targets, self._gains, average, w, weights.published, sums
            )
            mean = w + added if average else None
            following = weights.advanced(last, mean, self._gains.total)
        power = InputPower(float(self._rows.n), *map(float, sums))
        if not _SMALLEST_SINGLE < power.largest < _LARGEST_SINGLE:  # or NaN: then the sum tells
            power = InputPower().including(self._rows.powers(), None)
        return (loss, following), power

    def loss(self, weights: Weights) -> float:
        """Return the loss of the published weights, summed over the outputs."""
        return self._rows.loss(self._targets, self._gains, weights.published)

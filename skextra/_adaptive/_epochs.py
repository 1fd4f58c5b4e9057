"""Epochs of LMS and NLMS, row by row or as an affine map, and the loop that runs them."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from skextra._adaptive._gains import mean_square
from skextra._adaptive._inputs import Inputs
from skextra._adaptive._rows import DenseRows, Rows
from skextra._callbacks import EpochReporter
from skextra._common._batches import batches
from skextra._kernels._adaptive_types import Gains
from skextra._kernels._epoch_map import ComposedEpoch, compose_epoch
from skextra._typing import FloatArray

# Beyond this growth of the mean squared error a run counts as diverged. It ends there, unless
# tol=None asks for all epochs: then it ends when it overflows. A smaller one ends diverging runs
# sooner, but also stable ones whose loss rises for a while, as it does on sorted rows.
GROWTH = 1e6
# Successive epochs whose loss must stay within `tol` of the one before. One quiet epoch may be
# the turning point of a curve that falls and then rises; more cost as many epochs.
_PATIENCE = 3
# Weights up to which an epoch becomes a map: its matrices then have .5 MB each and stay in the
# cache while the rows run through them.
_LARGEST_SIZE = 256
# Eigenvalues below this share of the largest are left out of the least-squares weights that the
# loss is expanded about: a step along them is long and gains next to nothing.
_NEGLIGIBLE = 1e-8
# Multiplications between two chances for an interrupt: some tenths of a second.
_UNINTERRUPTED = 10**9


@dataclass
class Weights:
    """Where an adaptive run stands.

    `last` (n_outputs, n_features + 1) holds the newest iterate, bias last; `mean` the average
    of the iterates since averaging began and `presented` the weight of the rows it spans.
    `published` is what predicts: the mean if averaging, else the last.
    """

    last: FloatArray
    mean: FloatArray
    presented: float = 0.0
    average: bool = False

    @property
    def published(self) -> FloatArray:
        """Return the weights that predict."""
        return self.mean if self.average and self.presented > 0 else self.last

    def advanced(self, last: FloatArray, epoch_mean: FloatArray | None, total: float) -> "Weights":
        """Return the weights after an epoch of total weight `total`."""
        if not self.average:
            return Weights(last, last)
        presented = self.presented + total
        mean = self.mean + (epoch_mean - self.mean) * self.mean.dtype.type(total / presented)
        return Weights(last, mean, presented, True)


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
) -> Run:
    """Present all rows up to `max_iter` times in the same order.

    The loss of the weights after epoch k is a by-product of epoch k + 1, or of the affine map
    that replaces the epochs once that is cheaper; so each epoch reads the data once.
    """
    max_iter, tol, warm_up, largest = stopping
    scale = mean_square(targets, gains)
    floor = (inputs.rows.p * float(np.finfo(inputs.rows.dtype).eps)) ** 2 * scale
    epochs = RowByRow(inputs, targets, gains)
    switch = EpochMap.worthwhile_after(inputs.rows, max_iter)
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
                loss, following = epochs.step(weights)
            loss = loss / targets.shape[1]
            if epoch > 0:
                curve.append(loss if np.isfinite(loss) else np.inf)
                if not (np.isfinite(loss) and np.abs(weights.last).max() <= largest):
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


class RowByRow:
    """Epochs that present one row after the other."""

    def __init__(self, inputs: Inputs, targets: FloatArray, gains: Gains) -> None:
        self._rows, self._order = inputs.rows, inputs.order
        self._targets, self._gains = targets, gains

    def step(self, weights: Weights) -> tuple[float, Weights]:
        """Return (loss of the published weights, weights after one more epoch)."""
        average, w = weights.average, weights.last
        loss, last, added = self._rows.epoch(
            self._order, self._targets, self._gains, average, w, weights.published
        )
        mean = w + added if average else None
        return loss, weights.advanced(last, mean, self._gains.total)

    def loss(self, weights: Weights) -> float:
        """Return the loss of the published weights, summed over the outputs."""
        return self._rows.loss(self._targets, self._gains, weights.published)


class EpochMap:
    """The map ``w -> P w + q`` of one epoch over rows in a fixed order.

    With p weights, building it costs O(n p^2) once and every epoch O(p^2) instead of O(n p).
    The loss of any w is ``E(w0) - 2 g.(w - w0) + (w - w0)^T G (w - w0)`` about the least-squares
    weights w0.

    Parameters
    ----------
    inputs, targets, gains
        As for epochs row by row.

    weights : Weights
        Any finite weights, from which the search for the least-squares weights starts.
    """

    def __init__(
        self, inputs: Inputs, targets: FloatArray, gains: Gains, weights: Weights
    ) -> None:
        origin = weights.published.astype(np.float64)
        self._composed = composed = composed_epoch(inputs, targets, gains, weights.average, origin)
        self._total = gains.total
        # Expand about the least-squares weights, where no digits cancel.
        shift = np.linalg.lstsq(composed.gram, composed.gradient.T, rcond=_NEGLIGIBLE)[0].T
        dtype = inputs.rows.dtype
        self._origin = (origin + shift).astype(dtype).astype(np.float64)
        shift = self._origin - origin
        self._gram = composed.gram / gains.total
        self._gradient = (composed.gradient - shift @ composed.gram) / gains.total
        self._error = inputs.rows.loss(targets, gains, self._origin.astype(dtype))

    @staticmethod
    def worthwhile_after(rows: Rows, max_iter: int) -> int | None:
        """Return after how many epochs the map should take over, or None for never.

        It costs about as much as p epochs. Waiting that long before building it costs at most
        twice the best choice, whatever the number of epochs turns out to be.
        """
        size = rows.p + 1
        if not isinstance(rows, DenseRows) or size > min(_LARGEST_SIZE, rows.n):
            return None
        return size if max_iter >= 4 * size else None

    def step(self, weights: Weights) -> tuple[float, Weights]:
        """Return (loss of the published weights, weights after one more epoch)."""
        w, composed = weights.last, self._composed
        last = w @ composed.matrix.T + composed.vector
        mean = w + w @ composed.mean_matrix.T + composed.mean_vector
        return self.loss(weights), weights.advanced(last, mean, self._total)

    def loss(self, weights: Weights) -> float:
        """Return the loss of the published weights, summed over the outputs."""
        d = weights.published - self._origin
        quadratic = np.einsum("ka,ka->", d @ self._gram, d)
        loss = self._error - 2 * np.einsum("ka,ka->", self._gradient, d) + quadratic
        return max(loss, 0.0) if np.isfinite(loss) else np.inf


def composed_epoch(
    inputs: Inputs, targets: FloatArray, gains: Gains, average: bool, origin: FloatArray
) -> ComposedEpoch:
    """Return the ComposedEpoch of one epoch over dense rows."""
    rows, size, shape = inputs.rows, inputs.rows.p + 1, origin.shape
    composed = ComposedEpoch(
        matrix=np.eye(size),
        vector=np.zeros(shape),
        mean_matrix=np.zeros((size, size)),
        mean_vector=np.zeros(shape),
        gram=np.zeros((size, size)),
        gradient=np.zeros(shape),
    )
    seen = 0.0
    for part in batches(rows.n, max(1, _UNINTERRUPTED // size**2)):
        span = part.start, part.stop
        seen = compose_epoch(
            rows.strided,
            inputs.order,
            targets,
            tuple(gains),
            origin,
            average,
            tuple(composed),
            *span,
            seen,
        )
    return composed

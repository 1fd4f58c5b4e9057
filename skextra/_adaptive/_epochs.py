"""The epoch loop of LMS and NLMS: steps, loss curve, stopping and divergence."""

from dataclasses import dataclass

import numpy as np

from skextra._adaptive._epoch_map import EpochMap

# Beyond this growth of the mean squared error a run counts as diverged. It ends there, unless
# tol=None asks for all epochs: then it ends when it overflows.
GROWTH = 1e6
# Successive epochs whose loss must stay within `tol` of the one before.
_PATIENCE = 3


@dataclass
class Weights:
    """Where an adaptive run stands.

    `last` (n_outputs, n_features + 1) holds the newest iterate, bias last; `mean` the average
    of the iterates since averaging began and `presented` the weight of the rows it spans.
    `published` is what predicts: the mean if averaging, else the last.
    """

    last: np.ndarray
    mean: np.ndarray
    presented: float
    average: bool

    @property
    def published(self):
        """Return the weights that predict."""
        return self.mean if self.average and self.presented > 0 else self.last

    def advanced(self, last, epoch_mean, total):
        """Return the weights after an epoch of total weight `total`."""
        if not self.average:
            return Weights(last, last, 0.0, False)
        presented = self.presented + total
        mean = self.mean + (epoch_mean - self.mean) * self.mean.dtype.type(total / presented)
        return Weights(last, mean, presented, True)


@dataclass
class Run:
    """What `run_epochs` returns; `status` is 'converged', 'max_iter', 'stopped' or 'diverged'."""

    weights: Weights
    loss_curve: np.ndarray
    status: str


def run_epochs(rows, order, targets, gains, weights, *, max_iter, tol, warm_up, largest, reporter):
    """Present all rows up to `max_iter` times in the same order.

    A loss that does not change counts as convergence only after `warm_up` epochs: before, steps
    too small to learn anything would pass for it. Weights beyond `largest` have diverged.

    The loss of the weights after epoch k is a by-product of epoch k + 1, or of the affine map
    that replaces the epochs once that is cheaper; so each epoch reads the data once.
    """
    scale = gains.power_of(targets)
    floor = (rows.p * float(np.finfo(rows.dtype).eps)) ** 2 * scale
    stepper = _Stepper(rows, order, targets, gains, weights.average, max_iter)
    curve = []
    kept = weights
    start = previous = 0.0
    quiet = 0
    status = "max_iter"
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(max_iter + 1):
            if epoch < max_iter and status == "max_iter":
                loss, following = stepper.step(weights)
            else:
                loss, following = stepper.loss(weights), None
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


class _Stepper:
    """Take epochs row by row first, and by the affine map once it has paid for itself."""

    def __init__(self, rows, order, targets, gains, average, max_iter):
        self._data = rows, order, targets, gains
        self._average = average
        self._taken = 0
        # The map costs about as much as p epochs. Waiting that long before building it costs at
        # most twice the best choice, whatever the number of epochs turns out to be.
        self._switch = EpochMap.worthwhile_after(rows, max_iter)
        self._map = None

    def step(self, weights):
        """Return (loss of the published weights, weights after one more epoch)."""
        rows, order, targets, gains = self._data
        if self._map is None and self._switch is not None and self._taken >= self._switch:
            self._map = EpochMap(rows, order, targets, gains, self._average, weights.published)
        self._taken += 1
        if self._map is not None:
            last, epoch_mean = self._map.apply(weights.last)
            loss = self._map.loss(weights.published)
        else:
            loss, last, added = rows.epoch(
                order, targets, gains, self._average, weights.last, weights.published
            )
            epoch_mean = weights.last + added if self._average else None
        return loss, weights.advanced(last, epoch_mean, gains.total)

    def loss(self, weights):
        """Return the loss of the published weights."""
        rows, _, targets, gains = self._data
        if self._map is not None:
            return self._map.loss(weights.published)
        return rows.loss(targets, gains, weights.published)

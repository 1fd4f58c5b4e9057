"""Epochs: a network trained epoch after epoch, until there are no more or something stops it."""

import math
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skextra._base import warn_caller
from skextra.cnn._training._checkpoint import Checkpoint
from skextra.cnn._training._keras_callbacks import KerasCallbacks
from skextra.cnn._training._task import TrainingState, TrainingTask
from skextra.cnn._training._trainable import TrainableNetwork

# Is given (weights, history, network) after an epoch; returns whether to stop.
Report: TypeAlias = Callable[[tuple[Any, Any, Any]], bool]

# Seconds in a call of TensorFlow, at whose end an interrupt is handled: more makes Ctrl-C wait,
# less costs time (benchmarks/network_constants.py: calls of a few batches take up to four times
# as long).
_CALL_SECONDS = 0.2


class EpochLoop:
    """One training of a network.

    Parameters
    ----------
    trainable : TrainableNetwork
        The network, whose `begin` has been called.

    task : TrainingTask
        What to train on, and for how long.

    report : callable, default=None
        Called after every epoch with (weights, history, network); returns whether to stop.

    checkpoint : Checkpoint, default=None
        Where the state goes after every epoch, and where it is read from first.
    """

    def __init__(
        self,
        trainable: TrainableNetwork,
        task: TrainingTask,
        report: Report | None = None,
        checkpoint: Checkpoint | None = None,
    ):
        self._trainable = trainable
        self._task = task
        self._report = report
        self._checkpoint = checkpoint
        names = ["loss", "accuracy"]
        names += ["val_loss", "val_accuracy"] if task.validation is not None else []
        self._state = TrainingState(trainable.weights(), {name: [] for name in names})
        saved = checkpoint.read() if checkpoint is not None else None
        if saved is not None:
            self._state = TrainingState(**saved)
            trainable.restore(saved["weights"], saved["slots"])
        self._callbacks = KerasCallbacks(trainable, task) if task.callbacks else None
        self._data = task.X, task.y, task.w.astype(trainable.network.dtype)
        self._batches = 1  # in a call of TensorFlow

    def run(self) -> TrainingState:
        """Train; return the state, with the last weights or, with a patience, the best."""
        state, task = self._state, self._task
        try:
            if self._callbacks is not None:
                self._callbacks.begin()
            try:
                while state.epoch < task.epochs and not state.over:
                    self._epoch()
                self._finish(self._callbacks)
            except KeyboardInterrupt:
                if state.epoch == 0:
                    raise
                for values in state.history.values():
                    del values[state.epoch :]
                which = "" if task.patience is None else ", with its best weights"
                warn_caller(
                    f"Training was interrupted: the network is that after {state.epoch} of "
                    f"{task.epochs} epochs{which}.",
                    ConvergenceWarning,
                )
                self._finish(None)
        finally:
            if self._callbacks is not None:
                self._callbacks.leave()
        state.weights = self._trainable.weights()
        return state

    def _epoch(self):
        state, task, callbacks = self._state, self._task, self._callbacks
        start, epoch = time.perf_counter(), state.epoch
        stop = callbacks is not None and callbacks.begin_epoch(epoch)
        loss, accuracy, stopped = self._pass_over_data(epoch)
        logs = {"loss": loss, "accuracy": accuracy}
        weights = self._trainable.weights()
        if not (math.isfinite(loss) and all(np.isfinite(w).all() for w in weights)):
            _report_divergence(epoch)
            state.over = True
            return
        if task.validation is not None:
            scores = self._trainable.network.scores(weights, *task.validation)
            logs.update(zip(("val_loss", "val_accuracy"), scores, strict=True))
        for name, value in logs.items():
            state.history[name].append(value)
        slots = self._trainable.slots() if task.keep_slots else []
        state.weights, state.slots, state.epoch = weights, slots, epoch + 1
        if task.patience is not None:
            stop = self._is_stale(logs.get("val_loss", loss)) or stop
        if task.verbose:
            numbers = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
            seconds = time.perf_counter() - start
            print(  # noqa: T201
                f"Epoch {state.epoch}/{task.epochs}: {numbers} ({seconds:.1f} s)", flush=True
            )
        if callbacks is not None:
            stop = callbacks.end_epoch(epoch, logs) or stop
            state.weights = self._trainable.weights()
        if self._report is not None:
            stop = self._report((state.weights, state.history, self._trainable.network)) or stop
        state.over = bool(stop or stopped)
        if self._checkpoint is not None:
            self._checkpoint.write(vars(state))

    def _pass_over_data(self, epoch):
        """Return the mean loss and accuracy of an epoch, and whether a callback stopped it."""
        task, callbacks = self._task, self._callbacks
        order = task.order(epoch)
        seed = self._trainable.reseed(task.seed, task.first_epoch + epoch)
        by_batch = callbacks is not None and callbacks.by_batch
        sums, start, stop, size = (0.0, 0.0), 0, False, task.batch_size
        while start < len(order) and not stop:
            rows = order[start : start + size * (1 if by_batch else self._batches)]
            if by_batch:
                callbacks.begin_batch(start // size)
            began, before = time.perf_counter(), sums
            part_seed = seed + np.array([0, start], dtype=np.int32)
            sums = self._trainable.run(self._data, rows, size, part_seed, before)
            # A call at the end of an epoch may be a short one, so the number at most doubles.
            seconds = max(time.perf_counter() - began, 1e-6)
            fitting = int(math.ceil(len(rows) / size) * _CALL_SECONDS / seconds)
            self._batches = max(1, min(2 * self._batches, fitting))
            if by_batch:
                mass = task.w[rows].sum()
                loss, hits = ((now - then) / mass for now, then in zip(sums, before, strict=True))
                stop = callbacks.end_batch(start // size, {"loss": loss, "accuracy": hits})
            start += len(rows)
        mass = float(task.w[order[:start]].sum())
        return sums[0] / mass, sums[1] / mass, stop

    def _is_stale(self, loss):
        """Keep the best weights so far; return whether there was no progress for too long."""
        state = self._state
        if loss < state.best_loss:
            state.best_loss, state.best_weights, state.stale = loss, state.weights, 0
        else:
            state.stale += 1
        return state.stale >= self._task.patience

    def _finish(self, callbacks):
        """Set what is only known at the end; doing it twice is doing it once."""
        state, task = self._state, self._task
        best = task.patience is not None and state.best_weights
        self._trainable.assign(state.best_weights if best else state.weights)
        if task.patience is None and not task.stream:
            self._trainable.finalize()
        if callbacks is not None:
            callbacks.end(state.history)
        if not task.stream:
            self._trainable.moments.settle(self._data[0], self._data[2])


def _report_divergence(epoch):
    """Raise ValueError if no epoch has succeeded, or warn."""
    remedy = "lower learning_rate, or put X on a smaller scale, for example with StandardScaler"
    if epoch == 0:
        raise ValueError(
            "The loss or a weight is not finite after the first epoch: the network diverged; "
            f"{remedy}."
        )
    warn_caller(
        f"The network diverged in epoch {epoch + 1} and is that after epoch {epoch}; {remedy}.",
        ConvergenceWarning,
    )

"""Training: epoch after epoch, until there are no more or someone says stop."""

import math
import time
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skextra._base import warn_caller
from skextra.cnn._keras import keras
from skextra.cnn._network._rows import Rows
from skextra.cnn._network._seeds import ORDER, drawn_seed

# Signals are handled between calls, which shall take about so long.
_PART_SECONDS = 0.2


@dataclass
class Lesson:
    """What a network is trained on, and for how long.

    Parameters
    ----------
    X, y, w : Rows, ndarray, ndarray
        Images, numbers of classes and weights.

    epochs, batch_size, shuffle : int, int, bool
        As the parameters of the estimator.

    seed, first_epoch : int
        What the order of the rows is drawn from; the number of epochs before the first.

    validation : tuple of Rows and ndarrays, or None
        X, y and w of the images that are not trained on.

    patience : int or None
        Epochs without progress after which to stop; None never stops.

    callbacks : sequence
        Keras callbacks.

    report : callable
        Is given the weights and the history after an epoch; returns whether to stop.

    checkpoint : Checkpoint or None
        Where the state goes after every epoch.

    verbose : bool
        Whether to print a line an epoch.

    keep_slots : bool
        Whether the variables of the optimizer are wanted.

    stream : bool
        Whether more is to come: then batch normalisation keeps its running averages, and the
        optimizer those that it may have of the weights.
    """

    X: Rows
    y: np.ndarray
    w: np.ndarray
    epochs: int
    batch_size: int
    shuffle: bool
    seed: int
    first_epoch: int = 0
    validation: tuple | None = None
    patience: int | None = None
    callbacks: tuple = ()
    report: object = None
    checkpoint: object = None
    verbose: bool = False
    keep_slots: bool = False
    stream: bool = False

    def order(self, epoch):
        """Return the order of the rows in an epoch; a single batch has none."""
        n = len(self.X)
        if not self.shuffle or n <= self.batch_size:
            return np.arange(n, dtype=np.int32)
        seed = drawn_seed(self.seed, ORDER, self.first_epoch + epoch)
        return np.random.default_rng(seed).permutation(n).astype(np.int32)


@dataclass
class Progress:
    """How far a training is."""

    weights: list
    history: dict
    slots: list = field(default_factory=list)
    epoch: int = 0
    best_loss: float = math.inf
    best_weights: list = field(default_factory=list)
    stale: int = 0
    over: bool = False

    def chosen(self, patience):
        """Return the best weights if there is a patience, and otherwise the last."""
        return self.weights if patience is None or not self.best_weights else self.best_weights


def train(trainer, lesson):
    """Train a network that `trainer.begin` has set to its start.

    Returns
    -------
    Progress
        Its weights are the last, or with a patience the best.
    """
    names = ["loss", "accuracy"]
    names += ["val_loss", "val_accuracy"] if lesson.validation is not None else []
    progress = Progress(trainer.weights(), {name: [] for name in names})
    saved = lesson.checkpoint.read() if lesson.checkpoint else None
    if saved is not None:
        progress = Progress(**saved)
        trainer.restore(progress.weights, progress.slots)
    data = lesson.X, lesson.y, lesson.w.astype(trainer.network.dtype)
    callbacks = _KerasCallbacks(trainer, lesson) if lesson.callbacks else None
    try:
        if callbacks is not None:
            callbacks.begin()
        try:
            _epochs(trainer, lesson, progress, data, callbacks)
            _finish(trainer, lesson, progress, data, callbacks)
        except KeyboardInterrupt:
            if progress.epoch == 0:
                raise
            for values in progress.history.values():
                del values[progress.epoch :]
            which = "" if lesson.patience is None else ", with its best weights"
            warn_caller(
                f"Training was interrupted: the network is that after {progress.epoch} of "
                f"{lesson.epochs} epochs{which}.",
                ConvergenceWarning,
            )
            _finish(trainer, lesson, progress, data, None)
    finally:
        if callbacks is not None:
            callbacks.leave()
    progress.weights = trainer.weights()
    return progress


def _finish(trainer, lesson, progress, data, callbacks):
    """Set what is only known in the end; a second time it comes to the same."""
    trainer.assign(progress.chosen(lesson.patience))
    if lesson.patience is None and not lesson.stream:
        trainer.finalize()
    if callbacks is not None:
        callbacks.end(progress)
    if not lesson.stream:
        trainer.moments.settle(data[0], data[2])


def _epochs(trainer, lesson, progress, data, callbacks):
    pace = _Pace()
    while progress.epoch < lesson.epochs and not progress.over:
        start = time.perf_counter()
        epoch = progress.epoch
        stop = callbacks is not None and callbacks.begin_epoch(epoch)
        order = lesson.order(epoch)
        seed = trainer.reseed(lesson.seed, lesson.first_epoch + epoch)
        loss, hits, stopped = _one_epoch(trainer, lesson, data, order, seed, callbacks, pace)
        logs = {"loss": loss, "accuracy": hits}
        weights = trainer.weights()
        if not (math.isfinite(loss) and all(np.isfinite(w).all() for w in weights)):
            _diverged(progress)
            return
        if lesson.validation is not None:
            scores = trainer.network.scores(weights, *lesson.validation)
            logs.update(zip(("val_loss", "val_accuracy"), scores, strict=True))
        for name, value in logs.items():
            progress.history[name].append(value)
        slots = trainer.slots() if lesson.keep_slots else []
        progress.weights, progress.slots, progress.epoch = weights, slots, epoch + 1
        stop = _judge(progress, lesson, logs) or stop or stopped
        if lesson.verbose:
            _print_line(progress.epoch, lesson.epochs, logs, time.perf_counter() - start)
        if callbacks is not None:
            stop = callbacks.end_epoch(epoch, logs) or stop
            progress.weights = trainer.weights()
        if lesson.report is not None:
            stop = lesson.report(progress.weights, progress.history) or stop
        progress.over = bool(stop)
        if lesson.checkpoint is not None:
            lesson.checkpoint.write(vars(progress))


class _Pace:
    """How many batches go into a call, after which signals are handled."""

    def __init__(self):
        self.batches = 1

    def took(self, batches, seconds):
        """Learn from a call, or from a shorter one at the end of an epoch."""
        fitting = batches * _PART_SECONDS / max(seconds, 1e-6)
        self.batches = max(1, min(2 * self.batches, int(fitting)))


def _one_epoch(trainer, lesson, data, order, seed, callbacks, pace):
    """Return the mean loss and accuracy of an epoch, and whether a callback stopped it."""
    sums, start, stop, size = (0.0, 0.0), 0, False, lesson.batch_size
    while start < len(order) and not stop:
        every = callbacks is not None and callbacks.by_batch
        rows = order[start : start + size * (1 if every else pace.batches)]
        part_seed = seed + np.array([0, start], dtype=np.int32)
        if every:
            callbacks.begin_batch(start // size)
        began = time.perf_counter()
        before = sums
        sums = tuple(float(v) for v in trainer.run(data, rows, size, part_seed, sums))
        pace.took(math.ceil(len(rows) / size), time.perf_counter() - began)
        if every:
            mass = lesson.w[rows].sum()
            loss, hits = ((now - then) / mass for now, then in zip(sums, before, strict=True))
            stop = callbacks.end_batch(start // size, {"loss": loss, "accuracy": hits})
        start += len(rows)
    mass = float(lesson.w[order[:start]].sum())
    return sums[0] / mass, sums[1] / mass, stop


def _judge(progress, lesson, logs):
    """Keep the best weights so far; return whether there was no progress for too long."""
    if lesson.patience is None:
        return False
    loss = logs.get("val_loss", logs["loss"])
    if loss < progress.best_loss:
        progress.best_loss, progress.stale = loss, 0
        progress.best_weights = progress.weights
    else:
        progress.stale += 1
    return progress.stale >= lesson.patience


def _diverged(progress):
    remedy = "lower learning_rate, or put X on a smaller scale, for example with StandardScaler"
    if progress.epoch == 0:
        raise ValueError(
            "The loss or a weight is not finite after the first epoch: the network diverged; "
            f"{remedy}."
        )
    warn_caller(
        f"The network diverged in epoch {progress.epoch + 1} and is that after epoch "
        f"{progress.epoch}; {remedy}.",
        ConvergenceWarning,
    )


def _print_line(epoch, epochs, logs, seconds):
    numbers = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
    print(f"Epoch {epoch}/{epochs}: {numbers} ({seconds:.1f} s)", flush=True)  # noqa: T201


class _KerasCallbacks:
    """Keras callbacks of the user's, and the model that they are shown."""

    def __init__(self, trainer, lesson):
        k = keras()
        self._model = trainer.network.model
        self._trainer = trainer
        self._model.compile(
            optimizer=trainer.optimizer,
            loss=k.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self._callbacks = lesson.callbacks
        # A call each batch costs time: only for those who listen.
        self.by_batch = any(_listens(callback) for callback in lesson.callbacks)
        steps = math.ceil(len(lesson.X) / lesson.batch_size)
        self._list = k.callbacks.CallbackList(
            list(lesson.callbacks),
            model=self._model,
            verbose=int(lesson.verbose),
            epochs=lesson.epochs,
            steps=steps,
        )

    def begin(self):
        self._model.stop_training = False
        self._list.on_train_begin()

    def begin_epoch(self, epoch):
        self._list.on_epoch_begin(epoch)
        return self._model.stop_training

    def begin_batch(self, batch):
        self._list.on_train_batch_begin(batch)

    def end_batch(self, batch, logs):
        self._list.on_train_batch_end(batch, logs)
        return self._model.stop_training

    def end_epoch(self, epoch, logs):
        self._list.on_epoch_end(epoch, dict(logs))
        return self._model.stop_training

    def end(self, progress):
        last = {name: values[-1] for name, values in progress.history.items() if values}
        self._list.on_train_end(last)

    def leave(self):
        for callback in self._callbacks:
            callback.set_model(None)  # or the user's object would keep the network alive


def _listens(callback):
    """Return whether a Keras callback does something at a batch."""
    base = keras().callbacks.Callback
    for name in ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"):
        method = getattr(callback, name)
        if getattr(method, "__func__", method) is not getattr(base, name):
            return True
    return False


def leaves_no_trace(callback):
    """Return whether a Keras callback changes nothing of a network that `begin` does not set."""
    callbacks = keras().callbacks
    own = type(callback).__module__.startswith("keras.")
    return own and not isinstance(callback, callbacks.LambdaCallback)

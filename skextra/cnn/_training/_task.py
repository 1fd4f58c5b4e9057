"""Task: what a network is trained on and for how long, and how far the training is."""

import math
from dataclasses import dataclass, field

import numpy as np

from skextra.cnn._network._pixels import divisor_of
from skextra.cnn._network._rows import Rows
from skextra.cnn._network._seeds import ORDER, drawn_seed
from skextra.cnn._training._samples import codes_of


@dataclass(frozen=True)
class TrainingTask:
    """What a network is trained on, and for how long.

    Parameters
    ----------
    X, y, w : Rows, ndarray, ndarray
        Images, numbers of classes and weights.

    epochs, batch_size, shuffle : int, int, bool
        As the parameters of the estimator.

    seed, first_epoch : int
        What the order of the rows is drawn from; the number of epochs before the first.

    validation : tuple of Rows and ndarrays, default=None
        X, y and w of the images that are not trained on.

    patience : int, default=None
        Epochs without progress after which to stop; None never stops.

    callbacks : tuple, default=()
        Keras callbacks.

    verbose : bool, default=False
        Whether to print a line an epoch.

    keep_slots : bool, default=False
        Whether the variables of the optimizer are wanted.

    stream : bool, default=False
        Whether more is to come: then batch normalisation keeps its running averages, and the
        optimizer its own averages of the weights, if it has any.
    """

    X: Rows
    y: np.ndarray
    w: np.ndarray
    epochs: int
    batch_size: int
    shuffle: bool
    seed: int
    first_epoch: int
    validation: tuple[Rows, np.ndarray, np.ndarray] | None = None
    patience: int | None = None
    callbacks: tuple = ()
    verbose: bool = False
    keep_slots: bool = False
    stream: bool = False

    def order(self, epoch: int) -> np.ndarray:
        """Return the order of the rows in an epoch; a single batch has none."""
        n = len(self.X)
        if not self.shuffle or n <= self.batch_size:
            return np.arange(n, dtype=np.int32)
        seed = drawn_seed(self.seed, ORDER, self.first_epoch + epoch)
        return np.random.default_rng(seed).permutation(n).astype(np.int32)


@dataclass
class TrainingState:
    """How far a training is. Checkpoints hold these fields by their names.

    Parameters
    ----------
    weights : list of ndarray
        After the last epoch.

    history : dict of str to list of float
        A value for each epoch.

    slots : list of ndarray
        Variables of the optimizer, where the task wants them.

    epoch : int
        How many epochs there were.

    best_loss, best_weights, stale : float, list of ndarray, int
        With a patience: the lowest loss, its weights, and the epochs since.

    over : bool
        Whether something has stopped the training.
    """

    weights: list[np.ndarray]
    history: dict[str, list[float]]
    slots: list[np.ndarray] = field(default_factory=list)
    epoch: int = 0
    best_loss: float = math.inf
    best_weights: list[np.ndarray] = field(default_factory=list)
    stale: int = 0
    over: bool = False


def task_of(cnn, samples, validation=None, *, stream=False):
    """Return what the network of a classifier is to be trained on, and for how long.

    Parameters
    ----------
    cnn : CNNClassifier
        The classifier.

    samples, validation : Samples, Samples or None
        The samples to train on, and those to validate on.

    stream : bool, default=False
        Whether the samples are a chunk, to be passed over once in their order.
    """
    w = samples.w
    if not stream:  # so that the unit of the weights is immaterial
        w = w / w.max()
        w /= w.mean()

    def divided(rows):
        return rows.divided(divisor_of(cnn._design.scale, rows.dtype))

    held_out = None
    if validation is not None:
        codes = codes_of(validation.y, cnn.classes_, "y_val")
        held_out = divided(validation.X), codes, validation.w
    return TrainingTask(
        divided(samples.X),
        codes_of(samples.y, cnn.classes_, "y"),
        w,
        epochs=1 if stream else cnn.epochs,
        batch_size=min(cnn.batch_size, len(samples.y)),
        shuffle=cnn.shuffle and not stream,
        seed=cnn._design.seed,
        first_epoch=cnn._epochs_seen,
        validation=held_out,
        patience=cnn.n_iter_no_change if cnn.early_stopping and not stream else None,
        callbacks=() if stream else tuple(cnn.callbacks or ()),
        verbose=cnn.verbose,
        keep_slots=stream or cnn.warm_start or cnn.checkpoint is not None,
        stream=stream,
    )

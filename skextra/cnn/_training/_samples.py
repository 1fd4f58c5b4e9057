"""Samples: images, labels and weights, checked and ready to train on."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from skextra._base import warn_caller
from skextra._common._classes import class_weights
from skextra.cnn._network._images import flat
from skextra.cnn._network._pixels import Range, range_of
from skextra.cnn._network._rows import Rows, check_pixels, check_shape, dtype_of, numeric_rows


@dataclass
class Samples:
    """Rows of pixels, labels, weights, the range of all pixels, and the shape of an image in X."""

    X: Rows
    y: np.ndarray
    w: np.ndarray
    seen: Range
    shape: tuple | None

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the samples."""
        return replace(self, X=self.X.take(rows), y=self.y[rows], w=self.w[rows])


def read_samples(cnn, X, y, sample_weight, *, reset, name="y"):
    """Return samples without those of weight 0; raise TypeError or ValueError.

    `name` is that of y in messages.
    """
    X, shape = flat(X)
    _check_one_label(y, name)
    X, y = validate_data(cnn, X, y, dtype=dtype_of(X), ensure_all_finite=False, reset=reset)
    check_classification_targets(y)
    w = np.ones(len(y))
    if sample_weight is not None:
        w = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    X = numeric_rows(X)
    if w.all():
        return Samples(X, y, w, range_of(X), shape)
    range_of(X.take(np.flatnonzero(w == 0)))  # raises if they are not finite
    kept = np.flatnonzero(w)
    X = X.take(kept)
    return Samples(X, y[kept], w[kept], range_of(X), shape)


def _check_one_label(y, name):
    """Raise ValueError if samples have several labels."""
    shape = getattr(y, "shape", None)
    if shape is None and isinstance(y, list | tuple) and y and isinstance(y[0], list | tuple):
        shape = len(y), len(y[0])
    if shape is None or len(shape) < 2 or shape[1] == 1:
        return
    raise ValueError(
        f"{name} has shape {tuple(shape)}, but CNNClassifier takes one label per sample. For "
        "several labels use sklearn.multioutput.MultiOutputClassifier(CNNClassifier(...)), which "
        "fits a network for each column; where each row marks one class, pass "
        f"np.argmax({name}, axis=1)."
    )


def read_validation(cnn, X_val, y_val, sample_weight_val):
    """Return the validation samples that `fit` was given, None if it was given none."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val must be given together.")
    held_out = read_samples(cnn, X_val, y_val, sample_weight_val, reset=False, name="y_val")
    check_shape(cnn.image_shape_, held_out.shape)
    check_pixels(cnn._design, held_out.X, held_out.seen)
    codes_of(held_out.y, cnn.classes_, "y_val")
    return held_out


def weigh_classes(cnn, samples, known=None):
    """Multiply the weights of samples by those of their classes.

    `known` are all classes of a stream.
    """
    if cnn.class_weight is None:
        return samples
    classes, codes = np.unique(samples.y, return_inverse=True)
    weights = class_weights(cnn.class_weight, classes, samples.y, samples.w, known)
    return replace(samples, w=samples.w * weights[codes])


def codes_of(y, classes, what):
    """Return labels as numbers of classes; raise ValueError if there are unknown ones."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"{what} has labels {unknown.tolist()} that are not among the classes "
            f"{classes.tolist()} of the network."
        )
    return np.searchsorted(classes, y).astype(np.int32)


def split_off(cnn, samples, random_state):
    """Return samples to train on and samples to validate on, None where there are too few."""
    _, counts = np.unique(samples.y, return_counts=True)
    n, k = len(samples.y), len(counts)
    held = max(round(cnn.validation_fraction * n), k)
    if counts.min() < 2 or n - held < k:
        warn_caller(
            f"early_stopping=True finds too few samples for validation_fraction="
            f"{cnn.validation_fraction}: {n} of {k} classes, the smallest with {counts.min()}. "
            "The training loss is used instead; pass X_val and y_val, or more samples.",
            UserWarning,
        )
        return samples, None
    kept, held = train_test_split(
        np.arange(n), test_size=held, stratify=samples.y, random_state=random_state
    )
    return samples.take(np.sort(kept)), samples.take(np.sort(held))

"""Samples: images, labels and weights, checked and ready to train on."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from skextra._adaptive._classes import class_weights
from skextra._base import warn_caller
from skextra.cnn._images import check_scale, flat

_TYPES = [np.float64, np.float32, np.uint8]


@dataclass
class Samples:
    """Rows of pixels, labels, their weights, and the shape of an image if X had one."""

    X: np.ndarray
    y: np.ndarray
    w: np.ndarray
    shape: tuple | None

    def take(self, rows):
        """Return some of the samples."""
        return Samples(self.X[rows], self.y[rows], self.w[rows], self.shape)


def read_images(cnn, X, fitted):
    """Return new images as rows, checked against those of fit."""
    X, seen = flat(X)
    X = validate_data(cnn, X, dtype=_types_of(X), order="C", reset=False)
    check_shape(fitted, seen)
    check_scale(cnn._scale, X)
    check_range(X, cnn._dtype)
    return X


def _types_of(X):
    """Return the types that X may keep; frames of one type are arrays of it."""
    dtypes = getattr(X, "dtypes", ())
    names = {str(dtype).lower() for dtype in dtypes} if hasattr(dtypes, "__iter__") else set()
    kept = [dtype for dtype in _TYPES if names == {np.dtype(dtype).name}]
    return kept[0] if kept else _TYPES


def check_range(X, dtype):
    """Raise ValueError if X is float64 and has numbers that float32 has not."""
    if dtype == "float32" and X.dtype == np.float64:
        largest = max(X.max(initial=0), -X.min(initial=0))
        if largest > np.finfo(np.float32).max:
            raise ValueError(
                f"X goes up to {largest:g}, which is too large for the network's float32; put X "
                "on a smaller scale, for example with StandardScaler."
            )


def check_shape(fitted, seen):
    """Raise ValueError if images have another shape than those of fit."""
    sizes = [[size for size in shape if size > 1] for shape in (seen or (), fitted)]
    if seen is not None and sizes[0] != sizes[1]:
        raise ValueError(
            f"X has images of shape {seen}, but the network was fitted on {fitted}; reshape X, or "
            "pass rows."
        )


def read_samples(cnn, X, y, sample_weight, *, reset):
    """Return samples without those of weight 0; raise TypeError or ValueError."""
    X, seen = flat(X)
    X, y = validate_data(cnn, X, y, dtype=_types_of(X), order="C", reset=reset)
    check_classification_targets(y)
    w = np.ones(len(y))
    if sample_weight is not None:
        w = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    samples = Samples(X, y, w, seen)
    return samples if w.all() else samples.take(w > 0)


def weigh_classes(cnn, samples, known=None):
    """Multiply the weights of samples by those of their classes.

    `known` are all classes of a stream.
    """
    if cnn.class_weight is None:
        return samples
    classes, codes = np.unique(samples.y, return_inverse=True)
    weights = class_weights(cnn.class_weight, classes, samples.y, samples.w, known)
    return replace(samples, w=samples.w * weights[codes])


def with_mean_one(w):
    """Return weights scaled to a mean of 1, so that their unit is immaterial."""
    w = w / w.max()
    return w / w.mean()


def codes_of(y, classes, what):
    """Return labels as numbers of classes; raise ValueError if there are others."""
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
            "It goes by the training loss; pass X_val and y_val, or more samples.",
            UserWarning,
        )
        return samples, None
    kept, held = train_test_split(
        np.arange(n), test_size=held, stratify=samples.y, random_state=random_state
    )
    return samples.take(np.sort(kept)), samples.take(np.sort(held))

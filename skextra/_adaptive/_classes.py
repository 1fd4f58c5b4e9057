"""Classes as targets of +1 and -1, and back."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from skextra._base import frozen


def settle_classes(known, classes):
    """Return the sorted classes of a stream, given those known so far (or None) and those passed.

    Raise ValueError if they are missing in the first call or differ later.
    """
    if classes is None:
        if known is None:
            raise ValueError("classes must be given in the first call of partial_fit.")
        return known
    classes = np.unique(classes)
    if known is None:
        if len(classes) < 2:
            raise ValueError(f"classes must hold at least two classes, got {classes.tolist()}.")
    elif not np.array_equal(classes, known):
        raise ValueError(
            f"classes={classes.tolist()} differs from {known.tolist()} of the first call; "
            "a new estimator is needed for other classes."
        )
    return classes


def streamable(estimator):
    """Return whether an estimator has partial_fit; raise AttributeError if not."""
    if isinstance(estimator.class_weight, str):
        raise AttributeError(
            f"class_weight={estimator.class_weight!r} needs all data at once, so there is no "
            "partial_fit; pass a dict of weights instead."
        )
    return True


def check_labels(y, classes):
    """Raise ValueError if y has labels beyond the classes of the stream."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has labels {unknown.tolist()} that are not among the classes {classes.tolist()} "
            "given in the first call of partial_fit."
        )


def signed_targets(y, classes, dtype):
    """Return +1 and -1, a column for each class, or for the second of two."""
    codes = np.searchsorted(classes, y)[:, None]
    columns = np.arange(len(classes)) if len(classes) > 2 else np.array([1])
    return frozen(np.where(codes == columns, 1, -1).astype(dtype))


def decided(outputs, classes):
    """Return the classes that linear outputs decide for."""
    winners = (outputs > 0).astype(int) if outputs.ndim == 1 else outputs.argmax(axis=1)
    return classes[winners]


def class_weights(class_weight, classes, y, sample_weight, known=None):
    """Return the weight of every class; 'balanced' takes the samples' weights into account.

    `known` are all classes of a stream, of which `classes` are there now.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, dict):
        known = classes if known is None else known
        unknown = [key for key in class_weight if key not in known]
        if unknown:
            raise ValueError(
                f"class_weight names {unknown}, which are not among the classes {known.tolist()}."
            )
        class_weight = {key: value for key, value in class_weight.items() if key in classes}
    weights = compute_class_weight(class_weight, classes=classes, y=y, sample_weight=sample_weight)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(
            f"class_weight={class_weight!r} must be positive and finite for every class; leave "
            "out the samples of a class that shall not count."
        )
    return weights

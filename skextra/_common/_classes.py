"""Class labels: their targets of +1 and -1, their weights, and those of a stream."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import unique_labels

from skextra._base import frozen
from skextra._typing import ClassWeight, FloatArray, LabelArray


def settle_classes(known: LabelArray | None, classes: ArrayLike | None) -> LabelArray:
    """Return the sorted classes of a stream, given those known so far (or None) and those passed.

    Raise ValueError if they are missing in the first call or differ later.
    """
    if classes is None:
        if known is None:
            raise ValueError("classes must be given in the first call of partial_fit.")
        return known
    classes = _distinct(classes)
    if known is None:
        if len(classes) < 2:
            raise ValueError(f"classes must hold at least two classes, got {classes.tolist()}.")
    elif not np.array_equal(classes, known):
        raise ValueError(
            f"classes={classes.tolist()} differs from {known.tolist()} of the first call; "
            "use a new estimator for other classes."
        )
    return classes


def _distinct(classes: ArrayLike) -> LabelArray:
    try:
        with np.errstate(invalid="ignore"):  # of a NaN, which is refused
            unique_labels(classes)
    except ValueError as error:
        raise ValueError(
            f"classes={classes!r} must hold labels, in a list or a one-dimensional array: {error}"
        ) from error
    if np.ndim(classes) != 1:
        raise ValueError(f"classes must be one-dimensional, got shape {np.shape(classes)}.")
    return np.unique(classes)


def check_same_classes(before: LabelArray, classes: LabelArray) -> None:
    """Raise ValueError if a warm start would learn other classes than before."""
    if not np.array_equal(before, classes):
        raise ValueError(
            f"warm_start=True continues with the classes {before.tolist()}, but y has "
            f"{classes.tolist()}; refit with warm_start=False."
        )


def streamable(estimator: Any) -> bool:
    """Return whether an estimator has `partial_fit`; raise AttributeError if not."""
    if isinstance(estimator.class_weight, str):
        raise AttributeError(
            f"class_weight={estimator.class_weight!r} needs all data at once, so there is no "
            "partial_fit; pass a dict of weights instead."
        )
    return True


def check_labels(y: LabelArray, classes: LabelArray) -> None:
    """Raise ValueError if y has labels that are not among the classes of the stream."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has labels {unknown.tolist()} that are not among the classes {classes.tolist()} "
            "given in the first call of partial_fit."
        )


def signed_targets(y: LabelArray, classes: LabelArray, dtype: DTypeLike) -> FloatArray:
    """Return targets of +1 and -1: a column per class, or one for the second of two classes."""
    codes = np.searchsorted(classes, y)[:, None]
    columns = np.arange(len(classes)) if len(classes) > 2 else np.array([1])
    return frozen(np.where(codes == columns, 1, -1).astype(dtype))


def decided(outputs: FloatArray, classes: LabelArray) -> LabelArray:
    """Return the class with the largest output; one output decides between two by its sign."""
    winners = (outputs > 0).astype(int) if outputs.ndim == 1 else outputs.argmax(axis=1)
    return classes[winners]


def class_weights(
    class_weight: ClassWeight,
    classes: LabelArray,
    y: LabelArray,
    sample_weight: FloatArray | None,
    known: LabelArray | None = None,
) -> NDArray[np.float64]:
    """Return the weight of every class; 'balanced' takes the sample weights into account.

    `known` are all classes of a stream, of which `classes` are present now.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, dict):
        for key, value in class_weight.items():
            if not isinstance(value, Real):
                raise TypeError(f"class_weight={class_weight!r} must hold a number for {key!r}.")
        known = classes if known is None else known
        unknown = [key for key in class_weight if key not in known]
        if unknown:
            raise ValueError(
                f"class_weight names {unknown}, which are not among the classes {known.tolist()}."
            )
        class_weight = {key: value for key, value in class_weight.items() if key in classes}
    elif not isinstance(class_weight, str) or class_weight != "balanced":
        raise ValueError(
            f"class_weight={class_weight!r} is not an option; use None, 'balanced' or a dict with "
            "a number for each class."
        )
    weights = compute_class_weight(class_weight, classes=classes, y=y, sample_weight=sample_weight)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(
            f"class_weight={class_weight!r} must be positive and finite for every class; leave "
            "out the samples of a class that should not count."
        )
    return weights

"""Labels of a Madaline: one class for each pattern, or several labels as columns of 0 and 1."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skextra._base import frozen
from skextra._common._classes import check_labels, settle_classes, signed_targets
from skextra._typing import FloatArray, LabelArray


def read_labels(y: Any) -> LabelArray:
    """Return labels of shape (n_samples,), or columns of 0 and 1; raise ValueError for others."""
    check_classification_targets(y)
    kind = type_of_target(y)
    if kind == "multiclass-multioutput":
        raise ValueError(
            "y has several columns with more than two values; pass one column of classes, or "
            "columns of 0 and 1, or put a MultiOutputClassifier around Madaline."
        )
    if kind != "multilabel-indicator":
        return column_or_1d(y, warn=True)
    y = y.toarray() if sparse.issparse(y) else np.asarray(y)
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            "y has columns with values other than 0 and 1; encode several labels a pattern as 0 "
            "and 1, for example with MultiLabelBinarizer."
        )
    return y


def classes_of(y: LabelArray) -> LabelArray:
    """Return the classes, or the numbers of the columns; raise ValueError if there is only one."""
    classes = np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)
    if len(classes) < 2:
        raise ValueError(
            f"Madaline needs patterns of at least two classes; got one class, "
            f"{classes.tolist()[0]!r}."
        )
    return classes


def classes_of_stream(
    y: LabelArray, known: LabelArray | None, columns: bool, classes: ArrayLike | None
) -> LabelArray:
    """Return the classes of a stream.

    `known` are those of earlier calls, and `columns` says whether labels were columns there.
    """
    if known is not None and columns != (y.ndim == 2):
        had, has = ("columns of labels", "one class a pattern")[:: 1 if columns else -1]
        raise ValueError(f"y has {has}, but earlier calls had {had}; use a new estimator.")
    if y.ndim == 2:
        numbers = np.arange(y.shape[1])
        if known is not None and len(known) != len(numbers):
            raise ValueError(f"y has {len(numbers)} columns, but earlier calls had {len(known)}.")
        if classes is not None and not np.array_equal(np.unique(classes), numbers):
            raise ValueError(
                "y has columns of labels, whose classes are the column numbers; omit classes."
            )
        return numbers
    classes = settle_classes(known, classes)
    check_labels(y, classes)
    return classes


def targets_of(y: LabelArray, classes: LabelArray, dtype: DTypeLike) -> FloatArray:
    """Return targets of +1 and -1, a column for each output."""
    if y.ndim == 2:
        return frozen(np.where(y > 0, 1, -1).astype(dtype))
    return signed_targets(y, classes, dtype)

"""Reading: X as rows of numbers, checked against what the network was fitted on."""

import numpy as np
from sklearn.utils.validation import validate_data

from skextra.cnn._network._images import flat
from skextra.cnn._network._pixels import check_range, check_scale, divisor_of, range_of
from skextra.cnn._network._rows import Rows


def read_images(cnn, X, fitted):
    """Return new images as rows, checked against those of fit."""
    X, shape = flat(X)
    X = checked_rows(validate_data(cnn, X, dtype=type_of(X), ensure_all_finite=False, reset=False))
    check_shape(fitted, shape)
    check_pixels(cnn, X, range_of(X))
    return X.divided(divisor_of(cnn._scale, X.dtype))


def check_pixels(cnn, X, seen):
    """Raise ValueError, or warn, if numbers are not such as the network was fitted on."""
    check_scale(cnn._scale, X.dtype, seen)
    check_range(cnn._dtype, X, seen)


def type_of(X):
    """Return the type to read X as: its own if it has numbers.

    Data frames of one kind of number are read as that kind. Where pandas keeps them with masks,
    scikit-learn would make them float64.
    """
    dtypes = getattr(X, "dtypes", None)
    if not hasattr(dtypes, "__array__"):
        return "numeric"
    names = {str(dtype).lower().replace("boolean", "bool") for dtype in dtypes}
    try:
        kept = np.result_type(*names)
    except (TypeError, ValueError):  # other things than numbers, or no columns
        return "numeric"
    whole = kept.kind in "bui" and not X.isna().any(axis=None)
    return kept if whole or kept.kind == "f" else "numeric"


def checked_rows(X):
    """Return an array as rows; raise ValueError unless it has numbers."""
    if X.dtype.kind not in "buif":
        raise ValueError(f"X is an array of {X.dtype}; pass numbers.")
    return Rows(X)


def check_shape(fitted, seen):
    """Raise ValueError if images have another shape than those of fit."""
    sizes = [[size for size in shape if size > 1] for shape in (seen or (), fitted)]
    if seen is not None and sizes[0] != sizes[1]:
        raise ValueError(
            f"X has images of shape {(*seen, 1)[:3]}, but the network was fitted on {fitted}; "
            "reshape X, or pass rows."
        )

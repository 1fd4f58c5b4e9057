"""Parameters of CNNClassifier, checked before anything else is done."""

import math
import os
from numbers import Integral, Real

from skextra.cnn._network._images import KINDS, as_shape

# Beyond half a turn a rotation repeats; a zoom of 1 would shrink images to nothing.
_LARGEST = {"shift": math.inf, "rotation": 180.0, "zoom": 0.9}
_FLIPS = ("horizontal", "vertical", "both")


def check_parameters(cnn):
    """Raise TypeError or ValueError, naming the parameter, if one is invalid.

    Those of the layers are checked where the layers are laid out.
    """
    cnn._check_flag("shuffle", "early_stopping", "warm_start", "verbose")
    cnn._check_option("dtype", ("auto", "float32", "float64"))
    cnn._check_number("epochs", low=1, integer=True)
    cnn._check_number("batch_size", low=1, integer=True)
    cnn._check_number("n_iter_no_change", low=1, integer=True)
    cnn._check_number("validation_fraction", low=0, high=1, boundaries="neither")
    cnn._check_number("momentum", low=0, high=1, boundaries="left")
    if cnn.learning_rate is not None:
        cnn._check_number("learning_rate", low=0, boundaries="neither")
    named = isinstance(cnn.optimizer, str) and cnn.optimizer in ("adam", "sgd")
    if not named and not isinstance(cnn.optimizer, dict):
        raise ValueError(
            f"optimizer={cnn.optimizer!r} is not an option; use 'adam', 'sgd' or, for others, the "
            "dict that keras.optimizers.serialize returns."
        )
    cnn._check_option("input_kind", KINDS)
    if cnn.image_shape is not None:
        as_shape(cnn.image_shape, cnn.input_kind)
    if cnn.build is not None and not callable(cnn.build):
        raise TypeError(
            f"build must be None or a function of (image_shape, n_classes), got {cnn.build!r}."
        )
    if cnn.callbacks is not None:
        _check_callbacks(cnn.callbacks)
    if cnn.augmentation is not None:
        _check_augmentation(cnn.augmentation)
    if cnn.checkpoint is not None:
        if not isinstance(cnn.checkpoint, str | os.PathLike):
            raise TypeError(f"checkpoint must be None or a folder, got {cnn.checkpoint!r}.")
        if not isinstance(cnn.random_state, Integral):
            raise ValueError(
                f"checkpoint={cnn.checkpoint!r} needs a random_state that can be repeated, got "
                f"random_state={cnn.random_state!r}; use a whole number."
            )


def _check_callbacks(callbacks):
    needed = ("set_model", "on_epoch_end")
    listed = isinstance(callbacks, tuple | list)
    if not listed or not all(
        hasattr(c, name) and not isinstance(c, type) for c in callbacks for name in needed
    ):
        raise TypeError(
            f"callbacks must be None or a list of Keras callbacks, got {callbacks!r}; those of "
            "scikit-learn are passed to set_callbacks."
        )


def _check_augmentation(augmentation):
    if not isinstance(augmentation, dict) or not set(augmentation) <= {*_LARGEST, "flip"}:
        raise ValueError(
            f"augmentation={augmentation!r} must be None or a dict with some of the keys 'shift' "
            "(pixels), 'rotation' (degrees), 'zoom' (a fraction, such as 0.1) and 'flip'."
        )
    for name, value in augmentation.items():
        if name == "flip":
            if value not in _FLIPS:
                raise ValueError(f"augmentation: flip={value!r} must be one of {_FLIPS}.")
        elif not _is_amount(value) or not 0 <= value <= _LARGEST[name]:
            raise ValueError(
                f"augmentation: {name}={value!r} must be a number from 0 to {_LARGEST[name]:g}."
            )
        elif name == "shift" and value != round(value):
            raise ValueError(f"augmentation: shift={value!r} must be a whole number of pixels.")


def _is_amount(value):
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)

"""Parameters of CNNClassifier that are checked before anything else is done."""

import os
from numbers import Integral

from skextra.cnn._network._images import KINDS, as_shape
from skextra.cnn._training._augmentation import check_augmentation


def check_parameters(cnn):
    """Raise TypeError or ValueError, naming the parameter, if one is of no use.

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
    _check_callbacks(cnn.callbacks)
    check_augmentation(cnn.augmentation)
    if cnn.checkpoint is not None:
        if not isinstance(cnn.checkpoint, str | os.PathLike):
            raise TypeError(f"checkpoint must be None or a folder, got {cnn.checkpoint!r}.")
        if not isinstance(cnn.random_state, Integral):
            raise ValueError(
                f"checkpoint={cnn.checkpoint!r} needs a random_state that can be repeated, got "
                f"random_state={cnn.random_state!r}; use a whole number."
            )


def _check_callbacks(callbacks):
    if callbacks is None:
        return
    needed = ("set_model", "on_epoch_end")
    listed = isinstance(callbacks, tuple | list)
    if not listed or not all(
        hasattr(c, name) and not isinstance(c, type) for c in callbacks for name in needed
    ):
        raise TypeError(
            f"callbacks must be None or a list of Keras callbacks, got {callbacks!r}; those of "
            "scikit-learn are given to set_callbacks."
        )

"""Fitting: from checked samples and parameters to the attributes of a fitted classifier."""

import numpy as np

from skextra.cnn._network._cache import NETWORKS
from skextra.cnn._network._design import design_of, layers_of
from skextra.cnn._network._images import SIGNAL, as_shape, settle_shape, warn_of_strips
from skextra.cnn._network._pixels import check_range, divisor_of, scale_of, warn_off_scale
from skextra.cnn._network._reading import check_pixels, check_shape
from skextra.cnn._training._augmentation import check_moves
from skextra.cnn._training._checkpoint import Checkpoint, ingredients
from skextra.cnn._training._pool import lent_trainer, optimizer_key
from skextra.cnn._training._samples import codes_of, read_samples, with_mean_one
from skextra.cnn._training._training import Lesson, train

# What `begin` settles.
SETTLED = (
    "classes_", "image_shape_", "_guessed", "_plan", "_l2", "_build", "_scale", "_dtype", "_seed",
    "_epochs_seen",
)  # fmt: skip


def begin(cnn, samples, classes, seed):
    """Settle what a network of these samples has: sizes, scale, layers, type and seed."""
    _forget(cnn, "_slots", "_slots_of", "_build", "_config")
    shape, guessed = settle_shape(
        cnn.input_kind, cnn.image_shape, samples.shape, samples.X.n_pixels
    )
    cnn.classes_, cnn.image_shape_ = classes, shape
    cnn._guessed = guessed
    if len(classes) > 1:  # before the layers, which may not fit a strip
        warn_of_strips(cnn.input_kind, cnn.image_shape, samples.shape)
    cnn._plan, cnn._l2 = layers_of(cnn)
    if cnn.build is not None:
        cnn._build = cnn.build
    cnn._scale = scale_of(samples.X.dtype, samples.seen)
    cnn._dtype = _chosen_dtype(cnn, samples.X)
    cnn._seed, cnn._epochs_seen = int(seed), 0
    cnn.weights_ = []
    check_range(cnn._dtype, samples.X, samples.seen)
    if len(classes) > 1 and cnn.build is None:  # which may have layers that scale
        warn_off_scale(samples.X, samples.seen)


def _chosen_dtype(cnn, X):
    if cnn.dtype != "auto":
        return cnn.dtype
    # One batch holds them all: the fit is then a function of the weighted samples, which
    # rounding to float32 would blur.
    exact = X.dtype not in (np.float32, np.uint8) and len(X) <= cnn.batch_size
    return "float64" if exact else "float32"


def check_same(cnn, samples):
    """Raise ValueError unless samples and parameters go with the network there is."""
    if hasattr(cnn, "_config"):
        raise ValueError(
            "This network was made smaller or folded, and cannot be trained further: train the "
            "estimator that it came from, or fit with warm_start=False, which starts anew."
        )
    check_shape(cnn.image_shape_, samples.shape)
    check_pixels(cnn, samples.X, samples.seen)
    # Where signals are a guess, they are as little turned as their kernels have a height.
    if not cnn._guessed or cnn.input_kind == SIGNAL:
        check_moves(cnn.augmentation, cnn.image_shape_)
    plan, cnn._l2 = layers_of(cnn)
    kind, shape, dtype = cnn.input_kind, cnn.image_shape, cnn.dtype
    changed = {
        "A parameter of the layers": plan != cnn._plan,
        "build": cnn.build is not getattr(cnn, "_build", None),
        f"input_kind={kind!r}": kind == SIGNAL and cnn.image_shape_[0] != 1,
        f"image_shape={shape!r}": shape is not None and as_shape(shape, kind) != cnn.image_shape_,
        f"dtype={dtype!r}": dtype not in ("auto", cnn._dtype),
    }
    for what, has_changed in changed.items():
        if has_changed:
            raise ValueError(
                f"{what} is not that of the network there is, of images {cnn.image_shape_} in "
                f"{cnn._dtype}; fit with warm_start=False, or use a new estimator."
            )


def read_validation(cnn, X_val, y_val, sample_weight_val):
    """Return the validation samples that fit was given, None if it was given none."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val must be given together.")
    held = read_samples(cnn, X_val, y_val, sample_weight_val, reset=False, name="y_val")
    check_shape(cnn.image_shape_, held.shape)
    check_pixels(cnn, held.X, held.seen)
    codes_of(held.y, cnn.classes_, "y_val")
    return held


def run(cnn, samples, validation, report, stream=False):
    """Train the network of a classifier that `begin` has settled; return the progress.

    Parameters
    ----------
    cnn : CNNClassifier
        The classifier.

    samples, validation : Samples, Samples or None
        What to train on, and what to validate on.

    report : callable or None
        Is given the state for `attributes` after every epoch; returns whether to stop.

    stream : bool, default=False
        Whether the samples are a chunk, to be passed over once in their order.
    """
    w = samples.w if stream else with_mean_one(samples.w)
    lesson = Lesson(
        _divided(cnn, samples.X),
        codes_of(samples.y, cnn.classes_, "y"),
        w,
        epochs=1 if stream else cnn.epochs,
        batch_size=min(cnn.batch_size, len(samples.y)),
        shuffle=cnn.shuffle and not stream,
        seed=cnn._seed,
        first_epoch=cnn._epochs_seen,
        verbose=cnn.verbose,
        keep_slots=stream or cnn.warm_start or cnn.checkpoint is not None,
        stream=stream,
    )
    if validation is not None:
        codes = codes_of(validation.y, cnn.classes_, "y_val")
        lesson.validation = _divided(cnn, validation.X), codes, validation.w
    if not stream:
        lesson.patience = cnn.n_iter_no_change if cnn.early_stopping else None
        lesson.callbacks = tuple(cnn.callbacks or ())
    design, weights = design_of(cnn), cnn.weights_ or None
    # Another optimizer begins anew.
    slots = cnn._slots if getattr(cnn, "_slots_of", None) == optimizer_key(cnn) else None
    with lent_trainer(design, cnn, weights, slots) as trainer:
        if report is not None:
            lesson.report = lambda *state: report((*state, trainer.network))
        if cnn.checkpoint is not None and not stream:
            lesson.checkpoint = Checkpoint(
                cnn.checkpoint, ingredients(cnn, design, lesson, trainer)
            )
        progress = train(trainer, lesson)
        NETWORKS.attach(progress.weights, trainer.network)
    return progress


def _divided(cnn, rows):
    return rows.divided(divisor_of(cnn._scale, rows.dtype))


def attributes(cnn, state):
    """Return what makes a copy of the estimator ready to predict in the middle of a fit."""
    weights, history, *network = state
    if network:
        NETWORKS.attach(weights, network[0])
    fitted = {name: getattr(cnn, name) for name in SETTLED if hasattr(cnn, name)}
    history = {name: list(values) for name, values in history.items()}
    n_iter = len(history["loss"])
    return {"weights_": weights, "history_": history, "n_iter_": n_iter, **fitted}


def publish(cnn, progress, keep_slots):
    """Set the attributes of a fitted classifier."""
    cnn.weights_, cnn.history_ = progress.weights, progress.history
    cnn._epochs_seen += progress.epoch
    if keep_slots and progress.slots:
        cnn._slots, cnn._slots_of = progress.slots, optimizer_key(cnn)
    else:
        _forget(cnn, "_slots", "_slots_of")


def _forget(cnn, *names):
    for name in names:
        vars(cnn).pop(name, None)

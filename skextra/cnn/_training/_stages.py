"""Stages of a fit: the design of the network, new or continued, and its training."""

from dataclasses import replace
from typing import Any

import numpy as np

from skextra.cnn._network._cache import NETWORKS
from skextra.cnn._network._design import Design
from skextra.cnn._network._images import SIGNAL, as_shape, settle_shape, warn_of_strips
from skextra.cnn._network._layers import plan_of
from skextra.cnn._network._pixels import check_range, scale_of, warn_off_scale
from skextra.cnn._network._rows import check_pixels, check_shape
from skextra.cnn._training._checkpoint import Checkpoint, ingredients
from skextra.cnn._training._epochs import EpochLoop, Report
from skextra.cnn._training._pool import optimizer_key, trainable_network
from skextra.cnn._training._samples import Samples
from skextra.cnn._training._task import TrainingState, TrainingTask


def new_design(cnn: Any, samples: Samples, n_classes: int, seed: int) -> Design:
    """Return the design of a network that the parameters ask for on these samples."""
    X, seen = samples.X, samples.seen
    shape, guessed = settle_shape(cnn.input_kind, cnn.image_shape, samples.shape, X.n_pixels)
    if n_classes > 1:  # before the layers, which may not fit a strip
        warn_of_strips(cnn.input_kind, cnn.image_shape, samples.shape)
    plan, l2 = plan_of(cnn, shape, guessed)
    dtype = cnn.dtype
    if dtype == "auto":
        # One batch holds them all: the fit is then a function of the weighted samples, which
        # rounding to float32 would blur.
        exact = X.dtype not in (np.float32, np.uint8) and len(X) <= cnn.batch_size
        dtype = "float64" if exact else "float32"
    check_range(dtype, X, seen)
    if n_classes > 1 and cnn.build is None:  # which may have layers that scale
        warn_off_scale(X, seen)
    check_shape(shape, samples.shape)
    scale = scale_of(X.dtype, seen)
    design = Design(plan, l2, cnn.build, shape, n_classes, guessed, scale, dtype, seed)
    _check_moves(cnn, design)
    return design


def continued_design(cnn: Any, samples: Samples) -> Design:
    """Return the design of the fitted network, with the penalties that the parameters ask for now.

    Raise ValueError unless samples and parameters are compatible with it.
    """
    design = cnn._design
    if design.config is not None:
        raise ValueError(
            "This network was folded or compressed and cannot be trained further. Train the "
            "estimator that it came from, or fit with warm_start=False, which starts over."
        )
    check_shape(design.image_shape, samples.shape)
    check_pixels(design, samples.X, samples.seen)
    _check_moves(cnn, design)
    plan, l2 = plan_of(cnn, design.image_shape, design.guessed)
    kind, shape, dtype = cnn.input_kind, cnn.image_shape, cnn.dtype
    reshaped = shape is not None and as_shape(shape, kind) != design.image_shape
    changed = {
        "A parameter of the layers": plan != design.plan,
        "build": cnn.build is not design.build,
        f"input_kind={kind!r}": kind == SIGNAL and design.image_shape[0] != 1,
        f"image_shape={shape!r}": reshaped,
        f"dtype={dtype!r}": dtype not in ("auto", design.dtype),
    }
    for what, has_changed in changed.items():
        if has_changed:
            raise ValueError(
                f"{what} differs from that of the fitted network, which takes images of shape "
                f"{design.image_shape} in {design.dtype}; fit with warm_start=False, or use a new "
                "estimator."
            )
    return replace(design, l2=l2)


def _check_moves(cnn, design):
    """Raise ValueError if signals are to be augmented in a way that only images can be."""
    # Where signals are a guess, they are rotated as little as their kernels have a height.
    if design.image_shape[0] != 1 or (design.guessed and cnn.input_kind != SIGNAL):
        return
    amounts = cnn.augmentation or {}
    if amounts.get("rotation", 0) or amounts.get("flip") in ("vertical", "both"):
        raise ValueError(
            f"augmentation={cnn.augmentation!r} rotates images or flips them vertically, but X "
            "has signals; use 'shift', 'zoom' and flip='horizontal', which act along the length "
            "of the signal."
        )


def train(cnn: Any, task: TrainingTask, report: Report | None = None) -> TrainingState:
    """Train the network of a classifier; return the state of the training at its end.

    Parameters
    ----------
    cnn : CNNClassifier
        The classifier, with a design.

    task : TrainingTask
        What `task_of` returned.

    report : callable, default=None
        Called after every epoch with the arguments of `attributes_after`, in a tuple; returns
        whether to stop.
    """
    # Another optimizer starts without a state.
    slots = cnn._slots if cnn._slots_of == optimizer_key(cnn) else None
    with trainable_network(cnn, cnn.weights_ or None, slots) as trainable:
        checkpoint = None
        if cnn.checkpoint is not None and not task.stream:
            checkpoint = Checkpoint(cnn.checkpoint, ingredients(cnn, task, trainable))
        state = EpochLoop(trainable, task, report, checkpoint).run()
        NETWORKS.attach(state.weights, trainable.network)
    return state


def attributes_after(cnn, epoch):
    """Return the attributes with which a copy of the estimator predicts as after an epoch.

    Parameters
    ----------
    cnn : CNNClassifier
        The classifier, with a design.

    epoch : tuple of (list of ndarray, dict, Network or None)
        Weights, history and the network, where it is not known for these weights yet.
    """
    weights, history, network = epoch
    if network is not None:
        NETWORKS.attach(weights, network)
    names = ("classes_", "image_shape_", "_design", "_epochs_seen")
    return {
        "weights_": weights,
        "history_": {name: list(values) for name, values in history.items()},
        "n_iter_": len(history["loss"]),
        **{name: getattr(cnn, name) for name in names},
    }

"""quantize_int8: weights in a byte each, with a scale for each output channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from skextra._typing import MatrixLike
from skextra.cnn._compression._compare import Network, report_of
from skextra.cnn._compression._report import CompressionReport
from skextra.cnn._keras import keras, numbers_of, reason
from skextra.cnn._models._costs import stem_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._rewrite import rewritten
from skextra.cnn._models._weights import CONVOLUTIONS, coded_layers_of, kernels_of, weight_error
from skextra.cnn._subject import check_data, subject_of

# Layers that Keras quantises itself.
_KERAS = ("Dense", "EinsumDense", "Embedding")
# Added to the largest weight of a channel: keeps the scale of a channel of zeros finite, and is
# lost in the rounding of all others.
_LEAST = 1e-30
# Largest weight of a channel at which Keras, which adds 1e-7 to it, is wrong by 1 per cent.
_KERAS_LEAST = 1e-5


def quantize_int8(
    model: Network,
    X: MatrixLike | None = None,
    y: ArrayLike | None = None,
    *,
    skip: str | Sequence[str] = (),
) -> tuple[Network, CompressionReport]:
    """Compress a network: its kernels are stored as int8.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator. It is not changed.

    X : array-like, default=None
        Samples on which to compare both networks. They are not used to calibrate anything.

    y : array-like of shape (n_samples,), default=None
        Their classes; for Keras models, the numbers of the outputs.

    skip : sequence of str, default=()
        Names of layers to leave unchanged.

    Returns
    -------
    quantized : keras.Model or CNNClassifier
        A network of the kind given, with weights of about a quarter of the size.

    report : CompressionReport
        The savings and, with data, their cost.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind or is not built, a layer cannot be quantised, or `skip`
        names an unknown layer.

    See Also
    --------
    fold_batch_norm : Folds batch normalisation, best used before.
    cluster_weights : Stores weights in less than a byte each.

    Notes
    -----
    Dense layers of float32 are quantised by Keras itself (``Layer.quantize("int8")``), which also
    rounds their inputs to int8 in each call. Convolutions of all kinds, and dense layers of other
    types, keep int8 kernels with a float32 scale for each output channel, from
    ``keras.quantizers.abs_max_quantize``, and compute in the type of the layer: this saves memory
    and disk space, not time. For int8 arithmetic on a small device, export the network with
    :func:`export_network`.

    Biases and batch normalisation are not changed; fold the latter first. Models are saved by
    their method `save` and loaded by :func:`load_model`, classifiers by `save` and `load`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.cnn import quantize_int8
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(epochs=1, random_state=0).fit(X / 16, y)
    >>> small, report = quantize_int8(cnn, X / 16, y)
    >>> report.ratio > 3.8, abs(report.accuracy_after - report.accuracy_before) < 0.005
    (True, True)
    >>> sorted({weight.dtype.name for weight in small.weights_})
    ['float32', 'int8']
    """
    subject = subject_of(model, "quantize_int8")
    check_data(subject, X, y)
    kinds = (*CONVOLUTIONS, *_KERAS)
    chosen, skip = coded_layers_of(graph_of(subject.model), skip, kinds, "quantised to int8")
    ours = {id(layer) for layer in chosen.values() if not _keras_can(layer)}

    def exchange(layer):
        return (_int8_layer(layer), None) if id(layer) in ours else None

    changed, made = rewritten(subject.model, exchange)
    errors = {}
    for name, layer in chosen.items():
        if id(layer) not in ours:
            _quantize_by_keras(name, made[id(layer)])
        errors[name] = weight_error(layer, made[id(layer)])
    actions = dict.fromkeys(skip, "left: in skip")
    new = subject.wrapped(changed)
    return new, report_of("quantize_int8", subject, new, actions, errors, X, y)


def _quantize_by_keras(name, layer):
    try:
        layer.quantize("int8")
    except Exception as error:
        raise ValueError(
            f"Keras cannot quantise the layer {name!r} of type {type(layer).__name__}: "
            f"{reason(error)} Leave the layer out by skip=[{name!r}]."
        ) from error


def _keras_can(layer):
    """Return whether Keras quantises a layer without losing weights."""
    if stem_of(type(layer).__name__) not in _KERAS:
        return False
    if type(layer).__name__ != "Dense":
        return True
    # Keras cannot quantise a layer of mixed precision, and its scales lose tiny weights.
    largest = np.abs(numbers_of(layer.kernel).astype(np.float64)).max(axis=0)
    plain = layer.compute_dtype == layer.variable_dtype == "float32"
    return plain and not ((largest > 0) & (largest < _KERAS_LEAST)).any()


def _int8_layer(layer):
    from skextra.cnn._models._coded_layers import Int8Layer

    kernels = [numbers_of(v) for v in kernels_of(layer)]
    pairs = [_quantized(layer, kernel, i) for i, kernel in enumerate(kernels)]
    new = Int8Layer.standing_for(layer, scale_shapes=[list(scale.shape) for _, scale in pairs])
    for codes, scale, values in zip(new.codes, new.scales, pairs, strict=True):
        codes.assign(values[0])
        scale.assign(values[1])
    return new


def scale_shape(layer, shape, i):
    """Return the shape of the scales of kernel number `i` of a layer."""
    kind, n = stem_of(type(layer).__name__), len(shape)
    if kind == "DepthwiseConv" or (kind == "SeparableConv" and i == 0):
        kept = (n - 2, n - 1)
    else:
        kept = (n - (2 if kind == "ConvTranspose" else 1),)
    return tuple(size if axis in kept else 1 for axis, size in enumerate(shape))


def _quantized(layer, kernel, i):
    """Return the codes of kernel number `i` of a layer, and their scales."""
    axes = tuple(
        axis for axis, size in enumerate(scale_shape(layer, kernel.shape, i)) if size == 1
    )  # fmt: skip
    codes, scale = keras().quantizers.abs_max_quantize(
        kernel.astype(np.float32), axis=axes, epsilon=_LEAST, to_numpy=True
    )
    return np.asarray(codes), np.asarray(scale)

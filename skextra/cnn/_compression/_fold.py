"""fold_batch_norm: batch normalisation merged with the layer before it."""

import numpy as np

from skextra.cnn._compression._report import report_of
from skextra.cnn._costs import described, is_coded, stem_of
from skextra.cnn._graph import graph_of
from skextra.cnn._keras import keras, numbers_of
from skextra.cnn._rewrite import copied_layer, rewritten
from skextra.cnn._subject import check_data, subject_of

_TAKES = ("Conv", "ConvTranspose", "Dense", "DepthwiseConv", "SeparableConv")


def fold_batch_norm(model, X=None, y=None):
    """Return a network without the batch normalisations that follow convolutions or dense layers.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator. It stays as it is.

    X : array-like, default=None
        Samples to compare both networks on.

    y : array-like of shape (n_samples,), default=None
        Their classes; for Keras models the numbers of the outputs.

    Returns
    -------
    folded : keras.Model or CNNClassifier
        What was given, with fewer layers and the same predictions.

    report : CompressionReport
        What it saves and, with data, what the outputs differ by; also which layers were left as
        they are, and why.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind, is not built, or has nothing that can be folded.

    See Also
    --------
    quantize_int8 : Stores weights in a byte each, best done after folding.
    cluster_weights : Stores weights as numbers of a codebook, best done after folding.

    Notes
    -----
    In predictions batch normalisation is a scale and a shift of each channel, which the layer
    before it can do as well: with ``alpha = gamma / sqrt(variance + epsilon)`` the weights of an
    output channel become ``alpha * w`` and its bias ``alpha * (b - mean) + beta`` [1]_. That holds
    where nothing stands between the two and nothing else takes what the first puts out.

    A folded classifier predicts, and can be pickled, saved and made smaller still; `partial_fit`
    is refused, and `fit` trains a new network with its layers as the parameters say.

    References
    ----------
    .. [1] B. Jacob et al., "Quantization and training of neural networks for efficient
       integer-arithmetic-only inference", CVPR 2018, section 3.2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.cnn import fold_batch_norm
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=8, batch_norm=True, epochs=1, random_state=0).fit(X / 16, y)
    >>> folded, report = fold_batch_norm(cnn, X / 16, y)
    >>> report.max_difference < 1e-4, report.accuracy_after == report.accuracy_before
    (True, True)
    >>> [layer.name for layer in folded.model_.layers]
    ['conv1', 'activation1', 'pool1', 'flatten1', 'dense1', 'activation2', 'output', 'softmax']
    """
    subject = subject_of(model)
    graph = graph_of(subject.model)
    norms = [c for c in graph.calls if described(c.layer)[0] == "BatchNormalization"]
    reasons = {call.name: _reason(call, graph) for call in norms}
    folded = [call for call in norms if reasons[call.name] is None]
    check_data(subject, X, y)
    if not folded:
        why = "".join(f"\n{name} {text}" for name, text in reasons.items())
        raise ValueError(
            f"The model {subject.model.name!r} has no BatchNormalization that can be folded into "
            "a convolution or a dense layer before it, so it is as small as it gets by folding."
            + why
        )
    before = {call.name: graph.producer(call.inputs[0]) for call in folded}
    norm_of = {id(before[call.name].layer): call.layer for call in folded}

    def exchange(layer):
        if id(layer) not in norm_of:
            return None
        return copied_layer(layer, use_bias=True), _merged(layer, norm_of[id(layer)])

    changed, _ = rewritten(subject.model, exchange, [call.layer for call in folded])
    actions = {name: f"left: {text}" for name, text in reasons.items() if text}
    for name, call in before.items():
        actions[name] = f"folded into {call.name}"
        actions[call.name] = f"takes {name} in"
    new = subject.wrapped(changed)
    return new, report_of("fold_batch_norm", subject, new, actions, X=X, y=y)


def _reason(call, graph):
    """Return why a batch normalisation cannot be folded; None if it can."""
    if len(graph.uses(call.layer)) > 1:
        return "is used more than once"
    taken = call.inputs[0]
    before = graph.producer(taken)
    if before is None:
        return "stands at the input"
    kind, config = described(before.layer)
    if call.arguments[1].get("training") or call.arguments[1].get("mask") is not None:
        return "is called with training=True or with a mask"
    if stem_of(kind) not in _TAKES or is_coded(before.layer):
        return f"stands behind {before.name} of type {type(before.layer).__name__}"
    if getattr(before.layer, "quantization_mode", None) is not None:
        return f"stands behind {before.name}, which is quantised already"
    if getattr(before.layer, "lora_enabled", False):
        return f"stands behind {before.name}, which has LoRA weights"
    if call.layer.compute_dtype != before.layer.compute_dtype:
        return f"computes in {call.layer.compute_dtype}, unlike {before.name}"
    if before.layer.activation not in (None, keras().activations.linear):
        name = getattr(before.layer.activation, "__name__", before.layer.activation)
        return f"stands behind the activation {name!r} of {before.name}"
    if len(graph.uses(before.layer)) > 1:
        return f"stands behind {before.name}, which is used more than once"
    given = any(taken is x for x in (*graph.outputs, *graph.inner))
    if len(graph.consumers(taken)) > 1 or given:
        return f"is not the only one to take what {before.name} puts out"
    if before.name.rpartition("/")[0] != call.name.rpartition("/")[0]:
        return f"is in another model than {before.name}"
    axis, n_axes = call.layer.axis, len(taken.shape)
    if axis % n_axes != (1 if config.get("data_format") == "channels_first" else n_axes - 1):
        return f"normalises axis {axis}, which is not that of the channels of {before.name}"
    return None


def _merged(layer, norm):
    """Return the weights of a layer that does what batch normalisation did behind it."""
    *kernels, bias = [numbers_of(w) for w in layer.weights] + [np.array(0.0)] * (
        not layer.use_bias
    )
    kernels = [kernel.astype(np.float64) for kernel in kernels]
    mean, variance = numbers_of(norm.moving_mean), numbers_of(norm.moving_variance)
    alpha = 1 / np.sqrt(variance.astype(np.float64) + norm.epsilon)
    if norm.scale:
        alpha = alpha * numbers_of(norm.gamma)
    shift = alpha * (bias.astype(np.float64) - mean)
    if norm.center:
        shift = shift + numbers_of(norm.beta)
    kind, kernel = stem_of(type(layer).__name__), kernels[-1]
    if kind == "DepthwiseConv":
        alpha = alpha.reshape(kernel.shape[-2:])
    elif kind == "ConvTranspose":
        alpha = alpha[:, None]
    return [*kernels[:-1], kernel * alpha, shift]

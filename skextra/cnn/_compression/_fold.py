"""fold_batch_norm: batch normalisation merged with the layer before or after it."""

from __future__ import annotations

from numpy.typing import ArrayLike

from skextra._typing import MatrixLike
from skextra.cnn._compression._affine import Linear, norm_weights
from skextra.cnn._compression._compare import Network, report_of
from skextra.cnn._compression._fold_plan import FoldPlan
from skextra.cnn._compression._report import CompressionReport
from skextra.cnn._models._costs import described
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._rewrite import copied_layer, rewritten
from skextra.cnn._subject import check_data, subject_of


def fold_batch_norm(
    model: Network, X: MatrixLike | None = None, y: ArrayLike | None = None
) -> tuple[Network, CompressionReport]:
    """Fold the batch normalisations of a network into the weights of neighbouring layers.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator. It is not changed.

    X : array-like, default=None
        Samples on which to compare both networks.

    y : array-like of shape (n_samples,), default=None
        Their classes; for Keras models, the numbers of the outputs.

    Returns
    -------
    folded : keras.Model or CNNClassifier
        A network of the kind given, with fewer layers and the same predictions.

    report : CompressionReport
        The savings and, with data, the differences of the outputs; also the layers that could
        not be folded, and why.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind, is not built, or has nothing that can be folded.

    See Also
    --------
    quantize_int8 : Stores weights in a byte each, best used after folding.
    cluster_weights : Stores weights as codes of a codebook, best used after folding.

    Notes
    -----
    In inference, batch normalisation scales and shifts each channel, which the layer before it
    can do as well: with ``alpha = gamma / sqrt(variance + epsilon)``, the weights of an output
    channel become ``alpha * w`` and its bias ``alpha * (b - mean) + beta`` [1]_. This requires
    that nothing else uses the output of that layer, and that only dropout or noise, which are
    inactive in inference, lie between the two. Consecutive batch normalisations are merged.

    A batch normalisation that cannot be folded into the layer before it is folded into the one
    after it, also through Flatten or average pooling: with the shift ``beta - alpha * mean``, the
    weights of an input channel become ``alpha * w``, and the bias grows by the shift times the
    weights. This is exact for dense layers, and for convolutions that see no zeros beyond the
    borders: those with 'valid' padding, a kernel of size 1, or a shift of 0.

    A folded classifier can predict, be pickled, saved and compressed further. `partial_fit`
    raises an error, and `fit` trains a new network with the layers that the parameters specify.

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
    subject = subject_of(model, "fold_batch_norm")
    graph = graph_of(subject.model)
    plan = FoldPlan(graph)
    check_data(subject, X, y)
    if not plan.into:
        why = "".join(f"\n{name} {text}" for name, text in plan.reasons.items())
        raise ValueError(
            f"The model {subject.model.name!r} has no BatchNormalization that can be folded into "
            "a convolution or a dense layer before or after it; use the model as it is." + why
        )
    absorbing = {id(call.layer) for call in plan.into.values()}
    gone = [call.layer for call in plan.norms if call.name in plan.into]

    def exchange(layer):
        if id(layer) not in absorbing or layer in gone:
            return None
        if described(layer)[0] == "BatchNormalization":
            weights = norm_weights(layer, plan.affine_of(layer))
            return copied_layer(layer, center=True, scale=True), weights
        linear = Linear(layer)
        for affine in plan.after.get(id(layer), []):
            linear.absorb_after(affine)
        for affine in plan.before.get(id(layer), []):
            linear.absorb_before(affine)
        return copied_layer(layer, use_bias=True), linear.weights()

    changed, _ = rewritten(subject.model, exchange, gone)
    new = subject.wrapped(changed)
    return new, report_of("fold_batch_norm", subject, new, _actions(plan), X=X, y=y)


def _actions(plan):
    """Return the actions of the report, by the names of layers."""
    taken = {}
    for call in plan.norms:
        if call.name in plan.into:
            taken.setdefault(plan.into[call.name].name, []).append(call.name)
    actions = {name: f"takes {' and '.join(names)} in" for name, names in taken.items()}
    actions.update({name: f"folded into {call.name}" for name, call in plan.into.items()})
    left = {name: f"left: {text}" for name, text in plan.reasons.items()}
    for name in left.keys() & actions.keys():  # it has absorbed another and is left itself
        left[name] = f"{actions[name]}; {left[name]}"
    return {**actions, **left}

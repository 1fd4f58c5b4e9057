"""fold_batch_norm: batch normalisation merged with the layer before or behind it."""

from skextra.cnn._compression._affine import Linear, norm_weights
from skextra.cnn._compression._fold_plan import FoldPlan
from skextra.cnn._compression._report import report_of
from skextra.cnn._models._costs import described
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._rewrite import copied_layer, rewritten
from skextra.cnn._subject import check_data, subject_of


def fold_batch_norm(model, X=None, y=None):
    """Return a network whose batch normalisations are in the weights of the layers beside them.

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
    where nothing else takes what the layer puts out, and nothing stands between the two but
    dropout and noise, which do nothing in predictions. A batch normalisation behind another one
    goes into that.

    What cannot go into the layer before it goes into the one behind, also through a Flatten or
    averages: with ``beta - alpha * mean`` for a shift, the weights of an input channel become
    ``alpha * w``, and the bias grows by the shift times the weights. That is exact for dense
    layers, and for convolutions that see no zeros beyond the borders: with the padding 'valid', a
    kernel of one place, or a shift of 0.

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
    subject = subject_of(model, "fold_batch_norm")
    graph = graph_of(subject.model)
    plan = FoldPlan(graph)
    check_data(subject, X, y)
    if not plan.into:
        why = "".join(f"\n{name} {text}" for name, text in plan.reasons.items())
        raise ValueError(
            f"The model {subject.model.name!r} has no BatchNormalization that can be folded into "
            "a convolution or a dense layer before or behind it, so it is as small as it gets by "
            "folding." + why
        )
    takers = {id(call.layer) for call in plan.into.values()}
    gone = [call.layer for call in plan.norms if call.name in plan.into]

    def exchange(layer):
        if id(layer) not in takers or layer in gone:
            return None
        if described(layer)[0] == "BatchNormalization":
            weights = norm_weights(layer, plan.affine_of(layer))
            return copied_layer(layer, center=True, scale=True), weights
        linear = Linear(layer)
        for affine in plan.behind.get(id(layer), []):
            linear.take_behind(affine)
        for affine in plan.before.get(id(layer), []):
            linear.take_before(affine)
        return copied_layer(layer, use_bias=True), linear.weights()

    changed, _ = rewritten(subject.model, exchange, gone)
    new = subject.wrapped(changed)
    return new, report_of("fold_batch_norm", subject, new, _actions(plan), X=X, y=y)


def _actions(plan):
    """Return what was done to layers, by name."""
    taken = {}
    for call in plan.norms:
        if call.name in plan.into:
            taken.setdefault(plan.into[call.name].name, []).append(call.name)
    actions = {name: f"takes {' and '.join(names)} in" for name, names in taken.items()}
    actions.update({name: f"folded into {call.name}" for name, call in plan.into.items()})
    left = {name: f"left: {text}" for name, text in plan.reasons.items()}
    for name in left.keys() & actions.keys():  # it has taken in another and is left itself
        left[name] = f"{actions[name]}; {left[name]}"
    return {**actions, **left}

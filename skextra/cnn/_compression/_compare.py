"""compare_networks: what a smaller network saves and what it costs, measured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from skextra._typing import KerasModelLike, MatrixLike
from skextra.cnn._compression._report import CompressionReport, CompressionRow
from skextra.cnn._keras import numbers_of
from skextra.cnn._models._costs import described, is_coded
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._quantized import mode_of
from skextra.cnn._models._weights import bytes_of, count_parameters
from skextra.cnn._subject import (
    EstimatorSubject,
    ModelSubject,
    check_data,
    codes_for,
    subject_of,
)

if TYPE_CHECKING:
    from skextra.cnn._classifier import CNNClassifier

# What a compressed network is returned as: the kind that was given.
Network = TypeVar("Network", bound="CNNClassifier | KerasModelLike")
# Predictions of each network: the first is not counted, as Keras traces in it, and the median of
# six bears two that something else has slowed down.
_REPEATS = 7
# Samples of a timed prediction: enough for a few batches, and at most seconds on a slow network.
_MOST_TIMED = 1000


def compare_networks(
    before: CNNClassifier | KerasModelLike,
    after: CNNClassifier | KerasModelLike,
    X: MatrixLike | None = None,
    y: ArrayLike | None = None,
) -> CompressionReport:
    """Measure what a network saves and costs that was made smaller in one or several steps.

    Parameters
    ----------
    before, after : keras.Model or CNNClassifier
        The original and the smaller network. Layers are matched by name.

    X : array-like, default=None
        Samples to predict with both.

    y : array-like of shape (n_samples,), default=None
        Their classes; for Keras models, the numbers of the outputs.

    Returns
    -------
    report : CompressionReport
        Sizes and, with data, differences of the outputs, times and accuracies.

    Raises
    ------
    TypeError, ValueError
        If a model is not built, the layers do not match, or X or y do not fit the models.

    See Also
    --------
    fold_batch_norm : Merges batch normalisation with the layer before it.
    quantize_int8 : Stores weights in a byte each.
    cluster_weights : Stores weights as numbers of a codebook.

    Examples
    --------
    >>> import keras
    >>> from skextra.cnn import compare_networks, fold_batch_norm, quantize_int8
    >>> layers = [keras.layers.Conv2D(8, 3), keras.layers.BatchNormalization()]
    >>> model = keras.Sequential([keras.Input((9, 9, 4)), *layers])
    >>> folded, _ = fold_batch_norm(model)
    >>> small, _ = quantize_int8(folded)
    >>> report = compare_networks(model, small)
    >>> report.bytes_before, report.bytes_after
    (1312, 352)
    """
    return report_of("before and after", subject_of(before, "compare_networks"), after, X=X, y=y)


def report_of(
    method: str,
    before: ModelSubject | EstimatorSubject,
    after: CNNClassifier | KerasModelLike,
    actions: dict[str, str] | None = None,
    errors: dict[str, float] | None = None,
    X: MatrixLike | None = None,
    y: ArrayLike | None = None,
) -> CompressionReport:
    """Return the report on two networks.

    Parameters
    ----------
    method : str
        Name of the method, for the report and for messages.

    before : ModelSubject or EstimatorSubject
        The original network.

    after : keras.Model or CNNClassifier
        The network made from it.

    actions, errors : dict, default=None
        Actions and errors of the kernels, by the names of layers. Actions that are not known are
        found by comparing the layers.

    X, y : array-like, default=None
        Samples and their classes.
    """
    check_data(before, X, y)
    after = subject_of(after, method)
    if type(before) is not type(after):
        raise ValueError(
            "An estimator and a Keras model cannot be compared, as their outputs differ in kind; "
            "pass two estimators, or the model_ of both."
        )
    rows = tuple(_rows(before.model, after.model, actions or {}, errors or {}))
    if X is None:
        return CompressionReport(method, rows)
    outputs = before.outputs(X), after.outputs(X)
    measured = {**_differences(*outputs), **_times(before, after, X[:_MOST_TIMED])}
    if y is not None:
        codes = codes_for(before, outputs[0].shape, y, "An accuracy")
        for name, found in zip(("accuracy_before", "accuracy_after"), outputs, strict=True):
            measured[name] = float((found.argmax(axis=1) == codes).mean())
    return CompressionReport(method, rows, **measured)


def _rows(before, after, actions, errors):
    old, graph = graph_of(before).layers(), graph_of(after)
    new, calls = graph.layers(), {call.name for call in graph.calls}
    kinds = [[described(x)[0] for x in layers.values()] for layers in (old, new)]
    if old.keys() != new.keys() and kinds[0] == kinds[1]:
        new = dict(zip(old, new.values(), strict=True))  # Keras has renamed them
    counted = set()
    for name, layer in old.items():
        variables = getattr(new.get(name), "weights", [])
        size = sum(bytes_of(v) for v in variables if id(v) not in counted)
        counted.update(id(v) for v in variables)
        yield CompressionRow(
            layer=name,
            type=described(layer)[0].lstrip("."),
            action=actions.get(name) or _action(layer, new.get(name), name in calls),
            parameters=count_parameters(layer)[0],
            bytes_before=sum(bytes_of(v) for v in layer.weights),
            bytes_after=size,
            weight_error=errors.get(name),
        )
    added = [name for name in new if name not in old]
    if added:
        raise ValueError(
            f"The second network has a layer {added[0]!r} that the first does not have; pass the "
            "original network first, then the network made from it."
        )


def _action(old, new, is_called):
    """Return what has become of a layer whose action the caller does not know."""
    if new is None:
        return "kept, weights as constants" if is_called else "gone"
    if is_coded(new):
        return new.storage
    mode = mode_of(new)
    if mode is not None:
        return mode
    pairs = zip(old.weights, new.weights, strict=False)
    same = len(old.weights) == len(new.weights) and all(
        np.array_equal(numbers_of(a), numbers_of(b)) for a, b in pairs
    )
    return "kept" if same else "changed"


def _differences(first, second):
    """Return the largest and the mean absolute difference of the outputs of two networks."""
    if first.shape != second.shape:
        raise ValueError(
            f"The outputs of the networks for X have shapes {first.shape} and {second.shape}; "
            "pass two networks for the same task."
        )
    differences = np.abs(first - second)
    return {
        "max_difference": float(differences.max()),
        "mean_difference": float(differences.mean()),
    }


def _times(before, after, X):
    """Return the median seconds that each network takes for samples, which they take in turns."""
    predict = [subject.predictor(X) for subject in (before, after)]
    seconds = np.empty((_REPEATS, 2))
    for i in range(_REPEATS):
        for j in (0, 1):
            start = time.perf_counter()
            predict[j]()
            seconds[i, j] = time.perf_counter() - start
    medians = np.median(seconds[1:], axis=0).tolist()
    return {"seconds_before": medians[0], "seconds_after": medians[1], "n_timed": len(X)}

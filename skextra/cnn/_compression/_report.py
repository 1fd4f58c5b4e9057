"""CompressionReport: what a smaller network saves and what it costs."""

import time
from dataclasses import asdict, dataclass
from numbers import Real

import numpy as np

from skextra.cnn._keras import numbers_of
from skextra.cnn._models._costs import described, is_coded
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._quantized import mode_of
from skextra.cnn._models._weights import bytes_of, count_parameters
from skextra.cnn._subject import check_data, codes_for, subject_of
from skextra.cnn._tables import frame, html_table, text_table

_HEAD = ("layer", "type", "what was done", "parameters", "bytes", "bytes now", "weight error")
_REPEATS = 7
_MOST_TIMED = 1000


@dataclass(frozen=True)
class CompressionRow:
    """A row of a :class:`CompressionReport`.

    Parameters
    ----------
    layer, type : str
        Name of the layer, and of its class before.

    action : str
        What was done to it, or why nothing was.

    parameters : int
        Number of its parameters before.

    bytes_before, bytes_after : int
        Size of its weights as they are stored. A codebook that layers share is counted with the
        first of them.

    weight_error : float or None
        Root mean square of the changes of its kernels, over that of the kernels. None where they
        are the same, or were changed together with what follows, and for several steps in one.
    """

    layer: str
    type: str
    action: str
    parameters: int
    bytes_before: int
    bytes_after: int
    weight_error: float | None


@dataclass(frozen=True, eq=False)
class CompressionReport:
    """What was gained by making a network smaller, and what it costs.

    It prints as a table, and is one in a notebook.

    Parameters
    ----------
    method : str
        What was done.

    rows : tuple of CompressionRow
        A row for every layer with weights.

    max_difference, mean_difference : float or None
        Of the absolute differences of the outputs, before a softmax where the network is an
        estimator's. None without X.

    accuracy_before, accuracy_after : float or None
        Share of samples of which the class is right. None without y.

    seconds_before, seconds_after : float or None
        Time to predict `n_timed` samples: medians of several predictions, by turns. None
        without X.

    n_timed : int
        Number of samples of the time: those of X, or the first 1000.

    Examples
    --------
    >>> from skextra.cnn import CompressionReport, CompressionRow
    >>> row = CompressionRow("dense1", "Dense", "int8", 1000, 4000, 1040, 0.01)
    >>> report = CompressionReport("int8", (row,))
    >>> round(report.ratio, 2)
    3.85
    >>> report.transfer_seconds(100)
    (40.0, 10.4)
    """

    method: str
    rows: tuple
    max_difference: float | None = None
    mean_difference: float | None = None
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    seconds_before: float | None = None
    seconds_after: float | None = None
    n_timed: int = 0

    @property
    def bytes_before(self):
        """Size of all weights before."""
        return sum(row.bytes_before for row in self.rows)

    @property
    def bytes_after(self):
        """Size of all weights after."""
        return sum(row.bytes_after for row in self.rows)

    @property
    def ratio(self):
        """How many times smaller the weights are."""
        return self.bytes_before / self.bytes_after if self.bytes_after else 1.0

    @property
    def speedup(self):
        """How many times faster it predicts; None without X."""
        return None if self.seconds_before is None else self.seconds_before / self.seconds_after

    def transfer_seconds(self, bandwidth):
        """Return how long it takes to fetch the weights.

        Parameters
        ----------
        bandwidth : float
            Of a line or a memory, in bytes a second.

        Returns
        -------
        tuple of float
            Seconds before and after.

        Raises
        ------
        ValueError
            If the bandwidth is not above 0.
        """
        if not isinstance(bandwidth, Real) or not bandwidth > 0:
            raise ValueError(f"bandwidth={bandwidth!r} must be bytes a second, above 0.")
        return self.bytes_before / bandwidth, self.bytes_after / bandwidth

    def to_frame(self):
        """Return the rows as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row a layer, indexed by its name.
        """
        return frame(self.rows, CompressionRow, "CompressionReport.to_frame")

    def __repr__(self):
        return f"{self.method}\n{text_table(_HEAD, self._cells())}\n{self._footer()}"

    def _repr_html_(self):
        return html_table(_HEAD, self._cells(), self.method) + f"<p>{self._footer()}</p>"

    def _cells(self):
        return [list(asdict(row).values()) for row in self.rows]

    def _footer(self):
        text = (
            f"{self.bytes_before:,} bytes before, {self.bytes_after:,} now: "
            f"{self.ratio:.2f} times smaller."
        )
        if self.max_difference is not None:
            text += (
                f" Outputs differ by {self.max_difference:.3g} at most, "
                f"{self.mean_difference:.3g} in the mean; {self.n_timed} samples take "
                f"{1e3 * self.seconds_before:.3g} ms before, {1e3 * self.seconds_after:.3g} ms "
                "now."
            )
        if self.accuracy_before is not None:
            text += f" Accuracy {self.accuracy_before:.4f} before, {self.accuracy_after:.4f} now."
        return text


def compare_networks(before, after, X=None, y=None):
    """Return what a network made smaller in one or several steps saves and costs in all.

    Parameters
    ----------
    before, after : keras.Model or CNNClassifier
        The networks, their layers matched by name.

    X : array-like, default=None
        Samples to predict with both.

    y : array-like of shape (n_samples,), default=None
        Their classes; for Keras models the numbers of the outputs.

    Returns
    -------
    report : CompressionReport
        Sizes, and with data differences, times and accuracies.

    Raises
    ------
    TypeError, ValueError
        If a model is not built, or X or y do not go with the models.

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


def report_of(method, before, after, actions=None, errors=None, X=None, y=None):
    """Return the report on two networks.

    Parameters
    ----------
    method : str
        What was done.

    before : ModelSubject or EstimatorSubject
        The network as it was.

    after : keras.Model or CNNClassifier
        The network as it is.

    actions, errors : dict, default=None
        What was done to layers, and the errors of their kernels, by name.

    X, y : array-like, default=None
        Data.
    """
    check_data(before, X, y)
    after = subject_of(after, method)
    if type(before) is not type(after):
        raise ValueError(
            "An estimator and a Keras model are not compared, as they put out numbers of several "
            "kinds; pass two estimators, or the model_ of both."
        )
    rows = tuple(_rows(before.model, after.model, actions or {}, errors or {}))
    measured = {} if X is None else _measured(before, after, X, y)
    return CompressionReport(method, rows, **measured)


def _rows(before, after, actions, errors):
    old, graph = graph_of(before).layers(), graph_of(after)
    new, kept = graph.layers(), {call.name for call in graph.calls}
    kinds = [[described(x)[0] for x in layers.values()] for layers in (old, new)]
    if old.keys() != new.keys() and kinds[0] == kinds[1]:
        new = dict(zip(old, new.values(), strict=True))  # named anew by Keras
    counted = set()
    for name, layer in old.items():
        variables = getattr(new.get(name), "weights", [])
        size = sum(bytes_of(v) for v in variables if id(v) not in counted)
        counted.update(id(v) for v in variables)
        yield CompressionRow(
            layer=name,
            type=described(layer)[0].lstrip("."),
            action=actions.get(name) or _action(layer, new.get(name), name in kept),
            parameters=count_parameters(layer)[0],
            bytes_before=sum(bytes_of(v) for v in layer.weights),
            bytes_after=size,
            weight_error=errors.get(name),
        )
    for name in new.keys() - old.keys():
        raise ValueError(
            f"The second network has a layer {name!r} that the first has not; give the network "
            "that it was made from, then the one that was made."
        )


def _action(old, new, is_there):
    """Return what a layer that was not spoken of has become."""
    if new is None:
        return "kept, weights as constants" if is_there else "gone"
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


def _measured(before, after, X, y):
    first, second = before.outputs(X), after.outputs(X)
    if first.shape != second.shape:
        raise ValueError(
            f"The networks put out {first.shape} and {second.shape} for X; they are not of the "
            "same task."
        )
    differences = np.abs(first - second)
    timed = X[:_MOST_TIMED]
    predict = [subject.predictor(timed) for subject in (before, after)]
    seconds = np.empty((_REPEATS, 2))
    for i in range(_REPEATS):
        for j in (0, 1):
            start = time.perf_counter()
            predict[j]()
            seconds[i, j] = time.perf_counter() - start
    measured = {
        "max_difference": float(differences.max()),
        "mean_difference": float(differences.mean()),
        "seconds_before": float(np.median(seconds[1:, 0])),
        "seconds_after": float(np.median(seconds[1:, 1])),
        "n_timed": len(timed),
    }
    if y is not None:
        codes = codes_for(before, first.shape, y, "An accuracy")
        measured["accuracy_before"] = float((first.argmax(axis=1) == codes).mean())
        measured["accuracy_after"] = float((second.argmax(axis=1) == codes).mean())
    return measured

"""Histograms: the distribution of a network's weights and gradients, variable by variable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skextra._typing import KerasModelLike, MatrixLike
from skextra.cnn._keras import keras, numbers_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._weights import decoded, named_variables, parameters_of
from skextra.cnn._network._build import on_logits
from skextra.cnn._network._network import are_probabilities, outputs_on_probe
from skextra.cnn._subject import codes_for, subject_of

if TYPE_CHECKING:
    from skextra.cnn._classifier import CNNClassifier

Weights: TypeAlias = Literal["fitted", "initial"] | Sequence[NDArray[Any]]
# Samples in a step of the gradient: what all layers put out is held for so many.
_AT_ONCE = 256
# Least probability in a logarithm: above the least float32, so that it and its inverse are finite.
_LEAST = 1e-30


@dataclass(frozen=True, eq=False)
class Histogram:
    """The distribution of numbers.

    Parameters
    ----------
    values : ndarray of shape (n,)
        The numbers.

    counts : ndarray of int of shape (n_bins,)
        How many lie in each bin, without NaN and infinite ones.

    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra.cnn import Histogram
    >>> Histogram.of(np.array([0.0, 0.0, 1.0, 3.0]), bins=3)
    Histogram(n=4, mean=1, std=1.22, zeros=50%)
    """

    values: NDArray[np.float64]
    counts: NDArray[np.intp]
    edges: NDArray[np.float64]

    @classmethod
    def of(cls, values: ArrayLike, bins: int = 50) -> Self:
        """Return the histogram of numbers.

        Parameters
        ----------
        values : array-like
            The numbers, of any shape.

        bins : int, default=50
            Number of bins of equal width between the minimum and the maximum.

        Returns
        -------
        Histogram
            The histogram.
        """
        _check_bins(bins)
        values = np.ravel(values).astype(np.float64)
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
        # Edges of bins narrower than two spacings of floats would coincide.
        least = 2 * bins * np.spacing(max(abs(low), abs(high)))
        room = max(0.5 * (least - (high - low)), 0.0) if high > low else 0.5
        counts, edges = np.histogram(finite, bins, range=(low - room, high + room))
        return cls(values, counts, edges)

    @property
    def mean(self) -> float:
        """Mean of the numbers."""
        return float(self.values.mean()) if len(self.values) else math.nan

    @property
    def std(self) -> float:
        """Standard deviation of the numbers."""
        return float(self.values.std()) if len(self.values) else math.nan

    @property
    def zeros(self) -> float:
        """Fraction of the numbers that are exactly 0."""
        return float((self.values == 0).mean()) if len(self.values) else math.nan

    def __repr__(self) -> str:
        not_finite = np.count_nonzero(~np.isfinite(self.values))
        return (
            f"Histogram(n={len(self.values)}, mean={self.mean:.3g}, std={self.std:.3g}, "
            f"zeros={self.zeros:.0%}" + (f", not_finite={not_finite})" if not_finite else ")")
        )


def weight_histograms(
    model: CNNClassifier | KerasModelLike, bins: int = 50, *, weights: Weights = "fitted"
) -> dict[str, Histogram]:
    """Return the distribution of the weights of a network.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator.

    bins : int, default=50
        Number of bins of each histogram.

    weights : {'fitted', 'initial'} or list of ndarray, default='fitted'
        Which weights: those of the network, those that the estimator's fit started from, or
        others in the order of the model's ``get_weights``.

    Returns
    -------
    histograms : dict of str to Histogram
        Histograms by the name of the layer and the variable, such as 'conv1/kernel', of all
        kernels and all other trainable parameters. Kernels are those that the layer computes
        with: quantised ones are decoded, and LoRA weights are added.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind or is not built, or another parameter is invalid.

    See Also
    --------
    gradient_histograms : Distribution of the gradients.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.cnn import weight_histograms
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=8, epochs=1, random_state=0).fit(X / 16, y)
    >>> list(weight_histograms(cnn))[:2]
    ['conv1/kernel', 'conv1/bias']
    """
    _check_bins(bins)
    subject = subject_of(model, "weight_histograms")
    others = _checked(subject, weights)
    network = subject.model if others is None else subject.at(others)
    histograms = {}
    for name, layer in graph_of(network).layers().items():
        kernels = decoded(layer)
        trained = _trained(layer).items()
        others = {n: numbers_of(v) for n, v in trained if n not in kernels}
        for variable, values in {**kernels, **others}.items():
            histograms[f"{name}/{variable}"] = Histogram.of(values, bins)
    return histograms


def gradient_histograms(
    model: CNNClassifier | KerasModelLike,
    X: MatrixLike,
    y: ArrayLike,
    *,
    weights: Weights = "fitted",
    bins: int = 50,
) -> dict[str, Histogram]:
    """Return the distribution of the gradients of the loss with respect to the weights.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built and has an output for each class, or a
        fitted estimator. It is not changed.

    X : array-like
        Samples, in the form that the estimator's `fit` or the model takes.

    y : array-like of shape (n_samples,)
        Classes; for a Keras model, the numbers of its outputs.

    weights : {'fitted', 'initial'} or list of ndarray, default='fitted'
        Weights at which to take the gradients: those of the network, those that the estimator's
        fit started from, or others in the order of the model's ``get_weights``.

    bins : int, default=50
        Number of bins of each histogram.

    Returns
    -------
    histograms : dict of str to Histogram
        Histograms by the name of the layer and the variable, such as 'conv1/kernel'. Their
        `values` are the gradients.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind, or another parameter is invalid.

    See Also
    --------
    weight_histograms : Distribution of the weights.

    Notes
    -----
    The loss is the mean cross-entropy over all of X, without penalties, of the network in
    inference mode: without dropout, and with the running statistics of batch normalisation.

    Examples
    --------
    A network that starts from zeros learns only the biases of its output: all other gradients
    are 0 and remain so.

    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.cnn import gradient_histograms
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=8, kernel_initializer="zeros", epochs=1, random_state=0)
    >>> cnn = cnn.fit(X / 16, y)
    >>> found = gradient_histograms(cnn, X / 16, y, weights="initial")
    >>> {name: histogram.zeros for name, histogram in found.items()}
    {'conv1/kernel': 1.0, 'conv1/bias': 1.0, 'dense1/kernel': 1.0, 'dense1/bias': 1.0, \
'output/kernel': 1.0, 'output/bias': 0.0}
    """
    _check_bins(bins)
    subject = subject_of(model, "gradient_histograms")
    images = subject.images(X)
    outputs = subject.outputs(X)
    codes = codes_for(subject, outputs.shape, y, "gradient_histograms")
    network = subject.at(_checked(subject, weights))
    # Where probabilities are nearly 0, only the logits before the softmax determine the gradient.
    if images.dtype.name in ("float32", "float64"):
        network = on_logits(network, images.shape[1:])
        outputs = outputs_on_probe(network, images.shape[1:])
    variables = {}
    for name, layer in graph_of(network).layers().items():
        variables |= {f"{name}/{variable}": v for variable, v in _trained(layer).items()}
    found = _gradients(network, variables.values(), images, codes, are_probabilities(outputs))
    return {name: Histogram.of(g, bins) for name, g in zip(variables, found, strict=True)}


def _trained(layer):
    """Return the trainable parameters of a layer, by name."""
    trained = {id(v) for v in layer.trainable_weights}
    named = named_variables(layer).items()
    chosen = parameters_of(layer) & trained
    return {name: v for name, v in named if id(v) in chosen}


def _check_bins(bins):
    if not isinstance(bins, Integral) or isinstance(bins, bool) or bins < 1:
        raise ValueError(f"bins={bins!r} must be a whole number from 1 up.")


def _checked(subject, weights):
    """Return the requested weights as arrays; None for those of the model."""
    if isinstance(weights, str) and weights in ("fitted", "initial"):
        return None if weights == "fitted" else subject.initial_weights()
    if not isinstance(weights, list | tuple):
        raise ValueError(f"weights={weights!r} must be 'fitted', 'initial' or a list of arrays.")
    had = [tuple(weight.shape) for weight in subject.model.weights]
    has = [np.shape(weight) for weight in weights]
    if had != has:
        raise ValueError(f"weights has arrays of shapes {has}; the network needs {had}.")
    return [np.asarray(weight) for weight in weights]


def _gradients(model, variables, images, codes, gives_probabilities):
    """Return the gradients of the mean cross-entropy with respect to variables."""
    import tensorflow as tf

    k = keras()
    tensors = [v.value for v in variables]
    sums = [np.zeros(v.shape) for v in variables]
    for start in range(0, len(images), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        with tf.GradientTape() as tape:
            outputs = model(images[part], training=False)
            if gives_probabilities:
                outputs = k.ops.log(k.ops.maximum(outputs, _LEAST))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(codes[part], outputs)
            loss = tf.reduce_sum(losses)
        for total, found in zip(sums, tape.gradient(loss, tensors), strict=True):
            if found is not None:
                total += tf.convert_to_tensor(found).numpy()
    return [total / len(images) for total in sums]

"""Histograms: how weights and gradients of a network are spread, variable by variable."""

import math
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from skextra.cnn._keras import keras, numbers_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._weights import decoded, named_variables, parameters_of
from skextra.cnn._network._build import on_logits
from skextra.cnn._network._network import are_probabilities, outputs_on_probe
from skextra.cnn._subject import codes_for, subject_of

_AT_ONCE = 256
_LEAST = 1e-30


@dataclass(frozen=True, eq=False)
class Histogram:
    """How numbers are spread.

    Parameters
    ----------
    values : ndarray of shape (n,)
        The numbers.

    counts : ndarray of int of shape (n_bins,)
        How many lie in each bin; NaN and infinite ones are left out.

    edges : ndarray of shape (n_bins + 1,)
        Where the bins begin and end.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra.cnn import Histogram
    >>> Histogram.of(np.array([0.0, 0.0, 1.0, 3.0]), bins=3)
    Histogram(n=4, mean=1, std=1.22, zeros=50%)
    """

    values: np.ndarray
    counts: np.ndarray
    edges: np.ndarray

    @classmethod
    def of(cls, values, bins=50):
        """Return the histogram of numbers.

        Parameters
        ----------
        values : array-like
            The numbers, of any shape.

        bins : int, default=50
            Number of bins of even width between the least and the greatest.

        Returns
        -------
        Histogram
            The histogram.
        """
        _check_bins(bins)
        values = np.ravel(values).astype(np.float64)
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
        # Bins of a few roundings of the numbers have no edges apart.
        least = 2 * bins * np.spacing(max(abs(low), abs(high)))
        room = max(0.5 * (least - (high - low)), 0.0) if high > low else 0.5
        counts, edges = np.histogram(finite, bins, range=(low - room, high + room))
        return cls(values, counts, edges)

    @property
    def mean(self):
        """Mean of the numbers."""
        return float(self.values.mean()) if len(self.values) else math.nan

    @property
    def std(self):
        """Standard deviation of the numbers."""
        return float(self.values.std()) if len(self.values) else math.nan

    @property
    def zeros(self):
        """Share of the numbers that are exactly 0."""
        return float((self.values == 0).mean()) if len(self.values) else math.nan

    def __repr__(self):
        not_finite = np.count_nonzero(~np.isfinite(self.values))
        return (
            f"Histogram(n={len(self.values)}, mean={self.mean:.3g}, std={self.std:.3g}, "
            f"zeros={self.zeros:.0%}" + (f", not_finite={not_finite})" if not_finite else ")")
        )


def weight_histograms(model, bins=50, *, weights="fitted"):
    """Return how the weights of a network are spread.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator.

    bins : int, default=50
        Number of bins of each histogram.

    weights : {'fitted', 'initial'} or list of ndarray, default='fitted'
        Which ones: those that the network has, those that the fit of an estimator started from,
        or others, in the order of the model's ``get_weights``.

    Returns
    -------
    histograms : dict of str to Histogram
        By the name of the layer and the variable, such as 'conv1/kernel', for all kernels and
        whatever else training changes. Kernels are those that the layer computes with: what is
        stored in few bits, by Keras too, is decoded, and LoRA weights are added.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind or is not built, or another parameter is invalid.

    See Also
    --------
    gradient_histograms : The same for the gradients.

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


def gradient_histograms(model, X, y, *, weights="fitted", bins=50):
    """Return how the gradients of the loss by the weights are spread.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built and has an output for each class, or a
        fitted estimator. It stays as it is.

    X : array-like
        Samples: in the form that `fit` took for an estimator, else as the model takes them.

    y : array-like of shape (n_samples,)
        Their classes; for Keras models the numbers of the outputs.

    weights : {'fitted', 'initial'} or list of ndarray, default='fitted'
        Where to take the gradients: at the weights that the network has, at those that the fit of
        an estimator started from, or at others, in the order of the model's ``get_weights``.

    bins : int, default=50
        Number of bins of each histogram.

    Returns
    -------
    histograms : dict of str to Histogram
        By the name of the layer and the variable, such as 'conv1/kernel'. The gradients
        themselves are in `values`.

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind, or another parameter is invalid.

    See Also
    --------
    weight_histograms : The same for the weights.

    Notes
    -----
    The loss is the mean cross-entropy over all of X, without penalties, of the network as it
    predicts: nothing is dropped, and batch normalisation goes by its running statistics.

    Examples
    --------
    A network that starts from zeros learns nothing but the biases of its output: no other
    gradient ever differs from 0.

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
    # Where probabilities are next to 0, only the numbers before the softmax tell of the gradient.
    if images.dtype.name in ("float32", "float64"):
        network = on_logits(network, images.shape[1:])
        outputs = outputs_on_probe(network, images.shape[1:])
    variables = {}
    for name, layer in graph_of(network).layers().items():
        variables |= {f"{name}/{variable}": v for variable, v in _trained(layer).items()}
    found = _gradients(network, variables.values(), images, codes, are_probabilities(outputs))
    return {name: Histogram.of(g, bins) for name, g in zip(variables, found, strict=True)}


def _trained(layer):
    """Return the parameters of a layer that training changes, by name."""
    trained = {id(v) for v in layer.trainable_weights}
    named = named_variables(layer).items()
    chosen = parameters_of(layer) & trained
    return {name: v for name, v in named if id(v) in chosen}


def _check_bins(bins):
    if not isinstance(bins, Integral) or isinstance(bins, bool) or bins < 1:
        raise ValueError(f"bins={bins!r} must be a whole number from 1 up.")


def _checked(subject, weights):
    """Return the weights asked for as arrays, None for those of the model."""
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
    """Return the gradients of the mean cross-entropy by variables."""
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

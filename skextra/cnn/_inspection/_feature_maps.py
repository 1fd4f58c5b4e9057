"""feature_maps: the outputs of layers of a network for samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skextra._typing import KerasModelLike, MatrixLike
from skextra.cnn._models._costs import described, stem_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._weights import CONVOLUTIONS
from skextra.cnn._subject import subject_of

if TYPE_CHECKING:
    from skextra.cnn._classifier import CNNClassifier

# Samples passed through the network at a time: outputs of all layers are held for so many.
_AT_ONCE = 256


def feature_maps(
    model: CNNClassifier | KerasModelLike,
    X: MatrixLike,
    layers: str | Sequence[str] = ("first", "last"),
) -> dict[str, NDArray[Any]]:
    """Return the outputs of layers of a network for samples.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator.

    X : array-like
        Samples, in the form that the estimator's `fit` or the model takes.

    layers : str or sequence of str, default=('first', 'last')
        Names of layers as in :func:`layer_table`, which numbers further uses of a layer. 'first'
        and 'last' are the first and the last convolution, 'all' is every layer.

    Returns
    -------
    maps : dict of str to ndarray of shape (n_samples, ...)
        The outputs by layer name, after the activation if that is part of the layer. For
        convolutions of images the shape is (n_samples, height, width, filters).

    Raises
    ------
    TypeError, ValueError
        If the model is of another kind, there is no such layer, or X does not fit the model.

    See Also
    --------
    layer_table : Names and shapes of the layers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.cnn import feature_maps
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(epochs=1, random_state=0).fit(X / 16, y)
    >>> {name: maps.shape for name, maps in feature_maps(cnn, X[:5] / 16).items()}
    {'conv1': (5, 8, 8, 32), 'conv2': (5, 4, 4, 64)}
    """
    subject = subject_of(model, "feature_maps")
    graph = graph_of(subject.model)
    names = chosen_layers(graph, layers)
    images = subject.images(X)
    parts = [
        graph.outputs_of(names, images[start : start + _AT_ONCE])
        for start in range(0, len(images), _AT_ONCE)
    ]
    return dict(zip(names, map(np.concatenate, zip(*parts, strict=True)), strict=True))


def chosen_layers(graph, layers, parameter="layers"):
    """Return the names of the chosen layers, without repetition."""
    names = [call.name for call in graph.calls]
    if isinstance(layers, str):
        layers = names if layers == "all" else [layers]
    if not isinstance(layers, list | tuple) or not all(isinstance(n, str) for n in layers):
        raise TypeError(f"{parameter}={layers!r} must be a name or a list of names of layers.")
    convolutions = [c.name for c in graph.calls if stem_of(described(c.layer)[0]) in CONVOLUTIONS]
    ends = {"first": convolutions[:1], "last": convolutions[-1:]}
    chosen = []
    for layer in layers:
        found = [layer] if layer in names else ends.get(layer)
        if not found:
            why = "there is no convolution" if layer in ("first", "last") else "there is none"
            raise ValueError(f"{parameter} names {layer!r}, but {why}; the layers are {names}.")
        chosen += found
    if not chosen:
        raise ValueError(f"{parameter} is empty; name one or more of {names}.")
    return list(dict.fromkeys(chosen))

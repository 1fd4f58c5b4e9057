"""cluster_weights: weights as packed codes of the values in a codebook, found by k-means."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from skextra._base import random_state_of
from skextra._kmeans._kmeans_pp import KMeansPP
from skextra._typing import Int, MatrixLike, RandomStateLike
from skextra.cnn._compression._compare import Network, report_of
from skextra.cnn._compression._report import CompressionReport
from skextra.cnn._keras import numbers_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._packing import MOST_BITS, bits_for, pack
from skextra.cnn._models._rewrite import rewritten
from skextra.cnn._models._weights import CONVOLUTIONS, coded_layers_of, kernels_of, weight_error
from skextra.cnn._subject import check_data, subject_of

# Codes of 8 bits are as large as int8 weights, and longer ones save nothing.
MOST_CLUSTERS = 2**MOST_BITS


def cluster_weights(
    model: Network,
    n_clusters: Int = 16,
    X: MatrixLike | None = None,
    y: ArrayLike | None = None,
    *,
    codebook: Literal["per_layer", "global"] = "per_layer",
    keep_zeros: bool = True,
    skip: str | Sequence[str] = (),
    random_state: RandomStateLike = None,
) -> tuple[Network, CompressionReport]:
    """Compress a network: its weights share a few values, and take a few bits each.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator. It is not changed.

    n_clusters : int, default=16
        Number of values in a codebook, from 2 to 256. Powers of two waste no bits.

    X : array-like, default=None
        Samples on which to compare both networks.

    y : array-like of shape (n_samples,), default=None
        Their classes; for Keras models, the numbers of the outputs.

    codebook : {'per_layer', 'global'}, default='per_layer'
        Whether every layer has its own codebook, or all layers share one.

    keep_zeros : bool, default=True
        Whether weights that are exactly 0, such as pruned ones, stay 0. If there are any, 0 is
        one of the `n_clusters` values of the codebook, and the others are found among the
        non-zero weights. With False, a zero becomes the nearest of all values.

    skip : sequence of str, default=()
        Names of layers to leave unchanged.

    random_state : int, RandomState instance or None, default=None
        Determines the k-means++ starts. An int makes the result reproducible.

    Returns
    -------
    clustered : keras.Model or CNNClassifier
        A network of the kind given, with coded kernels.

    report : CompressionReport
        The savings and, with data, their cost.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid, the model is of another kind or is not built, a layer cannot be
        clustered, or a layer has fewer distinct weights than `n_clusters`.

    See Also
    --------
    best_n_clusters : The largest number of clusters that beats int8.
    skextra.KMeansPP : Finds the values.
    skextra.plotting.CompressionDisplay : Accuracy against bytes for several numbers of clusters.

    Notes
    -----
    N weights with a codebook of M values take ``N * log2(M) / 8 + 4 * M`` bytes [1]_: a code for
    each weight, packed without gaps, and the values in float32. The logarithm is rounded up.
    Biases and batch normalisation are not changed; fold the latter first. Zeros take no extra
    bytes, as their code is one of the M. They are kept by default, as a pruned network would
    otherwise silently lose its sparsity. With few values and a few accidental zeros,
    ``keep_zeros=False`` may be more accurate.

    The kernels are decoded at every call, so predictions do not become faster: with 220,000
    weights, predicting one image took twice as long, and predicting thousands a tenth longer. The
    gain is bytes in storage, transfer and memory.

    References
    ----------
    .. [1] S. Han, H. Mao and W. J. Dally, "Deep compression: compressing deep neural networks with
       pruning, trained quantization and Huffman coding", ICLR 2016, section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.cnn import cluster_weights
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(epochs=2, random_state=0).fit(X / 16, y)
    >>> small, report = cluster_weights(cnn, 16, X / 16, y, random_state=0)
    >>> report.ratio > 7, abs(report.accuracy_after - report.accuracy_before) < 0.02
    (True, True)
    """
    _check(n_clusters, codebook, keep_zeros)
    subject = subject_of(model, "cluster_weights")
    check_data(subject, X, y)
    layers, skip = clusterable(subject.model, skip)
    coded = _coded_layers(layers, int(n_clusters), codebook, keep_zeros, random_state)
    changed, made = rewritten(subject.model, lambda layer: coded.get(id(layer)))
    errors = {name: weight_error(layer, made[id(layer)]) for name, layer in layers.items()}
    actions = dict.fromkeys(skip, "left: in skip")
    new = subject.wrapped(changed)
    return new, report_of("cluster_weights", subject, new, actions, errors, X, y)


def check_codebook(codebook):
    """Raise ValueError unless a codebook is one of the kinds that there are."""
    if codebook not in ("per_layer", "global"):
        raise ValueError(f"codebook={codebook!r} must be 'per_layer' or 'global'.")


def _check(n_clusters, codebook, keep_zeros):
    if not isinstance(n_clusters, Integral) or isinstance(n_clusters, bool | np.bool_):
        raise TypeError(f"n_clusters must be a whole number, got {n_clusters!r}.")
    if not 2 <= n_clusters <= MOST_CLUSTERS:
        raise ValueError(
            f"n_clusters={n_clusters} must lie between 2 and {MOST_CLUSTERS}; with more, a "
            "code would be longer than a byte."
        )
    if not isinstance(keep_zeros, bool | np.bool_):
        raise TypeError(f"keep_zeros must be True or False, got {keep_zeros!r}.")
    check_codebook(codebook)


def clusterable(model, skip):
    """Return the layers of a model whose weights can be clustered, by name, and those to skip."""
    return coded_layers_of(graph_of(model), skip, (*CONVOLUTIONS, "Dense"), "clustered")


def weights_by_codebook(layers, codebook):
    """Return, for each codebook, the flat weights of the layers that share it, by name."""
    weights = {
        name: np.concatenate([numbers_of(v).ravel() for v in kernels_of(layer)])
        for name, layer in layers.items()
    }
    if codebook == "global":
        return [weights]
    return [{name: values} for name, values in weights.items()]


def _coded_layers(layers, n_clusters, codebook, keep_zeros, random_state):
    """Return, by the id of each layer, the coded one in its place, and no weights to set."""
    from skextra.cnn._models._coded_layers import ClusteredLayer, Codebook

    random_state, coded = random_state_of(random_state), {}
    for group in weights_by_codebook(layers, codebook):
        weights = np.concatenate(list(group.values()))
        _check_distinct(weights, list(group), n_clusters)
        centers, codes = _codes(weights, n_clusters, keep_zeros, random_state)
        token = f"{next(iter(group))}:{n_clusters}:{zlib.crc32(centers.tobytes())}"
        book = Codebook(n_clusters, token, name="codebook")
        book.centers.assign(centers)
        ends = np.cumsum([len(values) for values in group.values()])
        for name, part in zip(group, np.split(codes, ends[:-1]), strict=True):
            new = ClusteredLayer.standing_for(layers[name], codebook=book)
            new.codes.assign(pack(part, bits_for(n_clusters)))
            coded[id(layers[name])] = new, None
    return coded


def _check_distinct(weights, names, n_clusters):
    """Raise ValueError if the weights of a codebook have fewer distinct values than clusters."""
    distinct = len(np.unique(weights))
    if distinct < n_clusters:
        one = len(names) == 1
        where = f"The layer {names[0]!r}" if one else "The network"
        remedy = f", or leave the layer out by skip=[{names[0]!r}]." if one else "."
        raise ValueError(
            f"{where} has {distinct} distinct weights, fewer than n_clusters={n_clusters}; use "
            f"fewer clusters{remedy}"
        )


def _codes(weights, n_clusters, keep_zeros, random_state):
    """Return the values of a codebook in increasing order, and the code of each weight."""
    is_zero = weights == 0
    if not (keep_zeros and is_zero.any()):
        return _clusters(weights, n_clusters, random_state)
    others = weights[~is_zero]
    if n_clusters == 2 and others.min() < 0 < others.max():
        raise ValueError(
            "n_clusters=2 and keep_zeros=True leave one value, near 0, for weights of both signs; "
            "use n_clusters=3 or more, or keep_zeros=False."
        )
    centers, codes = _clusters(others, n_clusters - 1, random_state)
    zero = np.searchsorted(centers, 0)
    with_zero = np.full(weights.shape, zero)
    with_zero[~is_zero] = codes + (codes >= zero)
    return np.insert(centers, zero, 0), with_zero


def _clusters(weights, n_clusters, random_state):
    """Return cluster centres in increasing order, and the number of the nearest to each weight."""
    kmeans = KMeansPP(n_clusters, random_state=random_state).fit(weights[:, None])
    centers = np.sort(kmeans.cluster_centers_.ravel())
    borders = (centers[1:] + centers[:-1]) / 2
    return centers, np.searchsorted(borders, weights)

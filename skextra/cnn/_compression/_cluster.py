"""cluster_weights: weights as packed numbers of a codebook's values, found by k-means."""

import zlib
from numbers import Integral

import numpy as np

from skextra._base import random_state_of
from skextra._kmeans._kmeans_pp import KMeansPP
from skextra.cnn._compression._quantize import scale_shape
from skextra.cnn._compression._report import report_of
from skextra.cnn._keras import numbers_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._packing import MOST_BITS, bits_for, pack, packed_size
from skextra.cnn._models._rewrite import rewritten
from skextra.cnn._models._weights import CONVOLUTIONS, coded_layers_of, kernels_of, weight_error
from skextra.cnn._subject import check_data, subject_of

_MOST = 2**MOST_BITS
_FLOAT_BYTES = 4


def cluster_weights(
    model,
    n_clusters=16,
    X=None,
    y=None,
    *,
    codebook="per_layer",
    keep_zeros=True,
    skip=(),
    random_state=None,
):
    """Return a network whose weights take a few values only, and a few bits each.

    Parameters
    ----------
    model : keras.Model or CNNClassifier
        A sequential or functional model that is built, or a fitted estimator. It stays as it is.

    n_clusters : int, default=16
        Number of values in a codebook, from 2 to 256. Powers of two use their bits in full.

    X : array-like, default=None
        Samples to compare both networks on.

    y : array-like of shape (n_samples,), default=None
        Their classes; for Keras models the numbers of the outputs.

    codebook : {'per_layer', 'global'}, default='per_layer'
        Whether every layer has values of its own, or all layers share them.

    keep_zeros : bool, default=True
        Whether weights that are exactly 0, as those that were pruned, stay 0. A codebook for such
        weights then has 0 as one of its `n_clusters` values, and the others are found among the
        weights that are not 0. Where no weight is 0 it changes nothing.
        With False a zero is a weight like any other, and becomes the nearest of all values.

    skip : sequence of str, default=()
        Names of layers to leave as they are.

    random_state : int, RandomState instance or None, default=None
        For the k-means++ starts. An int makes the result repeatable.

    Returns
    -------
    clustered : keras.Model or CNNClassifier
        What was given, with kernels of coded weights.

    report : CompressionReport
        What it saves and, with data, what it costs.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid, the model is of another kind or is not built, a layer cannot be
        clustered, or a layer has fewer distinct weights than `n_clusters`.

    See Also
    --------
    best_n_clusters : The largest number that beats int8.
    skextra.KMeansPP : Finds the values.
    skextra.plotting.CompressionDisplay : Accuracy against bytes for several numbers.

    Notes
    -----
    N weights of one codebook of M values take ``N * log2(M) / 8 + 4 * M`` bytes [1]_: the number
    of the value for each weight, packed without gaps, and the values in float32. For M other than
    powers of two the logarithm is rounded up. Biases and batch normalisation stay as they are;
    fold the latter first. Zeros that are kept cost no bytes of their own, as their code is one of
    the M. They are kept unless told otherwise because a pruned network would else lose what it
    was pruned for, in silence; with few values, and few zeros that mean nothing, the value may be
    worth more elsewhere.

    The kernels are decoded at every call, so that time is lost, not gained: with 220,000 weights a
    prediction of one image took twice as long, of thousands a tenth longer. What is gained are
    bytes in storage, on the line and in memory.

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
    kinds = (*CONVOLUTIONS, "Dense")
    chosen, skip = coded_layers_of(graph_of(subject.model), skip, kinds, "clustered")
    coded = _coded(chosen, int(n_clusters), codebook, keep_zeros, random_state)
    changed, made = rewritten(subject.model, lambda layer: coded.get(id(layer)))
    errors = {name: weight_error(layer, made[id(layer)]) for name, layer in chosen.items()}
    actions = dict.fromkeys(skip, "left: in skip")
    new = subject.wrapped(changed)
    return new, report_of("cluster_weights", subject, new, actions, errors, X, y)


def _check(n_clusters, codebook, keep_zeros):
    if not isinstance(n_clusters, Integral) or isinstance(n_clusters, bool | np.bool_):
        raise TypeError(f"n_clusters must be a whole number, got {n_clusters!r}.")
    if not 2 <= n_clusters <= _MOST:
        raise ValueError(
            f"n_clusters={n_clusters} must lie between 2 and {_MOST}; with more, the number of a "
            "value would be longer than int8."
        )
    if not isinstance(keep_zeros, bool | np.bool_):
        raise TypeError(f"keep_zeros must be True or False, got {keep_zeros!r}.")
    _check_codebook(codebook)


def _check_codebook(codebook):
    if codebook not in ("per_layer", "global"):
        raise ValueError(f"codebook={codebook!r} must be 'per_layer' or 'global'.")


def _coded(chosen, n_clusters, codebook, keep_zeros, random_state):
    """Return the coded layer, with nothing to set, for the id of every layer."""
    kernels = {name: [numbers_of(v) for v in kernels_of(x)] for name, x in chosen.items()}
    groups = [list(chosen)] if codebook == "global" else [[name] for name in chosen]
    random_state = random_state_of(random_state)
    coded = {}
    for names in groups:
        weights = np.concatenate([k.ravel() for name in names for k in kernels[name]])
        distinct = len(np.unique(weights))
        if distinct < n_clusters:
            where = f"The layer {names[0]!r}" if len(names) == 1 else "The network"
            raise ValueError(
                f"{where} has {distinct} distinct weights, fewer than n_clusters={n_clusters}; "
                "cluster into fewer" + (f", or leave it as it is by skip=[{names[0]!r}]."
                                        if len(names) == 1 else ".")
            )  # fmt: skip
        centers, numbers = _codes(weights, n_clusters, keep_zeros, random_state)
        start = 0
        book = _codebook(names[0], centers)
        for name in names:
            end = start + sum(k.size for k in kernels[name])
            coded[id(chosen[name])] = (
                _layer(chosen[name], book, numbers[start:end]), None
            )  # fmt: skip
            start = end
    return coded


def _codes(weights, n_clusters, keep_zeros, random_state):
    """Return the values of a codebook, rising, and the number of one for each weight."""
    is_zero = weights == 0
    if not (keep_zeros and is_zero.any()):
        return _clusters(weights, n_clusters, random_state)
    others = weights[~is_zero]
    if n_clusters == 2 and others.min() < 0 < others.max():
        raise ValueError(
            "n_clusters=2 and keep_zeros=True leave one value, near 0, for weights of both signs; "
            "use n_clusters=3 or more, or keep_zeros=False."
        )
    centers, numbers = _clusters(others, n_clusters - 1, random_state)
    place = np.searchsorted(centers, 0)
    with_zero = np.full(weights.shape, place)
    with_zero[~is_zero] = numbers + (numbers >= place)
    return np.insert(centers, place, 0), with_zero


def _clusters(weights, n_clusters, random_state):
    """Return values for the weights, rising, and the number of the nearest for each weight."""
    kmeans = KMeansPP(n_clusters, random_state=random_state).fit(weights[:, None])
    centers = np.sort(kmeans.cluster_centers_.ravel())
    borders = (centers[1:] + centers[:-1]) / 2
    return centers, np.searchsorted(borders, weights)


def _codebook(name, centers):
    from skextra.cnn._models._coded_layers import Codebook

    token = f"{name}:{len(centers)}:{zlib.crc32(centers.tobytes())}"
    book = Codebook(len(centers), token, name="codebook")
    book.centers.assign(centers)
    return book


def _layer(layer, book, numbers):
    from skextra.cnn._models._coded_layers import ClusteredLayer

    new = ClusteredLayer.standing_for(layer, codebook=book)
    new.codes.assign(pack(numbers, bits_for(book.n_clusters)))
    return new


def best_n_clusters(model, *, codebook="per_layer", skip=()):
    """Return the largest number of clusters with which weights take fewer bytes than as int8.

    Parameters
    ----------
    model : int or keras.Model or CNNClassifier
        A number of weights with one codebook, or a network, whose int8 weights are counted with
        their scales as `quantize_int8` stores them.

    codebook : {'per_layer', 'global'}, default='per_layer'
        Of a network: whether every layer has values of its own, or all layers share them.

    skip : sequence of str, default=()
        Names of layers of a network that are left as they are.

    Returns
    -------
    n_clusters : int or None
        From 2 to 256, and of a network no more than there are distinct weights for any codebook;
        None if int8 is smaller with any number.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid.

    See Also
    --------
    cluster_weights : Clusters the weights of a network.

    Notes
    -----
    N weights take N bytes as int8, and ``N * log2(M) / 8 + 4 * M`` bytes with M clusters, the
    logarithm rounded up to whole bits, whether zeros are kept or not: their code is one of the M.

    Examples
    --------
    >>> from skextra.cnn import best_n_clusters
    >>> best_n_clusters(64), best_n_clusters(9216)
    (8, 128)
    """
    _check_codebook(codebook)
    if isinstance(model, Integral) and not isinstance(model, bool):
        if model < 1:
            raise ValueError(f"model={model!r} must be a number of weights, 1 or more.")
        counts, books, int8, most = [int(model)], 1, int(model), _MOST
    else:
        kernels, scales = _kernels_and_scales(model, skip)
        counts = [sum(k.size for k in group) for group in kernels]
        books = 1 if codebook == "global" else len(counts)
        int8 = sum(counts) + _FLOAT_BYTES * scales
        most = _most_clusters(kernels, codebook)

    def size(m):
        packed = sum(packed_size(count, bits_for(m)) for count in counts)
        return packed + books * _FLOAT_BYTES * m

    return max((m for m in range(2, most + 1) if size(m) < int8), default=None)


def most_clusters(model, codebook, skip=()):
    """Return the most clusters that the weights of a network permit."""
    return _most_clusters(_kernels_and_scales(model, skip)[0], codebook)


def _most_clusters(kernels, codebook):
    groups = [[k for group in kernels for k in group]] if codebook == "global" else kernels
    distinct = [len(np.unique(np.concatenate([k.ravel() for k in group]))) for group in groups]
    return min(_MOST, *distinct)


def _kernels_and_scales(model, skip):
    """Return the kernels of the layers that can be clustered, and the number of int8 scales."""
    graph = graph_of(subject_of(model, "best_n_clusters").model)
    chosen, _ = coded_layers_of(graph, skip, (*CONVOLUTIONS, "Dense"), "clustered")
    kernels = [[numbers_of(v) for v in kernels_of(layer)] for layer in chosen.values()]
    scales = sum(
        int(np.prod(scale_shape(layer, kernel.shape, i)))
        for layer, group in zip(chosen.values(), kernels, strict=True)
        for i, kernel in enumerate(group)
    )
    return kernels, scales

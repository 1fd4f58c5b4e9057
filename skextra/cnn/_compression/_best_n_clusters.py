"""best_n_clusters: the largest number of clusters whose weights are smaller than int8."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Literal

import numpy as np

from skextra._typing import KerasModelLike
from skextra.cnn._compression._cluster import (
    MOST_CLUSTERS,
    check_codebook,
    clusterable,
    weights_by_codebook,
)
from skextra.cnn._compression._quantize import scale_shape
from skextra.cnn._models._packing import bits_for, packed_size
from skextra.cnn._models._weights import kernels_of
from skextra.cnn._subject import subject_of

if TYPE_CHECKING:
    from skextra.cnn._classifier import CNNClassifier

_FLOAT_BYTES = 4  # of a value in a codebook and of a scale, both float32


def best_n_clusters(
    model: int | CNNClassifier | KerasModelLike,
    *,
    codebook: Literal["per_layer", "global"] = "per_layer",
    skip: str | Sequence[str] = (),
) -> int | None:
    """Return the largest number of clusters whose weights take fewer bytes than int8.

    Parameters
    ----------
    model : int or keras.Model or CNNClassifier
        A number of weights with one codebook, or a network. The int8 weights of a network are
        counted with their scales, as `quantize_int8` stores them.

    codebook : {'per_layer', 'global'}, default='per_layer'
        Whether every layer of a network has its own codebook, or all layers share one.

    skip : sequence of str, default=()
        Names of layers of a network to leave unchanged.

    Returns
    -------
    n_clusters : int or None
        The number, from 2 to 256. For a network, it is at most the number of distinct weights of
        any codebook. None if int8 is always smaller.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid.

    See Also
    --------
    cluster_weights : Clusters the weights of a network.

    Notes
    -----
    N weights take N bytes as int8, and ``N * log2(M) / 8 + 4 * M`` bytes with M clusters, where
    the logarithm is rounded up. Zeros that are kept take no extra bytes: their code is one of the
    M.

    Examples
    --------
    >>> from skextra.cnn import best_n_clusters
    >>> best_n_clusters(64), best_n_clusters(9216)
    (8, 128)
    """
    check_codebook(codebook)
    if isinstance(model, Integral) and not isinstance(model, bool):
        if model < 1:
            raise ValueError(f"model={model!r} must be a number of weights, 1 or more.")
        counts, n_codebooks, int8, most = [int(model)], 1, int(model), MOST_CLUSTERS
    else:
        layers = _layers(model, skip)
        groups = weights_by_codebook(layers, codebook)
        counts = [len(weights) for group in groups for weights in group.values()]
        n_codebooks, most = len(groups), _most_clusters(groups)
        int8 = sum(counts) + _FLOAT_BYTES * _count_scales(layers)

    def size(m):
        packed = sum(packed_size(count, bits_for(m)) for count in counts)
        return packed + n_codebooks * _FLOAT_BYTES * m

    return max((m for m in range(2, most + 1) if size(m) < int8), default=None)


def most_clusters(model, codebook, skip=()):
    """Return the largest number of clusters that the weights of a network permit."""
    return _most_clusters(weights_by_codebook(_layers(model, skip), codebook))


def _layers(model, skip):
    return clusterable(subject_of(model, "best_n_clusters").model, skip)[0]


def _most_clusters(groups):
    distinct = [len(np.unique(np.concatenate(list(group.values())))) for group in groups]
    return min(MOST_CLUSTERS, *distinct)


def _count_scales(layers):
    """Return the number of scales that `quantize_int8` would store."""
    return sum(
        math.prod(scale_shape(layer, tuple(kernel.shape), i))
        for layer in layers.values()
        for i, kernel in enumerate(kernels_of(layer))
    )

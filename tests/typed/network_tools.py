"""The functions of skextra.cnn, as a type checker sees them."""

from typing import Any, assert_type

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skextra import CNNClassifier
from skextra.cnn import (
    CompressionReport,
    CompressionRow,
    Histogram,
    LayerRow,
    LayerTable,
    Misclassified,
    best_n_clusters,
    cluster_weights,
    compare_networks,
    conv_matrix,
    export_network,
    feature_maps,
    fold_batch_norm,
    gradient_histograms,
    layer_table,
    misclassified,
    quantize_int8,
    weight_histograms,
)

X, y = np.zeros((30, 64)), np.arange(30) % 2


def right_code_of_inspection(cnn: CNNClassifier) -> None:
    table = layer_table(cnn)
    assert_type(table, LayerTable)
    assert_type(table["conv1"], LayerRow)
    assert_type(table["conv1"].macs, int | None)
    assert_type(table.macs, int)
    assert_type(len(table), int)
    assert_type(list(table), list[LayerRow])
    assert_type(table.to_frame(), pd.DataFrame)
    assert_type(feature_maps(cnn, X, layers="all"), dict[str, NDArray[Any]])
    assert_type(weight_histograms(cnn, weights="initial"), dict[str, Histogram])
    assert_type(gradient_histograms(cnn, X, y), dict[str, Histogram])
    assert_type(Histogram.of(X).mean, float)
    found = misclassified(cnn, X, y, n=None)
    assert_type(found, Misclassified)
    assert_type(found.indices, NDArray[np.intp])
    assert_type(found.to_frame(), pd.DataFrame)
    conv_matrix(X, (8, 8), padding="same")


def right_code_of_compression(cnn: CNNClassifier) -> None:
    folded, report = fold_batch_norm(cnn, X, y)
    assert_type(folded, CNNClassifier)
    assert_type(report, CompressionReport)
    assert_type(report.rows, tuple[CompressionRow, ...])
    assert_type(report.ratio, float)
    assert_type(report.speedup, float | None)
    assert_type(report.transfer_seconds(1e6), tuple[float, float])
    assert_type(report.to_frame(), pd.DataFrame)
    assert_type(quantize_int8(cnn, skip=["dense"])[0], CNNClassifier)
    assert_type(cluster_weights(cnn, 16, codebook="global")[0], CNNClassifier)
    assert_type(best_n_clusters(cnn), int | None)
    assert_type(compare_networks(cnn, folded), CompressionReport)
    assert_type(export_network(cnn, "network.tflite"), float | None)


def wrong_code(cnn: CNNClassifier) -> None:
    layer_table("network.keras")  # type: ignore[arg-type]
    print(layer_table(cnn).mac)  # type: ignore[attr-defined]
    weight_histograms(cnn, weights="first")  # type: ignore[arg-type]
    cluster_weights(cnn, codebook="every_layer")  # type: ignore[arg-type]
    print(quantize_int8(cnn)[1].saved)  # type: ignore[attr-defined]
    conv_matrix(X, (8, 8), padding="full")  # type: ignore[arg-type]
    fold_batch_norm("network.keras")  # type: ignore[type-var]
    best_n_clusters("network.keras")  # type: ignore[arg-type]
    misclassified(cnn, X)  # type: ignore[call-arg]

"""
==============================================
A network in an eighth of the bytes
==============================================

This page fits a trained network into a small device, with fewer bytes to store, load and hold in
memory. There are three steps, one call each, without training or calibration:
:func:`~skextra.cnn.fold_batch_norm` removes the batch normalisation,
:func:`~skextra.cnn.quantize_int8` stores each weight in one byte, and
:func:`~skextra.cnn.cluster_weights` in a few bits.
"""

# %%
# A network with batch normalisation
# ----------------------------------
# The data are the digits that come with scikit-learn or, if the environment variable
# ``SKEXTRA_MNIST`` names an ``.npz`` file with arrays `x_train`, `y_train`, `x_test` and `y_test`,
# MNIST.

import os

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skextra import CNNClassifier
from skextra.cnn import (
    best_n_clusters,
    cluster_weights,
    compare_networks,
    fold_batch_norm,
    quantize_int8,
)
from skextra.plotting import CompressionDisplay

mnist = os.environ.get("SKEXTRA_MNIST")
if mnist:
    with np.load(mnist) as arrays:
        X, y = arrays["x_train"][:10_000] / 255, arrays["y_train"][:10_000]
        X_test, y_test = arrays["x_test"] / 255, arrays["y_test"]
else:
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8) / 16
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=0, stratify=y)
X, X_test = X.astype(np.float32), X_test.astype(np.float32)

cnn = CNNClassifier(batch_norm=True, epochs=8, random_state=0).fit(X, y)
print(f"accuracy {cnn.score(X_test, y_test):.4f}")

# %%
# Folding
# -------
# In prediction, batch normalisation is a scale and a shift of each channel. With ``alpha = gamma /
# sqrt(variance + epsilon)`` they are merged into the previous layer: its weights are multiplied by
# ``alpha``, and its bias becomes ``alpha * (b - mean) + beta``. The outputs stay the same up to
# rounding, with one layer less behind every convolution.

folded, folding = fold_batch_norm(cnn, X_test, y_test)
folding

# %%
print(f"{folding.speedup:.2f} times as fast on this machine")

# %%
# One byte per weight
# -------------------
# Each output channel has its own scale, with the largest weight at 127. A quarter of the bytes
# takes a quarter of the time to load: for N weights at S bytes per second, N / S instead of 4 N /
# S.

quantized, int8 = quantize_int8(folded, X_test, y_test)
int8

# %%
seconds_before, seconds_after = int8.transfer_seconds(100_000)
print(f"at 100 kB per second: {seconds_before:.2f} s before, {seconds_after:.2f} s after")

# %%
# Four bits per weight
# --------------------
# k-means finds sixteen values for the weights of each layer, and each weight is stored as the
# index of its value: N log2(M) / 8 + 4 M bytes for N weights and M values. The kernels are decoded
# in every call, so that this saves bytes, not time.

clustered, clusters = cluster_weights(folded, 16, X_test, y_test, random_state=0)
clusters

# %%
# How many clusters take fewer bytes than int8? For 64 weights, eight do, with 56 bytes, and
# sixteen do not, with 96. The more weights, the more clusters are worthwhile.

best = {n: best_n_clusters(n) for n in (64, 1_000, 10_000)}
print(best, "and for this network:", best_n_clusters(folded))

# %%
# Accuracy
# --------
# Accuracy against bytes for several numbers of clusters. Down to eight clusters the accuracy is
# preserved. With two values per layer, the network has a thirtieth of its size and a low accuracy.

display = CompressionDisplay.from_estimator(
    folded, X_test, y_test, n_clusters=(2, 4, 8, 16, 32), random_state=0
)

# %%
# All steps in one table, from the trained network to the compressed one:

compare_networks(cnn, clustered, X_test, y_test)

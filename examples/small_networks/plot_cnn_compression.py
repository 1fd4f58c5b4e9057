"""
==============================================
A network in an eighth of the bytes
==============================================

A trained network is to go onto a small device: fewer bytes to store, to fetch and to hold. Three
steps, each one call, and none of them needs training or calibration:
:func:`~skextra.cnn.fold_batch_norm` takes the batch normalisation out,
:func:`~skextra.cnn.quantize_int8` stores a weight in one byte, and
:func:`~skextra.cnn.cluster_weights` in a few bits.
"""

# %%
# A network with batch normalisation
# ----------------------------------
# On the digits that come with scikit-learn or, if the environment variable ``SKEXTRA_MNIST``
# names a file ``.npz`` with arrays `x_train`, `y_train`, `x_test` and `y_test`, on MNIST.

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
# When a network predicts, batch normalisation is a scale and a shift of each channel. With
# ``alpha = gamma / sqrt(variance + epsilon)`` the layer before it can do the same: its weights
# times ``alpha``, and ``alpha * (b - mean) + beta`` for a bias. The outputs are those that they
# were, but for rounding, and a layer after every convolution is gone.

folded, folding = fold_batch_norm(cnn, X_test, y_test)
folding

# %%
print(f"{folding.speedup:.2f} times as fast on this machine")

# %%
# A byte a weight
# ---------------
# Each output channel has a scale of its own, so that its largest weight is 127. A quarter of the
# bytes are a quarter of the time to fetch them: with N weights and S bytes a second 4 N / S
# becomes N / S.

quantized, int8 = quantize_int8(folded, X_test, y_test)
int8

# %%
seconds_before, seconds_after = int8.transfer_seconds(100_000)
print(f"at 100 kB a second: {seconds_before:.2f} s before, {seconds_after:.2f} s now")

# %%
# Four bits a weight
# ------------------
# k-means finds sixteen values for the weights of each layer, and what is stored is which of them
# each weight is: N log2(M) / 8 + 4 M bytes. The kernels are decoded when they are needed, so
# this saves bytes, not time.

clustered, clusters = cluster_weights(folded, 16, X_test, y_test, random_state=0)
clusters

# %%
# How many clusters still beat int8? For 64 weights eight do, with 56 bytes, and sixteen do not,
# with 96; the more weights, the more clusters pay.

best = {n: best_n_clusters(n) for n in (64, 1_000, 10_000)}
print(best, "and for this network:", best_n_clusters(folded))

# %%
# What it costs
# -------------
# Accuracy against bytes, for several numbers of clusters. Down to eight there is nothing to lose;
# with two values for each layer the network is a thirtieth of its size and falls apart.

display = CompressionDisplay.from_estimator(
    folded, X_test, y_test, n_clusters=(2, 4, 8, 16, 32), random_state=0
)

# %%
# All steps in one table, from the network that was trained to the one that goes onto the device:

compare_networks(cnn, clustered, X_test, y_test)

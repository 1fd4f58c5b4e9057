"""
=====================================================
Inside a network: feature maps, weights and gradients
=====================================================

What does a trained network respond to in a digit, how are its weights distributed, and why must
they start at random? :class:`~skextra.plotting.FeatureMapDisplay`,
:class:`~skextra.plotting.FilterDisplay`, :class:`~skextra.plotting.HistogramDisplay` and
:class:`~skextra.plotting.MisclassifiedDisplay` draw any fitted :class:`~skextra.CNNClassifier` and
any Keras model; :mod:`skextra.cnn` provides the values.
"""

# %%
# A network
# ---------
# The digits that come with scikit-learn. If the environment variable ``SKEXTRA_MNIST`` names an
# ``.npz`` file of MNIST, with arrays `x_train`, `y_train`, `x_test` and `y_test`, the page uses
# 10,000 images of its training set and all of its test set instead.

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skextra import CNNClassifier
from skextra.cnn import gradient_histograms
from skextra.plotting import (
    FeatureMapDisplay,
    FilterDisplay,
    HistogramDisplay,
    MisclassifiedDisplay,
)

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

cnn = CNNClassifier(filters=(16, 32), epochs=8, random_state=0).fit(X, y)
accuracy = cnn.score(X_test, y_test)
print(f"accuracy on {len(y_test)} test images: {accuracy:.4f}")

# %%
# Feature maps
# ------------
# Feature maps for one digit: five filters of the first convolution and five of the last, those
# whose output varies most over the image. The maps of the first still show the digit, thickened,
# or one of its edges. Those of the last, behind a pool, are coarse, and respond to larger parts.
# Zero is dark: a rectifier sets negative values to zero.

figure, axes = plt.subplots(3, 4, figsize=(6.4, 6), layout="constrained")
axes[2, 3].axis("off")
three = np.flatnonzero(y_test == 3)[0]
maps = FeatureMapDisplay.from_estimator(cnn, X_test, sample=three, ax=axes.ravel()[:11])

# %%
# The weights of all filters of the first convolution. A filter that responds to an edge has
# different colours on its two sides.

figure, axes = plt.subplots(4, 4, figsize=(6.4, 6.4), layout="constrained")
filters = FilterDisplay.from_estimator(cnn, ax=axes)

# %%
# Weights and gradients
# ---------------------
# The distribution of the weights of each layer after the fit (left), and of the gradients of the
# loss at the initial weights (right). Layers with many inputs have small weights.

figure, axes = plt.subplots(4, 2, figsize=(6.4, 8.6), layout="constrained")
weights = HistogramDisplay.from_estimator(cnn, ax=axes[:, 0])
gradients = HistogramDisplay.from_estimator(
    cnn, X, y, weights="initial", ax=axes[:, 1], color="#D55E00"
)

# %%
# Zeros as initial weights
# ------------------------
# With all weights at zero, every hidden output is zero for any image, and so is every gradient
# except that of the last bias: the network learns only the frequency of each digit, however long
# it is trained. The initial weights must be random, so that the filters differ.

zero = CNNClassifier(filters=(16, 32), kernel_initializer="zeros", epochs=8, random_state=0)
zero.fit(X, y)
start = gradient_histograms(cnn, X, y, weights="initial")
stuck = gradient_histograms(zero, X, y)
print(f"accuracy after {zero.n_iter_} epochs: {zero.score(X_test, y_test):.3f}")
print(f"{'':<16}{'zeros':>14}{'usual weights':>14}   fraction of gradients equal to 0")
for name, histogram in stuck.items():
    print(f"{name:<16}{histogram.zeros:>14.0%}{start[name].zeros:>14.0%}")

# %%
# The worst mistakes
# ------------------
# The misclassified test images of which the network is most certain.

figure, axes = plt.subplots(2, 5, figsize=(6.4, 4), layout="constrained")
wrong = MisclassifiedDisplay.from_estimator(cnn, X_test, y_test, ax=axes)
print(f"{wrong.found.n_wrong} of {wrong.found.n_samples} wrong")

"""
=====================================================
Inside a network: feature maps, weights and gradients
=====================================================

What does a trained network see in a digit, how are its weights spread, and why must they start at
random? :class:`~skextra.plotting.FeatureMapDisplay`, :class:`~skextra.plotting.FilterDisplay`,
:class:`~skextra.plotting.HistogramDisplay` and :class:`~skextra.plotting.MisclassifiedDisplay`
look inside any fitted :class:`~skextra.CNNClassifier` and any Keras model; the numbers that they
draw are those of :mod:`skextra.cnn`.
"""

# %%
# A network
# ---------
# The digits that come with scikit-learn. If the environment variable ``SKEXTRA_MNIST`` names a
# file ``.npz`` of MNIST, with arrays `x_train`, `y_train`, `x_test` and `y_test`, 10,000 images of
# its training set and all of its test set are used instead.

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
# What the layers see
# -------------------
# Five filters of the first convolution and five of the last, on one digit, those that vary most
# over the image. Those of the first still show the digit, thickened, or one of its sides; those of
# the last, behind a pool, are coarse, and answer to larger parts of it. Zero is dark: a rectifier
# cuts what is below.

maps = FeatureMapDisplay.from_estimator(cnn, X_test, sample=np.flatnonzero(y_test == 3)[0])

# %%
# The weights of all filters of the first convolution. One that answers to an edge has one colour
# on one side and the other on the other.

filters = FilterDisplay.from_estimator(cnn)

# %%
# Weights and gradients
# ---------------------
# How the weights of each layer are spread after the fit, and the gradients of the loss at the
# weights that training started from. Layers with many inputs have small weights.

figure, axes = plt.subplots(2, 4, figsize=(10, 5), layout="constrained")
weights = HistogramDisplay.from_estimator(cnn, ax=axes[0])
gradients = HistogramDisplay.from_estimator(
    cnn, X, y, weights="initial", ax=axes[1], color="#D55E00"
)

# %%
# A start from zeros
# ------------------
# With all weights at zero every hidden number is zero, whatever the image, and so is every
# gradient but that of the last bias: the network learns how common each digit is and nothing else,
# however long it is trained. A start must be random, so that filters are unlike and grow apart.

zero = CNNClassifier(filters=(16, 32), kernel_initializer="zeros", epochs=8, random_state=0)
zero.fit(X, y)
start = gradient_histograms(cnn, X, y, weights="initial")
stuck = gradient_histograms(zero, X, y)
print(f"accuracy after {zero.n_iter_} epochs: {zero.score(X_test, y_test):.3f}")
print(f"{'':<16}{'zero start':>14}{'usual start':>14}   share of gradients that are exactly 0")
for name, histogram in stuck.items():
    print(f"{name:<16}{histogram.zeros:>14.0%}{start[name].zeros:>14.0%}")

# %%
# The worst mistakes
# ------------------
# The test images of which the network is most certain, and wrong.

wrong = MisclassifiedDisplay.from_estimator(cnn, X_test, y_test)
print(f"{wrong.found.n_wrong} of {wrong.found.n_samples} wrong")

"""
=====================================================
Inside a network: feature maps, weights and gradients
=====================================================

What does a trained network see in a digit, how are its weights spread, and why must they start at
random? :func:`~skextra.cnn.feature_maps`, :func:`~skextra.cnn.weight_histograms`,
:func:`~skextra.cnn.gradient_histograms` and :func:`~skextra.cnn.misclassified` look inside any
fitted :class:`~skextra.CNNClassifier` and any Keras model.
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
from skextra.cnn import feature_maps, gradient_histograms, misclassified, weight_histograms

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
# over the image. Filters of the first answer to strokes and edges, each to those of its own
# direction; of the last, behind a pool, to larger parts, and to nothing elsewhere. Zero is dark: a
# rectifier cuts what is below.

digit = X_test[y_test == 3][:1]
maps = feature_maps(cnn, digit)
figure, axes = plt.subplots(2, 6, figsize=(10, 3.8), layout="constrained")
for row, (name, found) in zip(axes, maps.items(), strict=True):
    liveliest = np.argsort(found[0].std(axis=(0, 1)))[::-1][:5]
    row[0].imshow(digit[0], cmap="gray_r")
    row[0].set_title("a 3")
    for ax, filter_ in zip(row[1:], liveliest, strict=True):
        ax.imshow(found[0, :, :, filter_], cmap="viridis", vmin=0, vmax=found.max())
        ax.set_title(f"{name}, filter {filter_}", fontsize=9)
for ax in axes.ravel():
    ax.axis("off")

# %%
# Weights and gradients
# ---------------------
# How the weights of each layer are spread after the fit, and the gradients of the loss at the
# weights that training started from. Layers with many inputs have small weights.

weights = weight_histograms(cnn)
start = gradient_histograms(cnn, X, y, weights="initial")
kernels = [name for name in weights if name.endswith("kernel")]


def draw(histogram, ax, name, colour):
    ax.stairs(histogram.counts, histogram.edges, fill=True, color=colour)
    ax.set(title=f"{name}\nstd {histogram.std:.1e}, zeros {histogram.zeros:.0%}", yscale="log")
    ax.title.set_size("small")
    ax.ticklabel_format(axis="x", style="sci", scilimits=(-2, 2))


figure, axes = plt.subplots(2, len(kernels), figsize=(10, 4.6), layout="constrained")
for column, name in zip(axes.T, kernels, strict=True):
    draw(weights[name], column[0], name, "#0072B2")
    draw(start[name], column[1], name, "#D55E00")
axes[0, 0].set_ylabel("weights, fitted")
_ = axes[1, 0].set_ylabel("gradients at the start")

# %%
# A start from zeros
# ------------------
# With all weights at zero every hidden number is zero, whatever the image, and so is every
# gradient but that of the last bias: the network learns how common each digit is and nothing else,
# however long it is trained. A start must be random, so that filters are unlike and grow apart.

zero = CNNClassifier(filters=(16, 32), kernel_initializer="zeros", epochs=8, random_state=0)
zero.fit(X, y)
stuck = gradient_histograms(zero, X, y)
print(f"accuracy after {zero.n_iter_} epochs: {zero.score(X_test, y_test):.3f}")
print(f"{'':<16}{'zero start':>14}{'usual start':>14}   share of gradients that are exactly 0")
for name, histogram in stuck.items():
    print(f"{name:<16}{histogram.zeros:>14.0%}{start[name].zeros:>14.0%}")

# %%
# The worst mistakes
# ------------------
# The test images of which the network is most certain, and wrong.

wrong = misclassified(cnn, X_test, y_test, n=10)
figure, axes = plt.subplots(2, 5, figsize=(9, 4.2), layout="constrained")
for ax in axes.ravel():
    ax.axis("off")
for ax, image, true, predicted, certainty in zip(
    axes.ravel(), wrong.images, wrong.true, wrong.predicted, wrong.probability, strict=False
):
    ax.imshow(image[:, :, 0], cmap="gray_r")
    ax.set_title(f"{true} taken for {predicted}, p = {certainty:.2f}", fontsize=9)
print(f"{wrong.n_wrong} of {wrong.n_samples} wrong")

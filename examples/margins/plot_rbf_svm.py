"""
============================================
An RBF SVM in a fraction of the time
============================================

``SVC(kernel="rbf")`` compares every new sample with all of its support vectors, and the time of a
fit grows faster than the number of samples. :class:`~skextra.FeatureMapSVM` compares samples with
a fixed number of landmarks instead. This page shows accuracy, fit time and prediction time on
handwritten digits as that number grows. The gain grows with the number of samples: on a few
thousand small images SVC fits as fast, and predicts a few times slower; on MNIST FeatureMapSVM is
tens of times as fast.
"""

# %%
# Data
# ----
# Half of the digits that come with scikit-learn are the test set. The other half is shifted by one
# pixel up, down, left and right to obtain more samples. If the environment variable
# ``SKEXTRA_MNIST`` names an ``.npz`` file of MNIST, with arrays `x_train`, `y_train`, `x_test` and
# `y_test`, the page uses 10,000 images of its training set and all of its test set instead.

import os
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from skextra import FeatureMapSVM


def shifted(X, rows, columns):
    images = np.pad(X.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    return np.roll(images, (rows, columns), axis=(1, 2))[:, 1:-1, 1:-1].reshape(len(X), 64)


mnist = os.environ.get("SKEXTRA_MNIST")
if mnist:
    with np.load(mnist) as arrays:
        X, y = arrays["x_train"][:10_000].reshape(10_000, -1) / 255, arrays["y_train"][:10_000]
        X_test, y_test = arrays["x_test"].reshape(10_000, -1) / 255, arrays["y_test"]
else:
    X, y = load_digits(return_X_y=True)
    X = X / 16
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)
    moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
    X = np.concatenate([shifted(X, *move) for move in moves])
    y = np.tile(y, len(moves))
side = int(X.shape[1] ** 0.5)
print(f"{len(X)} training samples, {len(X_test)} test samples")

# %%
# Both classifiers
# ----------------
# The squared hinge loss needs a larger C than the hinge loss of SVC: 4, the default, is comparable
# to 1 there.


def seconds(call, repeats=3):
    """Return the median time of some calls, and the result of the last one."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return np.median(times), result


once = 1 if mnist else 3  # on MNIST, one run of SVC is enough
peer = SVC()
peer_fit, _ = seconds(lambda: peer.fit(X, y), once)
peer_predict, labels = seconds(lambda: peer.predict(X_test), once)
peer_accuracy = np.mean(labels == y_test)
print(f"SVC: {len(peer.support_)} support vectors, accuracy {peer_accuracy:.4f}")

FeatureMapSVM(n_components=50, random_state=0).fit(X, y)  # the first fit compiles
sizes = [50, 100, 200, 400, 800, 1600] if mnist else [50, 100, 200, 400, 800]
fits, predictions, accuracies = [], [], []
for m in sizes:
    svm = FeatureMapSVM(n_components=m, random_state=0)
    fits.append(seconds(lambda svm=svm: svm.fit(X, y))[0])
    took, labels = seconds(lambda svm=svm: svm.predict(X_test))
    predictions.append(took)
    accuracies.append(np.mean(labels == y_test))
    print(f"{m:>4} landmarks: accuracy {accuracies[-1]:.4f}")

# %%
# The effect of the number of landmarks
# -------------------------------------
# A few hundred landmarks are enough for the small digits, a thousand for MNIST. The prediction
# time grows with their number; that of SVC grows with the number of its support vectors, which
# grows with the data. The fit of SVC is faster on few samples, and its time grows with the square
# of the number of samples or faster. With 60,000 images the fit of FeatureMapSVM takes a fortieth
# of the time (:doc:`../../benchmarks`).

import matplotlib.pyplot as plt

fig, axes = plt.subplots(3, 1, figsize=(6.4, 8), sharex=True, layout="constrained")
columns = [
    ("test accuracy", accuracies, peer_accuracy),
    ("fit, seconds", fits, peer_fit),
    ("prediction, seconds", predictions, peer_predict),
]
for ax, (title, values, reference) in zip(axes, columns, strict=True):
    ax.plot(sizes, values, marker="o", color="#0072B2", label="FeatureMapSVM")
    ax.axhline(reference, color="#D55E00", linestyle="--", label="SVC")
    ax.set(ylabel=title, xscale="log")
    ax.set_xticks(sizes, sizes)
    ax.minorticks_off()
    if title != "test accuracy":
        ax.set_ylim(bottom=0)
axes[0].legend()
axes[-1].set_xlabel("landmarks")
plt.show()

# %%
# The choice of landmarks
# -----------------------
# By default the landmarks are drawn near the decision boundary, which a small pilot fit
# finds. The alternatives are random samples and cluster centres. The latter are worth a try if
# landmarks must be few: with a hundred, they are best on the small digits.

for landmarks in ("uniform", "kmeans", "margin"):
    scores = [
        FeatureMapSVM(n_components=100, landmarks=landmarks, random_state=seed)
        .fit(X, y)
        .score(X_test, y_test)
        for seed in range(3)
    ]
    print(f"100 landmarks, {landmarks:<8} mean accuracy of three draws {np.mean(scores):.4f}")

# %%
# Landmarks as images
# -------------------
# Landmarks are samples, here images. The first thirty:

fig, axes = plt.subplots(5, 6, figsize=(6.4, 5.4), layout="constrained")
for ax, image in zip(axes.ravel(), svm.landmarks_, strict=False):
    ax.imshow(image.reshape(side, side), cmap="gray_r")
    ax.set_axis_off()
plt.show()

"""
================================
Handwritten digits, unsupervised
================================

Ten clusters of images of the ten digits, made without a look at what the images are said to show.
How much of "which digit is this" is in the pixels themselves? This page looks at the centres,
which are images again, counts which digits each cluster has gathered, and sees which digits
k-means cannot keep apart.
"""

# %%
# The data
# --------
# The digits that come with scikit-learn: 1797 images of 8 by 8 pixels. If the environment variable
# ``SKEXTRA_MNIST`` names a file ``.npz`` of MNIST, with arrays `x_train` and `y_train`, its first
# 10,000 images are used instead, which have 28 by 28.

import os

import numpy as np
from sklearn.datasets import load_digits

mnist = os.environ.get("SKEXTRA_MNIST")
if mnist:
    with np.load(mnist) as arrays:
        images = arrays["x_train"][:10_000]
        X = images.reshape(len(images), -1).astype(np.float32)
        y = arrays["y_train"][:10_000].astype(int)
else:
    X, y = load_digits(return_X_y=True)
side = int(np.sqrt(X.shape[1]))
print(f"{len(X)} images of {side} by {side} pixels")

# %%
# Ten clusters
# ------------
# The same call would do for :class:`~sklearn.cluster.KMeans`, and so would its answer, had it been
# lucky. Over ten seeds a single start of scikit-learn ends higher on average, and less reliably.

from sklearn.cluster import KMeans

from skextra import KMeansPP

clusters = KMeansPP(10, random_state=0).fit(X)
inertia = {
    name: np.array([make(seed).fit(X).inertia_ for seed in range(10)])
    for name, make in {
        "KMeans": lambda seed: KMeans(10, random_state=seed),
        "KMeansPP": lambda seed: KMeansPP(10, random_state=seed),
    }.items()
}
lowest = min(ends.min() for ends in inertia.values())
print(f"lowest inertia of all fits: {lowest:.5g}; above it, in per cent:")
for name, ends in inertia.items():
    excess = 100 * (ends / lowest - 1)
    print(f"{name:<9} best {excess.min():.2f}, mean {excess.mean():.2f}, worst {excess.max():.2f}")

# %%
# Which digit is in which cluster
# -------------------------------
# Clusters have no names. To compare, count for each cluster how many images it has of each true
# digit. The most frequent one gives the cluster its name. Clusters are sorted by that digit.

counts = np.zeros((10, 10), int)
np.add.at(counts, (clusters.labels_, y), 1)
order = np.lexsort((-counts.max(axis=1), counts.argmax(axis=1)))
counts = counts[order]
names = counts.argmax(axis=1)
purity = counts.max(axis=1).sum() / len(X)
print("most frequent digit of the clusters:", " ".join(map(str, names)))
print(f"images that show the digit their cluster is named for: {purity:.1%}")

from sklearn.metrics import adjusted_rand_score

agreement = adjusted_rand_score(y, clusters.labels_)
print(f"adjusted Rand index: {agreement:.3f} (0: as by chance, 1: the digits exactly)")

# %%
# Centres as images
# -----------------
# Each centre is the mean of its cluster, and so an image. It is blurred where the images of the
# cluster differ.

import matplotlib.pyplot as plt

centroids = clusters.cluster_centers_[order].reshape(10, side, side)
fig, axes = plt.subplots(2, 5, figsize=(9, 4.3), layout="constrained")
for ax, image, row in zip(axes.flat, centroids, counts, strict=True):
    ax.imshow(image, cmap="gray_r")
    first, second = np.argsort(-row, kind="stable")[:2]
    shares = [f"{digit}: {row[digit] / row.sum():.0%}" for digit in (first, second) if row[digit]]
    ax.set(xticks=[], yticks=[], title=",  ".join(shares))
_ = fig.suptitle("The ten centres, and the two most frequent digits of their clusters")

# %%
# Histograms
# ----------
# On the left how many images each cluster has got, on the right which digits they are. Were the
# clusters the digits, all counts would lie on a diagonal.

fig, (left, right) = plt.subplots(
    1, 2, figsize=(9, 5), width_ratios=(1, 2.4), sharey=True, layout="constrained"
)
sizes = counts.sum(axis=1)
left.barh(range(10), sizes, color="#0072B2")
left.set_yticks(range(10), [f"cluster {k} ({name})" for k, name in enumerate(names)])
left.set(xlabel="Images", title="Sizes of the clusters")
right.imshow(counts, cmap="Blues", aspect="auto")
for row, column in zip(*np.nonzero(counts), strict=True):
    shade = "white" if counts[row, column] > counts.max() / 2 else "black"
    right.text(column, row, counts[row, column], ha="center", va="center", color=shade)
right.set(xlabel="True digit", xticks=range(10), title="Digits in the clusters")

# %%
# Which digits stay together
# --------------------------
# The clusters follow the strokes and not their meaning. Where two hands write a digit in two ways
# it may take up two clusters, and digits that look alike share one. For each digit, the cluster
# that has most of it:

together = {}
for digit in range(10):
    cluster = int(counts[:, digit].argmax())
    together[digit] = counts[cluster, digit] / counts[:, digit].sum()
    share = counts[cluster, digit] / counts[cluster].sum()
    print(f"{digit}: {together[digit]:4.0%} of them are {share:4.0%} of cluster {cluster}")

# %%
# Of the small digits 0, 4 and 6 are almost alone in their clusters, and almost complete. The 1 and
# the 8 are not: at 8 by 8 pixels many of them are one broad vertical stroke.

plt.show()

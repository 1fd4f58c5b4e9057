"""
================================
Handwritten digits, unsupervised
================================

This page clusters images of the ten digits into ten clusters, without the labels, to see how much
of the digit is in the pixels themselves. It shows the centres, which are images again, counts the
digits in each cluster, and lists the digits that k-means does not separate.
"""

# %%
# The data
# --------
# The digits that come with scikit-learn: 1797 images of 8 by 8 pixels. If the environment variable
# ``SKEXTRA_MNIST`` names an ``.npz`` file of MNIST, with arrays `x_train` and `y_train`, the page
# uses its first 10,000 images of 28 by 28 pixels instead.

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
# The same call works with :class:`~sklearn.cluster.KMeans`. Over ten seeds, a single start of
# KMeans ends with a higher inertia on average, and with a larger spread.

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
print(f"lowest inertia of all fits: {lowest:.5g}; excess in percent:")
for name, ends in inertia.items():
    excess = 100 * (ends / lowest - 1)
    print(f"{name:<9} best {excess.min():.2f}, mean {excess.mean():.2f}, worst {excess.max():.2f}")

# %%
# Digits in each cluster
# ----------------------
# Clusters have no labels. To compare them with the digits, count the images of each true digit in
# each cluster. The most frequent digit labels the cluster, and the clusters are sorted by it.

counts = np.zeros((10, 10), int)
np.add.at(counts, (clusters.labels_, y), 1)
order = np.lexsort((-counts.max(axis=1), counts.argmax(axis=1)))
counts = counts[order]
names = counts.argmax(axis=1)
purity = counts.max(axis=1).sum() / len(X)
print("most frequent digit of the clusters:", " ".join(map(str, names)))
print(f"images that show the most frequent digit of their cluster: {purity:.1%}")

from sklearn.metrics import adjusted_rand_score

agreement = adjusted_rand_score(y, clusters.labels_)
print(f"adjusted Rand index: {agreement:.3f} (0: chance, 1: the digits exactly)")

# %%
# Centres as images
# -----------------
# Each centre is the mean of its cluster, and therefore an image. It is blurred where the images of
# the cluster differ.

import matplotlib.pyplot as plt

centroids = clusters.cluster_centers_[order].reshape(10, side, side)
fig, axes = plt.subplots(2, 5, figsize=(6.4, 4), layout="constrained")
for ax, image, row in zip(axes.flat, centroids, counts, strict=True):
    ax.imshow(image, cmap="gray_r")
    first, second = np.argsort(-row, kind="stable")[:2]
    shares = [f"{digit}: {row[digit] / row.sum():.0%}" for digit in (first, second) if row[digit]]
    ax.set(xticks=[], yticks=[], title="\n".join(shares))
_ = fig.suptitle("The centres, and the most frequent digits of their clusters")

# %%
# Counts
# ------
# The left panel shows the number of images per cluster, the right panel the digits in each
# cluster. If the clusters were the digits, all counts would be on a diagonal.

fig, (left, right) = plt.subplots(
    1, 2, figsize=(6.4, 4.6), width_ratios=(1, 2.6), sharey=True, layout="constrained"
)
sizes = counts.sum(axis=1)
left.barh(range(10), sizes, color="#0072B2")
left.set_yticks(range(10), [f"{k} ({name})" for k, name in enumerate(names)])
left.set(xlabel="Images", ylabel="Cluster (most frequent digit)", title="Sizes")
right.imshow(counts, cmap="Blues", aspect="auto")
for row, column in zip(*np.nonzero(counts), strict=True):
    shade = "white" if counts[row, column] > counts.max() / 2 else "black"
    right.text(column, row, counts[row, column], ha="center", va="center", color=shade, fontsize=9)
right.set(xlabel="True digit", xticks=range(10), title="Digits in the clusters")

# %%
# Digits that share a cluster
# ---------------------------
# The clusters follow the strokes, not their meaning. A digit that is written in two ways can take
# two clusters, and digits that look alike share one. For each digit, the cluster with the largest
# share of its images:

together = {}
for digit in range(10):
    cluster = int(counts[:, digit].argmax())
    together[digit] = counts[cluster, digit] / counts[:, digit].sum()
    share = counts[cluster, digit] / counts[cluster].sum()
    print(f"{digit}: {together[digit]:4.0%} of them are {share:4.0%} of cluster {cluster}")

# %%
# Of the digits of 8 by 8 pixels, 0, 4 and 6 have a cluster almost to themselves, which contains
# almost all of their images. The 1 and the 8 do not: at this resolution, many of them are one
# broad vertical stroke.

plt.show()

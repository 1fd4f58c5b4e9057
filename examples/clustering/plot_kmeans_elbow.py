r"""
=====================================
How many clusters? The elbow, or none
=====================================

The inertia falls with every additional cluster, so its value alone cannot tell how many clusters
there are. Its *curve* can: it falls steeply while a new centre finds a group of its own, and
slowly once new centres can only split groups. The bend in between is called the elbow. However,
data without clusters have a curve too, and a linear plot suggests a bend. This page draws three
curves: one with an elbow, one without, and one where the answer depends on the criterion.
"""

# %%
# Three data sets
# ---------------
# Five round groups; points spread uniformly over a square; and the irises, which belong to three
# species, two of them very similar.

import numpy as np
from sklearn.datasets import load_iris, make_blobs

places = [(0, 0), (6, 0), (3, 5), (9, 5), (12, 0)]
blobs, _ = make_blobs(600, centers=places, cluster_std=1.0, random_state=0)
uniform = np.random.default_rng(0).random((600, 2))
iris, species = load_iris(return_X_y=True)
data = {"five groups": blobs, "no groups": uniform, "irises": iris}

# %%
# The curves
# ----------
# :func:`~skextra.inertia_path` searches for twenty good centres and removes them one by one, so
# that the whole curve takes about as long as two or three fits. It also locates the elbow: the
# point farthest below the straight line between the ends of the curve, if that distance is large
# enough.

from skextra import inertia_path

paths = {name: inertia_path(X, range(1, 21), random_state=0) for name, X in data.items()}
for name, path in paths.items():
    print(f"{name:<12} elbow {path.elbow!s:<5} inertia", path.inertia[:6].round(1), "...")

# %%
# :class:`~skextra.plotting.ElbowDisplay` draws a path. In the left column, with the usual linear
# axes, all three curves seem to bend, also the one without groups. In the right column both axes
# are logarithmic, and the bend of the points in the square disappears.

import matplotlib.pyplot as plt

from skextra.plotting import ElbowDisplay

fig, axes = plt.subplots(3, 2, figsize=(6.4, 8.4), layout="constrained")
for row, (name, path) in zip(axes, paths.items(), strict=True):
    for ax, log in zip(row, (False, True), strict=True):
        ElbowDisplay.from_path(path, ax=ax, log=log)
        ax.set_title(name)
    row[1].plot(path.n_clusters[[0, -1]], path.inertia[[0, -1]], ":", color="0.5", zorder=0)

# %%
# Why logarithms
# --------------
# If k centres share an area evenly, each serves an area proportional to 1/k. Distances to the
# centre scale with its square root, and squared distances with 1/k. In d dimensions the inertia
# scales with :math:`k^{-2/d}`, which is a straight line of slope -2/d on logarithmic axes. The
# square has two dimensions:

slope = np.polyfit(np.log(paths["no groups"].n_clusters), np.log(paths["no groups"].inertia), 1)[0]
print(f"slope of the curve without groups: {slope:.2f}; in theory: -1")

# %%
# `elbow` depends on the depth below the dotted line, and is None if the depth is negligible. To
# check that it is None without groups, here are one hundred squares:

found = sum(
    inertia_path(rng.random((200, 2)), range(1, 13), random_state=0).elbow is not None
    for rng in map(np.random.default_rng, range(100))
)
print(f"elbows found where there are none: {found} of 100")

# %%
# Overlapping groups
# ------------------
# The five groups again, with increasing width. When the overlap is large enough, the elbow
# disappears: the data no longer have five distinct groups.

elbow_by_width = {}
for width in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0):
    X, _ = make_blobs(600, centers=places, cluster_std=width, random_state=0)
    elbow_by_width[width] = inertia_path(X, random_state=0).elbow
    print(f"standard deviation {width}: elbow {elbow_by_width[width]}")

# %%
# The irises
# ----------
# There are three species, and the elbow is at three for any length of the curve:

iris_elbows = {}
for largest in (6, 8, 10, 15, 20, 40):
    iris_elbows[largest] = inertia_path(iris, range(1, largest + 1), random_state=0).elbow
    print(f"1 to {largest:<2} clusters: elbow {iris_elbows[largest]}")

# %%
# Three is not the only possible answer. Two of the species are very similar, and the silhouette,
# which compares the distance to the own cluster with that to the nearest other cluster, prefers
# two clusters. (The fits start from the centres of the path.)

from sklearn.metrics import silhouette_score

from skextra import KMeansPP

silhouettes = {}
for k in (2, 3, 4, 5):
    fit = KMeansPP(k, init=paths["irises"].centers[k - 1], tol=0).fit(iris)
    silhouettes[k] = silhouette_score(iris, fit.labels_)
    print(f"{k} clusters: inertia {fit.inertia_:6.1f}, silhouette {silhouettes[k]:.3f}")

plt.show()

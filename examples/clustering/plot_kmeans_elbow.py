r"""
=====================================
How many clusters? The elbow, or none
=====================================

More clusters always fit better, so that the inertia cannot say how many there are. Its *curve*
can: it falls steeply while a new centre finds a group of its own, and slowly once it can only cut
groups in two. The bend in between is called the elbow. Data without clusters have a curve too,
however, and a plot that makes one see bends. This page draws three curves, one with an elbow, one
without, and one where it is a matter of taste.
"""

# %%
# Three data sets
# ---------------
# Five round groups; points spread evenly over a square; and the irises, of which there are three
# species, two of them much alike.

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
# :func:`~skextra.inertia_path` searches for twenty good centres and takes them away one by one, so
# that the whole curve takes about as long as two or three fits. It also says where the elbow is:
# at the point farthest below the straight line between the ends of the curve, if that is far
# enough.

from skextra import inertia_path

paths = {name: inertia_path(X, range(1, 21), random_state=0) for name, X in data.items()}
for name, path in paths.items():
    print(f"{name:<12} elbow {path.elbow!s:<5} inertia", path.inertia[:6].round(1), "...")

# %%
# :class:`~skextra.plotting.ElbowDisplay` draws a path. In the upper row, the plot as it is mostly
# drawn, all three curves seem to bend, the one without groups as well. In the lower row both axes
# are logarithmic, and the bend of the points in the square is gone.

import matplotlib.pyplot as plt

from skextra.plotting import ElbowDisplay

fig, axes = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
for column, (name, path) in zip(axes.T, paths.items(), strict=True):
    for ax, log in zip(column, (False, True), strict=True):
        ElbowDisplay.from_path(path, ax=ax, log=log)
    column[1].plot(path.n_clusters[[0, -1]], path.inertia[[0, -1]], ":", color="0.5", zorder=0)
    column[0].set_title(name)

# %%
# Why logarithms
# --------------
# If k centres share an area evenly, each serves an area of 1/k. The distances to it go with the
# square root of that, and the squared distances with 1/k. In d dimensions it is
# :math:`k^{-2/d}`, which on logarithmic axes is a straight line of slope -2/d. The square has two
# dimensions:

slope = np.polyfit(np.log(paths["no groups"].n_clusters), np.log(paths["no groups"].inertia), 1)[0]
print(f"slope of the curve without groups: {slope:.2f}; of theory: -1")

# %%
# What `elbow` measures is the depth below the dotted line, and it is None if there is no depth
# worth mentioning. Does it say None if it ought to? One hundred squares without groups:

found = sum(
    inertia_path(rng.random((200, 2)), range(1, 13), random_state=0).elbow is not None
    for rng in map(np.random.default_rng, range(100))
)
print(f"elbows found where there are none: {found} of 100")

# %%
# Groups that run into each other
# -------------------------------
# The five groups again, ever wider. When they overlap enough the elbow goes, which is the right
# answer to a question that the data no longer answer.

elbow_by_width = {}
for width in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0):
    X, _ = make_blobs(600, centers=places, cluster_std=width, random_state=0)
    elbow_by_width[width] = inertia_path(X, random_state=0).elbow
    print(f"standard deviation {width}: elbow {elbow_by_width[width]}")

# %%
# The irises
# ----------
# There are three species, and the elbow finds three, however far the curve goes:

iris_elbows = {}
for largest in (6, 8, 10, 15, 20, 40):
    iris_elbows[largest] = inertia_path(iris, range(1, largest + 1), random_state=0).elbow
    print(f"1 to {largest:<2} clusters: elbow {iris_elbows[largest]}")

# %%
# It is one answer among several. Two of the species are much alike, and the silhouette, which
# compares the distance to the own group with that to the next one, takes them for one. (The fits
# start from the centres of the path, which are ready to be used.)

from sklearn.metrics import silhouette_score

from skextra import KMeansPP

silhouettes = {}
for k in (2, 3, 4, 5):
    fit = KMeansPP(k, init=paths["irises"].centers[k - 1], tol=0).fit(iris)
    silhouettes[k] = silhouette_score(iris, fit.labels_)
    print(f"{k} clusters: inertia {fit.inertia_:6.1f}, silhouette {silhouettes[k]:.3f}")

plt.show()

r"""
====================
K-means step by step
====================

K-means looks for centres such that the *inertia*, the sum of the squared distances of all samples
to their nearest centre, is low. Lloyd's algorithm takes two steps in turn: each sample joins the
nearest centre, and each centre moves to the mean of its samples,

.. math:: c(x) = \arg\min_j \|x - m_j\|^2, \qquad m_j = \mathrm{mean} \{x : c(x) = j\} .

Neither step can raise the inertia, so that the two come to an end. Whether that is a good end
depends on the start. This page watches every iteration from a bad start and from a better one,
asks whether the same number of clusters always gives the same clusters, and compares the outcome
with that of :class:`~sklearn.cluster.KMeans` over several seeds.
"""

# %%
# Three groups
# ------------
# A large distance separates the group on the left from the two on the right.

import numpy as np
from sklearn.datasets import make_blobs

X, _ = make_blobs(300, centers=[[0, 0], [9, 1], [9, 5]], cluster_std=1.0, random_state=4)

# %%
# A bad start
# -----------
# The three samples that lie farthest down on the left become the centres. An array for `init`
# means exactly these centres, without any search for better ones; ``tol=0`` goes on until no
# sample changes its cluster; and ``store_history=True`` keeps what happens on the way.

from skextra import KMeansPP

corner = X[np.argsort(X.sum(axis=1))[:3]]
bad = KMeansPP(3, init=corner, tol=0, store_history=True).fit(X)

# %%
# :class:`~skextra.plotting.KMeansTraceDisplay` draws the start and the iterations. Crosses are the
# centres, and the black lines are the ways they came.

import matplotlib.pyplot as plt

from skextra.plotting import KMeansTraceDisplay

display = KMeansTraceDisplay.from_estimator(bad, X)
_ = display.figure_.suptitle("Three centres from one corner")

# %%
# The same as a film, with `animate`:

film = display.animate(interval=900)

# %%
# Two of the three set out for the right, but one of them gets there first, and the other is left
# without samples there and returns. Now one centre serves two groups, and two share one. There it
# ends: each centre is the mean of its samples, and no sample is nearer to another one. That is a
# *local* minimum. No iteration brings a centre across the gap. In numbers:

bad.history_.to_frame().round(2)

# %%
# The start of k-means++
# ----------------------
# Centres that lie far apart are better to start from. k-means++ draws them from the samples one by
# one, and those far from the centres drawn so far are more likely. ``refine=None`` keeps it at
# that: Lloyd's iterations follow at once.

plus = KMeansPP(3, refine=None, tol=0, store_history=True, random_state=0).fit(X)
display = KMeansTraceDisplay.from_estimator(plus, X)
display.figure_.suptitle("The start of k-means++")
print(f"inertia from the corner    {bad.inertia_:8.1f} after {bad.n_iter_} iterations")
print(f"inertia from k-means++     {plus.inertia_:8.1f} after {plus.n_iter_} iterations")

# %%
# And by default
# --------------
# Unless told otherwise `KMeansPP` goes on from there with a search: it splits clusters where that
# saves most, and takes away the centres that are missed least. Only then do the iterations on all
# data begin, and what the history shows begins there too. Little is left to do for them.

default = KMeansPP(3, store_history=True, random_state=0).fit(X)
print(f"inertia after the search   {default.history_.inertia[0]:8.1f}")
print(f"inertia in the end         {default.inertia_:8.1f} after {default.n_iter_} iteration(s)")

# %%
# Always the same clusters?
# -------------------------
# Two, three and four clusters, each from fifty starts drawn at random, from fifty of k-means++,
# and fifty times with the search. How many different ends are there, and how far apart?

starts = {
    "random": {"init": "random", "refine": None},
    "k-means++": {"refine": None},
    "default": {},
}
outcomes = {
    (k, name): np.array(
        [KMeansPP(k, tol=0, random_state=s, **options).fit(X).inertia_ for s in range(50)]
    )
    for k in (2, 3, 4)
    for name, options in starts.items()
}
print("clusters   start       different ends    lowest   highest   near the lowest")
near = {}
for (k, name), ends in outcomes.items():
    lowest = min(outcomes[k, other].min() for other in starts)
    near[k, name] = np.mean(ends < 1.05 * lowest)
    print(
        f"{k:8}   {name:<9} {len(set(ends.round(1))):16} {ends.min():9.1f} {ends.max():9.1f}"
        f" {near[k, name]:17.0%}"
    )

# %%
# No: the same number of clusters can give other clusters. ("Near" means within 5% of the lowest
# inertia that any start has led to.) With two, all starts agree. With three, more than a quarter
# of the random starts are caught in the local minimum of the first pictures or one much like it;
# those of k-means++ are not, as it is most unlikely to draw only one sample from the right. With
# four the data themselves are undecided. There is no fourth group, one of the three has to be cut
# in two, and there are many ways of doing that which cost nearly the same; even the search does
# not always end with the same one. The best and the worst of the random starts:

fig, axes = plt.subplots(2, 3, figsize=(10, 6.6), sharex=True, sharey=True, layout="constrained")
for column, k in zip(axes.T, (2, 3, 4), strict=True):
    ends = outcomes[k, "random"]
    for ax, which, seed in zip(
        column, ("best", "worst"), (ends.argmin(), ends.argmax()), strict=True
    ):
        options = {**starts["random"], "store_history": True, "random_state": seed}
        fit = KMeansPP(k, tol=0, **options).fit(X)
        KMeansTraceDisplay.from_estimator(fit, X, iterations=-1, ax=ax)
        ax.set(title=f"{k} clusters, {which}\ninertia {fit.inertia_:.1f}", xlabel="", ylabel="")

# %%
# Many clusters
# -------------
# With many clusters it no longer suffices to start well once, because some group or other is
# easily missed. Twenty-five groups on a grid, and ten seeds each:

from sklearn.cluster import KMeans

grid = 4.0 * np.array([(row, column) for row in range(5) for column in range(5)])
many, _ = make_blobs(1000, centers=grid, cluster_std=0.6, random_state=0)
contestants = {
    "KMeans, random start": lambda seed: KMeans(25, init="random", random_state=seed, n_init=1),
    "KMeans": lambda seed: KMeans(25, random_state=seed),
    "KMeans, n_init=10": lambda seed: KMeans(25, n_init=10, random_state=seed),
    "KMeansPP": lambda seed: KMeansPP(25, random_state=seed),
}
grid_inertia = {
    name: np.array([make(seed).fit(many).inertia_ for seed in range(10)])
    for name, make in contestants.items()
}
print("                        lowest     mean  highest")
for name, ends in grid_inertia.items():
    print(f"{name:<22} {ends.min():7.1f}  {ends.mean():7.1f}  {ends.max():7.1f}")

fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for height, ends in enumerate(grid_inertia.values()):
    spread = height + np.linspace(-0.2, 0.2, len(ends))
    ax.plot(ends, spread, "o", color="#0072B2", alpha=0.7, mew=0)
ax.set_yticks(range(len(grid_inertia)), list(grid_inertia))
ax.invert_yaxis()
ax.set(xlabel="Inertia at the end, ten seeds each", title="Twenty-five groups on a grid")

# %%
# A single start of k-means++ misses a group now and then. Scikit-learn can start ten times and
# keep the best. The search needs no restarts here: every seed ends in the same minimum.

plt.show()

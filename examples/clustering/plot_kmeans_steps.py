r"""
====================
K-means step by step
====================

K-means minimises the *inertia*, the sum of the squared distances of all samples to their nearest
centre. Lloyd's algorithm alternates two steps: each sample joins the nearest centre, and each
centre moves to the mean of its samples,

.. math::

    c(x) &= \arg\min_j \|x - m_j\|^2, \\
    m_j &= \mathrm{mean} \{x : c(x) = j\} .

Neither step can raise the inertia, so that the iterations end. The result depends on the initial
centres. This page follows every iteration from a bad start and from a better one, checks whether
the same number of clusters always gives the same clusters, and compares the inertia with that of
:class:`~sklearn.cluster.KMeans` over several seeds.
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
# The three samples in the lower left corner become the initial centres. An array for `init` sets
# the centres exactly, without a search; ``tol=0`` iterates until no sample changes its cluster;
# and ``store_history=True`` keeps every iteration.

from skextra import KMeansPP

corner = X[np.argsort(X.sum(axis=1))[:3]]
bad = KMeansPP(3, init=corner, tol=0, store_history=True).fit(X)

# %%
# :class:`~skextra.plotting.KMeansTraceDisplay` draws the start and the iterations. Crosses are the
# centres, and black lines their displacements.

import matplotlib.pyplot as plt

from skextra.plotting import KMeansTraceDisplay

grid = {"sharex": True, "sharey": True, "layout": "constrained"}
fig, axes = plt.subplots(4, 2, figsize=(6.4, 10.4), **grid)
display = KMeansTraceDisplay.from_estimator(bad, X, ax=axes)
for ax in axes.flat:
    ax.label_outer()
_ = fig.suptitle("Three centres from one corner")

# %%
# The same as an animation, with `animate`:

film = display.animate(interval=900)

# %%
# Two of the three centres move to the right, but one arrives first, and the other is left without
# samples there and returns. Now one centre serves two groups, and two centres share one group. The
# iterations end here: each centre is the mean of its samples, and no sample is nearer to another
# centre. This is a *local* minimum; no iteration moves a centre across the gap. In numbers:

bad.history_.to_frame().round(2)

# %%
# The start of k-means++
# ----------------------
# Initial centres that are far apart are a better start. k-means++ draws them from the samples one
# by one, and prefers samples far from the centres drawn so far. With ``refine=None`` there is no
# search: Lloyd's iterations follow at once.

plus = KMeansPP(3, refine=None, tol=0, store_history=True, random_state=0).fit(X)
fig, axes = plt.subplots(3, 2, figsize=(6.4, 8), **grid)
display = KMeansTraceDisplay.from_estimator(plus, X, ax=axes)
for ax in axes.flat:
    ax.label_outer()
fig.suptitle("The start of k-means++")
print(f"inertia from the corner    {bad.inertia_:8.1f} after {bad.n_iter_} iterations")
print(f"inertia from k-means++     {plus.inertia_:8.1f} after {plus.n_iter_} iterations")

# %%
# The default
# -----------
# By default, `KMeansPP` continues with a search: it splits clusters where that reduces the inertia
# most, and removes the centres that cost least to lose. The iterations on all data follow, and the
# history begins with them. Few iterations are needed.

default = KMeansPP(3, store_history=True, random_state=0).fit(X)
print(f"inertia after the search   {default.history_.inertia[0]:8.1f}")
print(f"inertia at the end         {default.inertia_:8.1f} after {default.n_iter_} iteration(s)")

# %%
# Always the same clusters?
# -------------------------
# Two, three and four clusters, each from fifty random starts, from fifty starts of k-means++, and
# fifty times with the search. How many different results are there, and how far apart are they?

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
# No: the same number of clusters can give different clusters. ("Near" means within 5% of the
# lowest inertia found from any start.) With two clusters, all starts agree. With three, more than
# a quarter of the random starts end in the local minimum of the first figure or a similar one.
# Those of k-means++ do not, because it rarely draws only one sample from the right. With four
# clusters the data are ambiguous. There is no fourth group, so one of the three is split, and many
# splits have nearly the same inertia; only the search ends in the same one every time. The best
# and the worst of the random starts:

fig, axes = plt.subplots(3, 2, figsize=(6.4, 9), **grid)
for row, k in zip(axes, (2, 3, 4), strict=True):
    ends = outcomes[k, "random"]
    for ax, which, seed in zip(
        row, ("best", "worst"), (ends.argmin(), ends.argmax()), strict=True
    ):
        options = {**starts["random"], "store_history": True, "random_state": seed}
        fit = KMeansPP(k, tol=0, **options).fit(X)
        KMeansTraceDisplay.from_estimator(fit, X, iterations=-1, ax=ax)
        ax.set(title=f"{k} clusters, {which}\ninertia {fit.inertia_:.1f}", xlabel="", ylabel="")

# %%
# Many clusters
# -------------
# With many clusters a single good start is no longer sufficient, because a group is easily missed.
# Twenty-five groups on a grid, and ten seeds each:

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

fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
for height, ends in enumerate(grid_inertia.values()):
    spread = height + np.linspace(-0.2, 0.2, len(ends))
    ax.plot(ends, spread, "o", color="#0072B2", alpha=0.7, mew=0)
ax.set_yticks(range(len(grid_inertia)), list(grid_inertia))
ax.invert_yaxis()
ax.set(xlabel="Final inertia, ten seeds each", title="Twenty-five groups on a grid")

# %%
# A single start of k-means++ sometimes misses a group. scikit-learn can start ten times and keep
# the best fit. The search needs no restarts here: every seed ends in the same minimum.

plt.show()

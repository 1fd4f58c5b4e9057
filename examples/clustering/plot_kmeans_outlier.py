r"""
===========================
Which sample is the outlier
===========================

One sample far from all others can account for most of the inertia. How much lower would the
inertia be without it? One could leave out each sample in turn and fit again. If the other samples
stay in their clusters, there is a closed form. This page computes it by hand for six numbers,
checks it by fitting again, and then finds an outlier among a hundred points.
"""

# %%
# Six numbers
# -----------
# 1, 2, 3, 4, 5, and 20. With a single cluster the centre is their mean, 35/6.

import numpy as np

from skextra import KMeansPP

numbers = np.array([1.0, 2, 3, 4, 5, 20])[:, None]
one = KMeansPP(1, random_state=0).fit(numbers)
print(f"centre {one.cluster_centers_[0, 0]:.4f}, inertia {one.inertia_:.4f}")

# %%
# The closed form
# ---------------
# Leave out a sample at distance d from the mean of its cluster of n samples. Its own :math:`d^2`
# disappears. The mean moves away from it by :math:`d / (n - 1)`, which is nearer to the other
# samples and reduces their part by :math:`d^2 / (n - 1)`. In total the inertia falls by
#
# .. math:: \frac{n}{n - 1} d^2 .
#
# `sample_influence` returns this value. For 20 it is 6/5 · (20 - 35/6)² = 240.83, of an inertia of
# 250.83: without it, 10 is left.

influence_of_one = one.sample_influence(numbers)
by_hand = 6 / 5 * (numbers[:, 0] - 35 / 6) ** 2
print("by hand          ", by_hand.round(2))
print("sample_influence ", influence_of_one.round(2))

# %%
# Leaving out each number in turn and fitting again gives the same values:

refits = [KMeansPP(1, random_state=0).fit(np.delete(numbers, k, axis=0)) for k in range(6)]
fall = np.array([one.inertia_ - refit.inertia_ for refit in refits])
print("by fitting again ", fall.round(2))
print("the outlier is   ", numbers[influence_of_one.argmax(), 0])

# %%
# Two clusters
# ------------
# With two clusters, the 20 has a centre of its own. It no longer contributes to the inertia, and
# its influence is 0. Now 1 and 5 stand out among the other five, with 5/4 · 2² = 5 each. One
# outlier takes one cluster, which is how outliers hide: also compute the influence with fewer
# clusters.

two = KMeansPP(2, random_state=0).fit(numbers)
influence_of_two = two.sample_influence(numbers)
print(f"centres {np.sort(two.cluster_centers_[:, 0])}, inertia {two.inertia_:.4f}")
print("sample_influence ", influence_of_two.round(2))

import matplotlib.pyplot as plt

fig, axes = plt.subplots(2, 1, figsize=(6.4, 6.2), layout="constrained")
for ax, fit, values in zip(axes, (one, two), (influence_of_one, influence_of_two), strict=True):
    ax.bar(numbers[:, 0], values, width=0.6, color="#0072B2", label="influence of the number")
    for k, centre in enumerate(fit.cluster_centers_[:, 0]):
        ax.axvline(centre, color="#D55E00", ls="--", label=None if k else "centre")
    ax.set(xlabel="Number", ylabel="Fall of the inertia", xticks=numbers[:, 0])
axes[0].set_title("One cluster: 20 stands out")
axes[1].set_title("Two clusters: 20 has its own")
_ = axes[0].legend(loc="center right", bbox_to_anchor=(0.92, 0.5))

# %%
# A hundred points and one
# ------------------------
# Two groups of fifty points in the plane, and one point that belongs to neither group.

from sklearn.datasets import make_blobs

groups, _ = make_blobs(100, centers=[[0, 0], [8, 0]], cluster_std=1.0, random_state=1)
points = np.vstack([groups, [[2.5, 6.0]]])
clusters = KMeansPP(2, tol=0, random_state=0).fit(points)
influence = clusters.sample_influence(points)
outlier = int(influence.argmax())
runner_up = np.sort(influence)[-2]
print(f"inertia {clusters.inertia_:.1f}")
print(f"sample {outlier} at {points[outlier]}: the inertia falls by {influence[outlier]:.1f}")
print(f"the next after it: {runner_up:.1f}")

# %%
# The 101 fits without one sample, each started from the centres above, agree with the closed form,
# because all other samples stay in their clusters. (If one of them changed its cluster, the actual
# decrease would be larger.)

falls, stayed = np.zeros(len(points)), np.zeros(len(points), bool)
for k in range(len(points)):
    refit = KMeansPP(2, init=clusters.cluster_centers_, tol=0).fit(np.delete(points, k, axis=0))
    falls[k] = clusters.inertia_ - refit.inertia_
    stayed[k] = np.array_equal(refit.labels_, np.delete(clusters.labels_, k))
difference = np.abs(falls - influence)[stayed].max()
print(f"fits in which all others stayed: {stayed.sum()} of {len(points)}")
print(f"largest difference from the closed form: {difference:.0e}")

fig, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
dots = ax.scatter(*points.T, c=influence, s=20 + 4 * influence, edgecolors="black", lw=0.5)
ax.plot(*clusters.cluster_centers_.T, "X", color="#D55E00", mec="black", ms=11, label="centres")
ax.annotate(
    f"influence {influence[outlier]:.1f}",
    points[outlier],
    xytext=(18, 0),
    textcoords="offset points",
    va="center",
)
fig.colorbar(dots, ax=ax, label="Fall of the inertia without the sample")
ax.set(xlabel="x1", ylabel="x2", title="Two clusters and an outlier")
_ = ax.set_aspect("equal", adjustable="datalim")
_ = ax.legend(loc="upper right")

plt.show()

r"""
==========================
Texts by topic, not length
==========================

Texts are counted as words, and a long text has more of all of them. By Euclidean distance it is
far from a short one about the same topic. The angle between the two is small: it depends on the
shares of the words only. ``KMeansPP(metric="cosine")`` clusters by angle, which is called
spherical k-means. This page shows the difference on points in a plane, and then sorts the
documentation of scikit-learn by topic.
"""

# %%
# In the plane
# ------------
# Three directions, with all lengths up to four. By distance, what is near zero becomes a cluster
# of its own. By cosine, each direction is a cluster.

import matplotlib.pyplot as plt
import numpy as np

from skextra import KMeansPP

rng = np.random.default_rng(0)
direction = np.repeat([0.2, 0.8, 1.35], 60)
angle = direction + 0.07 * rng.standard_normal(180)
length = rng.uniform(0.2, 4, 180)
points = length[:, None] * np.c_[np.cos(angle), np.sin(angle)]

fits = {
    metric: KMeansPP(3, metric=metric, random_state=0).fit(points)
    for metric in ("euclidean", "cosine")
}

_, axes = plt.subplots(1, 2, figsize=(6.4, 3.3), sharex=True, sharey=True, layout="constrained")
for ax, (metric, fit) in zip(axes, fits.items(), strict=True):
    colours = plt.cm.tab10.colors[:3]
    ax.scatter(*points.T, c=np.take(colours, fit.labels_, axis=0), s=10)
    centers = fit.cluster_centers_.T
    ax.scatter(*centers, c=colours, s=90, marker="X", edgecolors="black", zorder=3)
    ax.set(title=f'metric="{metric}"', aspect="equal", xlim=(0, 4.1), ylim=(0, 4.1))
arc = np.linspace(0, np.pi / 2, 100)
axes[1].plot(np.cos(arc), np.sin(arc), color="gray", lw=0.8, zorder=0)
plt.show()

# %%
# The centres of cosine are directions: points on the circle of radius one. Its inertia is the sum
# of one minus the cosine of the angles between points and centres.

cosine = fits["cosine"]
unit = points / length[:, None]
by_hand = (1 - (unit * cosine.cluster_centers_[cosine.labels_]).sum(axis=1)).sum()
print(f"inertia {cosine.inertia_:.6f}, by hand {by_hand:.6f}")

# %%
# Counted words
# -------------
# Every class and function of scikit-learn has a documentation: some five hundred texts, between a
# dozen lines and several pages. The package that each comes from says what it is about.

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.utils.discovery import all_estimators, all_functions

tools = [tool for _, tool in all_estimators() + all_functions() if len(tool.__doc__ or "") > 600]
texts = [tool.__doc__ for tool in tools]
packages = [tool.__module__.split(".")[1] for tool in tools]

counter = CountVectorizer(stop_words="english", min_df=3, max_df=0.5, token_pattern="[a-zA-Z]{3,}")
counts = counter.fit_transform(texts)
print(f"{counts.shape[0]} texts, {counts.shape[1]} words, {counts.nnz / counts.shape[0]:.0f} each")

# %%
# Twelve clusters by each metric. By distance, one cluster takes most of the texts: the short ones,
# for all of them are near zero. By angle there are long and short texts in every cluster, and the
# clusters tell more about the packages. The adjusted mutual information of the two is 0 for
# clusters by chance, and 1 if each package is a cluster.

of_texts = {
    metric: KMeansPP(12, metric=metric, random_state=0).fit(counts)
    for metric in ("euclidean", "cosine")
}
agreement = {
    metric: adjusted_mutual_info_score(packages, fit.labels_) for metric, fit in of_texts.items()
}
largest = {metric: np.bincount(fit.labels_).max() for metric, fit in of_texts.items()}
for metric in of_texts:
    print(
        f"{metric:>9}: largest cluster {largest[metric]} texts, agreement with the packages "
        f"{agreement[metric]:.2f}"
    )

words = np.ravel(counts.sum(axis=1))
_, axes = plt.subplots(1, 2, figsize=(6.4, 3.3), sharey=True, layout="constrained")
for ax, (metric, fit) in zip(axes, of_texts.items(), strict=True):
    order = np.argsort(-np.bincount(fit.labels_))
    place = np.argsort(order)[fit.labels_]
    jitter = rng.uniform(-0.3, 0.3, len(place))
    ax.scatter(place + jitter, words, s=5, c=place % 10, cmap="tab10", alpha=0.7, lw=0)
    ax.set(title=f'metric="{metric}"', xlabel="cluster, by size", yscale="log")
    ax.set_xticks([0, 3, 6, 9])
axes[0].set_ylabel("words in a text")
plt.show()

# %%
# What the clusters are about
# ---------------------------
# A centre has the share of every word in the texts of its cluster. The largest shares name the
# topic.

terms = counter.get_feature_names_out()
fit = of_texts["cosine"]
for cluster in np.argsort(-np.bincount(fit.labels_)):
    main = [str(terms[i]) for i in np.argsort(-fit.cluster_centers_[cluster])[:5]]
    print(f"{np.count_nonzero(fit.labels_ == cluster):>4}  {', '.join(main)}")

# %%
# A new text is assigned to the topic of the smallest angle, and `transform` returns one minus the
# cosine to every centre:

new = counter.transform(["The tree is split at nodes, until a leaf of the tree is pure."])
nearest = fit.predict(new)[0]
distances = fit.transform(new)[0]
topic = [str(terms[i]) for i in np.argsort(-fit.cluster_centers_[nearest])[:5]]
print(f"nearest topic: {', '.join(topic)}; 1 - cos = {distances[nearest]:.2f}")

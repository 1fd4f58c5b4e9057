"""
==============================
Nearest neighbours, and a tie
==============================

The nearest-neighbour classifier keeps its samples and asks the nearest ones. scikit-learn has it,
as :class:`~sklearn.neighbors.KNeighborsClassifier`, so skextra does not. Seven points are enough
to show how the prediction depends on the number of neighbours, and that ties are broken silently.
"""

# %%
# Seven points, two queries
# -------------------------
# Three points of class 0, four of class 1, and two query points.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.neighbors import KNeighborsClassifier

X = np.array([[2, 4.5], [2.5, 3.5], [3, 6], [3, 5], [3.5, 3], [3.5, 5.5], [4, 4]])
y = np.array([0, 0, 0, 1, 1, 1, 1])
queries = np.array([[2.75, 4.5], [2.75, 5.5]])

answers = {}
for k in (1, 3, 5):
    answers[k] = KNeighborsClassifier(k).fit(X, y).predict(queries).tolist()
    print(f"{k} neighbour{'s' if k > 1 else ''}: {answers[k]}")

# %%
# A tie
# -----
# With one neighbour, the prediction for the second query is arbitrary: a point of class 0 and one
# of class 1 are at exactly the same distance. `predict` selects one of them by the order of the
# samples, and `predict_proba` reports certainty. Only `kneighbors` shows the tie.

knn = KNeighborsClassifier(1).fit(X, y)
distances, neighbours = knn.kneighbors(queries, n_neighbors=3)
for query, away, who in zip(queries, distances, neighbours, strict=True):
    near = ", ".join(f"{d:.3f} (class {y[i]})" for d, i in zip(away, who, strict=True))
    print(f"{query}: {near}")

tied = np.isclose(distances[:, 0], distances[:, 1])
print("tied:", tied, " predict_proba of class 1:", knn.predict_proba(queries)[:, 1])

# %%
# With the samples in reverse order, the prediction changes.

backwards = KNeighborsClassifier(1).fit(X[::-1], y[::-1]).predict(queries)
print("one neighbour:", answers[1], "and with the rows reversed:", backwards.tolist())

# %%
# The regions
# -----------
# Few neighbours follow every point, and many smooth over it: with five of seven, the majority
# class has nearly everything. With one neighbour, the second query (the upper star) lies on a
# decision boundary.

shades = ListedColormap(["#0072B2", "#D55E00"])
fig, axes = plt.subplots(2, 2, figsize=(6.4, 6.2), layout="constrained")
for ax, k in zip(axes.flat, answers, strict=False):
    DecisionBoundaryDisplay.from_estimator(
        KNeighborsClassifier(k).fit(X, y), X, response_method="predict", grid_resolution=300,
        plot_method="pcolormesh", cmap=shades, alpha=0.2, ax=ax, xlabel="x1", ylabel="x2",
    )  # fmt: skip
    for label, colour, marker in [(0, "#0072B2", "o"), (1, "#D55E00", "s")]:
        ax.scatter(*X[y == label].T, s=60, color=colour, marker=marker, label=f"class {label}")
    ax.scatter(*queries.T, s=160, color="black", marker="*", label="query")
    ax.set(title=f"{k} neighbour{'s' if k > 1 else ''}: {answers[k]}")
axes[1, 1].axis("off")
_ = axes[1, 1].legend(*axes[0, 0].get_legend_handles_labels(), loc="center")

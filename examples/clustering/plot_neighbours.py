"""
==============================
Nearest neighbours, and a tie
==============================

The oldest learner of all keeps its samples and asks the nearest. scikit-learn has it,
:class:`~sklearn.neighbors.KNeighborsClassifier`, so skextra has none. Seven points are enough to
see how the answer depends on the number of neighbours, and that a tie is settled without a word.
"""

# %%
# Seven points, two questions
# ---------------------------
# Three points of class 0, four of class 1, and two places to decide about.

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
    print(f"asking {k}: {answers[k]}")

# %%
# Ask for the distances
# ---------------------
# With one neighbour the answer for the second place means nothing: a point of class 0 and one of
# class 1 are exactly as far away. `predict` takes one of them, by the order of the samples, and
# `predict_proba` says that it is certain. Only `kneighbors` shows the tie.

knn = KNeighborsClassifier(1).fit(X, y)
distances, neighbours = knn.kneighbors(queries, n_neighbors=3)
for query, away, who in zip(queries, distances, neighbours, strict=True):
    near = ", ".join(f"{d:.3f} (class {y[i]})" for d, i in zip(away, who, strict=True))
    print(f"{query}: {near}")

tied = np.isclose(distances[:, 0], distances[:, 1])
print("tied:", tied, " what predict_proba makes of it:", knn.predict_proba(queries)[:, 1])

# %%
# With the samples in the other order, the same question has the other answer.

backwards = KNeighborsClassifier(1).fit(X[::-1], y[::-1]).predict(queries)
print("one neighbour:", answers[1], "and with the rows reversed:", backwards.tolist())

# %%
# The regions
# -----------
# Few neighbours follow every point, many smooth over it: with five of seven, the majority class
# has nearly everything. The second place (the upper star) lies on a border when one is asked.

shades = ListedColormap(["#0072B2", "#D55E00"])
fig, axes = plt.subplots(1, 3, figsize=(10, 3.8), sharey=True, layout="constrained")
for ax, k in zip(axes, answers, strict=True):
    DecisionBoundaryDisplay.from_estimator(
        KNeighborsClassifier(k).fit(X, y), X, response_method="predict", grid_resolution=300,
        plot_method="pcolormesh", cmap=shades, alpha=0.2, ax=ax, xlabel="x1", ylabel="x2",
    )  # fmt: skip
    for label, colour, marker in [(0, "#0072B2", "o"), (1, "#D55E00", "s")]:
        ax.scatter(*X[y == label].T, s=60, color=colour, marker=marker, label=f"class {label}")
    ax.scatter(*queries.T, s=160, color="black", marker="*", label="asked")
    ax.set(title=f"{k} neighbour{'s' if k > 1 else ''}: {answers[k]}")
_ = axes[2].legend(loc="lower left", fontsize="small")

r"""
============================================
The mapping trick: from a line to a plane
============================================

Five numbers of one class and five of the other alternate on a line, so that no single threshold
separates them. Mapped to the plane by :math:`x \mapsto (x, x^3 - 2x)`, they are separated by a
straight line. This page finds the line with the widest margin.
"""

# %%
# On the line
# -----------
# A hard margin requires that no sample is on the wrong side. On the line this is impossible, and
# the error names the samples that prevent it.

import matplotlib.pyplot as plt
import numpy as np

from skextra import FeatureMapSVM
from skextra.plotting import SVMDisplay

A = [-2, -1.8, 0.3, 0.6, 1]
B = [-1, -0.7, -0.6, -0.3, 2]
X = np.array(A + B)[:, None]
y = np.array([-1] * len(A) + [1] * len(B))

on_the_line = None
try:
    FeatureMapSVM("identity", C=np.inf).fit(X, y)
except ValueError as error:
    on_the_line = str(error)
print(on_the_line)

# %%
# In the plane
# ------------
# A map is any function of all samples at once. The left panel shows the samples and the predicted
# class at every point of the line. The right panel shows the curve to which the map takes the
# line, the decision boundary, and the two support vectors, which determine the margin.


def curve(X):
    return np.hstack([X, X**3 - 2 * X])


svm = FeatureMapSVM(curve, C=np.inf).fit(X, y)
_, axes = plt.subplots(1, 2, figsize=(6.4, 5), layout="constrained")
display = SVMDisplay.from_estimator(svm, X, y, ax=axes)
display.axes_[0].set_xlabel("x")
_ = display.axes_[1].set(xlabel="x", ylabel="x^3 - 2x")

# %%
# The exact answer
# ----------------
# In exact arithmetic the solution is :math:`w = (-100000, 191000) / 139443`, :math:`b = 0`, with
# the margin :math:`2 / \|w\| = \sqrt{418329} / 500`. The solver finds it to the last digits, and
# the duality gap certifies it.

exact = np.array([-100000, 191000]) / 139443
print(f"w = {svm.coef_[0]}, off by {np.abs(svm.coef_[0] - exact).max():.0e}")
print(f"b = {svm.intercept_[0]:.0e}")
print(f"margin = {svm.margin_[0]:.7f}, off by {abs(svm.margin_[0] - 418329**0.5 / 500):.0e}")
print(f"support vectors x = {svm.support_vectors_.ravel()}")
print(f"their dual coefficients = {svm.dual_coef_[0].round(7)}")
print(f"duality gap = {svm.duality_gap_[0]:.0e}")

# %%
# A line that separates, but not as well
# --------------------------------------
# The horizontal axis, :math:`x_2 = 0`, also separates the classes. Its nearest sample is closer
# than those of the best line: less noise is enough to cross it.

points = curve(X)
best_distance = svm.margin_[0] / 2
flat_distance = np.abs(points[:, 1]).min()
print(f"nearest sample: {flat_distance:.4f} from x2 = 0, {best_distance:.4f} from the best line")

fig, axes = plt.subplots(1, 2, figsize=(6.4, 5.6), layout="constrained", sharex=True, sharey=True)
line = np.linspace(-2.2, 2.2, 200)[:, None]
normals = {"x2 = 0": np.array([0.0, 1.0]), "widest margin": svm.coef_[0]}
for ax, (name, normal) in zip(axes, normals.items(), strict=True):
    normal = normal / np.linalg.norm(normal)
    distance = np.abs(points @ normal)
    ax.plot(*curve(line).T, color="#808080", linewidth=1)
    ax.axline((0, 0), slope=-normal[0] / normal[1], color="black")
    for label, colour, marker in [(-1, "#0072B2", "o"), (1, "#D55E00", "s")]:
        ax.scatter(*points[y == label].T, color=colour, marker=marker, zorder=3)
    for point in points[distance < distance.min() + 1e-9]:
        foot = point - (point @ normal) * normal
        ax.plot(*zip(point, foot, strict=True), color="#009E73", linewidth=2.5)
    ax.set(title=f"{name},\ndistance {distance.min():.3f}", aspect="equal", xlim=(-2.3, 2.3))
    ax.set(xlabel="x", ylim=(-4.6, 4.6))
axes[0].set_ylabel("x^3 - 2x")
plt.show()

# %%
# A soft margin with the Gaussian kernel
# --------------------------------------
# The Gaussian kernel needs no map of your own. Its space has as many dimensions as there are
# samples here, and the decision boundary on the line is similar.

soft = FeatureMapSVM(gamma=2.0, C=10).fit(X, y)
SVMDisplay.from_estimator(soft, X, y)
plt.show()

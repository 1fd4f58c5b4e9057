r"""
=====================================
Madaline: exclusive or, in two layers
=====================================

A single Adaline cannot compute the exclusive or: no straight line separates its positive and
negative patterns. Two Adalines separate them with two lines, and a third combines their outputs.
This page draws the three units, first with weights set by hand, then with weights learnt from the
truth table.
"""

# %%
# By hand
# -------
# The first hidden unit sums :math:`0.5 - x_1 + x_2` and the second :math:`0.5 + x_1 - x_2`. Each
# outputs +1 except far out on one side. The output unit sums :math:`1 - h_1 - h_2`, which is
# positive unless both hidden units output +1. ``max_iter=0`` uses these weights without training.

from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np

from skextra import Madaline

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([0, 1, 1, 0])
by_hand = Madaline(2, max_iter=0).fit(
    X,
    y,
    coef_init=[[[-1, 1], [1, -1]], [[-1], [-1]]],
    intercept_init=[[0.5, 0.5], [1]],
)
hidden = by_hand.hidden_activations(X)
outputs = by_hand.decision_function(X)
print("x1 x2   h1 h2   sum   exclusive or")
rows = np.c_[X, hidden, outputs, by_hand.predict(X)].astype(int)
for x1, x2, h1, h2, total, answer in rows:
    print(f"{x1:>2} {x2:>2}   {h1:+} {h2:+}   {total:+}    {answer}")

# %%
# Unit by unit
# ------------
# Grey marks the side on which a hidden unit outputs +1. The output separates the strip between the
# lines from the outside.

from skextra.plotting import AdalineRegionDisplay

_, axes = plt.subplots(1, 3, figsize=(6.4, 2.8), sharey=True, layout="constrained")
_ = AdalineRegionDisplay.from_estimator(by_hand, X, y, units=True, ax=axes)

# %%
# Learnt
# ------
# The same network, learnt from random weights. `loss_curve_` is the fraction of wrong patterns
# after each epoch, and a start that makes no progress is followed by another. With these restarts
# any seed succeeds: all fifty are tried.

learnt = Madaline(2, random_state=1).fit(X, y)
print(f"epochs: {learnt.n_iter_}, restarts: {learnt.n_restarts_}")
print("right:", learnt.predict(X) == y)
seeds = [Madaline(2, random_state=seed).fit(X, y) for seed in range(50)]
solved = sum(bool((model.predict(X) == y).all()) for model in seeds)
print(
    f"solved from {solved} of 50 seeds, after {max(m.n_restarts_ for m in seeds)} restarts at most"
)
_, axes = plt.subplots(1, 3, figsize=(6.4, 2.8), sharey=True, layout="constrained")
_ = AdalineRegionDisplay.from_estimator(learnt, X, y, units=True, ax=axes)

# %%
# Step by step
# ------------
# The figure shows the two lines and the output during training. The epochs are run one by one,
# with `partial_fit`, from the first random weights that lead to the solution in more than ten
# epochs. Both hidden units must be right here, so the dead zone is small and pairs of units are
# not tried.


def epochs_from(seed, most=60):
    """Return (wrong patterns, network) for every epoch from random weights."""
    rng = np.random.default_rng(seed)
    shapes = [(2, 2), (2, 1)], [2, 1]
    weights, biases = ([rng.uniform(-1, 1, shape) for shape in kind] for kind in shapes)
    model = Madaline(2, dead_zone=0.1, pair_trials=False, max_iter=0)
    model.fit(X, y, coef_init=weights, intercept_init=biases)
    stages = []
    for _ in range(most):
        wrong = int((model.predict(X) != y).sum())
        stages.append((wrong, deepcopy(model)))
        if wrong == 0:
            break
        model.partial_fit(X, y)
    return stages


stages = next(
    stages for stages in map(epochs_from, range(100)) if stages[-1][0] == 0 and len(stages) > 10
)
print("wrong patterns, epoch by epoch:", *(wrong for wrong, _ in stages))

shown = np.unique(np.linspace(0, len(stages) - 1, 4).astype(int))
fig, axes = plt.subplots(2, 2, figsize=(6.4, 6.4), layout="constrained")
for ax, epoch in zip(axes.flat, shown, strict=True):
    wrong, model = stages[epoch]
    AdalineRegionDisplay.from_estimator(model, X, y, ax=ax)
    ax.set_title(f"epoch {epoch}: {wrong} wrong")
plt.show()

r"""
=====================================
Madaline: exclusive or, in two layers
=====================================

No single Adaline can compute the exclusive or: its positive and negative patterns cannot be parted
by a straight line. Two Adalines can part them with two lines, and a third one combines the two
answers. This page draws what each of the three does, first with weights that were worked out by
hand, then with weights that the network has learnt from the truth table.
"""

# %%
# By hand
# -------
# The first hidden unit sums :math:`0.5 - x_1 + x_2` and the second :math:`0.5 + x_1 - x_2`. Each
# says +1 except far out on one side. The output unit sums :math:`1 - h_1 - h_2`, which is positive
# unless both say +1. With ``max_iter=0`` the network is run as it is.

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
# Grey is the side on which a hidden unit says +1. What the output makes of the two signs is
# the strip between the lines, and what lies outside it.

from skextra.plotting import AdalineRegionDisplay

_ = AdalineRegionDisplay.from_estimator(by_hand, X, y, units=True)

# %%
# Learnt
# ------
# The same network, from random weights. `loss_curve_` is the share of wrong patterns after each
# epoch; another start is made when one leads nowhere. Because of that any seed will do: all of
# fifty are tried.

learnt = Madaline(2, random_state=1).fit(X, y)
print(f"epochs: {learnt.n_iter_}, restarts: {learnt.n_restarts_}")
print("right:", learnt.predict(X) == y)
seeds = [Madaline(2, random_state=seed).fit(X, y) for seed in range(50)]
solved = sum(bool((model.predict(X) == y).all()) for model in seeds)
print(
    f"solved from {solved} of 50 seeds, after {max(m.n_restarts_ for m in seeds)} restarts at most"
)
_ = AdalineRegionDisplay.from_estimator(learnt, X, y, units=True)

# %%
# Step by step
# ------------
# The network on its way there: the two lines, and the region of the output. Here the epochs are
# run one by one, with `partial_fit`, from given weights: the first of a few starts that leads to
# the goal, and takes some epochs to do so. Both hidden units must be right, so that the network is
# told to act on errors and on what is nearly an error only, and to try no pairs.


def epochs_from(seed, most=60):
    """Return (wrong patterns, network) for every epoch on the way from a random start."""
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
fig, axes = plt.subplots(1, len(shown), figsize=(11, 3.4), layout="constrained")
for ax, epoch in zip(axes, shown, strict=True):
    wrong, model = stages[epoch]
    AdalineRegionDisplay.from_estimator(model, X, y, ax=ax)
    ax.set_title(f"epoch {epoch}: {wrong} wrong")
plt.show()

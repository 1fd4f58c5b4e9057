"""
==============================================
How to train it: batches, momentum, penalties
==============================================

What the size of a batch does to the loss curve, what momentum saves, what holds weights small, and
what several networks know better than one: each is a parameter of
:class:`~skextra.CNNClassifier`, or one of scikit-learn's own tools around it.
"""

# %%
# Batch, mini-batch, single samples
# ---------------------------------
# The same small network on 600 digits, by plain gradient descent at one learning rate. With all
# samples in one batch a step goes straight down, and there is one an epoch. Mini-batches make
# cheap steps in roughly the right direction, many an epoch, and learn far more from it. Steps of
# four samples learn fastest for an epoch, but each epoch has 150 of them and takes the longest,
# and their curve is the roughest.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skextra import CNNClassifier
from skextra.plotting import LossCurveDisplay

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, train_size=600, random_state=0, stratify=y)
small = {"filters": 8, "dense_units": 32, "random_state": 0}
descent = {**small, "optimizer": "sgd", "learning_rate": 0.05, "epochs": 30}

CNNClassifier(**{**descent, "epochs": 1}).fit(X, y)  # compiles, so that what is timed does not
by_batch, seconds = {}, {}
for size in (600, 32, 4):
    began = time.perf_counter()
    network = CNNClassifier(**descent, momentum=0.0, batch_size=size).fit(X, y)
    seconds[size] = time.perf_counter() - began
    by_batch[size] = network
LossCurveDisplay.from_estimator({f"batches of {n}": net for n, net in by_batch.items()})
for size, network in by_batch.items():
    print(
        f"batches of {size:<4}{-(-600 // size):>4} steps an epoch, "
        f"loss {network.loss_curve_[-1]:.4f}, test {network.score(X_test, y_test):.3f}, "
        f"{seconds[size]:.1f} s"
    )

# %%
# Momentum
# --------
# Each step repeats a share of the one before. Where gradients agree, steps add up to
# ``1 / (1 - momentum)`` times their length; where they alternate, they cancel. Adam, the default,
# has momentum too and a step size for each weight; at its usual rate of 0.001 it is no faster
# here.

by_momentum = {0.0: by_batch[32]}
for momentum in (0.5, 0.9):
    by_momentum[momentum] = CNNClassifier(**descent, momentum=momentum).fit(X, y)
by_momentum["Adam"] = CNNClassifier(**small, epochs=30).fit(X, y)
_ = LossCurveDisplay.from_estimator(
    {name if name == "Adam" else f"momentum {name}": n for name, n in by_momentum.items()}
)

# %%
# A penalty on the norm
# ---------------------
# `l2` adds the sum of squared weights, times a factor, to what is minimised. The larger the
# factor, the smaller the weights and the gap between the samples that the network has seen and
# others; too large, and it fits neither. The loss that is drawn is the cross-entropy alone, dashed
# on the test set.

by_penalty = {
    l2: CNNClassifier(**small, epochs=30, l2=l2).fit(X, y, X_val=X_test, y_val=y_test)
    for l2 in (0.0, 1e-3, 1e-2)
}
norms = {}
for l2, network in by_penalty.items():
    norms[l2] = np.sqrt(sum((w**2).sum() for w in network.weights_ if w.ndim > 1))
    print(
        f"l2 {l2:<6} norm of the weights {norms[l2]:6.2f}, train {network.score(X, y):.3f}, "
        f"test {network.score(X_test, y_test):.3f}"
    )
_ = LossCurveDisplay.from_estimator({f"l2 = {l2:g}": net for l2, net in by_penalty.items()})

# %%
# What makes the most of few samples
# ----------------------------------
# On 100 samples: the network as it is, with dropout, with images that are turned and zoomed at
# random, and five networks from different starts that vote
# (scikit-learn's :class:`~sklearn.ensemble.VotingClassifier`; a
# :class:`~sklearn.ensemble.BaggingClassifier` would draw samples too). Dropout and moved images
# make every epoch harder and are given more of them. All are means of two runs, as the choice of
# the start matters as much as some of these differences.

from sklearn.ensemble import VotingClassifier


def one(start, epochs=60, **changes):
    return CNNClassifier(16, dense_units=32, epochs=epochs, random_state=start, **changes)


def vote(start):
    members = [(f"start {i}", one(10 * start + i)) for i in range(5)]
    return VotingClassifier(members, voting="soft")


candidates = {
    "one network": one,
    "with dropout": lambda start: one(start, 90, dropout=(0.1, 0.3)),
    "with moved images": lambda start: one(start, 120, augmentation={"rotation": 15, "zoom": 0.1}),
    "vote of five": vote,
}
few, few_y = X[:100], y[:100]
scores = {
    name: np.mean([make(start).fit(few, few_y).score(X_test, y_test) for start in range(2)])
    for name, make in candidates.items()
}
fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
ax.barh(list(scores), list(scores.values()), color="#0072B2")
ax.bar_label(ax.containers[0], fmt="%.3f", padding=3)
ax.invert_yaxis()
_ = ax.set(xlim=(0, 1.1), xlabel="share of test digits that are right")

"""
==============================================
Training: batches, momentum, penalties
==============================================

This page shows the effect of the batch size on the loss curve, of momentum on the speed, of a
penalty on the weights, and of several networks that vote. Each is a parameter of
:class:`~skextra.CNNClassifier`, or a tool of scikit-learn.
"""

# %%
# Batch, mini-batch, single samples
# ---------------------------------
# The same small network on 600 digits, by gradient descent at one learning rate. With all samples
# in one batch there is one step per epoch, along the exact gradient. Mini-batches take many steps
# per epoch along approximate gradients, and learn much more in an epoch. Batches of four samples
# learn most per epoch, but each epoch has 150 steps and takes longest, and the loss curve is
# roughest.

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

CNNClassifier(**{**descent, "epochs": 1}).fit(
    X, y
)  # compiles, so that the times below do not include it
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
# Each step adds a fraction of the previous one. Where successive gradients agree, steps grow to
# ``1 / (1 - momentum)`` times their length; where they alternate, they cancel. Adam, the default,
# has momentum and a step size per weight; at its default rate of 0.001 it is not faster here.

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
# `l2` adds the sum of squared weights, times a factor, to the loss. A larger factor gives smaller
# weights and a smaller gap between training and test samples; a factor that is too large fits
# neither. The figure shows the cross-entropy alone, dashed on the test set.

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
# Few samples
# -----------
# Four models on 100 samples: the network without changes, with dropout, with images that are
# rotated and zoomed at random, and five networks with different initial weights that vote
# (scikit-learn's :class:`~sklearn.ensemble.VotingClassifier`; a
# :class:`~sklearn.ensemble.BaggingClassifier` would also resample). Dropout and augmentation make
# each epoch harder and get more epochs. All accuracies are means of two runs, because the initial
# weights matter as much as some of these differences.

from sklearn.ensemble import VotingClassifier


def one(start, epochs=60, **changes):
    return CNNClassifier(16, dense_units=32, epochs=epochs, random_state=start, **changes)


def vote(start):
    members = [(f"start {i}", one(10 * start + i)) for i in range(5)]
    return VotingClassifier(members, voting="soft")


candidates = {
    "one network": one,
    "with dropout": lambda start: one(start, 90, dropout=(0.1, 0.3)),
    "with augmentation": lambda start: one(start, 120, augmentation={"rotation": 15, "zoom": 0.1}),
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
_ = ax.set(xlim=(0, 1.1), xlabel="test accuracy")

r"""
================================
Adaline: logic from truth tables
================================

Widrow's Adaline, the adaptive linear neuron, decides by the sign of a weighted sum. Its inputs
and its answers are +1 and -1, "true" and "false". The weights are learnt by LMS, whose error is
the difference between the answer wanted and the *sum*, not its sign: where the perceptron stops
learning once all signs are right, Adaline goes on to the least-squares solution.

This page lets an Adaline learn three functions of logic, compares what it found with
weights written down by hand, and then shows what the order of the rows can do to it.
"""

# %%
# Three truth tables
# ------------------

from itertools import product

import numpy as np

two = np.array(list(product([-1, 1], repeat=2)))
three = np.array(list(product([-1, 1], repeat=3)))
tables = {
    "OR": (two, np.where((two == 1).any(axis=1), 1, -1)),
    "NAND": (two, np.where((two == 1).all(axis=1), -1, 1)),
    "majority of three": (three, np.where(three.sum(axis=1) > 0, 1, -1)),
}

# %%
# Weights by hand
# ---------------
# All three can be computed with small whole numbers. The bias weight, on an input that is always
# +1, comes first. NAND, for instance, is :math:`1 - x_1 - x_2`: the sum is negative only if both
# inputs are +1. OR has two entries. The weights (1, 1, 1) do, and so do (2, 2, 1): the right
# weights are far from unique.

by_hand = {
    "OR": [(1, 1, 1), (2, 2, 1)],
    "NAND": [(1, -1, -1)],
    "majority of three": [(0, 1, 1, 1)],
}
hand_correct = {}
for name, (X, y) in tables.items():
    for weights in by_hand[name]:
        sums = weights[0] + X @ weights[1:]
        hand_correct[name, weights] = bool(np.array_equal(np.sign(sums), y))
        print(f"{name:<18} weights {weights!s:<14} all right: {hand_correct[name, weights]}")

# %%
# Weights learnt
# --------------
# `fit` learns them from the tables, with the default settings. The scale of the weights is not
# that of the whole numbers: the least-squares solution is 0.5 for each of them (0 for the bias of
# the majority), at which the sums are off by 0.5 at every row. The weights below are averages over
# all steps of learning from zero, which is why they lie a little under 0.5. Signs matter, and the
# signs are right for every pattern.

from skextra import Adaline

gates = {name: Adaline(random_state=0).fit(X, y) for name, (X, y) in tables.items()}
learnt = {name: np.append(gate.intercept_, gate.coef_) for name, gate in gates.items()}
learnt_accuracy = {name: gates[name].score(X, y) for name, (X, y) in tables.items()}
for name, weights in learnt.items():
    print(f"{name:<18} weights {weights.round(2)}, patterns right: {learnt_accuracy[name]:.0%}")

# %%
# For the gates with two inputs :class:`~skextra.plotting.AdalineRegionDisplay` draws the decision.
# The shading and the solid line are what Adaline has learnt; dashed are the lines of the weights
# by hand.

import matplotlib.pyplot as plt

from skextra.plotting import AdalineRegionDisplay

fig, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
for ax, name in zip(axes, ["OR", "NAND"], strict=True):
    X, y = tables[name]
    AdalineRegionDisplay.from_estimator(gates[name], X, y, ax=ax)
    x1 = np.array([-1.8, 1.8])
    for bias, first, second in by_hand[name]:
        ax.plot(x1, -(bias + first * x1) / second, "--", color="0.4", lw=1)
    ax.set(title=name, aspect="equal")

# %%
# Rows sorted by class
# --------------------
# A truth table is tiny. On real data there is a trap in learning row by row: files are often
# sorted by class. The rows of the iris data are: first fifty setosas, then fifty versicolors, then
# fifty virginicas. The last thing that an Adaline sees in each epoch is then fifty times the same
# answer, and the last iterate has bent to it. By default `Adaline` shuffles the rows once and
# publishes the average of all iterates. Here are both precautions taken and left out:

from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_iris(return_X_y=True)
iris_accuracy = {}
for shuffle, average in product([True, False], repeat=2):
    adaline = Adaline(shuffle=shuffle, average=average, random_state=0)
    scores = cross_val_score(make_pipeline(StandardScaler(), adaline), X, y)
    iris_accuracy[shuffle, average] = scores.mean()
    print(f"shuffle={shuffle!s:<5}  average={average!s:<5}  accuracy {scores.mean():.2f}")

# %%
# Either precaution avoids the worst. (That averaging alone comes out best here is luck; it depends
# on the order in which the file happens to have the classes.) Without both, each class loses rows
# to the class that comes after it in the file, as the confusion matrix shows:

from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import cross_val_predict

fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
for ax, careful in zip(axes, [True, False], strict=True):
    adaline = Adaline(shuffle=careful, average=careful, random_state=0)
    predicted = cross_val_predict(make_pipeline(StandardScaler(), adaline), X, y)
    ConfusionMatrixDisplay.from_predictions(
        y, predicted, display_labels=load_iris().target_names, ax=ax, cmap="Blues", colorbar=False
    )
    ax.set_title(f"shuffle={careful}, average={careful}")

# %%
# (That some versicolors are taken for one of their neighbours even then is no fault of the
# training. They lie between the other two classes, and no single linear output can be high in the
# middle and low on both sides; that takes more than one layer.)

plt.show()

r"""
================================
Adaline: logic from truth tables
================================

Widrow's Adaline, the adaptive linear neuron, decides by the sign of a weighted sum. Its inputs and
outputs are +1 and -1, "true" and "false". The weights are learnt by LMS, whose error is the
difference between the desired output and the *sum*, not its sign. The perceptron stops learning
once all signs are right; Adaline continues to the least-squares solution.

On this page, Adaline learns three logic functions, which are compared with weights set by hand.
The last part shows the effect of the order of the rows.
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
# All three functions can be computed with small integer weights. The bias, a weight on an input
# that is always +1, comes first. NAND, for instance, is :math:`1 - x_1 - x_2`: the sum is negative
# only if both inputs are +1. OR has two entries, (1, 1, 1) and (2, 2, 1): the solution is far from
# unique.

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
# `fit` learns the weights from the tables, with default parameters. Their scale differs from that
# of the integers: in the least-squares solution each weight is 0.5 (0 for the bias of the
# majority), and the error of each sum is 0.5. The weights below are averages over all steps of
# learning from zero, and are therefore slightly below 0.5. Only the signs of the sums matter, and
# they are right for every pattern.

from skextra import Adaline

gates = {name: Adaline(random_state=0).fit(X, y) for name, (X, y) in tables.items()}
learnt = {name: np.append(gate.intercept_, gate.coef_) for name, gate in gates.items()}
learnt_accuracy = {name: gates[name].score(X, y) for name, (X, y) in tables.items()}
for name, weights in learnt.items():
    print(f"{name:<18} weights {weights.round(2)}, patterns right: {learnt_accuracy[name]:.0%}")

# %%
# For the functions of two inputs, :class:`~skextra.plotting.AdalineRegionDisplay` draws the
# decision. The shading and the solid line are those of Adaline; the dashed lines are those of the
# weights set by hand.

import matplotlib.pyplot as plt

from skextra.plotting import AdalineRegionDisplay

fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.6), layout="constrained")
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
# A truth table is small. In real data the order of the rows matters, because files are often
# sorted by class. The iris data contain first fifty setosas, then fifty versicolors, then fifty
# virginicas. At the end of each epoch Adaline sees the same answer fifty times, and the last
# weights are biased towards it. By default `Adaline` shuffles the rows once and returns the
# average over all steps. The loop compares all combinations of the two:

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
# Either default avoids the worst result. (That averaging alone is best here is a coincidence of
# the order of the classes in the file.) Without both, each class loses rows to the class that
# follows it in the file, as the confusion matrix shows:

from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import cross_val_predict

fig, axes = plt.subplots(2, 1, figsize=(5.4, 8.6), layout="constrained")
for ax, default in zip(axes, [True, False], strict=True):
    adaline = Adaline(shuffle=default, average=default, random_state=0)
    predicted = cross_val_predict(make_pipeline(StandardScaler(), adaline), X, y)
    ConfusionMatrixDisplay.from_predictions(
        y, predicted, display_labels=load_iris().target_names, ax=ax, cmap="Blues", colorbar=False
    )
    ax.set_title(f"shuffle={default}, average={default}")

# %%
# (Some versicolors are still misclassified. They lie between the other two classes, and no linear
# output is high in the middle and low on both sides, as their targets demand.
# :class:`~sklearn.linear_model.LogisticRegression` has no such targets: it compares the outputs of
# the classes.)

plt.show()

r"""
==========================
Backpropagation by hand
==========================

Two layers, one sample, every number written out: the forward pass, the backward pass, and two
checks, by finite differences and by Keras. Then the same gradients as histograms in a network for
digits, with the usual initial weights and with zeros, from which it does not learn.
"""

# %%
# Forward
# -------
# Each layer is :math:`\max(0, W x + b)`, and the loss is half of the squared error.

import numpy as np

W1, b1 = np.array([[0.0, -1, 1], [2, 2, -1]]), np.array([1.0, 2])
W2, b2 = np.array([[0.0, 2], [1, 1]]), np.array([1.0, 1])
x, target = np.array([1.0, 1, -1]), np.array([1.0, 2])


def forward(W1, b1, W2, b2):
    hidden = np.maximum(W1 @ x + b1, 0)
    output = np.maximum(W2 @ hidden + b2, 0)
    return hidden, output, 0.5 * ((output - target) ** 2).sum()


hidden, output, loss = forward(W1, b1, W2, b2)
print(f"hidden {hidden}, output {output}, loss {loss:g}")

# %%
# The loss is :math:`(14^2 + 6^2) / 2 = 116`. (It is often misprinted as 166.)
#
# Backward
# --------
# The gradient of the loss at the output is the error itself. A rectifier passes it on where its
# sum was positive. The gradient of a weight is the error times the input of the weight, and the
# gradient at the layer below is the error multiplied by the transposed weights. The first hidden
# unit was at zero and gets no gradient.

at_output = (output - target) * (output > 0)
at_hidden = (W2.T @ at_output) * (hidden > 0)
gradients = {
    "W1": np.outer(at_hidden, x),
    "b1": at_hidden,
    "W2": np.outer(at_output, hidden),
    "b2": at_output,
}
for name, gradient in gradients.items():
    print(f"dL/d{name} = {gradient.astype(int).tolist()}")

# %%
# Two checks
# ----------
# First, change every weight a little and observe the loss. Central differences are exact here up
# to rounding, because the loss is quadratic as long as no rectifier switches.

parameters = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
largest = 0.0
for name, values in parameters.items():
    for place in np.ndindex(values.shape):
        losses = []
        for step in (1e-4, -1e-4):
            moved = {**parameters, name: values.copy()}
            moved[name][place] += step
            losses.append(forward(**moved)[2])
        slope = (losses[0] - losses[1]) / 2e-4
        # The sum of the first unit is -1: it stays at zero.
        largest = max(largest, abs(slope - gradients[name][place]))
print(f"largest difference from the slopes: {largest:.0e}")

# %%
# Second, compare with the automatic differentiation of Keras. Keras multiplies from the other
# side, so that its weights are the transposes.

import keras
import tensorflow as tf

layers = [keras.layers.Dense(2, activation="relu", dtype="float64") for _ in range(2)]
model = keras.Sequential([keras.Input((3,), dtype="float64"), *layers])
model.set_weights([W1.T, b1, W2.T, b2])
with tf.GradientTape() as tape:
    keras_loss = 0.5 * tf.reduce_sum((model(x[None])[0] - target) ** 2)
found = tape.gradient(keras_loss, [v.value for v in model.trainable_variables])
keras_gradients = dict(zip(parameters, (np.transpose(g) for g in found), strict=True))
same = {name: np.array_equal(keras_gradients[name], gradients[name]) for name in gradients}
print(f"loss {float(keras_loss):g}; equal gradients: {same}")

# %%
# A network that reads digits
# ---------------------------
# The same for a network with two hidden layers. The usual initial weights of a layer are uniform,
# within bounds that shrink with the number of its inputs and outputs, so that the gradients of all
# layers have about the same magnitude.

from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.plotting import HistogramDisplay

digits, labels = load_digits(return_X_y=True)
digits = digits / 16
settings = {"filters": (), "dense_units": (64, 32), "epochs": 10, "random_state": 0}
usual = CNNClassifier(**settings).fit(digits, labels)

import matplotlib.pyplot as plt

fig, axes = plt.subplots(3, 2, figsize=(6.4, 7), layout="constrained")
usual_weights = HistogramDisplay.from_estimator(usual, weights="initial", ax=axes[:, 0])
usual_gradients = HistogramDisplay.from_estimator(
    usual, digits, labels, weights="initial", ax=axes[:, 1], color="#D55E00"
)
_ = fig.suptitle("Usual initial weights (left) and their gradients (right)")

# %%
# A start from zeros
# ------------------
# With all weights at zero, all hidden outputs are zero, so that the inputs of the weights are
# zero; and no gradient passes through zero weights. The only nonzero gradient is that of the last
# bias, which learns the frequency of the digits. Ten epochs later all weights are unchanged. With
# any other common value, the units of a layer would stay copies of one another: the initial
# weights must break the symmetry, and must therefore be random.

zero = CNNClassifier(**settings, kernel_initializer="zeros").fit(digits, labels)
fig, axes = plt.subplots(5, 2, figsize=(6.4, 11), layout="constrained")
axes[4, 1].axis("off")
zero_weights = HistogramDisplay.from_estimator(zero, ax=axes.ravel()[:3])
zero_gradients = HistogramDisplay.from_estimator(
    zero,
    digits,
    labels,
    weights="initial",
    kernels_only=False,
    ax=axes.ravel()[3:9],
    color="#D55E00",
)
fig.suptitle("Zeros: weights after ten epochs, and initial gradients")

zero_score, usual_score = zero.score(digits, labels), usual.score(digits, labels)
print(f"accuracy after 10 epochs: usual weights {usual_score:.3f}, zeros {zero_score:.3f}")

r"""
====================================
Batch normalisation, and folding it
====================================

Batch normalisation scales every output of a layer to mean 0 and variance 1 over a batch, and then
learns another scale and shift. This page computes it on numbers that can be checked by hand, and
shows how it is removed after training: the scale and the shift are merged into the weights of the
previous layer.
"""

# %%
# Three rows by hand
# ------------------
# Three features of four samples. They have different means and variances, but after :math:`(z -
# \text{mean}) / \sqrt{\text{variance} + \epsilon}` all three are -1, 1, 1, -1. :math:`\epsilon`
# prevents a division by zero and is tiny here.

import keras
import numpy as np

Z = np.array([[12.0, 14, 14, 12], [0, 10, 10, 0], [-5, 5, 5, -5]])
epsilon = 1e-9
mean, variance = Z.mean(axis=1, keepdims=True), Z.var(axis=1, keepdims=True)
normalised = (Z - mean) / np.sqrt(variance + epsilon)
print("means    ", mean.ravel(), "\nvariances", variance.ravel())
print(normalised.round(4))

# %%
# The mean is removed: a bias before the normalisation has no effect, which is why
# ``use_bias='auto'`` omits it. Instead the layer learns a scale :math:`\gamma` and a shift
# :math:`\beta`. With shifts of -10 and 10 for the last two rows:

beta = np.array([0.0, -10, 10])
shifted = normalised + beta[:, None]
print(shifted.round(4))

# %%
# The layer of Keras does the same, with features in columns instead of rows.

layer = keras.layers.BatchNormalization(epsilon=epsilon, momentum=0.0, dtype="float64")
layer.build((None, 3))
layer.beta.assign(beta)
by_keras = np.asarray(layer(Z.T, training=True)).T
print(f"largest difference {np.abs(by_keras - shifted).max():.0e}")

# %%
# Two modes
# ---------
# In training the layer uses the statistics of the batch. In prediction it uses the stored mean and
# variance, so that the prediction for one sample does not depend on the others. The first sample
# alone, in both modes:

first = Z.T[:1]
print("batch of one:       ", np.asarray(layer(first, training=True))[0])
layer(Z.T, training=True)  # with momentum=0 the stored statistics are those of the last batch
print("stored statistics:  ", np.asarray(layer(first, training=False))[0].round(4))

# %%
# Folding
# -------
# With fixed statistics, batch normalisation is a scale and a shift per channel. With :math:`\alpha
# = \gamma / \sqrt{\text{variance} + \epsilon}`, they are merged into the previous layer: :math:`w'
# = \alpha w` for each output channel and :math:`b' = \alpha (b - \text{mean}) + \beta`. By hand,
# for a convolution with random numbers in place of trained ones:

rng = np.random.default_rng(0)
conv = keras.layers.Conv2D(4, 3, dtype="float64", name="conv")
norm = keras.layers.BatchNormalization(dtype="float64", name="norm")
model = keras.Sequential([keras.Input((8, 8, 2), dtype="float64"), conv, norm])
conv.set_weights([rng.normal(size=w.shape) for w in conv.get_weights()])
norm.set_weights([rng.uniform(0.5, 2, size=w.shape) for w in norm.get_weights()])

w, b = conv.get_weights()
gamma, beta, moving_mean, moving_variance = norm.get_weights()
alpha = gamma / np.sqrt(moving_variance + norm.epsilon)
w_folded, b_folded = alpha * w, alpha * (b - moving_mean) + beta

# %%
# :func:`~skextra.cnn.fold_batch_norm` does this for a whole network, and returns a report.

from skextra.cnn import fold_batch_norm, layer_table

folded, report = fold_batch_norm(model)
images = rng.normal(size=(5, 8, 8, 2))
difference = np.abs(np.asarray(folded(images)) - np.asarray(model(images))).max()
w_ours, b_ours = folded.get_weights()
weights_agree = bool(np.allclose(w_ours, w_folded) and np.allclose(b_ours, b_folded))
print(f"outputs differ by {difference:.0e}; weights as by hand: {weights_agree}")
before, after = layer_table(model), layer_table(folded)
print(f"layers: {len(before.rows)} before, {len(after.rows)} after")
report

# %%
# Effect on training
# ------------------
# On the digits, by gradient descent from the same initial weights, at a learning rate at which the
# loss of the network without normalisation begins to jump. With normalisation the loss is lower in
# every epoch. This is the purpose of batch normalisation; whether the test accuracy improves is a
# different question.

from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.plotting import LossCurveDisplay

X, y = load_digits(return_X_y=True)
networks = {}
for name, batch_norm in [("plain", False), ("batch norm", True)]:
    networks[name] = CNNClassifier(
        (8, 16), batch_norm=batch_norm, dense_units=(), optimizer="sgd", learning_rate=0.1,
        epochs=8, random_state=0,
    ).fit(X[:1200] / 16, y[:1200])  # fmt: skip
    score = networks[name].score(X[1200:] / 16, y[1200:])
    print(f"{name:<12} loss {networks[name].loss_curve_[-1]:.4f}, test {score:.3f}")
_ = LossCurveDisplay.from_estimator(networks)

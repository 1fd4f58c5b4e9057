"""
=============================================
A convolutional network, and what moves it
=============================================

Why convolutions, and what do batch normalisation, dropout and augmentation do?
:class:`~skextra.CNNClassifier` answers on the handwritten digits that come with scikit-learn:
learning curves, the digits it gets wrong, and a test on digits that were moved, which it stands
and a network of dense layers does not.
"""

# %%
# Data
# ----
# Digits of 8 x 8 pixels in a frame of 2 pixels more on each side, so that there is room to move.
# The images go in as they are, without flattening.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from skextra import CNNClassifier
from skextra.plotting import LossCurveDisplay

X, y = load_digits(return_X_y=True)
X = np.pad(X.reshape(-1, 8, 8) / 16, ((0, 0), (2, 2), (2, 2)))
X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=0, stratify=y)

# %%
# One network in four forms
# -------------------------
# Two convolutions with pools and a dense layer. The second form normalises batches, the third
# drops outputs as well, the fourth moves the images while it trains. Validation samples, here the
# test set for the sake of the picture, are watched and nothing else.

normed = {"batch_norm": True}
dropping = {**normed, "dropout": (0.1, 0.1, 0.3)}
moving = {**dropping, "augmentation": {"shift": 1, "rotation": 10, "zoom": 0.1}}
networks = {
    "plain": CNNClassifier(epochs=10, random_state=0),
    "batch norm": CNNClassifier(**normed, epochs=10, random_state=0),
    "and dropout": CNNClassifier(**dropping, epochs=10, random_state=0),
    "and augmentation": CNNClassifier(**moving, epochs=10, random_state=0),
}
train_scores, test_scores = {}, {}
print(f"{'':<18}{'train':>8}{'test':>8}{'gap':>8}")
for name, network in networks.items():
    network.fit(X, y, X_val=X_test, y_val=y_test)
    train_scores[name], test_scores[name] = network.score(X, y), network.score(X_test, y_test)
    gap = train_scores[name] - test_scores[name]
    print(f"{name:<18}{train_scores[name]:>8.4f}{test_scores[name]:>8.4f}{gap:>8.4f}")

svc_score = SVC().fit(X.reshape(len(X), -1), y).score(X_test.reshape(len(X_test), -1), y_test)
print(f"{'SVC(), for scale':<26}{svc_score:.4f}")

# %%
# Batch normalisation learns fastest, and on digits like those that it was trained on nothing does
# better here. Dropout and augmentation make every epoch harder: the loss while training is then
# higher than on the test set, where nothing is dropped or moved, and after ten epochs there is
# still much to learn. What augmentation is good for shows further down.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, part in zip(axes, ("loss", "val_loss"), strict=True):
    curves = {name: np.array(network.history_[part]) for name, network in networks.items()}
    LossCurveDisplay(curves, loss_name="Cross-entropy").plot(ax=ax)
    ax.set_title({"loss": "while training", "val_loss": "test set"}[part])

# %%
# What it gets wrong
# ------------------
# The confusion matrix counts, the images explain.

best = networks["and augmentation"]
predicted = best.predict(X_test)
figure, ax = plt.subplots(figsize=(5, 5), layout="constrained")
ConfusionMatrixDisplay.from_predictions(y_test, predicted, ax=ax, colorbar=False, cmap="Blues")

wrong = np.flatnonzero(predicted != y_test)[:10]
figure, axes = plt.subplots(1, 10, figsize=(10, 1.6), layout="constrained")
for ax in axes:
    ax.axis("off")
for ax, i in zip(axes, wrong, strict=False):
    ax.imshow(X_test[i], cmap="gray_r")
    ax.set_title(f"{y_test[i]} as {predicted[i]}", fontsize=9)

# %%
# Moved digits
# ------------
# A convolution sees a digit wherever it is, and a pool forgets by how much it was moved. Here the
# test set is moved by up to two pixels to the right and down; nobody was trained on that but the
# network with augmentation, and that for one pixel only.

mlp = MLPClassifier((128,), max_iter=1000, random_state=0).fit(X.reshape(len(X), -1), y)
moves = [0, 1, 2]


def moved(images, by):
    return np.roll(images, (by, by), axis=(1, 2))


stands = {
    name: [network.score(moved(X_test, by), y_test) for by in moves]
    for name, network in networks.items()
}
flat = len(X_test), -1
stands["dense layers"] = [mlp.score(moved(X_test, by).reshape(flat), y_test) for by in moves]

figure, ax = plt.subplots(layout="constrained")
for (name, scores), dash in zip(stands.items(), ("-", "--", "-.", ":", "-"), strict=True):
    ax.plot(moves, scores, dash, marker="o", label=name)
ax.set(xlabel="pixels to the right and down", ylabel="accuracy", xticks=moves, ylim=(0, 1.02))
_ = ax.legend()

# %%
# Inside
# ------
# `model_` is a Keras model that stands by itself. The layers of the network, their outputs and
# numbers of weights:

for layer in networks["batch norm"].model_.layers:
    shape = " x ".join(str(size) for size in layer.output.shape[1:])
    print(f"{layer.name:<14}{shape:<16}{layer.count_params():>8}")

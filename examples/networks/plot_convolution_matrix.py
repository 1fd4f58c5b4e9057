"""
========================================
A convolution as a matrix
========================================

A convolution is linear, so it is equivalent to a matrix with one row per output, which holds the
kernel at the position of the window. :func:`~skextra.cnn.conv_matrix` returns it as a sparse
matrix. This page uses it to explain one-dimensional layers, to detect edges in a photograph, and
to compute the gradient, which is a product with the transpose.
"""

# %%
# One dimension, by hand
# ----------------------
# A kernel of three numbers on five inputs: each row is the previous row shifted by one. A stride
# of two omits every second row, and with a padding of 1 the window extends beyond the ends.

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from skextra.cnn import conv_matrix, feature_maps

banded = conv_matrix([1, 2, 3], 5)
stepped = conv_matrix([1, 2, 3], 5, strides=2)
padded = conv_matrix([1, 2, 3], 5, padding=1)
figure, axes = plt.subplots(1, 3, figsize=(6.4, 2.6), layout="constrained")
for ax, matrix, title in zip(
    axes, (banded, stepped, padded), ("plain", "strides=2", "padding=1"), strict=True
):
    ax.imshow(matrix.toarray(), cmap="Blues", vmin=0, vmax=4)
    for (i, j), value in np.ndenumerate(matrix.toarray()):
        ax.text(j, i, f"{value:g}", ha="center", va="center", color="gray" if not value else "k")
    ax.set(title=title, xlabel="input", ylabel="output", xticks=range(5))
    ax.set_yticks(range(matrix.shape[0]))

# %%
# Channels and filters
# --------------------
# Two filters on one channel give two outputs for each position: the rows come in pairs. One filter
# on two channels gives one output, the sum over both channels: the columns come in pairs.

two_filters = conv_matrix(np.array([[[1, 10]], [[2, 20]], [[3, 30]]]), (4, 1))
two_channels = conv_matrix(np.array([[[1], [10]], [[2], [20]], [[3], [30]]]), (4, 2))
print("two filters, one channel:", two_filters.toarray().astype(int), sep="\n")
print("one filter, two channels:", two_channels.toarray().astype(int), sep="\n")

# %%
# In two dimensions the rows of the image follow each other: a kernel of 2 x 2 on 4 x 4, with a
# stride of 2, uses each input once.

in_2d = conv_matrix([[1, 2], [3, 4]], (4, 4), strides=2)
print(in_2d.toarray().astype(int))

# %%
# Edges of a photograph
# ---------------------
# Sobel's kernel is the difference between the right and the left side, its transpose that between
# the lower and the upper side. The third kernel subtracts twice the mean of the four neighbours
# from each pixel, so that uniform areas appear as their negatives and isolated points stand out.
# Zeros beyond the border make an edge of it. The kernels are the fixed weights of a layer with
# three filters, and :func:`~skextra.cnn.feature_maps` computes their output for a photograph that
# comes with scikit-learn.

photo = load_sample_image("china.jpg")[::2, ::2].mean(axis=2) / 255
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
neighbours = np.array([[0, -0.5, 0], [-0.5, 1, -0.5], [0, -0.5, 0]])
kernel = np.stack([sobel, sobel.T, neighbours], axis=-1)[:, :, None, :]

layer = keras.layers.Conv2D(3, 3, padding="same", use_bias=False, name="edges")
model = keras.Sequential([keras.Input((*photo.shape, 1)), layer])
layer.set_weights([kernel])
maps = feature_maps(model, photo[None, :, :, None])["edges"][0]

figure, axes = plt.subplots(2, 2, figsize=(6.4, 5), layout="constrained")
titles = (
    "photograph",
    "right minus left",
    "below minus above",
    "pixel minus its neighbours",
)
for ax, image, title in zip(axes.ravel(), (photo, *np.moveaxis(maps, -1, 0)), titles, strict=True):
    limit = np.quantile(np.abs(image), 0.995)
    style = {"vmin": 0, "vmax": 1} if title == "photograph" else {"vmin": -limit, "vmax": limit}
    ax.imshow(image, cmap="gray", **style)
    ax.set_title(title)
    ax.axis("off")

# %%
# The same by the matrix
# ----------------------
# The matrix has 68,480 columns, one per pixel, and three times as many rows, with nine numbers
# each, or fewer at the borders. Its product with the photograph, flattened to a vector, is the
# output of the layer.

matrix = conv_matrix(kernel, (*photo.shape, 1), padding="same")
by_matrix = (matrix @ photo.ravel()).reshape(*photo.shape, 3)
difference = np.abs(by_matrix - maps).max()
print(f"matrix of {matrix.shape}, {matrix.nnz:,} numbers; largest difference {difference:.1e}")

# %%
# Back to the input
# -----------------
# How must the photograph change to increase the outputs? The transpose of the matrix gives the
# answer: it propagates the desired change of each output back to all pixels that it depends on.
# Automatic differentiation in TensorFlow gives the same result, and so does a transposed
# convolution.

import tensorflow as tf

wanted = np.random.default_rng(0).normal(size=maps.shape).astype(np.float32)
pixels = tf.Variable(photo[None, :, :, None].astype(np.float32))
with tf.GradientTape() as tape:
    total = tf.reduce_sum(model(pixels)[0] * wanted)
automatic = tape.gradient(total, pixels).numpy().ravel()
by_transpose = matrix.T @ wanted.ravel()
gradient_difference = np.abs(automatic - by_transpose).max()
print(f"largest difference of the gradients {gradient_difference:.1e}")

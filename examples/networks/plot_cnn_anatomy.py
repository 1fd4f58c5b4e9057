"""
==========================================================
A network in numbers: shapes, parameters, multiplications
==========================================================

How many weights does a layer have, how large is its output, what does it cost, and how much of the
image does it see? :func:`~skextra.cnn.layer_table` answers these questions for any sequential or
functional Keras model and for a fitted :class:`~skextra.CNNClassifier`. This page solves the
exercises of a course on convolutional networks, each in one line and one figure.
"""

# %%
# One convolution
# ---------------
# 16 filters of 7 x 7 on an input of 32 x 32 x 8, with a padding of 2 and a stride of 3. Along each
# axis there are floor((32 + 2 * 2 - 7) / 3) + 1 = 10 positions, and each filter has 7 * 7 * 8
# weights and a bias.

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from matplotlib.patches import Rectangle

from skextra import CNNClassifier
from skextra.cnn import layer_table

one = keras.Sequential(
    [keras.Input((32, 32, 8)), layers.ZeroPadding2D(2), layers.Conv2D(16, 7, strides=3)],
    name="one",
)
one_row = layer_table(one)[1]
print(f"output {one_row.output_shape}, {one_row.parameters} parameters")

# %%
# Two dense layers with batch normalisation in between: 100 to 10 without a bias, which the
# normalisation would remove, and 10 to 1. There are 1000 + 2 * 10 + 11 trainable numbers; the
# other 20 are running statistics.

dense = keras.Sequential(
    [
        keras.Input((100,)),
        layers.Dense(10, use_bias=False),
        layers.ReLU(),
        layers.BatchNormalization(),
        layers.Dense(1),
    ],
    name="dense",
)
dense_table = layer_table(dense)
dense_table

# %%
# Divide by the stride, not by one more
# -------------------------------------
# The first layer turns 128 channels into 256 with a stride of 2, the second 256 into 512 with a
# stride of 1. A common mistake divides the height by the stride plus one, which would make the
# second output half of the first: both are 32 x 32. The second layer has four times the weights
# and costs four times as much.

pair = keras.Sequential(
    [
        keras.Input((64, 64, 128)),
        layers.Conv2D(256, 3, strides=2, padding="same", use_bias=False),
        layers.Conv2D(512, 3, padding="same", use_bias=False),
    ],
    name="pair",
)
pair_table = layer_table(pair)
pair_table

# %%
# A whole network
# ---------------
# Three convolutions with a padding of 2, overlapping pools and two dense layers, for colour images
# of 32 x 32. One call of the estimator is enough. Random images are sufficient, because only
# shapes matter.

rng = np.random.default_rng(0)
images = rng.random((20, 32, 32, 3), dtype=np.float32)
simple = CNNClassifier(
    filters=(16, 16, 32),
    kernel_size=(5, 3, 7),
    padding=2,
    pool_size=(4, 3, 2),
    pool_strides=2,
    dense_units=32,
    use_bias=(False, False, False, True),
    image_shape=(32, 32, 3),
    epochs=1,
    random_state=0,
)
table = layer_table(simple.fit(images, np.arange(20) % 10))
table

# %%
# Multiplications and weights by layer
# ------------------------------------
# The first convolution has few weights and costs most; the last has most of the weights. This is
# typical, and the reason why speed and size are different problems.

rows = [row for row in table.rows if row.macs]
names = [row.name for row in rows]
macs, parameters = [row.macs for row in rows], [row.parameters for row in rows]
figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained", sharey=True)
left.barh(names, macs, color="#0072B2")
left.set(xlabel="multiplications per sample", xscale="log")
right.barh(names, parameters, color="#D55E00")
right.set(xlabel="parameters", xscale="log")
left.invert_yaxis()

# %%
# Receptive field
# ---------------
# The receptive field of one output in the middle of each convolution, drawn on the input. Each
# layer adds (kernel - 1) times the product of the previous strides, so that kernels behind pools
# count for more. The field of the last convolution exceeds the image and includes padding.

figure, ax = plt.subplots(figsize=(6.4, 6.4), layout="constrained")
ax.imshow(images[0], alpha=0.35, extent=(0, 32, 32, 0))
colours = ("#0072B2", "#D55E00", "#009E73")
fields = {row.name: row.receptive_field for row in rows if row.type == "Conv2D"}
for (name, (height, width)), colour in zip(fields.items(), colours, strict=True):
    corner = 16 - width / 2, 16 - height / 2
    label = f"{name}: {height} x {width}"
    ax.add_patch(Rectangle(corner, width, height, fill=False, lw=2, color=colour, label=label))
ax.set(xlim=(-6, 38), ylim=(38, -6), title="receptive fields on an image of 32 x 32")
_ = figure.legend(loc="outside lower center", ncols=3)

# %%
# Dilation
# --------
# A kernel of 3 with a dilation of 2 or 4 sees as far as one of 5 or 9, at the cost of 3.

sees = {}
for dilation in (1, 2, 4):
    model = keras.Sequential(
        [keras.Input((64, 64, 1)), layers.Conv2D(8, 3, dilation_rate=dilation)]
    )
    row = layer_table(model)[0]
    sees[dilation] = row.receptive_field
    print(f"dilation {dilation}: sees {row.receptive_field}, {row.parameters} parameters")

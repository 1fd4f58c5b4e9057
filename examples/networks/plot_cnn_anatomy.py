"""
==========================================================
A network in numbers: shapes, parameters, multiplications
==========================================================

How many weights has a layer, how large is its output, what does it cost, and how much of the image
does it see? :func:`~skextra.cnn.layer_table` answers for any sequential or functional Keras model
and for a fitted :class:`~skextra.CNNClassifier`. Below are the exercises of a course on
convolutional networks, each solved in one line and one picture.
"""

# %%
# One convolution
# ---------------
# 16 filters of 7 x 7 on an input of 32 x 32 x 8, padded by 2 and moved in steps of 3. Along each
# side there are floor((32 + 2 * 2 - 7) / 3) + 1 = 10 places, and each filter has 7 * 7 * 8 weights
# and a bias.

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
# Two dense layers with batch normalisation between them: 100 to 10 without a bias, which the
# normalisation would take away again, and 10 to 1. Training changes 1000 + 2 * 10 + 11 numbers;
# the 20 others are running statistics.

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
# 128 channels become 256 in steps of 2, and 256 become 512 in steps of 1. A common mistake divides
# the height by the stride plus one, and makes the second output half of the first: both are 32 x
# 32. The second layer has four times the weights and costs four times as much.

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
# Three convolutions padded by 2, overlapping pools and two dense layers, for colour images of
# 32 x 32. It is one call of the estimator; random images will do, as only shapes are asked for.

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
# Where the work is, and where the weights are
# --------------------------------------------
# The first convolution is the smallest and the most expensive; the last has most of the weights.
# That is so in most networks, and why speed and size are two problems.

rows = [row for row in table.rows if row.macs]
names = [row.name for row in rows]
macs, parameters = [row.macs for row in rows], [row.parameters for row in rows]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=True)
left.barh(names, macs, color="#0072B2")
left.set(xlabel="multiplications a sample", xscale="log")
right.barh(names, parameters, color="#D55E00")
right.set(xlabel="parameters", xscale="log")
left.invert_yaxis()

# %%
# What a number sees
# ------------------
# The receptive field of one output in the middle of each convolution, drawn on the input. It grows
# by (kernel - 1) times the stride so far, so that pools make the later kernels count for more; the
# last one would see more than there is, and sees padding there.

figure, ax = plt.subplots(figsize=(4.8, 5), layout="constrained")
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
# A kernel of 3 that takes every second, every fourth number sees as far as one of 5 or 9, for the
# price of 3.

sees = {}
for dilation in (1, 2, 4):
    model = keras.Sequential(
        [keras.Input((64, 64, 1)), layers.Conv2D(8, 3, dilation_rate=dilation)]
    )
    row = layer_table(model)[0]
    sees[dilation] = row.receptive_field
    print(f"dilation {dilation}: sees {row.receptive_field}, {row.parameters} parameters")

"""
=================================
Counting the bytes of a network
=================================

The size of a network depends on the number of weights and on the bits per weight. Both can be
computed before training. This page compares deep and narrow with wide and shallow networks,
float32 with int8, and computes how many values weights can share before that takes more than one
byte each.
"""

# %%
# Deep and narrow, or wide and shallow
# ------------------------------------
# Two fully connected networks with 16 inputs and 16 outputs: nine hidden layers of 32 units, or
# three of 128. The number of weights of a layer grows with the square of its width, so that the
# deeper network is four times smaller.

import keras
import matplotlib.pyplot as plt
import numpy as np

from skextra.cnn import best_n_clusters, layer_table


def connected(depth, width):
    dense = [keras.layers.Dense(width, use_bias=False) for _ in range(depth)]
    return keras.Sequential([keras.Input((16,)), *dense, keras.layers.Dense(16, use_bias=False)])


budget = {}
for depth, width in ((9, 32), (3, 128)):
    table = layer_table(connected(depth, width))
    n_weights = sum(row.parameters for row in table.rows)
    n_bytes = sum(row.weight_bytes for row in table.rows)
    budget[depth, width] = n_weights, n_bytes
    print(f"{depth} hidden layers of {width:>3}: {n_weights:>6} weights, {n_bytes:>7} bytes")

# %%
# One byte per weight
# -------------------
# N weights in float32 are 4 N bytes and take 4 N / S seconds to load at S bytes per second; int8
# takes a quarter. For the two networks, at 100 kB per second:

speed = 100_000
fetch = {}
for (depth, width), (n_weights, _) in budget.items():
    fetch[depth, width] = 4 * n_weights / speed, n_weights / speed
    whole, quarter = (1000 * seconds for seconds in fetch[depth, width])
    print(f"{depth} x {width:>3}: {whole:6.1f} ms in float32, {quarter:5.1f} ms in int8")

# %%
# Shared values
# -------------
# If N weights share M values, each is stored as the index of its value, in log2(M) bits, and the
# values themselves in 4 bytes each: ``N log2(M) / 8 + 4 M`` bytes. For 64 weights this is less
# than the 64 bytes of int8 up to M = 8.


def clustered_bytes(n_weights, n_clusters):
    return n_weights * np.log2(n_clusters) / 8 + 4 * n_clusters


table_of_64 = {m: clustered_bytes(64, m) for m in (2, 4, 8, 16, 32)}
for m, size in table_of_64.items():
    print(f"{m:>3} values: {size:>4.0f} bytes {'<' if size < 64 else '>'} 64")
print("largest number below int8:", best_n_clusters(64))

# %%
# The more weights, the less the values themselves contribute, and the more of them are worthwhile.
# Below a handful of weights nothing is saved.

counts = np.unique(np.geomspace(16, 50_000, 40).astype(int))
fig, ax = plt.subplots(layout="constrained")
for m, colour in ((2, "#0072B2"), (8, "#D55E00"), (16, "#009E73"), (64, "#CC79A7")):
    share = clustered_bytes(counts, m) / (4 * counts)
    ax.plot(counts, share, color=colour, label=f"{m} values")
ax.axhline(0.25, color="black", linestyle="--", label="int8")
ax.set(
    xscale="log",
    yscale="log",
    xlabel="number of weights",
    ylabel="fraction of the bytes of float32",
)
ax.set_ylim(0.02, 1.5)
_ = ax.legend()

most = {int(n): best_n_clusters(int(n)) for n in (64, 1000, budget[9, 32][0], budget[3, 128][0])}
print("largest number of values below int8, by the number of weights:", most)

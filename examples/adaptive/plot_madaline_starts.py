r"""
=======================================
Madaline: how much depends on the start
=======================================

Madaline rule II inverts units one at a time, and cannot leave a dead end. Whether it finds a
solution depends on the initial weights, and the more so the fewer units there are. This page
counts how often it succeeds: as published, with the first start of `Madaline`, and with restarts.
"""

# %%
# The task
# --------
# The parity of four bits: +1 if the number of bits equal to -1 is even. Every bit changes the
# answer, so that none can be ignored. Four hidden units are enough.

import itertools
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skextra import Madaline

warnings.simplefilter("ignore", ConvergenceWarning)
bits = np.array(list(itertools.product([-1, 1], repeat=4)))
parity = bits.prod(axis=1)
print(f"{len(bits)} patterns, {np.sum(parity == 1)} of them positive")

# %%
# Success rate
# ------------
# Forty seeds for each number of hidden units. "As published" is the rule of Winter and Widrow.
# "First start alone" is the first start of `Madaline`, with acceptance by hinge loss, a dead zone,
# and output weights near zero. The default adds restarts, whose output weights are up to one.

variants = {
    "as published": {"acceptance": "hamming", "dead_zone": 0.0, "n_init": 1},
    "first start alone": {"n_init": 1},
    "restarts (default)": {},
}
units = (4, 5, 6, 8, 12, 16, 24)
seeds = range(40)
solved = {
    name: [
        np.mean(
            [
                Madaline(size, random_state=seed, **options).fit(bits, parity).score(bits, parity)
                == 1
                for seed in seeds
            ]
        )
        for size in units
    ]
    for name, options in variants.items()
}
for name, shares in solved.items():
    print(f"{name:<24}", " ".join(f"{share:>5.0%}" for share in shares))

# %%
# From a single start, success depends on luck and on spare units, as the textbooks say. The first
# start is designed for real data, where it is better (see the user guide), and is worse here.
# Restarts cost little, because an unsuccessful start is abandoned early.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
styles = [("#999999", "s", ":"), ("#E69F00", "^", "--"), ("#0072B2", "o", "-")]
for (name, shares), (colour, marker, line) in zip(solved.items(), styles, strict=True):
    ax.plot(units, shares, line, marker=marker, color=colour, label=name)
ax.set(
    xlabel="hidden units",
    ylabel="fraction of seeds solved",
    ylim=(-0.03, 1.03),
    xticks=units,
    title="Parity of four bits",
)
_ = ax.legend(loc="center right")

# %%
# Number of starts
# ----------------
# More units need fewer starts. The table shows the mean number of starts, and of epochs in total.

starts = {}
for size in units:
    fits = [Madaline(size, random_state=seed).fit(bits, parity) for seed in seeds]
    starts[size] = np.mean([fit.n_restarts_ + 1 for fit in fits])
    epochs = np.mean([fit.n_iter_ for fit in fits])
    print(f"{size:>2} units: {starts[size]:5.1f} starts, {epochs:6.1f} epochs")

# %%
# One fit, epoch by epoch
# -----------------------
# `loss_curve_` is the fraction of wrong patterns after each epoch, over all starts in turn. It
# jumps up where a new start begins; the weights with the fewest errors are kept.

fits = [Madaline(4, random_state=seed).fit(bits, parity) for seed in seeds]
example = max(fits[:10], key=lambda fit: fit.n_restarts_)
fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
ax.step(np.arange(1, example.n_iter_ + 1), example.loss_curve_, color="#0072B2", where="mid")
ax.set(xlabel="epoch", ylabel="fraction of wrong patterns", ylim=(-0.02, None))
_ = ax.set_title(f"{example.n_restarts_ + 1} starts, {example.n_iter_} epochs")

plt.show()

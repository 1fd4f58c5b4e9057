r"""
=======================================
Madaline: how much depends on the start
=======================================

Madaline rule II inverts units one at a time, and has no way back from a corner into which it has
worked itself. Whether it finds the solution depends on the weights it starts from, all the more
the fewer units there are. This page counts how often it succeeds: as published, with what
`Madaline` adds to one start, and with other starts.
"""

# %%
# The task
# --------
# The parity of four bits: +1 if the number of -1 among them is even. Whichever bit changes, the
# answer changes, so that no bit can be left out. Four hidden units are enough.

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
# Share of starts that succeed
# ----------------------------
# Forty seeds for each number of hidden units. "As published" is the rule of Winter and Widrow;
# "first start" is what `Madaline` does before it makes another start, with acceptance by hinge
# loss, a dead zone, and output weights that begin near zero; the default goes on to other starts,
# whose output weights begin at any value up to one.

variants = {
    "as published": {"acceptance": "hamming", "dead_zone": 0.0, "n_init": 1},
    "first start alone": {"n_init": 1},
    "other starts (default)": {},
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
# The textbooks are right: from a single start, success is a matter of luck and of spare units. The
# first start is made for real data, where it is the better one (see the user guide), and the worse
# one here. Other starts cost little, because one that leads nowhere is given up soon.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
styles = [("#999999", "s", ":"), ("#E69F00", "^", "--"), ("#0072B2", "o", "-")]
for (name, shares), (colour, marker, line) in zip(solved.items(), styles, strict=True):
    ax.plot(units, shares, line, marker=marker, color=colour, label=name)
ax.set(
    xlabel="hidden units",
    ylabel="share of seeds solved",
    ylim=(-0.03, 1.03),
    xticks=units,
    title="Parity of four bits",
)
_ = ax.legend(loc="center right")

# %%
# How many starts it takes
# ------------------------
# More units need fewer starts. In the table: the mean number of starts, and of epochs in all.

starts = {}
for size in units:
    fits = [Madaline(size, random_state=seed).fit(bits, parity) for seed in seeds]
    starts[size] = np.mean([fit.n_restarts_ + 1 for fit in fits])
    epochs = np.mean([fit.n_iter_ for fit in fits])
    print(f"{size:>2} units: {starts[size]:5.1f} starts, {epochs:6.1f} epochs")

# %%
# One fit, epoch by epoch
# -----------------------
# `loss_curve_` is the share of wrong patterns after each epoch, start after start. It jumps back
# up where a start has been given up; the weights kept are those with the fewest errors.

fits = [Madaline(4, random_state=seed).fit(bits, parity) for seed in seeds]
example = max(fits[:10], key=lambda fit: fit.n_restarts_)
fig, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
ax.step(np.arange(1, example.n_iter_ + 1), example.loss_curve_, color="#0072B2", where="mid")
ax.set(xlabel="epoch", ylabel="share of wrong patterns", ylim=(-0.02, None))
_ = ax.set_title(f"{example.n_restarts_ + 1} starts, {example.n_iter_} epochs")

plt.show()

r"""
===========================
Tracking a changing system
===========================

Least squares finds the weights that fit all data. When the system drifts, no weights do, and the
question is which ones fit *now*. An adaptive filter tracks them by forgetting: the faster it
forgets, the less it lags, and the more it follows the noise. This page tracks a drifting system
with LMS, normalised LMS (NLMS) and recursive least squares (RLS), through a sudden change and a
period of quiet input.
"""

# %%
# A system that drifts, jumps, and goes quiet
# -------------------------------------------
# Four coefficients drift in small random steps. At sample 3000 they jump. From sample 4500 the
# input has a fifth of its previous amplitude. Successive input samples have a correlation of 0.8,
# which slows LMS down, and the output is measured with noise of standard deviation 0.1.

import numpy as np
from scipy.signal import lfilter

from skextra import LMSRegressor, TappedDelayLine

n_samples, n_taps, noise_sd = 6000, 4, 0.1
jump, quiet = 3000, 4500
rng = np.random.default_rng(0)

system = np.cumsum(0.003 * rng.standard_normal((n_samples, n_taps)), axis=0)
system += [1, -0.5, 0.25, 0.1]
system[jump:] += [0.7, -0.7, 0.5, -0.5]

signal = lfilter([0.6], [1, -0.8], rng.standard_normal(n_samples))
signal[quiet:] *= 0.2
rows = TappedDelayLine(n_taps=n_taps).fit_transform(signal[:, None])
noiseless = np.sum(rows * system, axis=1)
output = noiseless + noise_sd * rng.standard_normal(n_samples)

# %%
# Four filters
# ------------
# All filters are the same estimator. With ``return_path=True``, `adapt` also keeps the weights
# after each sample; this is optional because they take `n_taps` times the memory of the signal.

filters = {
    "LMS, rate 0.05": LMSRegressor(learning_rate=0.05, fit_intercept=False),
    "NLMS, rate 0.1": LMSRegressor(variant="nlms", learning_rate=0.1, fit_intercept=False),
    "RLS, forgetting 0.98": LMSRegressor(variant="rls", forgetting=0.98, fit_intercept=False),
    "RLS, no forgetting": LMSRegressor(variant="rls", fit_intercept=False),
}
traces = {name: f.adapt(rows, output, return_path=True) for name, f in filters.items()}

# %%
# The paths
# ---------
# The first two coefficients (black) and their estimates by each filter:

import matplotlib.pyplot as plt

fig, axes = plt.subplots(4, 1, figsize=(6.4, 9), sharex=True, sharey=True, layout="constrained")
for ax, (name, trace) in zip(axes, traces.items(), strict=True):
    ax.plot(trace.coef_path[:, 0], color="#0072B2", lw=0.8, label="first, learnt")
    ax.plot(trace.coef_path[:, 1], color="#D55E00", lw=0.8, label="second, learnt")
    ax.plot(system[:, :2], color="black", lw=1)
    ax.axvspan(quiet, n_samples, color="0.93", zorder=0)
    ax.set_title(name, loc="left")
    ax.set_ylabel("Coefficient")
axes[0].set(ylim=(-1.7, 3.1))
axes[0].legend(loc="upper right", ncols=2)
axes[0].text(quiet + 50, -1.55, "quiet input")
_ = axes[-1].set_xlabel("Sample")

# %%
# Recursive least squares without forgetting is least squares on all past samples: it averages over
# the jump, and three thousand samples are not enough to recover. The other filters recover.
#
# The error
# ---------
# The a-priori error is the sum of the measurement noise, which is unpredictable, and of the error
# due to the weights. The latter is the excess error; the table gives its power in decibels
# relative to the power of the noise.

stretches = {
    "drift": slice(500, jump),
    "after the jump": slice(jump, jump + 200),
    "drift again": slice(jump + 500, quiet),
    "quiet": slice(quiet + 200, None),
}
excess_db = {
    name: {
        part: 10 * np.log10(np.mean((noiseless - trace.output)[where] ** 2) / noise_sd**2)
        for part, where in stretches.items()
    }
    for name, trace in traces.items()
}
print(f"{'excess error, dB':<22}" + "".join(f"{part:>16}" for part in stretches))
for name, row in excess_db.items():
    print(f"{name:<22}" + "".join(f"{value:16.1f}" for value in row.values()))

# %%
# After the jump, RLS recovers first: the jump lies in a direction that the correlated input rarely
# excites, and in such directions LMS and NLMS are slow. With quiet input LMS is best: its steps
# shrink with the power of the input, so that it averages over longer times. NLMS and RLS do not
# depend on the scale of the input, keep their speed and follow the noise. No variant is best
# everywhere.
#
# The same over time, averaged over blocks of fifty samples:

fig, ax = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
for (name, trace), colour in zip(traces.items(), colours, strict=True):
    power = ((noiseless - trace.output) ** 2).reshape(-1, 50).mean(axis=1) / noise_sd**2
    ax.plot(np.arange(25, n_samples, 50), 10 * np.log10(power), color=colour, label=name)
ax.axhline(0, color="0.5", linestyle=":")
ax.axvspan(quiet, n_samples, color="0.93", zorder=0)
ax.set(xlabel="Sample", ylabel="Excess error (dB above the noise)")
_ = ax.legend(loc="lower left")

# %%
# How much to forget
# ------------------
# A given drift has an optimal rate. Below it the filter lags, above it the filter follows the
# noise. For RLS the same trade-off is made by `forgetting`: the memory of the filter is about 1 /
# (1 - forgetting) samples.


def excess(**params):
    """Return the excess error, in decibels, over the drift before the jump."""
    model = LMSRegressor(fit_intercept=False, **params)
    lack = noiseless[:jump] - model.adapt(rows[:jump], output[:jump]).output
    return 10 * np.log10(np.mean(lack[500:] ** 2) / noise_sd**2)


lms_rates = np.geomspace(0.003, 0.08, 9)
nlms_rates = np.geomspace(0.01, 0.8, 9)
memories = np.geomspace(5, 2000, 9)
sweeps = {
    "LMS": (lms_rates, [excess(learning_rate=r) for r in lms_rates]),
    "NLMS": (nlms_rates, [excess(variant="nlms", learning_rate=r) for r in nlms_rates]),
    "RLS": (memories, [excess(variant="rls", forgetting=1 - 1 / m) for m in memories]),
}
best_excess_db = {name: min(values) for name, (_, values) in sweeps.items()}
for name, (settings, values) in sweeps.items():
    unit = "memory" if name == "RLS" else "rate"
    print(f"{name:<5} best {unit} {settings[np.argmin(values)]:.3g}: {min(values):.1f} dB")

fig, axes = plt.subplots(3, 1, figsize=(6.4, 8), sharey=True, layout="constrained")
labels = ["Learning rate", "Learning rate", "Memory, 1 / (1 - forgetting)"]
for ax, label, colour, (name, (settings, values)) in zip(
    axes, labels, colours[:3], sweeps.items(), strict=True
):
    ax.plot(settings, values, "o-", color=colour)
    ax.set(xscale="log", xlabel=label, title=name)
    ax.set_ylabel("Excess error (dB)")
    ax.xaxis.set_minor_formatter("")

plt.show()

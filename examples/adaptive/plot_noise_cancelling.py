r"""
=========================
Adaptive noise cancelling
=========================

A weak signal is buried in interference, and no fixed filter can separate them because they share
the same frequencies. But the *source* of the interference can be measured by a second sensor
without the signal. The first sensor receives this reference through an unknown path. An adaptive
filter learns the path, computes the interference from the reference, and the difference is the
clean signal (Widrow et al., Adaptive noise cancelling: principles and applications, Proc. IEEE
63(12), 1692-1716, 1975).

.. math::

    \underbrace{s_t + (h * r)_t}_{\text{first sensor}} -
    \underbrace{w_t^\top (r_t, \dots, r_{t-p+1})}_{\text{filtered reference}}
    = e_t \approx s_t

The result is the *error* of the filter. LMS minimises it, and since the reference does not depend
on the signal, only the interference can be reduced.
"""

# %%
# The signal and its interference
# -------------------------------
# One minute of a simulated electrocardiogram: each beat is a sum of five bumps, at slightly
# irregular intervals. The reference is a hum of 50 Hz with broadband noise. It reaches the first
# sensor through a path of sixteen random coefficients, with nineteen times the power of the
# signal.

import numpy as np

rate_hz = 250
rng = np.random.default_rng(0)
time = np.arange(60 * rate_hz) / rate_hz

signal = np.zeros_like(time)
for beat in np.cumsum(rng.normal(0.85, 0.04, size=80)):
    for height, delay, width in [
        (0.12, -0.18, 0.025),
        (-0.12, -0.03, 0.010),
        (1.00, 0.00, 0.011),
        (-0.25, 0.03, 0.010),
        (0.28, 0.24, 0.045),
    ]:
        signal += height * np.exp(-0.5 * ((time - beat - delay) / width) ** 2)
signal -= signal.mean()

reference = np.sin(2 * np.pi * 50 * time) + rng.standard_normal(len(time))
path = rng.standard_normal(16) * np.exp(-np.arange(16) / 4)
path *= 0.7 / np.convolve(reference, path).std()
interference = np.convolve(reference, path)[: len(time)]
primary = signal + interference

# %%
# The canceller
# -------------
# :class:`~skextra.TappedDelayLine` turns the reference into rows of its 24 latest samples. A
# linear model on these rows is a filter with 24 coefficients, eight more than the path, whose
# length is unknown in practice. `adapt` makes one pass over the record, as a filter in the field
# would: for each row it first returns the output, then learns.

from skextra import LMSRegressor, TappedDelayLine

rows = TappedDelayLine(n_taps=24).fit_transform(reference[:, None])
canceller = LMSRegressor(learning_rate=0.001, fit_intercept=False)
trace = canceller.adapt(rows, primary)
cleaned = trace.error

# %%
# Since the signal is simulated, the remaining noise is known: it is the difference from the true
# signal. The signal-to-noise ratio is measured over the second half of the record, when the filter
# has settled.


def decibels(wanted, unwanted):
    return 10 * np.log10(np.mean(wanted**2) / np.mean(unwanted**2))


settled = slice(len(time) // 2, None)
snr_before = decibels(signal[settled], interference[settled])
snr_after = decibels(signal[settled], (cleaned - signal)[settled])
snr_improvement = snr_after - snr_before
print(f"signal-to-noise ratio before {snr_before:6.1f} dB")
print(f"                      after  {snr_after:6.1f} dB")
print(f"improvement                  {snr_improvement:6.1f} dB")

# %%
# The signals at the beginning and at the end of the record:

import matplotlib.pyplot as plt

fig, axes = plt.subplots(3, 2, figsize=(6.4, 6), sharex="col", sharey="row", layout="constrained")
lines = [
    ("first sensor", primary, "#D55E00"),
    ("after cancelling", cleaned, "#0072B2"),
    ("true signal", signal, "black"),
]
for column, start in enumerate((0, 56)):
    part = slice(start * rate_hz, (start + 4) * rate_hz)
    for ax, (name, values, colour) in zip(axes[:, column], lines, strict=True):
        ax.plot(time[part], values[part], color=colour, lw=0.9)
        ax.set_title(name, loc="left", fontsize=10)
    axes[-1, column].set_xlabel("Time (s)")

# %%
# Learnt coefficients
# -------------------
# The coefficients approximate the impulse response of the path; those beyond the sixteenth stay
# near zero.

fig, ax = plt.subplots(layout="constrained")
ax.vlines(np.arange(16), 0, path, color="0.7", lw=6, label="path of the interference")
ax.plot(np.arange(24), canceller.coef_, "o", color="#0072B2", label="coefficients learnt")
ax.axhline(0, color="black", lw=0.8)
ax.set(xlabel="Lag (samples)", ylabel="Impulse response")
_ = ax.legend()

# %%
# The choice of the rate
# ----------------------
# To the filter, the signal is noise: it disturbs the coefficients, which then let some of the
# reference pass. In the theory of LMS, the resulting excess error, relative to the error of the
# best fixed filter, is the misadjustment :math:`M \approx \eta \, \mathrm{tr} R / (2 - \eta \,
# \mathrm{tr} R)`. Here the error of the best filter is the signal itself. The remaining noise
# therefore has :math:`M` times the power of the signal, and the signal-to-noise ratio settles at
# about :math:`1 / M`. A low rate makes :math:`M` small, but then a minute may not be enough to
# learn the path.

learning_rates = np.array([1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2])
snr, snr_predicted = [], []
for learning_rate in learning_rates:
    one = LMSRegressor(learning_rate=learning_rate, fit_intercept=False)
    left = one.adapt(rows, primary).error - signal
    snr.append(decibels(signal[settled], left[settled]))
    snr_predicted.append(-10 * np.log10(one.stability_.misadjustment))

print("rate     SNR (dB)   1 / M (dB)")
for learning_rate, measured, predicted in zip(learning_rates, snr, snr_predicted, strict=True):
    print(f"{learning_rate:<8g}{measured:9.1f}{predicted:13.1f}")

fig, ax = plt.subplots(layout="constrained")
ax.plot(learning_rates, snr, "o-", color="#0072B2", label="measured, second half")
ax.plot(learning_rates, snr_predicted, "--", color="black", label="1 / misadjustment")
ax.axhline(snr_before, color="0.5", linestyle=":", label="before")
ax.set(xscale="log", xlabel="Learning rate", ylabel="Signal-to-noise ratio (dB)")
_ = ax.legend()

# %%
# Where the filter has settled, the measured ratio follows the prediction and exceeds it by up to
# three decibels. (The theory assumes that the disturbance is white noise, which a heartbeat is
# not.)
#
# Two cautions apply to real recordings. If some of the signal leaks into the reference, the filter
# also cancels part of the signal. If the path is longer than the filter, the interference through
# the rest of the path remains.

plt.show()

r"""
==================================================
System identification: theory against experiment
==================================================

An adaptive filter identifies an unknown system: it gets the same input, compares its own output
with that of the system, and adapts until the two agree. Its coefficients are then the impulse
response of the system. Widrow and his students derived how long this takes and how well the two
agree in the end (Widrow, McCool, Larimore and Johnson, Stationary and nonstationary learning
characteristics of the LMS adaptive filter, Proc. IEEE 64(8), 1151-1162, 1976). This page compares
their formulas with the average of two hundred runs.
"""

# %%
# The experiment
# --------------
# The system has eight coefficients. Its output is measured with noise of standard deviation 0.01.
# One experiment uses white noise as input, the other coloured noise whose successive samples have
# a correlation of 0.8. Both have power 1, so that the trace of the correlation matrix :math:`R` of
# the eight lagged samples is 8 in both cases.

import numpy as np
from scipy.linalg import toeplitz
from scipy.signal import lfilter

n_taps = 8
noise_sd = 0.01
rng = np.random.default_rng(0)
system = rng.standard_normal(n_taps)
system /= np.linalg.norm(system)

correlations = {"white": 0.0, "coloured": 0.8}


def make_input(correlation, n_samples):
    """Return a sequence of power 1 in its steady state."""
    shocks = np.sqrt(1 - correlation**2) * rng.standard_normal(n_samples + 200)
    return lfilter([1], [1, -correlation], shocks)[200:]


# %%
# The learning rate
# -----------------
# The coefficients do not settle completely; the noise keeps moving them around the true ones. The
# mean squared error then exceeds the power of the noise by a fraction called the misadjustment,
#
# .. math:: M = \frac{\eta \, \mathrm{tr} R}{2 - \eta \, \mathrm{tr} R} .
#
# This equation is solved here for the learning rate with a misadjustment of 5%.

misadjustment = 0.05
learning_rate = 2 * misadjustment / (1 + misadjustment) / n_taps
print(f"learning rate {learning_rate:.4f}")

# %%
# Two hundred runs
# ----------------
# A single run is too noisy for a comparison with a theory of averages. `adapt` returns the error
# of each sample before the filter learns from it; the mean of its square over the runs is the
# learning curve. The first samples, as many as the delay line is long, are omitted, so that no run
# starts with an empty line.

from skextra import LMSRegressor, TappedDelayLine


def identify(correlation, n_samples, noise_sd, learning_rate, variant="lms"):
    """Run once; return the errors, the noise among them, and the stability record."""
    signal = make_input(correlation, n_samples + n_taps - 1)
    rows = TappedDelayLine(n_taps=n_taps).fit_transform(signal[:, None])[n_taps - 1 :]
    noise = noise_sd * rng.standard_normal(n_samples)
    model = LMSRegressor(variant=variant, learning_rate=learning_rate, fit_intercept=False)
    return model.adapt(rows, rows @ system + noise).error, noise, model.stability_


n_runs, n_samples = 200, 4000
curves, excesses = {}, {}
for name, correlation in correlations.items():
    runs = [identify(correlation, n_samples, noise_sd, learning_rate) for _ in range(n_runs)]
    curves[name] = np.mean([error**2 for error, _, _ in runs], axis=0)
    excesses[name] = np.mean([(error - noise) ** 2 for error, noise, _ in runs], axis=0)

# %%
# The theory
# ----------
# Along the eigenvectors of :math:`R`, the errors of the coefficients are uncoupled, and each
# decays independently. The excess of the mean squared error is a sum of exponentials, one for each
# eigenvalue :math:`\lambda_i`:
#
# .. math::
#
#     J(k) &= \sigma^2 (1 + M) + \sum_i \lambda_i v_i^2 \, e^{-k / \tau_i}, \\
#     \tau_i &= \frac{1}{2 \eta \lambda_i},
#
# where :math:`v_i` is the component of the initial coefficient error along eigenvector :math:`i`.
# (Widrow's :math:`\mu` is half of :math:`\eta`, and his time constant :math:`1 / 4 \mu \lambda_i`
# is the same.) The eigenvalues of white input are all 1. Those of the coloured input spread over a
# factor of 42, and the smallest has a time constant of 364 samples instead of 42.

time = np.arange(n_samples)
predicted, time_constants = {}, {}
for name, correlation in correlations.items():
    eigenvalues, eigenvectors = np.linalg.eigh(toeplitz(correlation ** np.arange(n_taps)))
    time_constants[name] = 1 / (2 * learning_rate * eigenvalues)
    lack = eigenvectors.T @ system
    modes = eigenvalues * lack**2 * np.exp(-time[:, None] / time_constants[name])
    predicted[name] = noise_sd**2 * (1 + misadjustment) + modes.sum(axis=1)
    print(
        f"{name:<9} input: time constants from {time_constants[name].min():5.1f} "
        f"to {time_constants[name].max():5.1f} samples"
    )

# %%
# With white input the error decays along a straight line. With coloured input it decays faster at
# first, in the strong directions, and then slowly in the weak ones. Theory and experiment agree
# over four decades.

import matplotlib.pyplot as plt

colours = {"white": "#0072B2", "coloured": "#D55E00"}
fig, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
for name, curve in curves.items():
    smooth = curve.reshape(-1, 10).mean(axis=1)
    ax.plot(time[5::10], smooth, color=colours[name], lw=1.2, label=f"{name} input, {n_runs} runs")
    ax.plot(time, predicted[name], "--", color="black", lw=1)
ax.plot([], [], "--", color="black", lw=1, label="theory")
ax.axhline(noise_sd**2, color="0.5", linestyle=":", label="power of the noise")
ax.set(yscale="log", xlabel="Samples", ylabel="Mean squared error")
_ = ax.legend()

# %%
# Speed of convergence
# --------------------
# The slopes are measured by a line fitted to the logarithm of the excess error. With white input,
# the decay has the predicted time constant. With coloured input several modes overlap down to the
# level of the noise, and the slope is compared with that of the same line fitted to the predicted
# curve.

measured_decay, predicted_decay = {}, {}
for name, (start, stop) in {"white": (50, 250), "coloured": (1000, 1800)}.items():
    stretch = slice(start, stop)
    theory = predicted[name] - noise_sd**2 * (1 + misadjustment)
    for result, curve in [(measured_decay, excesses[name]), (predicted_decay, theory)]:
        slope = np.polyfit(time[stretch], np.log(curve[stretch]), 1)[0]
        result[name] = -1 / slope
    print(
        f"{name:<9} input: decay by a factor e in {measured_decay[name]:4.0f} samples, "
        f"predicted {predicted_decay[name]:4.0f}"
    )

# %%
# Steady state
# ------------
# In the steady state only ratios matter, so the noise can be as strong as the output of the system
# here; the first half of each run is omitted. The prediction is that of `stability_`, which
# computes the trace from the rows of the run. The last column is the lowest of the bounds :math:`2
# / \max \|x\|^2` of the runs; below it, LMS cannot diverge.

print("input     rate      misadjustment: predicted   mean of runs   median   safe bound")
predicted_misadjustment, measured_misadjustment, median_misadjustment = {}, {}, {}
for name, correlation in correlations.items():
    for aim in (0.02, 0.05, 0.1, 0.2):
        rate = 2 * aim / (1 + aim) / n_taps
        runs = [identify(correlation, 8000, 1.0, rate) for _ in range(100)]
        shares = [np.mean((error - noise)[4000:] ** 2) for error, noise, _ in runs]
        prediction = np.mean([stability.misadjustment for _, _, stability in runs])
        bound = min(stability.guaranteed_bound for _, _, stability in runs)
        predicted_misadjustment[name, aim] = prediction
        measured_misadjustment[name, aim] = np.mean(shares)
        median_misadjustment[name, aim] = np.median(shares)
        print(
            f"{name:<10}{rate:<10.4f}{prediction:24.3f}{np.mean(shares):15.3g}"
            f"{np.median(shares):9.3f}{bound:13.3f}"
        )

# %%
# The prediction holds within 15%, with one exception. At the highest rate and with coloured input,
# the mean over the runs is off by orders of magnitude, although the rate is far below :math:`2 /
# \mathrm{tr} R = 0.25`, because the error burst in some of the runs. The theory assumes
# independent successive rows. Those of a delay line are nearly the same, and when a few large ones
# follow each other at a rate above the safe bound, every step overshoots. Normalised LMS does not
# have this problem: it divides each step by the power of the row.

nlms_runs = [
    identify(correlations["coloured"], 8000, 1.0, n_taps * rate, variant="nlms")
    for _ in range(100)
]
nlms_shares = [np.mean((error - noise)[4000:] ** 2) for error, noise, _ in nlms_runs]
print(f"NLMS at a comparable rate, coloured input, mean of runs: {np.mean(nlms_shares):.3f}")

plt.show()

r"""
===========================================
The LMS lab: one hundred samples, six rates
===========================================

Least mean squares (LMS) processes one sample at a time. With the current weights :math:`w` it
predicts :math:`\hat d = w^\top x`, compares the prediction with the desired value :math:`d`, and
moves the weights a little to reduce this error:

.. math:: e = d - w^\top x, \qquad w \leftarrow w + \eta \, e \, x .

The learning rate :math:`\eta` determines the result. This page applies the rule to a small data
set and shows the least-squares weights, the convergence of LMS at five rates, the cost of a high
rate, the rate at which LMS diverges, and how to know that rate in advance.
"""

# %%
# The data
# --------
# One hundred samples of a plane, with columns 1, x1 and x2. The constant first column carries the
# bias, so that all three weights are treated alike; hence ``fit_intercept=False`` below. (On the
# columns x1 and x2, ``fit_intercept=True`` would be equivalent.) The true weights are (1, 1, -2),
# and the noise has a standard deviation of 0.01: no weights can reduce the mean squared error much
# below 0.01² = 1e-4.

import matplotlib.pyplot as plt
import numpy as np

true_weights = np.array([1.0, 1.0, -2.0])
noise_sd = 0.01

rng = np.random.default_rng(4)
X = np.column_stack([np.ones(100), rng.standard_normal((100, 2))])
y = X @ true_weights + noise_sd * rng.standard_normal(100)

# %%
# The Wiener solution
# -------------------
# LMS approximates the least-squares weights, in this field called the Wiener solution: :math:`w =
# R^{-1} p` with the correlation matrix :math:`R = \overline{x x^\top}` and the cross-correlation
# :math:`p = \overline{d x}`. It has a closed form, which :class:`~skextra.LMSRegressor` computes
# with ``variant='wiener'``.

from skextra import LMSRegressor

wiener = LMSRegressor(variant="wiener", fit_intercept=False).fit(X, y)
wiener_mse = wiener.loss_curve_[-1]
print("Wiener weights    ", wiener.coef_.round(4))
print(f"mean squared error {wiener_mse:.4g}")

# %%
# Twenty epochs of LMS at five rates
# ----------------------------------
# The weights start at zero, and each of the twenty epochs presents the hundred samples in the
# order given. ``tol=None`` disables early stopping, so that each curve has twenty points. After
# each epoch, `loss_curve_` stores the mean squared error over all samples.

rates = [0.005, 0.01, 0.05, 0.1, 0.5]
models = {
    rate: LMSRegressor(learning_rate=rate, max_iter=20, tol=None, fit_intercept=False).fit(X, y)
    for rate in rates
}

from skextra.plotting import LossCurveDisplay

display = LossCurveDisplay.from_estimator({f"rate {rate}": m for rate, m in models.items()})
display.ax_.axhline(noise_sd**2, color="0.5", linestyle=":", zorder=0)
display.ax_.text(20, 0.9 * noise_sd**2, "power of the noise, 1e-4", ha="right", va="top")
_ = display.ax_.set(title="LMS from zero weights", ylim=(4e-5, 4), xticks=range(0, 21, 5))

# %%
# The rate trades speed for accuracy. A low rate needs many epochs, but ends closest to the
# minimum. A high rate settles after the first epoch, and then stays well above the minimum,
# because its weights follow the noise of the last few samples. Since the order is fixed, this is
# the same noise at the end of every epoch, and the curve is flat. The relative excess of the mean
# squared error over that of the Wiener solution is called the *misadjustment*.

print("rate    MSE, epoch 1   MSE, epoch 20   misadjustment   weights")
misadjustments = {}
for rate, model in models.items():
    first, last = model.loss_curve_[[0, -1]]
    misadjustments[rate] = last / wiener_mse - 1
    weights = " ".join(f"{weight:7.4f}" for weight in model.coef_)
    print(f"{rate:<8}{first:12.4g}{last:16.4g}{misadjustments[rate]:16.2%}   {weights}")

# %%
# The same in five lines
# ----------------------
# A plain loop over the formula takes the same steps and arrives at the same weights up to
# rounding:

w = np.zeros(3)
for _ in range(20):
    for row, desired in zip(X, y, strict=True):
        w += 0.05 * (desired - w @ row) * row

loop_difference = np.abs(w - models[0.05].coef_).max()
print(f"largest difference from the loop: {loop_difference:.0e}")

# %%
# A rate of 1
# -----------
# At a rate of 1 each step overshoots so far that the error grows from epoch to epoch, until it
# overflows. `fit` then stops, warns, and keeps the last finite weights. The warning is caught here
# to show its text.

import textwrap
import warnings

from sklearn.exceptions import ConvergenceWarning

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", ConvergenceWarning)
    diverged = LMSRegressor(learning_rate=1, max_iter=20, tol=None, fit_intercept=False).fit(X, y)

divergence_message = str(caught[0].message)
print(textwrap.fill(divergence_message, 90))

# %%
# The loss curve shows the divergence. The logarithm of the error grows linearly, so the error
# grows exponentially, by a factor of 10\ :sup:`19` per epoch.

finite_curve = diverged.loss_curve_[np.isfinite(diverged.loss_curve_)]
epochs = np.arange(1, len(finite_curve) + 1)
growth_exponent = np.polyfit(epochs, np.log10(finite_curve), 1)[0]
print(f"growth in an epoch: a factor of 10^{growth_exponent:.1f}")

fig, ax = plt.subplots(layout="constrained")
ax.plot(epochs, np.log10(finite_curve), ".-", color="#D55E00", label="rate 1")
calm_curve = models[0.5].loss_curve_
ax.plot(np.arange(1, 21), np.log10(calm_curve), ".-", color="#0072B2", label="rate 0.5")
ax.axvline(diverged.n_iter_, color="0.4", linestyle=":", label="overflow")
ax.set(xlabel="Epoch", ylabel="log10 of the mean squared error", title="Divergence at rate 1")
ax.set_xticks(range(0, 21, 5))
_ = ax.legend()

# %%
# Bounds on the rate
# ------------------
# The warning names four bounds on the rate. :func:`~skextra.lms_stability` computes them without a
# fit. `stability_` of a fitted model has the first three, and the critical rate if it diverged:
#
# * :math:`2 / \max \|x\|^2`: below it, each step reduces the error of its sample, and no order of
#   the samples can make the weights diverge. Safe, and often much too conservative.
# * :math:`2 / \mathrm{tr} R`, with the mean squared norm in place of the largest: below it, the
#   mean squared error usually converges if the samples come in random order. A rule of thumb.
# * :math:`2 / \lambda_{\max}(R)`: below it, the *mean* of the weights converges, which is of
#   little use if their variance does not.
# * the critical rate. In a fixed order each epoch is one affine map :math:`w \mapsto P w + q` of
#   the weights, which converges if and only if the spectral radius of :math:`P` is below 1. The
#   critical rate is the smallest rate at which it is not. It is exact for this order of these
#   samples.

from skextra import lms_stability

stability = lms_stability(X, learning_rate=0.5, fit_intercept=False)
print(f"2 / max ||x||^2   {stability.guaranteed_bound:.4f}")
print(f"2 / trace(R)      {stability.mean_square_bound:.4f}")
print(f"2 / lambda_max    {stability.mean_bound:.4f}")
print(f"critical rate     {stability.critical_rate:.4f}")

# %%
# On these data the critical rate is almost four times the safe bound, which is therefore too
# conservative, and slightly *below* 2 / tr R, which is therefore too high. The bound for the mean
# would even allow a rate of 1.
#
# The figure shows the spectral radius against the rate. It is the factor by which an epoch
# multiplies the remaining initial error, in the slowest direction; the mean squared error is
# multiplied by its square. At a rate of 0.005 two thirds are left after an epoch, and the first
# curve above falls by (2/3)² = 0.44 per epoch. At 0.1, one epoch removes the effect of the initial
# weights. At a rate of 1 the factor is 5e9, the square root of the growth above.

grid = np.geomspace(0.002, 1.3, 120)
radius = np.array([lms_stability(X, rate, fit_intercept=False).spectral_radius for rate in grid])

fig, ax = plt.subplots(layout="constrained")
ax.plot(grid, radius, color="#0072B2")
radius_at_rates = [lms_stability(X, rate, fit_intercept=False).spectral_radius for rate in rates]
ax.plot(rates, radius_at_rates, "o", color="#0072B2", label="rates of the lab that converge")
ax.plot(1, diverged.stability_.spectral_radius, "X", color="#D55E00", ms=9, label="rate 1")
bounds = {
    "2 / max ||x||²": (stability.guaranteed_bound, "--"),
    "2 / tr R": (stability.mean_square_bound, "-."),
    "critical rate": (stability.critical_rate, "-"),
}
for name, (bound, style) in bounds.items():
    ax.axvline(bound, color="0.4", linestyle=style, lw=1, label=f"{name} = {bound:.3f}")
ax.axhline(1, color="0.8", lw=1, zorder=0)
ax.set(xscale="log", yscale="log", xlabel="Learning rate", ylabel="Spectral radius of an epoch")
ax.set_title("Below 1 an epoch converges, above 1 it diverges")
_ = ax.legend(loc="upper left")

# %%
# To check how sharp the bound is, take a rate 0.1% below it and one 0.1% above. The remaining
# initial error shrinks by 3.5% per epoch in the first case and grows by 3.6% in the second; after
# 3000 epochs the difference is clear. (Both rates are below 2 / tr R.)

critical_rate = stability.critical_rate
for factor in (0.999, 1.001):
    lms = LMSRegressor(
        learning_rate=factor * critical_rate, max_iter=3000, tol=None, fit_intercept=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        lms.fit(X, y)
    growth = lms_stability(X, lms.learning_rate_, fit_intercept=False).spectral_radius
    print(
        f"{factor} x critical rate: radius {growth:.3f}, "
        f"MSE after epoch {lms.n_iter_}: {lms.loss_curve_[-1]:.3g}"
    )

# %%
# Two planes
# ----------
# This figure shows the solutions themselves. The points are the samples. After one epoch at the
# lowest rate, the plane of LMS (orange) is still between zero and the Wiener solution (blue);
# after twenty epochs the two are indistinguishable.

early = LMSRegressor(learning_rate=0.005, max_iter=1, tol=None, fit_intercept=False).fit(X, y)
late = models[0.005]
largest_gap = np.abs(late.predict(X) - wiener.predict(X)).max()
print(f"largest gap between the planes at a sample, after 20 epochs: {largest_gap:.4f}")

span = np.linspace(-3, 3, 7)
a, b = np.meshgrid(span, span)
corners = np.column_stack([np.ones(a.size), a.ravel(), b.ravel()])

fig = plt.figure(figsize=(5.6, 9.6))
fig.subplots_adjust(left=0.02, right=0.92, bottom=0.04, top=0.96, hspace=0.12)
for k, (model, title) in enumerate([(early, "after 1 epoch"), (late, "after 20 epochs")], start=1):
    ax = fig.add_subplot(2, 1, k, projection="3d")
    ax.plot_wireframe(a, b, wiener.predict(corners).reshape(a.shape), color="#0072B2", lw=0.8)
    ax.plot_surface(a, b, model.predict(corners).reshape(a.shape), color="#E69F00", alpha=0.45)
    ax.scatter(X[:, 1], X[:, 2], y, color="black", s=8, depthshade=False)
    ax.set(xlabel="x1", ylabel="x2", zlabel="d", title=f"LMS at rate 0.005, {title}")
    ax.view_init(elev=22, azim=160)
plt.show()

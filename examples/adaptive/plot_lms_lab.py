r"""
===========================================
The LMS lab: one hundred samples, six rates
===========================================

Least mean squares (LMS) looks at one sample at a time. With the weights :math:`w` of the moment it
predicts :math:`\hat d = w^\top x`, compares with the desired value :math:`d`, and moves the
weights a little in the direction that makes this one error smaller:

.. math:: e = d - w^\top x, \qquad w \leftarrow w + \eta \, e \, x .

Everything depends on the learning rate :math:`\eta`. This page follows the rule on a set so small
that all of it can be looked at: where least squares puts the weights, how fast LMS gets there at
five rates, what a high rate costs, at which rate it breaks, and how to know that beforehand.
"""

# %%
# The data
# --------
# One hundred samples of a plane, with columns 1, x1 and x2. The constant first column carries the
# bias, so that all three weights look alike; that is why ``fit_intercept=False`` stands below. (On
# the two columns x1 and x2, ``fit_intercept=True`` would do the same arithmetic.) The true weights
# are (1, 1, -2), and the noise has a standard deviation of 0.01: no weights can bring the mean
# squared error much below 0.01² = 1e-4.

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
# The weights that LMS is after are those of least squares, in this field called the Wiener
# solution: :math:`w = R^{-1} p` with the correlation matrix :math:`R = \overline{x x^\top}` and
# the cross-correlation :math:`p = \overline{d x}`. It has a closed form, which
# :class:`~skextra.LMSRegressor` computes with ``variant='wiener'``.

from skextra import LMSRegressor

wiener = LMSRegressor(variant="wiener", fit_intercept=False).fit(X, y)
wiener_mse = wiener.loss_curve_[-1]
print("Wiener weights    ", wiener.coef_.round(4))
print(f"mean squared error {wiener_mse:.4g}")

# %%
# Twenty epochs of LMS at five rates
# ----------------------------------
# The weights start at zero, and the samples are presented in the order of the file, all one
# hundred of them twenty times. ``tol=None`` switches off the stopping rule: a curve of the
# laboratory has as many points as was asked for. After each epoch `loss_curve_` keeps the mean
# squared error over the whole set.

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
# Two things trade places here. A low rate needs many epochs, but ends nearest the floor. A high
# rate is there after the first epoch and then stays well above the floor for good, because its
# weights run after the noise of the last few samples; the order being fixed, it is the same noise
# at the end of every epoch, and the curve is flat. The mean squared error in excess of Wiener's,
# relative to Wiener's, is called the *misadjustment*.

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
# There is no more to it than the formula says. A plain loop takes the same steps, and arrives at
# the same weights up to rounding:

w = np.zeros(3)
for _ in range(20):
    for row, desired in zip(X, y, strict=True):
        w += 0.05 * (desired - w @ row) * row

loop_difference = np.abs(w - models[0.05].coef_).max()
print(f"largest difference from the loop: {loop_difference:.0e}")

# %%
# A rate of 1
# -----------
# At a rate of 1 the steps overshoot so far that the error grows from epoch to epoch, until it is
# larger than any number that the machine can hold. `fit` then stops, warns, and keeps the last
# finite weights. The warning is caught here to show what it says.

import textwrap
import warnings

from sklearn.exceptions import ConvergenceWarning

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", ConvergenceWarning)
    diverged = LMSRegressor(learning_rate=1, max_iter=20, tol=None, fit_intercept=False).fit(X, y)

divergence_message = str(caught[0].message)
print(textwrap.fill(divergence_message, 90))

# %%
# Its loss curve shows the blow-up. The logarithm of the error climbs on a straight line, that is,
# the error grows exponentially, and by a factor of 10\ :sup:`19` an epoch.

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
# Knowing beforehand
# ------------------
# The warning names four limits of the rate. All of them are in the `stability_` record of a fitted
# model, or can be had before any fit from :func:`~skextra.lms_stability`:
#
# * :math:`2 / \max \|x\|^2`: below it each step shrinks the error of the sample presented, and no
#   order of the samples can make the weights diverge. Safe, and often far too careful.
# * :math:`2 / \mathrm{tr} R`, the mean squared norm in place of the largest: below it the mean
#   square error usually converges if the samples come in random order. A rule of thumb.
# * :math:`2 / \lambda_{\max}(R)`: below it the *mean* of the weights converges, which does not
#   help much if their variance does not.
# * the critical rate. In a fixed order a whole epoch is one affine map :math:`w \mapsto P w + q`
#   of the weights, and it converges if and only if the spectral radius of :math:`P` is below 1.
#   The critical rate is the smallest at which it is not. This is no estimate: it is exact for this
#   order of these samples.

from skextra import lms_stability

stability = lms_stability(X, learning_rate=0.5, fit_intercept=False)
print(f"2 / max ||x||^2   {stability.guaranteed_bound:.4f}")
print(f"2 / trace(R)      {stability.mean_square_bound:.4f}")
print(f"2 / lambda_max    {stability.mean_bound:.4f}")
print(f"critical rate     {stability.critical_rate:.4f}")

# %%
# On this set the critical rate is almost four times the safe bound, which therefore is
# over-careful, and lies a little *below* 2 / tr R, which therefore promises too much. The bound
# for the mean would let even a rate of 1 pass.
#
# The picture shows the spectral radius against the rate. It is the factor by which an epoch
# multiplies what is left, in the slowest direction, of the error of the starting weights; the mean
# squared error takes its square. At a rate of 0.005 two thirds are left after an epoch, and the
# first curve above falls by (2/3)² = 0.44 an epoch; at 0.1 one epoch forgets where it started. At
# a rate of 1 the factor is 5e9, the square root of the growth just seen.

grid = np.geomspace(0.002, 1.3, 120)
radius = np.array([lms_stability(X, rate, fit_intercept=False).spectral_radius for rate in grid])

fig, ax = plt.subplots(layout="constrained")
ax.plot(grid, radius, color="#0072B2")
radius_at_rates = [models[rate].stability_.spectral_radius for rate in rates]
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
# To see how sharp the limit is, take a rate 0.1% below it and one 0.1% above. What is left of the
# start shrinks by 3.5% an epoch in the first case and grows by 3.6% in the other; after 3000
# epochs there is no doubt. (Both rates are below 2 / tr R.)

critical_rate = stability.critical_rate
for factor in (0.999, 1.001):
    lms = LMSRegressor(
        learning_rate=factor * critical_rate, max_iter=3000, tol=None, fit_intercept=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        lms.fit(X, y)
    print(
        f"{factor} x critical rate: radius {lms.stability_.spectral_radius:.3f}, "
        f"MSE after epoch {lms.n_iter_}: {lms.loss_curve_[-1]:.3g}"
    )

# %%
# Two planes
# ----------
# A picture of the solutions themselves. The points are the samples. After one epoch at the lowest
# rate the plane of LMS (orange) is still on its way from zero to that of Wiener (blue); after
# twenty epochs the two can no longer be told apart.

early = LMSRegressor(learning_rate=0.005, max_iter=1, tol=None, fit_intercept=False).fit(X, y)
late = models[0.005]
largest_gap = np.abs(late.predict(X) - wiener.predict(X)).max()
print(f"largest gap between the planes at a sample, after 20 epochs: {largest_gap:.4f}")

span = np.linspace(-3, 3, 7)
a, b = np.meshgrid(span, span)
corners = np.column_stack([np.ones(a.size), a.ravel(), b.ravel()])

fig = plt.figure(figsize=(10, 5))
fig.subplots_adjust(left=0.02, right=0.95, bottom=0.05, top=0.92, wspace=0.1)
for k, (model, title) in enumerate([(early, "after 1 epoch"), (late, "after 20 epochs")], start=1):
    ax = fig.add_subplot(1, 2, k, projection="3d")
    ax.plot_wireframe(a, b, wiener.predict(corners).reshape(a.shape), color="#0072B2", lw=0.8)
    ax.plot_surface(a, b, model.predict(corners).reshape(a.shape), color="#E69F00", alpha=0.45)
    ax.scatter(X[:, 1], X[:, 2], y, color="black", s=8, depthshade=False)
    ax.set(xlabel="x1", ylabel="x2", zlabel="d", title=f"LMS at rate 0.005, {title}")
    ax.view_init(elev=22, azim=160)
plt.show()

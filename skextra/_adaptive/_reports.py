"""What the warnings say of fits and streams that did not end well."""

import numpy as np

_RATIO = 1e13  # of eigenvalues, beyond which rounding decides on the smaller


def fit_report(filter, status, curve, warm_up):
    """Return what is wrong with a fit that ended by itself, or None where nothing is.

    Parameters
    ----------
    filter : AdaptiveFilter
        The estimator, fitted.

    status : {'converged', 'max_iter', 'stopped', 'diverged'}
        How it ended.

    curve : ndarray of shape (n_epochs,)
        Its loss after each epoch.

    warm_up : float
        The epochs that the fastest weight needs.
    """
    name, stability = type(filter).__name__, filter.stability_
    rate = f"learning_rate={filter.learning_rate_:.4g}"
    bounds = f"Bounds on the rate for these data: {stability.describe_bounds()}."
    advice = f"{bounds} Lower learning_rate or use 'auto'."
    if status == "diverged":
        what = "diverged"
        if filter.learning_rate_ <= stability.guaranteed_bound:
            what = "came out of bounds"
            advice = f"The rate is safe in any order of the rows, but {_overflow(filter)}"
        elif stability.critical_rate is not None and not stability.is_unstable:
            advice = (
                f"{bounds} The rate is below the exact limit, but the error grows before it "
                "falls. Lower learning_rate or use 'auto'."
            )
        return (
            f"{name} {what} at epoch {len(curve)}, mean squared error {curve[-1]:.4g}, with "
            f"{rate}; the last finite weights are kept. {advice}"
        )
    if stability.is_unstable:
        return (
            f"{name} diverges with {rate}: though the mean squared error has only reached "
            f"{curve[-1]:.4g} in {len(curve)} epochs, each multiplies the slowest error "
            f"by {stability.spectral_radius:.6g}. {advice}"
        )
    if status != "max_iter" or filter.tol is None:
        return None
    start = f"{name} did not converge in max_iter={filter.max_iter} epochs"
    if warm_up > len(curve):
        return (
            f"{name} did not converge: max_iter={filter.max_iter} epochs at {rate} are under "
            "one time constant of its fastest weight. Raise learning_rate or use 'auto'."
        )
    if curve[-1] > curve[0]:
        return (
            f"{start} with {rate}: the mean squared error has grown from {curve[0]:.4g} to "
            f"{curve[-1]:.4g}. {advice}"
        )
    return (
        f"{start} (the mean squared error is {curve[-1]:.4g} and still changes by more than "
        f"tol={filter.tol:g} an epoch, relatively). Raise max_iter or tol, or put the features on "
        "one scale, for example with StandardScaler."
    )


def shortfall_report(filter, found, is_sparse, direct_variants):
    """Return how far from the least squares `tol` has ended a fit, and what helps."""
    message = (
        f"{type(filter).__name__} stopped by tol={filter.tol:g} after {filter.n_iter_} epochs, "
        f"far from the least squares: the mean squared error is {found.loss:.4g}, and "
        f"{found.least:.4g} can be reached. "
    )
    if found.is_slow:
        if found.ratio is not None:
            ratio = f"of {found.ratio:.2g}" if found.ratio < _RATIO else f"over {_RATIO:.0e}"
            message += (
                f"The eigenvalues of the correlation matrix of X have a ratio {ratio}; the "
                f"weights that are behind need some {found.epochs:.2g} "
                "epochs to come e times closer. "
            )
        scaler = "MaxAbsScaler" if is_sparse else "StandardScaler"
        remedies = [f"Put the features on one scale, for example with {scaler}"]
        if not isinstance(filter.learning_rate, str):
            remedies.append("raise learning_rate")
    else:
        message += "The weights have settled elsewhere, which the order of the rows can cause. "
        remedies = ["Lower learning_rate"]
        if not filter.shuffle:
            remedies.append("use shuffle=True")
        if not filter.average:
            remedies.append("use average=True")
    if direct_variants is not None:
        remedies.append(f"use variant={direct_variants}")
    return message + ", or ".join(remedies) + "."


def stream_report(filter, what, powers):
    """Return what has become of the weights of a stream, and what helps."""
    name = type(filter).__name__
    bound = 2.0 if filter.variant == "nlms" else 2.0 / powers.max()
    if filter.learning_rate_ <= bound:
        return f"{name} came out of bounds: {what}, as {_overflow(filter)}"
    safe = "2" if filter.variant == "nlms" else f"2/max||x||^2 = {bound:.4g}"
    return (
        f"{name} diverges with learning_rate={filter.learning_rate_:.4g}: {what}. For these rows "
        f"any rate below {safe} is safe, whatever their order. Lower learning_rate or use 'auto', "
        "and start again from `fit`."
    )


def _overflow(filter):
    dtype = filter.coef_.dtype
    remedy = " or pass X as float64" if dtype == np.float32 else ""
    return f"the weights or the errors are beyond what {dtype} holds: scale X and y{remedy}."

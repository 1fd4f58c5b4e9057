"""The warnings about fits and streams that did not end well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

if TYPE_CHECKING:
    from skextra._adaptive._epochs import Run
    from skextra._adaptive._filter import AdaptiveFilter
    from skextra._adaptive._lms import LMSRegressor
    from skextra._adaptive._rls import InverseCorrelation
    from skextra._adaptive._shortfall import Shortfall
    from skextra._adaptive._stability import LMSStability
    from skextra._typing import FloatArray

# Ratio of eigenvalues from which rounding in float64 decides on the smaller: the inverse of some
# hundred times its precision.
_RATIO = 1e13


def fit_report(
    filter: AdaptiveFilter, run: Run, stability: LMSStability, warm_up: float
) -> str | None:
    """Return what is wrong with a fit that ended by itself, or None where nothing is.

    Parameters
    ----------
    filter : AdaptiveFilter
        The estimator, fitted.

    run : Run
        Its epochs.

    stability : LMSStability
        The bounds on its rate.

    warm_up : float
        The epochs that the fastest weight needs.
    """
    name, curve, rate = type(filter).__name__, run.loss_curve, stability.learning_rate
    if run.status == "diverged":
        return _divergence_report(filter, curve, stability)
    if stability.is_unstable:
        return (
            f"{name} diverges with learning_rate={rate:.4g}: the mean squared error has only "
            f"reached {curve[-1]:.4g} in {len(curve)} epochs, but each epoch multiplies the "
            f"slowest error by {stability.spectral_radius:.6g}. {_lower_the_rate(stability)}"
        )
    if run.status != "max_iter" or filter.tol is None:
        return None
    start = f"{name} did not converge in max_iter={filter.max_iter} epochs"
    if warm_up > len(curve):
        return (
            f"{name} did not converge: max_iter={filter.max_iter} epochs at "
            f"learning_rate={rate:.4g} are under one time constant of its fastest weight. Raise "
            "learning_rate or use 'auto'."
        )
    if curve[-1] > curve[0]:
        return (
            f"{start} with learning_rate={rate:.4g}: the mean squared error has grown from "
            f"{curve[0]:.4g} to {curve[-1]:.4g}. {_lower_the_rate(stability)}"
        )
    return (
        f"{start}: the mean squared error is {curve[-1]:.4g} and still changes by more than "
        f"tol={filter.tol:g} (relative) per epoch. Raise max_iter or tol, or scale the features, "
        "for example with StandardScaler."
    )


def _divergence_report(filter: AdaptiveFilter, curve: FloatArray, stability: LMSStability) -> str:
    what, advice = "diverged", _lower_the_rate(stability)
    if stability.learning_rate <= stability.guaranteed_bound:
        what = "overflowed"
        advice = f"The rate is safe in any order of the rows, but {_overflow(filter)}"
    elif stability.critical_rate is not None and not stability.is_unstable:
        advice = (
            f"Bounds on the rate for these data: {stability.describe_bounds()}. The rate is below "
            "the exact limit, but the error grows before it falls. Lower learning_rate or use "
            "'auto'."
        )
    return (
        f"{type(filter).__name__} {what} at epoch {len(curve)}, mean squared error "
        f"{curve[-1]:.4g}, with learning_rate={stability.learning_rate:.4g}; the last finite "
        f"weights are kept. {advice}"
    )


def _lower_the_rate(stability: LMSStability) -> str:
    bounds = stability.describe_bounds()
    return f"Bounds on the rate for these data: {bounds}. Lower learning_rate or use 'auto'."


def shortfall_report(filter: AdaptiveFilter, found: Shortfall, is_sparse: bool) -> str:
    """Return how far from the least-squares loss `tol` has ended a fit, and what helps."""
    message = (
        f"{type(filter).__name__} stopped by tol={filter.tol:g} after {filter.n_iter_} epochs, "
        f"far from the least-squares solution: the mean squared error is {found.loss:.4g}, and "
        f"{found.least:.4g} can be reached. "
    )
    if found.is_slow:
        if found.ratio is not None:
            ratio = f"of {found.ratio:.2g}" if found.ratio < _RATIO else f"over {_RATIO:.0e}"
            message += (
                f"The eigenvalues of the correlation matrix of X have a ratio {ratio}; the "
                f"slowest weights need about {found.epochs:.2g} epochs to reduce their error by "
                "a factor of e. "
            )
        scaler = "MaxAbsScaler" if is_sparse else "StandardScaler"
        remedies = [f"Scale the features, for example with {scaler}"]
        if not isinstance(filter.learning_rate, str):
            remedies.append("raise learning_rate")
    else:
        message += "The weights have settled elsewhere, which the order of the rows can cause. "
        remedies = ["Lower learning_rate"]
        if not filter.shuffle:
            remedies.append("use shuffle=True")
        if not filter._averaging("fit"):
            remedies.append("use average=True")
    if filter._direct_variants is not None:
        remedies.append(f"use variant={filter._direct_variants}")
    return message + ", or ".join(remedies) + "."


def stream_report(filter: AdaptiveFilter, what: str, powers: FloatArray) -> str:
    """Return what has become of the weights of a stream, and what helps."""
    name = type(filter).__name__
    bound = 2.0 if filter.variant == "nlms" else 2.0 / powers.max()
    if filter.learning_rate_ <= bound:
        return f"{name} overflowed: {what}, because {_overflow(filter)}"
    safe = "2" if filter.variant == "nlms" else f"2/max||x||^2 = {bound:.4g}"
    return (
        f"{name} diverges with learning_rate={filter.learning_rate_:.4g}: {what}. For these rows "
        f"any rate below {safe} is safe, whatever their order. Lower learning_rate or use 'auto', "
        "and start again from `fit`."
    )


def _overflow(filter: AdaptiveFilter) -> str:
    dtype = filter.coef_.dtype
    remedy = " or pass X as float64" if dtype == np.float32 else ""
    return f"the weights or the errors are beyond what {dtype} holds: scale X and y{remedy}."


def excitation_report(filter: LMSRegressor, limited: int, dtype: DTypeLike) -> str:
    """Return what happened to 'rls' in directions that the rows did not excite.

    `limited` is that of `rls_pass`.
    """
    if limited & 2:
        what = (
            f"Only rounding errors ({dtype}) are left of them; the weights in these directions "
            "are kept until they are excited again."
        )
    else:
        what = (
            "The inverse correlation has reached its limit of 1e15 times its initial value, and "
            "the weights will jump when such a direction is excited again."
        )
    return (
        "LMSRegressor: for longer than the memory of "
        f"forgetting={filter.forgetting:g}, some directions were not excited by the rows. {what} "
        "Raise forgetting towards 1, or drop redundant features."
    )


def faint_features_report(filter: LMSRegressor, inverse: InverseCorrelation) -> str | None:
    """Return which features `delta` outweighs after a fit by 'rls', or None where there are none.

    `inverse` is the InverseCorrelation, whose last input may be the bias.
    """
    squares = inverse.squares[: filter.n_features_in_]
    faint = (squares > 0) & (squares < filter.delta * inverse.faded(filter.forgetting))
    if not faint.any():
        return None
    return (
        f"LMSRegressor: delta={filter.delta:g} outweighs {np.count_nonzero(faint)} of "
        f"{len(squares)} features: the sum of squares of each is below delta (the smallest is "
        f"{squares[faint].min():.2g}), so that their weights stay near their initial values. "
        "Lower delta, or scale the features, for example with StandardScaler."
    )

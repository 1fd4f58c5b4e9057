"""LossCurveDisplay: the loss of iterative estimators, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skextra._base import import_extra
from skextra.plotting._axes import panel_axes
from skextra.plotting._palette import COLOURS, DASHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_LOSSES = {
    "LMSRegressor": "Mean squared error",
    "Adaline": "Mean squared error",
    "Madaline": "Share of wrong patterns",
    "CNNClassifier": "Cross-entropy",
}
# Matplotlib's log scale puts margins and ticks some decades beyond the data, and would overflow.
_LARGEST = 1e200


class HasLossCurve(Protocol):
    """An estimator that records its loss."""

    @property
    def loss_curve_(self) -> Any: ...


class LossCurveDisplay:
    """Loss curves of one or several fitted estimators, on a logarithmic or a linear scale.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    loss_curves : dict of str to ndarray of shape (n_epochs,)
        Loss after each epoch, by the name for the legend. Values above 1e200, infinity and NaN,
        in which a diverged run ends, are left out of the line and marked at the top of the axes.
        On a logarithmic scale, values of 0 or less are marked at the bottom.

    loss_name : str, default='Mean squared error'
        Label of the vertical axis.

    validation_curves : dict of str to ndarray of shape (n_epochs,), default=None
        Loss on validation samples, by names in `loss_curves`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes, after :meth:`plot`.

    figure_ : matplotlib Figure
        The figure, after :meth:`plot`.

    lines_ : list of matplotlib Line2D
        A line for each of `loss_curves`, after :meth:`plot`.

    validation_lines_ : list of matplotlib Line2D
        A dashed line for each of `validation_curves`.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores against the number of samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra import LMSRegressor
    >>> from skextra.plotting import LossCurveDisplay
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> lms = LMSRegressor(learning_rate=0.1).fit(X, 3 * X[:, 0])
    >>> display = LossCurveDisplay.from_estimator(lms)
    """

    ax_: Axes
    figure_: Figure
    lines_: list[Line2D]
    validation_lines_: list[Line2D]

    def __init__(
        self,
        loss_curves: Mapping[str, ArrayLike],
        *,
        loss_name: str = "Mean squared error",
        validation_curves: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        self.loss_curves = loss_curves
        self.loss_name = loss_name
        self.validation_curves = validation_curves

    @classmethod
    def from_estimator(
        cls,
        estimator: HasLossCurve | Sequence[HasLossCurve] | Mapping[str, HasLossCurve],
        *,
        ax: Axes | None = None,
        names: Sequence[str] | None = None,
        loss_name: str | None = None,
        log: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Plot the `loss_curve_` of fitted estimators.

        For networks that were fitted with validation samples, their loss is dashed.

        Parameters
        ----------
        estimator : estimator, list of estimators, or dict of str to estimator
            Fitted estimators with a `loss_curve_`.

        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        names : list of str, default=None
            Names for the legend, with a list of estimators. By default their class names.

        loss_name : str, default=None
            Label of the vertical axis. By default the name of the estimators' loss, or 'Loss' if
            they differ.

        log : bool, default=True
            Whether the vertical axis is logarithmic.

        **kwargs : dict
            Passed to `ax.plot`.

        Returns
        -------
        LossCurveDisplay
            The display, plotted.

        Raises
        ------
        NotFittedError
            If an estimator is not fitted.

        ValueError
            If there is not one distinct name for each estimator, or an estimator has no loss to
            draw.
        """
        if isinstance(estimator, dict):
            if names is not None:
                raise ValueError(
                    "names is for a list of estimators, but a dict has its own; leave names out."
                )
            estimators = estimator
        else:
            many = list(estimator) if isinstance(estimator, list | tuple) else [estimator]
            names = [type(one).__name__ for one in many] if names is None else names
            if isinstance(names, str) or len(set(names)) != len(many):
                raise ValueError(
                    f"names={names} must be {len(many)} different names, one for each estimator."
                )
            estimators = dict(zip(names, many, strict=True))
        curves, validation = {}, {}
        for name, one in estimators.items():
            check_is_fitted(one)
            if not hasattr(one, "loss_curve_"):
                raise ValueError(
                    f"{type(one).__name__} has no loss_curve_ to draw; LossCurveDisplay takes "
                    "estimators that record their loss."
                )
            curves[name] = np.array(one.loss_curve_, dtype=float)
            if "val_loss" in getattr(one, "history_", {}):
                validation[name] = np.array(one.history_["val_loss"], dtype=float)
        if loss_name is None:
            kinds = {_LOSSES.get(type(one).__name__, "Loss") for one in estimators.values()}
            loss_name = kinds.pop() if len(kinds) == 1 else "Loss"
        display = cls(curves, loss_name=loss_name, validation_curves=validation)
        return display.plot(ax=ax, log=log, **kwargs)

    def plot(self, ax: Axes | None = None, *, log: bool = True, **kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        log : bool, default=True
            Whether the vertical axis is logarithmic.

        **kwargs : dict
            Passed to `ax.plot`.

        Returns
        -------
        LossCurveDisplay
            The display.
        """
        cbook = import_extra("matplotlib.cbook", "plot", "LossCurveDisplay.plot")
        lines = import_extra("matplotlib.lines", "plot", "LossCurveDisplay.plot")
        kwargs = cbook.normalize_kwargs(kwargs, lines.Line2D)
        empty = [name for name, curve in self.loss_curves.items() if not len(curve)]
        if empty or not self.loss_curves:
            raise ValueError(f"There is no loss to draw{f' of {empty}' if empty else ''}.")
        (ax,) = panel_axes(ax, 1, "plot", "LossCurveDisplay.plot")
        self.lines_, self.validation_lines_ = [], []
        validation = self.validation_curves or {}
        for k, (name, curve) in enumerate(self.loss_curves.items()):
            style = {
                "color": COLOURS[k % len(COLOURS)],
                "linestyle": DASHES[k // len(COLOURS) % len(DASHES)],
                "marker": "." if len(curve) <= 50 else "",
                "label": name,
                **kwargs,
            }
            self.lines_.append(_draw(ax, curve, log, style))
            if name in validation:
                style |= {"linestyle": "--", "marker": "", "label": f"{name}, validation"}
                self.validation_lines_.append(_draw(ax, validation[name], log, style))
        ax.set(yscale="log" if log else "linear", xlabel="Epoch", ylabel=self.loss_name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        if len(ax.get_legend_handles_labels()[1]) > 1:
            ax.legend()
        self.ax_ = ax
        self.figure_ = ax.figure
        return self


def _draw(ax, curve, log, style):
    """Draw a curve, and marks at the edges of the axes for values that it leaves out."""
    curve = np.asarray(curve, dtype=float)
    epochs = np.arange(1, len(curve) + 1)
    above, below = curve > _LARGEST, curve <= (0 if log else -_LARGEST)
    shown = np.where(above | below, np.nan, curve)
    (line,) = ax.plot(epochs, shown, **style)
    name = line.get_label()
    low = "zero or less" if log else f"below {-_LARGEST:g}"
    for beyond, height, marker, label in (
        (above, 1, "^", f"{name}: beyond {_LARGEST:g}"),
        (below, 0, "v", f"{name}: {low}"),
        (np.isnan(curve), 1, "x", f"{name}: NaN"),
    ):
        if beyond.any():
            ax.plot(
                epochs[beyond],
                np.full(np.count_nonzero(beyond), height),
                transform=ax.get_xaxis_transform(),
                marker=marker,
                linestyle="none",
                color=line.get_color(),
                clip_on=False,
                label=label,
            )
    return line

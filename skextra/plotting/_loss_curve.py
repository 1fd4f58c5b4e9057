"""LossCurveDisplay: the loss of iterative estimators, epoch by epoch."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skextra._base import import_extra

# Okabe and Ito's palette, told apart with any colour vision; dashes serve print without colour.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_DASHES = ("-", "--", "-.", ":")
# Matplotlib's log scale takes margins and ticks some decades beyond the data, and overflows.
_LARGEST = 1e200


class LossCurveDisplay:
    """Loss curves of one or several fitted estimators, on a logarithmic scale.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    loss_curves : dict of str to ndarray of shape (n_epochs,)
        Loss after each epoch, by the name for the legend. Values beyond 1e200 and infinity, in
        which a diverged run ends, are left out of the line and marked at the top of the axes.

    loss_name : str, default='Mean squared error'
        Label of the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes, after :meth:`plot`.

    figure_ : matplotlib Figure
        The figure, after :meth:`plot`.

    lines_ : list of matplotlib Line2D
        A line each per curve, after :meth:`plot`.

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

    def __init__(self, loss_curves, *, loss_name="Mean squared error"):
        self.loss_curves = loss_curves
        self.loss_name = loss_name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, names=None, loss_name="Mean squared error"):
        """Plot the `loss_curve_` of fitted estimators.

        Parameters
        ----------
        estimator : estimator, list of estimators, or dict of str to estimator
            Fitted estimators with a `loss_curve_`.

        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        names : list of str, default=None
            Names for the legend, with a list of estimators. By default their class names.

        loss_name : str, default='Mean squared error'
            Label of the vertical axis.

        Returns
        -------
        LossCurveDisplay
            The display, plotted.
        """
        if isinstance(estimator, dict):
            estimators = estimator
        else:
            many = list(estimator) if isinstance(estimator, list | tuple) else [estimator]
            names = [type(one).__name__ for one in many] if names is None else list(names)
            if len(set(names)) != len(many):
                raise ValueError(
                    f"names={names} must be {len(many)} different names, one an estimator."
                )
            estimators = dict(zip(names, many, strict=True))
        curves = {}
        for name, one in estimators.items():
            check_is_fitted(one, "loss_curve_")
            curves[name] = np.array(one.loss_curve_, dtype=float)
        return cls(curves, loss_name=loss_name).plot(ax=ax)

    def plot(self, ax=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        **kwargs : dict
            Handed on to `ax.plot`.

        Returns
        -------
        LossCurveDisplay
            The display.
        """
        pyplot = import_extra("matplotlib.pyplot", "plot", "LossCurveDisplay.plot")
        if ax is None:
            _, ax = pyplot.subplots(layout="constrained")
        self.lines_ = []
        for k, (name, curve) in enumerate(self.loss_curves.items()):
            curve = np.asarray(curve, dtype=float)
            shown = curve <= _LARGEST
            epochs = np.arange(1, len(curve) + 1)
            style = {
                "color": _COLOURS[k % len(_COLOURS)],
                "linestyle": _DASHES[k // len(_COLOURS) % len(_DASHES)],
                "marker": "." if len(curve) <= 50 else "",
                "label": name,
            }
            (line,) = ax.plot(epochs[shown], curve[shown], **{**style, **kwargs})
            if not shown.all():
                ax.plot(
                    epochs[~shown],
                    np.ones(np.count_nonzero(~shown)),
                    transform=ax.get_xaxis_transform(),
                    marker="^",
                    linestyle="none",
                    color=line.get_color(),
                    clip_on=False,
                    label=f"{name}: beyond {_LARGEST:g}",
                )
            self.lines_.append(line)
        ax.set(yscale="log", xlabel="Epoch", ylabel=self.loss_name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        if len(self.loss_curves) > 1:
            ax.legend()
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

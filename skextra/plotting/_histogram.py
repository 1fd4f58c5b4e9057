"""HistogramDisplay: the distribution of a network's weights or gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skextra._base import import_extra
from skextra._typing import KerasModelLike, MatrixLike
from skextra.cnn._inspection._histograms import (
    Histogram,
    Weights,
    gradient_histograms,
    weight_histograms,
)
from skextra.plotting._axes import AxesLike, panel_axes
from skextra.plotting._palette import BLUE

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import StepPatch

    from skextra.cnn._classifier import CNNClassifier


class HistogramDisplay:
    """Distribution of a network's weights or gradients, with a panel for each variable.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    histograms : dict of str to Histogram
        All or part of a result of :func:`skextra.cnn.weight_histograms` or
        :func:`skextra.cnn.gradient_histograms`.

    name : str, default='weight'
        Label of the horizontal axes.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_histograms,)
        The axes, after :meth:`plot`.

    figure_ : matplotlib Figure
        The figure.

    stairs_ : list of matplotlib StepPatch
        The histograms.

    See Also
    --------
    FilterDisplay : Weights of convolutions as images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.plotting import HistogramDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=4, epochs=1, random_state=0).fit(X / 16, y)
    >>> display = HistogramDisplay.from_estimator(cnn)
    >>> list(display.histograms)
    ['conv1/kernel', 'dense1/kernel', 'output/kernel']
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    stairs_: list[StepPatch]

    def __init__(self, histograms: Mapping[str, Histogram], name: str = "weight") -> None:
        self.histograms = histograms
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: CNNClassifier | KerasModelLike,
        X: MatrixLike | None = None,
        y: ArrayLike | None = None,
        *,
        weights: Weights = "fitted",
        kernels_only: bool = True,
        bins: int = 50,
        ax: AxesLike = None,
        log: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Plot the distribution of the weights or, with X and y, of the gradients of the loss.

        Parameters
        ----------
        estimator : keras.Model or CNNClassifier
            A sequential or functional model that is built, or a fitted estimator.

        X : array-like, default=None
            Samples over which to take the gradients. If None, the weights are drawn.

        y : array-like of shape (n_samples,), default=None
            Their classes; for Keras models, the numbers of the outputs.

        weights : {'fitted', 'initial'} or list of ndarray, default='fitted'
            Weights to draw, or at which to take the gradients: those of the network, those that
            the estimator's fit started from, or others in the order of the model's
            ``get_weights``.

        kernels_only : bool, default=True
            Whether to leave out biases and the scales and shifts of normalisation.

        bins : int, default=50
            Number of bins of each histogram.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, one for each variable; a new figure by default.

        log : bool, default=True
            Whether the counts are on a logarithmic scale.

        **kwargs : dict
            Passed to `ax.stairs`.

        Returns
        -------
        HistogramDisplay
            The display, plotted.

        Raises
        ------
        TypeError, ValueError
            If the model is of another kind, only one of X and y is given, or another parameter is
            invalid.
        """
        if (X is None) != (y is None):
            raise ValueError("Pass both X and y to draw gradients, or neither to draw weights.")
        if X is None:
            name, found = "weight", weight_histograms(estimator, bins, weights=weights)
        else:
            name = "gradient"
            found = gradient_histograms(estimator, X, y, weights=weights, bins=bins)
        if kernels_only:
            found = {n: h for n, h in found.items() if n.endswith(("kernel", "embeddings"))}
        return cls(found, name).plot(ax, log=log, **kwargs)

    def plot(self, ax: AxesLike = None, *, log: bool = True, **kwargs: Any) -> Self:
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, one for each variable; a new figure by default.

        log : bool, default=True
            Whether the counts are on a logarithmic scale.

        **kwargs : dict
            Passed to `ax.stairs`.

        Returns
        -------
        HistogramDisplay
            The display.

        Raises
        ------
        ValueError
            If there are no histograms, or the number of axes differs.
        """
        ticker = import_extra("matplotlib.ticker", "plot", "HistogramDisplay.plot")
        n = len(self.histograms)
        if not n:
            raise ValueError(
                "There are no histograms to draw: the network has no trainable kernels (kernels "
                "stored in few bits have no gradients); pass kernels_only=False to draw its other "
                "parameters."
            )
        axes = panel_axes(ax, n, "histograms", "HistogramDisplay.plot")
        self.axes_, self.figure_, self.stairs_ = axes, axes[0].figure, []
        style = {"fill": True, "color": BLUE, **kwargs}
        for each, (name, histogram) in zip(axes, self.histograms.items(), strict=True):
            self.stairs_.append(each.stairs(histogram.counts, histogram.edges, **style))
            numbers = histogram.values
            lost = np.count_nonzero(~np.isfinite(numbers))
            note = f", {lost} not finite" if lost else ""
            std = numbers[np.isfinite(numbers)].std() if lost < len(numbers) else np.nan
            title = f"{name}\nstd {std:.1e}, zeros {histogram.zeros:.0%}{note}"
            each.set_title(title, fontsize="small")
            each.set_xlabel(self.name)
            if log and histogram.counts.any():
                each.set_yscale("log")
                each.set_ylim(bottom=0.5)  # so that a count of 1 is visible
                each.yaxis.set_major_formatter("{x:g}")
                each.yaxis.set_minor_formatter(ticker.NullFormatter())
            each.ticklabel_format(axis="x", style="sci", scilimits=(-2, 2))
        axes[0].set_ylabel("count")
        return self

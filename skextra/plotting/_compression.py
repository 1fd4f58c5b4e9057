"""CompressionDisplay: the accuracy of compressed networks against the bytes of their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

from numpy.typing import ArrayLike

from skextra._base import import_extra
from skextra._typing import KerasModelLike, MatrixLike, RandomStateLike
from skextra.cnn._compression._best_n_clusters import most_clusters
from skextra.cnn._compression._cluster import cluster_weights
from skextra.cnn._compression._quantize import quantize_int8
from skextra.plotting._axes import panel_axes
from skextra.plotting._palette import BLUE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from skextra.cnn._classifier import CNNClassifier
    from skextra.cnn._compression._report import CompressionReport

# Powers of two waste no bits; with 128 and more, codes are nearly as large as int8.
_USUAL = (2, 4, 8, 16, 32, 64)
_LINE, _INT8, _FLOAT = BLUE, VERMILION, "black"


class CompressionDisplay:
    """Accuracy against bytes of a network: with clustered weights, with int8, and uncompressed.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    reports : dict of int to CompressionReport
        Reports of :func:`~skextra.cnn.cluster_weights`, by the number of clusters.

    int8 : CompressionReport, default=None
        Report of :func:`~skextra.cnn.quantize_int8`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes, after :meth:`plot`.

    figure_ : matplotlib Figure
        The figure, after :meth:`plot`.

    line_ : matplotlib Line2D
        The line of the clustered networks.

    points_ : list of matplotlib Line2D
        The points of the uncompressed network and, if given, of int8.

    See Also
    --------
    skextra.cnn.best_n_clusters : The largest number of clusters that beats int8.

    Examples
    --------
    >>> from skextra.cnn import CompressionReport, CompressionRow
    >>> from skextra.plotting import CompressionDisplay
    >>> reports = {
    ...     k: CompressionReport(
    ...         "clusters", (CompressionRow("dense1", "Dense", "", 100, 400, size, None),),
    ...         accuracy_before=0.9, accuracy_after=accuracy,
    ...     )
    ...     for k, size, accuracy in [(2, 21, 0.7), (4, 41, 0.85), (8, 70, 0.89)]
    ... }
    >>> display = CompressionDisplay(reports).plot()
    >>> display.line_.get_xdata().tolist()
    [21, 41, 70]
    """

    ax_: Axes
    figure_: Figure
    line_: Line2D
    points_: list[Line2D]

    def __init__(
        self, reports: Mapping[int, CompressionReport], int8: CompressionReport | None = None
    ) -> None:
        self.reports = reports
        self.int8 = int8

    @classmethod
    def from_estimator(
        cls,
        estimator: CNNClassifier | KerasModelLike,
        X: MatrixLike,
        y: ArrayLike,
        *,
        n_clusters: Sequence[int] | None = None,
        codebook: Literal["per_layer", "global"] = "per_layer",
        skip: str | Sequence[str] = (),
        random_state: RandomStateLike = None,
        ax: Axes | None = None,
    ) -> Self:
        """Compress a network in several ways, and plot accuracy against size.

        Parameters
        ----------
        estimator : keras.Model or CNNClassifier
            A model that is built, or a fitted estimator. It is not changed.

        X : array-like
            Samples on which to measure the accuracy; not those of the fit.

        y : array-like of shape (n_samples,)
            Their classes; for Keras models, the numbers of the outputs.

        n_clusters : sequence of int, default=None
            Numbers of clusters. By default 2, 4, 8, 16, 32 and 64, up to the smallest number of
            distinct weights in a layer.

        codebook : {'per_layer', 'global'}, default='per_layer'
            Whether every layer has its own codebook, or all layers share one.

        skip : sequence of str, default=()
            Names of layers to leave unchanged.

        random_state : int, RandomState instance or None, default=None
            Determines the k-means++ starts. An int makes the result reproducible.

        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        CompressionDisplay
            The display, plotted.
        """
        if n_clusters is None:
            most = most_clusters(estimator, codebook, skip)
            n_clusters = [k for k in _USUAL if k <= most]
        reports = dict.fromkeys(sorted(set(n_clusters)))
        for k in reversed(reports):  # if the largest is impossible, the error comes at once
            _, reports[k] = cluster_weights(
                estimator, k, X, y, codebook=codebook, skip=skip, random_state=random_state
            )
        _, int8 = quantize_int8(estimator, X, y, skip=skip)
        return cls(reports, int8).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the curve and the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        CompressionDisplay
            The display.

        Raises
        ------
        ValueError
            If there are no reports, or they have no accuracies.
        """
        ticker = import_extra("matplotlib.ticker", "plot", "CompressionDisplay.plot")
        reports = list(self.reports.values())
        every = [*reports, *([] if self.int8 is None else [self.int8])]
        if not reports or any(report.accuracy_after is None for report in every):
            raise ValueError(
                "CompressionDisplay needs reports with accuracies; pass X and y to "
                "cluster_weights and quantize_int8."
            )
        (ax,) = panel_axes(ax, 1, "plot", "CompressionDisplay.plot")
        sizes = [report.bytes_after for report in reports]
        scores = [report.accuracy_after for report in reports]
        (self.line_,) = ax.plot(sizes, scores, "o-", color=_LINE, label="clustered weights")
        for k, size, score in zip(self.reports, sizes, scores, strict=True):
            ax.annotate(f"{k}", (size, score), (0, -13), textcoords="offset points",
                        ha="center", fontsize="small", color=_LINE)  # fmt: skip
        whole = reports[0]
        points = [(whole.bytes_before, whole.accuracy_before, "s", _FLOAT, "as it was")]
        if self.int8 is not None:
            points.append((self.int8.bytes_after, self.int8.accuracy_after, "D", _INT8, "int8"))
        self.points_ = [
            ax.plot(size, score, marker, color=colour, linestyle="none", label=label)[0]
            for size, score, marker, colour, label in points
        ]
        ax.axhline(whole.accuracy_before, color=_FLOAT, linewidth=0.8, linestyle=":", zorder=0)
        scores.append(whole.accuracy_before)
        room = max(0.1 * (1 - min(scores)), 0.002)
        ax.set(
            xscale="log",
            xlabel="bytes of weights",
            ylabel="accuracy",
            ylim=(max(min(scores) - 1.5 * room, 0), max(scores) + room),
        )
        ax.xaxis.set_major_formatter(ticker.EngFormatter(unit="B"))
        ax.xaxis.set_minor_formatter(ticker.NullFormatter())
        ax.legend(loc="lower right")
        self.ax_, self.figure_ = ax, ax.figure
        return self

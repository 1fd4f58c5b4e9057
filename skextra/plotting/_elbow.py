"""ElbowDisplay: the inertia against the number of clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skextra._base import import_extra
from skextra._kmeans._path import InertiaPath, inertia_path
from skextra._typing import FloatArray, MatrixLike, RandomStateLike
from skextra.plotting._axes import panel_axes
from skextra.plotting._palette import BLUE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


class ElbowDisplay:
    """The inertia against the number of clusters, with the elbow marked.

    Use :meth:`from_path` or :meth:`from_data` to create one.

    Parameters
    ----------
    n_clusters : ndarray of shape (n_ks,)
        Numbers of clusters, in increasing order.

    inertia : ndarray of shape (n_ks,)
        The inertia for each.

    elbow : int, default=None
        The number of clusters at the elbow; None if there is none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes, after :meth:`plot`.

    figure_ : matplotlib Figure
        The figure, after :meth:`plot`.

    line_ : matplotlib Line2D
        The curve, after :meth:`plot`.

    elbow_line_ : matplotlib Line2D or None
        The vertical line at the elbow, after :meth:`plot`; None if there is none.

    elbow_point_ : matplotlib Line2D or None
        The ring around the elbow, after :meth:`plot`; None if there is none.

    See Also
    --------
    skextra.inertia_path : Computes the path, and defines the elbow.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skextra.plotting import ElbowDisplay
    >>> X, _ = make_blobs(600, centers=5, random_state=3)
    >>> display = ElbowDisplay.from_data(X, random_state=0)
    >>> display.elbow
    5
    """

    ax_: Axes
    figure_: Figure
    line_: Line2D
    elbow_line_: Line2D | None
    elbow_point_: Line2D | None

    def __init__(
        self, n_clusters: NDArray[np.integer[Any]], inertia: FloatArray, elbow: int | None = None
    ) -> None:
        self.n_clusters = n_clusters
        self.inertia = inertia
        self.elbow = elbow

    @classmethod
    def from_path(
        cls, path: InertiaPath, *, ax: Axes | None = None, log: bool = False, **kwargs: Any
    ) -> Self:
        """Plot the result of :func:`skextra.inertia_path`.

        Parameters
        ----------
        path : InertiaPath
            The path.

        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        log : bool, default=False
            Whether both axes are logarithmic. The elbow is found on these: there the path of
            data without clusters is a straight line.

        **kwargs : dict
            Passed to `ax.plot`, which draws the curve.

        Returns
        -------
        ElbowDisplay
            The display, plotted.
        """
        return cls(path.n_clusters, path.inertia, path.elbow).plot(ax, log=log, **kwargs)

    @classmethod
    def from_data(
        cls,
        X: MatrixLike,
        ks: Sequence[int] | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        random_state: RandomStateLike = None,
        ax: Axes | None = None,
        log: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Compute the path of some data and plot it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        ks : sequence of int or None, default=None
            Numbers of clusters, in any order. Three or more are needed to find an elbow.

        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

        random_state : int, RandomState instance or None, default=None
            Determines the initial centres and the sample. An int makes the path reproducible.

        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        log : bool, default=False
            Whether both axes are logarithmic. The elbow is found on these: there the path of
            data without clusters is a straight line.

        **kwargs : dict
            Passed to `ax.plot`, which draws the curve.

        Returns
        -------
        ElbowDisplay
            The display, plotted.
        """
        path = inertia_path(X, ks, sample_weight=sample_weight, random_state=random_state)
        return cls.from_path(path, ax=ax, log=log, **kwargs)

    def plot(self, ax: Axes | None = None, *, log: bool = False, **kwargs: Any) -> Self:
        """Draw the curve and mark its elbow.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        log : bool, default=False
            Whether both axes are logarithmic, which leaves out an inertia of zero.

        **kwargs : dict
            Passed to `ax.plot`, which draws the curve.

        Returns
        -------
        ElbowDisplay
            The display.
        """
        ticker = import_extra("matplotlib.ticker", "plot", "ElbowDisplay.plot")
        (ax,) = panel_axes(ax, 1, "plot", "ElbowDisplay.plot")
        ks, inertia = np.asarray(self.n_clusters), np.asarray(self.inertia)
        style = {"color": BLUE, "marker": ".", **kwargs}
        (self.line_,) = ax.plot(ks, inertia, **style)
        self.elbow_line_ = self.elbow_point_ = None
        if self.elbow is None:
            ax.plot([], [], " ", label="no elbow")
        else:
            mark = {"color": VERMILION, "zorder": 1.5}
            label = f"elbow at {self.elbow} clusters"
            self.elbow_line_ = ax.axvline(self.elbow, linestyle="--", label=label, **mark)
            height = inertia[ks == self.elbow]
            mark = {**mark, "marker": "o", "ms": 11, "mfc": "none", "mew": 1.5}
            (self.elbow_point_,) = ax.plot([self.elbow], height, linestyle="none", **mark)
        ax.set(xlabel="Number of clusters", ylabel="Inertia")
        if log:
            ax.set_xscale("log")
            ax.set_yscale("log", nonpositive="mask")
            for axis, layout in ((ax.xaxis, "{x:.0f}"), (ax.yaxis, "{x:g}")):
                axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter(ticker.StrMethodFormatter(layout))
                axis.set_minor_formatter(ticker.NullFormatter())
            if ks[-1] < 10 * ks[0]:  # a log locator would fill less than a decade with fractions
                ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        else:
            ax.set_ylim(bottom=0)
            ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

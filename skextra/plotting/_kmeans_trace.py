"""KMeansTraceDisplay: the iterations of a k-means fit, picture by picture."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from operator import index
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, validate_data

from skextra._base import import_extra
from skextra._typing import FloatArray, MatrixLike
from skextra.plotting._axes import AxesLike, panel_axes
from skextra.plotting._palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from skextra._kmeans._kmeans_pp import KMeansPP

# More panels would not be read one by one; `animate` shows all iterations.
_MOST_PANELS = 8
# Samples in a panel. More cover one another; and each is a shape in a vector image.
_MOST_SAMPLES = 3000
# Room beside samples and centres, as a share of their extent, for the markers of centres.
_ROOM = 0.06


class KMeansTraceDisplay:
    """The iterations of a k-means fit: samples by cluster, centres and their paths.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    samples : ndarray of shape (n_shown, 2)
        The samples to draw, in two features. Those of a fit with ``metric='cosine'`` are of length
        one, like its centres.

    labels : ndarray of shape (n_iter + 1, n_shown)
        Their clusters at the start and after each iteration.

    centers : ndarray of shape (n_iter + 1, n_clusters, 2)
        The centres at the start and after each iteration, in the same two features.

    inertia : ndarray of shape (n_iter + 1,)
        The inertia at the start and after each iteration, of all samples in all features.

    feature_names : sequence of two str, default=None
        Labels of the horizontal and the vertical axis; none by default.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The axes, after :meth:`plot` or :meth:`animate`.

    figure_ : matplotlib Figure
        The figure.

    iterations_ : list of int
        The iteration that each of the axes shows, after :meth:`plot`.

    samples_ : list of matplotlib PathCollection
        The samples of each of the axes.

    centers_ : list of matplotlib PathCollection
        The centres of each of the axes.

    trails_ : list of list of matplotlib Line2D
        For each of the axes, the path of every centre so far.

    See Also
    --------
    skextra.KMeansPP : Keeps its history with ``store_history=True``.
    skextra.KMeansHistory : The history that is drawn.

    Notes
    -----
    By default, :class:`skextra.KMeansPP` searches for centres first, and the history starts where
    the search ended. With ``refine=None`` it has all of Lloyd's iterations.

    At most 3000 samples are drawn: of more, every second, third, and so on. There are seven
    colours, which repeat for more clusters.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skextra import KMeansPP
    >>> from skextra.plotting import KMeansTraceDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> clusters = KMeansPP(3, init=X[:3], store_history=True).fit(X)
    >>> display = KMeansTraceDisplay.from_estimator(clusters, X, features=(2, 3))
    >>> display.axes_[0].get_title()
    'start\\ninertia 1755.2'
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    iterations_: list[int]
    samples_: list[PathCollection]
    centers_: list[PathCollection]
    trails_: list[list[Line2D]]

    def __init__(
        self,
        samples: FloatArray,
        labels: NDArray[np.integer[Any]],
        centers: FloatArray,
        inertia: FloatArray,
        *,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.samples = samples
        self.labels = labels
        self.centers = centers
        self.inertia = inertia
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: KMeansPP,
        X: MatrixLike,
        *,
        features: Sequence[int | str] = (0, 1),
        iterations: int | Sequence[int] | None = None,
        ax: AxesLike = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the iterations of a fitted estimator.

        Parameters
        ----------
        estimator : KMeansPP
            Fitted with ``store_history=True``.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples to draw, usually those of the fit.

        features : sequence of two int or str, default=(0, 1)
            The features to draw, by column or by name.

        iterations : int or sequence of int, default=None
            The iterations to draw, one panel each; 0 is the start, -1 the end. By default all,
            or eight evenly spaced ones if there are more.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        **kwargs : dict
            Passed to `ax.scatter`, which draws the samples in the colours of their clusters.

        Returns
        -------
        KMeansTraceDisplay
            The display, plotted.
        """
        from skextra._kmeans._metric import METRICS

        name = type(estimator).__name__
        check_is_fitted(estimator)
        if not hasattr(estimator, "history_"):
            raise ValueError(
                f"This {name} has no history_ to draw: pass a KMeansPP fitted with "
                "store_history=True (partial_fit drops the history)."
            )
        history = estimator.history_
        X = validate_data(
            estimator, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
        )
        columns, names = _choose_features(estimator, features)
        X = METRICS[history.metric].rows(X[:: -(-X.shape[0] // _MOST_SAMPLES)])
        samples = X[:, columns]
        display = cls(
            samples.toarray() if sparse.issparse(samples) else samples,
            np.stack([history.labels(X, k) for k in range(history.n_iter + 1)]),
            history.centers[:, :, columns],
            history.inertia,
            feature_names=names,
        )
        return display.plot(ax, iterations=iterations, **kwargs)

    def plot(
        self,
        ax: AxesLike = None,
        *,
        iterations: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a panel for each iteration.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        iterations : int or sequence of int, default=None
            The iterations to draw, one panel each; 0 is the start, -1 the end. By default all,
            or eight evenly spaced ones if there are more.

        **kwargs : dict
            Passed to `ax.scatter`, which draws the samples in the colours of their clusters.

        Returns
        -------
        KMeansTraceDisplay
            The display.
        """
        iterations = self._choose_iterations(iterations)
        what, purpose = "iterations to draw", "KMeansTraceDisplay.plot"
        axes = panel_axes(ax, len(iterations), what, purpose, sharex=True, sharey=True)
        panels = self._place(axes, kwargs)
        if ax is None:
            _label_outer_panels(axes)
        for panel, iteration in zip(panels, iterations, strict=True):
            panel.show(iteration)
        self.iterations_ = iterations
        return self

    def animate(
        self, ax: Axes | None = None, *, interval: int = 600, **kwargs: Any
    ) -> FuncAnimation:
        """Return an animation of all iterations.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; a new figure by default.

        interval : int, default=600
            Milliseconds from one iteration to the next.

        **kwargs : dict
            Passed to `ax.scatter`, which draws the samples in the colours of their clusters.

        Returns
        -------
        matplotlib.animation.FuncAnimation
            The animation, which stops unless it is kept in a variable. Its method `save` writes a
            file, `to_jshtml` is for notebooks.
        """
        purpose = "KMeansTraceDisplay.animate"
        animation = import_extra("matplotlib.animation", "plot", purpose)
        (panel,) = self._place(panel_axes(ax, 1, "panel", purpose), kwargs)
        self.iterations_ = frames = list(range(len(self.centers)))
        return animation.FuncAnimation(self.figure_, panel.show, frames=frames, interval=interval)

    def _choose_iterations(self, iterations):
        n = len(self.centers)
        if iterations is None:
            evenly = np.linspace(0, n - 1, min(n, _MOST_PANELS))
            return evenly.round().astype(int).tolist()
        chosen = [index(k) for k in np.atleast_1d(np.asarray(iterations))]
        if not chosen:
            raise ValueError("iterations is empty; pass some, such as [0, -1].")
        for k in chosen:
            if not -n <= k < n:
                raise ValueError(
                    f"iterations holds {k}, but the fit made {n - 1}; choose from 0, the start, "
                    f"to {n - 1}, the end."
                )
        return [k % n for k in chosen]

    def _place(self, axes, kwargs):
        """Return a panel for each of the axes, and store their artists."""
        low, high = self._limits()
        panels = [_Panel(self, ax, kwargs) for ax in axes]
        for ax in axes:
            ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
            if self.feature_names is not None:
                ax.set(xlabel=self.feature_names[0], ylabel=self.feature_names[1])
        self.axes_ = axes
        self.figure_ = axes[0].figure
        self.samples_ = [panel.samples for panel in panels]
        self.centers_ = [panel.centers for panel in panels]
        self.trails_ = [panel.trails for panel in panels]
        return panels

    def _limits(self):
        """Return the corners of a box around all samples and all positions of the centres."""
        points = np.concatenate([self.samples, self.centers.reshape(-1, 2)])
        low, high = points.min(axis=0), points.max(axis=0)
        margin = np.where(high > low, _ROOM * (high - low), 1.0)
        return low - margin, high + margin


class _Panel:
    """The artists of one picture, which can show any iteration."""

    def __init__(self, display, ax, kwargs):
        self._display = display
        self._ax = ax
        self._colours = np.resize(COLOURS, display.centers.shape[1])
        style = {"s": 14, "alpha": 0.6, "linewidths": 0, **kwargs}
        self.samples = ax.scatter(*display.samples.T, **style)
        self.trails = [
            ax.plot([], [], color="black", lw=1.2, marker=".", ms=3)[0] for _ in self._colours
        ]
        self.centers = ax.scatter(
            *display.centers[0].T,
            s=90,
            marker="X",
            color=self._colours,
            edgecolors="black",
            linewidths=1.2,
            zorder=3,
        )

    def show(self, iteration):
        """Show an iteration; return all artists, as FuncAnimation requires."""
        display = self._display
        self.samples.set_facecolor(self._colours[display.labels[iteration]])
        self.centers.set_offsets(display.centers[iteration])
        for trail, path in zip(self.trails, display.centers.swapaxes(0, 1), strict=True):
            trail.set_data(*path[: iteration + 1].T)
        when = f"iteration {iteration}" if iteration else "start"
        self._ax.set_title(f"{when}\ninertia {display.inertia[iteration]:.5g}")
        return [self.samples, self.centers, *self.trails]


def _choose_features(estimator, features):
    """Return (column numbers, names) of the two features to draw."""
    known = getattr(estimator, "feature_names_in_", None)
    n = estimator.n_features_in_
    if isinstance(features, str) or not np.iterable(features) or len(features) != 2:
        raise ValueError(f"features={features!r} must be two, one for each axis.")
    columns = [_column(feature, known, n) for feature in features]
    names = [f"feature {column}" for column in range(n)] if known is None else list(known)
    return columns, [str(names[column]) for column in columns]


def _column(feature, names, n):
    """Return the number of the column of a feature that is given by number or by name."""
    if isinstance(feature, str):
        if names is None or feature not in names:
            known = "it was fitted without names" if names is None else f"not in {list(names)}"
            raise ValueError(
                f"features holds {feature!r}, which is no feature of the estimator: {known}; "
                "pass columns as integers."
            )
        return list(names).index(feature)
    if not isinstance(feature, Integral):
        raise TypeError(f"features holds {feature!r}; pass column numbers or names.")
    if not 0 <= feature < n:
        raise ValueError(
            f"features holds {feature}; choose columns from 0 to {n - 1}, as the estimator has "
            f"n_features_in_={n}. The same column twice is possible."
        )
    return int(feature)


def _label_outer_panels(axes):
    """Take labels away between panels; the lowest of a column has tick labels in any case."""
    columns = axes[0].get_gridspec().ncols
    for k, ax in enumerate(axes):
        if k < len(axes) - columns:
            ax.set_xlabel("")
        else:
            ax.xaxis.set_tick_params(labelbottom=True)
        if k % columns:
            ax.set_ylabel("")

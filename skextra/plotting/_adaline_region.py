"""AdalineRegionDisplay: the decision regions of an Adaline or a Madaline, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from skextra._adaptive._adaline import Adaline
from skextra._base import import_extra
from skextra._madaline._madaline import Madaline
from skextra._typing import FloatArray, LabelArray, MatrixLike
from skextra.plotting._axes import AxesLike, panel_axes
from skextra.plotting._palette import COLOURS, GREY
from skextra.plotting._parameters import check_whole
from skextra.plotting._regions import draw_regions, draw_samples

if TYPE_CHECKING:
    from matplotlib.collections import PathCollection, QuadMesh
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Room beside the samples, as a share of their extent: those of logic gates sit in the corners.
_ROOM = 0.15
# Opacity of regions: samples in the same colours must stand out.
_SHADE = 0.2


class AdalineRegionDisplay:
    """Decision regions of an Adaline or a Madaline with two inputs, and the lines of its units.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    x, y : ndarray of shape (n_x,) and (n_y,)
        The grid.

    response : ndarray of int of shape (n_y, n_x)
        Numbers of the classes that are predicted on the grid.

    units : ndarray of shape (n_units, 3)
        Two weights and the bias of each unit that takes the inputs: those of an Adaline, the
        hidden ones of a Madaline. A unit outputs +1 where its weighted sum is positive.

    classes : ndarray of shape (n_classes,)
        The class labels.

    samples : ndarray of shape (n_samples, 2), default=None
        The samples to draw.

    codes : ndarray of int of shape (n_samples,), default=None
        Numbers of their classes.

    feature_names : sequence of two str, default=('x1', 'x2')
        Labels of the horizontal and the vertical axis.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The axes, after :meth:`plot`.

    figure_ : matplotlib Figure
        The figure.

    surfaces_ : list of matplotlib QuadMesh
        The regions of each of the axes.

    lines_ : list of list of matplotlib Line2D
        For each of the axes, the lines on which the weighted sum of a unit is zero. Units whose
        weights are zero have none.

    samples_ : list of list of matplotlib PathCollection
        The samples of each of the axes, class by class.

    See Also
    --------
    SVMDisplay : Regions and margin of a FeatureMapSVM.
    sklearn.inspection.DecisionBoundaryDisplay : Regions of any classifier.

    Examples
    --------
    >>> from skextra import Madaline
    >>> from skextra.plotting import AdalineRegionDisplay
    >>> X, y = [[-1, -1], [-1, 1], [1, -1], [1, 1]], [0, 1, 1, 0]
    >>> xor = Madaline(2, random_state=0).fit(X, y)
    >>> display = AdalineRegionDisplay.from_estimator(xor, X, y, units=True)
    >>> [ax.get_title() for ax in display.axes_]
    ['unit 1', 'unit 2', 'output']
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    surfaces_: list[QuadMesh]
    lines_: list[list[Line2D]]
    samples_: list[list[PathCollection]]

    def __init__(
        self,
        x: FloatArray,
        y: FloatArray,
        response: NDArray[np.integer[Any]],
        units: FloatArray,
        classes: LabelArray,
        samples: FloatArray | None = None,
        codes: NDArray[np.integer[Any]] | None = None,
        feature_names: Sequence[str] = ("x1", "x2"),
    ) -> None:
        self.x = x
        self.y = y
        self.response = response
        self.units = units
        self.classes = classes
        self.samples = samples
        self.codes = codes
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Adaline | Madaline,
        X: MatrixLike,
        y: ArrayLike,
        *,
        units: bool = False,
        grid_resolution: int = 200,
        ax: AxesLike = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the decision regions of a fitted Adaline or Madaline around some samples.

        Parameters
        ----------
        estimator : Adaline or Madaline
            The estimator, fitted on two features, with one label per sample.

        X : array-like of shape (n_samples, 2)
            Samples to draw.

        y : array-like of shape (n_samples,)
            Their classes.

        units : bool, default=False
            Whether to add a panel for each unit that takes the inputs. The side on which the unit
            outputs +1 is grey.

        grid_resolution : int, default=200
            Number of points of the grid in each direction.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        **kwargs : dict
            Passed to `ax.scatter`, which draws the samples.

        Returns
        -------
        AdalineRegionDisplay
            The display, plotted.

        Raises
        ------
        TypeError, ValueError
            If the estimator is of another kind, does not have two features and one label per
            sample, or a parameter is invalid.
        """
        weights = _units_of(estimator)
        if weights.shape[1] != 3:
            raise ValueError(
                f"AdalineRegionDisplay draws two inputs, but the {type(estimator).__name__} has "
                f"{weights.shape[1] - 1}; fit it on two columns."
            )
        check_whole("grid_resolution", grid_resolution, least=2)
        X = validate_data(estimator, X, dtype=np.float64, reset=False)
        axes, classes = _axes_around(X, grid_resolution), estimator.classes_
        response = _predicted(estimator, np.meshgrid(*axes))
        codes = _codes_of(y, classes, len(X))
        names = getattr(estimator, "feature_names_in_", ("x1", "x2"))
        display = cls(*axes, response, weights, classes, X, codes, tuple(map(str, names)))
        return display.plot(ax, units=units, **kwargs)

    def plot(self, ax: AxesLike = None, *, units: bool = False, **kwargs: Any) -> Self:
        """Draw the regions, the lines and the samples.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        units : bool, default=False
            Whether to add a panel for each unit that takes the inputs. The side on which the unit
            outputs +1 is grey.

        **kwargs : dict
            Passed to `ax.scatter`, which draws the samples.

        Returns
        -------
        AdalineRegionDisplay
            The display.
        """
        sums = np.stack(np.meshgrid(self.x, self.y), axis=-1) @ self.units[:, :2].T
        signs = (sums + self.units[:, 2] > 0).astype(int)
        panels = [
            (f"unit {i + 1}", signs[:, :, i], ("white", GREY), self.units[[i]])
            for i in range(len(self.units) if units else 0)
        ]
        colours = np.resize(COLOURS, len(self.classes)).tolist()
        panels.append(("output", self.response, colours, self.units))
        axes = panel_axes(ax, len(panels), "panels", "AdalineRegionDisplay.plot")
        self.axes_, self.figure_ = axes, axes[0].figure
        self.surfaces_, self.lines_, self.samples_ = [], [], []
        for each, (title, codes, colours, lines) in zip(axes, panels, strict=True):
            self.surfaces_.append(draw_regions(each, self.x, self.y, codes, colours, _SHADE))
            self.lines_.append(_draw_lines(each, lines))
            self.samples_.append(self._draw_samples(each, kwargs))
            each.set(xlim=self.x[[0, -1]], ylim=self.y[[0, -1]], xlabel=self.feature_names[0])
            if units:
                each.set_title(title)
        axes[0].set_ylabel(self.feature_names[1])
        if self.samples is not None:
            axes[-1].legend(title="class", fontsize="small")
        return self

    def _draw_samples(self, ax, kwargs):
        if self.samples is None:
            return []
        style = {"s": 45, "linewidths": 0.6, **kwargs}
        return draw_samples(ax, self.samples, self.codes, map(str, self.classes), **style)


def _draw_lines(ax, units):
    """Draw the line on which the sum of each unit is zero; return those that there are."""
    drawn = []
    for w1, w2, bias in units:
        square = w1**2 + w2**2
        if square > 0:
            foot = -bias / square * np.array([w1, w2])
            ends = foot, (foot[0] - w2, foot[1] + w1)
            drawn.append(ax.axline(*ends, color="black", lw=1, zorder=1))
    return drawn


def _axes_around(X, resolution):
    """Return the two axes of a grid that holds all samples, with room beside them."""
    low, high = X.min(axis=0), X.max(axis=0)
    with np.errstate(over="ignore"):
        room = np.where(high > low, _ROOM * (high - low), np.abs(low) * 1e-3 + (low == 0))
        extent = high - low + 2 * room
    if not np.isfinite(extent).all():
        raise ValueError(
            f"X ranges from {X.min():g} to {X.max():g}, too far to be drawn; scale it."
        )
    return np.linspace(low - room, high + room, resolution).T


def _predicted(estimator, grid):
    """Return the numbers of the classes that are predicted on a grid, in its shape."""
    points = np.column_stack([part.ravel() for part in grid])
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:  # or scikit-learn would warn of missing names
        pandas = import_extra("pandas", "plot", "AdalineRegionDisplay")
        points = pandas.DataFrame(points, columns=names)
    predicted = estimator.predict(points)
    if predicted.ndim > 1:
        raise ValueError(
            "AdalineRegionDisplay draws one label per sample, but the Madaline was fitted on "
            "several; fit one Madaline for each column of y."
        )
    return np.searchsorted(estimator.classes_, predicted).reshape(grid[0].shape)


def _codes_of(y, classes, n_samples):
    """Return the numbers of the classes of samples."""
    y, known = np.asarray(y), classes.tolist()
    unknown = [label for label in y.ravel().tolist() if label not in known]
    if y.shape != (n_samples,) or unknown:
        raise ValueError(
            f"y must hold one of the classes {known} for each of the {n_samples} rows "
            f"of X; it has shape {y.shape}" + (f" and {unknown[:5]}." if unknown else ".")
        )
    return np.searchsorted(classes, y)


def _units_of(estimator):
    """Return the weights of the units that take the inputs, the bias last."""
    if not isinstance(estimator, Adaline | Madaline):
        raise TypeError(
            f"AdalineRegionDisplay draws Adaline and Madaline, not {type(estimator).__name__}; "
            "sklearn.inspection.DecisionBoundaryDisplay draws any classifier."
        )
    check_is_fitted(estimator)
    if isinstance(estimator, Madaline):
        return np.column_stack([estimator.coefs_[0].T, estimator.intercepts_[0]]).astype(float)
    return np.column_stack([estimator.coef_, estimator.intercept_]).astype(float)

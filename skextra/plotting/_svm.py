"""SVMDisplay: the regions, the margin and the support vectors of a FeatureMapSVM."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from skextra._base import import_extra
from skextra._svm._parameters import kind_of
from skextra._typing import LabelArray, MatrixLike
from skextra.plotting._axes import AxesLike, given_axes
from skextra.plotting._palette import COLOURS, GREY
from skextra.plotting._parameters import check_whole
from skextra.plotting._regions import draw_regions, draw_samples
from skextra.plotting._svm_panel import DrawnSamples, SVMPanel, input_plane, map_plane, number_line

if TYPE_CHECKING:
    from matplotlib.collections import PathCollection, QuadMesh
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    from skextra._svm._feature_map_svm import FeatureMapSVM

# How many times longer than high a picture with an arrow may be: with the equal scales that the
# arrow needs, a flatter one would be a strip.
_MOST_ELONGATED = 8
# Inches of a new figure: wide enough for a phone to show its letters as 8 pixels or more, and low
# for a number line that stands above the plane of the map.
_WIDE, _HIGH, _LOW = 5.2, 4.2, 1.7
# Opacity of regions: samples in the same colours must stand out.
_SHADE = 0.18


class SVMDisplay:
    """Decision regions of a FeatureMapSVM, its margin, support vectors and margin violations.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    panels : sequence of SVMPanel
        The panels.

    classes : ndarray of shape (n_classes,)
        The class labels.

    margin : float or None
        Width of the margin in the feature space; None for more than two classes.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The axes, after :meth:`plot`.

    figure_ : matplotlib Figure
        The figure, after :meth:`plot`.

    surfaces_ : list of matplotlib QuadMesh
        The regions of each of the axes.

    lines_ : list of matplotlib QuadContourSet or None
        The lines f = -1, 0 and 1 of each of the axes; None for more than two classes.

    samples_ : list of list of matplotlib PathCollection
        The samples of each of the axes, class by class.

    support_vectors_ : list of matplotlib PathCollection
        The rings around the support vectors, for each of the axes.

    violators_ : list of matplotlib PathCollection
        The crosses on samples that violate the margin, for each of the axes.

    widths_ : list of matplotlib Annotation or None
        The arrow across the margin of each of the axes; None where the margin is not straight.

    See Also
    --------
    skextra.FeatureMapSVM : The classifier.
    sklearn.inspection.DecisionBoundaryDisplay : Decision regions of any classifier.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra import FeatureMapSVM
    >>> from skextra.plotting import SVMDisplay
    >>> x = np.array([-2, -1.8, 0.3, 0.6, 1, -1, -0.7, -0.6, -0.3, 2])[:, None]
    >>> y = [-1] * 5 + [1] * 5
    >>> svm = FeatureMapSVM(lambda X: np.hstack([X, X**3 - 2 * X]), C=np.inf).fit(x, y)
    >>> display = SVMDisplay.from_estimator(svm, x, y)
    >>> [ax.get_title() for ax in display.axes_]
    ['input', 'under the map']
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    surfaces_: list[QuadMesh]
    lines_: list[QuadContourSet | None]
    samples_: list[list[PathCollection]]
    support_vectors_: list[PathCollection]
    violators_: list[PathCollection]
    widths_: list[Annotation | None]

    def __init__(
        self, panels: Sequence[SVMPanel], classes: LabelArray, margin: float | None = None
    ) -> None:
        self.panels = panels
        self.classes = classes
        self.margin = margin

    @classmethod
    def from_estimator(
        cls,
        estimator: FeatureMapSVM,
        X: MatrixLike,
        y: ArrayLike,
        *,
        space: Literal["auto", "input", "map"] = "auto",
        features: Sequence[int | str] = (0, 1),
        origin: ArrayLike | None = None,
        grid_resolution: int = 200,
        ax: AxesLike = None,
    ) -> Self:
        """Plot a fitted estimator.

        Parameters
        ----------
        estimator : FeatureMapSVM
            The fitted estimator.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples to draw, usually those of the fit. At most 3000 are drawn: of more, every
            second, third, and so on.

        y : array-like of shape (n_samples,)
            Their classes.

        space : {'auto', 'input', 'map'}, default='auto'
            The space to draw: two input features ('input'), or the two features of a map that has
            two ('map'). 'auto' draws both if the input has one feature and the map two, and the
            input otherwise.

        features : sequence of two int or str, default=(0, 1)
            Input features to draw, by column or by name.

        origin : array-like of shape (n_features,), default=None
            Values of the other features in the plane that is drawn; by default the medians of X.
            Samples and support vectors are projected onto the plane.

        grid_resolution : int, default=200
            Number of points of the grid in each direction.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        Returns
        -------
        SVMDisplay
            The display, plotted.

        Raises
        ------
        ValueError
            If a parameter is invalid, y has classes unknown to the estimator, the map does not
            have the two features that ``space='map'`` needs, or the kernel was precomputed.
        """
        X, y = _checked(estimator, X, y)
        check_whole("grid_resolution", grid_resolution, least=2)
        if space not in ("auto", "input", "map"):
            raise ValueError(f"space={space!r} must be 'auto', 'input' or 'map'.")
        is_line, n_mapped = X.shape[1] == 1, estimator.coef_.shape[1]
        if space == "map" and n_mapped != 2:
            raise ValueError(
                f"space='map' draws maps of two features, but this one has {n_mapped}; use "
                "space='input'."
            )
        panels = []
        with warnings.catch_warnings():
            # The grid has no names; the estimator may have been fitted with some.
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            drawn = DrawnSamples.of(estimator, X, y)
            if space != "map" and is_line:
                panels.append(number_line(estimator, drawn, grid_resolution))
            elif space != "map":
                panels.append(input_plane(estimator, drawn, features, origin, grid_resolution))
            if space == "map" or (space == "auto" and is_line and n_mapped == 2):
                panels.append(map_plane(estimator, drawn, grid_resolution))
        margin = float(estimator.margin_[0]) if len(estimator.classes_) == 2 else None
        return cls(panels, estimator.classes_, margin).plot(ax)

    def plot(self, ax: AxesLike = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        Returns
        -------
        SVMDisplay
            The display.
        """
        pyplot = import_extra("matplotlib.pyplot", "plot", "SVMDisplay.plot")
        count = len(self.panels)
        if ax is None:
            heights = [_LOW if panel.is_line and count > 1 else _HIGH for panel in self.panels]
            _, ax = pyplot.subplots(
                count, figsize=(_WIDE, sum(heights)), height_ratios=heights, layout="constrained"
            )
        axes = given_axes(ax, count, "panels")
        pairs = list(zip(axes, self.panels, strict=True))
        labels = [f"class {label}" for label in self.classes]
        self.axes_, self.figure_ = axes, axes[0].figure
        self.surfaces_ = [_draw_winners(each, panel, len(labels)) for each, panel in pairs]
        self.lines_ = [_draw_lines(each, panel) for each, panel in pairs]
        self.samples_ = [
            draw_samples(each, panel.samples, panel.codes, labels, s=28, linewidths=0.5)
            for each, panel in pairs
        ]
        self.support_vectors_ = [_draw_rings(each, panel.support_vectors) for each, panel in pairs]
        self.violators_ = [
            _draw_crosses(each, panel.samples[panel.violators]) for each, panel in pairs
        ]
        for each, panel in pairs:
            _frame(each, panel)
        self.widths_ = [_draw_width(each, panel, self.margin) for each, panel in pairs]
        if count > 1:
            for each, title in zip(axes, ("input", "under the map"), strict=True):
                each.set_title(title)
        elif self.margin is not None and self.panels[0].plane is None:
            axes[0].set_title(f"margin {self.margin:.4g} in the map's space")
        axes[-1].legend(loc="best", fontsize="small")
        return self


def _checked(estimator, X, y):
    """Return X as the estimator takes it, and y as an array of its classes."""
    check_is_fitted(estimator)
    if kind_of(estimator._fitted_with["feature_map"]) == "precomputed":
        raise ValueError(
            "SVMDisplay draws samples, of which feature_map='precomputed' knows only the kernel; "
            "to draw them, fit with the function that computes it as kernel."
        )
    X = validate_data(estimator, X, accept_sparse="csr", dtype=np.float64, reset=False)
    y = np.asarray(y)
    if y.shape != (X.shape[0],):
        raise ValueError(
            f"y has shape {y.shape}; it must hold a class for each of the {X.shape[0]} rows of X."
        )
    unknown = np.setdiff1d(y, estimator.classes_)
    if len(unknown):
        raise ValueError(
            f"y has labels {unknown.tolist()} that the estimator has not seen; its classes "
            f"are {estimator.classes_.tolist()}."
        )
    return X, y


def _draw_winners(ax, panel, n_classes):
    """Shade each point of the grid in the colour of the class that is predicted there."""
    decisions = panel.decisions
    codes = (decisions > 0).astype(int) if decisions.ndim == 2 else decisions.argmax(axis=-1)
    colours = np.resize(COLOURS, n_classes).tolist()
    return draw_regions(ax, panel.x, panel.y, codes, colours, _SHADE)


def _draw_lines(ax, panel):
    """Draw the lines f = -1, 0 and 1 of two classes, and the image of the input line."""
    decisions, lines = panel.decisions, None
    if decisions.ndim == 2:
        with np.errstate(invalid="ignore"):
            levels = [v for v in (-1, 0, 1) if decisions.min() < v < decisions.max()]
        if levels:
            dashes = ["-" if level == 0 else "--" for level in levels]
            style = {"colors": "black", "linestyles": dashes, "linewidths": 1, "zorder": 1}
            lines = ax.contour(panel.x, panel.y, decisions, levels, **style)
    if panel.curve is not None:
        ax.plot(*panel.curve.T, color=GREY, linewidth=1, zorder=1)
    return lines


def _draw_rings(ax, vectors):
    label = "support vector" if len(vectors) else None
    return ax.scatter(*vectors.T, s=95, facecolor="none", edgecolor="black", linewidth=1,
                      label=label, zorder=2.5)  # fmt: skip


def _draw_crosses(ax, violators):
    label = "violates the margin" if len(violators) else None
    return ax.scatter(*violators.T, s=22, color="black", marker="x", linewidth=1, label=label,
                      zorder=4)  # fmt: skip


def _frame(ax, panel):
    """Set limits and labels; a number line has no vertical axis."""
    ax.set(xlabel=panel.names[0], xlim=panel.x[[0, -1]], ylim=panel.y[[0, -1]])
    if panel.is_line:
        ax.axhline(0, color="black", linewidth=0.8, zorder=0.5)
        ax.set_yticks([])
    else:
        ax.set_ylabel(panel.names[1])


def _draw_width(ax, panel, margin):
    """Draw an arrow from margin to margin, where they are straight; return it."""
    if panel.plane is None or margin is None:
        return None
    normal, intercept = panel.plane
    extents = np.ptp(panel.x), np.ptp(panel.y)
    if not normal.any() or max(extents) > _MOST_ELONGATED * min(extents):
        return None
    ax.set_aspect("equal")  # or the arrow would not look perpendicular
    square = normal @ normal
    # On the border, as near as it comes to the middle of the picture.
    middle = np.array([panel.x.mean(), panel.y.mean()])
    foot = middle - (normal @ middle + intercept) / square * normal
    arm = normal / square
    arrow = ax.annotate(
        "", foot + arm, foot - arm, zorder=5,
        arrowprops={"arrowstyle": "<->", "color": "black", "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    ax.annotate(f"width {margin:.4g}", foot, (6, 4), textcoords="offset points",
                fontsize="small", bbox=box, zorder=5)  # fmt: skip
    return arrow

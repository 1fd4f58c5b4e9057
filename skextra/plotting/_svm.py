"""SVMDisplay: the regions, the margin and the support vectors of a FeatureMapSVM."""

import warnings
from dataclasses import dataclass
from operator import index

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted, validate_data

from skextra._base import import_extra
from skextra._svm._problems import class_values, least_margins, sides
from skextra.plotting._axes import given_axes
from skextra.plotting._palette import COLOURS, GREY, MARKERS

_MOST_ELONGATED = 8  # how many times longer than high a picture with an arrow may be
_MOST_ENTRIES = 5_000_000  # of a part of the grid
_MOST_SAMPLES = 3000
_VIOLATED = 1e-6  # what a margin must lack to count as violated


@dataclass(frozen=True)
class SVMPanel:
    """What one panel of :class:`SVMDisplay` shows.

    Parameters
    ----------
    x, y : ndarray of shape (n_x,) and (n_y,)
        The grid; the vertical one of a number line is two points.

    decisions : ndarray of shape (n_y, n_x) or (n_y, n_x, n_classes)
        Decision values on the grid.

    samples : ndarray of shape (n_shown, 2)
        The samples.

    codes : ndarray of shape (n_shown,)
        Numbers of their classes.

    violators : ndarray of shape (n_shown,)
        Whether they are on the wrong side of their margin.

    support_vectors : ndarray of shape (n_support, 2)
        The support vectors.

    names : tuple of str
        What the axes are called.

    plane : tuple of (ndarray of shape (2,), float) or None
        Normal and intercept, where the border is a straight line.

    curve : ndarray of shape (n_curve, 2) or None
        The way of the input line through the map's plane.
    """

    x: np.ndarray
    y: np.ndarray
    decisions: np.ndarray
    samples: np.ndarray
    codes: np.ndarray
    violators: np.ndarray
    support_vectors: np.ndarray
    names: tuple
    plane: tuple | None = None
    curve: np.ndarray | None = None

    @property
    def is_line(self):
        """Whether this is a number line."""
        return len(self.names) == 1


class SVMDisplay:
    """The regions of a FeatureMapSVM, its margin, its support vectors and what violates it.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    panels : sequence of SVMPanel
        What is drawn.

    classes : ndarray of shape (n_classes,)
        The class labels.

    margin : float or None
        Width of the margin in the map's space; None for more than two classes.

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
        The rings around the support vectors of each of the axes.

    violators_ : list of matplotlib PathCollection
        The crosses on samples that violate the margin, for each of the axes.

    widths_ : list of matplotlib Annotation or None
        The arrow across the margin of each of the axes, where that is straight.

    See Also
    --------
    skextra.FeatureMapSVM : The classifier.
    sklearn.inspection.DecisionBoundaryDisplay : Regions of any classifier, in two features.

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

    def __init__(self, panels, classes, margin=None):
        self.panels = panels
        self.classes = classes
        self.margin = margin

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        space="auto",
        features=(0, 1),
        origin=None,
        grid_resolution=200,
        ax=None,
    ):
        """Plot a fitted estimator.

        Parameters
        ----------
        estimator : FeatureMapSVM
            Fitted.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples to draw, usually those of the fit; of more than 3000 every second, third
            and so on.

        y : array-like of shape (n_samples,)
            Their classes.

        space : {'auto', 'input', 'map'}, default='auto'
            What the axes are: input features; the two features of a map that has two; or, by
            'auto', both for input on a line, and the input otherwise.

        features : sequence of two int or str, default=(0, 1)
            Input features to draw, by column or by name, where there are more than one.

        origin : array-like of shape (n_features,), default=None
            Values of the other features in the plane that is drawn, where there are more than
            two; the medians of X by default. Samples and support vectors are projected on it.

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
            If a parameter is invalid, y has other classes than the estimator, or the map's space
            is asked for and has not two features.
        """
        check_is_fitted(estimator)
        X = validate_data(estimator, X, accept_sparse="csr", dtype=np.float64, reset=False)
        y = np.asarray(y)
        if y.shape != (X.shape[0],):
            raise ValueError(f"y has shape {y.shape}; it must hold a class for each row of X.")
        if space not in ("auto", "input", "map"):
            raise ValueError(f"space={space!r} must be 'auto', 'input' or 'map'.")
        if index(grid_resolution) < 2:
            raise ValueError(f"grid_resolution={grid_resolution!r} must be 2 or more.")
        unknown = np.setdiff1d(y, estimator.classes_)
        if len(unknown):
            raise ValueError(
                f"y has labels {unknown.tolist()} that the estimator has not seen; its classes "
                f"are {estimator.classes_.tolist()}."
            )
        n_mapped = estimator.coef_.shape[1]
        if space == "map" and n_mapped != 2:
            raise ValueError(
                f"space='map' draws maps of two features, but this one has {n_mapped}; use "
                "space='input'."
            )
        step = -(-X.shape[0] // _MOST_SAMPLES)
        with warnings.catch_warnings():
            # The grid has no names; the estimator may have been fitted with some.
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            shown = _Shown(estimator, X[::step], y[::step], grid_resolution, step > 1)
            panels = cls._panels(shown, X, n_mapped, space, features, origin)
        margin = float(estimator.margin_[0]) if len(estimator.classes_) == 2 else None
        return cls(panels, estimator.classes_, margin).plot(ax)

    @staticmethod
    def _panels(shown, X, n_mapped, space, features, origin):
        panels = []
        if space != "map":
            one = X.shape[1] == 1
            panels.append(shown.number_line() if one else shown.input_plane(features, origin))
        if space == "map" or (space == "auto" and X.shape[1] == 1 and n_mapped == 2):
            panels.append(shown.map_plane())
        return panels

    def plot(self, ax=None):
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
            size = (5.2 * count, 4.2)
            _, ax = pyplot.subplots(1, count, figsize=size, layout="constrained", squeeze=False)
        axes = given_axes(ax, count, "panels")
        self.axes_, self.figure_ = axes, axes[0].figure
        self.surfaces_, self.lines_, self.samples_ = [], [], []
        self.support_vectors_, self.violators_, self.widths_ = [], [], []
        for panel, each in zip(self.panels, axes, strict=True):
            self._draw(panel, each)
        if count > 1:
            for each, title in zip(axes, ("input", "under the map"), strict=True):
                each.set_title(title)
        elif self.margin is not None and self.panels[0].plane is None:
            axes[0].set_title(f"margin {self.margin:.4g} in the map's space")
        axes[-1].legend(loc="best", fontsize="small")
        return self

    def _draw(self, panel, ax):
        colors = import_extra("matplotlib.colors", "plot", "SVMDisplay.plot")
        n_classes = len(self.classes)
        decisions = panel.decisions
        binary = decisions.ndim == 2
        winners = (decisions > 0).astype(int) if binary else decisions.argmax(axis=-1)
        palette = [COLOURS[i % len(COLOURS)] for i in range(n_classes)]
        style = {"cmap": colors.ListedColormap(palette), "vmin": -0.5, "vmax": n_classes - 0.5}
        surface = ax.pcolormesh(
            panel.x, panel.y, winners, alpha=0.18, shading="nearest", linewidth=0,
            rasterized=True, zorder=0, **style,
        )  # fmt: skip
        lines = None
        if binary:
            style = {"colors": "black", "linestyles": ["--", "-", "--"], "linewidths": 1}
            with np.errstate(invalid="ignore"):
                levels = [v for v in (-1, 0, 1) if decisions.min() < v < decisions.max()]
            if levels:
                style["linestyles"] = ["-" if level == 0 else "--" for level in levels]
                lines = ax.contour(panel.x, panel.y, decisions, levels, zorder=1, **style)
        if panel.curve is not None:
            ax.plot(*panel.curve.T, color=GREY, linewidth=1, zorder=1)
        samples = []
        for code, label in enumerate(self.classes):
            of_class = panel.samples[panel.codes == code]
            marker = MARKERS[code % len(MARKERS)]
            samples.append(
                ax.scatter(*of_class.T, s=28, color=palette[code], marker=marker,
                           edgecolor="white", linewidth=0.5, label=f"class {label}", zorder=3)
            )  # fmt: skip
        rings = ax.scatter(
            *panel.support_vectors.T, s=95, facecolor="none", edgecolor="black", linewidth=1,
            label="support vector" if len(panel.support_vectors) else None, zorder=2.5,
        )  # fmt: skip
        bad = panel.samples[panel.violators]
        label = "violates the margin" if len(bad) else None
        crosses = ax.scatter(*bad.T, s=22, color="black", marker="x", linewidth=1, label=label,
                             zorder=4)  # fmt: skip
        ax.set(xlabel=panel.names[0], xlim=panel.x[[0, -1]], ylim=panel.y[[0, -1]])
        if panel.is_line:
            ax.axhline(0, color="black", linewidth=0.8, zorder=0.5)
            ax.set_yticks([])
        else:
            ax.set_ylabel(panel.names[1])
        self.surfaces_.append(surface)
        self.lines_.append(lines)
        self.samples_.append(samples)
        self.support_vectors_.append(rings)
        self.violators_.append(crosses)
        self.widths_.append(self._width(panel, ax))

    def _width(self, panel, ax):
        """Draw an arrow from margin to margin, where they are straight; return it."""
        if panel.plane is None or self.margin is None:
            return None
        normal, intercept = panel.plane
        wide, high = np.ptp(panel.x), np.ptp(panel.y)
        if not normal.any() or max(wide, high) > _MOST_ELONGATED * min(wide, high):
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
        ax.annotate(f"width {self.margin:.4g}", foot, (6, 4), textcoords="offset points",
                    fontsize="small", bbox=box, zorder=5)  # fmt: skip
        return arrow


class _Shown:
    """Computes panels."""

    def __init__(self, estimator, X, y, resolution, thinned):
        self.svm = estimator
        self.X = X.toarray() if sparse.issparse(X) else X
        self.codes = np.searchsorted(estimator.classes_, y)
        self.resolution = resolution
        vectors = getattr(estimator, "support_vectors_", np.empty((0, X.shape[1])))
        self.vectors = vectors.toarray() if sparse.issparse(vectors) else np.asarray(vectors)
        self.n_classes = len(estimator.classes_)
        signs = sides(self.codes, self.n_classes, estimator._fitted_with["multi_class"])
        decisions = self._mapped(X) @ estimator.coef_.T + estimator.intercept_
        margins = least_margins(decisions, signs)
        self.violators = margins < 1.0 - _VIOLATED
        if thinned:  # ring what is shown
            self.vectors = self.X[margins < 1.0 + _VIOLATED]
        names = getattr(estimator, "feature_names_in_", None)
        self.names = [f"x{i}" for i in range(X.shape[1])] if names is None else list(names)

    def number_line(self):
        """Return the panel of input on a line."""
        x = self._span(self.X[:, 0], self.vectors[:, 0])
        values = self._values(x, None, (0,), np.zeros(1))
        flat = np.zeros(len(self.X)), np.zeros(len(self.vectors))
        return SVMPanel(
            x,
            np.array([-1.0, 1.0]),
            np.stack((values, values)),
            np.column_stack((self.X[:, 0], flat[0])),
            self.codes,
            self.violators,
            np.column_stack((self.vectors[:, 0], flat[1])),
            (self.names[0],),
        )

    def input_plane(self, features, origin):
        """Return the panel of two input features."""
        features = [features] if np.ndim(features) == 0 else features
        pair = [self._column(feature) for feature in features]
        if len(pair) != 2 or pair[0] == pair[1]:
            raise ValueError(f"features={features!r} must name two different features.")
        origin = np.median(self.X, axis=0) if origin is None else np.asarray(origin, float)
        if origin.shape != (self.X.shape[1],) or not np.isfinite(origin).all():
            raise ValueError(
                f"origin must hold a finite number for each of the {self.X.shape[1]} features, "
                f"got shape {origin.shape}."
            )
        x, y = (self._span(self.X[:, i], self.vectors[:, i]) for i in pair)
        values = self._values(x, y, pair, origin)
        plane = None
        identity = self.svm._fitted_with["feature_map"] == "identity"
        if self.n_classes == 2 and identity and self.X.shape[1] == 2:
            plane = self.svm.coef_[0][pair].astype(float), float(self.svm.intercept_[0])
        return SVMPanel(
            x,
            y,
            values.reshape(len(y), len(x), *values.shape[1:]),
            self.X[:, pair],
            self.codes,
            self.violators,
            self.vectors[:, pair],
            tuple(self.names[i] for i in pair),
            plane,
        )

    def map_plane(self):
        """Return the panel of the map's two features."""
        svm = self.svm
        points = self._mapped(self.X)
        vectors = self._mapped(self.vectors) if len(self.vectors) else np.empty((0, 2))
        x, y = (self._span(points[:, i], vectors[:, i]) for i in range(2))
        grid = np.column_stack([part.ravel() for part in np.meshgrid(x, y)])
        decisions = grid @ svm.coef_.T + svm.intercept_
        values = class_values(decisions, self.n_classes, svm.multi_class)
        curve = None
        if self.X.shape[1] == 1:
            line = self._span(self.X[:, 0], self.vectors[:, 0])
            try:
                curve = self._mapped(line[:, None])
            except ValueError:  # beyond the samples there may be no map
                curve = self._mapped(np.clip(line, self.X.min(), self.X.max())[:, None])
        plane = None
        if self.n_classes == 2:
            plane = svm.coef_[0].astype(float), float(svm.intercept_[0])
        return SVMPanel(
            x,
            y,
            values.reshape(len(y), len(x), *values.shape[1:]),
            points,
            self.codes,
            self.violators,
            vectors,
            tuple(svm.get_feature_names_out()),
            plane,
            curve,
        )

    def _mapped(self, X):
        mapped = self.svm.transform(X)
        if sparse.issparse(mapped):
            return mapped.toarray()
        return np.asarray(mapped)

    def _values(self, x, y, columns, origin):
        """Return decision values on the grid, row after row of it."""
        coordinates = [x] if y is None else [part.ravel() for part in np.meshgrid(x, y)]
        size = max(1, _MOST_ENTRIES // len(origin))
        values = []
        for start in range(0, len(coordinates[0]), size):
            grid = np.tile(origin, (len(coordinates[0][start : start + size]), 1))
            for column, places in zip(columns, coordinates, strict=True):
                grid[:, column] = places[start : start + size]
            try:
                values.append(self.svm.decision_function(grid))
            except ValueError:  # beyond the samples there may be no map
                inside = np.clip(grid, self.X.min(axis=0), self.X.max(axis=0))
                values.append(self.svm.decision_function(inside))
        return np.concatenate(values)

    def _column(self, feature):
        if isinstance(feature, str):
            if feature not in self.names:
                raise ValueError(f"features names {feature!r}; X has {self.names}.")
            return self.names.index(feature)
        column = index(feature)
        if not -self.X.shape[1] <= column < self.X.shape[1]:
            raise ValueError(f"features names column {column}; X has {self.X.shape[1]}.")
        return column % self.X.shape[1]

    def _span(self, *values):
        values = np.concatenate(values)
        low, high = values.min(), values.max()
        room = 0.08 * (high - low) or 1.0
        return np.linspace(low - room, high + room, self.resolution)

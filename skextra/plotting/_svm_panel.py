"""SVMPanel: what one panel of SVMDisplay shows, computed from a fitted FeatureMapSVM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import index
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from skextra._common._batches import batches
from skextra._svm._problems import class_values, least_margins, sides
from skextra._typing import FloatArray, FloatMatrix, LabelArray

if TYPE_CHECKING:
    from skextra._svm._feature_map_svm import FeatureMapSVM

# Samples in a picture. More cover one another; and each is a shape in a vector image.
_MOST_SAMPLES = 3000
# Entries of a part of the grid, all features of its points: 40 MB of float64 at a time.
_MOST_ENTRIES = 5_000_000
# What a margin must lack to count as violated. On iris, wine, breast cancer and digits, with hinge
# loss and hard margin, samples on a margin miss it by 4e-11 at most, others by 2e-4 at least.
_VIOLATED = 1e-6
# Room beside the samples, as a share of their extent: a marker and its ring are not cut off.
_ROOM = 0.08


@dataclass(frozen=True)
class SVMPanel:
    """What one panel of :class:`SVMDisplay` shows.

    Parameters
    ----------
    x, y : ndarray of shape (n_x,) and (n_y,)
        Coordinates of the grid; for a number line, y has two points.

    decisions : ndarray of shape (n_y, n_x) or (n_y, n_x, n_classes)
        Decision values on the grid.

    samples : ndarray of shape (n_shown, 2)
        The samples.

    codes : ndarray of shape (n_shown,)
        Numbers of their classes.

    violators : ndarray of shape (n_shown,)
        Whether each sample is on the wrong side of its margin.

    support_vectors : ndarray of shape (n_support, 2)
        The support vectors.

    names : tuple of str
        Labels of the axes.

    plane : tuple of (ndarray of shape (2,), float) or None
        Normal and intercept of the decision boundary, if it is a straight line.

    curve : ndarray of shape (n_curve, 2) or None
        The image of the input line in the map's plane.
    """

    x: FloatArray
    y: FloatArray
    decisions: FloatArray
    samples: FloatArray
    codes: NDArray[np.intp]
    violators: NDArray[np.bool_]
    support_vectors: FloatArray
    names: tuple[str, ...]
    plane: tuple[FloatArray, float] | None = None
    curve: FloatArray | None = None

    @property
    def is_line(self) -> bool:
        """Whether this is a number line."""
        return len(self.names) == 1


@dataclass(frozen=True)
class DrawnSamples:
    """The samples of a picture, and what the classifier makes of them.

    Parameters
    ----------
    X : ndarray of shape (n_shown, n_features)
        The samples, at most 3000.

    codes : ndarray of int of shape (n_shown,)
        Numbers of their classes.

    violators : ndarray of bool of shape (n_shown,)
        Whether they are on the wrong side of their margin.

    support_vectors : ndarray of shape (n_support, n_features)
        The support vectors.
    """

    X: FloatArray
    codes: NDArray[np.intp]
    violators: NDArray[np.bool_]
    support_vectors: FloatArray

    @classmethod
    def of(cls, svm: FeatureMapSVM, X: FloatMatrix, y: LabelArray) -> Self:
        """Thin out samples, and find those that violate a margin or support it."""
        step = -(-X.shape[0] // _MOST_SAMPLES)
        X, codes = X[::step], np.searchsorted(svm.classes_, y[::step])
        decisions = _mapped(svm, X) @ svm.coef_.T + svm.intercept_
        margins = least_margins(
            decisions, sides(codes, len(svm.classes_), svm._fitted_with["multi_class"])
        )
        X = _dense(X)
        if step > 1:  # ring what is shown
            vectors = X[margins < 1.0 + _VIOLATED]
        else:
            vectors = _dense(getattr(svm, "support_vectors_", np.empty((0, X.shape[1]))))
        return cls(X, codes, margins < 1.0 - _VIOLATED, vectors)

    def projected(self, function: Callable[[FloatArray], FloatArray]) -> Self:
        """Return the samples and the support vectors in the two coordinates of a panel."""
        vectors = self.support_vectors
        flat = function(vectors) if len(vectors) else np.empty((0, 2))
        return replace(self, X=function(self.X), support_vectors=flat)

    def spans(self, resolution: int) -> FloatArray:
        """Return the coordinates of a grid around the samples, a row for each feature."""
        ends = np.concatenate((self.X, self.support_vectors))
        low, high = ends.min(axis=0), ends.max(axis=0)
        room = _ROOM * (high - low)
        room[room == 0] = 1.0
        return np.linspace(low - room, high + room, resolution, axis=1)


def number_line(svm: FeatureMapSVM, drawn: DrawnSamples, resolution: int) -> SVMPanel:
    """Return the panel of an input of one feature."""
    (x,) = drawn.spans(resolution)
    values = _decisions(svm, drawn.X, x[:, None], [0], np.zeros(1))
    flat = drawn.projected(lambda X: np.pad(X, [(0, 0), (0, 1)]))  # on the line, at height 0
    y = np.array([-1.0, 1.0])
    return _panel(flat, x, y, np.concatenate((values, values)), _input_names(svm))


def input_plane(
    svm: FeatureMapSVM,
    drawn: DrawnSamples,
    features: Sequence[int | str],
    origin: ArrayLike | None,
    resolution: int,
) -> SVMPanel:
    """Return the panel of two input features; all others are those of the origin."""
    features, names = [features] if np.ndim(features) == 0 else features, _input_names(svm)
    pair = [_column(feature, names) for feature in features]
    if len(pair) != 2 or pair[0] == pair[1]:
        raise ValueError(f"features={features!r} must name two different features.")
    origin = np.median(drawn.X, axis=0) if origin is None else np.asarray(origin, float)
    if origin.shape != (len(names),) or not np.isfinite(origin).all():
        raise ValueError(
            f"origin must hold a finite number for each of the {len(names)} features, "
            f"got shape {origin.shape}."
        )
    flat = drawn.projected(lambda X: X[:, pair])
    x, y = flat.spans(resolution)
    values = _decisions(svm, drawn.X, _grid(x, y), pair, origin)
    plane = None
    if (
        len(svm.classes_) == 2
        and svm._fitted_with["feature_map"] == "identity"
        and len(names) == 2
    ):
        plane = svm.coef_[0][pair].astype(float), float(svm.intercept_[0])
    return _panel(flat, x, y, values, [names[i] for i in pair], plane)


def map_plane(svm: FeatureMapSVM, drawn: DrawnSamples, resolution: int) -> SVMPanel:
    """Return the panel of the two features of the map's space."""

    def project(X):
        return _mapped(svm, X)

    flat = drawn.projected(project)
    x, y = flat.spans(resolution)
    decisions = _grid(x, y) @ svm.coef_.T + svm.intercept_
    values = class_values(decisions, len(svm.classes_), svm._fitted_with["multi_class"])
    curve = plane = None
    if drawn.X.shape[1] == 1:
        curve = _where_defined(project, drawn.spans(resolution).T, drawn.X)
    if len(svm.classes_) == 2:
        plane = svm.coef_[0].astype(float), float(svm.intercept_[0])
    return _panel(flat, x, y, values, svm.get_feature_names_out(), plane, curve)


def _panel(flat, x, y, values, names, plane=None, curve=None):
    decisions = values.reshape(len(y), len(x), *values.shape[1:])
    samples = flat.X, flat.codes, flat.violators, flat.support_vectors
    return SVMPanel(x, y, decisions, *samples, tuple(names), plane, curve)


def _grid(x, y):
    return np.column_stack([part.ravel() for part in np.meshgrid(x, y)])


def _decisions(svm, X, points, columns, origin):
    """Return decision values at points of some columns; the others are those of the origin."""
    values = []
    for part in batches(len(points), max(1, _MOST_ENTRIES // len(origin))):
        grid = np.tile(origin, (len(points[part]), 1))
        grid[:, columns] = points[part]
        values.append(_where_defined(svm.decision_function, grid, X))
    return np.concatenate(values)


def _where_defined(function, points, X):
    """Return a function of points, or of the nearest in the box of the samples X."""
    try:
        return function(points)
    except ValueError:  # the map may not be defined beyond the samples
        return function(np.clip(points, X.min(axis=0), X.max(axis=0)))


def _mapped(svm, X):
    return _dense(svm.transform(X))


def _dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def _input_names(svm):
    names = getattr(svm, "feature_names_in_", None)
    return [f"x{i}" for i in range(svm.n_features_in_)] if names is None else list(names)


def _column(feature, names):
    """Return the number of the column of a feature that is given by number or by name."""
    if isinstance(feature, str):
        if feature not in names:
            raise ValueError(f"features names {feature!r}; the features of X are {names}.")
        return names.index(feature)
    column = index(feature)
    if not -len(names) <= column < len(names):
        raise ValueError(f"features names column {column}; X has {len(names)} columns.")
    return column % len(names)

"""MisclassifiedDisplay: the images that a classifier gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skextra._typing import KerasModelLike, MatrixLike
from skextra.cnn._inspection._misclassified import Misclassified, check_n, misclassified
from skextra.plotting._axes import AxesLike, image_axes
from skextra.plotting._pictures import show_pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from skextra.cnn._classifier import CNNClassifier

# Images: as many as have room for titles in a figure of default width.
_IN_A_ROW = 5
# Characters that a title over an image has room for.
_LONGEST = 20


class MisclassifiedDisplay:
    """The images that a classifier gets wrong, with their true and predicted classes.

    Use :meth:`from_estimator` or :meth:`from_predictions` to create one.

    Parameters
    ----------
    found : Misclassified
        A result of :func:`skextra.cnn.misclassified`.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_images,)
        The axes, after :meth:`plot`. If nothing is wrong, a single one that says so.

    figure_ : matplotlib Figure
        The figure.

    images_ : list of matplotlib AxesImage
        The images.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : Counts the errors class by class.

    Examples
    --------
    For any classifier of images:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.svm import SVC
    >>> from skextra.plotting import MisclassifiedDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> svc = SVC().fit(X[:900], y[:900])
    >>> display = MisclassifiedDisplay.from_predictions(
    ...     X[900:].reshape(-1, 8, 8), y[900:], svc.predict(X[900:]), n=5
    ... )
    >>> display.axes_[0].get_title()
    '8 taken for 1'
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    images_: list[AxesImage]

    def __init__(self, found: Misclassified) -> None:
        self.found = found

    @classmethod
    def from_estimator(
        cls,
        estimator: CNNClassifier | KerasModelLike,
        X: MatrixLike,
        y: ArrayLike,
        *,
        n: int | None = 10,
        ax: AxesLike = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the images that a network gets wrong, the most confident errors first.

        Parameters
        ----------
        estimator : keras.Model or CNNClassifier
            A model with an output for each class, or a fitted estimator.

        X : array-like
            Samples, in the form that the estimator's `fit` or the model takes.

        y : array-like of shape (n_samples,)
            Their classes; for Keras models, the numbers of the outputs.

        n : int or None, default=10
            Maximum number of images to draw; None for all.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, one for each image; a new figure by default.

        **kwargs : dict
            Passed to `ax.imshow`.

        Returns
        -------
        MisclassifiedDisplay
            The display, plotted.

        Raises
        ------
        TypeError, ValueError
            If the model is of another kind, a parameter is invalid, or samples are not images.
        """
        return cls(misclassified(estimator, X, y, n)).plot(ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        images: ArrayLike,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        probability: ArrayLike | None = None,
        n: int | None = 10,
        ax: AxesLike = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the images that any classifier gets wrong.

        Parameters
        ----------
        images : array-like of shape (n_samples, height, width[, channels])
            The samples; reshape flat rows first.

        y_true, y_pred : array-like of shape (n_samples,)
            True and predicted classes.

        probability : array-like of shape (n_samples,), default=None
            Probability of the predicted class. If given, it is drawn, and the most confident
            errors come first.

        n : int or None, default=10
            Maximum number of images to draw; None for all.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, one for each image; a new figure by default.

        **kwargs : dict
            Passed to `ax.imshow`.

        Returns
        -------
        MisclassifiedDisplay
            The display, plotted.

        Raises
        ------
        ValueError
            If the lengths of the arrays differ, `n` is invalid, or samples are not images.
        """
        check_n(n)
        images, true, predicted = np.asarray(images), np.asarray(y_true), np.asarray(y_pred)
        certainty = np.full(np.shape(images)[:1], np.nan)
        if probability is not None:
            certainty = np.asarray(probability, dtype=float)
        for name, values in (("y_true", true), ("y_pred", predicted), ("probability", certainty)):
            if values.ndim != 1:
                raise ValueError(
                    f"{name} must have one number or label for each image, got an array of shape "
                    f"{values.shape}; from predict_proba, pass the maximum of each row."
                )
        lengths = [len(each) for each in (images, true, predicted, certainty)]
        if len(set(lengths)) > 1:
            raise ValueError(
                "images, y_true, y_pred and probability must have the same length, got "
                f"{', '.join(map(str, lengths))}."
            )
        wrong = np.flatnonzero(true != predicted)
        worst = wrong[np.argsort(-certainty[wrong], kind="stable")][:n]
        parts = (each[worst] for each in (images, true, predicted, certainty))
        return cls(Misclassified(worst, *parts, len(wrong), len(true))).plot(ax, **kwargs)

    def plot(self, ax: AxesLike = None, **kwargs: Any) -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, one for each image; a new figure by default. Unused axes are switched
            off.

        **kwargs : dict
            Passed to `ax.imshow`.

        Returns
        -------
        MisclassifiedDisplay
            The display.

        Raises
        ------
        ValueError
            If samples are not images, or there are too few axes.
        """
        found = self.found
        if np.ndim(found.images) not in (3, 4):
            raise ValueError(
                f"The samples are an array of shape {np.shape(found.images)}; images are of shape "
                "(n_samples, height, width) or (n_samples, height, width, channels); reshape them."
            )
        n = max(len(found), 1)
        if ax is not None:
            ax = np.ravel(np.asarray(ax, dtype=object))
            for spare in ax[n:]:
                spare.set_axis_off()
            ax = ax[:n]
        cells = [divmod(i, _IN_A_ROW) for i in range(n)]
        shape = np.shape(found.images)[1:3] if len(found) else (1, 1)
        axes = image_axes(ax, cells, "images", "MisclassifiedDisplay.plot", shape)
        self.axes_, self.figure_ = axes, axes[0].figure
        self.images_ = show_pictures(axes, found.images, kwargs)
        style = {"fontsize": "small", "parse_math": False}
        if not len(found):
            axes[0].set_title(f"none of {found.n_samples} is wrong", **style)
        rows = zip(found.true, found.predicted, found.probability, strict=True)
        for each, (true, predicted, certainty) in zip(axes, rows, strict=False):
            title = f"{true} taken for {predicted}"
            if len(title) > _LONGEST:
                true, predicted = (_shortened(str(t), _LONGEST) for t in (true, predicted))
                title = f"{true}\ntaken for\n{predicted}"
            if not np.isnan(certainty):
                title += f"\np = {certainty:.2f}"
            each.set_title(title, **style)
        return self


def _shortened(label, most):
    """Return a label, its end cut off if it is longer than that."""
    return label if len(label) <= most else label[: most - 1] + "…"

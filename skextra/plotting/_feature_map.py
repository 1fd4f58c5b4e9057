"""FeatureMapDisplay: the outputs of a network's filters for an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from skextra._typing import FloatArray, KerasModelLike, MatrixLike
from skextra.cnn._inspection._feature_maps import chosen_layers, feature_maps
from skextra.cnn._models._graph import graph_of
from skextra.cnn._subject import subject_of
from skextra.plotting._axes import AxesLike, image_axes
from skextra.plotting._parameters import check_whole
from skextra.plotting._pictures import shared_colours, show_pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from skextra.cnn._classifier import CNNClassifier


class FeatureMapDisplay:
    """Outputs of a network's filters for an image, with a row of heatmaps for each layer.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    maps : dict of str to ndarray of shape (height, width, n_filters)
        Outputs of the filters, by layer name.

    filters : dict of str to sequence of int
        Numbers of these filters, by layer name.

    image : ndarray of shape (height, width) or (height, width, channels), default=None
        The image, drawn before the first layer.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The axes, after :meth:`plot`: of the image, if there is one, and of the maps, layer by
        layer.

    figure_ : matplotlib Figure
        The figure.

    images_ : list of matplotlib AxesImage
        The image and the maps.

    See Also
    --------
    skextra.cnn.feature_maps : Computes the maps.
    FilterDisplay : The weights of the filters.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.plotting import FeatureMapDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=(8, 4), epochs=1, random_state=0).fit(X / 16, y)
    >>> display = FeatureMapDisplay.from_estimator(cnn, X / 16)
    >>> {name: len(filters) for name, filters in display.filters.items()}
    {'conv1': 5, 'conv2': 4}
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    images_: list[AxesImage]

    def __init__(
        self,
        maps: Mapping[str, FloatArray],
        filters: Mapping[str, Sequence[int]],
        image: NDArray[Any] | None = None,
    ) -> None:
        self.maps = maps
        self.filters = filters
        self.image = image

    @classmethod
    def from_estimator(
        cls,
        estimator: CNNClassifier | KerasModelLike,
        X: MatrixLike,
        *,
        sample: int = 0,
        layers: str | Sequence[str] = ("first", "last"),
        n_filters: int | None = 5,
        ax: AxesLike = None,
        **kwargs: Any,
    ) -> Self:
        """Pass an image through a network and plot the outputs of its filters.

        Parameters
        ----------
        estimator : keras.Model or CNNClassifier
            A sequential or functional model that is built, or a fitted estimator.

        X : array-like
            Samples, in the form that the estimator's `fit` or the model takes.

        sample : int, default=0
            Number of the sample to draw. The others are not passed through the network.

        layers : str or sequence of str, default=('first', 'last')
            Names of layers as in :func:`skextra.cnn.layer_table`; 'first' and 'last' are the
            first and the last convolution.

        n_filters : int or None, default=5
            Maximum number of filters to draw for each layer: those whose outputs vary most over
            the image. None draws all, in their order.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        **kwargs : dict
            Passed to `ax.imshow`, which draws the maps.

        Returns
        -------
        FeatureMapDisplay
            The display, plotted.

        Raises
        ------
        TypeError, ValueError
            If the model is of another kind, a parameter is invalid, or the output of a layer
            is not an image for each filter.
        """
        n_filters = check_whole("n_filters", n_filters, least=1, or_none=True)
        sample = check_whole("sample", sample)
        shape = np.shape(X)
        if len(shape) < 2 or not -shape[0] <= sample < shape[0]:
            raise ValueError(
                f"sample={sample} is not among the samples of X, an array of shape {shape}."
            )
        sample %= shape[0]
        X = X[sample : sample + 1]
        subject = subject_of(estimator, "FeatureMapDisplay")
        _check_last_are_filters(subject, layers)
        maps, filters = {}, {}
        for name, (found,) in feature_maps(estimator, X, layers).items():
            if found.ndim != 3:
                raise ValueError(
                    f"The output of the layer {name!r} for a sample has shape {found.shape}; "
                    "FeatureMapDisplay draws outputs of shape (height, width, filters)."
                )
            chosen = np.arange(found.shape[2])
            if n_filters is not None:
                chosen = np.argsort(-found.std(axis=(0, 1)), kind="stable")[:n_filters]
            maps[name], filters[name] = found[:, :, chosen], tuple(chosen.tolist())
        (image,) = subject.shown(X, [0])
        return cls(maps, filters, image if image.ndim in (2, 3) else None).plot(ax, **kwargs)

    def plot(self, ax: AxesLike = None, **kwargs: Any) -> Self:
        """Draw the image and the maps. The maps of a layer share one colour scale.

        NaN and infinite values are red.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        **kwargs : dict
            Passed to `ax.imshow`, which draws the maps.

        Returns
        -------
        FeatureMapDisplay
            The display.
        """
        first = int(self.image is not None)
        cells = [(0, 0)] * first + [
            (row, first + column)
            for row, filters in enumerate(self.filters.values())
            for column in range(len(filters))
        ]
        shape = max((maps.shape[:2] for maps in self.maps.values()), key=np.prod)
        axes = image_axes(ax, cells, "panels", "FeatureMapDisplay.plot", shape)
        self.axes_, self.figure_, self.images_ = axes, axes[0].figure, []
        panels = iter(axes)
        if first:
            panel = next(panels)
            panel.set_title("input", fontsize="small")
            self.images_ += show_pictures([panel], self.image[None], {})
        for name, maps in self.maps.items():
            style = shared_colours(maps, kwargs, cmap="viridis")
            for number, found in zip(self.filters[name], np.moveaxis(maps, 2, 0), strict=True):
                panel = next(panels)
                panel.set_title(f"{name}\nfilter {number}", fontsize="small")
                self.images_.append(panel.imshow(found, **style))
        return self


def _check_last_are_filters(subject, layers):
    """Raise ValueError if a layer to be drawn has its channels first."""
    graph = graph_of(subject.model)
    chosen = chosen_layers(graph, layers)
    for call in graph.calls:
        if call.name in chosen and getattr(call.layer, "data_format", None) == "channels_first":
            raise ValueError(
                f"The layer {call.name!r} has data_format='channels_first'; FeatureMapDisplay "
                "draws layers with the channels last. Draw its skextra.cnn.feature_maps yourself."
            )

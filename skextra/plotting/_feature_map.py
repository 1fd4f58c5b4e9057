"""FeatureMapDisplay: what filters of a network see in an image."""

import numpy as np

from skextra.cnn._inspection._feature_maps import chosen_layers, feature_maps
from skextra.cnn._models._graph import graph_of
from skextra.cnn._subject import subject_of
from skextra.plotting._axes import check_whole, image_axes, shared_colours, show_pictures


class FeatureMapDisplay:
    """What filters of a network's layers put out for an image, a row of heatmaps a layer.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    maps : dict of str to ndarray of shape (height, width, n_filters)
        What filters put out, by the names of their layers.

    filters : dict of str to sequence of int
        The numbers of these filters, likewise.

    image : ndarray of shape (height, width) or (height, width, channels), default=None
        The image, drawn before the first layer.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The axes, after :meth:`plot`: of the image, if there is one, and of the maps, layer after
        layer.

    figure_ : matplotlib Figure
        The figure.

    images_ : list of matplotlib AxesImage
        What the axes show.

    See Also
    --------
    skextra.cnn.feature_maps : The numbers.
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

    def __init__(self, maps, filters, image=None):
        self.maps = maps
        self.filters = filters
        self.image = image

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        sample=0,
        layers=("first", "last"),
        n_filters=5,
        ax=None,
        **kwargs,
    ):
        """Pass an image through a network and plot what filters make of it.

        Parameters
        ----------
        estimator : keras.Model or CNNClassifier
            A sequential or functional model that is built, or a fitted estimator.

        X : array-like
            Samples: in the form that `fit` took for an estimator, else as the model takes them.

        sample : int, default=0
            Which of them to draw. The others are not passed through the network.

        layers : str or sequence of str, default=('first', 'last')
            Names of layers as in :func:`skextra.cnn.layer_table`; 'first' and 'last' are the
            first and the last convolution.

        n_filters : int or None, default=5
            The most filters of a layer to draw: those whose outputs vary most over the image.
            None draws all, in their order.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        **kwargs : dict
            Handed on to `ax.imshow`, which draws the maps.

        Returns
        -------
        FeatureMapDisplay
            The display, plotted.

        Raises
        ------
        TypeError, ValueError
            If the model is of another kind, a parameter is invalid, or what a layer puts out is
            not an image for each filter.
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
                    f"The layer {name!r} puts out an array of shape {found.shape} for a sample; "
                    "FeatureMapDisplay draws those of shape (height, width, filters)."
                )
            chosen = np.arange(found.shape[2])
            if n_filters is not None:
                chosen = np.argsort(-found.std(axis=(0, 1)), kind="stable")[:n_filters]
            maps[name], filters[name] = found[:, :, chosen], tuple(chosen.tolist())
        (image,) = subject.shown(X, [0])
        return cls(maps, filters, image if image.ndim in (2, 3) else None).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the image and the maps. All maps of a layer have the same colours for a number.

        Numbers that are not finite are red.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, as many as there are panels; a new figure by default.

        **kwargs : dict
            Handed on to `ax.imshow`, which draws the maps.

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
    """Raise ValueError if a layer that is to be drawn has its filters before the height."""
    graph = graph_of(subject.model)
    chosen = chosen_layers(graph, layers)
    for call in graph.calls:
        if call.name in chosen and getattr(call.layer, "data_format", None) == "channels_first":
            raise ValueError(
                f"The layer {call.name!r} has data_format='channels_first'; FeatureMapDisplay "
                "draws layers with the channels last. Draw its skextra.cnn.feature_maps yourself."
            )

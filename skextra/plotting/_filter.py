"""FilterDisplay: the weights of a convolution's filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from skextra._typing import FloatArray, KerasModelLike
from skextra.cnn._inspection._feature_maps import chosen_layers
from skextra.cnn._models._costs import described, stem_of
from skextra.cnn._models._graph import graph_of
from skextra.cnn._models._weights import CONVOLUTIONS, decoded
from skextra.cnn._subject import subject_of
from skextra.plotting._axes import AxesLike, image_axes
from skextra.plotting._parameters import check_whole
from skextra.plotting._pictures import shared_colours

if TYPE_CHECKING:
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from skextra.cnn._classifier import CNNClassifier

_IN_A_ROW = 8  # filters: as many as have room for their numbers in a figure of default width


class FilterDisplay:
    """The weights of the filters of a convolution, as images.

    Use :meth:`from_estimator` to create one.

    Parameters
    ----------
    kernel : ndarray of shape (height, width, n_channels, n_filters)
        Weights, for some channels and filters.

    layer : str
        Name of the layer.

    channels : sequence of int of length n_channels
        Numbers of the input channels; in a grouped convolution, within the group of a filter.

    filters : sequence of int of length n_filters
        Numbers of the filters.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_channels * n_filters,)
        The axes, after :meth:`plot`: channel by channel, and filter by filter within each.

    figure_ : matplotlib Figure
        The figure.

    images_ : list of matplotlib AxesImage
        The images of the weights.

    colorbar_ : matplotlib Colorbar or None
        The colour bar.

    See Also
    --------
    FeatureMapDisplay : Outputs of the filters for an image.
    HistogramDisplay : Distribution of the weights.

    Notes
    -----
    For a separable convolution, the filters of its depthwise part are drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> from skextra.plotting import FilterDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=4, epochs=1, random_state=0).fit(X / 16, y)
    >>> display = FilterDisplay.from_estimator(cnn)
    >>> display.kernel.shape
    (3, 3, 1, 4)
    """

    axes_: NDArray[np.object_]
    figure_: Figure
    images_: list[AxesImage]
    colorbar_: Colorbar | None

    def __init__(
        self, kernel: FloatArray, layer: str, channels: Sequence[int], filters: Sequence[int]
    ) -> None:
        self.kernel = kernel
        self.layer = layer
        self.channels = channels
        self.filters = filters

    @classmethod
    def from_estimator(
        cls,
        estimator: CNNClassifier | KerasModelLike,
        *,
        layer: str = "first",
        n_filters: int | None = 16,
        n_channels: int | None = 3,
        ax: AxesLike = None,
        colorbar: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Plot the filters of a network's convolution.

        Parameters
        ----------
        estimator : keras.Model or CNNClassifier
            A sequential or functional model that is built, or a fitted estimator.

        layer : str, default='first'
            Name of a convolution of one or two dimensions, as in
            :func:`skextra.cnn.layer_table`; or 'first' or 'last'.

        n_filters : int or None, default=16
            Maximum number of filters to draw: those with the largest weights. None draws all, in
            their order.

        n_channels : int or None, default=3
            Maximum number of input channels to draw: the first ones. None draws all.

        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, one for each channel of each filter; a new figure by default.

        colorbar : bool, default=True
            Whether to add a colour bar.

        **kwargs : dict
            Passed to `ax.imshow`.

        Returns
        -------
        FilterDisplay
            The display, plotted.

        Raises
        ------
        TypeError, ValueError
            If the model is of another kind, a parameter is invalid, or the layer is not
            a convolution of one or two dimensions.
        """
        n_filters = check_whole("n_filters", n_filters, least=1, or_none=True)
        n_channels = check_whole("n_channels", n_channels, least=1, or_none=True)
        graph = graph_of(subject_of(estimator, "FilterDisplay").model)
        if not isinstance(layer, str):
            raise TypeError(f"layer={layer!r} must be the name of a layer.")
        (name,) = chosen_layers(graph, layer, "layer")[:1]
        kernel = _kernel_of(next(c.layer for c in graph.calls if c.name == name), name)
        filters = np.arange(kernel.shape[3])
        if n_filters is not None and n_filters < len(filters):
            largest = np.argsort(-(kernel**2).sum(axis=(0, 1, 2)), kind="stable")
            filters = np.sort(largest[:n_filters])
        channels = np.arange(kernel.shape[2])[:n_channels]
        kernel = kernel[:, :, channels][:, :, :, filters]
        display = cls(kernel, name, tuple(channels.tolist()), tuple(filters.tolist()))
        return display.plot(ax, colorbar=colorbar, **kwargs)

    def plot(self, ax: AxesLike = None, *, colorbar: bool = True, **kwargs: Any) -> Self:
        """Draw the filters on one colour scale; NaN and infinite weights are red.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            Axes to draw on, one for each channel of each filter; a new figure by default.

        colorbar : bool, default=True
            Whether to add a colour bar.

        **kwargs : dict
            Passed to `ax.imshow`.

        Returns
        -------
        FilterDisplay
            The display.
        """
        n_channels, n_filters = self.kernel.shape[2:]
        cells = [
            (i * -(-n_filters // _IN_A_ROW) + j // _IN_A_ROW, j % _IN_A_ROW)
            for i in range(n_channels)
            for j in range(n_filters)
        ]
        axes = image_axes(ax, cells, "filters", "FilterDisplay.plot", self.kernel.shape[:2])
        style = shared_colours(self.kernel, kwargs, symmetric=True, cmap="PuOr")
        self.axes_, self.figure_, self.images_ = axes, axes[0].figure, []
        for panel, (i, j) in zip(axes, np.ndindex(n_channels, n_filters), strict=True):
            self.images_.append(panel.imshow(self.kernel[:, :, i, j], **style))
            if i == 0:
                panel.set_title(f"filter {self.filters[j]}", fontsize="small")
            if n_channels > 1 and j % _IN_A_ROW == 0:
                panel.set_ylabel(f"channel {self.channels[i]}", fontsize="small")
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(
                self.images_[0], ax=list(axes), label=f"weights of {self.layer}"
            )
        return self


def _kernel_of(layer, name):
    """Return the kernel of a convolution, of shape (height, width, channels, filters)."""
    kind = described(layer)[0]
    kernels = list(decoded(layer).values()) if stem_of(kind) in CONVOLUTIONS else []
    if not kernels or not 3 <= kernels[0].ndim <= 4:
        raise ValueError(
            f"The layer {name!r} of type {type(layer).__name__} is not a convolution of one or "
            "two dimensions; name one that is."
        )
    kernel = kernels[0] if kernels[0].ndim == 4 else kernels[0][None]
    return kernel.swapaxes(2, 3) if "Transpose" in kind else kernel

"""Axes of displays with several panels, and pictures in them."""

from numbers import Integral

import numpy as np

from skextra._base import import_extra

# A new figure is no wider than rcParams["figure.figsize"], and has rows where panels have no room
# side by side. On a phone 420 pixels wide, the default of 6.4 inches leaves letters of 10 points 8
# pixels.
# These are inches:
_WIDEST_IMAGE = 1.6  # four of them fill the default width; larger ones show no more of a digit
_NARROWEST_IMAGE = 0.8  # room for the title "filter 12" in small letters
_IMAGE_TITLE = 0.4  # two lines in small letters
_LOWEST_FIGURE = 2.0  # room for the label of a colour bar beside a single row


def given_axes(ax, n, what):
    """Return the caller's axes in one dimension; raise ValueError unless there are n of them."""
    axes = np.ravel(np.asarray(ax, dtype=object))
    if len(axes) != n:
        raise ValueError(
            f"ax holds {len(axes)} Axes, but there are {n} {what}; pass one for each, or None "
            "for a new figure."
        )
    return axes


def panel_axes(ax, n, what, purpose, *, in_a_row=3, **options):
    """Return n axes: those given or, of a new figure, in rows of equal length.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of matplotlib Axes or None
        What the caller gave.

    n : int
        How many are needed.

    what, purpose : str
        What the panels are and what they are for, for messages.

    in_a_row : int, default=3
        The most that stand side by side.

    **options : dict
        Passed to `pyplot.subplots`.
    """
    pyplot = import_extra("matplotlib.pyplot", "plot", purpose)
    if ax is not None:
        return given_axes(ax, n, what)
    rows = -(-n // in_a_row)
    columns = -(-n // rows)
    # Across the whole figure a panel is as high as matplotlib's own; a narrow one is a square.
    width = pyplot.rcParams["figure.figsize"][0]
    size = (width, (0.6 * width / columns + 1) * rows)
    _, grid = pyplot.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained", **options
    )
    axes = grid.ravel()
    for spare in axes[n:]:
        spare.remove()
    return axes[:n]


def image_axes(ax, cells, what, purpose, shape=(1, 1)):
    """Return axes without ticks: those given, or cells of the grid of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of matplotlib Axes or None
        What the caller gave.

    cells : list of (int, int)
        Row and column of every panel.

    what, purpose : str
        What the panels are and what they are for, for messages.

    shape : tuple of int, default=(1, 1)
        Height and width of the images, for the size of a new figure.

    Returns
    -------
    axes : ndarray of matplotlib Axes of shape (n_cells,)
        The axes, in the order of the cells.
    """
    pyplot = import_extra("matplotlib.pyplot", "plot", purpose)
    if ax is None:
        rows, columns = (1 + max(place) for place in zip(*cells, strict=True))
        width = pyplot.rcParams["figure.figsize"][0] / columns
        width = np.clip(width, _NARROWEST_IMAGE, _WIDEST_IMAGE)
        height = np.clip(width * shape[0] / shape[1], width / 3, 2 * width) + _IMAGE_TITLE
        size = width * columns, max(height * rows, _LOWEST_FIGURE)
        figure = pyplot.figure(figsize=size, layout="constrained")
        grid = figure.add_gridspec(rows, columns)
        axes = np.array([figure.add_subplot(grid[cell]) for cell in cells], dtype=object)
    else:
        axes = given_axes(ax, len(cells), what)
    for each in axes:
        each.set(xticks=[], yticks=[])
    return axes


def shared_colours(values, kwargs, *, symmetric=False, cmap):
    """Return what `imshow` is handed so that all images have the same colour for a number.

    Parameters
    ----------
    values : ndarray
        All numbers that will be drawn. NaN and infinite ones have a colour of their own.

    kwargs : dict
        What the caller hands to `imshow`, which goes first.

    symmetric : bool, default=False
        Whether 0 is in the middle of the colours. Else it is at an end, or between the ends.

    cmap : str
        The colours.
    """
    colormaps = import_extra("matplotlib", "plot", "A display").colormaps
    style = {"cmap": colormaps[cmap].with_extremes(bad="red")}
    if "norm" not in kwargs:
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        if symmetric:
            low, high = -max(-low, high), max(-low, high)
        low, high = min(low, 0.0), max(high, 0.0)
        style |= {"vmin": low, "vmax": high if high > low else low + 1}
    return {**style, **kwargs}


def show_pictures(axes, images, kwargs):
    """Draw images of shape (height, width) or (height, width, channels); return the artists.

    Three channels are colours: bytes from 0 to 255, other numbers from 0 to 1 or, where one of
    the images leaves that range, over the range of them all. Of any other number of channels the
    mean is drawn, dark for high numbers, on one scale for all.
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[3] == 3:
        low, high = 0.0, 255.0
        if images.dtype != np.uint8:
            low, high = min(images.min(initial=0.0), 0.0), max(images.max(initial=1.0), 1.0)
        images, style = (images - low) / (high - low), kwargs
    else:
        images = images.astype(float)
        images = images.mean(axis=3) if images.ndim == 4 else images
        style = shared_colours(images, kwargs, cmap="gray_r")
    return [ax.imshow(image, **style) for ax, image in zip(axes, images, strict=False)]


def check_whole(name, value, *, least=None, or_none=False):
    """Return a whole number, or None where that is allowed; raise an error for anything else."""
    if value is None and or_none:
        return None
    rest = ", or None for all" if or_none else ""
    if not isinstance(value, Integral) or isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r} must be a whole number{rest}.")
    if least is not None and value < least:
        raise ValueError(f"{name}={value} must be {least} or more{rest}.")
    return int(value)

"""Axes of displays with several panels: those of the caller, or those of a new figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skextra._base import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AxesLike: TypeAlias = "Axes | Sequence[Axes] | NDArray[Any] | None"
# A new figure is no wider than rcParams["figure.figsize"], and has rows where panels have no room
# side by side: of the 6.4 inches of the default, a phone of 420 pixels makes letters of 10 points
# 8 pixels high. These are inches, too:
_WIDEST_IMAGE = 1.6  # four of them fill the default width; larger ones show no more of a digit
_NARROWEST_IMAGE = 0.8  # room for the title "filter 12" in small letters
_IMAGE_TITLE = 0.4  # two lines in small letters
_LOWEST_FIGURE = 2.0  # room for the label of a colour bar beside a single row


def given_axes(ax: AxesLike, n: int, what: str) -> NDArray[np.object_]:
    """Return the caller's axes in one dimension; raise ValueError unless there are n of them."""
    axes = np.ravel(np.asarray(ax, dtype=object))
    if len(axes) != n:
        raise ValueError(
            f"ax holds {len(axes)} Axes, but there are {n} {what}; pass one for each, or None "
            "for a new figure."
        )
    return axes


def panel_axes(
    ax: AxesLike, n: int, what: str, purpose: str, *, in_a_row: int = 3, **options: Any
) -> NDArray[np.object_]:
    """Return n axes: those given or, of a new figure, in rows of equal length.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of matplotlib Axes or None
        The caller's axes.

    n : int
        How many are needed.

    what, purpose : str
        The panels and the caller, for messages.

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
    # A single panel fills a figure of the default size; narrower ones tend to a square.
    width, height = pyplot.rcParams["figure.figsize"]
    size = (width, height * (0.2 + 0.8 / columns) * rows)
    _, grid = pyplot.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained", **options
    )
    axes = grid.ravel()
    for spare in axes[n:]:
        spare.remove()
    return axes[:n]


def image_axes(
    ax: AxesLike,
    cells: list[tuple[int, int]],
    what: str,
    purpose: str,
    shape: tuple[int, ...] = (1, 1),
) -> NDArray[np.object_]:
    """Return axes without ticks: those given, or cells of the grid of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of matplotlib Axes or None
        The caller's axes.

    cells : list of (int, int)
        Row and column of every panel.

    what, purpose : str
        The panels and the caller, for messages.

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

"""Regions of classes in a plane, and samples class by class."""

from skextra._base import import_extra
from skextra.plotting._palette import COLOURS, MARKERS


def draw_regions(ax, x, y, codes, colours, alpha):
    """Shade the cells of a grid by the number of their class; return the QuadMesh.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.

    x, y : ndarray of shape (n_x,) and (n_y,)
        The grid.

    codes : ndarray of int of shape (n_y, n_x)
        Numbers of the classes.

    colours : list of str
        A colour for each class.

    alpha : float
        Opacity.
    """
    colors = import_extra("matplotlib.colors", "plot", "A display")
    return ax.pcolormesh(
        x, y, codes, cmap=colors.ListedColormap(colours), vmin=-0.5, vmax=len(colours) - 0.5,
        alpha=alpha, shading="nearest", linewidth=0, rasterized=True, zorder=0,
    )  # fmt: skip


def draw_samples(ax, samples, codes, labels, **style):
    """Draw samples, a colour and a marker for each class; return a PathCollection for each.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.

    samples : ndarray of shape (n_samples, 2)
        The samples.

    codes : ndarray of int of shape (n_samples,)
        Numbers of their classes.

    labels : sequence of str
        What the legend calls each class.

    **style : dict
        Passed to `ax.scatter`.
    """
    style = {"edgecolors": "white", "zorder": 3, **style}
    return [
        ax.scatter(
            *samples[codes == code].T,
            **{
                "color": COLOURS[code % len(COLOURS)],
                "marker": MARKERS[code % len(MARKERS)],
                "label": label,
                **style,
            },
        )
        for code, label in enumerate(labels)
    ]

"""Pictures: arrays drawn as images, on scales that they share."""

import numpy as np

from skextra._base import import_extra


def shared_colours(values, kwargs, *, symmetric=False, cmap):
    """Return the keywords of `imshow` with which all images share one colour scale.

    Parameters
    ----------
    values : ndarray
        All values that will be drawn. NaN and infinite ones are red.

    kwargs : dict
        The caller's keywords of `imshow`, which take precedence.

    symmetric : bool, default=False
        Whether 0 is in the middle of the scale. If not, the scale includes 0.

    cmap : str
        Name of the colour map.
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

    Three channels are colours: bytes from 0 to 255, floats from 0 to 1 or, if an image exceeds
    that, over the range of all images. For any other number of channels the mean is drawn, dark
    for high values, on one scale for all.
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

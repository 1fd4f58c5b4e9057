"""Augmentation: images shifted, rotated, zoomed and flipped at random in training."""

import math
from typing import Literal, TypedDict

from skextra._typing import Int
from skextra.cnn._keras import keras


class Augmentation(TypedDict, total=False):
    """The parameter `augmentation` of CNNClassifier."""

    shift: Int
    rotation: float
    zoom: float
    flip: Literal["horizontal", "vertical", "both"]


def augmented(images, pairs, seed):
    """Return images each moved at random, empty borders filled with zeros.

    Parameters
    ----------
    images : tensor of shape (n_images, height, width, channels)
        A batch.

    pairs : tuple
        Sorted items of the parameter `augmentation`.

    seed : tensor of shape (2,)
        Two whole numbers. The same seed moves alike.
    """
    import tensorflow as tf

    ops, amounts = keras().ops, dict(pairs)
    _, height, width, _ = images.shape
    count = tf.shape(images)[0]
    draws = tf.random.stateless_uniform((4, count), seed, minval=-1.0, maxval=1.0)
    angle = draws[0] * math.radians(amounts.get("rotation", 0.0)) * float(min(height, width) > 1)
    scale = 1.0 + draws[1] * amounts.get("zoom", 0.0)
    # Whole pixels: a shift is then exact, and nothing is blurred by it.
    shift = int(amounts.get("shift", 0))
    places = tf.random.stateless_uniform((2, count), seed, -shift, shift + 1, tf.int32)
    right, down = tf.unstack(tf.cast(places, tf.float32))
    flip = amounts.get("flip", "")
    mirrors = [
        tf.where(draws[row] < 0, -1.0, 1.0) if flip in (name, "both") else tf.ones(count)
        for row, name in ((2, "horizontal"), (3, "vertical"))
    ]
    if width == 1:
        right, mirrors[0] = tf.zeros(count), tf.ones(count)
    if height == 1:
        down, mirrors[1] = tf.zeros(count), tf.ones(count)
    # Output pixel (x, y) is taken from input pixel (a x + b y + c, d x + e y + f), all about the
    # centre of the image.
    x, y = (width - 1) / 2, (height - 1) / 2
    a, b = tf.cos(angle) * scale * mirrors[0], -tf.sin(angle) * scale * mirrors[1]
    d, e = tf.sin(angle) * scale * mirrors[0], tf.cos(angle) * scale * mirrors[1]
    c, f = x - a * (x + right) - b * (y + down), y - d * (x + right) - e * (y + down)
    nothing = tf.zeros(count)
    transforms = tf.stack([a, b, c, d, e, f, nothing, nothing], axis=1)
    # Keras asks for float32 here; pixels lose nothing by it that training would notice.
    moved = ops.image.affine_transform(
        tf.cast(images, "float32"), transforms, interpolation="bilinear", fill_mode="constant",
        data_format="channels_last",
    )  # fmt: skip
    return tf.cast(moved, images.dtype)

"""What the tests of compressed networks share."""

import keras
import numpy as np
from keras import layers as kl


def normed(shape, layers, seed=0, dtype="float32"):
    """Return a sequential model with numbers of all sizes in its weights and statistics."""
    rng = np.random.default_rng(seed)
    keras.config.floatx()
    model = keras.Sequential([keras.Input(shape, dtype=dtype), *layers])
    for layer in model.layers:
        weights = [rng.normal(size=w.shape) / np.sqrt(max(w.shape[0], 1)) for w in layer.weights]
        if isinstance(layer, kl.BatchNormalization):
            weights[-1] = rng.uniform(0.1, 3, weights[-1].shape)  # the variance
        layer.set_weights(weights)
    return model


def fresh(layer, **changes):
    """Return a copy of a layer without weights."""
    return type(layer).from_config({**layer.get_config(), **changes})


# A layer of each kind that can be folded and coded, and the shape of what it takes.
KINDS = [
    (kl.Dense(5), (7,)),
    (kl.Conv1D(4, 4, dilation_rate=2, padding="causal"), (9, 3)),
    (kl.Conv1D(4, 3, strides=2, groups=2, use_bias=False), (9, 4)),
    (kl.Conv2D(5, (3, 2), strides=2, padding="same"), (8, 7, 3)),
    (kl.Conv2D(6, 3, groups=3, dilation_rate=(2, 1)), (8, 7, 3)),
    (kl.Conv3D(3, 2), (4, 4, 3, 2)),
    (kl.DepthwiseConv1D(3, depth_multiplier=2), (9, 3)),
    (kl.DepthwiseConv2D(3, depth_multiplier=3, strides=2, use_bias=False), (8, 9, 2)),
    (kl.SeparableConv1D(5, 3), (9, 3)),
    (kl.SeparableConv2D(5, 3, depth_multiplier=2, padding="same"), (8, 7, 3)),
    (kl.Conv1DTranspose(4, 3, strides=2), (9, 3)),
    (kl.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1), (5, 6, 3)),
    (kl.Conv3DTranspose(3, 2), (3, 3, 4, 2)),
]


def kind_name(value):
    """Return the name of a case."""
    return type(value).__name__ if isinstance(value, kl.Layer) else ""

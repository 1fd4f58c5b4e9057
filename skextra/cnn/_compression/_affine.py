"""Affine: a scale and a shift of each channel, and the layers that can absorb one."""

import math
from dataclasses import dataclass

import numpy as np

from skextra.cnn._keras import numbers_of
from skextra.cnn._models._costs import axes_of, described, stem_of


@dataclass
class Affine:
    """The map of batch normalisation in inference: scale * x + shift, in float64.

    Parameters
    ----------
    scale, shift : ndarray
        A value for each channel, or any shape that broadcasts to what is scaled.
    """

    scale: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, norm):
        """Return the map of a batch normalisation."""
        mean, variance = (
            numbers_of(v).astype(np.float64) for v in (norm.moving_mean, norm.moving_variance)
        )
        scale = 1 / np.sqrt(variance + norm.epsilon)
        if norm.scale:
            scale = scale * numbers_of(norm.gamma)
        shift = -scale * mean
        return cls(scale, shift + numbers_of(norm.beta) if norm.center else shift)

    def then(self, other):
        """Return the composition of both maps, this one first."""
        return Affine(other.scale * self.scale, other.scale * self.shift + other.shift)

    def each(self, function):
        """Return the map with a function applied to the scale and to the shift."""
        return Affine(function(self.scale), function(self.shift))


class Linear:
    """The kernels and the bias of a convolution or a dense layer, float64.

    Parameters
    ----------
    layer : keras.Layer
        A layer of a kind that the fold plan knows.
    """

    def __init__(self, layer):
        kind, config = described(layer)
        self._kind, self._groups = stem_of(kind), getattr(layer, "groups", 1)
        weights = [numbers_of(w).astype(np.float64) for w in layer.weights]
        self.kernels, bias = (weights[:-1], weights[-1]) if layer.use_bias else (weights, 0.0)
        self.bias = bias
        self.meets_zeros = _meets_zeros(self._kind, config, kind)

    def weights(self):
        """Return the weights of a layer of the same kind, with a bias."""
        return [*self.kernels, self.bias]

    def absorb_after(self, affine):
        """Absorb an affine map of the outputs."""
        scale, kernel = affine.scale, self.kernels[-1]
        self.bias = scale * self.bias + affine.shift
        if self._kind == "DepthwiseConv":
            scale = scale.reshape(kernel.shape[-2:])
        elif self._kind == "ConvTranspose":
            scale = scale[:, None]
        self.kernels[-1] = kernel * scale

    def absorb_before(self, affine):
        """Absorb an affine map of the inputs, whose shift is the same bias at all positions."""
        scale, shift, kernel = affine.scale, affine.shift, self.kernels[0]
        window = tuple(range(kernel.ndim - 2))
        if self._kind == "Conv":
            # For each output, the inputs of its group.
            scale, shift = (self._of_groups(values) for values in (scale, shift))
        elif self._kind != "ConvTranspose":
            scale, shift = scale[:, None], shift[:, None]
        added = (kernel * shift).sum(axis=window)
        if self._kind == "SeparableConv":
            pointwise = self.kernels[1]
            added = added.ravel() @ pointwise.reshape(-1, pointwise.shape[-1])
        elif self._kind == "DepthwiseConv":
            added = added.ravel()
        else:
            added = added.sum(axis=1 if self._kind == "ConvTranspose" else 0)
        self.bias = self.bias + added
        self.kernels[0] = kernel * scale

    def _of_groups(self, values):
        n_outputs = self.kernels[0].shape[-1]
        groups = values.reshape(self._groups, -1)
        return np.repeat(groups, n_outputs // self._groups, axis=0).T


def _meets_zeros(stem, config, kind):
    """Return whether some outputs meet the zeros of a padding, or fewer inputs than others."""
    if stem == "Dense":
        return False
    is_wide = math.prod(axes_of(config["kernel_size"], kind)) > 1
    if stem == "ConvTranspose":
        return is_wide or math.prod(axes_of(config["strides"], kind)) > 1
    return is_wide and config["padding"] != "valid"


def norm_weights(norm, affine):
    """Return the weights of a batch normalisation, changed so that it computes a map."""
    mean, variance = numbers_of(norm.moving_mean), numbers_of(norm.moving_variance)
    gamma = affine.scale * np.sqrt(variance.astype(np.float64) + norm.epsilon)
    return [gamma, affine.shift + affine.scale * mean, mean, variance]

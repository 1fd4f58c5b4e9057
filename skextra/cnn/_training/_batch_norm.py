"""Batch normalisation: statistics of the whole training set instead of running averages."""

import numpy as np

from skextra.cnn._keras import LOCK, keras
from skextra.cnn._network._network import all_layers, mode

# Rows in a call, as many as a prediction takes (_network.py). The moments are merged exactly, so
# their number is a matter of time and memory only.
_ROWS = 256


class Moments:
    """Exact means and variances of the inputs of every batch normalisation of a network.

    Layer after layer, each on the outputs of the layers before it with their exact statistics.
    That takes a pass over the data for each such layer, up to this layer.

    Parameters
    ----------
    network : Network
        The network.
    """

    def __init__(self, network):
        self._network = network
        self._graphs = None

    def settle(self, X, w):
        """Set the statistics of all layers.

        Parameters
        ----------
        X : Rows
            Training images.

        w : ndarray of shape (n_samples,)
            Their weights.
        """
        with LOCK:
            if self._graphs is None:
                self._graphs = self._traced()
        for layer, graph in self._graphs:
            mean, scatter, mass = 0.0, 0.0, 0.0
            for start in range(0, len(X), _ROWS):
                rows = slice(start, start + _ROWS)
                moments = graph(X.numbers(rows, self._network.dtype), w[rows])
                center, variance, weight = (v.numpy().astype(np.float64) for v in moments)
                # Chan, Golub and LeVeque's update: nothing cancels.
                step, total = center - mean, mass + weight
                scatter = scatter + variance * weight + step**2 * (mass * weight / total)
                mean, mass = mean + step * (weight / total), total
            layer.moving_mean.assign(mean.astype(layer.moving_mean.dtype))
            layer.moving_variance.assign((scatter / mass).astype(layer.moving_variance.dtype))

    def _traced(self):
        """Return each layer in the order of calls, with a function from images to moments."""
        norm = keras().layers.BatchNormalization
        layers = {
            id(layer): layer
            for layer in all_layers(self._network.model)
            if isinstance(layer, norm) and layer.trainable
        }
        if not layers:
            return []
        met = []
        self._graph(list(layers.values()), met)
        # A layer that is called several times has no statistics of one place: its averages stay.
        uses = [id(layer) for layer in met]
        return [(layer, self._graph([layer], [])) for layer in met if uses.count(id(layer)) == 1]

    def _graph(self, layers, met):
        """Return a function to the moments of the inputs of the last of `layers` called."""
        import tensorflow as tf

        network, entering = self._network, []

        def moments(X, w):
            for layer in layers:
                layer.call = _listening(layer, met, entering)
            try:
                images = tf.reshape(X, (-1, *network.image_shape))
                network.model(images, **mode(network.model, False))
            finally:
                for layer in layers:
                    del layer.call
            return _weighted(tf.cast(entering[-1], network.dtype), w, met[-1].axis)

        signature = [
            tf.TensorSpec((None, int(np.prod(network.image_shape))), network.dtype),
            tf.TensorSpec((None,), network.dtype),
        ]
        graph = tf.function(moments, input_signature=signature, autograph=False)
        return graph.get_concrete_function()


def _listening(layer, met, entering):
    call = layer.call

    def listen(inputs, *args, **kwargs):
        met.append(layer)
        entering.append(inputs)
        return call(inputs, *args, **kwargs)

    return listen


def _weighted(values, w, axis):
    """Return the mean and the variance of each channel and the mass, rows weighted."""
    import tensorflow as tf

    axis = axis % len(values.shape)
    others = [i for i in range(len(values.shape)) if i != axis]
    one_channel = tf.gather(values, [0], axis=axis)
    w = tf.reshape(w, (-1, *[1] * (len(values.shape) - 1))) * tf.ones_like(one_channel)
    mass = tf.reduce_sum(w)
    mean = tf.reduce_sum(values * w, others, keepdims=True) / mass
    variance = tf.reduce_sum(tf.square(values - mean) * w, others) / mass
    return tf.reshape(mean, (-1,)), variance, mass

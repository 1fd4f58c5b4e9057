"""Network: a Keras model as a function of its weights and of images."""

import inspect

import numpy as np
from scipy.special import log_softmax

from skextra.cnn._keras import keras

# Rows are computed in chunks of these sizes, padded, so that the result of a row does not depend
# on its neighbours. Small ones serve single rows. Beyond 256 many rows hardly gain, and a rest of
# few would pay for the padding (benchmarks/network_constants.py).
_CHUNKS = (16, 64, 256)
# Probabilities below it count as this much, so that their logarithm is finite: float32, whose
# smallest normal number is 1.2e-38, holds it with a margin.
_LEAST = 1e-30


class Network:
    """What a model computes, for any weights. It holds no state, so threads can share it.

    Parameters
    ----------
    model : keras.Model
        With outputs in the scale of logits, or of probabilities.

    image_shape : tuple of int
        Shape of an image as the model takes it.

    n_classes : int
        Number of its outputs.

    gives_probabilities : bool, default=None
        Whether the outputs are probabilities. By default, its outputs for noise decide, since a
        model of the user's may end in any kind of softmax.
    """

    def __init__(self, model, image_shape, n_classes, gives_probabilities=None):
        import tensorflow as tf

        self.model = model
        self.image_shape = image_shape
        self.n_classes = n_classes
        self.dtype = np.dtype(taken_dtype(model))
        self.weights = list(model.weights)
        mine = {id(weight) for weight in self.weights}
        # Keras counts the states of random generators as variables, not as weights.
        self.generators = [v for v in model.variables if id(v) not in mine]
        positions = {id(weight): i for i, weight in enumerate(self.weights)}
        trainable = [positions[id(v)] for v in model.trainable_variables]
        others = [(positions.get(id(v)), v) for v in model.non_trainable_variables]
        if gives_probabilities is None:
            gives_probabilities = are_probabilities(outputs_on_probe(model, image_shape))
        self.gives_probabilities = gives_probabilities

        def compute(weights, images):
            fixed = [v if i is None else weights[i] for i, v in others]
            outputs, _ = model.stateless_call(
                [weights[i] for i in trainable], fixed, images, **mode(model, False)
            )
            return self.logits_of(outputs)

        signature = [tf.TensorSpec(w.shape, w.dtype) for w in self.weights]
        images = tf.TensorSpec((None, *image_shape), self.dtype)
        graph = tf.function(compute, input_signature=[signature, images], autograph=False)
        self._graph = graph.get_concrete_function()

    def logits_of(self, outputs):
        """Return outputs of the model as logits."""
        ops = keras().ops
        outputs = ops.cast(outputs, self.dtype.name)
        return ops.log(ops.maximum(outputs, _LEAST)) if self.gives_probabilities else outputs

    def check(self, weights):
        """Raise ValueError unless arrays have the shapes of the weights."""
        had = [weight.shape for weight in weights]
        has = [tuple(weight.shape) for weight in self.weights]
        if had != has:
            raise ValueError(
                f"The parameters or build now make another network, with weights of shapes {has} "
                f"instead of {had}; fit with warm_start=False, or use a new estimator."
            )

    def tensors(self, weights):
        """Return arrays as what `logits` takes."""
        import tensorflow as tf

        return [tf.constant(weight) for weight in weights]

    def logits(self, tensors, X):
        """Return the logits of X, which are Rows: float64 of shape (n_samples, n_classes)."""
        import tensorflow as tf

        outputs = np.empty((len(X), self.n_classes))
        start = 0
        while start < len(X):
            left = len(X) - start
            size = next((size for size in _CHUNKS if size >= left), _CHUNKS[-1])
            rows = X.numbers(slice(start, start + size), self.dtype)
            images = rows.reshape(len(rows), *self.image_shape)
            if len(rows) < size:
                padding = np.zeros((size - len(rows), *self.image_shape), dtype=self.dtype)
                images = np.concatenate([images, padding])
            result = self._graph(tensors, tf.constant(images))
            outputs[start : start + len(rows)] = result.numpy()[: len(rows)]
            start += size
        return outputs

    def scores(self, weights, X, y, w):
        """Return the mean cross-entropy and the accuracy on images."""
        logits = self.logits(self.tensors(weights), X)
        losses = -log_softmax(logits, axis=1)[np.arange(len(y)), y]
        right = logits.argmax(axis=1) == y
        return float(np.average(losses, weights=w)), float(np.average(right, weights=w))


def outputs_on_probe(model, image_shape):
    """Return the outputs of a model for two images of noise, float64."""
    probe = np.random.RandomState(0).uniform(size=(2, *image_shape))
    outputs = model(probe.astype(taken_dtype(model)), **mode(model, False))
    return outputs.numpy().astype(np.float64)  # SciPy knows no bfloat16


def are_probabilities(outputs):
    """Return whether every row is a distribution."""
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-3))


def mode(model, training):
    """Return the argument `training` for a model, if its call takes one."""
    takes = "training" in inspect.signature(model.call).parameters
    return {"training": training} if takes else {}


def taken_dtype(model):
    """Return the dtype of the images that a model takes."""
    inputs = getattr(model, "inputs", None)
    dtype = str(inputs[0].dtype) if inputs else "float32"
    if dtype not in ("float32", "float64"):
        raise ValueError(
            f"The model that build returned takes {dtype} images; it is given float32 (uint8 is "
            "divided by 255 before), so its Input must be float32 or float64."
        )
    return dtype


def all_layers(model):
    """Return the layers of a model and of the models in it."""
    found = []
    for layer in model.layers:
        found += all_layers(layer) if hasattr(layer, "layers") else [layer]
    return found

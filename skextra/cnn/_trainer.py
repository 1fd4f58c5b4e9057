"""Trainer: a network that is trained, its compiled steps kept for the fits to come."""

import copy

import numpy as np

from skextra.cnn._augmentation import augmented
from skextra.cnn._batch_norm import Moments
from skextra.cnn._keras import keras, numbers_of
from skextra.cnn._model import initializer
from skextra.cnn._network import from_pixels, mode
from skextra.cnn._seeds import AUGMENTATION, DROPOUT, KERNELS, drawn_seed

_WITH_KERNEL = ("convolution", "dense", "output")


class Trainer:
    """A network with an optimizer. Fits use one after another; `begin` clears what was before.

    Parameters
    ----------
    network : Network
        Whose model is trained in place.

    plan : tuple or None
        The layers that it was made from; None for a model of the user's.

    optimizer : keras.optimizers.Optimizer
        Not used elsewhere.

    augmentation : tuple
        What `check_augmentation` returns.

    pixels : str
        Type of the images: 'uint8' or that of the network.

    looped : bool
        Whether the loop over batches is compiled too. That is quicker, but TensorFlow never lets
        go of compiled loops: only for trainers that are used again.
    """

    def __init__(self, network, plan, optimizer, augmentation, pixels, looped):
        self.network = network
        self.optimizer = optimizer
        variables = network.model.trainable_variables
        if not variables:
            raise ValueError("The model that build returned has no weights to train.")
        self._kernels = [w for w in network.weights if w.name.endswith("kernel")]
        self._specs = [layer[-1] for layer in plan or () if layer[0] in _WITH_KERNEL]
        self._initial = [numbers_of(w) for w in network.weights]
        optimizer.build(variables)
        self._slots = [numbers_of(v) for v in optimizer.variables]
        self._rate = _fixed_rate(optimizer)
        self.moments = Moments(network, pixels)
        self._looped = looped
        step = _step(network, optimizer, augmentation, self._kernels)
        self._graph = _compiled(_loop(step) if looped else step, network, pixels, self._kernels)

    def begin(self, seed, weights, slots, learning_rate, l2):
        """Set the weights and the optimizer to a start.

        Parameters
        ----------
        seed : int
            Of the weights of a plan, where none are given.

        weights, slots : list of ndarray or None
            Weights and variables of the optimizer to go on from.

        learning_rate : float or None
            None for the optimizer's own.

        l2 : float or list of float
            Factors of the penalties, one for all kernels or one each.
        """
        weights = self._drawn(seed) if weights is None else weights
        self.restore(weights, self._slots if slots is None else slots)
        if learning_rate is not None and self._rate is None:
            raise ValueError(
                f"learning_rate={learning_rate!r} and a schedule in optimizer exclude each other; "
                "set learning_rate=None."
            )
        if self._rate is not None:
            self.optimizer.learning_rate = self._rate if learning_rate is None else learning_rate
        self._l2 = np.broadcast_to(np.asarray(l2, self.network.dtype), len(self._kernels))

    def _drawn(self, seed):
        weights, specs, number = list(self._initial), iter(self._specs), 0
        for i, weight in enumerate(self.network.weights):
            if weight.name.endswith("kernel"):
                number += 1
                start = initializer(next(specs), drawn_seed(seed, KERNELS, number))
                weights[i] = start(weight.shape, dtype=weight.dtype).numpy()
        return weights

    def restore(self, weights, slots):
        """Set the weights and the variables of the optimizer."""
        self.assign(weights)
        for variable, value in zip(self.optimizer.variables, slots, strict=True):
            variable.assign(value)

    def assign(self, weights):
        """Set the weights."""
        for variable, value in zip(self.network.weights, weights, strict=True):
            variable.assign(value)

    def finalize(self):
        """Let the optimizer have its last word, such as averages of the weights."""
        self.optimizer.finalize_variable_values(self.network.model.trainable_variables)

    def weights(self):
        """Return copies of the weights."""
        return [numbers_of(w) for w in self.network.weights]

    def slots(self):
        """Return copies of the optimizer's variables."""
        return [numbers_of(v) for v in self.optimizer.variables]

    def reseed(self, seed, epoch):
        """Set what draws at random inside the model to the beginning of an epoch.

        Return the seed of augmentation.
        """
        for i, state in enumerate(self.network.generators):
            state.assign(np.array([drawn_seed(seed, DROPOUT, epoch, i), 0]).astype(state.dtype))
        return np.array([drawn_seed(seed, AUGMENTATION, epoch), 0], dtype=np.int32)

    def run(self, data, order, batch_size, seed, sums):
        """Train on the rows in `order`, a batch after the other.

        Return the sums of loss and hits, which go on from `sums`, so that they do not depend on
        the number of calls.
        """
        if self._looped:
            return self._graph(*data, order, np.int32(batch_size), self._l2, seed, *sums)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            at = seed + np.array([0, start], dtype=np.int32)
            sums = self._graph(*data, rows, np.int32(batch_size), self._l2, at, *sums)
        return sums

    def as_tensors(self, rows, y, w):
        """Return training data as tensors, which are made once a fit."""
        import tensorflow as tf

        if rows.dtype != np.uint8:
            rows = rows.astype(self.network.dtype, copy=False)
        dtype = self.network.dtype
        return tf.constant(rows), tf.constant(y, dtype=tf.int32), tf.constant(w, dtype)


def _fixed_rate(optimizer):
    """Return the learning rate, None if it is a schedule."""
    try:
        rate = float(optimizer.learning_rate.numpy())
        optimizer.learning_rate = rate
    except TypeError:  # what Keras raises for a schedule
        return None
    return rate


def _step(network, optimizer, augmentation, kernels):
    """Return a function that trains on one batch, `rows`; it takes whatever the loop takes."""
    import tensorflow as tf

    model, dtype = network.model, network.dtype
    variables = model.trainable_variables

    def step(X, y, w, rows, batch_size, l2, seed, loss, hits):
        images = from_pixels(tf.gather(X, rows), network)
        targets, masses = tf.gather(y, rows), tf.gather(w, rows)
        if augmentation:
            images = augmented(images, augmentation, seed)
        with tf.GradientTape() as tape:
            logits = network.logits_of(model(images, **mode(model, True)))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            lost = tf.reduce_sum(masses * losses)
            total = lost / tf.cast(tf.shape(rows)[0], dtype)
            for i, kernel in enumerate(kernels):
                total += l2[i] * tf.cast(tf.reduce_sum(tf.square(kernel)), dtype)
            for extra in model.losses:
                total += tf.cast(extra, dtype)
            total = optimizer.scale_loss(total)
        optimizer.apply(tape.gradient(total, variables), variables)
        right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), targets)
        hit = tf.reduce_sum(masses * tf.cast(right, dtype))
        return loss + tf.cast(lost, "float64"), hits + tf.cast(hit, "float64")

    return step


def _loop(step):
    """Return a function that trains on the batches of `order`, one after the other."""
    import tensorflow as tf

    def loop(X, y, w, order, batch_size, l2, seed, loss, hits):
        def body(start, loss, hits):
            rows = order[start : start + batch_size]
            at = tf.stack([seed[0], seed[1] + start])
            return start + batch_size, *step(X, y, w, rows, batch_size, l2, at, loss, hits)

        state = tf.zeros((), "int32"), loss, hits
        count = tf.shape(order)[0]
        return tf.while_loop(lambda start, *_: start < count, body, state, parallel_iterations=1)[
            1:
        ]

    return loop


def _compiled(function, network, pixels, kernels):
    import tensorflow as tf

    integers, real = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.float64)
    signature = [
        tf.TensorSpec((None, int(np.prod(network.image_shape))), pixels),
        integers,
        tf.TensorSpec((None,), network.dtype),
        integers,
        tf.TensorSpec((), tf.int32),
        tf.TensorSpec((len(kernels),), network.dtype),
        tf.TensorSpec((2,), tf.int32),
        real,
        real,
    ]
    graph = tf.function(function, input_signature=signature, autograph=False)
    return graph.get_concrete_function()


def optimizer_of(estimator):
    """Return a new Keras optimizer as the parameters ask; raise ValueError if there is none."""
    optimizers, wanted = keras().optimizers, estimator.optimizer
    if wanted == "adam":
        return optimizers.Adam(0.001)
    if wanted == "sgd":
        return optimizers.SGD(0.01, momentum=float(estimator.momentum))
    try:
        found = optimizers.deserialize(copy.deepcopy(wanted))  # which changes what it is given
    except (TypeError, ValueError, KeyError):
        found = None
    if not isinstance(found, optimizers.Optimizer):
        raise ValueError(
            f"optimizer={wanted!r} is no configuration of a Keras optimizer; use 'adam', 'sgd' or "
            "what keras.optimizers.serialize returns."
        )
    return found

"""Trainable: a network with an optimizer and its compiled step, used by one fit after another."""

import copy
from functools import partial

import numpy as np

from skextra.cnn._keras import keras, values_of
from skextra.cnn._network._model import made_initializer
from skextra.cnn._network._network import all_layers, mode
from skextra.cnn._network._seeds import AUGMENTATION, DROPOUT, KERNELS, drawn_seed
from skextra.cnn._training._adam import apply_adam, is_plain
from skextra.cnn._training._augmentation import augmented
from skextra.cnn._training._batch_norm import Moments

_WITH_KERNEL = ("convolution", "dense", "output")
# Bytes of images passed to a compiled loop in a call. Less makes calls more frequent, more takes
# memory for a copy of them; from here on nothing is gained (benchmarks/network_constants.py).
_CALL_BYTES = 2**23


class TrainableNetwork:
    """A network with an optimizer and its compiled step; `begin` clears what was before.

    Parameters
    ----------
    network : Network
        Whose model is trained in place.

    plan : tuple or None
        The layers that it was made from; None for a model of the user's.

    optimizer : keras.optimizers.Optimizer
        Not used elsewhere.

    augmentation : tuple
        Sorted items of the parameter.

    penalised : bool
        Whether `begin` may be given penalties other than 0. Without them a step has less to trace
        and to compute.

    looped : bool
        Whether the loop over batches is compiled too. That is faster, but TensorFlow never frees
        compiled loops, so it is only for networks that are used again.
    """

    def __init__(self, network, plan, optimizer, augmentation, penalised, looped):
        self.network = network
        self.optimizer = optimizer = _scaling(optimizer, network.model)
        variables = network.model.trainable_variables
        if not variables:
            raise ValueError("The model that build returned has no weights to train.")
        kernels = [w for w in network.weights if w.name.endswith("kernel")]
        self._penalised = kernels if penalised else []
        self._specs = [layer[-1] for layer in plan or () if layer[0] in _WITH_KERNEL]
        self._initial = values_of(network.weights)
        optimizer.build(variables)
        self._slots = values_of(optimizer.variables)
        self._rate = _fixed_rate(optimizer)
        self.moments = Moments(network)
        self._looped = looped
        # In models of the user's weights may have constraints, or gradients be sparse or missing.
        plain = plan is not None and is_plain(optimizer)
        apply = partial(apply_adam, optimizer) if plain else optimizer.apply
        step = _step(network, optimizer, apply, augmentation, self._penalised)
        self._graph = _compiled(_loop(step) if looped else step, network, self._penalised)

    def begin(self, seed, weights, slots, learning_rate, l2):
        """Set the weights and the optimizer to the start of a training.

        Parameters
        ----------
        seed : int
            Seed of the weights of a plan, where none are given.

        weights, slots : list of ndarray or None
            Weights and variables of the optimizer to start from.

        learning_rate : float or None
            None for the optimizer's own.

        l2 : float or list of float
            Factors of the penalties, one for all kernels or one each.
        """
        weights = self._draw_weights(seed) if weights is None else weights
        self.restore(weights, self._slots if slots is None else slots)
        if learning_rate is not None and self._rate is None:
            raise ValueError(
                f"learning_rate={learning_rate!r} and a schedule in optimizer exclude each other; "
                "set learning_rate=None."
            )
        if self._rate is not None:
            self.optimizer.learning_rate = self._rate if learning_rate is None else learning_rate
        factors = l2 if self._penalised else 0.0
        self._l2 = np.broadcast_to(np.asarray(factors, self.network.dtype), len(self._penalised))

    def _draw_weights(self, seed):
        weights, specs, number = list(self._initial), iter(self._specs), 0
        for i, weight in enumerate(self.network.weights):
            if weight.name.endswith("kernel"):
                number += 1
                start = made_initializer(next(specs), drawn_seed(seed, KERNELS, number))
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
        """Let the optimizer set its final weights, such as averages."""
        self.optimizer.finalize_variable_values(self.network.model.trainable_variables)

    def weights(self):
        """Return copies of the weights."""
        return values_of(self.network.weights)

    def slots(self):
        """Return copies of the optimizer's variables."""
        return values_of(self.optimizer.variables)

    def reseed(self, seed, epoch):
        """Seed the random layers of the model for an epoch; return the seed of augmentation."""
        for i, state in enumerate(self.network.generators):
            state.assign(np.array([drawn_seed(seed, DROPOUT, epoch, i), 0]).astype(state.dtype))
        return np.array([drawn_seed(seed, AUGMENTATION, epoch), 0], dtype=np.int32)

    def run(self, data, order, batch_size, seed, sums):
        """Train on the rows in `order`, batch after batch.

        Parameters
        ----------
        data : tuple of (Rows, ndarray, ndarray)
            Images, numbers of classes and weights.

        order : ndarray of int
            Which rows.

        batch_size : int
            Rows in a batch.

        seed : ndarray of shape (2,)
            Seed of augmentation in the first batch.

        sums : tuple of (float, float)
            Sums of loss and hits so far, so that they do not depend on the number of calls.

        Returns
        -------
        loss, hits : float
            The sums with these rows.
        """
        X, y, w = data
        size = batch_size
        if self._looped:
            batch_bytes = batch_size * X.n_pixels * self.network.dtype.itemsize
            size *= max(1, _CALL_BYTES // batch_bytes)
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            images = X.numbers(rows, self.network.dtype)
            at = seed + np.array([0, start], dtype=np.int32)
            sums = self._graph(images, y[rows], w[rows], np.int32(batch_size), self._l2, at, *sums)
        return tuple(float(value) for value in sums)


def _scaling(optimizer, model):
    """Return the optimizer, which scales the loss where float16 would lose small gradients."""
    scaling = keras().optimizers.LossScaleOptimizer
    half = any(getattr(x, "compute_dtype", None) == "float16" for x in all_layers(model))
    return scaling(optimizer) if half and not isinstance(optimizer, scaling) else optimizer


def _fixed_rate(optimizer):
    """Return the learning rate, None if it is a schedule."""
    try:
        rate = float(optimizer.learning_rate.numpy())
        optimizer.learning_rate = rate
    except TypeError:  # what Keras raises for a schedule
        return None
    return rate


def _step(network, optimizer, apply, augmentation, kernels):
    """Return a function that trains on one batch; it takes whatever the loop takes.

    `apply` is given gradients and variables, and changes them as the optimizer does.
    """
    import tensorflow as tf

    model, dtype = network.model, network.dtype
    variables = model.trainable_variables

    def step(X, targets, masses, batch_size, l2, seed, loss, hits):
        images = tf.reshape(X, (-1, *network.image_shape))
        if augmentation:
            images = augmented(images, augmentation, seed)
        with tf.GradientTape() as tape:
            logits = network.logits_of(model(images, **mode(model, True)))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            lost = tf.reduce_sum(masses * losses)
            total = lost / tf.cast(tf.shape(X)[0], dtype)
            for i, kernel in enumerate(kernels):
                total += l2[i] * tf.cast(tf.reduce_sum(tf.square(kernel)), dtype)
            for extra in model.losses:
                total += tf.cast(extra, dtype)
            total = optimizer.scale_loss(total)
        apply(tape.gradient(total, variables), variables)
        right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), targets)
        hit = tf.reduce_sum(masses * tf.cast(right, dtype))
        return loss + tf.cast(lost, "float64"), hits + tf.cast(hit, "float64")

    return step


def _loop(step):
    """Return a function that trains on the batches of a part, one after the other."""
    import tensorflow as tf

    def loop(X, y, w, batch_size, l2, seed, loss, hits):
        def body(start, loss, hits):
            end = start + batch_size
            at = tf.stack([seed[0], seed[1] + start])
            batch = X[start:end], y[start:end], w[start:end]
            return end, *step(*batch, batch_size, l2, at, loss, hits)

        state = tf.zeros((), "int32"), loss, hits
        count = tf.shape(X)[0]
        return tf.while_loop(lambda start, *_: start < count, body, state, parallel_iterations=1)[
            1:
        ]

    return loop


def _compiled(function, network, kernels):
    import tensorflow as tf

    real = tf.TensorSpec((), tf.float64)
    signature = [
        tf.TensorSpec((None, int(np.prod(network.image_shape))), network.dtype),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None,), network.dtype),
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

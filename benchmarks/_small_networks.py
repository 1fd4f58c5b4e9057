"""Small networks: the rows of bench_small.py that need TensorFlow, one process per thread count.

TensorFlow sets up its threads once per process. The peers train the layers of CNNClassifier():
Keras by `fit`, and TensorFlow alone in a loop written by hand. The loop is what any program on
TensorFlow has to pay: all epochs on images that stay in its memory, one compiled call an epoch,
nothing checked, recorded or shown. All three are compiled before they are timed.

Usage: python benchmarks/_small_networks.py THREADS, which prints JSON for bench_small.py.
"""

import dataclasses
import json
import os
import sys
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from _interleaved import Comparison, in_turn, repeats_within
from _keras_network import net
from sklearn.datasets import load_digits

from skextra import CNNClassifier

EPOCHS, BATCH, RATE = 10, 32, 0.001  # the defaults of CNNClassifier
SECONDS = 2.0  # for the repeats of a row
TRAINED_ON = (300, 1297)
PREDICTED = (1, 1000, 20_000)


def digits():
    """Return (rows of pixels from 0 to 1, digits)."""
    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y.astype(np.int32)


class ByKeras:
    """Keras's own `fit`, of a model that was compiled before."""

    def __init__(self, X, y):
        self.images, self.y = X.reshape(-1, 8, 8, 1), y
        self.model = net()
        self.weights = self.model.get_weights()
        self.model.optimizer.build(self.model.trainable_variables)
        self.slots = [slot.numpy() for slot in self.model.optimizer.variables]

    def fit(self):
        """Train from the first weights."""
        self.model.set_weights(self.weights)
        for variable, value in zip(self.model.optimizer.variables, self.slots, strict=True):
            variable.assign(value)
        self.model.fit(self.images, self.y, batch_size=BATCH, epochs=EPOCHS, verbose=0)

    def score(self, X, y):
        """Return the accuracy."""
        logits = self.model.predict(X.reshape(-1, 8, 8, 1), verbose=0)
        return np.mean(logits.argmax(axis=1) == y)


class ByTensorFlow:
    """The same layers, loss and optimizer in operations of TensorFlow, with a compiled epoch."""

    def __init__(self, X, y):
        self.initial = net().get_weights()
        self.weights = [tf.Variable(w) for w in self.initial]
        self.slots = [[tf.Variable(tf.zeros_like(w)) for w in self.weights] for _ in range(2)]
        self.powers = tf.Variable(1.0), tf.Variable(1.0)  # of Adam's two factors
        self.images, self.y = tf.constant(X.reshape(-1, 8, 8, 1)), tf.constant(y)
        self.epoch = tf.function(self._epoch, autograph=False)

    def _logits(self, images):
        first, b1, second, b2, dense, b3, output, b4 = self.weights
        for kernel, bias in ((first, b1), (second, b2)):
            images = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "SAME"), bias))
            images = tf.nn.max_pool2d(images, 2, 2, "VALID")
        hidden = tf.reshape(images, (-1, dense.shape[0]))
        return tf.nn.relu(hidden @ dense + b3) @ output + b4

    def _step(self, rows):
        with tf.GradientTape() as tape:
            logits = self._logits(tf.gather(self.images, rows))
            labels = tf.gather(self.y, rows)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(loss)
        first, second = self.powers
        first.assign(first * 0.9)
        second.assign(second * 0.999)
        for w, m, v, gradient in zip(
            self.weights, *self.slots, tape.gradient(loss, self.weights), strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=w.handle, m=m.handle, v=v.handle, beta1_power=first, beta2_power=second,
                lr=RATE, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=gradient,
            )  # fmt: skip

    def _epoch(self, order):
        def body(start):
            self._step(order[start : start + BATCH])
            return (start + BATCH,)

        count = tf.shape(order)[0]
        tf.while_loop(lambda start: start < count, body, (0,), parallel_iterations=1)

    def fit(self):
        """Train from the first weights."""
        for variable, value in zip(self.weights, self.initial, strict=True):
            variable.assign(value)
        for slot in self.slots[0] + self.slots[1]:
            slot.assign(tf.zeros_like(slot))
        for power in self.powers:
            power.assign(1.0)
        rng = np.random.default_rng(0)
        for _ in range(EPOCHS):
            self.epoch(tf.constant(rng.permutation(len(self.y)).astype(np.int32)))

    def score(self, X, y):
        """Return the accuracy."""
        logits = self._logits(tf.constant(X.reshape(-1, 8, 8, 1))).numpy()
        return np.mean(logits.argmax(axis=1) == y)


def fits():
    """Return [(label, comparison, our accuracy in percent, the peer's)]."""
    X, y = digits()
    found = []
    for count in TRAINED_ON:
        ours = CNNClassifier(random_state=0)
        for name, peer in (
            ("TensorFlow's floor", ByTensorFlow(X[:count], y[:count])),
            ("Keras", ByKeras(X[:count], y[:count])),
        ):
            calls = [partial(ours.fit, X[:count], y[:count]), peer.fit]
            seconds = in_turn(calls, repeats_within(SECONDS, calls))
            scores = [100 * float(model.score(X[1297:], y[1297:])) for model in (ours, peer)]
            found.append((f"digits {count}x64, {name}", Comparison.of(seconds), *scores))
    return found


def predictions():
    """Return [(label, comparison, share of equal labels)], with the same weights on both sides."""
    X, y = digits()
    ours = CNNClassifier(epochs=2, random_state=0).fit(X[:1297], y[:1297])
    model, graph = ours.model_, tf.function(ours.model_, autograph=False)

    def by_keras(rows):
        return model.predict(rows.reshape(-1, 8, 8, 1), verbose=0).argmax(axis=1)

    def by_tensorflow(rows):
        return graph(tf.constant(rows.reshape(-1, 8, 8, 1))).numpy().argmax(axis=1)

    found = []
    for count in PREDICTED:
        rows = np.resize(X, (count, 64))
        for name, peer in (("TensorFlow's floor", by_tensorflow), ("Keras", by_keras)):
            calls = [partial(ours.predict, rows), partial(peer, rows)]
            seconds = in_turn(calls, repeats_within(SECONDS / 4, calls))
            equal = float(np.mean(calls[0]() == calls[1]()))
            label = f"CNNClassifier, digits, {name}: {count:,}"
            found.append((label, Comparison.of(seconds), equal))
    return found


def main(threads):
    """Print {'fits': rows, 'predictions': rows} as JSON; fits with one thread only."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    rows = {"fits": fits() if threads == 1 else [], "predictions": predictions()}
    print(json.dumps(rows, default=dataclasses.asdict))


if __name__ == "__main__":
    main(int(sys.argv[1]))

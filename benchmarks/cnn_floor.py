"""How far CNNClassifier's fits of small data are from what TensorFlow itself takes.

Two floors: "Keras step" trains the Keras model of the same network by one traced step, called once
per batch; "operations" does the same without Keras, with TensorFlow's operations and its fused
Adam. Both read, shuffle and train on the same batches, and do nothing else: no checks, no history,
no network for predictions. "first" is the first fit of a process, after all imports; "new" the
first fit of another architecture in that process, "again" a later one of the same, in which
CNNClassifier compiles nothing, whereas a floor traces in every fit. Medians of fresh processes
that take turns.

Usage: OMP_NUM_THREADS=1 python benchmarks/cnn_floor.py [ROUNDS]
"""

import statistics
import subprocess
import sys
import time

CASES = [(1797, 10), (1797, 1), (500, 10), (150, 10), (150, 1)]
BATCH = 32
# Of the two convolutions: the default network, and another of the same size.
DEFAULT, OTHER = (32, 64), (31, 64)


def ours(X, y, epochs, filters):
    """Fit CNNClassifier."""
    from skextra import CNNClassifier

    CNNClassifier(filters, epochs=epochs, random_state=0).fit(X, y)


def keras_step(X, y, epochs, filters):
    """Train the Keras model of the same network by one traced step."""
    import keras
    import tensorflow as tf

    layers = [keras.Input((8, 8, 1))]
    for units in filters:
        layers.append(keras.layers.Conv2D(units, 3, padding="same", activation="relu"))
        layers.append(keras.layers.MaxPooling2D(2))
    layers += [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    optimizer, weights = keras.optimizers.Adam(0.001), model.trainable_variables
    optimizer.build(weights)

    def step(images, targets):
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(losses)
        optimizer.apply(tape.gradient(loss, weights), weights)

    train(step, X, y, epochs)


def operations(X, y, epochs, filters):
    """Train the same network by TensorFlow's operations alone."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    first, second = filters
    shapes = [(3, 3, 1, first), (3, 3, first, second), (4 * second, 64), (64, 10)]
    weights = []
    for shape in shapes:
        limit = np.sqrt(6 / (np.prod(shape[:-2]) * sum(shape[-2:])))
        weights.append(tf.Variable(rng.uniform(-limit, limit, shape).astype("float32")))
        weights.append(tf.Variable(np.zeros(shape[-1:], "float32")))
    slots = [(tf.Variable(0 * w), tf.Variable(0 * w)) for w in weights]
    count = tf.Variable(0.0)

    def step(images, targets):
        with tf.GradientTape() as tape:
            for kernel, bias in zip(weights[0:4:2], weights[1:4:2], strict=True):
                images = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "SAME"), bias))
                images = tf.nn.max_pool2d(images, 2, 2, "VALID")
            hidden = tf.reshape(images, (-1, 4 * second)) @ weights[4] + weights[5]
            logits = tf.nn.relu(hidden) @ weights[6] + weights[7]
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(losses)
        done = count.assign_add(1.0)
        for w, (m, v), gradient in zip(weights, slots, tape.gradient(loss, weights), strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=w.handle, m=m.handle, v=v.handle, beta1_power=0.9**done,
                beta2_power=0.999**done, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7,
                grad=gradient,
            )  # fmt: skip

    train(step, X, y, epochs)


def train(step, X, y, epochs):
    """Call a step, traced once, on shuffled batches."""
    import numpy as np
    import tensorflow as tf

    specs = [tf.TensorSpec((None, 8, 8, 1)), tf.TensorSpec((None,), tf.int32)]
    step = tf.function(step, input_signature=specs, autograph=False)
    images, targets = X.reshape(-1, 8, 8, 1).astype("float32"), y.astype("int32")
    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(len(X))
        for start in range(0, len(X), BATCH):
            rows = order[start : start + BATCH]
            step(images[rows], targets[rows])


FITS = {"CNNClassifier": ours, "Keras step": keras_step, "operations": operations}


def one_process(name, n, epochs):
    """Print the seconds of a first fit, one of another architecture, and the same again."""
    import keras  # noqa: F401
    import tensorflow  # noqa: F401
    from sklearn.datasets import load_digits

    import skextra.cnn._classifier  # noqa: F401

    X, y = load_digits(return_X_y=True)
    for filters in (DEFAULT, OTHER, OTHER):
        start = time.perf_counter()
        FITS[name](X[:n] / 16, y[:n], epochs, filters)
        print(time.perf_counter() - start)


def main(rounds):
    """Print the table."""
    print("digits  epochs  fit            first, s    new, s  again, s  ratios of ours to it")
    for n, epochs in CASES:
        seconds = {name: [] for name in FITS}
        for _ in range(rounds):
            for name, found in seconds.items():
                command = [sys.executable, __file__, name, str(n), str(epochs)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found.append([float(line) for line in done.stdout.split()])
        mine = seconds["CNNClassifier"]
        for name, rows in seconds.items():
            times = [statistics.median(column) for column in zip(*rows, strict=True)]
            ratios = [
                statistics.median(a / b for a, b in zip(us, them, strict=True))
                for us, them in zip(zip(*mine, strict=True), zip(*rows, strict=True), strict=True)
            ]
            print(
                f"{n:6}  {epochs:6}  {name:13}", *(f"{t:9.2f}" for t in times),
                "  " if name != "CNNClassifier" else "",
                *(f"{ratio:6.2f}" for ratio in ratios if name != "CNNClassifier"),
                flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) > 2:
        one_process(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

"""The step of Adam is that of Keras's optimizer, bit for bit."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn._training import _trainable
from skextra.cnn._training._adam import apply_adam, is_plain
from skextra.cnn._training._pool import POOL

X, Y = load_digits(return_X_y=True)
X, Y = X[:200] / 16, Y[:200]


def compiled(apply, variables):
    return tf.function(lambda gradients: apply(gradients, variables), autograph=False)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_are_those_of_keras(dtype):
    rng, shapes = np.random.default_rng(0), [(3, 3, 1, 4), (4,), (36, 10)]
    start = [rng.standard_normal(shape) for shape in shapes]
    steps = [[rng.standard_normal(shape) for shape in shapes] for _ in range(5)]
    results = []
    for ours in (True, False):
        optimizer = keras.optimizers.Adam(0.001)
        variables = [keras.Variable(value, dtype=dtype) for value in start]
        optimizer.build(variables)
        optimizer.learning_rate = 0.03
        apply = compiled(partial(apply_adam, optimizer) if ours else optimizer.apply, variables)
        for gradients in steps:
            apply([tf.constant(gradient, dtype) for gradient in gradients])
        results.append([v.numpy() for v in (*variables, *optimizer.variables)])
    for mine, keras_own in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, keras_own)
    assert results[0][3] == 5  # the count of steps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fits_are_those_with_the_optimizer_of_keras(dtype, monkeypatch):
    cnn = CNNClassifier(3, epochs=2, batch_norm=True, dtype=dtype, random_state=0)
    mine = cnn.fit(X, Y).weights_
    monkeypatch.setattr(_trainable, "is_plain", lambda optimizer: False)
    monkeypatch.setattr(POOL, "_waiting", [])
    for weights, others in zip(mine, cnn.fit(X, Y).weights_, strict=True):
        np.testing.assert_array_equal(weights, others)


@pytest.mark.parametrize(
    "option",
    [
        {"amsgrad": True},
        {"clipnorm": 1.0},
        {"weight_decay": 0.1},
        {"use_ema": True},
        {"beta_1": 0.8},
        {"gradient_accumulation_steps": 2},
        {"learning_rate": keras.optimizers.schedules.CosineDecay(0.001, 10)},
    ],
)
def test_options_of_adam_are_left_to_keras(option):
    assert is_plain(keras.optimizers.Adam(0.001))
    assert not is_plain(keras.optimizers.Adam(**option))
    assert not is_plain(keras.optimizers.SGD(0.001))

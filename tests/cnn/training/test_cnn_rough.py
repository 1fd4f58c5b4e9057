"""CNNClassifier on rough days: changed minds, interrupts, odd models and odd settings."""

import os
import pickle
import subprocess
import sys
import threading
import warnings
from functools import partial

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
from cnn_cases import SMALL, same
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skextra import CNNClassifier

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16).astype(np.float32)[:300], Y[:300]
BYTES = np.round(X * 255).astype(np.uint8)


def test_bytes_in_frames_are_bytes():
    names = [f"p{i}" for i in range(64)]
    plain = CNNClassifier(**SMALL).fit(BYTES, Y)
    for frame in (
        pd.DataFrame(BYTES, columns=names),
        pd.DataFrame(BYTES, columns=names).astype("UInt8"),
        pl.DataFrame(BYTES, schema=names),
    ):
        network = CNNClassifier(**SMALL).fit(frame, Y)
        same(network, plain)
        assert_array_equal(network.predict_proba(frame), plain.predict_proba(BYTES))


def test_weights_that_are_replaced_are_those_that_predict():
    network = CNNClassifier(**SMALL).fit(X, Y)
    network.predict(X[:5])
    network.weights_[0] = np.zeros_like(network.weights_[0])
    assert_allclose(np.ptp(network.predict_proba(X), axis=0), 0, atol=1e-7)


def test_numbers_that_are_too_large_are_told():
    network = CNNClassifier(**SMALL).fit(X, Y)
    with (
        pytest.warns(UserWarning, match="fitted on numbers from 0 to 1"),
        pytest.raises(ValueError, match="too large for the network's float32"),
    ):
        network.predict(X.astype(float) * 1e300)
    with pytest.raises(ValueError, match="too large for the network's float32"):
        network.fit(X.astype(float) * 1e300, Y)
    with pytest.warns(UserWarning, match=r"goes up to 255.*divide them by 255"):
        network.predict(255 * X)
    network.weights_[0] = 1e6 * network.weights_[0]
    with (
        pytest.warns(UserWarning, match="fitted on numbers from 0 to 1"),
        pytest.raises(ValueError, match="outputs of the network are not finite"),
    ):
        network.predict(X * np.float32(3e38))
    CNNClassifier(
        **SMALL,
    ).set_params(batch_size=2**40).fit(X, Y)


def test_images_with_their_axes_exchanged_are_told():
    signals = np.stack([X, -X], axis=2)
    network = CNNClassifier(image_shape=(1, 64, 2), **SMALL).fit(signals, Y)
    assert network.predict(signals).shape == (300,)
    with pytest.raises(ValueError, match=r"shape \(2, 64, 1\)"):
        network.predict(np.moveaxis(signals, 1, 2))


class Raise(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        raise KeyboardInterrupt


def test_interrupt_at_the_end_loses_nothing():
    with pytest.warns(ConvergenceWarning, match="after 2 of 2 epochs"):
        network = CNNClassifier(**SMALL, callbacks=[Raise()]).fit(X, Y)
    same(network, CNNClassifier(**SMALL).fit(X, Y))


def test_callbacks_that_hang_on_instances_are_heard():
    batches, epochs = [], []
    listener = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(batch),
        on_epoch_end=lambda epoch, logs: epochs.append(epoch),
    )
    bar = keras.callbacks.ProgbarLogger()
    CNNClassifier(**SMALL, callbacks=[listener, bar]).fit(X, Y)
    assert batches == list(range(10)) * 2
    assert epochs == [0, 1]
    assert bar.epochs == 2
    with pytest.raises(TypeError, match="callbacks must be"):
        CNNClassifier(callbacks=[keras.callbacks.EarlyStopping]).fit(X, Y)


class Spoil(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        self.model.optimizer.learning_rate = 0.5
        self.model.layers[0].activation = keras.activations.tanh


def test_what_a_callback_does_to_a_model_ends_with_its_fit():
    CNNClassifier(7, epochs=1, callbacks=[Spoil()]).fit(X, Y)
    one = CNNClassifier(7, epochs=1, random_state=0).fit(X, Y)
    same(one, CNNClassifier(7, epochs=1, random_state=0).fit(X, Y))
    assert_allclose(
        one.model_.predict(X.reshape(-1, 8, 8, 1), verbose=0), one.predict_proba(X), atol=1e-6
    )


def test_length_of_calls_does_not_show():
    """Neither in the weights nor in the sums of the history."""
    options = {**SMALL, "batch_size": 7, "epochs": 3}
    fits = [CNNClassifier(**options).fit(X, Y) for _ in range(3)]
    assert fits[0].history_ == fits[1].history_ == fits[2].history_
    assert {type(value) for value in fits[0].history_["loss"]} == {float}
    listening = CNNClassifier(**options, callbacks=[keras.callbacks.ProgbarLogger()]).fit(X, Y)
    assert listening.history_ == fits[0].history_


def test_changed_minds_between_fits():
    network = CNNClassifier(**SMALL, warm_start=True, learning_rate=1e-9).fit(X, Y)
    still = network.weights_[0]
    network.set_params(learning_rate=None).fit(X, Y)
    assert abs(network.weights_[0] - still).max() > 1e-3
    before = network.weights_[0]
    network.set_params(l2=100.0).fit(X, Y)
    assert abs(network.weights_[0]).sum() < 0.9 * abs(before).sum()
    network.set_params(l2=0.0, optimizer="sgd").fit(X, Y).partial_fit(X, Y)
    network.set_params(optimizer="adam").partial_fit(X, Y)
    assert network.n_iter_ == 4


class Jump(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.optimizer.learning_rate = 1e38


def test_training_goes_on_after_it_diverged():
    network = CNNClassifier(**SMALL, warm_start=True, callbacks=[Jump()])
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 2"):
        network.fit(X, Y)
    assert network.n_iter_ == 1
    network.set_params(callbacks=None).fit(X, Y)
    assert network.n_iter_ == 2
    assert network.loss_curve_[-1] < 2.3


def serialized(optimizer):
    return keras.optimizers.serialize(optimizer)


def test_optimizers_have_their_last_word_and_scale():
    options = {**SMALL, "epochs": 4}
    config = serialized(keras.optimizers.SGD(0.1))
    kept = str(config)
    plain = CNNClassifier(**options, optimizer=config).fit(X, Y)
    assert str(config) == kept
    averaged = serialized(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
    averaged = CNNClassifier(**options, optimizer=averaged).fit(X, Y)
    assert abs(averaged.weights_[0] - plain.weights_[0]).max() > 1e-3
    scaled = serialized(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)))
    scaled = CNNClassifier(**options, optimizer=scaled).fit(X, Y).fit(X, Y)
    assert_allclose(scaled.loss_curve_, plain.loss_curve_, rtol=1e-3)


def test_schedules_and_rates_exclude_each_other(tmp_path):
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    options = {**SMALL, "optimizer": serialized(keras.optimizers.Adam(rate))}
    network = CNNClassifier(**options).fit(X, Y)
    same(network, CNNClassifier(**options, checkpoint=tmp_path).fit(X, Y))
    same(network, CNNClassifier(**options, checkpoint=tmp_path).fit(X, Y))
    assert len(list(tmp_path.iterdir())) == 1
    network.save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match=r"learning_rate=0\.1 and a schedule"):
        network.set_params(learning_rate=0.1).fit(X, Y)


def test_threads_may_share_a_checkpoint(tmp_path):
    jobs = [CNNClassifier(**SMALL, checkpoint=tmp_path) for _ in range(4)]
    threads = [threading.Thread(target=job.fit, args=(X, Y)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in jobs:
        same(job, CNNClassifier(**SMALL).fit(X, Y))
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]


class Gated(keras.Model):
    """The layer made last is not the output, and ends in a softmax."""

    def __init__(self, n_classes):
        super().__init__()
        self.flatten = layers.Flatten()
        self.out = layers.Dense(n_classes)
        self.gate = layers.Dense(64, activation="softmax")

    def call(self, images):
        rows = self.flatten(images)
        return self.out(rows * self.gate(rows))


def normalised(image_shape, n_classes, mean):
    norm = layers.Normalization(mean=mean, variance=1.0)
    model = [keras.Input(image_shape), norm, layers.Flatten(), layers.Dense(n_classes)]
    return keras.Sequential(model)


def adapted(image_shape, n_classes, mean):
    norm = layers.Normalization(axis=None)
    norm.adapt(np.array([mean - 1.0, mean + 1.0]))
    return keras.Sequential(
        [keras.Input(image_shape), norm, layers.Flatten(), layers.Dense(n_classes)]
    )


def test_softmax_inside_a_model_stays():
    network = CNNClassifier(build=lambda shape, n: Gated(n), epochs=1, random_state=0).fit(X, Y)
    logits = network.model_(X.reshape(-1, 8, 8, 1)).numpy()
    assert_allclose(network.decision_function(X), logits, atol=1e-5)


@pytest.mark.parametrize("make", [normalised, adapted])
def test_state_outside_the_weights_is_kept(make):
    for mean in (0.0, 3.0):
        build = partial(make, mean=mean)
        network = CNNClassifier(build=build, epochs=1, random_state=0).fit(X, Y)
        logits = network.model_(X.reshape(-1, 8, 8, 1)).numpy()
        assert_allclose(network.decision_function(X), logits, atol=1e-4)


def test_a_softmax_layer_trains_as_an_activation_does():
    def build(shape, n, inside):
        end = (
            [layers.Dense(n, activation="softmax")]
            if inside
            else [layers.Dense(n), layers.Softmax()]
        )
        return keras.Sequential([keras.Input(shape), layers.Flatten(), *end])

    options = {"epochs": 3, "learning_rate": 0.05, "random_state": 0}
    curves = [
        CNNClassifier(build=partial(build, inside=inside), **options).fit(50 * X, Y).loss_curve_
        for inside in (True, False)
    ]
    assert_allclose(*curves, rtol=1e-5)
    assert curves[0][-1] < 0.5 * curves[0][0]


def test_a_model_that_is_handed_out_is_not_trained():
    own = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")]
    )
    before = own.get_weights()
    options = {"build": lambda shape, n: own, "epochs": 1, "random_state": 0}
    same(CNNClassifier(**options).fit(X, Y), CNNClassifier(**options).fit(X, Y))
    assert_array_equal(own.get_weights()[0], before[0])
    assert own.layers[-1].activation is keras.activations.softmax


def test_models_of_no_use_are_told():
    def two_inputs(shape, n):
        one, two = keras.Input(shape), keras.Input(shape)
        return keras.Model([one, two], layers.Dense(n)(layers.Flatten()(layers.Add()([one, two]))))

    def nothing(shape, n):
        return keras.Sequential(
            [keras.Input(shape), layers.Flatten(), layers.Lambda(lambda x: x[:, :10])]
        )

    for build, message in ((two_inputs, "has 2 inputs"), (nothing, "no weights to train")):
        with pytest.raises(ValueError, match=message):
            CNNClassifier(build=build).fit(X, Y)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"activation": "glu"}, "Keras cannot make the layers"),
        ({"kernel_initializer": "identity"}, "Keras cannot make the layers"),
        ({"kernel_initializer": keras.initializers.Ones()}, r"keras\.initializers\.serialize"),
        ({"activation": keras.activations.relu}, "a name that Keras knows, such as 'relu'"),
        ({"optimizer": keras.optimizers.Adam()}, r"keras\.optimizers\.serialize"),
        ({"augmentation": {"shift": 0.5}}, "whole number of pixels"),
    ],
)
def test_more_bad_parameters_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        CNNClassifier(**options).fit(X, Y)


def test_ragged_images_are_told():
    with pytest.raises(ValueError, match="images of several sizes"):
        CNNClassifier().fit([[[1.0, 2.0]], [[1.0]]], [0, 1])


def test_the_order_of_axes_that_keras_is_set_to_is_immaterial():
    options = {**SMALL, "filters": 3, "augmentation": {"shift": 1}}
    expected = CNNClassifier(**options).fit(X, Y)
    code = (
        "import keras, pickle, sys\n"
        "keras.config.set_image_data_format('channels_first')\n"
        "from test_cnn_rough import X, Y, CNNClassifier\n"
        f"network = CNNClassifier(**{options!r}).fit(X, Y)\n"
        "sys.stdout.buffer.write(pickle.dumps(network))\n"
    )
    same(pickle.loads(run(code).stdout), expected)


def run(code):
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("call", ["fit(X, y)", "predict(X)", "partial_fit(X, y)"])
def test_a_fork_is_an_error_and_no_hang(call):
    done = run(
        "import os\n"
        "from skextra import CNNClassifier\n"
        "X, y = [[0.0] * 9, [1.0] * 9], [0, 1]\n"
        "cnn = CNNClassifier(epochs=1).fit(X, y)\n"
        "cnn.predict(X)\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        f"        cnn.{call}\n"
        "    except RuntimeError as error:\n"
        "        print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    )
    assert b"'loky'" in done.stdout


def test_validation_is_not_weighted_by_class():
    network = CNNClassifier(**SMALL, early_stopping=True, class_weight={0: 100.0})
    plain = CNNClassifier(**SMALL, early_stopping=True, learning_rate=1e-12)
    leaning = network.set_params(learning_rate=1e-12).fit(X, Y)
    assert_allclose(leaning.history_["val_loss"], plain.fit(X, Y).history_["val_loss"], rtol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        leaning.predict(X)

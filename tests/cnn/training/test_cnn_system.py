"""CNNClassifier among others: callbacks, interrupts, files, threads, grids, own models."""

import os
import pickle
import random
import subprocess
import sys
import threading
from functools import partial

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import tensorflow as tf
from cnn_cases import SMALL, same
from joblib import parallel_backend
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar, ScoringMonitor  # noqa: TID251
from sklearn.datasets import load_digits
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skextra import CNNClassifier
from skextra.cnn._training._batch_norm import Moments
from skextra.cnn._training._pool import POOL

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16).astype(np.float32)[:600], Y[:600]


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(**SMALL).fit(X[:300], Y[:300])


class Diary(keras.callbacks.Callback):
    """Writes down what it is told, and raises an exception at the beginning of an epoch."""

    def __init__(self, last=None, error=None):
        super().__init__()
        self.last, self.error, self.epochs = last, error, []

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.last:
            raise self.error

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((epoch, dict(logs)))


class Batches(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.batches = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append((batch, logs["loss"]))


def test_keras_callbacks_listen_and_change_nothing(cnn):
    diary, batches = Diary(), Batches()
    network = CNNClassifier(**SMALL, callbacks=[diary, batches]).fit(X[:300], Y[:300])
    same(network, cnn)
    assert [epoch for epoch, _ in diary.epochs] == [0, 1]
    assert [logs["loss"] for _, logs in diary.epochs] == network.history_["loss"]
    assert [batch for batch, _ in batches.batches] == list(range(10)) * 2
    assert diary.model is None  # or the network would live on


def test_keras_callbacks_stop_and_steer(tmp_path):
    stop = keras.callbacks.EarlyStopping("loss", min_delta=10, patience=0)
    slow = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-12)
    saved = keras.callbacks.ModelCheckpoint(tmp_path / "epoch{epoch}.keras")
    network = CNNClassifier(**{**SMALL, "epochs": 9}, callbacks=[stop, slow, saved])
    network.fit(X[:300], Y[:300])
    assert network.n_iter_ == 2
    assert_allclose(*network.loss_curve_, rtol=1e-4)
    assert len(list(tmp_path.glob("*.keras"))) == 2
    # The rate that a callback set is not that of the next fit.
    network.set_params(callbacks=None, epochs=2).fit(X[:300], Y[:300])
    assert network.loss_curve_[1] < 0.99 * network.loss_curve_[0]


def test_sklearn_callbacks_watch_and_stop():
    class Stop:
        setup = teardown = lambda *args, **kwargs: None
        scores = ()

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.parent is None:
                return False
            self.scores = (*self.scores, fitted_estimator.score(X, Y))
            return len(self.scores) == 3

    stop = Stop()
    network = CNNClassifier(**{**SMALL, "epochs": 9}).set_callbacks(stop).fit(X[:300], Y[:300])
    assert network.n_iter_ == 3 == len(network.loss_curve_)
    assert stop.scores[-1] == network.score(X, Y)
    monitor = ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(MinMaxScaler(), CNNClassifier(**SMALL)).set_callbacks(monitor)
    pipeline.fit(X, Y)
    grid = GridSearchCV(CNNClassifier(**SMALL), {"learning_rate": [0.01, 0.1]}, cv=2)
    grid.set_callbacks(ProgressBar()).fit(X[:100], Y[:100])


def test_interrupt_leaves_the_last_whole_epoch(cnn, monkeypatch):
    options = {**SMALL, "epochs": 9}
    network = CNNClassifier(**options, callbacks=[Diary(2, KeyboardInterrupt())])
    with pytest.warns(ConvergenceWarning, match="that after 2 of 9 epochs"):
        network.fit(X[:300], Y[:300])
    assert network.n_iter_ == 2 == len(network.loss_curve_)
    same(network, cnn)
    normed = {**SMALL, "batch_norm": True}
    stopped = CNNClassifier(**{**normed, "epochs": 9}, callbacks=[Diary(2, KeyboardInterrupt())])
    with pytest.warns(ConvergenceWarning, match="that after 2 of 9 epochs"):
        stopped.fit(X[:300], Y[:300])
    same(stopped, CNNClassifier(**{**normed, "epochs": 2}).fit(X[:300], Y[:300]))
    interrupts, settle = [KeyboardInterrupt()], Moments.settle

    def settle_or_not(moments, X, w):
        if interrupts:
            raise interrupts.pop()
        settle(moments, X, w)

    monkeypatch.setattr(Moments, "settle", settle_or_not)  # after the last epoch
    late = CNNClassifier(**{**normed, "epochs": 2})
    with pytest.warns(ConvergenceWarning, match="that after 2 of 2 epochs"):
        late.fit(X[:300], Y[:300])
    same(late, stopped)
    network.set_params(callbacks=[Diary(0, KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, Y)
    same(network, cnn)


def test_interrupt_between_batches_is_heard_in_a_long_epoch():
    """A real signal, in the middle of an epoch that would take long."""
    code = (
        "import os, signal, threading, time, warnings, numpy as np\n"
        "from skextra import CNNClassifier\n"
        "X = np.random.default_rng(0).random((40000, 784), dtype=np.float32)\n"
        "cnn = CNNClassifier(epochs=1, verbose=True).fit(X[:2000], np.arange(2000) % 10)\n"
        "def press():\n"  # more than once: Keras may lose an interrupt in a bare except
        "    for _ in range(9):\n"
        "        time.sleep(2)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=press, daemon=True).start()\n"
        "start = time.monotonic()\n"
        "try:\n"
        "    cnn.set_params(epochs=100).fit(X, np.arange(40000) % 10)\n"
        "except KeyboardInterrupt:\n"
        "    print('raised after', time.monotonic() - start, cnn.n_iter_, flush=True)\n"
        "    os._exit(0)\n"
    )
    result = run_python(code)
    assert "raised after" in result.stdout, result.stderr
    seconds, epochs = result.stdout.split("raised after")[1].split()
    assert 2 <= float(seconds) < 30  # the epoch alone takes longer on the machines of 2025
    assert epochs == "1"


def run_python(code):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )


@pytest.mark.parametrize(
    "more", [{}, {"early_stopping": True, "dropout": 0.2, "batch_norm": True}]
)
def test_training_goes_on_after_a_crash(tmp_path, monkeypatch, more):
    options = {**SMALL, "epochs": 5, **more}
    whole = CNNClassifier(**options).fit(X, Y)
    monkeypatch.setattr(Power, "fails_in", 3)
    with pytest.raises(OSError, match="power"):
        CNNClassifier(**options, checkpoint=tmp_path, callbacks=[Power()]).fit(X, Y)
    monkeypatch.setattr(Power, "fails_in", None)
    Power.epochs.clear()
    resumed = CNNClassifier(**options, checkpoint=tmp_path, callbacks=[Power()]).fit(X, Y)
    assert Power.epochs == [3, 4]
    same(whole, resumed)
    assert resumed.history_ == whole.history_
    (file,) = tmp_path.iterdir()
    # Other data, parameters and callbacks are other trainings.
    CNNClassifier(**{**options, "epochs": 1}, checkpoint=tmp_path).fit(X[1:], Y[1:])
    stop = keras.callbacks.EarlyStopping("loss", min_delta=100, patience=1)
    CNNClassifier(**options, checkpoint=tmp_path, callbacks=[stop]).fit(X, Y)
    assert CNNClassifier(**options, checkpoint=tmp_path).fit(X, Y).n_iter_ == whole.n_iter_
    assert len(list(tmp_path.iterdir())) == 4
    for part in (1000, 0):
        file.write_bytes(file.read_bytes()[:part])
        with pytest.raises(ValueError, match=r"cannot be read .*delete the file"):
            CNNClassifier(**options, checkpoint=tmp_path, callbacks=[Power()]).fit(X, Y)
    with pytest.raises(ValueError, match="is no folder"):
        CNNClassifier(**options, checkpoint=file).fit(X, Y)


class Power(keras.callbacks.Callback):
    """Fails in an epoch, and writes down the others; the same to a checkpoint either way."""

    fails_in, epochs = None, []

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.fails_in:
            raise OSError("power")

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)


def two_layers(image_shape, n_classes, activation):
    images = keras.Input(image_shape)
    x = keras.layers.Dense(8)(keras.layers.Flatten()(images))
    x = keras.layers.Activation(activation, name=activation)(x)
    return keras.Model(images, keras.layers.Dense(n_classes)(x))


def test_models_of_ones_own_are_told_apart(tmp_path):
    """Layers without weights count, in the reuse of networks and in checkpoints."""
    losses = {}
    for checkpoint in (None, tmp_path, tmp_path):
        for activation in ("relu", "tanh"):
            build = partial(two_layers, activation=activation)
            options = {"build": build, "epochs": 2, "checkpoint": checkpoint}
            network = CNNClassifier(**options, random_state=0).fit(X, Y)
            assert losses.setdefault(activation, network.history_) == network.history_
            images = X[:9].reshape(-1, 8, 8, 1)
            logits = network.model_.predict(images, verbose=0)
            assert_allclose(network.decision_function(images), logits, atol=1e-5)
    assert losses["relu"] != losses["tanh"]
    assert len(list(tmp_path.iterdir())) == 2


width = 5


def small_net(image_shape, n_classes):
    return keras.Sequential(
        [
            keras.Input(image_shape),
            keras.layers.Conv2D(width, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(n_classes, activation="softmax"),
        ]
    )


def residual_net(image_shape, n_classes):
    inputs = keras.Input(image_shape)
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    y = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = keras.layers.Flatten()(keras.layers.Add()([x, y]))
    x = keras.layers.ActivityRegularization(l2=1e-4)(x)
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(n_classes)(x)))


@keras.saving.register_keras_serializable("skextra-tests")
class OwnNet(keras.Model):
    def __init__(self, n_classes, **options):
        super().__init__(**options)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(n_classes)
        self.n_classes = n_classes

    def get_config(self):
        return {**super().get_config(), "n_classes": self.n_classes}

    def call(self, images):
        return self.dense(self.flatten(images))


def own_net(image_shape, n_classes):
    return OwnNet(n_classes)


def uneven_net():
    return keras.Sequential([keras.layers.Dense(10), keras.layers.Reshape((1, 1, 10))])


@pytest.mark.parametrize("build", [small_net, residual_net, own_net])
def test_models_of_ones_own(build, tmp_path):
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    options = {"build": build, "epochs": 3, "learning_rate": 0.01, "random_state": 0}
    network = CNNClassifier(**options).fit(X, Y)
    assert random.getstate() == python
    assert_array_equal(np.random.get_state()[1], legacy[1])  # noqa: NPY002
    same(network, CNNClassifier(**options).fit(X, Y))
    assert network.loss_curve_[-1] < network.loss_curve_[0]
    proba = network.predict_proba(X[:20])
    outputs = network.model_.predict(X[:20].reshape(-1, 8, 8, 1), verbose=0)
    if build is own_net:
        outputs = np.asarray(keras.ops.softmax(outputs))
    assert_allclose(outputs, proba, atol=1e-5)
    assert_array_equal(pickle.loads(pickle.dumps(network)).predict_proba(X[:20]), proba)
    network.save(tmp_path / "own.keras")
    loaded = CNNClassifier.load(tmp_path / "own.keras", build=build)
    assert_array_equal(loaded.predict_proba(X[:20]), proba)
    with pytest.raises(ValueError, match="pass it as"):
        CNNClassifier.load(tmp_path / "own.keras")


def test_model_of_ones_own_may_depend_on_what_changes(monkeypatch):
    network = CNNClassifier(build=small_net, epochs=1, random_state=0).fit(X, Y)
    monkeypatch.setattr(sys.modules[__name__], "width", 7)
    wider = clone(network).fit(X, Y)
    assert [net.weights_[0].shape[-1] for net in (network, wider)] == [5, 7]
    assert network.predict_proba(X[:2]).shape == (2, 10)
    with pytest.raises(ValueError, match="make another network"):
        pickle.loads(pickle.dumps(network)).predict(X[:2])


def test_given_weights_are_where_training_begins():
    kernel = np.random.default_rng(0).normal(size=(64, 10)).astype(np.float32)

    def pretrained(image_shape, n_classes):
        model = keras.Sequential(
            [keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(n_classes)]
        )
        model.layers[-1].set_weights([kernel, np.zeros(10)])
        return model

    options = {"build": pretrained, "epochs": 1, "learning_rate": 1e-12}
    for _ in range(2):
        assert_allclose(CNNClassifier(**options).fit(X, Y).weights_[0], kernel, rtol=1e-6)


@pytest.mark.parametrize(
    "build, error, message",
    [
        (lambda shape, n: small_net(shape, n + 1), ValueError, r"of shape \(1, 11\).*\(1, 10\)"),
        (
            lambda shape, n: small_net((9, 9, 1), n),
            ValueError,
            r"takes images of shape \(9, 9, 1\), but X has",
        ),
        (lambda shape, n: uneven_net(), ValueError, r"cannot take images of shape \(8, 8, 1\)"),
        (lambda shape, n: "model", TypeError, "must return a keras.Model.*returned str"),
    ],
)
def test_bad_builds_are_told(build, error, message):
    network = CNNClassifier(build=build)
    with pytest.raises(error, match=message):
        network.fit(X, Y)
    assert not hasattr(network, "classes_")


# Where psutil is installed, joblib takes the import of TensorFlow for a leak, and says so in a
# thread that must not raise.
@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
def test_grid_search_is_the_same_everywhere():
    grid = {"learning_rate": [0.001, 0.03], "filters": [4, (4, 8)]}
    network = CNNClassifier(dense_units=(), epochs=2, random_state=0)
    scores = []
    for backend, n_jobs in (("threading", 1), ("threading", 2), ("loky", 2)):
        with parallel_backend(backend):
            search = GridSearchCV(network, grid, cv=3, n_jobs=n_jobs).fit(X[:300], Y[:300])
        scores.append(search.cv_results_["mean_test_score"])
    assert np.ptp(scores[0]) > 0.05
    assert_array_equal(scores[0], scores[1])
    assert_array_equal(scores[0], scores[2])


def test_threads_get_what_each_would_alone():
    jobs = [{**SMALL, "random_state": i, "dropout": 0.2} for i in range(4)]
    jobs += [{**SMALL, "filters": (4, 4)}, {**SMALL, "batch_norm": True}]
    alone = [CNNClassifier(**job).fit(X, Y) for job in jobs]
    together = [CNNClassifier(**job) for job in jobs]
    threads = [threading.Thread(target=cnn.fit, args=(X, Y)) for cnn in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together, strict=True):
        same(one, other)


def test_compiled_networks_are_used_again_and_forgotten():
    """Errors and loans leave nothing behind on which a later fit would stumble."""
    options = {"dense_units": (), "epochs": 1}
    CNNClassifier(1, **options).fit(X[:60], Y[:60])
    with pytest.raises(ValueError, match="diverged"):
        CNNClassifier(1, **options, learning_rate=1e38).fit(X[:60], Y[:60])
    for filters in range(1, 13):
        CNNClassifier(filters, **options).fit(X[:60], Y[:60])
        before = len(POOL)
        CNNClassifier(filters, **options, learning_rate=0.1, random_state=1).fit(X[:60], Y[:60])
        assert len(POOL) == before <= 8  # it used the network of the first
    for l2, more in ((0.1, 1), (0.2, 1), (0.0, 1)):  # without penalties there is less to compile
        CNNClassifier(9, **options, l2=l2).fit(X[:60], Y[:60])
        assert sum(key[-1] for key, _ in POOL._waiting) == more


def test_meta_estimators():
    cnn = CNNClassifier(**SMALL, learning_rate=0.02)
    for model in (
        VotingClassifier(
            [("a", clone(cnn)), ("b", LogisticRegression(max_iter=500))], voting="soft"
        ),
        BaggingClassifier(clone(cnn), n_estimators=2, random_state=0),
        AdaBoostClassifier(clone(cnn), n_estimators=2, random_state=0),
        CalibratedClassifierCV(clone(cnn).set_params(epochs=4), cv=2),
    ):
        assert model.fit(X[:300], Y[:300]).score(X[300:], Y[300:]) > 0.4
    with sklearn.config_context(enable_metadata_routing=True):
        routed = (
            clone(cnn).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        )
        result = cross_validate(routed, X, Y, params={"sample_weight": np.arange(600.0)}, cv=2)
    assert (result["test_score"] > 0.4).all()


def test_frames_are_arrays_with_names(cnn):
    names = [f"pixel{i}" for i in range(64)]
    for frame in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names)):
        network = CNNClassifier(**SMALL).fit(frame[:300], pd.Series(Y[:300]))
        same(network, cnn)
        assert network.feature_names_in_.tolist() == names
        with pytest.raises(ValueError, match="feature names"):
            network.predict(frame[names[::-1]])


def test_unpickling_imports_no_tensorflow(cnn, tmp_path):
    (tmp_path / "cnn.pkl").write_bytes(pickle.dumps(cnn))
    result = run_python(
        "import pickle, sys\n"
        f"cnn = pickle.load(open({str(tmp_path / 'cnn.pkl')!r}, 'rb'))\n"
        "repr(cnn), cnn.get_params(), cnn.history_, cnn.loss_curve_\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])\n"
        "print(cnn.predict([[0.5] * 64]))\n"
    )
    assert result.stdout.split("\n")[0] == "[]", result.stderr
    assert result.stdout.split("\n")[1] == str(cnn.predict(np.full((1, 64), 0.5)))


def world():
    """Everything global that a fit might touch."""
    return (
        random.getstate(),
        [str(part) for part in np.random.get_state()],  # noqa: NPY002
        keras.config.floatx(),
        keras.config.epsilon(),
        keras.config.image_data_format(),
        keras.config.dtype_policy().name,
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
        tf.config.functions_run_eagerly(),
        tf.config.get_visible_devices(),
        dict(os.environ),
        threading.active_count(),
        np.geterr(),
    )


def test_nothing_global_is_touched(tmp_path):
    options = {**SMALL, "dropout": 0.1, "batch_norm": True, "augmentation": {"rotation": 9}}
    before = world()
    network = CNNClassifier(**options, early_stopping=True).fit(X, Y)
    network.partial_fit(X, Y)
    network.predict_proba(X)
    network.save(tmp_path / "a.keras")
    CNNClassifier.load(tmp_path / "a.keras").model_.count_params()
    CNNClassifier(build=small_net, epochs=1, random_state=0).fit(X, Y)
    assert world() == before


@pytest.mark.parametrize(
    "setup, message",
    [
        ("sys.modules['keras'] = None", 'pip install "skextra[tensorflow]"'),
        ("sys.modules['tensorflow'] = None", 'pip install "skextra[tensorflow]"'),
        ("os.environ['KERAS_BACKEND'] = 'numpy'", "KERAS_BACKEND=tensorflow"),
    ],
)
def test_keras_missing_is_told_in_a_sentence(setup, message):
    result = run_python(
        f"import os, sys\n{setup}\n"
        "from skextra import CNNClassifier\n"
        "cnn = CNNClassifier()\n"
        "try:\n"
        "    cnn.fit([[0.0] * 9, [1.0] * 9], [0, 1])\n"
        "except (ImportError, RuntimeError) as error:\n"
        "    print(error, hasattr(cnn, 'classes_'))\n"
    )
    assert message in result.stdout, result.stderr
    assert result.stdout.endswith("False\n")

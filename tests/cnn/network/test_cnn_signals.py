"""CNNClassifier on signals: rows of numbers in time, of one channel or several."""

import copy
import pickle
import warnings

import keras
import numpy as np
import pytest
import skops.io
from cnn_cases import SMALL, same
from keras import layers
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import correlate
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score

from skextra import CNNClassifier
from skextra.cnn import (
    export_network,
    feature_maps,
    fold_batch_norm,
    gradient_histograms,
    layer_table,
    misclassified,
    quantize_int8,
)
from skextra.plotting import FilterDisplay

LENGTH, CHANNELS = 100, 3


def waves(n, seed=0):
    """Return signals of three channels, of three frequencies in the second of them."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = 0.3 * rng.standard_normal((n, LENGTH, CHANNELS))
    phase = rng.uniform(0, 6, (n, 1))
    X[:, :, 1] += np.sin((0.2 + 0.2 * y[:, None]) * np.arange(LENGTH) + phase)
    return X.astype(np.float32), y


X, Y = waves(240)
OPTIONS = {**SMALL, "input_kind": "signal", "kernel_size": 7, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(**{**OPTIONS, "epochs": 15, "batch_norm": True}).fit(X, Y)


def test_signals_are_convolved_along_the_time_over_their_channels(cnn):
    assert cnn.image_shape_ == (1, LENGTH, CHANNELS)
    assert cnn.weights_[0].shape == (1, 7, CHANNELS, 8)
    held, labels = waves(150, seed=1)
    assert cnn.score(held, labels) > 0.95
    plain = CNNClassifier(3, 5, pool=None, dense_units=(), input_kind="signal", epochs=1,
                          activation="tanh", dtype="float64", random_state=0)  # fmt: skip
    plain.fit(X[:90], Y[:90])
    kernel, bias, dense, offset = plain.weights_
    for signal in X[100:103].astype(float):
        maps = [
            sum(correlate(signal[:, c], kernel[0, :, c, f], "same") for c in range(CHANNELS))
            for f in range(3)
        ]
        expected = np.tanh(np.stack(maps, axis=1) + bias).ravel() @ dense + offset
        assert_allclose(plain.decision_function(signal[None])[0], expected, rtol=1e-10)


def test_rows_and_signals_are_one(cnn):
    rows = X.reshape(len(X), -1)
    proba = cnn.predict_proba(X)
    for given in (rows, X[:, None], X.tolist(), rows.tolist()):
        assert_array_equal(cnn.predict_proba(given), proba)
    by_signal = CNNClassifier(**OPTIONS).fit(X, Y)
    for shape in ((LENGTH, CHANNELS), (1, LENGTH, CHANNELS), [LENGTH, CHANNELS]):
        for given in (X, rows):
            same(CNNClassifier(**OPTIONS, image_shape=shape).fit(given, Y), by_signal)
    same(CNNClassifier(**OPTIONS, image_shape=(LENGTH, CHANNELS)).partial_fit(rows, Y, [0, 1, 2]),
         CNNClassifier(**OPTIONS).partial_fit(X, Y, [0, 1, 2]))  # fmt: skip
    with pytest.raises(ValueError, match=r"shape \(3, 100, 1\), but the network was fitted on"):
        cnn.predict(np.moveaxis(X, 1, 2))


@pytest.mark.parametrize("shape", [None, LENGTH, (LENGTH,), (LENGTH, 1)])
def test_rows_of_a_square_number_are_signals_where_they_are_said_to_be(shape):
    one = X[:, :, 1]
    cnn = CNNClassifier(**OPTIONS, image_shape=shape).fit(one, Y)
    assert cnn.image_shape_ == (1, LENGTH, 1)
    assert cnn.weights_[0].shape == (1, 7, 1, 8)
    same(cnn, CNNClassifier(**OPTIONS).fit(one[:, :, None], Y))


def test_images_are_images_where_they_are_said_to_be():
    """Without a warning; rows need no guess then."""
    strips = CNNClassifier(**{**SMALL, "input_kind": "image"}).fit(X, Y)
    assert strips.image_shape_ == (LENGTH, CHANNELS, 1)
    squares = CNNClassifier(**SMALL, input_kind="image").fit(X[:, :, 0], Y)
    assert squares.image_shape_ == (10, 10, 1)
    with pytest.raises(ValueError, match=r"rows of 300 numbers are no square.*image_shape"):
        CNNClassifier(**SMALL, input_kind="image").fit(X.reshape(len(X), -1), Y)


@pytest.mark.parametrize("options", [{}, {"image_shape": (LENGTH, CHANNELS)}])
def test_images_that_are_hardly_images_are_told_once(options):
    message = r"shape \(100, 3\) are taken for images of one channel.*input_kind='signal'"
    with pytest.warns(UserWarning, match=message) as told:
        cnn = CNNClassifier(**SMALL, **options, warm_start=True).fit(X, Y)
    assert len(told) == 1
    assert cnn.image_shape_ == (LENGTH, CHANNELS, 1)
    cnn.fit(X, Y).predict(X)  # goes on, and warnings are errors here


def test_strips_are_told_before_layers_do_not_fit_them():
    message = r"shape \(100, 3\) are taken for images of one channel"
    with (
        pytest.warns(UserWarning, match=message),
        pytest.raises(ValueError, match="reduced to nothing"),
    ):
        CNNClassifier(epochs=1).fit(X, Y)


@pytest.mark.parametrize("shape", [(8, 8), (28, 20), (100, 1), (20, 100), (48, 32), (9, 4)])
def test_images_of_usual_shapes_are_not_told(shape):
    rng = np.random.default_rng(0)
    CNNClassifier((), dense_units=(), epochs=1).fit(rng.uniform(size=(6, *shape)), [0, 1] * 3)


@pytest.mark.parametrize(
    "options, data, message",
    [
        ({"input_kind": "sound"}, X, "input_kind='sound' is not an option"),
        ({"image_shape": (8, 8, 3)}, X, r"image_shape=\(8, 8, 3\) is that of images, but"),
        ({"image_shape": (50, 3)}, X, r"\(50, 3\) needs 150 numbers.*length and channels"),
        ({}, X.reshape(-1, 10, 10, 3), r"X has samples of shape \(10, 10, 3\)"),
        ({"input_kind": "image", "image_shape": 300}, X, "image_shape=300 is that of signals"),
        ({"augmentation": {"rotation": 5}}, X, "rotates images .* but X has signals"),
        ({"augmentation": {"flip": "both"}}, X, "rotates images .* but X has signals"),
        (
            {"augmentation": {"flip": "vertical"}},
            X[:, :, 0],
            "rotates images .* but X has signals",
        ),
    ],
)
def test_what_does_not_go_with_signals_is_told(options, data, message):
    cnn = CNNClassifier(**{**OPTIONS, **options})
    with pytest.raises(ValueError, match=message):
        cnn.fit(data, Y)
    assert vars(cnn) == vars(CNNClassifier(**{**OPTIONS, **options}))


def test_a_network_of_images_does_not_go_on_with_signals():
    cnn = CNNClassifier(**SMALL).fit(X[:, :, 0], Y)
    with pytest.raises(
        ValueError, match="input_kind='signal' differs from that of the fitted network"
    ):
        cnn.set_params(input_kind="signal").partial_fit(X[:, :, 0], Y)


def test_signals_are_moved_along_the_time():
    moves = {"shift": 5, "zoom": 0.1, "flip": "horizontal", "rotation": 0}
    cnn = CNNClassifier(**{**OPTIONS, "epochs": 15, "augmentation": moves}).fit(X, Y)
    assert cnn.score(X, Y) > 0.9
    still = CNNClassifier(**{**OPTIONS, "epochs": 15}).fit(X, Y)
    assert abs(cnn.weights_[0] - still.weights_[0]).max() > 0.01
    # Rows of which the kind is a guess are as little turned as their kernels have a height.
    guess = CNNClassifier(**SMALL, augmentation={"rotation": 9}).fit(X[:, :60, 0], Y)
    same(guess, CNNClassifier(**SMALL, augmentation={"rotation": 0}).fit(X[:, :60, 0], Y))


def test_copies_and_files_of_signals(cnn, tmp_path):
    expected = cnn.predict_proba(X)
    skops.io.dump(cnn, tmp_path / "cnn.skops")
    cnn.save(tmp_path / "cnn.keras")
    for other in (
        pickle.loads(pickle.dumps(cnn)),
        copy.deepcopy(cnn),
        skops.io.load(tmp_path / "cnn.skops", trusted=["skextra.cnn._classifier.CNNClassifier"]),
        CNNClassifier.load(tmp_path / "cnn.keras"),
    ):
        assert_array_equal(other.predict_proba(X), expected)
        assert other.get_params() == cnn.get_params()
    assert "signal" in cnn._repr_html_()
    same(clone(cnn).fit(X, Y), cnn)
    model = keras.models.load_model(tmp_path / "cnn.keras")
    assert model.input_shape == cnn.model_.input_shape == (None, 1, LENGTH, CHANNELS)
    images = X.reshape(-1, *cnn.image_shape_)
    assert_allclose(model.predict(images, verbose=0), expected, atol=1e-6)


def test_what_looks_into_networks_takes_signals(cnn, tmp_path):
    rows = {row.name: row for row in layer_table(cnn).rows}
    assert rows["conv1"].output_shape == (1, LENGTH, 8)
    assert rows["conv1"].macs == LENGTH * 8 * 7 * CHANNELS
    assert rows["conv1"].receptive_field == (1, 7)
    (maps,) = feature_maps(cnn, X[:4], layers="conv1").values()
    assert maps.shape == (4, 1, LENGTH, 8)
    assert_array_equal(maps, feature_maps(cnn, X[:4].reshape(4, -1), layers="conv1")["conv1"])
    assert "conv1/kernel" in gradient_histograms(cnn, X, Y)
    wrong = misclassified(cnn, X, (Y + 1) % 3)
    assert wrong.images.shape == (10, 1, LENGTH, CHANNELS)
    for smaller in (quantize_int8(cnn)[0], fold_batch_norm(cnn)[0]):
        assert (smaller.predict(X) == cnn.predict(X)).mean() > 0.98
    folded, _ = fold_batch_norm(cnn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which the exporter does, of old names in NumPy
        export_network(folded, tmp_path / "a.onnx", X)
    drawn = FilterDisplay.from_estimator(
        cnn, n_filters=4, n_channels=1, ax=Figure().subplots(2, 2)
    )
    assert [image.get_array().shape for image in drawn.images_] == [(1, 7)] * 4


def test_searches_and_models_of_ones_own_take_signals():
    def build(shape, n_classes):
        parts = [layers.Conv1D(8, 7, activation="relu"), layers.GlobalMaxPooling1D()]
        end = layers.Dense(n_classes)
        return keras.Sequential([keras.Input((None, shape[2])), *parts, end])

    own = CNNClassifier(build=build, input_kind="signal", epochs=30, learning_rate=0.01)
    assert own.set_params(random_state=0).fit(X, Y).score(X, Y) > 0.9
    assert own.model_.input_shape == (None, None, CHANNELS)
    scores = cross_val_score(CNNClassifier(**{**OPTIONS, "epochs": 15}), X, Y, cv=2)
    assert scores.min() > 0.9


def test_integers_of_sound_are_scaled():
    sound = np.round(X * 9000).astype(np.int16)
    cnn = CNNClassifier(**{**OPTIONS, "epochs": 15}).fit(sound, Y)
    assert cnn.score(sound, Y) > 0.9
    assert_allclose(cnn.predict_proba(sound / 32767), cnn.predict_proba(sound), atol=1e-5)


def test_digits_are_still_guessed():
    digits, labels = load_digits(return_X_y=True)
    cnn = CNNClassifier(**SMALL).fit(digits[:50] / 16, labels[:50])
    assert cnn.get_params()["input_kind"] == "auto"
    assert cnn.image_shape_ == (8, 8, 1)

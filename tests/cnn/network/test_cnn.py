"""CNNClassifier: what it computes, checked against NumPy, SciPy and Keras."""

import keras
import numpy as np
import pytest
from cnn_cases import SMALL, same
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import correlate
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import shuffle

from skextra import CNNClassifier

X, Y = load_digits(return_X_y=True)
X = X / 16
BYTES = np.round(X * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(random_state=0).fit(X[:1200], Y[:1200])


@pytest.fixture(scope="module")
def normed():
    network = CNNClassifier(
        (4, 6),
        batch_norm=True,
        dropout=0.1,
        epochs=4,
        learning_rate=0.01,
        batch_size=64,
        random_state=0,
    )
    return network.fit(X[:500], Y[:500], sample_weight=np.arange(1, 501))


def test_digits_are_learnt_and_told(cnn):
    assert cnn.score(X[1200:], Y[1200:]) > 0.92
    assert cnn.n_iter_ == 10 == len(cnn.history_["accuracy"]) == len(cnn.loss_curve_)
    assert cnn.loss_curve_[-1] < 0.1 < 1 < cnn.loss_curve_[0]
    assert cnn.image_shape_ == (8, 8, 1)
    assert cnn.n_features_in_ == 64


def test_rows_and_images_are_one(cnn):
    images = X.reshape(-1, 8, 8)
    proba = cnn.predict_proba(X[:50])
    assert_array_equal(cnn.predict_proba(images[:50]), proba)
    assert_array_equal(cnn.predict_proba(images[:50, :, :, None]), proba)
    assert_array_equal(cnn.predict_proba(images[:50].tolist()), proba)
    same(
        CNNClassifier(**SMALL).fit(images[:200], Y[:200]),
        CNNClassifier(**SMALL).fit(X[:200], Y[:200]),
    )


def test_colours_need_a_shape():
    colour = np.stack([X[:100], 1 - X[:100], X[:100] / 2], axis=2).reshape(-1, 8, 8, 3)
    by_image = CNNClassifier(**SMALL).fit(colour, Y[:100])
    by_row = CNNClassifier(image_shape=(8, 8, 3), **SMALL).fit(colour.reshape(100, -1), Y[:100])
    same(by_image, by_row)
    assert by_image.weights_[0].shape == (3, 3, 3, 8)
    # 192 numbers are no square: a signal, unless told otherwise.
    assert CNNClassifier(**SMALL).fit(colour.reshape(100, -1), Y[:100]).image_shape_ == (1, 192, 1)


def test_forward_pass_is_that_of_scipy():
    network = CNNClassifier(
        (3, 4), 3, padding=("same", "valid"), pool=("max", None), dense_units=5, dtype="float64",
        activation=("relu", "tanh", "relu"), epochs=1, random_state=0,
    ).fit(X[:100], Y[:100])  # fmt: skip
    k1, b1, k2, b2, k3, b3, k4, b4 = network.weights_
    for row in X[100:105]:
        image = row.reshape(8, 8)
        maps = np.maximum([correlate(image, k1[..., 0, f], "same") + b1[f] for f in range(3)], 0)
        maps = maps.reshape(3, 4, 2, 4, 2).max(axis=(2, 4))
        maps = np.tanh(
            [
                sum(correlate(maps[c], k2[..., c, f], "valid") for c in range(3)) + b2[f]
                for f in range(4)
            ]
        )
        hidden = np.maximum(np.moveaxis(maps, 0, -1).ravel() @ k3 + b3, 0)
        expected = hidden @ k4 + b4
        assert_allclose(network.decision_function([row])[0], expected, rtol=1e-12, atol=1e-13)
        assert_allclose(network.predict_proba([row])[0], softmax(expected), rtol=1e-12)
        assert_allclose(network.predict_log_proba([row])[0], log_softmax(expected), rtol=1e-12)


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_step_is_that_of_backpropagation(l2):
    """One step of gradient descent on a dense network, against the textbook's formulas."""
    options = {"filters": (), "dense_units": 4, "optimizer": "sgd", "momentum": 0, "l2": l2}
    network = CNNClassifier(**options, learning_rate=0.5, activation="tanh", random_state=3)
    rows, labels, weights = X[:30], Y[:30] % 3, np.linspace(0.5, 2, 30)
    network.partial_fit(rows, labels, classes=[0, 1, 2], sample_weight=weights)
    W1, b1, W2, b2 = (w.copy() for w in network.weights_)
    network.partial_fit(rows, labels, sample_weight=weights)
    hidden = np.tanh(rows @ W1 + b1)
    pull = softmax(hidden @ W2 + b2, axis=1) - np.eye(3)[labels]
    pull *= weights[:, None] / 30
    back = pull @ W2.T * (1 - hidden**2)
    gradients = [
        rows.T @ back + 2 * l2 * W1,
        back.sum(0),
        hidden.T @ pull + 2 * l2 * W2,
        pull.sum(0),
    ]
    for after, before, gradient in zip(network.weights_, [W1, b1, W2, b2], gradients, strict=True):
        assert_allclose(after, before - 0.5 * gradient, rtol=1e-10, atol=1e-14)


def test_history_is_that_of_the_weights():
    """With a step of next to nothing the averages of an epoch are those of the network."""
    options = {**SMALL, "learning_rate": 1e-12, "dtype": "float64", "epochs": 1}
    w, held = np.linspace(1, 3, 200), slice(200, 300)
    network = CNNClassifier(**options).fit(
        X[:200], Y[:200], w, X_val=X[held], y_val=Y[held], sample_weight_val=w[:100]
    )
    for name, rows, v in (("", slice(200), w), ("val_", held, w[:100])):
        losses = -network.predict_log_proba(X[rows])[np.arange(len(v)), Y[rows]]
        assert_allclose(
            network.history_[name + "loss"], [np.average(losses, weights=v)], rtol=1e-8
        )
        score = network.score(X[rows], Y[rows], v)
        assert_allclose(network.history_[name + "accuracy"], [score], rtol=1e-8)


def test_batch_norm_ends_with_the_statistics_of_the_data(normed):
    model = normed.model_
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 3
    images, w = X[:500].reshape(-1, 8, 8, 1).astype(np.float32), np.arange(1.0, 501)
    for norm in norms:
        entering = np.asarray(keras.Model(model.inputs[0], norm.input)(images), dtype=float)
        rows = entering.reshape(500, -1, entering.shape[-1])
        mean = np.average(rows.mean(axis=1), axis=0, weights=w)
        variance = np.average(((rows - mean) ** 2).mean(axis=1), axis=0, weights=w)
        assert_allclose(norm.moving_mean, mean, rtol=1e-4, atol=1e-5)
        assert_allclose(norm.moving_variance, variance, rtol=1e-4, atol=1e-6)


def test_few_steps_of_batch_norm_predict_as_they_trained(normed):
    assert normed.score(X[500:], Y[500:]) > 0.5
    assert normed.score(X[500:], Y[500:]) > normed.history_["accuracy"][-1] - 0.1


def test_model_stands_alone(cnn, normed):
    for network in (cnn, normed):
        model = network.model_
        assert model is not network.model_
        proba = model.predict(X.reshape(-1, 8, 8, 1)[:300], verbose=0)
        assert_allclose(proba, network.predict_proba(X[:300]), atol=2e-6)
        for a, b in zip(model.get_weights(), network.weights_, strict=True):
            assert_array_equal(a, b)
        model.set_weights([0 * w for w in model.get_weights()])
        assert np.ptp(network.predict_proba(X[:1])) > 0


def test_bytes_are_divided_by_255():
    by_byte = CNNClassifier(**SMALL).fit(BYTES[:300], Y[:300])
    by_unit = CNNClassifier(**SMALL).fit((BYTES[:300] / 255).astype(np.float32), Y[:300])
    for a, b in zip(by_byte.weights_, by_unit.weights_, strict=True):
        assert_allclose(a, b, atol=1e-5)
    assert_allclose(
        by_byte.predict_proba(BYTES[300:400]),
        by_byte.predict_proba(BYTES[300:400] / 255),
        atol=1e-6,
    )
    images = BYTES[300:400].reshape(-1, 8, 8, 1)
    assert_allclose(
        by_byte.model_.predict(images, verbose=0), by_byte.predict_proba(images), atol=2e-6
    )
    with pytest.raises(ValueError, match=r"goes up to 255.*divided by 255 inside"):
        by_byte.predict(BYTES[300:400].astype(float))
    signed = CNNClassifier(**SMALL).fit(X[:100] - 0.5, Y[:100])
    with pytest.raises(ValueError, match="X is uint8"):
        signed.predict(BYTES[:10])


def test_simple_nn_is_one_call():
    network = CNNClassifier(
        (16, 16, 32), (5, 3, 7), padding=2, pool_size=(4, 3, 2), pool_strides=2, dense_units=32,
        use_bias=(False, False, False, True), epochs=1, random_state=0,
    )  # fmt: skip
    colour = np.random.default_rng(0).uniform(size=(12, 32, 32, 3)).astype(np.float32)
    model = network.fit(colour, np.arange(12) % 10).model_
    counts = {layer.name: layer.count_params() for layer in model.layers if layer.count_params()}
    assert counts == {
        "conv1": 1200, "conv2": 2304, "conv3": 25088, "dense1": 9216 + 32, "output": 330
    }  # fmt: skip
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shapes["conv1"] == (32, 32, 16)
    assert shapes["pool1"] == (15, 15, 16)
    assert shapes["conv2"] == (17, 17, 16)
    assert shapes["conv3"] == (6, 6, 32)
    assert shapes["flatten1"] == (288,)


def test_signals_have_one_dimension():
    rng, t = np.random.default_rng(0), np.arange(50)
    y = np.arange(300) % 3
    waves = np.sin((0.2 + 0.15 * y[:, None]) * t + rng.uniform(0, 6, (300, 1)))
    waves += 0.3 * rng.standard_normal(waves.shape)
    network = CNNClassifier((8, 16), 5, image_shape=50, padding=2, epochs=15, random_state=0)
    network.fit(waves[:200], y[:200])
    assert network.weights_[0].shape == (1, 5, 1, 8)
    assert network.score(waves[200:], y[200:]) > 0.9
    stereo = np.stack([waves, waves], axis=2)
    network.set_params(image_shape=(1, 50, 2), epochs=1).fit(stereo[:50], y[:50])
    assert network.weights_[0].shape == (1, 5, 2, 8)


def test_chunks_are_one_pass():
    options = {"filters": 4, "shuffle": False, "epochs": 1, "dropout": 0.2, "random_state": 1}
    whole = CNNClassifier(**{**options, "dropout": 0}).fit(X[:320], Y[:320])
    parts = CNNClassifier(**{**options, "dropout": 0})
    for start in range(0, 320, 64):
        rows = slice(start, start + 64)
        parts.partial_fit(X[rows].astype(np.float32), Y[rows], classes=np.arange(10))
    same(whole, parts)
    assert parts.n_iter_ == 5 == len(parts.loss_curve_)


def test_partial_fit_goes_on_after_fit():
    network = CNNClassifier(**SMALL).fit(X[:300], Y[:300])
    before = network.loss_curve_[-1]
    network.partial_fit(X[:300], Y[:300])
    assert network.n_iter_ == 3 == len(network.loss_curve_)
    assert network.loss_curve_[-1] < before
    with pytest.raises(ValueError, match=r"labels \[77\] that are not among"):
        network.partial_fit(X[:2], [0, 77])
    assert network.n_iter_ == 3
    with pytest.raises(ValueError, match="classes must be given"):
        CNNClassifier().partial_fit(X[:9], Y[:9])
    assert not hasattr(CNNClassifier(class_weight="balanced"), "partial_fit")


def test_warm_start_goes_on_as_if_there_had_been_no_break():
    whole = CNNClassifier(**{**SMALL, "epochs": 4}).fit(X[:300], Y[:300])
    halves = CNNClassifier(**SMALL, warm_start=True).fit(X[:300], Y[:300])
    halves.fit(X[:300], Y[:300])
    same(whole, halves)
    assert halves.n_iter_ == 2
    with pytest.raises(ValueError, match="warm_start=False"):
        halves.set_params(filters=9).fit(X[:300], Y[:300])
    halves.set_params(filters=8)
    for labels in (Y + 1, Y % 5):
        with pytest.raises(ValueError, match="continues with the classes"):
            halves.fit(X[:300], labels[:300])
    for change in ({"image_shape": (4, 16)}, {"dtype": "float64"}):
        (name,) = change
        other = CNNClassifier(**{**SMALL, "epochs": 1}, warm_start=True)
        other.fit(X[:50], np.arange(50) % 10)
        with pytest.raises(ValueError, match=f"{name}=.* differs from that of the fitted network"):
            other.set_params(**change).fit(X[:50], np.arange(50) % 10)
    assert halves.set_params(image_shape=(8, 8), dtype="float32").n_iter_ == 2
    same(whole, halves)


def test_unit_of_weights_and_rows_of_none_are_immaterial():
    w = np.random.default_rng(0).integers(0, 3, 300).astype(float)
    one = CNNClassifier(**SMALL).fit(X[:300], Y[:300], w)
    same(one, CNNClassifier(**SMALL).fit(X[:300], Y[:300], w * 2.0**70))
    same(one, CNNClassifier(**SMALL).fit(X[:300][w > 0], Y[:300][w > 0], w[w > 0]))


def test_refits_are_the_same_whatever_was_fitted_between():
    options = {**SMALL, "dropout": 0.3, "batch_norm": True, "augmentation": {"shift": 1}}
    first = CNNClassifier(**options).fit(X[:200], Y[:200])
    CNNClassifier(**{**options, "random_state": 5}).fit(X[:300], Y[:300])
    CNNClassifier(**{**options, "learning_rate": 0.1, "l2": 1.0}).fit(X[:200], Y[:200])
    same(first, CNNClassifier(**options).fit(X[:200], Y[:200]))
    other = CNNClassifier(**{**options, "random_state": 5}).fit(X[:200], Y[:200])
    assert abs(other.weights_[0] - first.weights_[0]).max() > 0.01


def test_early_stopping_keeps_the_best(recwarn):
    network = CNNClassifier(
        (8,),
        learning_rate=0.02,
        early_stopping=True,
        n_iter_no_change=2,
        epochs=50,
        random_state=0,
    ).fit(X[:400], Y[:400], X_val=X[400:600], y_val=Y[400:600])
    losses = network.history_["val_loss"]
    assert 3 <= network.n_iter_ == np.argmin(losses) + 3 < 50
    now = -network.predict_log_proba(X[400:600])[np.arange(200), Y[400:600]].mean()
    assert_allclose(now, min(losses), rtol=1e-5)
    split = CNNClassifier(**SMALL, early_stopping=True, validation_fraction=0.2)
    split.fit(X[:400], Y[:400])
    assert len(split.history_["val_loss"]) == 2
    assert len(recwarn) == 0
    with pytest.warns(UserWarning, match="too few samples for validation_fraction"):
        split.fit(X[:11], Y[:11])


def test_one_class_is_predicted_without_a_network():
    network = CNNClassifier().fit(X[:5], ["a"] * 5)
    assert network.predict(X[:3]).tolist() == ["a"] * 3
    assert network.predict_proba(X[:3]).tolist() == [[1.0]] * 3
    assert network.n_iter_ == 0
    with pytest.raises(AttributeError, match="one class, 'a'"):
        network.model_  # noqa: B018


def test_two_classes_have_one_margin():
    rows, labels = shuffle(*load_iris(return_X_y=True), random_state=0)
    names = np.array(["no", "yes"])[(labels == 2).astype(int)]
    rows = rows / 8
    network = CNNClassifier(epochs=40, learning_rate=0.01, random_state=0).fit(rows, names)
    margin, proba = network.decision_function(rows), network.predict_proba(rows)
    assert margin.shape == (150,)
    assert_array_equal(network.predict(rows) == "yes", margin > 0)
    assert_allclose(margin, np.log(proba[:, 1] / proba[:, 0]), rtol=1e-6, atol=1e-6)
    assert network.score(rows, names) > 0.9


def test_divergence_is_an_error_at_first_and_a_warning_later():
    with pytest.raises(ValueError, match="diverged; lower learning_rate"):
        CNNClassifier(optimizer="sgd", learning_rate=1e30, **SMALL).fit(X[:200], Y[:200])

    class Jump(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.optimizer.learning_rate = 1e30

    options = {**SMALL, "optimizer": "sgd", "epochs": 5}
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 2 and is that after epoch 1"):
        network = CNNClassifier(callbacks=[Jump()], **options).fit(X[:200], Y[:200])
    assert network.n_iter_ == 1
    same(network, CNNClassifier(**{**options, "epochs": 1}).fit(X[:200], Y[:200]))


def test_class_weights_move_the_balance():
    rows, labels = X[np.isin(Y, (3, 8))], Y[np.isin(Y, (3, 8))]
    options = {**SMALL, "learning_rate": 0.01}
    plain = CNNClassifier(**options).fit(rows, labels)
    leaning = CNNClassifier(**options, class_weight={3: 1, 8: 50}).fit(rows, labels)
    assert (leaning.predict(rows) == 8).mean() > (plain.predict(rows) == 8).mean() + 0.1


@pytest.mark.parametrize(
    "optimizer", ["sgd", keras.optimizers.serialize(keras.optimizers.RMSprop())]
)
def test_optimizers(optimizer):
    network = CNNClassifier(**{**SMALL, "epochs": 5}, optimizer=optimizer, learning_rate=0.01)
    network.fit(X[:500], Y[:500])
    assert network.loss_curve_[-1] < 0.8 * network.loss_curve_[0]


def test_zero_start_cannot_break_symmetry():
    network = CNNClassifier(kernel_initializer="zeros", epochs=2, random_state=0).fit(X, Y)
    kernels = [w for w in network.weights_ if w.ndim > 1]
    assert all(not kernel.any() for kernel in kernels)
    assert network.weights_[-1].any()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"image_shape": (7, 9)}, r"image_shape=\(7, 9\) needs 63 numbers.*rows of 64"),
        ({"image_shape": (8, 0)}, r"image_shape=\(8, 0\) must be"),
        ({"image_shape": (8, 8), "filters": (4,) * 4}, "reduced to nothing: 1 x 1 is left"),
        ({"image_shape": (8, 8), "kernel_size": 9, "padding": "valid"}, "spans 9 x 9"),
        ({"filters": 0}, "filters=0 is not valid: 0 is not a whole number from 1 up"),
        ({"kernel_size": (3, 3, 3)}, "has 3 values, but there are 2 convolutions"),
        ({"dropout": (0.5, 0.5)}, "has 2 values, but there are 3 layers"),
        ({"dropout": 1.0}, "dropout=1.0 is not valid: .* below 1"),
        ({"strides": 2, "dilation": 2}, "cannot both exceed 1 in convolution 1"),
        ({"padding": "full"}, "'full' is none of 'same', 'valid'"),
        ({"pool": "min"}, "'min' is none of 'max', 'average', None"),
        ({"activation": "rellu"}, "activation='rellu' is not one that Keras knows"),
        ({"kernel_initializer": "he"}, "kernel_initializer='he' is not one that Keras knows"),
        ({"optimizer": "adagrad"}, "optimizer='adagrad' is not an option"),
        ({"optimizer": {"class_name": "Nope"}}, "no configuration of a Keras optimizer"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"augmentation": {"tilt": 3}}, "augmentation=.*'tilt'.*'rotation'"),
        ({"augmentation": {"zoom": 2}}, "zoom=2 must be a number from 0 to 0.9"),
        ({"callbacks": ["x"]}, "callbacks must be None or a list of Keras callbacks"),
        ({"build": "net"}, "build must be None or a function"),
        ({"checkpoint": "x"}, "needs a random_state that can be repeated"),
        ({"class_weight": {0: -1.0}}, "must be positive and finite"),
        ({"l2": -1}, "l2=-1 is not valid"),
    ],
)
def test_bad_parameters_are_named_and_leave_nothing(options, message):
    network = CNNClassifier(**options)
    with pytest.raises((TypeError, ValueError), match=message):
        network.fit(X[:50], Y[:50])
    assert vars(network) == vars(CNNClassifier(**options))


def test_bad_data_leaves_the_earlier_fit(cnn):
    before = dict(vars(cnn))
    spoilt = X[:50].copy()
    spoilt[3, 3] = np.nan
    for bad, labels, message in (
        (spoilt, Y[:50], "NaN"),
        (X[:50], Y[:49], "inconsistent numbers"),
        (X[:50], np.linspace(0, 1, 50), "continuous"),
    ):
        with pytest.raises(ValueError, match=message):
            cnn.fit(bad, labels)
    with pytest.raises(ValueError, match="X_val and y_val must be given together"):
        cnn.fit(X, Y, X_val=X)
    with pytest.raises(ValueError, match=r"y_val has labels \[99\]"):
        cnn.fit(X, Y, X_val=X[:2], y_val=[1, 99])
    with pytest.raises(ValueError, match="non-zero"):
        cnn.fit(X, Y, np.zeros(len(X)))
    assert vars(cnn) == before
    with pytest.raises(ValueError, match=r"shape \(4, 16, 1\), but the network was fitted on"):
        cnn.predict(X[:5].reshape(-1, 4, 16))


@pytest.mark.parametrize("layout", ["F", "strided", "readonly", "float32", "int"])
def test_layout_of_the_array_is_immaterial(layout, cnn):
    rows = X[1200:1250].astype(np.float32)
    given = {
        "F": np.asfortranarray(rows),
        "strided": np.repeat(rows, 2, axis=1)[:, ::2],
        "readonly": rows.copy(),
        "float32": rows,
        "int": (rows > 0.5).astype(np.int64),
    }[layout]
    given.flags.writeable = layout != "readonly"
    expected = cnn.predict_proba((rows > 0.5).astype(float) if layout == "int" else rows)
    assert_array_equal(cnn.predict_proba(given), expected)

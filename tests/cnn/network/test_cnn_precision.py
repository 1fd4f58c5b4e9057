"""CNNClassifier where Keras is set to another precision."""

import keras
import numpy as np
import pytest
from cnn_cases import SMALL, same
from keras import layers
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import feature_maps

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16).astype(np.float32)[:300], Y[:300]


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def test_a_policy_of_mixed_precision_is_refused_by_name(policy):
    cnn = CNNClassifier(**SMALL)
    with pytest.raises(ValueError, match=rf"'{policy}' .*Set dtype='float32' to do so"):
        cnn.fit(X, Y)
    assert vars(cnn) == vars(CNNClassifier(**SMALL))
    with pytest.raises(ValueError, match=r"Set dtype='float64' to do so"):
        cnn.partial_fit(X[:30].astype(float), Y[:30], classes=np.arange(10))


def test_a_dtype_that_is_given_comes_before_the_policy(policy, tmp_path):
    cnn = CNNClassifier(**SMALL, batch_norm=True, dtype="float32").fit(X, Y)
    probabilities, maps = cnn.predict_proba(X), feature_maps(cnn, X)
    cnn.save(tmp_path / "a.keras")
    assert_allclose(
        cnn.model_.predict(X.reshape(-1, 8, 8, 1), verbose=0), probabilities, atol=1e-6
    )
    assert {weight.dtype for weight in cnn.weights_} == {np.dtype("float32")}
    keras.config.set_dtype_policy("float32")
    same(cnn, CNNClassifier(**SMALL, batch_norm=True).fit(X, Y))
    loaded = CNNClassifier.load(tmp_path / "a.keras")
    assert_allclose(loaded.predict_proba(X), probabilities)
    for name, there in feature_maps(loaded, X).items():
        assert_allclose(there, maps[name], atol=1e-6)


def test_a_network_that_is_fitted_predicts_whatever_the_policy():
    cnn = CNNClassifier(**SMALL).fit(X, Y)
    expected = cnn.predict_proba(X)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        assert_allclose(cnn.predict_proba(X), expected)
    finally:
        keras.config.set_dtype_policy(before)


def dim(image_shape, n_classes):
    """Return a network of which float16 loses the gradients, but for a scaled loss."""
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Flatten(),
            layers.Rescaling(2.0**-14),
            layers.Dense(n_classes),
            layers.Rescaling(2.0**-10),
        ]
    )


def test_models_of_ones_own_follow_the_policy(policy):
    def build(image_shape, n_classes):
        parts = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten()]
        end = layers.Dense(n_classes, activation="softmax")
        return keras.Sequential([keras.Input(image_shape), *parts, end])

    cnn = CNNClassifier(build=build, epochs=15, random_state=0).fit(X, Y)
    computed = {layer.compute_dtype for layer in cnn.model_.layers}
    assert computed == {policy.removeprefix("mixed_")}
    assert cnn.score(X, Y) > 0.9
    assert {weight.dtype for weight in cnn.weights_} == {np.dtype("float32")}


def test_small_gradients_survive_float16(policy):
    options = {"build": dim, "optimizer": "sgd", "momentum": 0.0, "epochs": 1, "random_state": 0}
    still = CNNClassifier(**options, learning_rate=1e-30).fit(X, Y).weights_[0]
    moved = CNNClassifier(**options, learning_rate=1e4).fit(X, Y).weights_[0]
    assert (moved != still).mean() > 0.5

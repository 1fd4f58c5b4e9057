"""Odd models and odd input, for what makes networks small."""

import pickle
import warnings
import zipfile

import keras
import numpy as np
import pytest
from cnn_cases import SMALL
from compression_cases import normed
from keras import layers as kl
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

from skextra import CNNClassifier, KMeansPP
from skextra.cnn import (
    best_n_clusters,
    cluster_weights,
    compare_networks,
    feature_maps,
    fold_batch_norm,
    gradient_histograms,
    layer_table,
    load_model,
    quantize_int8,
)
from skextra.cnn._keras import numbers_of

pytestmark = pytest.mark.usefixtures("keras_seed")

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)[:400]
Y = Y[:400]
IMAGES = X.reshape(-1, 8, 8, 1)


def clustered(model):
    return cluster_weights(model, 4, random_state=0)[0]


def int8(model):
    return quantize_int8(model)[0]


def folded(model):
    return fold_batch_norm(model)[0]


def with_softmax(image_shape, n_classes):
    return keras.Sequential(
        [
            keras.Input(image_shape),
            kl.Conv2D(4, 3),
            kl.BatchNormalization(),
            kl.Flatten(),
            kl.Dense(n_classes, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(**SMALL).fit(X, Y)


@pytest.fixture(scope="module")
def built():
    return CNNClassifier(build=with_softmax, epochs=1, random_state=0).fit(X, Y)


def test_models_whose_call_is_code():
    class Doubled(keras.Sequential):
        def call(self, x, training=None, mask=None):
            return 2 * super().call(x, training=training)

    model = Doubled([keras.Input((8,)), kl.Dense(4)])
    for function in (layer_table, quantize_int8, clustered):
        with pytest.raises(
            ValueError, match=r"cannot be followed, as its call\(\) is Python code"
        ):
            function(model)


def test_adapted_statistics_are_kept():
    rng = np.random.default_rng(0)
    rows = rng.normal(5, 3, (50, 6)).astype(np.float32)
    norm = kl.Normalization()
    norm.adapt(rows)
    model = keras.Sequential([keras.Input((6,)), norm, kl.Dense(4), kl.BatchNormalization()])
    expected = model.predict(rows, verbose=0)
    for smaller, near in ((folded, 1e-4), (int8, 0.1)):
        assert_allclose(smaller(model).predict(rows, verbose=0), expected, atol=near)
    # In two steps as well, and for a layer that was given its statistics.
    small, _ = quantize_int8(folded(model))
    assert_allclose(small.predict(rows, verbose=0), expected, atol=0.1)
    assert compare_networks(model, small).rows[0].action == "kept, weights as constants"
    given = keras.Sequential([keras.Input((6,)), kl.Normalization(mean=0.5, variance=2.0),
                              kl.Dense(4)])  # fmt: skip
    assert_allclose(int8(given).predict(rows, verbose=0), given.predict(rows, verbose=0), atol=0.1)
    words = kl.Discretization(num_bins=3)
    words.adapt(rows)
    model = keras.Sequential([keras.Input((6,)), words, kl.Dense(4)])
    with pytest.raises(ValueError, match="cannot be copied with its adapted state"):
        quantize_int8(model)


def adapted(image_shape, n_classes):
    norm = kl.Normalization()
    norm.adapt(IMAGES)
    return keras.Sequential(
        [keras.Input(image_shape), norm, kl.Conv2D(4, 3), kl.BatchNormalization(), kl.Flatten(),
         kl.Dense(n_classes)]
    )  # fmt: skip


def test_estimators_of_builds(built, tmp_path):
    normalised = CNNClassifier(build=adapted, epochs=1, random_state=0).fit(X, Y)
    small = folded(normalised)
    assert_allclose(small.decision_function(X), normalised.decision_function(X), atol=1e-4)
    for smaller, near in ((folded, 1e-5), (int8, 0.05)):
        small = smaller(built)
        shown = small.model_.predict(IMAGES, verbose=0)
        assert_allclose(shown.sum(axis=1), 1, atol=1e-5)
        assert_allclose(shown, built.predict_proba(X), atol=near)
        small.save(tmp_path / "small.keras")
        loaded = load_model(tmp_path / "small.keras")
        assert_allclose(loaded.predict(IMAGES, verbose=0), shown, atol=1e-6)
    # Names are the same from one call to the next.
    name = layer_table(built)[0].name
    assert list(feature_maps(built, X, name)) == [name]
    keys = [list(gradient_histograms(built, X, Y, weights=w)) for w in ("fitted", "initial")]
    assert keys[0] == keys[1]


def test_masks_and_lora():
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), kl.Embedding(10, 6, mask_zero=True, name="e"),
         kl.Dense(4), kl.LSTM(3, name="l")]
    )  # fmt: skip
    words = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 0, 0]])
    small, _ = cluster_weights(model, 24, skip=["e", "l"], random_state=0)
    assert_allclose(small.predict(words, verbose=0), model.predict(words, verbose=0), atol=1e-6)
    model = keras.Sequential([keras.Input((8,)), kl.Dense(6, name="d"), kl.BatchNormalization()])
    model.layers[0].enable_lora(2)
    for function in (clustered, int8):
        with pytest.raises(ValueError, match="'d' has LoRA weights beside its kernel"):
            function(model)
    with pytest.raises(ValueError, match="follows d, which has LoRA weights"):
        fold_batch_norm(model)


def test_batch_norm_called_in_other_ways():
    x = keras.Input((8, 8, 3))
    y = kl.Conv2D(4, 3)(x)
    named = keras.Model(x, kl.BatchNormalization()(inputs=y))
    assert len(folded(named).layers) == 2
    trains = keras.Model(x, kl.BatchNormalization(name="b")(y, training=True))
    with pytest.raises(ValueError, match="b is called with training=True"):
        folded(trains)
    assert len(folded(keras.Model(x, kl.BatchNormalization()(y, training=False))).layers) == 2
    i = keras.Input((8, 8, 3))
    z = kl.Conv2D(4, 3, name="conv")(i)
    inner = keras.Model(i, [kl.BatchNormalization(name="b")(z), z], name="inner")
    with pytest.raises(ValueError, match="inner/b is not the only user of the output of"):
        folded(keras.Model(x, inner(x)[0]))
    other = keras.Sequential(
        [
            keras.Input((8,)),
            kl.Dense(4, name="d"),
            kl.BatchNormalization(dtype="float64", name="b"),
        ]
    )
    with pytest.raises(ValueError, match="b computes in float64, unlike d"):
        folded(other)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64", "float16"])
def test_types(policy):
    layers = [kl.Conv2D(8, 3, dtype=policy), kl.Flatten(), kl.Dense(4, dtype=policy)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    rng = np.random.default_rng(0)
    # Scales of int8 are beyond half precision for such kernels.
    sizes = {4: 1e-4, 2: 1, 1: 0}
    model.set_weights([sizes[w.ndim] * rng.normal(size=w.shape) for w in model.get_weights()])
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype(np.float32)
    expected = model.predict(images, verbose=0).astype(float)
    sixteen = cluster_weights(model, 16, random_state=0)[0]
    for small, near in ((int8(model), 0.02), (sixteen, 0.2)):
        found = small.predict(images, verbose=0).astype(float)
        assert np.abs(found - expected).max() < near * np.abs(expected).max()
    report = cluster_weights(model, 16, random_state=0)[1]
    biases = sum(w.nbytes for w in model.get_weights() if w.ndim == 1)
    counts = [w.size for w in model.get_weights() if w.ndim > 1]
    assert report.bytes_after == sum(n // 2 + 4 * 16 for n in counts) + biases
    assert layer_table(small)[0].macs == layer_table(model)[0].macs


def test_functions_of_the_users_own():
    def mine(x):
        return keras.ops.relu(x) / 2

    class Own(keras.regularizers.Regularizer):
        def __call__(self, x):
            return keras.ops.sum(x**2)

        def get_config(self):
            return {}

    layers = [
        kl.Lambda(lambda x: 2 * keras.ops.relu(x)),
        kl.Conv2D(4, 3, activation=mine, name="c", kernel_regularizer=Own()),
        kl.BatchNormalization(),
        kl.Conv2D(4, 3),
        kl.BatchNormalization(),
        kl.Activation(mine),
    ]
    model = normed((8, 8, 3), layers)
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 3))
    expected = model.predict(images, verbose=0)
    scale = np.abs(expected).max()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras on storing a lambda
        for smaller, near in ((folded, 1e-5), (int8, 0.1)):
            found = smaller(model).predict(images, verbose=0)
            assert np.abs(found - expected).max() < near * scale
        kept, _ = quantize_int8(model, skip=["c"])
        assert kept.get_layer("c").activation is mine
        assert isinstance(kept.get_layer("c").kernel_regularizer, Own)

        def build(image_shape, n_classes):
            layers = [kl.Lambda(lambda x: 2 * x), kl.Flatten(), kl.Dense(n_classes)]
            return keras.Sequential([keras.Input(image_shape), *layers])

        own = CNNClassifier(build=build, epochs=1, random_state=0).fit(X, Y)
        with pytest.raises(ValueError, match=r"must be registered with keras\.saving"):
            quantize_int8(own)


def test_networks_of_builds_from_pickles(built):
    small = int8(built)
    copies = [pickle.loads(pickle.dumps(network)) for network in (built, small)]
    report = compare_networks(*copies, X, Y)
    assert [row.action for row in report.rows] == ["int8", "kept", "int8"]
    assert report.accuracy_after == small.score(X, Y)
    assert compare_networks(built.model_, small.model_).bytes_after == report.bytes_after


def test_data_are_checked_first(cnn, monkeypatch):
    monkeypatch.setattr(KMeansPP, "fit", None)
    for function in (cluster_weights, quantize_int8):
        with pytest.raises(ValueError, match="y has 3 classes for 400 samples"):
            function(cnn, X=X, y=Y[:3])
    one = normed((6,), [kl.Dense(1)])
    with pytest.raises(ValueError, match="omit y, or give a binary network two outputs"):
        quantize_int8(one, np.ones((2, 6)), [0, 1])
    assert quantize_int8(one, np.ones((2, 6)))[1].speedup > 0
    with pytest.raises(TypeError, match=r"got Pipeline; take it out .* as pipeline\[-1\]"):
        quantize_int8(make_pipeline(cnn))


def test_a_network_without_weights():
    model = keras.Sequential([keras.Input((8, 8, 1)), kl.Flatten()])
    report = compare_networks(model, model)
    assert report.ratio == 1
    assert "1.00 times smaller" in repr(report)


def test_numbers_of_clusters_that_there_are():
    small = CNNClassifier(filters=(2, 64), epochs=1, random_state=0).fit(X, Y)
    best = best_n_clusters(small)
    assert best == 18  # weights of the first convolution
    cluster_weights(small, best, random_state=0)
    with pytest.raises(ValueError, match="'conv1' has 18 distinct weights"):
        cluster_weights(small, best + 1)


def test_odd_weights():
    model = normed((6,), [kl.Dense(4, name="d")])
    for value in (np.nan, np.inf):
        model.set_weights([np.full((6, 4), value), np.zeros(4)])
        for function in (clustered, int8):
            with pytest.raises(ValueError, match="'d' has NaN or infinite weights"):
                function(model)
    tiny = np.random.default_rng(0).normal(size=(6, 4)) * 1e-12
    model.set_weights([tiny, np.zeros(4)])
    assert quantize_int8(model)[1].rows[0].weight_error < 0.01
    model.set_weights([np.zeros((6, 4)), np.ones(4)])
    assert_array_equal(int8(model).predict(np.ones((2, 6)), verbose=0), np.ones((2, 4)))


def test_skip_is_a_name_or_names():
    model = normed((6,), [kl.Dense(4, name="dense1"), kl.Dense(3, name="d")])
    _, report = quantize_int8(model, skip="dense1")
    assert [row.action for row in report.rows] == ["left: in skip", "int8"]
    with pytest.raises(TypeError, match="skip=None must be a name or a list"):
        quantize_int8(model, skip=None)


def test_two_of_a_kind(cnn):
    with pytest.raises(ValueError, match="An estimator and a Keras model cannot be compared"):
        compare_networks(cnn.model_, int8(cnn))


def test_states_and_flags_of_the_original():
    layers = [kl.Dense(4), kl.LSTM(3, stateful=True, name="l")]
    model = keras.Sequential([keras.Input((2, 5), batch_size=4), *layers])
    rows = np.random.default_rng(0).normal(size=(4, 2, 5))
    quantize_int8(model, rows, skip=["l"])
    assert all((numbers_of(state) == 0).all() for state in model.layers[1].states)
    frozen = normed((6,), [kl.Dense(4)])
    frozen.layers[0].trainable = False
    assert not int8(frozen).layers[0].trainable
    assert not clustered(frozen).layers[0].trainable


def test_files_of_others(cnn, tmp_path):
    path = tmp_path / "a.keras"
    with pytest.raises(ValueError, match="is no file"):
        load_model(path)
    path.write_text("junk")
    with pytest.raises(ValueError, match=r"is not a '\.keras' file"):
        load_model(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "b")
    with pytest.raises(ValueError, match="cannot be read"):
        load_model(path)
    small = int8(cnn)
    assert not any(weight.flags.writeable for weight in small.weights_)
    config = small.__getstate__()["_config"]
    for wrong, message in [
        (config.replace('"Conv2D"', '"Lambda"'), "Keras cannot make the network"),
        (config[:-5], "not JSON"),
        ("5", "Keras cannot make the network"),
        (config.replace('"units": 10', '"units": 9'), "cannot be loaded"),
    ]:
        small.save(path)
        with zipfile.ZipFile(path) as file:
            members = {name: file.read(name) for name in file.namelist()}
        state = members["skextra.json"].decode()
        quoted = [text.encode("unicode_escape").decode().replace('"', '\\"') for text in
                  (config, wrong)]  # fmt: skip
        assert quoted[0] in state
        members["skextra.json"] = state.replace(*quoted).encode()
        with zipfile.ZipFile(path, "w") as file:
            for name, content in members.items():
                file.writestr(name, content)
        with pytest.raises(ValueError, match=message):
            CNNClassifier.load(path)

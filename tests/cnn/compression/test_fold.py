"""fold_batch_norm: the same outputs, and a reason for every layer that is left."""

import keras
import numpy as np
import pytest
from compression_cases import KINDS, fresh, kind_name, normed
from keras import layers as kl
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import fold_batch_norm, quantize_int8

pytestmark = pytest.mark.usefixtures("keras_seed")

X, Y = load_digits(return_X_y=True)
X = X / 16


def outputs(model, seed=1):
    rng = np.random.default_rng(seed)
    return model.predict(rng.normal(size=(4, *model.inputs[0].shape[1:])), verbose=0)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("layer, shape", KINDS, ids=kind_name)
def test_every_kind_of_layer(layer, shape, dtype, tolerance):
    layers = [fresh(layer, dtype=dtype), kl.BatchNormalization(dtype=dtype)]
    model = normed(shape, [*layers, kl.ReLU(dtype=dtype)], dtype=dtype)
    weights = [w.copy() for w in model.get_weights()]
    folded, report = fold_batch_norm(model)
    scale = max(1, np.abs(outputs(model)).max())
    assert_allclose(outputs(folded), outputs(model), atol=tolerance * scale, rtol=0)
    assert len(folded.layers) == 2
    assert folded.layers[0].use_bias
    assert [row.action for row in report.rows] == [
        f"takes {layers[1].name} in", f"folded into {layers[0].name}",
    ]  # fmt: skip
    assert report.bytes_after == sum(w.nbytes for w in folded.get_weights())
    for one, two in zip(model.get_weights(), weights, strict=True):
        assert_array_equal(one, two)


def test_by_hand():
    # Rows of the course: they come to -1, 1, 1, -1 each, and are then moved by -10 and 10.
    rows = np.array([[12, 0, -5], [14, 10, 5], [14, 10, 5], [12, 0, -5]], dtype=float)
    norm = kl.BatchNormalization(epsilon=0, scale=False, dtype="float64")
    dense = kl.Dense(3, use_bias=False, dtype="float64")
    model = keras.Sequential([keras.Input((3,), dtype="float64"), dense, norm])
    dense.set_weights([np.eye(3)])
    norm.set_weights([np.array([0, -10, 10]), rows.mean(axis=0), rows.var(axis=0)])
    folded, _ = fold_batch_norm(model)
    expected = np.array([[-1, -11, 9], [1, -9, 11], [1, -9, 11], [-1, -11, 9]])
    assert_allclose(folded.predict(rows, verbose=0), expected)
    kernel, bias = folded.get_weights()
    assert_allclose(kernel, np.diag([1, 1 / 5, 1 / 5]))
    assert_allclose(bias, [-13, -11, 10])


@pytest.mark.parametrize("options", [{"center": False}, {"scale": False}, {"epsilon": 0.3}])
def test_forms_of_batch_norm(options):
    model = normed((6, 6, 2), [kl.Conv2D(3, 3), kl.BatchNormalization(**options)])
    assert_allclose(outputs(fold_batch_norm(model)[0]), outputs(model), atol=1e-5)


def test_graphs_fold_what_can_be_and_say_why_the_rest_cannot():
    x = keras.Input((8, 8, 3))
    conv = {"padding": "same"}
    plain = kl.BatchNormalization(name="input_norm")(x)
    a = kl.BatchNormalization(name="good")(kl.Conv2D(4, 3, **conv, name="a")(plain))
    b = kl.BatchNormalization(name="behind_relu")(
        kl.Conv2D(4, 3, **conv, activation="relu", name="b")(a)
    )
    c = kl.Conv2D(4, 3, **conv, name="c")(b)
    branch = kl.BatchNormalization(name="branched")(c)
    twice = kl.BatchNormalization(name="twice")
    d = twice(kl.Conv2D(4, 1, name="d")(c))
    d = twice(d)
    pooled = kl.BatchNormalization(name="behind_pool")(kl.MaxPooling2D(1, name="pool")(d))
    axis = kl.BatchNormalization(axis=1, name="rows")(kl.Conv2D(4, 1, name="e")(pooled))
    shared = kl.Conv2D(4, 1, name="shared")
    used = kl.BatchNormalization(name="of_shared")(shared(shared(axis)))
    inner = keras.Sequential([keras.Input((8, 8, 4)), kl.BatchNormalization(name="norm")])
    inner.name = "inner"
    f = inner(kl.Conv2D(4, 1, name="f")(used))
    model = keras.Model(x, kl.Add(name="add")([branch, f, used]))
    rng = np.random.default_rng(0)
    for layer in [*model.layers, *inner.layers]:
        if isinstance(layer, kl.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
    folded, report = fold_batch_norm(model)
    assert_allclose(outputs(folded), outputs(model), rtol=1e-4, atol=1e-4)
    actions = {row.layer: row.action for row in report.rows}
    assert actions["good"] == "folded into a"
    for name, why in {
        "input_norm": "follows the input; has a shift, which the zeros at the borders of a lack",
        "behind_relu": "follows the activation 'relu' of b; has a shift, which the zeros at "
        "the borders of c lack",
        "branched": "is not the only user of the output of c; precedes add of type Add",
        "twice": "is used more than once",
        "rows": "normalises axis 1, which is not that of the channels of e; precedes shared, "
        "which is used more than once",
        "of_shared": "follows shared (2), which is used more than once; is not used by one "
        "layer only",
        "inner/norm": "is in another model than f; is not used by one layer only",
    }.items():
        assert actions[name] == f"left: {why}"
    assert actions["behind_pool"] == "folded into e"
    names = [layer.name for layer in folded.layers]
    assert "good" not in names
    assert {"input_norm", "behind_relu", "branched", "twice"} < set(names)


def test_nested_models_are_folded_inside():
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), kl.Conv2D(4, 3), kl.BatchNormalization()], name="inner"
    )
    x = keras.Input((8, 8, 3))
    model = keras.Model(x, kl.ReLU()(inner(x)))
    inner.layers[1].set_weights([np.full(4, v) for v in (1.5, 0.2, 0.1, 0.7)])
    folded, report = fold_batch_norm(model)
    assert_allclose(outputs(folded), outputs(model), atol=1e-5)
    assert len(folded.get_layer("inner").layers) == 1
    assert report.rows[1].action.startswith("folded into inner/")


def test_nothing_to_fold():
    with pytest.raises(ValueError, match="has no BatchNormalization that can be folded"):
        fold_batch_norm(normed((6,), [kl.Dense(3)]))
    model = normed((6,), [kl.Dense(3, activation="relu"), kl.BatchNormalization(name="late")])
    with pytest.raises(ValueError, match="late follows the activation 'relu'"):
        fold_batch_norm(model)
    model = normed((6,), [kl.Dense(3, name="dense"), kl.BatchNormalization()])
    small, _ = quantize_int8(model)
    with pytest.raises(ValueError, match="follows dense, which is quantised already"):
        fold_batch_norm(small)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-12)])
def test_estimators(dtype, tolerance):
    cnn = CNNClassifier(
        filters=(4, 4), dense_units=8, batch_norm=True, epochs=2, dtype=dtype, random_state=0
    ).fit(X[:500], Y[:500])  # fmt: skip
    state = {name: value for name, value in vars(cnn).items() if name != "weights_"}
    weights = [w.copy() for w in cnn.weights_]
    folded, report = fold_batch_norm(cnn, X, Y)
    scale = np.abs(cnn.decision_function(X)).max()
    assert report.max_difference <= tolerance * scale
    assert_allclose(
        folded.decision_function(X), cnn.decision_function(X), atol=tolerance * scale, rtol=0
    )
    assert report.accuracy_after == report.accuracy_before == cnn.score(X, Y)
    assert type(folded) is CNNClassifier
    assert not any("batch_norm" in layer.name for layer in folded.model_.layers)
    assert {name: value for name, value in vars(cnn).items() if name != "weights_"} == state
    for one, two in zip(cnn.weights_, weights, strict=True):
        assert_array_equal(one, two)
    assert folded.history_ == cnn.history_
    assert folded.history_ is not cnn.history_

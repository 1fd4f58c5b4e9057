"""fold_batch_norm past dropout, into other batch normalisations, and into the layer behind."""

import keras
import numpy as np
import pytest
from compression_cases import KINDS, fresh, kind_name
from keras import layers as kl
from numpy.testing import assert_allclose

from skextra.cnn import cluster_weights, fold_batch_norm, quantize_int8

pytestmark = pytest.mark.usefixtures("keras_seed")

NORM = kl.BatchNormalization


def filled(model, seed=0, shift=True):
    """Give a model numbers of all sizes in its weights and statistics."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            filled(layer, seed + 1, shift)
            continue
        weights = [rng.normal(size=w.shape) / np.sqrt(max(w.shape[0], 1)) for w in layer.weights]
        if isinstance(layer, NORM):
            names = [w.name for w in layer.weights]
            for i, name in enumerate(names):
                if name == "moving_variance":
                    weights[i] = rng.uniform(0.1, 3, weights[i].shape)
                if name in ("beta", "moving_mean"):
                    weights[i] = rng.normal(1, 2, weights[i].shape) if shift else 0 * weights[i]
        layer.set_weights(weights)
    return model


def stack(shape, *layers, **options):
    return filled(keras.Sequential([keras.Input(shape), *layers]), **options)


def outputs(model, seed=1):
    shape = tuple(n or 3 for n in model.inputs[0].shape[1:])
    images = np.random.default_rng(seed).normal(size=(4, *shape)).astype(np.float32)
    return np.array(model(images))


def check(model, n_left=0):
    """Fold, and assert that outputs stay and how many batch normalisations do."""
    folded, report = fold_batch_norm(model)
    expected = outputs(model)
    assert_allclose(outputs(folded), expected, atol=1e-5 * max(np.abs(expected).max(), 1), rtol=0)
    assert sum(isinstance(x, NORM) for x in folded.layers) == n_left
    return {row.layer: row.action for row in report.rows}


@pytest.mark.parametrize(
    "idle",
    [
        kl.Dropout(0.5), kl.SpatialDropout2D(0.5), kl.GaussianNoise(0.1), kl.GaussianDropout(0.2),
        kl.AlphaDropout(0.2), kl.Identity(), kl.Activation("linear"),
    ],
    ids=kind_name,
)  # fmt: skip
def test_what_does_nothing_in_predictions_is_passed(idle):
    idle = [fresh(idle, name=f"idle{i}") for i in range(3)]
    behind = stack((7, 7, 3), kl.Conv2D(4, 3, name="c"), idle[0], idle[1], NORM(name="n"))
    assert check(behind) == {"c": "takes n in", "n": "folded into c"}
    before = stack((7, 7, 3), NORM(name="n"), idle[2], kl.Conv2D(4, 3, name="c"))
    assert check(before) == {"c": "takes n in", "n": "folded into c"}


def test_dropout_that_drops_in_predictions_is_not_passed():
    x = keras.Input((6,))
    y = kl.Dropout(0.5, name="drops")(kl.Dense(4)(x), training=True)
    with pytest.raises(ValueError, match="n follows drops of type Dropout"):
        fold_batch_norm(keras.Model(x, NORM(name="n")(y)))
    y = kl.Dropout(0.5, name="drops")(NORM(name="n")(x), training=True)
    with pytest.raises(ValueError, match="n follows the input; precedes drops of type"):
        fold_batch_norm(keras.Model(x, kl.Dense(4)(y)))


def valid(layer):
    return fresh(layer, padding="valid") if hasattr(layer, "padding") else fresh(layer)


@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}])
@pytest.mark.parametrize(
    "layer, shape",
    [(valid(layer), shape) for layer, shape in KINDS if "Transpose" not in type(layer).__name__],
    ids=kind_name,
)
def test_into_the_layer_behind(layer, shape, options):
    layer = fresh(layer, activation="tanh", name="taker")
    actions = check(stack(shape, NORM(name="n", **options), layer))
    assert actions == {"n": "folded into taker", "taker": "takes n in"}


@pytest.mark.parametrize("layer, shape", KINDS, ids=kind_name)
def test_without_a_shift_into_any_layer_behind(layer, shape):
    for padding in ("valid", "same"):
        options = {"padding": padding} if hasattr(layer, "padding") else {}
        taker = fresh(layer, name="taker", output_padding=None, **options) if hasattr(
            layer, "output_padding") else fresh(layer, name="taker", **options)  # fmt: skip
        check(stack(shape, NORM(name="n"), taker, shift=False))


@pytest.mark.parametrize(
    "layer, shape",
    [
        (kl.Conv2D(4, 3, padding="same"), (7, 7, 3)),
        (kl.Conv1D(4, 2, padding="causal"), (7, 3)),
        (kl.DepthwiseConv2D((1, 2), padding="same"), (7, 7, 3)),
        (kl.SeparableConv1D(4, 3, padding="same"), (7, 3)),
        (kl.Conv2DTranspose(4, 3), (5, 5, 3)),
        (kl.Conv1DTranspose(4, 1, strides=2), (5, 3)),
        (kl.Conv1DTranspose(4, 2, strides=2), (5, 3)),
    ],
    ids=kind_name,
)
def test_a_shift_that_meets_zeros_stays(layer, shape):
    what = "the zeros at the borders of taker lack"
    if "Transpose" in type(layer).__name__:
        what = "is not the same in all outputs of taker"
    with pytest.raises(ValueError, match=f"n follows the input; has a shift, which {what}"):
        fold_batch_norm(stack(shape, NORM(name="n"), fresh(layer, name="taker")))


@pytest.mark.parametrize(
    "layer, shape",
    [
        (kl.Conv2D(4, 1, strides=2, padding="same"), (7, 7, 3)),
        (kl.Conv1D(4, 1, padding="causal"), (7, 3)),
        (kl.Conv3DTranspose(4, 1), (3, 3, 3, 2)),
    ],
    ids=kind_name,
)
def test_kernels_of_one_place_meet_no_zeros(layer, shape):
    check(stack(shape, NORM(), fresh(layer)))


def test_channels_first_and_other_axes():
    first = {"data_format": "channels_first"}
    x = keras.Input((3, 7, 7))
    model = filled(keras.Model(x, kl.Conv2D(4, 3, **first)(NORM(axis=1)(x))))
    folded, _ = fold_batch_norm(model)
    weights, (kernel, bias) = model.get_weights(), folded.get_weights()
    scale = weights[0] / np.sqrt(weights[3] + 1e-3)
    shift = weights[1] - scale * weights[2]
    assert_allclose(kernel, weights[4] * scale[:, None], rtol=1e-5)
    added = (weights[4] * shift[:, None]).sum(axis=(0, 1, 2))
    assert_allclose(bias, weights[5] + added, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="axis 1, which is not that of the channels of c"):
        fold_batch_norm(stack((7, 7, 3), NORM(axis=1), kl.Conv2D(4, 3, name="c")))


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_through_flatten_into_a_dense_layer(axis):
    layers = [NORM(axis=axis, name="n"), kl.Flatten(), kl.Dropout(0.2), kl.Dense(5, name="d")]
    assert check(stack((4, 3, 2), *layers))["n"] == "folded into d"


@pytest.mark.parametrize("keepdims", [False, True])
def test_through_averages(keepdims):
    check(
        stack(
            (8, 8, 3), NORM(), kl.AveragePooling2D(3, strides=2), kl.Conv2D(4, 2), kl.ReLU(),
            NORM(), kl.GlobalAveragePooling2D(keepdims=keepdims), kl.Dense(2),
        )
    )  # fmt: skip
    with pytest.raises(ValueError, match="precedes pool of type GlobalAveragePooling1D"):
        fold_batch_norm(
            stack((6, 3), NORM(axis=1), kl.GlobalAveragePooling1D(name="pool"), kl.Dense(2))
        )


@pytest.mark.parametrize("between", ["ReLU", "MaxPooling2D", "ZeroPadding2D", "Softmax"])
def test_what_cannot_be_passed(between):
    other = getattr(kl, between)(name="between")
    with pytest.raises(ValueError, match=f"precedes between of type {between}"):
        fold_batch_norm(stack((6, 6, 3), NORM(name="n"), other, kl.Conv2D(4, 3)))
    other = getattr(kl, between)(name="between")
    with pytest.raises(ValueError, match=f"follows between of type {between}"):
        fold_batch_norm(stack((6, 6, 3), kl.Conv2D(4, 3), other, NORM(name="n")))


def test_one_behind_another():
    layers = [kl.Conv2D(4, 3, name="c"), NORM(name="a"), kl.Dropout(0.2), NORM(name="b")]
    assert check(stack((6, 6, 3), *layers, kl.ReLU())) == {
        "c": "takes a and b in", "a": "folded into c", "b": "folded into c",
    }  # fmt: skip
    # Neither can go anywhere but into the other, which keeps a scale and a shift of its own.
    for options in ({}, {"center": False}, {"scale": False}, {"center": False, "scale": False}):
        layers = [NORM(name="a", **options), kl.GaussianNoise(0.1), NORM(name="b"), NORM(name="e")]
        actions = check(stack((6, 6, 3), *layers, kl.ReLU()), n_left=1)
        assert actions["b"] == actions["e"] == "folded into a"
        assert actions["a"].startswith("takes b and e in; left: follows the input; precedes")
    actions = check(stack((6,), NORM(name="a"), NORM(name="b"), kl.Dense(3, name="d")))
    assert actions == {"a": "folded into d", "b": "folded into a", "d": "takes a in"}
    # Axes that differ: both go into the dense layer, one after the other.
    layers = [NORM(axis=1, name="a"), NORM(name="b"), kl.Flatten(), kl.Dense(3, name="d")]
    check(stack((4, 3), *layers))


def test_before_and_behind_one_layer():
    layers = [NORM(name="a"), kl.Dense(5, name="d"), NORM(name="b"), kl.ReLU(), NORM(name="e")]
    actions = check(stack((6,), *layers, kl.Dense(2, name="last")))
    assert actions["d"] == "takes a and b in"
    assert actions["e"] == "folded into last"


def test_branches_and_shared_layers():
    x = keras.Input((6, 6, 3))
    # Taken twice.
    y = NORM(name="n")(x)
    two = keras.Model(x, [kl.Conv2D(4, 3)(y), kl.Conv2D(4, 3)(y)])
    with pytest.raises(ValueError, match="n follows the input; is not used by one layer only"):
        fold_batch_norm(two)
    # An output of the network, as is what goes through a dropout.
    for layer in (kl.Identity(), kl.Dropout(0.5)):
        y = layer(NORM(name="n")(x))
        with pytest.raises(ValueError, match="is not the only user of the output of"):
            fold_batch_norm(keras.Model(x, [y, kl.Conv2D(4, 3)(y)]))
        y = layer(kl.Conv2D(4, 3)(x))
        with pytest.raises(ValueError, match="is not the only user of the output of"):
            fold_batch_norm(keras.Model(x, [y, NORM(name="n")(y)]))
    # The taker serves two.
    shared = kl.Conv2D(4, 3, name="s")
    model = keras.Model(x, [shared(NORM(name="n")(x)), shared(x)])
    with pytest.raises(ValueError, match=r"precedes s( \(2\))?, which is used more than once"):
        fold_batch_norm(model)
    # The input goes elsewhere too, which does not matter.
    y = kl.Conv2D(3, 3, name="c")(NORM(name="n")(x))
    both = filled(keras.Model(x, kl.Add()([y, kl.Cropping2D(1)(x)])))
    assert check(both)["n"] == "folded into c"


def test_nested_models():
    inner = keras.Sequential(
        [keras.Input((6, 6, 3)), NORM(name="n"), kl.Conv2D(4, 3, name="c")], name="inner"
    )
    x = keras.Input((6, 6, 3))
    model = filled(keras.Model(x, kl.ReLU()(inner(x))))
    assert check(model)["inner/n"] == "folded into inner/c"
    inner = keras.Sequential([keras.Input((6, 6, 3)), NORM(name="n")], name="inner")
    model = filled(keras.Model(x, kl.Conv2D(4, 3)(inner(x))))
    with pytest.raises(ValueError, match="inner/n follows the input; is not used by one layer"):
        fold_batch_norm(model)


def test_layers_that_cannot_take_one_in():
    layers = [NORM(name="n"), kl.Dense(4, name="d")]
    small, _ = quantize_int8(stack((6,), *layers))
    with pytest.raises(ValueError, match="precedes d, which is quantised already"):
        fold_batch_norm(small)
    coded, _ = cluster_weights(stack((6,), *map(fresh, layers)), 4, random_state=0)
    with pytest.raises(ValueError, match="precedes d of type ClusteredLayer"):
        fold_batch_norm(coded)
    model = stack((6,), *map(fresh, layers))
    model.layers[1].enable_lora(2)
    with pytest.raises(ValueError, match="precedes d, which has LoRA weights"):
        fold_batch_norm(model)
    for other in ("float64", "float16"):
        model = stack((6,), NORM(name="n"), kl.Dense(4, name="d", dtype=other))
        with pytest.raises(ValueError, match="n follows the input; computes in float32, unlike"):
            fold_batch_norm(model)


def test_open_sizes():
    check(stack((None, None, 3), NORM(), kl.Conv2D(4, 2), kl.Dropout(0.1), NORM()))
    x = keras.Input((None, 3))
    y = kl.Flatten(name="flat")(kl.Reshape((4, 3))(NORM(name="n")(x)))
    with pytest.raises(ValueError, match="n follows the input; precedes reshape"):
        fold_batch_norm(keras.Model(x, kl.Dense(2)(y)))


def test_large_statistics():
    model = stack((50,), NORM(name="n"), kl.Dense(20, name="d"))
    gamma, beta, mean, variance = model.layers[0].get_weights()
    model.layers[0].set_weights([gamma, beta + 30, mean - 30, 100 * variance])
    check(model)

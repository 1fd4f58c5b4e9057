"""cluster_weights: weights that are 0 stay 0."""

import copy
import pickle
import warnings

import keras
import numpy as np
import pytest
from compression_cases import KINDS, fresh, kind_name, normed
from keras import layers as kl
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import (
    best_n_clusters,
    cluster_weights,
    compare_networks,
    export_network,
    load_model,
    quantize_int8,
    weight_histograms,
)

pytestmark = pytest.mark.usefixtures("keras_seed")

X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)[:400]
Y = Y[:400]


def pruned(model, share=0.6):
    """Return a copy with the smallest of the weights of each kernel set to 0."""
    smaller = keras.models.clone_model(model)
    smaller.set_weights(
        [np.where(np.abs(w) < np.quantile(np.abs(w), share), 0, w) if w.ndim > 1 else w
         for w in model.get_weights()]
    )  # fmt: skip
    return smaller


def kernels_of(small):
    return [np.array(kernel) for layer in small.layers if hasattr(layer, "kernels")
            for kernel in layer.kernels()]  # fmt: skip


@pytest.mark.parametrize("n_clusters", [3, 5])
@pytest.mark.parametrize("layer, shape", KINDS, ids=kind_name)
def test_zeros_stay_zeros_and_nothing_else_becomes_one(layer, shape, n_clusters):
    model = pruned(normed(shape, [fresh(layer, name="one")]))
    before = [w for w in model.get_weights() if w.ndim > 1]
    small, report = cluster_weights(model, n_clusters, random_state=0)
    (coded,) = small.layers
    after = [np.array(k) for k in coded.kernels()]
    book = coded.codebook.centers.numpy()
    assert np.count_nonzero(book == 0) == 1  # one code of those that there are
    assert len(np.unique(book)) == n_clusters
    others = book[book != 0]
    for one, two in zip(before, after, strict=True):
        assert_array_equal(two == 0, one == 0)
        nearest = others[np.abs(one[..., None] - others).argmin(axis=-1)]
        assert_array_equal(two, np.where(one == 0, 0, nearest))
    # It takes the bytes that it took.
    plain = cluster_weights(model, n_clusters, keep_zeros=False, random_state=0)[1]
    assert report.bytes_after == plain.bytes_after == sum(w.nbytes for w in small.get_weights())
    assert report.rows[0].action.startswith(f"{n_clusters} clusters, one of them 0, ")
    x = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)
    filled = keras.models.clone_model(model)
    arrays = iter(after)
    filled.set_weights([next(arrays) if w.ndim > 1 else w for w in model.get_weights()])
    assert_allclose(small(x), filled(x), atol=1e-5)


def test_the_other_values_are_those_of_k_means_without_the_zeros():
    model = normed((50,), [kl.Dense(4, use_bias=False)])
    kernel = np.random.default_rng(0).choice([-2.0, -1.0, 1.0, 3.0], (50, 4))
    kernel[:20] = 0
    model.set_weights([kernel])
    small, report = cluster_weights(model, 5, random_state=0)
    assert_allclose(np.sort(small.layers[0].codebook.centers.numpy()), [-2, -1, 0, 1, 3])
    assert report.rows[0].weight_error == 0


def test_without_zeros_or_without_keeping_them_all_is_as_it_was():
    model = normed((8, 8, 3), [kl.Conv2D(5, 3), kl.Flatten(), kl.Dense(3)])
    kept, report = cluster_weights(model, 8, random_state=0)
    plain, _ = cluster_weights(model, 8, keep_zeros=False, random_state=0)
    for one, two in zip(kept.get_weights(), plain.get_weights(), strict=True):
        assert_array_equal(one, two)
    assert report.rows[0].action == "8 clusters, 3 bits"
    # And values are moved away from 0 where zeros count like all other weights.
    smaller = pruned(model, 0.3)
    lost, _ = cluster_weights(smaller, 4, keep_zeros=False, random_state=0)
    assert not any((kernel == 0).any() for kernel in kernels_of(lost))


def test_one_codebook_with_zeros_in_one_layer():
    model = normed((8,), [kl.Dense(12, name="a"), kl.Dense(6, name="b")])
    weights = model.get_weights()
    weights[0][:4] = 0
    model.set_weights(weights)
    small, _ = cluster_weights(model, 8, codebook="global", random_state=0)
    first, second = kernels_of(small)
    assert_array_equal(first == 0, weights[0] == 0)
    assert not (second == 0).any()


def test_the_best_number_is_the_same_with_zeros():
    model = pruned(normed((30,), [kl.Dense(40)]))
    best = best_n_clusters(model)
    int8 = quantize_int8(model)[1].bytes_after
    sizes = [cluster_weights(model, m, random_state=0)[1].bytes_after for m in (best, best + 1)]
    assert sizes[0] < int8 <= sizes[1]


def test_estimators_files_pickles_and_exports(tmp_path):
    cnn = CNNClassifier(filters=8, dense_units=16, epochs=2, random_state=0).fit(X, Y)
    thin = copy.copy(cnn)
    thin.weights_ = [
        np.where(np.abs(w) < np.quantile(np.abs(w), 0.5), 0, w).astype(w.dtype)
        if w.ndim > 1 else w
        for w in cnn.weights_
    ]  # fmt: skip
    small, report = cluster_weights(thin, 8, X, Y, random_state=0)
    expected = small.decision_function(X)
    zeros = {name: h.zeros for name, h in weight_histograms(thin).items() if "kernel" in name}
    assert min(zeros.values()) >= 0.49
    small.save(tmp_path / "small.keras")
    for other in (
        pickle.loads(pickle.dumps(small)),
        CNNClassifier.load(tmp_path / "small.keras"),
    ):
        assert_array_equal(other.decision_function(X), expected)
        found = weight_histograms(other)
        assert {name: found[name].zeros for name in zeros} == zeros
    loaded = load_model(tmp_path / "small.keras")
    assert {name: weight_histograms(loaded)[name].zeros for name in zeros} == zeros
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter, of old names in NumPy
        assert export_network(small, tmp_path / "small.onnx", X) < 1e-5
    assert [row.action for row in report.rows] == ["8 clusters, one of them 0, 3 bits"] * 3
    assert [r.action for r in compare_networks(thin, small).rows] == [
        row.action for row in report.rows
    ]


def test_types_that_are_narrow_keep_zeros():
    model = pruned(normed((20,), [kl.Dense(8, dtype="mixed_float16")]))
    small, _ = cluster_weights(model, 4, random_state=0)
    (kernel,) = kernels_of(small)
    assert kernel.dtype == np.float16
    assert_array_equal(kernel == 0, model.get_weights()[0] == 0)


def test_refusals():
    model = normed((6,), [kl.Dense(4)])
    for wrong in (1, "yes", None):
        with pytest.raises(TypeError, match="keep_zeros must be True or False, got"):
            cluster_weights(model, 4, keep_zeros=wrong)


def test_two_values_cannot_keep_zeros_beside_both_signs():
    model = keras.Sequential([keras.Input((8,)), kl.Dense(4)])
    kernel = np.zeros((8, 4), np.float32)
    kernel[:2], kernel[2:4] = 1, -1
    model.set_weights([kernel, np.zeros(4)])
    with pytest.raises(ValueError, match="n_clusters=3 or more, or keep_zeros=False"):
        cluster_weights(model, 2, random_state=0)
    kept, _ = cluster_weights(model, 3, random_state=0)
    x = np.random.default_rng(0).random((3, 8))
    assert_allclose(kept(x), model(x), rtol=1e-6)
    model.set_weights([np.abs(kernel), np.zeros(4)])
    kept, _ = cluster_weights(model, 2, random_state=0)
    assert_allclose(kept(x), model(x), rtol=1e-6)

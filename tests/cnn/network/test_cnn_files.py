"""CNNClassifier in files, copies and other processes."""

import copy
import json
import pickle
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
import skops.io
from cnn_cases import SMALL, same
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skextra import CNNClassifier

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16).astype(np.float32)[:600], Y[:600]


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(**SMALL).fit(X[:300], Y[:300])


def test_copies_predict_alike(cnn, tmp_path):
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
        assert other.history_ == cnn.history_
        same(other.partial_fit(X, Y), copy.deepcopy(cnn).partial_fit(X, Y))
    assert len(pickle.dumps(cnn)) < 60_000
    model = keras.models.load_model(tmp_path / "cnn.keras")
    assert_allclose(model.predict(X.reshape(-1, 8, 8, 1), verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["plain.keras", "skextra.json.keras"])
def test_a_file_may_have_any_name(cnn, tmp_path, name):
    cnn.save(tmp_path / name)
    same(CNNClassifier.load(tmp_path / name), cnn)


def test_pickles_of_versions_without_a_design_load():
    """They held it as attributes, and a list of penalties; what was None was missing."""
    options = {**SMALL, "warm_start": True, "l2": 1e-3}
    network = CNNClassifier(**options).fit(X[:300], Y[:300])
    state = network.__getstate__()
    assert not any("skextra" in type(value).__module__ for value in state.values())
    old = {k: v for k, v in state.items() if v is not None or not k.startswith("_")}
    old["_l2"] = list(old["_l2"])
    loaded = CNNClassifier()
    loaded.__setstate__(old)
    assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))
    same(loaded.fit(X[:300], Y[:300]), network.fit(X[:300], Y[:300]))


def test_files_keep_labels_names_and_parameters(tmp_path):
    frame = pd.DataFrame(X, columns=[f"p{i}" for i in range(64)])
    labels = np.array([f"digit {i}" for i in range(10)])[Y]
    network = CNNClassifier(
        **SMALL, class_weight={"digit 3": 2.0}, augmentation={"shift": 1}, pool=("max",)
    ).fit(frame, labels)
    network.save(tmp_path / "a.keras")
    loaded = CNNClassifier.load(tmp_path / "a.keras")
    assert_array_equal(loaded.predict(frame), network.predict(frame))
    assert loaded.get_params() == network.get_params()
    one = CNNClassifier().fit(X[:3], [7, 7, 7])
    with pytest.raises(ValueError, match=r"must end in '\.keras'"):
        network.save(tmp_path / "a.h5")
    with pytest.raises(ValueError, match="one class"):
        one.save(tmp_path / "b.keras")
    with pytest.raises(ValueError, match=r"random_state=.*cannot be written"):
        network.set_params(random_state=np.random.RandomState(0)).save(tmp_path / "c.keras")
    with pytest.raises(ValueError, match="parameter of the layers has changed"):
        network.set_params(random_state=0, filters=3).save(tmp_path / "c.keras")
    assert not list(tmp_path.glob("c*"))
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "d.keras")
    with pytest.raises(ValueError, match=r"not written by CNNClassifier\.save"):
        CNNClassifier.load(tmp_path / "d.keras")


def test_a_crafted_file_is_refused(cnn, tmp_path):
    cnn.save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as good:
        parts = {name: good.read(name) for name in good.namelist()}
    text = parts["skextra.json"].decode()
    crafted = [
        (text.replace(old, new, 1), message)
        for old, new, message in (
            ('"filters": 8', '"filters": 9', "do not go with"),
            ('"dtype": "auto"', '"dtype": "object"', "dtype='object'"),
            ('"epochs": 2', '"epochs": "import os"', "epochs"),
            ('"format": 1', '"format": 99', "format 99"),
            ('"_scale": "unit"', '"_scale": "foo"', "_scale='foo'"),
            ('"n_iter_": 2', '"n_iter_": "x"', "n_iter_='x'"),
            ('{"tuple": [8, 8, 1]}', '"abc"', "image_shape"),
        )
    ]
    assert all(wrong != text for wrong, _ in crafted)
    for wrong, message in (*crafted, ("[1]", "cannot be loaded"), ('{"format": 1}', "built")):
        with zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
            for name, part in {**parts, "skextra.json": wrong}.items():
                bad.writestr(name, part)
        with pytest.raises(ValueError, match=message):
            CNNClassifier.load(tmp_path / "bad.keras")
    state = json.loads(text)
    assert "checkpoint" not in state["parameters"]

"""CNNClassifier and the numbers that images are made of: their types, their scale, their bytes."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cnn_cases import SMALL, same
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier
from sklearn.preprocessing import StandardScaler

from skextra import CNNClassifier
from skextra.cnn import feature_maps, misclassified

X, Y = load_digits(return_X_y=True)
X, Y = X[:400], Y[:400]
BYTES = np.round(X * 255 / 16).astype(np.uint8)
NAMES = [f"p{i}" for i in range(64)]
INTEGERS = ["int16", "int32", "int64", "uint16", "uint32", "uint64"]


@pytest.fixture(scope="module")
def by_byte():
    return CNNClassifier(**SMALL).fit(BYTES, Y)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_pixels_of_any_integer_type_are_those_of_uint8(dtype, by_byte):
    pixels = BYTES.astype(dtype)
    network = CNNClassifier(**SMALL, dtype="float32").fit(pixels, Y)
    same(network, by_byte)
    expected = by_byte.predict_proba(BYTES)
    for given in (pixels, BYTES, pixels.reshape(-1, 8, 8), pd.DataFrame(pixels)):
        assert_array_equal(network.predict_proba(given), expected)
        assert_array_equal(by_byte.predict_proba(given), expected)
    images = pixels.reshape(-1, 8, 8, 1).astype(np.float32)
    assert_allclose(network.model_.predict(images, verbose=0), expected, atol=2e-6)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(BYTES, columns=NAMES).astype("int64"),
        pd.DataFrame(BYTES, columns=NAMES).astype("Int64"),
        pd.DataFrame(BYTES, columns=NAMES).astype({"p0": "int64", "p1": "UInt8"}),
        pl.DataFrame(BYTES.astype(np.int32), schema=NAMES),
    ],
    ids=["pandas", "masked", "mixed", "polars"],
)
def test_frames_of_integers_are_pixels(frame, by_byte):
    network = CNNClassifier(**SMALL, dtype="float32").fit(frame, Y)
    same(network, by_byte)
    assert_array_equal(network.predict_proba(frame), by_byte.predict_proba(BYTES))


def test_missing_integers_are_told():
    frame = pd.DataFrame(BYTES, columns=NAMES).astype("Int64")
    frame.iloc[3, 3] = pd.NA
    nulls = pl.DataFrame(BYTES.astype(int), schema=NAMES)
    nulls = nulls.with_columns(pl.when(pl.col("p1") > 9).then(None).otherwise(1).alias("p0"))
    for missing in (frame, nulls):
        with pytest.raises(ValueError, match="contains NaN"):
            CNNClassifier(**SMALL).fit(missing, Y)


@pytest.mark.parametrize(
    "numbers, divisor",
    [
        (np.full((6, 9), 16), 1),  # codes and counts
        (np.arange(54).reshape(6, 9) % 7 - 3, 1),
        (np.full((6, 9), 31), 1),
        (np.full((6, 9), 32), 255),
        (np.full((6, 9), 255), 255),
        (np.full((6, 9), 100, np.int8), 255),
        (np.full((6, 9), -128, np.int8), 255),
        (np.full((6, 9), 4000, np.uint16), 4095),
        (np.full((6, 9), 65535, np.uint16), 65535),
        (np.full((6, 9), -30000, np.int16), 32767),
        (np.full((6, 9), 2**63, np.uint64), 2**64 - 1),
        (np.full((6, 9), 3, np.uint8), 255),  # by its type
        (np.full((6, 9), 1), 1),
        (np.full((6, 9), True), 1),
    ],
)
def test_what_integers_are_divided_by(numbers, divisor):
    """A network of one weight and no bias to speak of shows what it takes."""
    options = {"filters": (), "dense_units": (), "learning_rate": 1e-12, "epochs": 1}
    network = CNNClassifier(**options, dtype="float64", random_state=0)
    network.fit(numbers, np.arange(6) % 2)
    kernel, bias = network.weights_
    expected = (numbers / divisor) @ kernel + bias
    assert_allclose(network.decision_function(numbers), expected[:, 1] - expected[:, 0])


def test_small_integers_are_what_they_are_as_floats():
    codes = X.astype(int)
    network = CNNClassifier(**SMALL).fit(codes, Y)
    with pytest.warns(UserWarning, match="goes up to 16 and is trained on as it is"):
        same(network, CNNClassifier(**SMALL).fit(X.astype(np.float32), Y))
    assert_array_equal(network.predict_proba(X), network.predict_proba(codes))
    masks = CNNClassifier(**SMALL).fit(X > 8, Y)
    same(masks, CNNClassifier(**SMALL).fit((X > 8).astype(np.float32), Y))
    assert_array_equal(masks.predict_proba(X > 8), masks.predict_proba((X > 8).astype(int)))


def test_the_scale_of_fit_is_that_of_all_that_follows(tmp_path):
    deep = BYTES.astype(np.uint16) * 257
    network = CNNClassifier(**SMALL).fit(deep, Y, X_val=deep, y_val=Y)
    expected = network.predict_proba(deep)
    assert_allclose(network.history_["val_accuracy"][-1], network.score(deep, Y))
    assert_allclose(network.predict_proba(deep / 65535), expected, atol=1e-5)
    network.save(tmp_path / "a.keras")
    for other in (pickle.loads(pickle.dumps(network)), CNNClassifier.load(tmp_path / "a.keras")):
        assert_array_equal(other.predict_proba(deep), expected)
        # One row that is dark says nothing of the scale.
        dark = np.ones((1, 64), np.int64)
        assert_allclose(other.predict_proba(dark), network.predict_proba(dark / 65535))
        same(other.partial_fit(deep, Y), pickle.loads(pickle.dumps(network)).partial_fit(deep, Y))
    images = deep.reshape(-1, 8, 8)
    at_unit = feature_maps(network, images / 65535)["conv1"]
    assert_allclose(feature_maps(network, images)["conv1"], at_unit, atol=1e-5)
    assert misclassified(network, images, Y).images.dtype == np.uint16
    with pytest.raises(ValueError, match=r"float64 and goes up to 65535.*divide X by 65535"):
        network.predict(deep.astype(float))
    with pytest.raises(ValueError, match="X is uint8, but the network was fitted on integers of"):
        network.predict(BYTES)
    with pytest.warns(UserWarning, match=r"goes up to 6.*e\+06, but .* integers up to 65535"):
        network.predict(deep.astype(int) * 100)


def test_floats_that_are_off_the_scale_are_told():
    remedy = r"goes up to 255 .*Divide pixels by 255, or pass them as integers.*StandardScaler"
    with pytest.warns(UserWarning, match=remedy) as told:
        CNNClassifier(**SMALL).fit(BYTES.astype(float), Y)
    assert len(told) == 1
    with pytest.warns(UserWarning, match="goes up to 3 "):
        CNNClassifier(**SMALL).fit(X * 3 / 16, Y)
    with pytest.warns(UserWarning, match="trained on as it is"):
        CNNClassifier(**SMALL).fit(StandardScaler().fit_transform(X) * 5, Y)
    with pytest.warns(UserWarning, match="trained on as it is"):
        CNNClassifier(**SMALL).partial_fit(X[:50], Y[:50], classes=np.arange(10))


def test_floats_that_are_on_the_scale_are_not_told():
    """Warnings are errors here; standardised digits reach 20."""
    standard = StandardScaler().fit_transform(X)
    assert standard.max() > 15
    CNNClassifier(**SMALL).fit(standard, Y)
    CNNClassifier(**SMALL).fit(X / 8, Y)
    CNNClassifier(build=rescaling, epochs=1, random_state=0).fit(X, Y)
    CNNClassifier(**SMALL).fit(X, np.zeros(len(X)))  # without a network


def rescaling(image_shape, n_classes):
    from keras import Input, Sequential, layers

    parts = [layers.Rescaling(1 / 16), layers.Flatten(), layers.Dense(n_classes)]
    return Sequential([Input(image_shape), *parts])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_floats_that_are_none_are_refused_wherever_they_are(dtype):
    rows = np.zeros((70_000, 16), dtype=dtype)
    y = np.arange(len(rows)) % 2
    w = (y == 0).astype(float)  # every second row is dropped
    cnn = CNNClassifier((), dense_units=(), epochs=1, batch_size=10_000, random_state=0)
    fitted = cnn.fit(rows[:9], y[:9])
    before = dict(vars(fitted))
    for bad, what in ((np.nan, "NaN"), (-np.inf, "infinity")):
        for row in (0, len(rows) - 1):
            spoilt = rows.copy()
            spoilt[row, 3] = bad
            for call in (
                lambda X=spoilt: fitted.fit(X, y),
                lambda X=spoilt: fitted.fit(X, y, w),
                lambda X=spoilt: fitted.fit(rows, y, X_val=X, y_val=y),
                lambda X=spoilt: fitted.partial_fit(X, y),
                lambda X=spoilt: fitted.predict(X),
            ):
                with pytest.raises(ValueError, match=f"Input X contains {what}"):
                    call()
    assert vars(fitted) == before


def test_other_things_than_numbers_are_refused():
    for bad in (np.array([["a", "b"]] * 4), np.zeros((4, 2), "M8[s]"), np.zeros((4, 2), complex)):
        with pytest.raises(ValueError, match=r"Convert your data|pass numbers|Complex"):
            CNNClassifier(**SMALL).fit(bad, [0, 1, 0, 1])


@pytest.mark.parametrize("dtype", ["uint16", "float16", "float64"])
def test_samples_that_are_left_out_change_nothing(dtype):
    """Rows are picked where they lie, which comes to the same as a copy of them."""
    rows = (BYTES / 255).astype(dtype) if dtype[0] == "f" else BYTES.astype(dtype)
    w = (np.arange(len(rows)) % 3 > 0).astype(float)
    options = {**SMALL, "class_weight": "balanced", "batch_norm": True}
    whole = CNNClassifier(**options).fit(rows[w > 0], Y[w > 0])
    same(CNNClassifier(**options).fit(np.asfortranarray(rows), Y, w), whole)
    stopping = CNNClassifier(**options, early_stopping=True).fit(rows, Y, w)
    kept, held = train_test_split(
        np.flatnonzero(w), test_size=round(0.1 * w.sum()), stratify=Y[w > 0],
        random_state=_after_the_seed(),
    )  # fmt: skip
    kept, held = np.sort(kept), np.sort(held)
    given = CNNClassifier(**options, early_stopping=True)
    given.fit(rows[kept], Y[kept], X_val=rows[held], y_val=Y[held])
    same(stopping, given)
    assert stopping.history_ == given.history_


def _after_the_seed():
    """Return the generator of random_state=0 as fit hands it to the split."""
    random_state = np.random.RandomState(0)
    random_state.randint(np.iinfo(np.int32).max)
    return random_state


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of the memory is not told there")
def test_no_more_than_batches_of_a_file_is_in_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parents[2] / "mapped.py"), str(tmp_path)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "good", done.stderr


def test_several_labels_a_sample_are_told_with_a_remedy():
    marks = np.stack([Y % 2, Y > 4], axis=1).astype(int)
    rows = X / 16
    message = r"y has shape \(400, 2\), but CNNClassifier takes one label.*MultiOutputClassifier"
    for y in (marks, pd.DataFrame(marks), marks.tolist()):
        with pytest.raises(ValueError, match=message):
            CNNClassifier(**SMALL).fit(rows, y)
    with pytest.raises(ValueError, match=r"one class, pass np\.argmax\(y, axis=1\)"):
        CNNClassifier(**SMALL).partial_fit(rows, np.eye(10)[Y], classes=np.arange(10))
    with pytest.raises(ValueError, match=r"y_val has shape .*np\.argmax\(y_val"):
        CNNClassifier(**SMALL).fit(rows, Y, X_val=rows, y_val=np.eye(10)[Y])
    images = rows.reshape(-1, 8, 8)
    quick = CNNClassifier(8, dense_units=(), learning_rate=0.01, random_state=0)
    several = MultiOutputClassifier(quick).fit(images, marks)
    assert (several.predict(images) == marks).mean() > 0.8


@pytest.mark.parametrize("dtype", [np.int64, bool])
def test_masks_fitted_as_they_are_refuse_uint8_which_would_be_divided(dtype):
    masks = (X > 7).astype(dtype)
    cnn = CNNClassifier(**SMALL).fit(masks, Y)
    expected = cnn.predict_proba(masks)
    for other in (np.uint16, np.int8, np.float32):
        assert_allclose(cnn.predict_proba(masks.astype(other)), expected, atol=1e-6)
    with pytest.raises(ValueError, match="fitted on integers that are taken as they are"):
        cnn.predict(masks.astype(np.uint8))


def test_pixels_after_a_dark_first_chunk_are_told():
    pixels = BYTES.astype(np.int64)
    cnn = CNNClassifier(**SMALL).partial_fit(pixels // 10, Y, classes=np.arange(10))
    for method in (cnn.partial_fit, cnn.score):
        with pytest.warns(
            UserWarning, match=r"X goes up to 255 and is taken as it is.*pass uint8"
        ):
            method(pixels, Y)

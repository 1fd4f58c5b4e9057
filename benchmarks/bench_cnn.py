"""Time, memory and accuracy of CNNClassifier compared with Keras, scikeras and MLPClassifier.

All networks have the same layers and all fits use the same data; only the code around the network
differs. CPU time is the sum over all threads. The contenders of a table take turns, and the table
shows medians. Each peer that keeps compiled steps compiles them before its first repeat, except in
rows that measure the compilation.

Usage: SKEXTRA_MNIST=path/to/mnist.npz python benchmarks/bench_cnn.py [--long] [--quick]

mnist.npz is the file that Keras downloads, with x_train, y_train, x_test and y_test. Without it
the rows on images are omitted. --long trains on all 60,000 images and compares with SVC; this
takes 15 minutes or more.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
import warnings
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import psutil
import sklearn
from _interleaved import clock, medians
from _keras_network import net as network
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC

from skextra import CNNClassifier

try:
    from scikeras.wrappers import KerasClassifier
except ImportError as error:  # it is not maintained
    KerasClassifier, MISSING = None, str(error)

warnings.simplefilter("ignore")
X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
IMAGES = X.reshape(-1, 8, 8, 1)


# For images of 8 x 8; those of MNIST have the default, (32, 64).
FILTERS = (16, 32)
net = partial(network, filters=FILTERS)


def wrapped(X, y, learning_rate=0.001):
    """Return a model for Keras's wrapper, which takes rows and one-hot labels.

    In a search the wrapper loses its fit_kwargs: it trains for one epoch, and prints.
    """
    model = keras.Sequential([keras.Input((64,)), layers.Reshape((8, 8, 1)), net()])
    loss = keras.losses.CategoricalCrossentropy()
    model.compile(keras.optimizers.Adam(learning_rate), loss=loss, metrics=["accuracy"])
    return model


def mnist():
    path = os.environ.get("SKEXTRA_MNIST")
    if not path:
        return None
    with np.load(path) as data:
        return [data[name] for name in ("x_train", "y_train", "x_test", "y_test")]


def row(label, ours, peer, unit="s", digits=2):
    print(
        f"{label:<58} {ours:>9.{digits}f} {peer:>9.{digits}f} {unit:<4} {peer / ours:>7.1f}x",
        flush=True,
    )


def head(title):
    print(f"\n{title:<58} {'skextra':>9} {'peer':>9} {'':<4} {'ratio':>8}")


def search_rows(repeats):
    head("CPU time of a search over 3 rates, 3 folds, 2 epochs, digits")
    folds = StratifiedKFold(3)

    def ours():
        grid = {"learning_rate": [0.0005, 0.001, 0.002]}
        GridSearchCV(CNNClassifier(FILTERS, epochs=2, random_state=0), grid, cv=folds).fit(X, Y)

    def with_wrapper():
        model = keras.wrappers.SKLearnClassifier(
            wrapped, fit_kwargs={"epochs": 2, "batch_size": 32, "verbose": 0}
        )
        grid = {"model_kwargs": [{"learning_rate": rate} for rate in (0.0005, 0.001, 0.002)]}
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            GridSearchCV(model, grid, cv=folds, scoring="accuracy").fit(X, Y)

    def with_scikeras():
        model = KerasClassifier(
            model=lambda learning_rate: net(learning_rate=learning_rate),
            learning_rate=0.001, epochs=2, batch_size=32, verbose=0, random_state=0,
        )  # fmt: skip
        grid = {"learning_rate": [0.0005, 0.001, 0.002]}
        GridSearchCV(model, grid, cv=folds, scoring="accuracy", error_score="raise").fit(IMAGES, Y)

    for name, peer in (
        ("scikeras.KerasClassifier", with_scikeras if KerasClassifier else None),
        ("keras.wrappers.SKLearnClassifier, which does 1 epoch", with_wrapper),
    ):
        if peer is None:
            print(f"{name}: cannot be imported, {MISSING}")
            continue
        try:
            row(name, *medians([ours, peer], repeats, time.process_time))
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:80]}")


def refit_rows(repeats):
    head("Ten fits of 1 epoch, 300 digits, a new estimator each")

    def ours():
        for seed in range(10):
            CNNClassifier(FILTERS, epochs=1, random_state=seed).fit(X[:300], Y[:300])

    def by_keras():
        for _ in range(10):
            net().fit(IMAGES[:300], Y[:300], batch_size=32, epochs=1, verbose=0)

    row("keras model.fit", *medians([ours, by_keras], repeats))

    head("One fit of 10 epochs, 1797 digits, compiled before")
    ours, model = CNNClassifier(FILTERS, random_state=0).fit(X[:64], Y[:64]), net()
    mlp = MLPClassifier((64,), max_iter=10, batch_size=32, random_state=0)
    model.fit(IMAGES[:64], Y[:64], batch_size=32, verbose=0)
    calls = [
        lambda: ours.fit(X, Y),
        lambda: model.fit(IMAGES, Y, batch_size=32, epochs=10, verbose=0),
        lambda: mlp.fit(X, Y),
    ]
    mine, theirs, dense = medians(calls, repeats)
    row("keras model.fit", mine, theirs)
    row("MLPClassifier(64), no convolutions", mine, dense)


def epoch_rows(repeats, images):
    head("An epoch of 10,000 MNIST images, compiled before")
    pixels, labels = images[0][:10_000], images[1][:10_000].astype(int)
    floats = (pixels[..., None] / 255).astype(np.float32)
    for size in (64, 128, 256):
        ours = CNNClassifier(epochs=1, batch_size=size, random_state=0)
        model = network((28, 28, 1))
        ours.fit(pixels[: 2 * size], labels[: 2 * size])
        model.fit(floats[: 2 * size], labels[: 2 * size], batch_size=size, verbose=0)
        calls = [
            lambda ours=ours: ours.fit(pixels, labels),
            lambda model=model, size=size: model.fit(floats, labels, batch_size=size, verbose=0),
        ]
        row(f"batches of {size}", *medians(calls, repeats))

    head("Predicting MNIST images with the same weights")
    for count in (1, 100, 10_000):
        some, as_floats = pixels[:count], floats[:count]
        calls = [
            lambda some=some: ours.predict(some),
            lambda some=as_floats: model.predict(some, verbose=0),
        ]
        for call in calls:
            call()
        mine, theirs = medians(calls, repeats if count > 1000 else 10 * repeats)
        row(f"{count} images" if count > 1 else "1 image", 1e3 * mine, 1e3 * theirs, "ms", 1)


GROWTH = """
import gc, os, psutil, sys
sys.path.insert(0, {folder!r})
import keras
from bench_cnn import CNNClassifier, FILTERS, IMAGES, X, Y, net
def fit(i):
    {fit}
for i in range(10):
    fit(i)
gc.collect()
before = psutil.Process().memory_info().rss
for i in range(30):
    fit(i)
gc.collect()
print((psutil.Process().memory_info().rss - before) / 30 / 2**20)
"""


def memory_rows():
    head("Growth of the process over 30 fits of 1 epoch, a fit")
    kinds = {
        "skextra": "CNNClassifier(FILTERS, epochs=1, random_state=i).fit(X[:300], Y[:300])",
        "keras model.fit": "net().fit(IMAGES[:300], Y[:300], verbose=0)",
        "keras model.fit, clear_session": "keras.backend.clear_session(); "
        "net().fit(IMAGES[:300], Y[:300], verbose=0)",
    }
    folder = os.path.dirname(os.path.abspath(__file__))
    grown = {}
    for name, fit in kinds.items():
        code = GROWTH.format(folder=folder, fit=fit)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        grown[name] = float(done.stdout.split()[-1])
    for name in list(kinds)[1:]:
        print(f"{name:<58} {grown['skextra']:>9.2f} {grown[name]:>9.2f} MB")


def accuracy_rows():
    print(f"\n{'Five folds of the digits, in file order':<58} {'mean':>9} {'lowest':>9}")
    models = {
        "CNNClassifier(epochs=20)": CNNClassifier(epochs=20, random_state=0),
        "CNNClassifier()": CNNClassifier(random_state=0),
        "MLPClassifier(), pixels from 0 to 1": make_pipeline(
            MinMaxScaler(), MLPClassifier(random_state=0)
        ),
        "MLPClassifier(), as they are": MLPClassifier(random_state=0),
        "SVC(), pixels from 0 to 1": make_pipeline(MinMaxScaler(), SVC()),
    }
    for name, model in models.items():
        scores = cross_val_score(model, 16 * X if "as they" in name else X, Y, cv=5)
        print(f"{name:<58} {scores.mean():>9.4f} {scores.min():>9.4f}", flush=True)


def documented(epochs):
    """Return the network of the user guide: 99.4% on MNIST."""
    batch_size = 128
    rate = keras.optimizers.schedules.CosineDecay(0.003, epochs * (60_000 // batch_size))
    return CNNClassifier(
        (16, 32), (5, 3), dense_units=128, batch_norm=True, dropout=(0, 0, 0.3),
        augmentation={"shift": 2, "rotation": 10, "zoom": 0.1},
        optimizer=keras.optimizers.serialize(keras.optimizers.Adam(rate)),
        batch_size=batch_size, epochs=epochs, random_state=0,
    )  # fmt: skip


def long_rows(images):
    print(f"\n{'All 60,000 MNIST images, tested on 10,000':<58} {'accuracy':>9} {'fit':>9}")
    pixels, labels, test, truth = images
    for label, cnn in (
        ("CNNClassifier(epochs=1)", CNNClassifier(epochs=1, random_state=0)),
        ("the network of the guide, 1 epoch", documented(1)),
        ("the network of the guide, 8 epochs", documented(8)),
    ):
        spent = clock(lambda cnn=cnn: cnn.fit(pixels, labels))
        print(f"{label:<58} {cnn.score(test, truth):>9.4f} {spent:>7.0f} s", flush=True)
    flat, flat_test = (a.reshape(len(a), -1).astype(np.float32) / 255 for a in (pixels, test))
    svc = SVC(C=1)
    spent = clock(lambda: svc.fit(flat, labels))
    print(f"{'SVC(C=1)':<58} {svc.score(flat_test, truth):>9.4f} {spent:>7.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    repeats = 1 if arguments.quick else 3
    import tensorflow

    print(
        f"keras {keras.__version__}, tensorflow {tensorflow.__version__}, "
        f"scikit-learn {sklearn.__version__}, {os.cpu_count()} cores, all in use, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GB"
    )
    search_rows(repeats)
    refit_rows(repeats)
    memory_rows()
    accuracy_rows()
    images = mnist()
    if images is None:
        print("\nSKEXTRA_MNIST is not set: no rows on images.")
        return
    epoch_rows(repeats, images)
    if arguments.long:
        long_rows(images)


if __name__ == "__main__":
    main()

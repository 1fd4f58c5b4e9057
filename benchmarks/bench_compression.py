"""Bytes, accuracy and time of compressed networks, compared with Keras's own quantisation.

The network is the default one with batch normalisation, trained on MNIST. Times are medians of
predictions that take turns, with the same compiled calls for both. Files are those of `save`.

Usage: SKEXTRA_MNIST=path/to/mnist.npz python benchmarks/bench_compression.py [--quick]

mnist.npz is the file that Keras downloads, with x_train, y_train, x_test and y_test. Without it,
and with --quick, the digits of scikit-learn are used instead.
"""

import argparse
import os
import pickle
import tempfile
import warnings
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import sklearn
from _interleaved import in_turn, medians
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import (
    best_n_clusters,
    cluster_weights,
    compare_networks,
    fold_batch_norm,
    quantize_int8,
)

REPEATS = 9


def data(path, quick):
    """Return training and test images and labels."""
    if path and not quick:
        with np.load(path) as arrays:
            names = ("x_train", "y_train", "x_test", "y_test")
            return [arrays[name] for name in names]
    X, y = load_digits(return_X_y=True)
    X = (X.reshape(-1, 8, 8) / 16).astype(np.float32)
    return X[:1200], y[:1200], X[1200:], y[1200:]


def file_size(cnn):
    """Return the size of the file that an estimator saves, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cnn.keras")
        cnn.save(path)
        return path.stat().st_size


def keras_int8(cnn):
    """Return the model as quantised by Keras: dense layers only."""
    model = cnn.model_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about every layer that it leaves unchanged
        model.quantize("int8")
    return model


def main(path, quick):
    """Print the table."""
    X, y, X_test, y_test = data(path, quick)
    print(f"keras {keras.__version__}, scikit-learn {sklearn.__version__}, ", end="")
    print(f"{len(X):,} training and {len(X_test):,} test images\n")
    cnn = CNNClassifier(batch_norm=True, epochs=2, random_state=0).fit(X, y)
    folded, _ = fold_batch_norm(cnn)
    networks = {"as trained": cnn, "folded": folded, "int8": quantize_int8(folded)[0]}
    for k in (4, 8, 16, 32):
        networks[f"{k} clusters"] = cluster_weights(folded, k, random_state=0)[0]
    shared, _ = cluster_weights(folded, 16, codebook="global", random_state=0)
    networks["16 clusters, one codebook"] = shared

    head = f"{'Weights, files, accuracy on the test set':<44}"
    print(f"{head}{'weights':>9}{'ratio':>7}{'file':>9}{'ratio':>7}{'pickle':>9}{'accuracy':>10}")
    whole = sum(w.nbytes for w in cnn.weights_)
    file = file_size(cnn)
    for name, network in networks.items():
        size, written = sum(w.nbytes for w in network.weights_), file_size(network)
        print(
            f"{name:<44}{size:>9,}{whole / size:>7.2f}{written:>9,}{file / written:>7.2f}"
            f"{len(pickle.dumps(network)):>9,}{network.score(X_test, y_test):>10.4f}"
        )
    peer = keras_int8(cnn)
    size = sum(w.nbytes for w in map(np.array, peer.get_weights()))
    images = X_test.reshape(len(X_test), *cnn.image_shape_)
    right = peer.predict(images, verbose=0).argmax(axis=1) == y_test
    print(f"{'keras model.quantize, dense layers only':<44}{size:>9,}{whole / size:>7.2f}", end="")
    print(f"{'':>25}{right.mean():>10.4f}")
    report = compare_networks(cnn, folded, X_test)
    print(f"\nFolded: outputs differ by {report.max_difference:.1e} at most.", end=" ")
    print(f"Most clusters a layer that beat int8: {best_n_clusters(folded)}.\n")

    print(f"{'Speed of a prediction, beside the second = 1':<44}", end="")
    sizes = [1, 100, min(10_000, len(X_test))]
    print("".join(f"{n:>10,}" for n in sizes) + " images")
    pairs = {
        "folded, as trained": (folded, cnn),
        "int8, folded": (networks["int8"], folded),
        "16 clusters, folded": (networks["16 clusters"], folded),
    }
    for name, (one, two) in pairs.items():
        ratios = []
        for n in sizes:
            rows = X_test[:n]
            calls = partial(two.predict, rows), partial(one.predict, rows)
            in_turn(calls, 1)  # compiles
            before, after = medians(calls, REPEATS)
            ratios.append(before / after)
        print(f"{name:<44}" + "".join(f"{ratio:>10.2f}" for ratio in ratios))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="on the digits of scikit-learn")
    main(os.environ.get("SKEXTRA_MNIST"), parser.parse_args().quick)

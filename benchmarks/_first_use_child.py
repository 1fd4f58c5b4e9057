"""First use, the process that is timed: import an estimator, fit it, say so, fit it again.

The script imports no more than the fit of a user would, so that both sides pay for the same. It
reads its data from files, because loading them by scikit-learn would hide a slow import.

Usage: python benchmarks/_first_use_child.py MODULE CLASS PARAMETERS FILE of X, FILE of y
"""

import json
import sys
import time

IMPORTS = time.perf_counter()

from importlib import import_module  # noqa: E402

import numpy as np  # noqa: E402


class ByKeras:
    """The network of CNNClassifier, by Keras alone: made, compiled and trained in every fit."""

    def __init__(self, epochs):
        self.net, self.epochs = import_module("_keras_network").net, epochs

    def fit(self, X, y):
        """Train."""
        images = X.reshape(-1, 8, 8, 1)
        self.net().fit(images, y, batch_size=32, epochs=self.epochs, verbose=0)


def estimator(module, name, parameters):
    """Return the estimator, or what stands for it where scikit-learn has none."""
    owner = ByKeras if module == "keras" else getattr(import_module(module), name)
    return owner(**parameters)


def read(file):
    """Return an array or, from scipy's format, a CSR array."""
    return import_module("scipy.sparse").load_npz(file) if file.endswith("z") else np.load(file)


def main(module, name, parameters, X_file, y_file):
    """Print a line when the first fit is done, then the seconds of the parts as JSON."""
    model = estimator(module, name, json.loads(parameters))
    X, y = read(X_file), read(y_file)
    times = [time.perf_counter()]
    model.fit(X, y)
    print("fitted", flush=True)
    times.append(time.perf_counter())
    model.fit(X, y)
    times.append(time.perf_counter())
    imports, first, second = np.diff([IMPORTS, *times]).tolist()
    print(json.dumps({"imports": imports, "first": first, "second": second}))


if __name__ == "__main__":
    main(*sys.argv[1:])

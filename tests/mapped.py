"""Fit CNNClassifier on files of 256 MiB: ``python tests/mapped.py FOLDER``; not on Windows.

The pages of a file that is read count as memory of the process, so that it may grow by the data
and a fifth of them. Run in a process of its own by test_cnn_pixels.py.
"""

import resource
import sys
import warnings
from pathlib import Path

import numpy as np

from skextra import CNNClassifier

BYTES = 256 * 2**20
UNIT = 2**10 if sys.platform == "linux" else 1
DENSE = {"filters": (), "dense_units": (), "epochs": 1, "batch_size": 512, "random_state": 0}
CASES = {
    "uint16": {"filters": 2, "strides": 4, "pool": None, "batch_norm": True},
    "uint8": {"early_stopping": True, "class_weight": "balanced"},
    "float64": {"warm_start": True, "batch_size": 100},
    "float32": {"augmentation": {"shift": 1}, "epochs": 2},
    "float16": {},
    "bool": {"shuffle": False},
}


def peak():
    """Return the bytes that the process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def mapped(path, dtype):
    """Return images of a type in a file."""
    n = BYTES // (1024 * np.dtype(dtype).itemsize)
    images = np.memmap(path, dtype=dtype, mode="w+", shape=(n, 32, 32))
    high = 250 if images.dtype.kind == "u" else 1
    draw = np.random.default_rng(0).uniform(0, high, (2000, 32, 32)).round(1).astype(dtype)
    for start in range(0, n, 2000):
        images[start : start + 2000] = draw[: n - start]
    del images
    return np.memmap(path, dtype=dtype, mode="r", shape=(n, 32, 32))


def main(folder):
    """Fit and predict on a file of each type, by images and by rows."""
    warnings.simplefilter("error")
    models = {name: CNNClassifier(**{**DENSE, **options}) for name, options in CASES.items()}
    for dtype, model in models.items():  # which compiles, and starts the threads
        few = np.tile(np.eye(32), (2000, 1, 1)).astype(dtype)
        model.fit(few, np.arange(2000) % 3).predict(few)
    most = peak() + 1.2 * BYTES
    for dtype, model in models.items():
        path = Path(folder, dtype)
        X = mapped(path, dtype)
        y = np.arange(len(X)) % 3
        w = None if dtype == "bool" else (np.arange(len(X)) % 10 > 0).astype(float)
        model.fit(X, y, w)
        assert peak() <= most, f"fit on {dtype} took {(peak() - most) / BYTES + 1.2:.2f} times"
        model.predict(X.reshape(len(X), -1))
        assert peak() <= most, f"predict on {dtype} took {(peak() - most) / BYTES + 1.2:.2f} times"
        del X
        path.unlink()
    print("good")


if __name__ == "__main__":
    main(sys.argv[1])

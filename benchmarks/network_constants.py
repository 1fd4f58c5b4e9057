"""Where numbers at the heads of the modules of networks come from: what TensorFlow costs.

Prints the seconds that compiling takes, which caches save; the time per image of predictions in
chunks and of training in calls of several sizes; and that of reading rows in blocks.

Usage: OMP_NUM_THREADS=1 python benchmarks/network_constants.py
"""

import statistics
import time
from functools import partial
from itertools import count

import numpy as np
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn._network import _network
from skextra.cnn._network._pixels import range_of
from skextra.cnn._network._rows import Rows
from skextra.cnn._training import _epochs, _trainable

REPEATS = 5


def best(function):
    """Return the shortest of several times, in seconds."""
    return min(one_run(function) for _ in range(REPEATS))


def one_run(function):
    """Return the time that a function takes, in seconds."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main():
    """Print the tables."""
    X, y = load_digits(return_X_y=True)
    X = (np.concatenate([X] * 3) / 16).astype(np.float32)[:4096]
    y = np.concatenate([y] * 3)[:4096]
    cnn = CNNClassifier(8, dense_units=(), epochs=2, random_state=0).fit(X, y)

    cold, design = CNNClassifier((8, 16), epochs=1, random_state=0), cnn._design
    times = [one_run(lambda: cold.fit(X[:320], y[:320])) for _ in range(2)]
    print(f"first fit of a kind {times[0]:.2f} s, second {times[1]:.2f} s", end=", ")
    print(f"a network for predictions {one_run(design.network):.2f} s")

    print("seconds of the first fit of an architecture, as it is, with penalties, by Keras's Adam")
    numbers, plain = count(9), _trainable.is_plain
    for l2, is_plain in ((0.0, plain), (0.001, plain), (0.0, lambda optimizer: False)):
        _trainable.is_plain = is_plain
        news = [
            CNNClassifier((next(numbers), 64), epochs=1, l2=l2, random_state=0) for _ in range(5)
        ]
        fits = [partial(new.fit, X[:150], y[:150]) for new in news]
        print(f"{statistics.median(map(one_run, fits)):.3f}", end="  ")
    print()
    _trainable.is_plain = plain

    print("chunk of a prediction   microseconds per image   of one image alone")
    for size in (1, 4, 16, 64, 256, 1024):
        _network._CHUNKS = (size,)
        many, one = best(lambda: cnn.predict(X)), best(lambda: cnn.predict(X[:1]))
        print(f"{size:21}   {many / len(X) * 1e6:22.1f}   {one * 1e6:18.0f}")

    print("bytes of a call in training   microseconds per image")
    _epochs._CALL_SECONDS = 1e9
    for size in (2**13, 2**16, 2**18, 2**20, 2**23, 2**26):
        _trainable._CALL_BYTES = size
        print(f"{size:27}   {best(lambda: cnn.fit(X, y)) / len(X) / 2 * 1e6:22.1f}")

    print("bytes of a block of rows   nanoseconds per number")
    rows = Rows(np.random.default_rng(0).random((40_000, 784), dtype=np.float32))
    for size in (2**12, 2**16, 2**20, 2**24, 2**27):
        Rows.blocks.__globals__["_BLOCK"] = size
        print(f"{size:24}   {best(lambda: range_of(rows)) / len(rows) / 784 * 1e9:22.2f}")


if __name__ == "__main__":
    main()

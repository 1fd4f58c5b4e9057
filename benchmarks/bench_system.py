"""Cost of unused callbacks, and time and memory of large fits under a memory limit.

The first table compares fits of small data with and without the support for callbacks, which take
turns. In the second, each fit runs in a process that cannot take more memory beyond its data than
the row says: the system refuses it (`RLIMIT_DATA`, Linux only). The memory taken is the growth of
the resident set. Compilation is excluded from both.

Usage: python benchmarks/bench_system.py [--quick]
"""

import argparse
import multiprocessing
import statistics
import time
import warnings
from unittest import mock

import numpy as np
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning

from skextra import (
    Adaline,
    CNNClassifier,
    FeatureMapSVM,
    KMeansPP,
    LMSRegressor,
    Madaline,
    TappedDelayLine,
)
from skextra._base import all_or_nothing

warnings.simplefilter("ignore", ConvergenceWarning)
XOR = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), [0, 1, 1, 0]
REPORTERS = [
    "skextra._adaptive._filter",
    "skextra._adaptive._lms",
    "skextra._kmeans._kmeans_pp",
    "skextra._madaline._madaline",
    "skextra._svm._training",
    "skextra.cnn._classifier",
]


class Silent:
    """Replacement of EpochReporter that does nothing."""

    def __init__(self, *args, **kwargs):
        pass

    def epoch(self, state):
        """Continue."""
        return False

    def finish(self, state):
        """Do nothing."""


def with_support(model, X, y):
    model.fit(X, y)


def without_support(model, X, y):
    """Fit without the support for callbacks: the decorator of `fit`, and reports of epochs."""
    guarded = all_or_nothing(type(model).fit.__wrapped__.__wrapped__)
    guarded(model, X, y)


def callback_rows(repeats):
    print(f"{'No callbacks set':<44} {'fit, ms':>9} {'cost, µs':>9} {'cost':>8}")
    digits = load_digits(return_X_y=True)
    for label, model, (X, y) in (
        ("LMSRegressor, diabetes", LMSRegressor(), load_diabetes(return_X_y=True)),
        ("Adaline, iris", Adaline(random_state=0), load_iris(return_X_y=True)),
        ("KMeansPP, blobs 3000x2, k=20", KMeansPP(20, random_state=0),
         make_blobs(3000, 2, centers=20, random_state=0)),
        ("Madaline, XOR", Madaline(2, random_state=0), XOR),
        ("FeatureMapSVM, iris", FeatureMapSVM(random_state=0), load_iris(return_X_y=True)),
        ("CNNClassifier, 300 digits, 3 epochs", CNNClassifier(8, epochs=3, random_state=0),
         (digits[0][:300] / 16, digits[1][:300])),
    ):  # fmt: skip
        pairs = []
        count = max(5, repeats // 20) if isinstance(model, CNNClassifier) else repeats
        for i in range(count + 1):
            pair = {}
            ways = [(with_support, []), (without_support, REPORTERS)]
            for fit, patches in ways[:: 1 if i % 2 else -1]:  # taking turns
                silence = [mock.patch(f"{module}.EpochReporter", Silent) for module in patches]
                for each in silence:
                    each.start()
                start = time.perf_counter()
                fit(model, X, y)
                pair[fit] = time.perf_counter() - start
                for each in silence:
                    each.stop()
            if i:  # the first compiles
                pairs.append(pair)
        plain = statistics.median(pair[without_support] for pair in pairs)
        cost = statistics.median(pair[with_support] - pair[without_support] for pair in pairs)
        print(
            f"{label:<44} {1e3 * plain:>9.3f} {1e6 * cost:>9.1f} {cost / plain:>8.2%}", flush=True
        )


def normal(n, p, dtype=np.float64):
    X = np.random.default_rng(0).standard_normal((n, p), np.float32)
    return X.astype(dtype, copy=False)


def groups(n, d, k, dtype=np.float64):
    """Return points around k centres."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, k, n)
    X = rng.standard_normal((n, d), np.float32)
    X += rng.uniform(-20, 20, (k, d)).astype(np.float32)[labels]
    return X.astype(dtype, copy=False), labels


def words(n, p, each):
    rng = np.random.default_rng(0)
    indices = rng.integers(0, p, n * each, dtype=np.int32)
    data = rng.uniform(0.1, 1, n * each)
    X = sparse.csr_array((data, indices, np.arange(n + 1) * each), shape=(n, p))
    X.sum_duplicates()
    return X


def regression(n, p, dtype=np.float64):
    X = normal(n, p, dtype)
    return X, X @ np.linspace(-1, 1, p).astype(dtype)


def signal(n, taps):
    """Return the windows of a signal, which overlap in memory, and a filtered signal."""
    x = np.random.default_rng(0).standard_normal((n, 1))
    windows = TappedDelayLine(taps).fit_transform(x)
    return windows, x[:, 0] + 0.5 * np.roll(x[:, 0], 1)


def sparse_regression(n, p, each):
    X = words(n, p, each)
    return X, X @ np.linspace(-1, 1, p)


# What is fitted, the data, and how many MiB it may take beyond them.
CASES = [
    ("KMeansPP(50), 10,000,000x8 float32", KMeansPP(50), groups, (10**7, 8, 50, np.float32), 200),
    ("KMeansPP(100), 1,000,000x100", KMeansPP(100), groups, (10**6, 100, 100), 600),
    ("KMeansPP(10), CSR 500,000x10,000, 40 a row", KMeansPP(10),
     words, (500_000, 10_000, 40), 400),
    ("LMSRegressor, 10,000,000x20", LMSRegressor(max_iter=5), regression, (10**7, 20), 400),
    ("LMSRegressor, CSR 1,000,000x100,000, 50 a row", LMSRegressor(max_iter=5),
     sparse_regression, (10**6, 100_000, 50), 300),
    ("LMSRegressor, 1,000,000 windows of 1,000", LMSRegressor(max_iter=2),
     signal, (10**6, 1_000), 150),
    ("Adaline, 500,000x200 float32, 10 classes", Adaline(max_iter=5),
     groups, (500_000, 200, 10, np.float32), 200),
    ("Madaline(50), 200,000x50, 5 classes", Madaline(50, max_iter=3, n_init=1),
     groups, (200_000, 50, 5), 300),
    ("FeatureMapSVM(1000, memory_limit=1000), 1,000,000x50",
     FeatureMapSVM(n_components=1000, memory_limit=1000),
     groups, (10**6, 50, 10, np.float32), 2000),
    ("CNNClassifier(8), 60,000x784 float32, 1 epoch", CNNClassifier(8, epochs=1),
     groups, (60_000, 784, 10, np.float32), 2500),
]  # fmt: skip


def status(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def child(model, make, arguments, allowed, answer):
    """Fit with no more than so many MiB beyond the data; send (MiB taken, seconds) if it can."""
    import resource

    warnings.simplefilter("ignore")
    small = make(max(200, arguments[0] // 1000), *arguments[1:])
    model.fit(*(small if isinstance(small, tuple) else (small,)))  # compiles and starts threads
    data = make(*arguments)
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")  # reset the peak
    limit = int((status("VmData") + allowed) * 2**20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    before, start = status("VmRSS"), time.perf_counter()
    try:
        model.fit(*(data if isinstance(data, tuple) else (data,)))
    except MemoryError:
        answer.send(None)
    else:
        answer.send((status("VmHWM") - before, time.perf_counter() - start))


def memory_rows(quick):
    print(f"\n{'Under a limit of memory':<58} {'data':>6} {'limit':>6} {'taken':>6} {'fit, s':>7}")
    context = multiprocessing.get_context("spawn")
    for label, model, make, arguments, allowed in CASES:
        if quick:
            label, arguments = f"{label}, a tenth", (arguments[0] // 10, *arguments[1:])
        ours, theirs = context.Pipe(duplex=False)
        work = context.Process(target=child, args=(model, make, arguments, allowed, theirs))
        work.start()
        theirs.close()
        try:
            found = ours.recv()
        except EOFError:  # it ended without an answer
            found = None
        work.join()
        text = "  did not fit" if found is None else f"{found[0]:>6.0f} {found[1]:>7.1f}"
        print(f"{label:<58} {size_of(make, arguments):>6.0f} {allowed:>6} {text}", flush=True)
    print("data, limit and taken in MiB; limit and taken are beyond the data")


def size_of(make, arguments):
    """Return the MiB of the features."""
    if make in (words, sparse_regression):
        return arguments[0] * arguments[2] * 12 / 2**20
    if make is signal:
        return arguments[0] * 8 / 2**20
    return arguments[0] * arguments[1] * (4 if np.float32 in arguments else 8) / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller data, fewer repeats")
    quick = parser.parse_args().quick
    callback_rows(40 if quick else 300)
    memory_rows(quick)


if __name__ == "__main__":
    main()

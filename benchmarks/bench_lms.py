"""Time per epoch of LMSRegressor and Adaline compared with scikit-learn's SGD and padasip.

Every figure is the median over repeats in which the two take turns, with the ratio taken pair by
pair. Rows named "fit" are whole fits, with the checks of the data. The time of an epoch is the
difference between a long and a short fit divided by the number of epochs between them, so that
all but the epochs cancels on both sides. Compilation is excluded.

Usage: python benchmarks/bench_lms.py [--quick]. MNIST rows use the file named by SKEXTRA_MNIST (an
npz with x_train, y_train, x_test, y_test), and generated data of the same size without it.
"""

import argparse
import importlib.util
import os
import statistics
import tracemalloc
import warnings

import numpy as np
from _interleaved import clock
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, SGDClassifier, SGDRegressor
from threadpoolctl import threadpool_limits

from skextra import Adaline, LMSRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
REPEATS = 7


def per_epoch(make, X, y, short, long):
    """Return seconds per epoch: the time of `long - short` more epochs, divided by them."""
    few = clock(lambda: make(short).fit(X, y))
    many = clock(lambda: make(long).fit(X, y))
    return max(many - few, 1e-9) / (long - short)


def whole_fit(make, X, y, short, long):
    """Return the seconds of a whole fit of `long` epochs."""
    return clock(lambda: make(long).fit(X, y))


def compare_fits(label, ours, peer, X, y, lengths, repeats=REPEATS):
    """Print a row for whole fits of each number of epochs."""
    for epochs in lengths:
        name = f"{label}, fit of {epochs} epoch{'s' if epochs > 1 else ''}"
        compare(name, ours, peer, X, y, long=epochs, measure=whole_fit, repeats=repeats)


def compare(label, ours, peer, X, y, short=2, long=12, measure=per_epoch, repeats=REPEATS):
    """Print a row: our time, the peer's, and the median ratio of the pairs."""
    ours(1).fit(X[:50], y[:50])
    ours(1).fit(X, y)
    pairs = [
        (measure(ours, X, y, short, long), measure(peer, X, y, short, long))
        for _ in range(repeats)
    ]
    report(label, pairs)


def report(label, pairs):
    mine, theirs = zip(*pairs, strict=True)
    ratios = [b / a for a, b in pairs]
    print(
        f"{label:<58} {1e3 * statistics.median(mine):>10.3f}"
        f" {1e3 * statistics.median(theirs):>10.3f}"
        f" {statistics.median(ratios):>7.1f}x  ({min(ratios):.1f}-{max(ratios):.1f})",
        flush=True,
    )


def lms(**options):
    return lambda epochs: LMSRegressor(learning_rate=1e-4, tol=None, max_iter=epochs, **options)


def sgd(epochs):
    return SGDRegressor(
        penalty=None,
        alpha=0,
        learning_rate="constant",
        eta0=1e-4,
        shuffle=False,
        tol=None,
        max_iter=epochs,
    )


def made(n, p, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p), dtype=dtype)
    return X, X @ rng.standard_normal(p, dtype=dtype) + rng.standard_normal(n, dtype=dtype) / 10


def mnist():
    path = os.environ.get("SKEXTRA_MNIST")
    if path:
        with np.load(path) as data:
            return tuple(
                data[f"x_{part}"].reshape(-1, 784) / 255.0 if axis == "x" else data[f"y_{part}"]
                for part in ("train", "test")
                for axis in ("x", "y")
            )
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 70_000)
    X = rng.random((70_000, 784)) * 0.5 + rng.random((10, 784))[y] * 0.5
    return X[:60_000], y[:60_000], X[60_000:], y[60_000:]


def dense_rows(quick):
    n = 100_000 if quick else 1_000_000
    X, y = made(n, 10)
    name = f"LMS {n}x10 float64"
    compare_fits(name, lms(), sgd, X, y, (1, 5, 20))
    compare(f"{name}, epoch", lms(), sgd, X, y)
    X, y = made(100_000, 10)
    compare_fits("LMS 100000x10", lms(), sgd, X, y, (1000,), repeats=1 if quick else 3)
    X, labels, _, _ = mnist()
    y = labels.astype(float)
    for dtype in (np.float64, np.float32):
        data = X.astype(dtype), y.astype(dtype)
        name = f"LMS 60000x784 {np.dtype(dtype).name}"
        compare_fits(name, lms(), sgd, *data, (1, 5, 20))
        compare(f"{name}, epoch", lms(), sgd, *data)


def default_fits(quick):
    """Fits with the parameters of neither changed, and what they reach on other rows."""
    n = 100_000 if quick else 1_000_000
    X, y = made(n + 100_000, 10)
    y += 2 * y.std() * np.random.default_rng(1).standard_normal(len(y)) / 7.5
    train, test = slice(0, n), slice(n, None)
    data = X[train], y[train]

    def ours(epochs):
        return LMSRegressor()

    def peer(epochs):
        return SGDRegressor(random_state=0)

    compare(f"LMS {n}x10, default fit", ours, peer, *data, measure=whole_fit, repeats=3)
    for model in (ours(None), peer(None), LinearRegression()):
        score = model.fit(*data).score(X[test], y[test])
        print(f"R2 on other rows of {type(model).__name__:<38} {score:.5f}")


def sparse_rows():
    for n, p, density in ((50_000, 20_000, 0.002), (100_000, 1000, 0.01)):
        rng = np.random.default_rng(0)
        X = sparse.random(n, p, density, format="csr", random_state=0)
        y = X @ rng.standard_normal(p)
        name = f"LMS CSR {n}x{p} at {density:.1%}"
        compare_fits(name, lms(), sgd, X, y, (1, 5))
        compare(f"{name}, epoch", lms(), sgd, X, y)


def classifiers():
    X, y, X_test, y_test = mnist()

    def adaline(epochs):
        return Adaline(
            learning_rate=1e-3, tol=None, max_iter=epochs, average=False, random_state=0
        )

    def sgd_classifier(epochs):
        return SGDClassifier(
            loss="squared_error",
            penalty=None,
            alpha=0,
            learning_rate="constant",
            eta0=1e-3,
            tol=None,
            max_iter=epochs,
            random_state=0,
        )

    name = "Adaline 60000x784, 10 classes"
    compare_fits(name, adaline, sgd_classifier, X, y, (1, 5), repeats=3)
    compare(f"{name}, epoch", adaline, sgd_classifier, X, y, short=1, long=4, repeats=3)
    if os.environ.get("SKEXTRA_MNIST"):
        for name, model in (
            ("Adaline()", Adaline(random_state=0)),
            (
                "SGDClassifier(squared_error, 1e-3, average)",
                sgd_classifier(8).set_params(average=True),
            ),
        ):
            seconds = clock(lambda model=model: model.fit(X, y))
            print(
                f"MNIST test accuracy of {name:<44} {model.score(X_test, y_test):.4f}"
                f" in {seconds:.1f} s"
            )


def adaptive_filters():
    if importlib.util.find_spec("padasip") is None:
        print("padasip is not installed: its rows are left out (pip install padasip)")
        return
    import padasip

    X, y = made(20_000, 32)
    rules = {
        "lms": (padasip.filters.FilterLMS(n=32, mu=1e-3, w="zeros"), {"learning_rate": 1e-3}),
        "nlms": (padasip.filters.FilterNLMS(n=32, mu=0.5, w="zeros"), {"learning_rate": 0.5}),
        "rls": (padasip.filters.FilterRLS(n=32, mu=0.99, w="zeros"), {"forgetting": 0.99}),
    }
    for variant, (theirs, options) in rules.items():
        rows = slice(0, 2000) if variant == "rls" else slice(None)
        data = X[rows], y[rows]

        def ours(variant=variant, options=options, data=data):
            LMSRegressor(variant=variant, fit_intercept=False, **options).adapt(*data)

        ours()
        pairs = [
            (clock(ours), clock(lambda t=theirs, d=data: t.run(d[1], d[0]))) for _ in range(3)
        ]
        report(f"{variant.upper()} adapt {len(data[0])}x32 / padasip", pairs)


def memory():
    X, y = made(200_000, 100)
    for name, model in (("LMSRegressor", lms()(3)), ("SGDRegressor", sgd(3))):
        tracemalloc.start()
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"Peak memory beyond the {X.nbytes / 1e6:.0f} MB of data, {name:<14}"
            f" {peak / 1e6:>8.2f} MB"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller data, fewer repeats")
    quick = parser.parse_args().quick
    head = f"{'ours / SGD of scikit-learn, where no other is named':<58}"
    print(f"{head} {'ours, ms':>10} {'peer, ms':>10} {'ratio':>8}  (range)")
    with threadpool_limits(1):
        dense_rows(quick)
        default_fits(quick)
        sparse_rows()
        classifiers()
        adaptive_filters()
        memory()


if __name__ == "__main__":
    main()

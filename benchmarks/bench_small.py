"""Whole fits and predictions on the data people try first, beside scikit-learn's own estimators.

What is compared:

* Both sides get the same arrays and the same limit of threads, and take turns: fits with one
  thread, predictions with one and with two. A time is the median of whole calls of `fit`,
  `predict` or `transform`, with all checks. The ratio is the median of the peer's time / ours,
  pair by pair, with its quartiles in brackets: below 1 we are slower. Imports and compilation have
  a table of their own, bench_first_use.txt.
* Parameters are the defaults of both sides, except where a row says otherwise. By default KMeans
  starts once (`n_init='auto'`), and KMeansPP searches on from one start. With Adaline's loss,
  SGDClassifier has no penalty and the schedule of SGDRegressor, because its own diverges.
* What the fits of both sides are worth is in the last columns. Inertia is the mean over the fits
  that are timed; accuracy and R2 are means over five shuffled folds, the same for both. Features
  are standardised, except where a row says otherwise.
* KMeansPP, LMSRegressor and Adaline predict with the same centres or weights as their peers, the
  others each from a fit of its own. The last column is the share of equal results. More rows than
  a data set has are repetitions. SVC and Keras get fewer than a million, or it would take hours.
* "TensorFlow's floor" is the same training, or prediction, in operations of TensorFlow alone, with
  nothing checked or recorded. Everything is compiled before it is timed.

Usage: python benchmarks/bench_small.py [--cpu] [--seconds .4] [WORD ...]
--cpu measures the time of the processor, summed over threads, which a busy machine changes less.
WORD selects the rows whose section or label contains one of the words.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from _interleaved import Comparison, geometric_mean, in_ms, in_turn, repeats_within
from _kmeans_sets import SETS, blobs, images, noise
from scipy import sparse
from sklearn import datasets
from sklearn.base import is_classifier
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from skextra import Adaline, FeatureMapSVM, KMeansPP, LMSRegressor, Madaline

MILLION = 10**6
LABELLED = ("iris", "wine", "breast_cancer", "digits")


@cache
def standardised(name):
    """Return (standardised features, targets) of a data set that comes with scikit-learn."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def features(name):
    """Return the standardised features, for clustering."""
    return standardised(name)[0], None


def colours(photograph, n=10_000):
    """Return the colours of pixels of a photograph, drawn at random."""
    pixels = datasets.load_sample_image(photograph).reshape(-1, 3) / 255.0
    return pixels[np.random.default_rng(0).choice(len(pixels), n, replace=False)], None


def patches(photograph, size=8):
    """Return the squares of a photograph in grey, without their means."""
    grey = datasets.load_sample_image(photograph).mean(axis=2) / 255.0
    high, wide = (length // size for length in grey.shape)
    tiles = grey[: high * size, : wide * size].reshape(high, size, wide, size)
    rows = tiles.swapaxes(1, 2).reshape(high * wide, -1)
    return rows - rows.mean(axis=1, keepdims=True), None


def sparse_digits():
    """Return the pixels of the digits that are not 0."""
    return sparse.csr_array(datasets.load_digits().data), None


def some_mnist(n=5000):
    """Return the first images of MNIST."""
    return images(np.float64)[:n], None


@dataclass(frozen=True)
class Fit:
    """A row of the first tables: what both sides fit, and the seeds they do it with."""

    section: str
    label: str
    ours: Any
    peer: Any
    data: Callable[[], tuple]
    seeds: int = 5

    def measured(self, seconds, timer):
        """Return (comparison, what our fits are worth, what the peer's are worth)."""
        X, y = self.data()
        models, pairs, worth = (self.ours, self.peer), [], []
        calls = [partial(model.fit, X, y) for model in models]
        repeats = repeats_within(seconds / self.seeds, calls, 2, timer)
        for seed in range(self.seeds):
            for model in models:
                model.set_params(random_state=seed)
            pairs.append(in_turn(calls, repeats, timer))
            worth.append([getattr(model, "inertia_", np.nan) for model in models])
        scores = np.mean(worth, axis=0)
        if y is not None:
            scores = [folded(model.set_params(random_state=0), X, y) for model in models]
        return Comparison.of(np.concatenate(pairs)), *scores


def folded(model, X, y):
    """Return the mean accuracy in percent, or R2, of five folds."""
    if is_classifier(model):
        folds, factor = StratifiedKFold(5, shuffle=True, random_state=1), 100
    else:
        folds, factor = KFold(5, shuffle=True, random_state=1), 1
    return factor * cross_val_score(model, X, y, cv=folds).mean()


SHIPPED = "KMeansPP / KMeans, inertia; scikit-learn's data"
OTHERS = "KMeansPP / KMeans, inertia; other sets up to 1e4 points"


def clusterings():
    """Yield the rows of KMeansPP."""
    for name, ks in (
        ("iris", (3, 8)), ("wine", (3, 8)), ("breast_cancer", (2, 8)), ("digits", (10, 8)),
        ("diabetes", (3, 8)),
    ):  # fmt: skip
        for k in ks:
            n, p = features(name)[0].shape
            label = f"{name} {n}x{p}, k={k}"
            yield Fit(SHIPPED, label, KMeansPP(k), KMeans(k), partial(features, name), 10)
    sets = {f"{name}, k={k}": (make, k) for name, (make, k) in SETS.items() if small(name)}
    sets = {label: (lambda make=make: (make(), None), k) for label, (make, k) in sets.items()}
    sets |= {
        "blobs 200x2, k=5": (lambda: (blobs(200, 2, 5), None), 5),
        "blobs 1000x10, k=20": (lambda: (blobs(1000, 10, 20, box=5), None), 20),
        "blobs 10000x4, k=8": (lambda: (blobs(10_000, 4, 8), None), 8),
        "blobs 10000x50, k=10, float32": (lambda: (blobs(10_000, 50, 10).astype("f"), None), 10),
        "no groups 2000x10, k=10": (lambda: (noise(2000, 10, "standard_normal"), None), 10),
        "moons 1000x2, k=10": (lambda: (datasets.make_moons(1000, random_state=0)[0], None), 10),
        "colours of china.jpg 10000x3, k=16": (partial(colours, "china.jpg"), 16),
        "colours of flower.jpg 10000x3, k=64": (partial(colours, "flower.jpg"), 64),
        "patches of china.jpg 4240x64, k=32": (partial(patches, "china.jpg"), 32),
        "digits 1797x64 as CSR, raw, k=10": (sparse_digits, 10),
    }
    if os.environ.get("SKEXTRA_MNIST"):
        sets["MNIST 5000x784, raw, k=10"] = (some_mnist, 10)
    for label, (data, k) in sets.items():
        yield Fit(OTHERS, label, KMeansPP(k), KMeans(k), data, 10)


def small(name):
    """Return whether the name of a set of bench_kmeans.py tells of at most 1e4 points."""
    size = next((word for word in name.split() if "x" in word and word[0].isdigit()), "1e9x")
    return float(size.split("x")[0]) <= 1e4 and not name.startswith("digits")


def supervised():
    """Yield the rows of the other estimators."""
    section = "LMSRegressor / SGDRegressor, R2"
    data = partial(standardised, "diabetes")
    yield Fit(section, "diabetes 442x10", LMSRegressor(), SGDRegressor(), data)
    raw = partial(datasets.load_diabetes, return_X_y=True)
    yield Fit(section, "diabetes 442x10, as it comes", LMSRegressor(), SGDRegressor(), raw)
    adaline = "Adaline / SGDClassifier, accuracy"
    same_loss = SGDClassifier("squared_error", penalty=None, learning_rate="invscaling")
    for peer, suffix in ((SGDClassifier(), ""), (same_loss, ", Adaline's loss")):
        for name in LABELLED:
            data = partial(standardised, name)
            yield Fit(adaline, shape_of(name) + suffix, Adaline(), peer, data)
    for name in LABELLED:
        data, section = partial(standardised, name), "FeatureMapSVM / SVC, accuracy"
        yield Fit(section, shape_of(name), FeatureMapSVM(), SVC(), data)
    section = "Madaline / MLPClassifier of as many units, accuracy"
    for name, units in (
        ("iris", 16), ("wine", 16), ("breast_cancer", 16), ("digits", 16), ("digits", 100)
    ):  # fmt: skip
        label, data = f"{shape_of(name)}, {units} units", partial(standardised, name)
        ours, peer = Madaline(units), MLPClassifier((units,))
        yield Fit(section, label, ours, peer, data, 2 if name == "digits" else 5)


def shape_of(name):
    """Return the label of a data set: its name and its shape."""
    return "{} {}x{}".format(name, *standardised(name)[0].shape)


@dataclass(frozen=True)
class Prediction:
    """Rows of the second table: two fitted models, a method, and how many rows it is given."""

    label: str
    models: Callable[[], tuple]
    data: Callable[[], Any]
    method: str = "predict"
    rows: tuple = (1, 1000, MILLION)

    def measured(self, count, seconds, timer):
        """Return (comparison, share of equal results)."""
        X = self.data()
        X = np.resize(X, (count, X.shape[1]))
        calls = [partial(getattr(model, self.method), X) for model in self.models()]
        pairs = in_turn(calls, repeats_within(seconds, calls, timer=timer), timer)
        ours, theirs = (call() for call in calls)
        equal = np.isclose(ours, theirs) if ours.dtype.kind == "f" else ours == theirs
        return Comparison.of(pairs), np.mean(equal)


@cache
def clustered(data, k):
    """Return KMeansPP and KMeans with the same centres, from some of the rows."""
    X = data()[:5000]
    ours = KMeansPP(k, random_state=0).fit(X)
    peer = KMeans(k, init=ours.cluster_centers_, n_init=1, max_iter=1).fit(X)
    peer.cluster_centers_ = ours.cluster_centers_.copy()
    return ours, peer


@cache
def linear(ours, peer, name):
    """Return two linear models with the same weights."""
    X, y = standardised(name)
    ours.set_params(random_state=0).fit(X, y)
    peer.set_params(random_state=0).fit(X, y)
    peer.coef_, peer.intercept_ = ours.coef_.copy(), np.atleast_1d(ours.intercept_)
    return ours, peer


@cache
def fitted(ours, peer, name):
    """Return two fitted models."""
    X, y = standardised(name)
    return tuple(model.set_params(random_state=0).fit(X, y) for model in (ours, peer))


@cache
def grouped(n, p, k, dtype="d"):
    """Return points around k centres, some of which overlap."""
    return blobs(n, p, k).astype(dtype)


@cache
def structureless(n, p):
    """Return points without groups."""
    return noise(n, p, "random")


def rows_of(name):
    """Return the standardised features of a data set."""
    return standardised(name)[0]


def predictions():
    """Yield the rows of predictions, but for those of networks."""
    few, digits = (1, 1000), partial(rows_of, "digits")
    for method in ("predict", "transform"):
        name, models = f"KMeansPP.{method}", partial(clustered, digits, 10)
        yield Prediction(f"{name}, digits, k=10", models, digits, method, few)
        for label, data, k, count in (
            ("10 columns, k=20", partial(grouped, MILLION, 10, 20), 20, MILLION),
            ("100 columns, k=100", partial(grouped, 200_000, 100, 100), 100, 200_000),
            ("10 columns, k=20, no groups", partial(structureless, MILLION, 10), 20, MILLION),
            ("10 columns, k=20, float32", partial(grouped, MILLION, 10, 20, "f"), 20, MILLION),
        ):
            models = partial(clustered, data, k)
            yield Prediction(f"{name}, {label}", models, data, method, (count,))
    models = partial(linear, LMSRegressor(), SGDRegressor(), "diabetes")
    yield Prediction("LMSRegressor, diabetes", models, partial(rows_of, "diabetes"))
    for name in ("digits", "breast_cancer"):
        data = partial(rows_of, name)
        models = partial(linear, Adaline(), SGDClassifier(), name)
        yield Prediction(f"Adaline, {name}", models, data)
        models = partial(fitted, FeatureMapSVM(), SVC(), name)
        yield Prediction(f"FeatureMapSVM, {name}", models, data, rows=(*few, 5000))
        models = partial(fitted, Madaline(100), MLPClassifier((100,)), name)
        yield Prediction(f"Madaline(100), {name}", models, data)


def networks(threads):
    """Return the rows of _small_networks.py, measured in a process of their own."""
    script = Path(__file__).with_name("_small_networks.py")
    command = [sys.executable, str(script), str(threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def print_fits(section, rows):
    """Print a section of (label, comparison, our worth, the peer's), each as it is measured."""
    head = f"{'ours, ms':>9} {'peer, ms':>9} {'ratio':>7} {'(quartiles)':>14}"
    print(f"\n{section:<57} {head} {'ours':>9} {'peer':>9}")
    ratios = []
    for label, comparison, ours, peer in rows:
        print(f"{label:<57} {comparison} {ours:>9.5g} {peer:>9.5g}", flush=True)
        ratios.append(comparison.ratio)
    if len(ratios) > 1:
        print(f"{'Geometric mean':<57} {'':>19} {geometric_mean(ratios):>6.2f}x", flush=True)
    return ratios


def fit_tables(chosen, seconds, timer):
    """Print the tables of whole fits."""
    sections = {}
    for row in (*clusterings(), *supervised()):
        if chosen(row.section + row.label):
            sections.setdefault(row.section, []).append(row)
    clustering = []
    for section, rows in sections.items():
        found = ((row.label, *row.measured(seconds, timer)) for row in rows)
        ratios = print_fits(section, found)
        clustering += ratios if section in (SHIPPED, OTHERS) else []
    if len(clustering) > 1:
        mean = geometric_mean(clustering)
        print(f"\nGeometric mean over all {len(clustering)} rows of KMeansPP: {mean:.2f}x")


def prediction_table(chosen, seconds, timer, network_rows):
    """Print the table of predictions with one and with two threads."""
    rows = [(row, count) for row in predictions() for count in row.rows]
    rows = [(row, count) for row, count in rows if chosen(f"{row.label}: {count:,}")]
    if rows or any(network_rows):
        print(f"\n{'Predictions: number of rows':<57} {'one thread':>28} {'two threads':>29}")
        head = f"{'ours, ms':>10} {'peer, ms':>10} {'ratio':>7}"
        print(f"{'':<57} {head} {head} {'equal':>9}")
    for row, count in rows:
        found = []
        for threads in (1, 2):
            with threadpool_limits(threads):
                found.append(row.measured(count, seconds, timer))
        print_prediction(f"{row.label}: {count:,}", [one for one, _ in found], found[0][1])
    for one, two in zip(*network_rows, strict=True):
        print_prediction(one[0], [Comparison(**row[1]) for row in (one, two)], one[2])


def print_prediction(label, comparisons, equal):
    """Print a row: its label, two comparisons and the share of equal results."""
    cells = (
        f"{in_ms(one.ours):>10} {in_ms(one.peer):>10} {one.ratio:>6.2f}x" for one in comparisons
    )
    print(f"{label:<57} {' '.join(cells)} {equal:>9.2%}", flush=True)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.4, help="for the repeats of a row")
    parser.add_argument("--cpu", action="store_true", help="CPU time, for a busy machine")
    parser.add_argument("words", nargs="*", metavar="WORD")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    timer = time.process_time if options.cpu else time.perf_counter

    def chosen(label):
        return not options.words or any(word in label for word in options.words)

    print(
        f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}, {os.cpu_count()} cores; "
        "ratio: the peer's time / ours"
    )
    with threadpool_limits(1):
        fit_tables(chosen, options.seconds, timer)
    found = [networks(threads) for threads in (1, 2)] if chosen("CNNClassifier") else []
    if found:
        rows = [(label, Comparison(**row), *worth) for label, row, *worth in found[0]["fits"]]
        print_fits("CNNClassifier / the same network, 10 epochs, accuracy", rows)
    network_rows = [rows["predictions"] for rows in found] or [[], []]
    prediction_table(chosen, options.seconds, timer, network_rows)


if __name__ == "__main__":
    main()

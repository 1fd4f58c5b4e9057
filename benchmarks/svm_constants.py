"""What the constants of FeatureMapSVM trade: each at other values, beside its own.

Every constant that was chosen by measurement is set to other values. Fits with these take turns
with fits as they are; a row shows the median of the ratios of times (above 1 is slower than as
it is), the number of steps and the accuracy on samples left out, beside those as it is.

Usage: python benchmarks/svm_constants.py [WORD] [--rounds 3]
WORD takes the constants whose name holds it.
"""

import argparse
import statistics
import sys
import time
import warnings
from importlib import import_module
from unittest import mock

import numpy as np
from _svm_text import docstrings, documents
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skextra import FeatureMapSVM

ROOM = "skextra._svm._"
# Case, module or modules, constant, other values.
CONSTANTS = [
    ("large", "mapped_rows", "_CHUNK", (128, 2048)),
    ("large", "mapped_rows", "_GROUPS", (8, 128)),
    ("large", "landmark_map", "_ROWS_AT_ONCE", (250, 4000)),
    ("large", "newton_cg", "_FORCING", (0.1, 0.6)),
    ("uniform", "at_scale", "_FIRST_ROWS", (1000, 10_000, 50_000)),
    ("uniform", "at_scale", "_FIRST_TOL", (0.01, 0.2)),
    ("large", "at_scale", "_MOST_REFRESHED", (0,)),
    ("limited", "at_scale", "_MOST_ROUNDS", (1, 20)),
    ("wide", "linear newton_cg mapped_rows", "QUICK_FROM", (100, 10_000)),
    ("digits", "pilot", "_PILOT_LANDMARKS", (100, 600)),
    ("large", "pilot", "_PILOT_ROWS", ((1000, 1000), (20_000, 20_000))),
    ("large", "pilot", "_PILOT_TOL", (0.05, 0.5)),
    ("large", "pilot", "_MOST_FACTOR", (1.0, 10.0)),
    ("large", "pilot", "_SHARPNESS", (0.0, 1.0, 4.0)),
    ("digits", "pilot", "_SHARPNESS", (0.0, 1.0, 4.0)),
    ("noisy", "pilot", "_SQUARED_ERROR", (0.0, 60.0)),
    ("noisy", "pilot", "_NOISE", (0.0, 4000.0)),
    ("middle", "landmarks", "_MOST_FLOAT64_ENTRIES", (0, 10_000_000)),
    ("large", "at_scale", "_REFRESH", (1, 4)),
    ("wide", "linear", "_PARTS", (1, 32)),
    ("middle", "training", "_FEW_ROWS", (0, 20_000)),
    ("few features", "training", "_MOST_EXACT_WORK", (0, 3e9)),
    ("small", "training", "_MOST_EXACT_KERNEL_ROWS", (0,)),
    ("many small", "training", "_MOST_EXACT_KERNEL_ROWS", (5000,)),
    ("small costly", "training", "_MOST_EXACT_KERNEL_COST", (1e4,)),
    ("small", "exact_kernel", "_FIRST_ROWS", (20, 1000)),
    ("small", "exact_kernel", "_RESIDUAL", (1e-10,)),
    ("small", "landmark_map", "_GRAM_ROWS", (32, 2000)),
    ("digits", "exact", "_MOST_GRAM_ROWS", (0,)),
    ("cancer", "exact", "_FEWEST_PROBLEMS", (1,)),
    ("digits", "exact", "_MOST_STARTED_COST", (0.0,)),
    ("cancer", "exact", "_MOST_STARTED_COST", (0.0,)),
    ("costly", "exact", "_MOST_STARTED_COST", (1e9,)),
    ("cheap", "exact", "_MOST_STARTED_SHARE", (1.1,)),
    ("hinge", "interior_point", "_MANY_ROWS", (10**9,)),
    ("hinge", "interior_point", "_SAMPLE_STEP", (4, 16)),
    ("hinge", "interior_point", "_BAND_SHARE", (3, 12)),
    ("hinge", "interior_point", "_SAMPLE_ACCURACY", (1e-2, 1e-8)),
    ("hinge", "interior_point", "_POLISHED_BELOW", (1e-8, 1e-2)),
    ("smooth", "training", "_MOST_STEPS", ({4: 10, 8: 2**30}, {4: 160, 8: 2**30})),
    ("stream", "stream", "_NEAR", (0.1, 2.0)),
    ("texts", "descent", "_AIM", (0.1, 1.0)),
    ("texts", "descent", "_HOPE", (1.0, 10.0)),
    ("texts", "descent", "_SLACK", (1.0, 10.0, 1e9)),
    ("texts", "descent", "_ALL_EVERY", (4, 16)),
    ("costly texts", "descent", "_MOST_PASSES", (30,)),
    ("few texts", "descent", "_MULTIPLICATIONS_PER_ENTRY", (2, 200, 10**9)),
    ("costly words", "descent", "_MULTIPLICATIONS_PER_ENTRY", (2, 200, 10**9)),
    ("few words", "training", "FEWEST_FEATURES", (1000,)),
]


def cases():
    """Return {case: (estimator, X, y, chunks of a stream)}."""
    data = make_classification(20_000, 20, n_informative=12, n_classes=4, random_state=0)
    two = data[0], data[1] > 1
    part = data[0][:5000], data[1][:5000]
    cancer, digits = (
        (StandardScaler().fit_transform(X), y)
        for X, y in (load_breast_cancer(return_X_y=True), load_digits(return_X_y=True))
    )
    svm = FeatureMapSVM(n_components=300, random_state=0)
    return {
        "small": (FeatureMapSVM(random_state=0), *digits, 1),
        "small costly": (FeatureMapSVM(C=1000.0, random_state=0), *digits, 1),
        "many small": (FeatureMapSVM(random_state=0), *part, 1),
        "digits": (svm, *load_digits(return_X_y=True), 1),
        "cancer": (svm, *cancer, 1),
        "costly": (clone(svm).set_params(C=1000.0), *digits, 1),
        "cheap": (clone(svm).set_params(C=0.01), *load_digits(return_X_y=True), 1),
        "middle": (FeatureMapSVM(n_components=600, random_state=0), *part, 1),
        "noisy": (FeatureMapSVM(random_state=0), *part, 1),
        "large": (svm, *data, 1),
        "uniform": (clone(svm).set_params(landmarks="uniform"), *data, 1),
        "limited": (FeatureMapSVM(n_components=300, memory_limit=6, random_state=0), *data, 1),
        "wide": (FeatureMapSVM(n_components=1000, random_state=0), *data, 1),
        "few features": (FeatureMapSVM("identity", C=0.1, random_state=0), *data, 1),
        "hinge": (FeatureMapSVM("identity", loss="hinge"), *two, 1),
        "smooth": (FeatureMapSVM(C=1e4, gamma=0.003, n_components=200, random_state=0), *data, 1),
        "stream": (svm, *data, 6),
        "texts": (FeatureMapSVM("identity", n_jobs=1), *docstrings(10_000), 1),
        "costly texts": (FeatureMapSVM("identity", C=100.0, n_jobs=1), *docstrings(3000), 1),
        "few texts": (FeatureMapSVM("identity", n_jobs=1), *documents(2000, 4000), 1),
        "costly words": (FeatureMapSVM("identity", C=1e4, n_jobs=1), *documents(2000, 300), 1),
        "few words": (FeatureMapSVM("identity", n_jobs=1), *documents(5000, 600), 1),
    }


def fitted(model, X, y, chunks):
    """Return (seconds, steps, accuracy on samples left out) of a fit."""
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
    vars(model).pop("classes_", None)
    start = time.perf_counter()
    if chunks == 1:
        model.fit(X, y)
    else:
        vars(model).pop("_stream", None)
        for rows in np.array_split(np.arange(len(X)), chunks):
            model.partial_fit(X[rows], y[rows], classes=np.unique(y))
    return time.perf_counter() - start, model.n_iter_, model.score(X_test, y_test)


def main():
    """Print a row for each value of each constant."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'':64}{'time':>6}  {'steps':>9}  accuracy")
    made = cases()
    for case, modules, name, values in CONSTANTS:
        if options.word not in name:
            continue
        modules = [import_module(ROOM + module) for module in modules.split()]
        fitted(*made[case])
        for value in values:
            pairs = []
            for _ in range(options.rounds):
                before = fitted(*made[case])
                patches = [mock.patch.object(module, name, value) for module in modules]
                for patch in patches:
                    patch.start()
                pairs.append((before, fitted(*made[case])))
                mock.patch.stopall()
            ratio = statistics.median(after[0] / before[0] for before, after in pairs)
            (_, steps, accuracy), (_, other_steps, other) = pairs[-1]
            row = f"{name}={value} for {getattr(modules[0], name)}, {case}"
            row = (
                f"{row:<64}{ratio:5.2f}x  {other_steps:>4}/{steps:<4}  {other:.4f}/{accuracy:.4f}"
            )
            print(row, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Success, accuracy and time of Madaline compared with Perceptron, LogisticRegression and MLP.

A fit succeeds if no pattern is wrong at its end; successes are counted over seeds. Accuracy is
five-fold, shuffled and stratified, with standardised features and the same folds for all. The
folds have other seeds than those with which Madaline's defaults were chosen. Times are medians of
whole fits that take turns.

Usage: python benchmarks/bench_madaline.py [--quick]
"""

import argparse
import itertools
import warnings
from functools import partial

import numpy as np
from _interleaved import clock, in_turn
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skextra import Madaline

warnings.simplefilter("ignore", ConvergenceWarning)


def parity(bits):
    X = np.array(list(itertools.product([-1.0, 1.0], repeat=bits)))
    return X, X.prod(axis=1)


def emulator(seed, patterns=400):
    """Return the data of a random signum network: 16 inputs, 5 hidden units, 3 outputs."""
    rng = np.random.default_rng(seed)
    X = rng.choice([-1.0, 1.0], (patterns, 16))
    hidden = np.sign(X @ rng.standard_normal((16, 5)) + rng.standard_normal(5))
    outputs = np.sign(hidden @ rng.standard_normal((5, 3)) + rng.standard_normal(3))
    return X, (outputs > 0).astype(int)


def published(units):
    """Return MRII as published, without the extensions of Madaline."""
    options = {"acceptance": "hamming", "dead_zone": 0, "n_init": 1, "max_candidates": units}
    return Madaline(units, **options)


def success(label, model, data, seeds):
    """Print the number of successful seeds, and the mean time."""
    solved, seconds = 0, []
    for seed in range(seeds):
        X, y = data(seed)
        seconds.append(clock(partial(model.set_params(random_state=seed).fit, X, y)))
        solved += model.score(X, y) == 1.0
    print(
        f"{label:<58} {solved:>4} of {seeds:<4} {1e3 * np.mean(seconds):>9.2f} ms",
        flush=True,
    )


def success_rows(quick):
    print(f"{'Solved without error, seeds 0, 1, ...':<58} {'':>12} {'mean fit':>12}")
    for bits in (2, 3, 4, 5, 6):
        X, y = parity(bits)
        name = "XOR" if bits == 2 else f"parity of {bits} bits"
        label = f"{name}, {bits} hidden units, "
        success(label + "Madaline", Madaline(bits), lambda _, d=(X, y): d, 20 if quick else 100)
        mlp = MLPClassifier((bits,), solver="lbfgs", max_iter=1000)
        success(label + "MLPClassifier(lbfgs)", mlp, lambda _, d=(X, y): d, 20)
    data = parity(8)
    label = "parity of 8 bits, 16 hidden units, "
    success(label + "Madaline", Madaline(16), lambda _: data, 10 if quick else 50)
    success(label + "MRII as published", published(16), lambda _: data, 10)
    label = "16-5-3 emulator, 20 hidden units, "
    success(label + "Madaline(tol=0)", Madaline(20, tol=0), emulator, 20)
    success(label + "Madaline", Madaline(20), emulator, 20)
    success(label + "MRII as published", published(20), emulator, 20)
    mlp = MLPClassifier((20,), solver="lbfgs", max_iter=1000)
    success(label + "MLPClassifier(lbfgs)", mlp, emulator, 20)


def accuracy_rows(quick):
    sets = {
        "iris": (load_iris, 16),
        "breast_cancer": (load_breast_cancer, 16),
        "wine": (load_wine, 16),
        "digits": (load_digits, 100),
    }
    print(f"\n{'Five-fold accuracy':<24} {'Madaline':>12} {'MRII, publ.':>12}", end=" ")
    print(f"{'Perceptron':>12}", end=" ")
    print(f"{'LogisticReg.':>12} {'MLP':>12}")
    for name, (load, units) in sets.items():
        X, y = load(return_X_y=True)
        row = []
        for model in (
            Madaline(units),
            published(units),
            Perceptron(),
            LogisticRegression(max_iter=1000),
            MLPClassifier((units,), max_iter=1000),
        ):
            repeats = range(1 if quick else 5)
            scores = [
                cross_val_score(
                    make_pipeline(StandardScaler(), model.set_params(random_state=seed)),
                    X,
                    y,
                    cv=StratifiedKFold(5, shuffle=True, random_state=seed),
                ).mean()
                for seed in repeats
            ]
            row.append(np.mean(scores))
        print(
            f"{name + f', {units} units':<24}", *(f"{value:>12.4f}" for value in row), flush=True
        )


def time_rows(quick):
    X, y = load_digits(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    print(f"\n{'Fit of all digits':<58} {'ours, ms':>9} {'MLP, ms':>9} {'ratio':>7}")
    for units in (100, 200):
        pairs = []
        for seed in range(2 if quick else 5):
            ours = Madaline(units, random_state=seed)
            peer = MLPClassifier((units,), random_state=seed)
            pairs += in_turn([partial(ours.fit, X, y), partial(peer.fit, X, y)], 1).tolist()
        mine, theirs = np.median(pairs, axis=0)
        label = f"Madaline({units}) / MLPClassifier(({units},))"
        print(f"{label:<58} {1e3 * mine:>9.1f} {1e3 * theirs:>9.1f} {theirs / mine:>6.1f}x")


def prediction_rows(quick):
    X, y = load_digits(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    print(f"\n{'Prediction of digits, 100 units':<58} {'ours, us':>9} {'MLP, us':>9} {'ratio':>7}")
    for dtype in (np.float64, np.float32):
        models = [
            model.fit(X.astype(dtype), y)
            for model in (
                Madaline(100, random_state=0),
                MLPClassifier((100,), max_iter=20, random_state=0),
            )
        ]
        for n in (1, 1000, 100_000 if quick else 1_000_000):
            rows = np.resize(X, (n, 64)).astype(dtype)
            calls = [partial(model.predict, rows) for model in models]
            mine, theirs = 1e6 * np.median(in_turn(calls, 3 if n > 1000 else 100), axis=0)
            label = f"{n:,} patterns, {np.dtype(dtype)}"
            print(f"{label:<58} {mine:>9.0f} {theirs:>9.0f} {theirs / mine:>6.1f}x", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer seeds")
    quick = parser.parse_args().quick
    Madaline(2, random_state=0).fit(*parity(2))
    Madaline(2, rule="mri", output_logic="or", random_state=0).fit([[0.0], [1.0]], [0, 1])
    with threadpool_limits(1):
        success_rows(quick)
        accuracy_rows(quick)
        time_rows(quick)
        prediction_rows(quick)


if __name__ == "__main__":
    main()

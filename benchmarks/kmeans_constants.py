"""What the numbers trade that steer KMeansPP's search: each halved and doubled, the rest as is.

For every number, half of it and twice of it: the median ratio of the processor times of whole
fits, over sets and seeds that take turns, and the mean excess of the inertia over that of the
number itself, in percent. More than 1 is slower, more than 0 is worse; differences of 2% of the
time or of .1% of the inertia are noise.

Usage: OMP_NUM_THREADS=1 python benchmarks/kmeans_constants.py [--rough] [--seeds 6] [NAME ...]
"""

import argparse
import importlib
import statistics
import time
import warnings

import numpy as np
from _kmeans_sets import blobs, colours, unit
from sklearn.datasets import load_digits

from skextra import KMeansPP

USUAL = {
    "_sample": (
        "_SAMPLE_ROWS _ROWS_PER_CENTER _MOST_AXES _AXES_FROM _MOST_SLIM _TELLING_SHARE "
        "_JUDGED_PER_CENTER _MOST_OF_ALL _MANY_CENTERS _PROJECTED_ITERATIONS _PROJECTED_GAIN"
    ),
    "_split_merge": (
        "_SETTLING _SPLITTING _LEAST_GAIN _MOST_ROUNDS _TELLING _WORTH _MOST_WORTH _MANY "
        "_STEEP _UNEVEN _BEST"
    ),
    "_local_search": "_DRAWS _CANDIDATES",
    "_run": "_ROUNDS _FEW_MOVED _MORE_ON_SAMPLES _FEW _LEAST_GAIN",
    "_momentum": "_BEYOND",
    "_seeding": "_SOME _SOME_PER_CENTER _SOME_OF_WIDE",
    "_dense_rows": "_MOST_CANDIDATES",
}
ROUGH = {  # of refine='rough'
    "_sample": "_ROUGH_PART _ROUGH_ROWS_PER_CENTER _FEWEST _FEWEST_PER_CENTER",
    "_run": ("_ROUGH_ROUNDS _FEW_PER_CENTER _FEW_WORTH _LAST_PER_CENTER _LAST _ROUGH_AXES_FROM"),
    "_seeding": "_ROUGHLY_MANY",
    "_local_search": "_DRAWS",
}


def rare(n=30_000):
    """Return a wide cloud and five small groups far from it."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 2))
    for place in rng.uniform(-300, 300, (5, 2)):
        X[rng.choice(n, 12)] += place
    return X


def far(n=30_000):
    """Return a normal cloud and three samples far from it."""
    X = np.random.default_rng(0).standard_normal((n, 12))
    X[[7001, 15_007, 23_011]] += np.array([[-1], [1], [2]]) * 1e3
    return X


def embeddings(n=12_000, d=128, n_groups=200):
    """Return unit rows that fill all dimensions, around more groups than are asked for."""
    rng = np.random.default_rng(0)
    groups = rng.standard_normal((n_groups, d))
    groups /= np.linalg.norm(groups, axis=1, keepdims=True)
    X = groups[rng.integers(n_groups, size=n)] + rng.normal(scale=0.7 / np.sqrt(d), size=(n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


SETS = {
    "digits": (load_digits().data, 10),
    "overlapping": (unit(5000, 2, 15, spread=0.06, seed=3), 15),
    "many": (unit(6000, 2, 50, spread=0.01, seed=4), 50),
    "uniform": (np.random.default_rng(0).random((30_000, 8)), 40),
    "plain": (np.random.default_rng(0).random((20_000, 68)), 100),
    "embeddings": (embeddings(), 60),
    "wide": (blobs(12_000, 100, 40, spread=6.0), 40),
    "rare": (rare(), 10),
    "far": (far(), 40),
    "few": (np.random.default_rng(1).random((700, 2)), 12),
}


def measured(seed, X, k, refine):
    """Return (seconds of the processor, inertia) of one fit."""
    start = time.process_time()
    model = KMeansPP(k, refine=refine, random_state=seed).fit(X)
    return time.process_time() - start, model.inertia_


def main():
    """Print a row for each number and factor."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--rough", action="store_true", help="those of refine='rough'")
    options = parser.parse_args()
    refine, constants, sets = "auto", USUAL, SETS
    if options.rough:  # of large data it takes a smaller share
        large = {"photograph": (colours(), 256), "million": (blobs(10**6, 2, 50, box=20), 50)}
        refine, constants, sets = "rough", ROUGH, {**SETS, **large}
    warnings.simplefilter("ignore")
    for X, k in sets.values():
        measured(0, X, k, refine)
    for module, names in constants.items():
        for name in names.split():
            if options.names and name not in options.names:
                continue
            owner = importlib.import_module(f"skextra._kmeans.{module}")
            usual = getattr(owner, name)
            for factor in (0.5, 2):
                ratios, excess = [], {label: [] for label in sets}
                for seed in range(options.seeds):
                    for label, (X, k) in sets.items():
                        before = measured(seed, X, k, refine)
                        setattr(owner, name, type(usual)(usual * factor))
                        after = measured(seed, X, k, refine)
                        setattr(owner, name, usual)
                        ratios.append(after[0] / before[0])
                        excess[label].append(100 * (after[1] / before[1] - 1))
                worst = max(excess, key=lambda label: abs(statistics.mean(excess[label])))
                mean = statistics.mean(x for values in excess.values() for x in values)
                row = f"{name:24}{usual:>10} x{factor:<4}{statistics.median(ratios):6.2f}"
                print(row, f"{mean:+7.2f}%  most {worst} {statistics.mean(excess[worst]):+.2f}%")


if __name__ == "__main__":
    main()

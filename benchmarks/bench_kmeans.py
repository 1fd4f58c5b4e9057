"""Time and inertia of KMeansPP compared with scikit-learn's KMeans.

For each data set: the median time of a whole fit, where the two take turns seed by seed; the ratio
of the medians; and the mean excess of the inertia over the lowest found by any fit of the run.
"best of 10" is KMeans(n_init=10); on data sets where one fit takes long it is the best of as many
single fits as there are seeds. Both sides use the same number of threads. Compilation is excluded,
and reported once at the top.

Usage: python benchmarks/bench_kmeans.py [--quick] [--threads 2] [SET ...]. The MNIST rows need
the file named by SKEXTRA_MNIST (an npz with x_train), and are omitted without it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
import warnings

import numpy as np
from _interleaved import geometric_mean, timed
from _kmeans_sets import HARD, SETS, named
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skextra import KMeansPP, inertia_path

warnings.simplefilter("ignore", ConvergenceWarning)
ALL = {**SETS, **HARD}
LONG = 0.5  # seconds of a KMeans fit above which fewer seeds are run


def timed_fit(model, X):
    seconds, fitted = timed(lambda: model.fit(X))
    return seconds, fitted.inertia_


def plan(X, k, quick):
    """Return (seeds for us, seeds for KMeans, whether n_init=10 is run)."""
    seconds, _ = timed(lambda: KMeans(k, random_state=0).fit(X))
    if quick:
        return 2, 1, False
    return (5, 3, False) if seconds > LONG else (10, 10, True)


def default_rows(names, quick):
    print(
        f"{'KMeansPP / KMeans, defaults':<28} {'ours, ms':>9} {'peer, ms':>9} {'ratio':>7}"
        f" {'excess of the inertia: ours':>29} {'peer':>8} {'best of 10':>11}"
    )
    rows = []
    for name in names:
        X, k = ALL[name][0](), ALL[name][1]
        KMeansPP(k, random_state=0).fit(X)
        many, few, restarts = plan(X, k, quick)
        ours, theirs = [], []
        for seed in range(many):
            ours.append(timed_fit(KMeansPP(k, random_state=seed), X))
            if seed < few:
                theirs.append(timed_fit(KMeans(k, random_state=seed), X))
        if restarts:
            tens = [KMeans(k, n_init=10, random_state=s).fit(X).inertia_ for s in range(5)]
        else:
            tens = [min(inertia for _, inertia in theirs)]
        lowest = min(i for _, i in ours + theirs)
        lowest = min([lowest, *tens])

        def excess(values, lowest=lowest):
            return 100 * (np.mean(values) / lowest - 1)

        mine, peer = (statistics.median(t for t, _ in runs) for runs in (ours, theirs))
        row = [excess([i for _, i in runs]) for runs in (ours, theirs)] + [excess(tens)]
        rows.append([peer / mine, *row, len(X) <= 10_000])
        print(
            f"{name:<28} {1e3 * mine:>9.1f} {1e3 * peer:>9.1f} {peer / mine:>6.1f}x"
            f" {row[0]:>28.3f}% {row[1]:>7.3f}% {row[2]:>10.3f}%",
            flush=True,
        )
    ratio, mine, peer, tens, small = np.array(rows).T
    small = small.astype(bool)
    print(
        f"Mean excess: ours {mine.mean():.3f}%, KMeans {peer.mean():.3f}%, best of 10 "
        f"{tens.mean():.3f}%; ours is no higher than the last on {(mine <= tens + 1e-3).sum()} of "
        f"{len(mine)} sets"
    )
    for label, chosen in (("up to 1e4 points", small), ("larger sets", ~small)):
        if chosen.any():
            mean = geometric_mean(ratio[chosen])
            print(f"Geometric mean of the ratios, {label}: {mean:.2f}x")


def strict_rows(names):
    print(f"\n{'Same start, plain Lloyd':<28} {'ours, ms':>9} {'peer, ms':>9} {'ratio':>7}")
    for name in names:
        X, k = ALL[name][0](), ALL[name][1]
        if len(X) < 60_000:
            continue
        init = X[np.random.RandomState(0).choice(len(X), k, replace=False)]
        options = {"init": init, "max_iter": 20, "tol": 0}
        pairs = []
        for _ in range(3):
            mine, a = timed(lambda o=options, k=k, X=X: KMeansPP(k, **o).fit(X))
            peer, b = timed(lambda o=options, k=k, X=X: KMeans(k, n_init=1, **o).fit(X))
            pairs.append((mine, peer))
        equal = (a.labels_ == b.labels_).mean()
        mine, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{name:<28} {1e3 * mine:>9.1f} {1e3 * peer:>9.1f} {peer / mine:>6.1f}x"
            f"  labels equal {equal:.4%}, iterations {a.n_iter_} and {b.n_iter_}",
            flush=True,
        )


def stream_row(name):
    X, k = ALL[name][0](), ALL[name][1]
    X = X[np.random.default_rng(0).permutation(len(X))]
    print(f"\n{'partial_fit in 20 chunks, ' + name:<48} {'ms':>9} {'inertia':>12}")
    for model in (KMeansPP(k, random_state=0), MiniBatchKMeans(k, random_state=0)):
        chunks = np.array_split(X, 20)

        def run(model=model, chunks=chunks):
            for chunk in chunks:
                model.partial_fit(chunk)

        seconds, _ = timed(run)
        print(f"{type(model).__name__:<48} {1e3 * seconds:>9.1f} {-model.score(X):>12.6g}")


def path_rows(names):
    print(f"\n{'inertia_path, k = 1 to 20 / one KMeans(20)':<48} {'ours, ms':>9} {'peer, ms':>9}")
    for name in names:
        X = ALL[name][0]()
        inertia_path(X, random_state=0)
        pairs = [
            (
                timed(lambda s=s, X=X: inertia_path(X, random_state=s))[0],
                timed(lambda s=s, X=X: KMeans(20, random_state=s).fit(X))[0],
            )
            for s in range(5)
        ]
        mine, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:<48} {1e3 * mine:>9.1f} {1e3 * peer:>9.1f}  {mine / peer:.2f} fits")


def memory_rows(names):
    print(f"\n{'Peak memory of a fit, beyond the data':<48} {'MB':>9} {'of X':>9}")
    for name in names:
        X, k = ALL[name][0](), ALL[name][1]
        for model in (KMeansPP(k, random_state=0), KMeans(k, random_state=0, max_iter=3)):
            tracemalloc.start()
            model.fit(X)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            label = f"{name}, {type(model).__name__}"
            print(f"{label:<48} {peak / 1e6:>9.1f} {peak / X.nbytes:>9.2f}", flush=True)


def compilation():
    """Print the time of the first fits of a process, with and without compiled code on disk."""
    code = (
        "import time, numpy as np; from skextra import KMeansPP\n"
        "X = np.random.default_rng(0).random((1000, {d})); times = []\n"
        "for _ in range(2):\n"
        "    t = time.perf_counter(); KMeansPP(8, random_state=0).fit(X)\n"
        "    times.append(time.perf_counter() - t)\n"
        "print(times[0] - times[1])"
    )
    for d in (2, 100):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            seconds = [
                float(
                    subprocess.run(
                        [sys.executable, "-c", code.format(d=d)],
                        env=environment,
                        capture_output=True,
                        text=True,
                        check=True,
                    ).stdout
                )
                for _ in range(2)
            ]
        print(
            f"First fit with {d} features: {seconds[0]:.1f} s of compilation, "
            f"{seconds[1]:.2f} s from the second process on"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds, no restarts")
    parser.add_argument("--threads", type=int, default=2, help="for us and for the peers")
    parser.add_argument("sets", nargs="*", metavar="SET", help="part of a name; default: all")
    arguments = parser.parse_args()
    names = named(ALL, arguments.sets)

    def among(*wanted):
        return [name for name in wanted if name in names]

    with threadpool_limits(arguments.threads):
        compilation()
        default_rows(names, arguments.quick)
        strict_rows(names)
        if among("blobs 1e6x2 k50"):
            stream_row("blobs 1e6x2 k50")
        path_rows(among("digits 1797x64", "blobs 1e6x2 k10", "uniform 2e5x16", "MNIST f32 k10"))
        memory_rows(among("blobs 1e6x2 k10", "uniform 2e5x16", "MNIST f64 k100", "blobs 1e5x128"))


if __name__ == "__main__":
    main()

"""Time and inertia of KMeansPP compared with scikit-learn's KMeans and other k-means in Python.

For each data set: the median time of a whole fit, where the two take turns seed by seed; the ratio
of the medians; and the mean excess of the inertia over the lowest found by any fit of the run.
"best of 10" is KMeans(n_init=10); on data sets where one fit takes long it is the best of as many
single fits as there are seeds. Both sides use the same number of threads. Compilation is excluded,
and reported once at the top.

Usage: python benchmarks/bench_kmeans.py [--quick] [--threads 2] [SET ...]. The MNIST rows need
the file named by SKEXTRA_MNIST (an npz with x_train), and are omitted without it.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
import warnings
from functools import cache

import numpy as np
from _interleaved import geometric_mean, timed
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skextra import KMeansPP, inertia_path

warnings.simplefilter("ignore", ConvergenceWarning)
LONG = 1.5  # seconds of a KMeans fit above which fewer seeds are run


def blobs(n, d, k, box=10.0, spread=1.0, seed=0, even=True):
    """Return normal clusters around uniform centres, of equal or of unequal sizes."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, box, (k, d))
    share = None if even else rng.dirichlet(np.full(k, 5.0))
    return centers[rng.choice(k, n, p=share)] + spread * rng.standard_normal((n, d))


def birch(kind, n=100_000):
    """Return a hundred clusters on a grid (1) or along a sine curve (2), like the Birch sets."""
    rng = np.random.default_rng(kind)
    if kind == 1:
        centers = np.stack(np.meshgrid(np.arange(10), np.arange(10)), -1).reshape(-1, 2) * 5.66
    else:
        centers = np.c_[np.arange(100) * 2 * np.pi, 8 * np.sin(np.arange(100) * 0.2 * np.pi)]
    return centers[rng.integers(100, size=n)] + rng.standard_normal((n, 2)) * (1 / kind)


@cache
def mnist():
    with np.load(os.environ["SKEXTRA_MNIST"]) as data:
        return data["x_train"].reshape(-1, 784)


def images(dtype):
    return (mnist() / 255.0).astype(dtype)


def noise(n, d, kind):
    return getattr(np.random.default_rng(0), kind)((n, d))


def unit(*args, **options):
    return blobs(*args, box=1.0, even=False, **options)


SETS = {  # name: (data, number of clusters)
    "digits 1797x64": (lambda: load_digits().data, 10),
    "S1-like 5000x2": (lambda: unit(5000, 2, 15, spread=0.02, seed=1), 15),
    "S2-like 5000x2": (lambda: unit(5000, 2, 15, spread=0.04, seed=2), 15),
    "S3-like 5000x2": (lambda: unit(5000, 2, 15, spread=0.06, seed=3), 15),
    "S4-like 5000x2": (lambda: unit(5000, 2, 15, spread=0.09, seed=4), 15),
    "A1-like 3000x2": (lambda: unit(3000, 2, 20, spread=0.02, seed=5), 20),
    "A2-like 5250x2": (lambda: unit(5250, 2, 35, spread=0.015, seed=6), 35),
    "A3-like 7500x2": (lambda: unit(7500, 2, 50, spread=0.012, seed=7), 50),
    "D31-like 3100x2": (lambda: unit(3100, 2, 31, spread=0.02, seed=8), 31),
    "normal 8000x16": (lambda: unit(8000, 16, 30, spread=0.15, seed=9), 30),
    "uniform 6000x2": (lambda: noise(6000, 2, "random"), 25),
    "Birch1-like 1e5x2": (lambda: birch(1), 100),
    "Birch2-like 1e5x2": (lambda: birch(2), 100),
    "blobs 1e6x2 k3": (lambda: blobs(10**6, 2, 3, box=20), 3),
    "blobs 1e6x2 k10": (lambda: blobs(10**6, 2, 10, box=20), 10),
    "blobs 1e6x2 k50": (lambda: blobs(10**6, 2, 50, box=20), 50),
    "uniform 2e5x16": (lambda: noise(200_000, 16, "random"), 100),
    "blobs 2e5x16": (lambda: blobs(200_000, 16, 100, box=6), 100),
    "MNIST f64 k10": (lambda: images(np.float64), 10),
    "MNIST f32 k10": (lambda: images(np.float32), 10),
    "MNIST f64 k100": (lambda: images(np.float64), 100),
    "MNIST f32 k100": (lambda: images(np.float32), 100),
    "normal 1e5x128": (lambda: noise(100_000, 128, "standard_normal"), 256),
    "blobs 1e5x128": (lambda: blobs(100_000, 128, 256, box=2), 256),
}


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
        X, k = SETS[name][0](), SETS[name][1]
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
        X, k = SETS[name][0](), SETS[name][1]
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


def others(k):
    """Yield (name, function from (X, seed) to centres) of the installed k-means libraries."""
    yield "KMeansPP", lambda X, s: KMeansPP(k, random_state=s).fit(X).cluster_centers_
    yield "KMeans", lambda X, s: KMeans(k, random_state=s).fit(X).cluster_centers_
    yield (
        "KMeans(algorithm='elkan')",
        lambda X, s: KMeans(k, algorithm="elkan", random_state=s).fit(X).cluster_centers_,
    )
    yield (
        "MiniBatchKMeans",
        lambda X, s: MiniBatchKMeans(k, random_state=s).fit(X).cluster_centers_,
    )
    if importlib.util.find_spec("faiss"):
        import faiss

        def with_faiss(X, seed):
            model = faiss.Kmeans(X.shape[1], k, niter=25, seed=seed)
            model.train(np.ascontiguousarray(X, dtype=np.float32))
            return model.centroids

        yield "faiss.Kmeans", with_faiss
    if importlib.util.find_spec("bkmeans"):
        from bkmeans import BKMeans

        yield "BKMeans", lambda X, s: BKMeans(n_clusters=k, random_state=s).fit(X).cluster_centers_
    if importlib.util.find_spec("mlxtend"):
        from mlxtend.cluster import Kmeans

        yield "mlxtend Kmeans", lambda X, s: Kmeans(k, random_seed=s).fit(X).centroids_


def other_rows(names):
    """Print the other libraries on a few data sets; slow ones on the small data sets only."""
    slow = {"BKMeans": 200_000, "mlxtend Kmeans": 20_000}
    for name in names:
        X, k = SETS[name][0](), SETS[name][1]
        print(f"\n{'All peers on ' + name:<48} {'ms':>9} {'excess':>9}")
        results = {}
        for peer, fit in others(k):
            if len(X) > slow.get(peer, len(X)):
                continue
            runs = [timed(lambda s=s, fit=fit, X=X: fit(X, s)) for s in range(3)]
            inertias = [scored(X, centers) for _, centers in runs]
            results[peer] = statistics.median(t for t, _ in runs), inertias
        lowest = min(min(values) for _, values in results.values())
        for peer, (seconds, values) in results.items():
            excess = 100 * (np.mean(values) / lowest - 1)
            print(f"{peer:<48} {1e3 * seconds:>9.1f} {excess:>8.3f}%", flush=True)


def scored(X, centers):
    """Return the inertia of given centres."""
    model = KMeans(len(centers), init=np.asarray(centers, X.dtype), n_init=1, max_iter=1)
    model.fit(X[: len(centers)])
    model.cluster_centers_ = np.ascontiguousarray(centers, X.dtype)
    return -model.score(X)


def stream_row(name):
    X, k = SETS[name][0](), SETS[name][1]
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
        X = SETS[name][0]()
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
        X, k = SETS[name][0](), SETS[name][1]
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
    names = [
        name
        for name in SETS
        if not arguments.sets or any(part in name for part in arguments.sets)
        if os.environ.get("SKEXTRA_MNIST") or not name.startswith("MNIST")
    ]

    def among(*wanted):
        return [name for name in wanted if name in names]

    with threadpool_limits(arguments.threads):
        compilation()
        default_rows(names, arguments.quick)
        strict_rows(names)
        other_rows(among("digits 1797x64", "A3-like 7500x2", "Birch1-like 1e5x2", "MNIST f32 k10"))
        if among("blobs 1e6x2 k50"):
            stream_row("blobs 1e6x2 k50")
        path_rows(among("digits 1797x64", "blobs 1e6x2 k10", "uniform 2e5x16", "MNIST f32 k10"))
        memory_rows(among("blobs 1e6x2 k10", "uniform 2e5x16", "MNIST f64 k100", "blobs 1e5x128"))


if __name__ == "__main__":
    main()

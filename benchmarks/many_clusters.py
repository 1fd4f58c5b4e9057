"""The time of k-means with many clusters, over k and over n, drawn for the guide.

Processor time of whole fits on uniform data of 8 features, one thread, the fastest of two; the
exponents are slopes on the doubly logarithmic picture. Then what seeding in cells changes: times
of the seeding alone, and inertias of whole fits.

Usage: OMP_NUM_THREADS=1 python benchmarks/many_clusters.py [--picture]
--picture writes docs/_static/many_clusters.png.
"""

import argparse
import time
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.ticker import NullFormatter
from sklearn.cluster import KMeans

from skextra import KMeansPP
from skextra._kmeans import _seeding
from skextra._kmeans._data import rows_of

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "_static" / "many_clusters.png"
N, K, D = 100_000, 500, 8
KS = [100, 250, 500, 1000, 2500, 5000]
NS = [12_500, 25_000, 50_000, 100_000, 200_000, 400_000]
SLOW = 1000  # clusters up to which KMeans is waited for


def uniform(n):
    """Return uniform data."""
    return np.random.default_rng(0).random((n, D))


def seconds(call, repeats=2):
    """Return the least processor time of some calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def series(name, cases):
    """Print and return the times of fits for cases (x, n, k), with KMeans's where short."""
    rows = []
    for x, n, k in cases:
        X = uniform(n)
        ours = seconds(lambda X=X, k=k: KMeansPP(k, random_state=0).fit(X))
        slow = k > SLOW or n > N
        peer = np.nan if slow else seconds(lambda X=X, k=k: KMeans(k, random_state=0).fit(X), 1)
        rows.append((x, ours, peer))
        print(
            f"{name} = {x:<8,}{ours:8.2f} s   KMeans {peer:8.2f} s   {peer / ours:5.1f}x",
            flush=True,
        )
    rows = np.array(rows)
    slope = np.polyfit(np.log(rows[:, 0]), np.log(rows[:, 1]), 1)[0]
    print(f"time grows as {name}^{slope:.2f}\n")
    return rows


def draw(over_k, over_n):
    """Write the picture."""
    figure, axes = pyplot.subplots(1, 2, figsize=(6.4, 2.9), sharey=True, layout="constrained")
    for ax, rows, label in [
        (axes[0], over_k, f"clusters, of {N:,} samples"),
        (axes[1], over_n, f"samples, in {K} clusters"),
    ]:
        ax.loglog(rows[:, 0], rows[:, 2], "s--", color="tab:gray", label="KMeans")
        ax.loglog(rows[:, 0], rows[:, 1], "o-", color="tab:blue", label="KMeansPP")
        ax.set_xlabel(label)
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("seconds, one thread")
    axes[0].legend()
    figure.savefig(PICTURE, dpi=120)


def seed(rows, k):
    """Return the seeds that a fit chooses."""
    return _seeding.seed_on_some(rows, k, np.random.RandomState(0))


def compare_seedings():
    """Print what choosing centres in cells changes."""
    usual = _seeding._MANY
    for k in (1000, 5000):
        rows = rows_of(uniform(N), None, 1)
        times, inertias = [], []
        for many in (usual, 10**9):
            _seeding._MANY = many
            times.append(seconds(lambda k=k, rows=rows: seed(rows, k)))
            fits = [KMeansPP(k, random_state=s).fit(rows.X[:20_000]) for s in range(2)]
            inertias.append(np.mean([model.inertia_ for model in fits]))
        _seeding._MANY = usual
        excess = 100 * (inertias[0] / inertias[1] - 1)
        seeding = f"in cells {times[0]:.2f} s, among all {times[1]:.2f} s"
        print(f"seeds for k = {k:,}: {seeding}, inertia {excess:+.2f}%")


def main():
    """Print the tables, and draw the picture if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--picture", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for k in (20, 400, 600):  # compilation
        KMeansPP(k, random_state=0).fit(uniform(NS[1]))
    over_k = series("k", [(k, N, k) for k in KS])
    over_n = series("n", [(n, n, K) for n in NS])
    if options.picture:
        draw(over_k, over_n)
    compare_seedings()


if __name__ == "__main__":
    main()

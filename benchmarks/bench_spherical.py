"""Time and inertia of KMeansPP(metric="cosine") compared with other ways to spherical k-means.

Texts are made: documents about topics, of words whose frequencies follow Zipf's law, weighted by
TF-IDF. Embeddings are made, too: unit vectors around unequal groups, or around none. The inertia,
the sum of one minus the cosine, is computed alike for the centres of all. Peers are:

* KMeans on normalised rows, what scikit-learn recommends; its centres are normalised at the end;
* spherical k-means as a loop of a few lines around a product of NumPy or SciPy, from
  scikit-learn's k-means++, until no label changes: what packages for spherical k-means do;
* faiss.Kmeans(spherical=True), of 25 iterations on 256 rows per centre as by default, and on all
  rows. It takes no sparse data.

Fits take turns, seed by seed, with equal numbers of threads. Compilation is excluded.

Usage: python benchmarks/bench_spherical.py [--threads 2] [--seeds 3] [SET ...]
"""

import argparse
import importlib.util
import statistics
import warnings

import numpy as np
from _interleaved import timed
from scipy import sparse
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from skextra import KMeansPP

warnings.simplefilter("ignore", ConvergenceWarning)


def documents(n=20_000, n_terms=20_000, n_topics=50, mean_length=110, seed=0):
    """Return the TF-IDF of documents, of about 75 entries each."""
    rng = np.random.default_rng(seed)
    common = 1 / np.arange(1, n_terms + 1) ** 1.07
    topics = common * rng.gamma(0.2, size=(n_topics, n_terms))
    topic = rng.integers(n_topics, size=n)
    counts = sparse.csr_array((n, n_terms))
    for share, source in [(0.3, None), *((0.7, t) for t in range(n_topics))]:
        words = np.cumsum(common if source is None else topics[source])
        about = np.arange(n) if source is None else np.flatnonzero(topic == source)
        row = np.repeat(about, rng.poisson(share * mean_length, len(about)))
        column = np.searchsorted(words, rng.random(len(row)) * words[-1])
        counts = counts + sparse.csr_array((np.ones(len(row)), (row, column)), counts.shape)
    return TfidfTransformer().fit_transform(counts)


def embeddings(n_groups, n=50_000, d=256, seed=0):
    """Return unit vectors in float32 around groups of unequal sizes, if there are any."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) / np.sqrt(d)
    if n_groups:
        groups = normalize(rng.standard_normal((n_groups, d)))
        X += groups[rng.choice(n_groups, n, p=rng.dirichlet(np.full(n_groups, 5.0)))]
    return normalize(X).astype(np.float32)


SETS = {  # name: (data, number of clusters)
    "TF-IDF 20000x20000 k20": (documents, 20),
    "TF-IDF 20000x20000 k100": (documents, 100),
    "embeddings 50000x256 k100": (lambda: embeddings(500), 100),
    "embeddings 50000x256 k500": (lambda: embeddings(500), 500),
    "few groups 50000x256 k100": (lambda: embeddings(100), 100),
    "no groups 50000x256 k100": (lambda: embeddings(0), 100),
}


def plain(U, k, seed, max_iter=300):
    """Return the centres of spherical k-means on unit rows, by products with all centres."""
    centers, _ = kmeans_plusplus(U, k, random_state=seed)
    centers = centers.toarray() if sparse.issparse(centers) else centers
    labels = None
    for _ in range(max_iter):
        fresh = (U @ centers.T).argmax(axis=1)
        if labels is not None and (fresh == labels).all():
            break
        labels = fresh
        ones, n = np.ones(len(labels), U.dtype), len(labels)
        sums = sparse.csr_array((ones, (labels, np.arange(n))), (k, n)) @ U
        sums = sums.toarray() if sparse.issparse(sums) else sums
        centers = np.where(sums.any(axis=1, keepdims=True), normalize(sums), centers)
    return centers


def with_faiss(U, k, seed, **options):
    import faiss

    model = faiss.Kmeans(U.shape[1], k, niter=25, seed=seed, spherical=True, **options)
    model.train(U)
    return model.centroids


def peers(X, k):
    """Return functions from a seed to centres, by name."""

    def with_kmeans(seed):
        return normalize(KMeans(k, random_state=seed).fit(normalize(X)).cluster_centers_)

    fits = {
        "KMeansPP(metric='cosine')": lambda seed: (
            KMeansPP(k, metric="cosine", random_state=seed).fit(X).cluster_centers_
        ),
        "... refine=None": lambda seed: (
            KMeansPP(k, metric="cosine", refine=None, random_state=seed).fit(X).cluster_centers_
        ),
        "KMeans on normalised rows": with_kmeans,
        "plain loop": lambda seed: plain(normalize(X), k, seed),
    }
    if importlib.util.find_spec("faiss") and not sparse.issparse(X):
        everything = {"max_points_per_centroid": len(X)}
        fits["faiss.Kmeans(spherical=True)"] = lambda seed: with_faiss(X, k, seed)
        fits["... on all rows"] = lambda seed: with_faiss(X, k, seed, **everything)
    return fits


def inertia(X, centers):
    """Return the sum of one minus the cosine of each row and the nearest centre."""
    centers = normalize(centers.astype(np.float64))
    parts = [X[part] @ centers.T for part in gen_batches(X.shape[0], 5000)]
    best = np.concatenate([part.max(axis=1) for part in parts])
    return X.shape[0] - best.sum(dtype=np.float64)


def print_set(name, seeds):
    """Print a line for each peer: median time, that over ours, and mean excess of the inertia."""
    X, k = SETS[name][0](), SETS[name][1]
    fits = peers(X, k)
    KMeansPP(k, metric="cosine", max_iter=1).fit(X)  # compiles
    runs = {peer: [] for peer in fits}
    for seed in range(seeds):
        for peer, fit in fits.items():
            seconds, centers = timed(lambda fit=fit, seed=seed: fit(seed))
            runs[peer].append((seconds, inertia(X, centers)))
    medians = {peer: statistics.median(t for t, _ in run) for peer, run in runs.items()}
    lowest = min(value for run in runs.values() for _, value in run)
    entries = f", {X.nnz / X.shape[0]:.0f} entries a row" if sparse.issparse(X) else ""
    print(f"\n{name + entries:<50} {'ms':>9} {'/ ours':>8} {'excess':>9}")
    ours = next(iter(medians.values()))
    for peer, run in runs.items():
        excess = 100 * (np.mean([value for _, value in run]) / lowest - 1)
        times = f"{1e3 * medians[peer]:>9.0f} {medians[peer] / ours:>7.2f}x"
        print(f"{peer:<50} {times} {excess:>8.3f}%", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="for us and for the peers")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("sets", nargs="*", metavar="SET", help="part of a name; default: all")
    arguments = parser.parse_args()
    print(f"Threads: {arguments.threads}")
    with threadpool_limits(arguments.threads):
        for name in SETS:
            if not arguments.sets or any(part in name for part in arguments.sets):
                print_set(name, arguments.seeds)


if __name__ == "__main__":
    main()

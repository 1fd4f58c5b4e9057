"""KMeansPP beside every k-means library in Python that a user might pick.

For each data set and number of threads: the median time of a fit, in milliseconds, as training
alone and with the labels of all rows (the same where training gives them); the mean excess of the
inertia over the lowest found by any of them, computed from the centres by one function in float64;
and the peak of resident memory in the first fit, beyond the data. All libraries have their default
parameters, get the same array, and convert it themselves if they take float32 only. Each runs in a
process of its own; the processes take turns, seed by seed. The first fit of each is not timed
unless it takes more than two seconds: then it is the only one. A library whose fit takes longer
than the limit is shown as such, and not tried again with more threads. bkmeans and mlxtend are run
on up to 10,000 rows.

Usage: python benchmarks/bench_kmeans_peers.py [--quick] [--threads 1] [--limit 5] [SET ...]
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from _kmeans_peers import Process, installed
from _kmeans_sets import HARD, SETS, named
from sklearn.metrics import pairwise_distances_argmin

USUAL = (
    "digits 1797x64",
    "A3-like 7500x2",
    "Birch1-like 1e5x2",
    "blobs 1e6x2 k50",
    "MNIST f32 k10",
    "MNIST f32 k100",
    "normal 1e5x128",
)
LIKE_OTHERS = ("uniform 20000x16 k50", "uniform 10000x16 k400")  # not run by default
QUICK = (
    "digits 1797x64",
    "Birch1-like 1e5x2",
    "blobs 1e6x2 k50",
    "MNIST f32 k10",
    "one far row 20000x10",
    "photograph 273280x3 k64",
    "one-hot 50000x60",
)
_SHORT = 2.0  # seconds of a fit up to which more than one seed is run


def inertia(X, centers):
    """Return the sum of the squared distances to the nearest centres, in float64."""
    offset = X.mean(axis=0, dtype=np.float64)
    centers = np.asarray(centers, np.float64) - offset
    total = 0.0
    for start in range(0, len(X), 20_000):
        rows = X[start : start + 20_000] - offset
        total += np.square(rows - centers[pairwise_distances_argmin(rows, centers)]).sum()
    return total


def measured(peers, X, k, threads, seeds, limit):
    """Return, for each peer, its answers seed by seed, and what to print if it has failed."""
    answers, failures = {peer: [] for peer in peers}, {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        np.save(path, X)
        processes = {peer: Process(peer, path, k, threads) for peer in peers}
        try:
            for seed in range(seeds):
                for peer in peers:
                    if peer in failures or _is_long(answers[peer]):
                        continue
                    answer = processes[peer].fit(seed, limit)
                    if isinstance(answer, str):
                        failures[peer] = answer
                    else:
                        answers[peer].append(answer)
        finally:
            for process in processes.values():
                process.close()
    return answers, failures


def _is_long(answers):
    return bool(answers) and answers[-1].labelled > _SHORT


def table(name, threads, quick, limit, lowest, left_out):
    """Print the table of a set; update its lowest inertia and the peers to be left out."""
    data, k = {**SETS, **HARD}[name]
    X = data()
    peers = [p for p in installed() if p not in left_out and len(X) <= p.most_rows]
    answers, failures = measured(peers, X, k, threads, 2 if quick else 3, limit)
    left_out.update(failures)
    found = {p: [inertia(X, a.centers) for a in runs] for p, runs in answers.items() if runs}
    least = min([lowest.get(name, np.inf), *(min(values) for values in found.values())])
    lowest[name] = least
    title = f"{name}, k={k}, threads: {threads}"
    print(f"\n{title:<46} {'training':>9} {'+ labels':>9} {'excess':>10} {'memory, MB':>11}")
    for peer, values in found.items():
        if peer in failures:
            continue
        runs = answers[peer]
        trained, labelled = (
            1e3 * statistics.median(getattr(run, part) for run in runs[1:] or runs)
            for part in ("trained", "labelled")
        )
        excess = 100 * (np.mean(values) / least - 1) if least > 0 else np.nan
        print(
            f"{peer.name:<46} {trained:>9.1f} {labelled:>9.1f} {excess:>9.3f}%"
            f" {runs[0].memory:>11.0f}",
            flush=True,
        )
    for peer, failure in failures.items():
        print(f"{peer.name:<46} {failure}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few sets, one timed fit")
    parser.add_argument("--threads", type=int, help="default: first 1, then 2; 1 if quick")
    parser.add_argument("--limit", type=float, default=5.0, help="seconds of a fit; 2 if quick")
    parser.add_argument("sets", nargs="*", metavar="SET", help="part of a name; default: all")
    arguments = parser.parse_args()
    limit = min(2.0, arguments.limit) if arguments.quick else arguments.limit
    counts = [arguments.threads or 1] if arguments.threads or arguments.quick else [1, 2]
    lowest = {}
    usual = QUICK if arguments.quick else [*USUAL, *(s for s in HARD if s not in LIKE_OTHERS)]
    for name in named([*USUAL, *HARD] if arguments.sets else usual, arguments.sets):
        left_out = {}
        for threads in counts:
            table(name, threads, arguments.quick, limit, lowest, left_out)


if __name__ == "__main__":
    main()

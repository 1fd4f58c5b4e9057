"""First use: from the start of a process to the first fitted result, and the first fit alone.

What is compared:

* Each start is a fresh process of `_first_use_child.py`, which imports one estimator, reads the
  data and fits. Starts of ours and of the peer take turns, and the medians of several are shown.
  The start is timed from outside, until the process says that its first fit is done; fits are
  timed inside. The ratio is the peer's median / ours: below 1 we are slower.
* "cold" starts find nothing that numba compiled: its cache is a new folder. The last column counts
  the kernels that it then compiles into it: 0 means that all were compiled ahead of time. "warm"
  starts find the cache of a cold one. Python's bytecode is there in all, as after an installation.
* A cold start whose fit takes more than three seconds is not repeated. The number of cold starts
  stands in brackets. The environment limits the threads of both sides alike, and SKEXTRA_KERNELS
  (auto, jit or compiled) selects our loops; the head says which are in use.
* Parameters are the defaults of both sides, and k is 10. Features are standardised. The peer of
  CNNClassifier is Keras with the same layers; both train for two epochs.

Usage: python benchmarks/bench_first_use.py [--starts 3] [WORD ...]
WORD selects the rows whose label contains one of the words.
"""

import argparse
import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from _interleaved import in_ms
from scipy import sparse
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

import skextra
from skextra._kernels._kernel import in_use

HERE = Path(__file__).resolve().parent
PACKAGE = Path(skextra.__file__).parent
LONG = 3.0  # seconds of a cold start's fit above which it is measured once


@dataclass(frozen=True)
class Pair:
    """What is fitted on both sides: (module, class, parameters), a data set and its forms."""

    ours: tuple
    peer: tuple
    data: str
    forms: tuple = ("float64", "float32", "CSR")


SEED = {"random_state": 0}
PAIRS = (
    Pair(
        ("skextra", "KMeansPP", {"n_clusters": 10, **SEED}),
        ("sklearn.cluster", "KMeans", {"n_clusters": 10, **SEED}),
        "digits",
    ),
    Pair(
        ("skextra", "LMSRegressor", SEED),
        ("sklearn.linear_model", "SGDRegressor", SEED),
        "diabetes",
    ),
    Pair(("skextra", "Adaline", SEED), ("sklearn.linear_model", "SGDClassifier", SEED), "iris"),
    Pair(
        ("skextra", "Madaline", SEED),
        ("sklearn.neural_network", "MLPClassifier", SEED),
        "iris",
        ("float64", "float32"),
    ),
    Pair(("skextra", "FeatureMapSVM", SEED), ("sklearn.svm", "SVC", SEED), "breast_cancer"),
    Pair(
        ("skextra", "CNNClassifier", {"epochs": 2, **SEED}),
        ("keras", "", {"epochs": 2}),
        "digits",
        ("float32",),
    ),
)


def rows():
    """Yield (label, our model, the peer's, X, y)."""
    for pair in PAIRS:
        X, y = getattr(datasets, f"load_{pair.data}")(return_X_y=True)
        X = X / 16 if pair.peer[0] == "keras" else StandardScaler().fit_transform(X)
        for form in pair.forms:
            label = f"{pair.ours[1]}, {pair.data} {form}"
            data = sparse.csr_array(X) if form == "CSR" else X.astype(form)
            yield label, pair.ours, pair.peer, data, y


def saved(folder, X, y):
    """Write the data into files of a folder; return their names."""
    names = [
        str(Path(folder, name)) for name in ("X.npz" if sparse.issparse(X) else "X.npy", "y.npy")
    ]
    if sparse.issparse(X):
        sparse.save_npz(names[0], X)
    else:
        np.save(names[0], X)
    np.save(names[1], y)
    return names


def start(model, files, cache):
    """Return the seconds of one process, until its first result and of its parts."""
    module, name, parameters = model
    command = [sys.executable, str(HERE / "_first_use_child.py"), module, name]
    command += [json.dumps(parameters), *files]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as process:
            process.stdout.readline()
            seconds = time.perf_counter() - began
            last = process.stdout.read()
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{errors.read()}")
    return {"start": seconds, **json.loads(last)}


def compiled(cache):
    """Return how many specialisations of kernels numba has written to its cache."""
    return sum(1 for _ in Path(cache).rglob("*.nbc"))


def medians(starts):
    """Return the median of each part over several starts."""
    return {part: float(np.median([one[part] for one in starts])) for part in starts[0]}


def measured(ours, peer, X, y, count):
    """Return (cold, warm, peer, number of kernels compiled, number of cold starts)."""
    with tempfile.TemporaryDirectory() as folder:
        files = saved(folder, X, y)
        start(peer, files, Path(folder, "none"))  # reads the libraries from the disk
        cold, warm, theirs = [], [], []
        for number in range(count):
            theirs.append(start(peer, files, Path(folder, "none")))
            if not cold or cold[-1]["first"] < LONG:
                cache = Path(folder, f"cache{number}")
                cold.append(start(ours, files, cache))
            warm.append(start(ours, files, cache))
        return medians(cold), medians(warm), medians(theirs), compiled(cache), len(cold)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--starts", type=int, default=3, help="of each side")
    parser.add_argument("words", nargs="*", metavar="WORD")
    options = parser.parse_args()
    compileall.compile_dir(PACKAGE, quiet=1)
    print(f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}; our loops are {in_use}\n")
    print(
        f"{'':<37} {'start to first result, s':^38} {'first fit alone, s':^23}"
        f" {'second fit, ms':^15}"
    )
    print(
        f"{'':<37} {'cold':>6} {'ratio':>6} {'warm':>6} {'ratio':>6} {'peer':>6} {'':>3}"
        f" {'cold':>7} {'warm':>7} {'peer':>7} {'ours':>7} {'peer':>7} {'by numba':>9}"
    )
    for label, ours, peer, X, y in rows():
        if options.words and not any(word in label for word in options.words):
            continue
        cold, warm, theirs, jitted, colds = measured(ours, peer, X, y, options.starts)
        whole = [side["start"] for side in (cold, warm, theirs)]
        first = [side["first"] for side in (cold, warm, theirs)]
        print(
            f"{label:<37} {whole[0]:>6.2f} {whole[2] / whole[0]:>5.2f}x {whole[1]:>6.2f}"
            f" {whole[2] / whole[1]:>5.2f}x {whole[2]:>6.2f} {f'({colds})':>3}"
            f" {first[0]:>7.3f} {first[1]:>7.3f} {first[2]:>7.3f}"
            f" {in_ms(warm['second']):>7} {in_ms(theirs['second']):>7} {jitted:>9}",
            flush=True,
        )


if __name__ == "__main__":
    main()

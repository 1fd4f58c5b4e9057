"""The working tree beside another revision: are results the same, and is anything slower?

The revision is checked out into a temporary folder. Both run the same cases in processes that take
turns, so that both meet the same machine; results are compared bit by bit, and times as medians of
the ratios of rounds.

Usage: python benchmarks/old_against_new.py [REVISION] [--rounds 5] [--cases WORD] [--results]
REVISION is HEAD unless given, which compares what is not committed yet. --cases takes those whose
name holds the word, --results skips the times. The exit status is 1 if a result differs.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 0.2  # for the fits of a case in a round
FEWEST_FITS = 3


def cases():
    """Yield (name, estimator, X, y) for every estimator in many configurations."""
    from scipy import sparse
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    from skextra import Adaline, CNNClassifier, FeatureMapSVM, KMeansPP, LMSRegressor, Madaline

    data = {}
    for name in ("iris", "wine", "breast_cancer", "digits"):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        data[name] = StandardScaler().fit_transform(X), y
    diabetes = datasets.load_diabetes(return_X_y=True)
    blobs = datasets.make_blobs(30_000, 10, centers=30, random_state=0)
    uniform = np.random.default_rng(0).random((20_000, 16)), None
    line = blobs[0][:1000, :1], None
    single = blobs[0].astype(np.float32), blobs[1]
    thin = np.where(np.abs(data["digits"][0]) > 1, data["digits"][0], 0)
    rare = sparse.csr_array(thin), data["digits"][1]

    for name in ("iris", "wine", "digits"):
        yield f"KMeansPP {name}", KMeansPP(8, random_state=0), *data[name]
    yield "KMeansPP blobs", KMeansPP(30, random_state=0), *blobs
    yield "KMeansPP blobs float32", KMeansPP(30, random_state=0), *single
    yield "KMeansPP uniform", KMeansPP(50, random_state=0), *uniform
    yield "KMeansPP one feature", KMeansPP(8, random_state=0), *line
    yield "KMeansPP sparse", KMeansPP(10, random_state=0), *rare
    for options in ({"refine": None}, {"algorithm": "elkan"}, {"refine": 10}, {"n_init": 3}):
        label = ", ".join(f"{k}={v}" for k, v in options.items())
        yield f"KMeansPP digits {label}", KMeansPP(10, random_state=0, **options), *data["digits"]

    for variant in ("lms", "nlms", "rls", "wiener"):
        yield f"LMSRegressor diabetes {variant}", LMSRegressor(variant=variant), *diabetes
    for options in ({"average": True}, {"shuffle": True}, {"fit_intercept": False}):
        model = LMSRegressor(max_iter=200, random_state=0, **options)
        yield f"LMSRegressor digits {next(iter(options))}", model, *data["digits"]
    yield "LMSRegressor sparse", LMSRegressor(max_iter=50), *rare
    yield "LMSRegressor blobs float32", LMSRegressor(max_iter=20, tol=None), *single
    for name in data:
        yield f"Adaline {name}", Adaline(random_state=0), *data[name]
    yield "Adaline sparse", Adaline(variant="nlms", random_state=0), *rare

    for name in ("iris", "wine", "breast_cancer"):
        yield f"Madaline {name}", Madaline(random_state=0, max_iter=50), *data[name]

    for name in data:
        yield f"FeatureMapSVM {name}", FeatureMapSVM(random_state=0), *data[name]
    yield "FeatureMapSVM iris poly", FeatureMapSVM("poly", random_state=0), *data["iris"]
    for loss in ("hinge", "squared_hinge"):
        model = FeatureMapSVM("identity", loss=loss, random_state=0)
        yield f"FeatureMapSVM breast_cancer {loss}", model, *data["breast_cancer"]
    yield "FeatureMapSVM sparse", FeatureMapSVM(n_components=100, random_state=0), *rare

    images = datasets.load_digits(return_X_y=True)
    cnn = CNNClassifier(epochs=2, random_state=0)
    yield "CNNClassifier digits", cnn, images[0] / 16, images[1]
    cnn = CNNClassifier(epochs=2, batch_norm=True, dropout=0.2, random_state=0)
    yield "CNNClassifier digits batch norm, dropout", cnn, images[0] / 16, images[1]


def digest(value):
    """Return a short text that differs wherever a result does in a bit."""
    if isinstance(value, list | tuple):
        return [digest(item) for item in value]
    if isinstance(value, dict):
        return {key: digest(value[key]) for key in sorted(value)}
    if isinstance(value, np.ndarray | np.generic):
        array = np.ascontiguousarray(value)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        return f"{array.dtype} {array.shape} {hashlib.sha256(content).hexdigest()[:16]}"
    return (
        repr(value) if isinstance(value, int | float | str | bool | None) else type(value).__name__
    )


def results_of(model, X):
    """Return the digests of the fitted attributes and of what the model says of X."""
    names = [name for name in vars(model) if name.endswith("_") and not name.startswith("_")]
    found = {name: digest(getattr(model, name)) for name in sorted(names)}
    for method in ("predict", "decision_function", "predict_proba", "transform"):
        if hasattr(model, method):
            found[method] = digest(getattr(model, method)(X))
    return found


def run_cases(word, timed):
    """Return {case: (results, median seconds of a fit or None)} for the package on the path."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model, X, y in cases():
            if word not in name:
                continue
            model.fit(X, y)
            results, seconds = results_of(model, X), []
            while timed and (len(seconds) < FEWEST_FITS or sum(seconds) < SECONDS):
                start = time.perf_counter()
                model.fit(X, y)
                seconds.append(time.perf_counter() - start)
            found[name] = results, statistics.median(seconds) if timed else None
    return found


def in_tree(folder, options):
    """Run all cases in a process of its own, with the package of a folder."""
    unset = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}  # either slows the products of current NumPy
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    environment |= {"PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment.setdefault(threads, "1")
    command = [sys.executable, __file__, "--worker", "--cases", options.cases]
    command += ["--results"] if options.results else []
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def compare(old, new, options):
    """Run both trees in turns, print a row for each case and return whether all results agree."""
    rounds = [
        (in_tree(old, options), in_tree(new, options))
        for _ in range(1 if options.results else options.rounds)
    ]
    same = True
    for name in rounds[0][1]:
        if name not in rounds[0][0]:
            continue
        before, after = rounds[0][0][name][0], rounds[0][1][name][0]
        differing = [key for key in after if before.get(key) != after[key]]
        same &= not differing
        row = f"{name:<44}"
        if not options.results:
            pairs = [(a[name][1], b[name][1]) for a, b in rounds]
            ratio = statistics.median(a / b for a, b in pairs)
            times = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
            row += "{:9.2f} ms {:9.2f} ms {:6.2f}x".format(*times, ratio)
        print(row, f" differs: {', '.join(differing)}" if differing else " same", flush=True)
    return same


def main():
    """Check the other revision out, compare, and remove it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("revision", nargs="?", default="HEAD")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default="")
    parser.add_argument("--results", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(run_cases(options.cases, not options.results)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "old"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", old, options.revision], check=True)
        try:
            return 0 if compare(old, ROOT, options) else 1
        finally:
            subprocess.run([*git, "remove", "--force", old], check=True)


if __name__ == "__main__":
    sys.exit(main())

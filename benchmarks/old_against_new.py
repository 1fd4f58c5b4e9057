"""Compare the working tree with another revision: are results the same, and is anything slower?

The revision is checked out into a temporary folder. Both trees run the same cases in processes
that take turns, so that both meet the same load; results are compared bit by bit, and times by the
median ratio over the rounds.

Usage: python benchmarks/old_against_new.py [REVISION] [--rounds 5] [--cases WORD] [--results]
REVISION is HEAD by default, which compares uncommitted changes. --cases selects the cases whose
name contains the word, --results skips the times. The exit status is 1 if a result differs.
"""

import argparse
import dataclasses
import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from frozen_cases import cases

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 0.2  # for the runs of a case in a round
FEWEST_RUNS = 3
ASKED = (
    "predict", "decision_function", "predict_proba", "transform",
    "hidden_activations",
)  # fmt: skip
TIMES = ("seconds_before", "seconds_after")  # fields that no two runs share


def digest(value):
    """Return a short text that is different for results that differ in a bit."""
    if isinstance(value, list | tuple):
        return [digest(item) for item in value]
    if isinstance(value, dict):
        return {str(key): digest(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, np.ndarray | np.generic):
        array = np.ascontiguousarray(value)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        return f"{array.dtype} {array.shape} {hashlib.sha256(content).hexdigest()[:16]}"
    if isinstance(value, int | float | str | bool | None):
        return repr(value)
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value)]
        return {name: digest(getattr(value, name)) for name in fields if name not in TIMES}
    if hasattr(value, "get_weights"):  # a Keras model, or an estimator that wraps one
        return digest(value.get_weights())
    return type(value).__name__


def results_of(found, X):
    """Return the digests of a result, or of a model: its fitted attributes and outputs on X."""
    if not hasattr(found, "get_params"):
        return {"result": digest(found)}
    names = [name for name in vars(found) if name.endswith("_") and not name.startswith("_")]
    results = {name: digest(getattr(found, name)) for name in sorted(names)}
    for method in ASKED:
        if X is not None and hasattr(found, method):
            results[method] = digest(getattr(found, method)(X))
    return results


def run_cases(word, timed):
    """Return {case: (results, median seconds or None)} for the package on the path."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, work, X in cases():
            if word not in name:
                continue
            try:
                results, seconds = results_of(work(), X), []
            except Exception as error:
                print(f"{name}: {error!r}", file=sys.stderr)
                found[name] = {"raised": type(error).__name__}, math.inf
                continue
            while timed and (len(seconds) < FEWEST_RUNS or sum(seconds) < SECONDS):
                start = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - start)
            found[name] = results, statistics.median(seconds) if timed else None
    return found


def in_tree(folder, options):
    """Run all cases in a separate process, with the package of a folder."""
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
    """Run both trees alternately, print a row per case and return whether all results agree."""
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
        row = f"{name:<52} "
        if not options.results:
            pairs = [(a[name][1], b[name][1]) for a, b in rounds]
            ratio = statistics.median(a / b for a, b in pairs)
            times = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
            row += "{:9.2f} ms {:9.2f} ms {:6.2f}x".format(*times, ratio)
        row += f" differs: {', '.join(differing)}" if differing else " same"
        print(row + (f" (raises {after['raised']})" if "raised" in after else ""), flush=True)
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

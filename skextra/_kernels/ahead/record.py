"""Write `signatures.txt`: run the estimators, and note which loops they call with which types.

The calls are those of `benchmarks/frozen_cases.py`, which fit every estimator to all kinds of data,
and of predictions for the same data in both precisions. Usage: python record.py
"""

import sys
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from numba import typeof
from signatures import Array, Group, of_numba

from skextra._kernels import _kernel

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[2] / "benchmarks"))


class Recorder:
    """Stands in for the compiled module: has no machine code, but notes what is asked of it."""

    def __init__(self):
        self.calls = {}

    def __getattr__(self, name):
        calls = self.calls.setdefault(name, {})

        def note(*args):
            calls.setdefault(tuple(map(typeof, args)))
            return NotImplemented

        return note


def with_types(calls):
    """Yield (loop, types of its arguments), leaving out what is not compiled ahead of time."""
    for name, signatures in calls.items():
        loop = name.replace("__", ".")
        for types in signatures:
            try:
                yield loop, tuple(map(of_numba, types))
            except ValueError as error:
                print(f"left out: {loop}: {error}", file=sys.stderr)


def read_only(found):
    """Return the same, with arrays marked as written only where no call gave a read-only one."""
    only_read = defaultdict(set)
    for loop, kinds in found:
        for place, kind in _arrays(kinds):
            if not kind.written:
                only_read[loop].add(place)
    return [(loop, _marked(kinds, only_read[loop])) for loop, kinds in found]


def _arrays(kinds, above=()):
    for place, kind in enumerate(kinds):
        if isinstance(kind, Group):
            yield from _arrays(kind.items, (*above, place))
        elif isinstance(kind, Array):
            yield (*above, place), kind


def _marked(kinds, only_read, above=()):
    marked = []
    for place, kind in enumerate(kinds):
        if isinstance(kind, Group):
            kind = Group(_marked(kind.items, only_read, (*above, place)))
        elif isinstance(kind, Array) and (*above, place) in only_read:
            kind = Array(kind.dtype, kind.ndim, written=False)
        marked.append(kind)
    return tuple(marked)


def ask(model, X):
    """Call what a fitted estimator answers."""
    for method in ("predict", "decision_function", "transform", "sample_influence"):
        if hasattr(model, method):
            getattr(model, method)(X)


def main():
    """Run all cases and write the list."""
    recorder = _kernel._library = Recorder()
    from frozen_cases import cases

    warnings.simplefilter("ignore")
    for name, work, X in cases():
        if not name.startswith("CNN"):
            model = work()
            for dtype in (np.float64, np.float32) if X is not None else ():
                ask(model, X.astype(dtype))
    found = read_only(list(with_types(recorder.calls)))
    lines = sorted({f"{loop}: {', '.join(map(str, kinds))}\n" for loop, kinds in found})
    (HERE / "signatures.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Write `signatures.txt`: run the estimators, and note which loops they call with which types.

The calls are those of `benchmarks/frozen_cases.py`, which fit every estimator in all its variants,
and of some more fits, to dense and sparse data of all types. Usage: python record.py
"""

import sys
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from numba import typeof
from scipy import sparse
from signatures import Array, Group, of_numba
from sklearn.datasets import load_digits

import skextra
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
    """Yield (loop, types of its arguments)."""
    for name, signatures in calls.items():
        loop = name.replace("__", ".")
        for types in signatures:
            try:
                yield loop, tuple(map(of_numba, types))
            except ValueError as error:
                raise ValueError(f"{loop} cannot be compiled ahead of time: {error}") from None


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


def data():
    """Yield (X, y) of few columns and of many, dense and sparse, of every type that is kept."""
    pixels, y = load_digits(return_X_y=True)
    wide = np.hstack([pixels, pixels[::-1], pixels[:, ::-1], np.roll(pixels, 7, 0), pixels**2])
    for X in (pixels, wide):
        yield X.astype(np.uint8), y
        for dtype in (np.float32, np.float64):
            dense = X.astype(dtype)
            yield dense, y
            for index in (np.int32, np.int64):
                compressed = sparse.csr_array(dense)
                compressed.indices = compressed.indices.astype(index)
                compressed.indptr = compressed.indptr.astype(index)
                yield compressed, y


def estimators(X):
    """Yield the estimators, in the variants that call different loops, that X can be given to."""
    yield skextra.KMeansPP(10, random_state=0)
    yield skextra.KMeansPP(10, refine=None, random_state=0)
    yield skextra.KMeansPP(30, algorithm="elkan", random_state=0, max_iter=3)
    yield skextra.KMeansPP(40, random_state=0, max_iter=3)
    yield skextra.KMeansPP(150, random_state=0, max_iter=3)
    yield skextra.KMeansPP(600, random_state=0, max_iter=3)
    yield skextra.KMeansPP(600, refine="rough", random_state=0)
    yield skextra.KMeansPP(10, metric="cosine", random_state=0)
    for variant in ("lms", "nlms", "rls"):
        yield skextra.LMSRegressor(variant=variant)
    yield skextra.Adaline()
    yield skextra.Adaline(average=False, learning_rate=1e-5)
    yield skextra.FeatureMapSVM()
    yield skextra.FeatureMapSVM(n_components=30)
    if sparse.issparse(X):
        for multi_class in ("ovr", "ovo"):
            yield skextra.FeatureMapSVM("identity", C=1e-4, tol=0.1, multi_class=multi_class)
    if not sparse.issparse(X):
        yield skextra.Madaline(max_iter=2)
        yield skextra.Madaline(rule="mri", max_iter=2)


def run(model, X, y):
    """Fit an estimator, also in two parts, and call what it answers."""
    model.fit(X, y > 4)  # two classes
    if not isinstance(model, skextra.Madaline):
        model.fit(X, y, sample_weight=1.0 + y)
    model.fit(X, y)
    for method in ("predict", "decision_function", "transform", "score", "sample_influence"):
        if hasattr(model, method):
            for end in (len(y), 1):
                given = (X[:end], y[:end]) if method == "score" else (X[:end],)
                getattr(model, method)(*given)
    if hasattr(model, "partial_fit"):
        for part in (slice(0, 900), slice(900, None)):
            more = {"classes": np.unique(y)} if hasattr(model, "classes_") else {}
            model.partial_fit(X[part], y[part], **more)
    if hasattr(model, "adapt"):
        if not sparse.issparse(X):
            model.adapt(X, y)
        wave = np.sin(np.arange(400.0), dtype=X.dtype if X.dtype.kind == "f" else None)[:, None]
        signal = skextra.TappedDelayLine(8).fit_transform(wave)
        model.fit(signal, wave[:, 0]).adapt(signal, wave[:, 0])


def main():
    """Run all cases and write the list."""
    recorder = _kernel._library = Recorder()  # before any loop is imported
    from frozen_cases import cases

    warnings.simplefilter("ignore")
    for name, work, X in cases():
        if not name.startswith("CNN"):
            print(name)
            model = work()
            if hasattr(model, "predict") and X is not None:
                model.predict(X)
    for X, y in data():
        for model in estimators(X):
            print(type(model).__name__, X.dtype, X.shape)
            run(model, X, y)
        many, targets = np.resize(np.arange(len(y)), 11_000), np.column_stack([y, y])
        skextra.KMeansPP(10, random_state=0).fit(X[many], sample_weight=1.0 + y[many])
        if X.dtype.kind == "f":
            skextra.LMSRegressor().fit(X, targets)
            skextra.LMSRegressor(learning_rate=10.0).fit(X[:200], y[:200])  # diverges
            if not sparse.issparse(X):
                skextra.lms_stability(X[:200])
                points = np.random.default_rng(0).random((30_000, 2)).astype(X.dtype)
                skextra.KMeansPP(500, max_iter=3, random_state=0).fit(points)
    found = read_only(list(with_types(recorder.calls)))
    lines = sorted({f"{loop}: {', '.join(map(str, kinds))}\n" for loop, kinds in found})
    (HERE / "signatures.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

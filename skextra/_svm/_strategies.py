"""How FeatureMapSVM solves a task under each kind of map."""

from math import isinf

import numpy as np
from scipy import sparse

from skextra._base import warn_caller
from skextra._common._threads import available_threads, cpu_count
from skextra._svm import _landmarks, _maps
from skextra._svm._landmark_kernel import needs_float64
from skextra._svm._landmarks import Landmarks
from skextra._svm._mapped_rows import ArraySource, ComputedSource
from skextra._svm._problems import problem_values
from skextra._svm._solve import Planes, exact_is_light, solve_exactly, solve_iteratively

_MEBI = 2**20
_AUTO_LANDMARKS = (300, 1000)  # of n_components='auto': a fifth of the samples, between these
_FLOAT64_ENTRIES = 2_500_000  # kernel blocks up to this size are computed in float64
# Steps of the iterative method that are worth while in float32, and in float64.
_STEPS = {4: 40, 8: 2**30}
_RANK_FLOAT64 = -1  # squared distance of a landmark from the span of the others; LAPACK's own
_RANK_FLOAT32 = 1e-6
_MOST_EXACT_RESCUE = 1e11  # multiplications for which the exact method is a last resort
_FULL_RANK = 0.9  # share of the landmarks that float32 must be able to tell apart
_FLOAT32_COST = 1e15
_MOST_DENSE = 1e7  # entries of sparse mapped samples that may be made dense


def threads_of(svm):
    """Return the number of threads that n_jobs stands for."""
    if svm.n_jobs is None:
        return available_threads()
    return cpu_count() if svm.n_jobs == -1 else svm.n_jobs


def on_landmarks(svm, task, signs, fitted, past, random_state, report):
    """Solve with the Gaussian kernel of landmarks; add what predictions need to `fitted`."""
    X, n, gamma, threads = task.X, task.X.shape[0], fitted["gamma_"], threads_of(svm)
    rows = past.landmarks if past else None
    landmarks, pilot, dtype = _chosen(svm, task, rows, gamma, random_state, threads)
    fitted["landmarks_"] = landmarks.rows
    fitted["_precision"] = dtype.name
    m = len(landmarks.kept)
    if not signs.shape[1]:
        return Planes.none(n, m, m)
    hinge = svm.loss == "hinge" or isinf(svm.C)
    if hinge:
        _check_memory(svm, n, m)
    light = exact_is_light(n, m) and _mebibytes(n, m) <= svm.memory_limit
    if hinge or (dtype == np.float64 and light):
        return _exactly_on(landmarks, svm, task, signs)
    source = landmarks.source(X, dtype, _capacity(svm, m, dtype))
    V = first = None
    if rows is not None:
        V = landmarks.weights_of(past.coef, past.intercept)
    if pilot is not None:
        values, intercepts = (
            problem_values(part, svm.multi_class)[..., task.solvable]
            for part in (pilot.decisions[landmarks.kept], pilot.intercepts)
        )
        V = landmarks.start_at(values, intercepts)
        if not source.holds_all:
            margins = pilot.least_margins(X, task.codes)
            first = np.sort(np.argsort(margins, kind="stable")[: source.capacity])
    stopped = []

    def told(planes):
        if report(planes):
            stopped.append(True)
        return bool(stopped)

    planes = solve_iteratively(
        source, landmarks.factor, landmarks.mean, signs, task.costs, V, first,
        landmarks.second_moment(), svm.tol, min(svm.max_iter, _STEPS[dtype.itemsize]),
        random_state, threads, told,
    )  # fmt: skip
    if planes.converged or stopped or dtype == np.float64 or planes.n_iter >= svm.max_iter:
        return planes
    # The kernel is too smooth, or C too large, for float32: go on where that has ended.
    fitted["_precision"] = "float64"
    bearable = n * float(m) ** 2 <= _MOST_EXACT_RESCUE
    if bearable and _mebibytes(n, m) <= svm.memory_limit:
        return _exactly_on(landmarks, svm, task, signs)
    V = landmarks.weights_of(planes.coef, planes.intercept)
    source = landmarks.source(X, np.float64, _capacity(svm, m, np.dtype(np.float64)))
    return solve_iteratively(
        source, landmarks.factor, landmarks.mean, signs, task.costs, V, None,
        landmarks.second_moment(), svm.tol, svm.max_iter, random_state, threads, report,
    )  # fmt: skip


def _exactly_on(landmarks, svm, task, signs):
    Phi = landmarks.features(task.X)
    planes = solve_exactly(Phi, signs, task.costs, svm.loss, svm.tol, svm.max_iter)
    planes.kernel_coef = landmarks.kernel_weights(planes.coef)
    return planes


def _capacity(svm, columns, dtype):
    """Return how many mapped rows there is room for."""
    return max(1, int(svm.memory_limit * _MEBI / (columns * dtype.itemsize)))


def _chosen(svm, task, rows, gamma, random_state, threads):
    """Return (landmarks, Pilot or None, precision of the kernel); `rows` are used if there."""
    X, n, weight = task.X, task.X.shape[0], task.weight
    pilot = None
    settled = rows is not None
    if settled:
        wanted = rows.shape[0]
    elif not isinstance(svm.landmarks, str):
        _landmarks.check_names(svm)
        rows = _landmarks.as_rows(svm.landmarks, X)
        wanted = rows.shape[0]
    else:
        wanted = svm.n_components
        if wanted == "auto":
            wanted = int(np.clip(n // 5, *_AUTO_LANDMARKS))
        if n <= 4 * wanted:
            distinct = _landmarks.distinct_rows(X)
            if len(distinct) <= wanted:
                if svm.n_components != "auto" and len(distinct) < wanted:
                    warn_caller(
                        f"n_components={wanted} is more than the {len(distinct)} distinct "
                        "samples; all of them become landmarks, which is the exact kernel.",
                        UserWarning,
                    )
                rows = X if len(distinct) == n else X[distinct]
                wanted = rows.shape[0]
    exact = n * wanted <= _FLOAT64_ENTRIES
    if rows is None and svm.landmarks == "uniform":
        rows = X[_landmarks.uniform_rows(wanted, n, weight, random_state)]
    elif rows is None and svm.landmarks == "kmeans":
        rows = _landmarks.kmeans_centres(X, wanted, weight, random_state)
    elif rows is None:
        costs = task.weight * min(svm.C, 1e4)
        numbers, pilot = _landmarks.margin_rows(
            X, task.codes, len(task.classes), costs, wanted, gamma, random_state, threads
        )
        rows = X[numbers]
    exact = exact or needs_float64(rows, gamma) or task.costs.max() > _FLOAT32_COST
    if settled:
        landmarks = Landmarks(rows, gamma, None)
    else:
        landmarks = Landmarks(rows, gamma, _RANK_FLOAT64 if exact else _RANK_FLOAT32)
        if len(landmarks.kept) < _FULL_RANK * wanted and not exact:
            # So wide a kernel that float32 cannot tell the landmarks apart.
            exact, landmarks = True, Landmarks(rows, gamma, _RANK_FLOAT64)
    return landmarks, pilot, np.dtype(np.float64 if exact else np.float32)


def on_map(svm, task, signs, fitted, past, random_state, report):
    """Solve under a map that is computed outright; add what predictions need to `fitted`."""
    X, n = task.X, task.X.shape[0]
    kind, function = fitted["_kind"], fitted["_function"]
    transformer, scale = (past.transformer, past.scale) if past else (None, None)
    if not past:
        transformer = _maps.fitted_map(kind, svm, fitted.get("gamma_"), *task.passed, random_state)
    if not past and kind == "poly":
        scale = _maps.poly_scale(transformer, fitted["gamma_"], svm.coef0, svm.degree)
    fitted["feature_map_"], fitted["_scale"] = transformer, scale

    def mapped(rows, columns):
        result = _maps.apply_map(kind, transformer, function, scale, X[rows])
        numbers = np.arange(n)[rows] if task.rows is None else task.rows[rows]
        return _maps.checked(result, len(numbers), columns, numbers)

    few = mapped(slice(2), None)
    p = few.shape[1]
    if not signs.shape[1]:
        return Planes.none(n, p)
    hinge = svm.loss == "hinge" or isinf(svm.C)
    if hinge:
        _check_memory(svm, n, p)
    light = exact_is_light(n, p) and _mebibytes(n, p) <= svm.memory_limit
    if sparse.issparse(few) and n * p > _MOST_DENSE:
        light = False
    if hinge or light:
        return solve_exactly(
            mapped(slice(None), p), signs, task.costs, svm.loss, svm.tol, svm.max_iter
        )
    threads = threads_of(svm)
    capacity = _capacity(svm, p, np.dtype(np.float64))
    mean = np.zeros(p)
    if sparse.issparse(few) or n <= capacity:
        array = mapped(slice(None), p)
        source = ArraySource(array)
        if not sparse.issparse(array):
            mean = array.mean(axis=0)
    else:
        threads = 1  # a user's map may not bear several
        source = ComputedSource(
            lambda rows, out=None: _into(mapped(rows, p), out), n, p, np.float64, capacity
        )
        some = np.sort(random_state.choice(n, min(n, 10_000), replace=False))
        mean = np.mean([mapped(part, p).mean(axis=0) for part in np.array_split(some, 10)], 0)
    return solve_iteratively(
        source, None, mean, signs, task.costs, None, None, None, svm.tol, svm.max_iter,
        random_state, threads, report,
    )  # fmt: skip


def _into(block, out):
    if out is None:
        return block
    out[:] = block
    return out


def _mebibytes(n, p):
    """Return the memory that the exact methods take: the mapped samples and two copies."""
    return 3 * 8.0 * n * p / _MEBI


def _check_memory(svm, n, p):
    needed = _mebibytes(n, p)
    if needed > svm.memory_limit:
        raise ValueError(
            f"The {n} samples have {p} features under the map, which with copies take "
            f"{needed:.0f} MiB, more than memory_limit={svm.memory_limit}: the hinge loss and "
            "C=inf need them all at once. "
            "Raise memory_limit, lower n_components or degree, or use loss='squared_hinge' with a "
            "finite C."
        )

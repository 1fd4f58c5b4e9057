"""The landmarks of a fit: which rows become landmarks, in what precision, and of what rank."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skextra._base import warn_caller
from skextra._common._canonical import distinct
from skextra._kmeans._kmeans_pp import KMeansPP
from skextra._svm._landmark_map import RANK_FLOAT64, LandmarkMap
from skextra._svm._pilot import MOST_COST, draw_by_weight, fit_pilot
from skextra._svm._start import ColdStart
from skextra._typing import FloatMatrix

# n_components='auto' is at most a fifth of the samples, between these: fewer lose accuracy on
# small data, more take time in proportion (benchmarks/bench_svm.py has both).
_AUTO_LANDMARKS = (300, 1000)
# Entries of the kernel up to which it is in float64, 6 MB, for the sake of the exact method: its
# solution does not depend on the order or repetition of rows. Where both methods are possible it
# takes up to three times as long as iterations in float32: benchmarks/svm_constants.py.
_MOST_FLOAT64_ENTRIES = 750_000
_MOST_FLOAT32_COST = 1e15  # squares of larger ones are near the largest float32, 3e38
# Share of the wanted landmarks that must be independent in float32. Below, the kernel is too wide
# for it, and what is left of the landmarks would lose accuracy.
_FULL_RANK = 0.9
# Squared distance, in feature space, that a landmark must have from the span of the others, as a
# share of the largest value of the kernel.
_RANK_FLOAT32 = 1e-6  # ten times what float32 rounds kernels by


class Candidates(NamedTuple):
    """Candidates for landmarks.

    Attributes
    ----------
    landmarks : {ndarray, CSR array} of shape (m, d) or ndarray of shape (m,)
        The candidates, as the kernel takes them.
    wanted : int
        How many landmarks are wanted.
    start : ColdStart
        What their choice tells of the planes.
    samples : {ndarray, CSR array} of shape (m, d) or None
        The samples of the fit if all of them are candidates, in order.
    """

    landmarks: FloatMatrix
    wanted: int
    start: ColdStart
    samples: FloatMatrix | None = None


def fit_landmark_map(svm, task, kernel, random_state):
    """Return (the LandmarkMap of a fit, what its choice tells of the planes: a ColdStart)."""
    candidates = choose_candidates(svm, task, kernel, random_state)
    dtype = choose_precision(kernel, candidates.landmarks, candidates.wanted, task.costs)
    landmark_map = choose_rank(kernel, candidates, dtype, svm.n_jobs)
    if landmark_map.is_indefinite:
        warn_caller(
            f"{kernel.parameter} is not positive semidefinite: the matrix of the landmarks has an "
            f"eigenvalue of {-landmark_map.error:.2g} times its largest value. Negative ones are "
            f"taken for positive, as by scikit-learn's Nystroem. {kernel.remedy}",
            UserWarning,
        )
    return landmark_map, candidates.start


def choose_candidates(svm, task, kernel, random_state):
    """Return the Candidates for landmarks."""
    X, n, start = task.X, task.X.shape[0], ColdStart()
    if not isinstance(svm.landmarks, str):
        _check_names(svm)
        rows = _as_rows(svm.landmarks, X)
        return Candidates(rows, rows.shape[0], start)
    wanted = svm.n_components
    if wanted == "auto":
        wanted = int(np.clip(n // 5, *_AUTO_LANDMARKS))
    if n <= 4 * wanted:
        numbers = _distinct_rows(X)
        if len(numbers) <= wanted:
            if svm.n_components != "auto" and len(numbers) < wanted:
                warn_caller(
                    f"n_components={wanted} is more than the {len(numbers)} distinct "
                    "samples; all of them become landmarks, which is the exact kernel.",
                    UserWarning,
                )
            if len(numbers) == n:
                return Candidates(kernel.landmarks(X, None), n, start, X)
            return Candidates(kernel.landmarks(X, numbers), len(numbers), start)
    if svm.landmarks == "kmeans":
        return Candidates(_kmeans_centres(X, wanted, task.weight, random_state), wanted, start)
    if svm.landmarks == "uniform":
        numbers = draw_by_weight(wanted, n, task.weight, random_state)
    else:
        costs = task.weight * min(svm.C, MOST_COST)
        pilot = fit_pilot(task, costs, wanted, kernel, svm.n_jobs, random_state)
        if svm.n_components == "auto":
            wanted = int(min(wanted, pilot.landmarks_needed(X)))
        if svm.n_components == "auto" and wanted <= len(pilot.own):
            numbers, start = pilot.landmarks()
            wanted = len(numbers)
        else:
            numbers, start = pilot.draw(wanted, costs, random_state)
    return Candidates(kernel.landmarks(X, numbers), wanted, start)


def choose_precision(kernel, landmarks, wanted, costs):
    """Return the precision of the kernel: float64 if it is small, or if float32 is too coarse."""
    if len(costs) * wanted <= _MOST_FLOAT64_ENTRIES or costs.max() > _MOST_FLOAT32_COST:
        return np.dtype(np.float64)
    return np.dtype(np.float64 if kernel.needs_float64(landmarks) else np.float32)


def choose_rank(kernel, candidates, dtype, n_jobs):
    """Return the LandmarkMap of those candidates that are independent in a precision.

    If that leaves too few, the kernel is so wide that float32 cannot tell the landmarks apart, and
    the precision becomes float64.
    """
    landmarks, wanted, _, samples = candidates
    if dtype == np.float32:
        landmark_map = LandmarkMap.of(kernel, landmarks, dtype, n_jobs, _RANK_FLOAT32, samples)
        if landmark_map.n_features_out >= _FULL_RANK * wanted:
            return landmark_map
    dtype = np.dtype(np.float64)
    return LandmarkMap.of(kernel, landmarks, dtype, n_jobs, RANK_FLOAT64, samples)


def keep_landmarks(landmark_map, task, n_jobs):
    """Return the LandmarkMap of a stream's next chunk: the landmarks are those of the last."""
    kernel, landmarks = landmark_map.kernel, landmark_map.landmarks
    dtype = choose_precision(kernel, landmarks, landmarks.shape[0], task.costs)
    return LandmarkMap.of(kernel, landmarks, dtype, n_jobs)


def _distinct_rows(X):
    """Return the numbers of the distinct rows, in an order that depends on their content."""
    order, repeats = distinct(X)
    return order[~repeats]


def _kmeans_centres(X, count, weight, random_state):
    """Return cluster centres of (at most twenty rows each of) X."""
    rows = np.arange(X.shape[0])
    if len(rows) > 20 * count:
        rows = draw_by_weight(20 * count, len(rows), weight, random_state)
    count = min(count, len(_distinct_rows(X[rows])))
    kmeans = KMeansPP(count, refine=None, max_iter=5, tol=0.0, random_state=random_state)
    return kmeans.fit(X[rows], sample_weight=weight[rows]).cluster_centers_.astype(X.dtype)


def _check_names(svm):
    """Raise ValueError if landmarks have names of features, but not those of X, in order."""
    names, own = getattr(svm.landmarks, "columns", None), getattr(svm, "feature_names_in_", None)
    if names is not None and own is not None and list(names) != list(own):
        raise ValueError(
            f"landmarks has the columns {list(names)}; they must be those of X, {own.tolist()}."
        )


def _as_rows(landmarks, X):
    """Return landmarks given as an array as rows like those of X; raise ValueError if unfit."""
    if sparse.issparse(landmarks):
        rows = sparse.csr_array(landmarks).astype(X.dtype)
        values = rows.data
    else:
        try:
            rows = values = np.array(landmarks, dtype=X.dtype, order="C")
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"landmarks={landmarks!r} must be 'margin', 'uniform', 'kmeans' or an array of "
                f"shape (m, {X.shape[1]})."
            ) from error
    if rows.ndim != 2 or rows.shape[1] != X.shape[1] or not rows.shape[0]:
        raise ValueError(
            f"landmarks has shape {rows.shape}; it must be (m, {X.shape[1]}): rows of the "
            "features of X."
        )
    if not np.isfinite(values).all():
        raise ValueError("landmarks holds NaN or infinity; it must be finite.")
    if sparse.issparse(X):
        return sparse.csr_array(rows)
    return rows.toarray() if sparse.issparse(rows) else rows

"""A fit of FeatureMapSVM, from checked data to fitted attributes."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import isinf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skextra._base import check_random_state_of, random_state_of, warn_caller
from skextra._callbacks import EpochReporter
from skextra._common._canonical import distinct, is_small
from skextra._common._classes import class_weights
from skextra._svm._at_scale import FirstGuess, Stopping, solve_at_scale
from skextra._svm._descent import FEWEST_FEATURES, solve_sparse
from skextra._svm._exact import solve_exactly
from skextra._svm._exact_kernel import (
    ACCURACY,
    MOST_STEPS,
    in_order,
    nested_order,
    solve_exact_kernel,
    without_unused,
)
from skextra._svm._explicit_maps import fit_explicit_map
from skextra._svm._fitted_map import FittedMap
from skextra._svm._interior_point import NotSeparableError
from skextra._svm._landmark_kernels import landmark_kernel
from skextra._svm._landmark_map import RANK_FLOAT64, LandmarkMap
from skextra._svm._landmarks import fit_landmark_map, keep_landmarks
from skextra._svm._parameters import (
    LANDMARK_MAPS,
    gamma_of,
    is_gaussian,
    is_precomputed,
    kind_of,
    uses_gamma,
)
from skextra._svm._problems import Problems, problem_values, sides
from skextra._svm._solution import Planes
from skextra._svm._start import ColdStart, WarmStart
from skextra._typing import FloatMatrix, LabelArray

# Costs between which their squares and inverses are floats.
_LEAST_COST, _MOST_COST = 1e-290, 1e150
# Newton steps in float32 and in float64, by the size of a number. Where float32 converges it takes
# ten or fewer (benchmarks/svm_constants.py); where it has not after so many, float64 is needed.
_MOST_STEPS = {4: 40, 8: 2**30}
# Rows and multiplications up to which the method is exact if the map is in float64. More of either
# would give more fits their last digits, and make them up to three times as slow as iterations:
# benchmarks/svm_constants.py.
_FEW_ROWS = 4000
_MOST_EXACT_WORK = 3e8
# Multiplications, a minute or two, that the exact method may take where float32 has failed: the
# iterative one in float64 needs many steps there.
_MOST_EXACT_RESCUE = 1e11
# Samples that are all taken as landmarks by default, and costs up to which this is fast. With more
# samples it takes longer than landmarks do. At larger costs conjugate gradients need more steps
# than they may take, and the factorisation after them takes four times as long as landmarks:
# benchmarks/svm_constants.py.
_MOST_EXACT_KERNEL_ROWS = 2500
_MOST_EXACT_KERNEL_COST = 100.0
_KERNEL_BYTES = 12  # of an entry of the kernel: one in float64, and one in float32 for products
_MOST_DENSE = 1e7  # entries of sparse mapped samples that may become dense, 80 MB
# Entries, zeros included, up to which sparse mapped samples are solved like dense ones, to the
# last digit, in some hundredths of a second. With ten times as many that would take 7 to 50 times
# as long as descent.
_FEW_ENTRIES = 2e5
_EXACT_COPIES = 3  # of the mapped samples that the exact methods hold at once
_MEBI = 2**20

# Parameters that a stream cannot change.
KEPT_BY_STREAMS = ("feature_map", "kernel", "gamma", "degree", "coef0", "multi_class")


@dataclass(frozen=True)
class Task:
    """The samples of a fit, and the problems to be solved.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n, d)
        Samples of positive weight. Small data are in an order that depends on their content, with
        repeated samples merged.
    rows : ndarray of shape (n,) or None
        Their numbers among the samples passed, unless these are all, in order.
    codes : ndarray of shape (n,)
        Numbers of their classes.
    classes : ndarray of shape (n_classes,)
        Labels.
    weight, costs : ndarray of shape (n,)
        Weight without and with C and class weight.
    passed : tuple
        Samples of positive weight, their labels and weights (or None), as they were passed.
    n_passed : int
        Number of samples passed, those of weight zero included.
    signs : ndarray of shape (n, n_problems)
        Sides in every problem.
    solvable : ndarray of shape (n_problems,)
        Which problems have samples on both sides.
    multi_class : {'ovr', 'ovo'}
        What the problems are.
    """

    X: FloatMatrix
    rows: NDArray[np.intp] | None
    codes: NDArray[np.intp]
    classes: LabelArray
    weight: NDArray[np.float64]
    costs: NDArray[np.float64]
    passed: tuple[Any, Any, Any]
    n_passed: int
    signs: NDArray[np.int8]
    solvable: NDArray[np.bool_]
    multi_class: str

    @property
    def problems(self) -> Problems:
        """The solvable problems."""
        return Problems(np.ascontiguousarray(self.signs[:, self.solvable]), self.costs)

    def of_problems(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values of the solvable problems, on the last axis, for values of the classes."""
        return problem_values(values, self.multi_class)[..., self.solvable]


def task_of(svm, X, y, weight, classes=None):
    """Return the task of checked data; raise ValueError unless there are two classes."""
    rows = None
    n_passed = len(y)
    if (weight == 0).any():
        rows = np.flatnonzero(weight)
        X, y, weight = X[rows], y[rows], weight[rows]
    present, codes = np.unique(y, return_inverse=True)
    if len(present) < (2 if classes is None else 1):
        raise ValueError(
            f"FeatureMapSVM needs samples of at least two classes, got {len(present)} class"
            f"{' of positive weight' if rows is not None else ''}: {present.tolist()}."
        )
    passed = X, y, None if (weight == weight[0]).all() else weight
    of_class = class_weights(svm.class_weight, present, y, weight, classes)
    if is_small(X):
        order, repeats = distinct(X, codes)
        total = np.bincount(np.cumsum(~repeats) - 1, weight[order])
        order = order[~repeats]
        X, codes, weight = X[order], codes[order], total
        rows = order if rows is None else rows[order]
    with np.errstate(over="ignore", under="ignore"):
        costs = svm.C * (weight * of_class[codes])
    if (costs < _LEAST_COST).any() or not (np.isinf(svm.C) or (costs < _MOST_COST).all()):
        raise ValueError(
            f"C={svm.C} times the weights of samples and classes is from {costs.min():.3g} to "
            f"{costs.max():.3g}, beyond what float64 can work with; change C or sample_weight."
        )
    if classes is None:
        classes = present
    else:
        codes = np.searchsorted(classes, present)[codes]
    signs = sides(codes, len(classes), svm.multi_class)
    solvable = (signs > 0).any(axis=0) & (signs < 0).any(axis=0)
    return Task(X, rows, codes, classes, weight, costs, passed, n_passed, signs, solvable,
                svm.multi_class)  # fmt: skip


@dataclass(frozen=True)
class Past:
    """What a stream continues from.

    Attributes
    ----------
    fitted_map : FittedMap
        The map of the last chunk.
    gamma : float or None
        Inverse squared width, if the map has one.
    coef : ndarray of shape (p, n_problems) or None
        Its normals; None if new landmarks are to be drawn.
    intercept : ndarray of shape (n_problems,)
        Its intercepts.
    draws_landmarks : bool
        Whether new landmarks are to be drawn.
    """

    fitted_map: FittedMap
    gamma: float | None
    coef: NDArray[np.float64] | None
    intercept: NDArray[np.float64]
    draws_landmarks: bool


@dataclass(frozen=True)
class Model:
    """Planes in the space of a map."""

    fitted_map: FittedMap
    planes: Planes


def train(svm, task, data=None, past=None):
    """Return (the fitted attributes of `svm` for a task, least margins of the task's rows).

    `data`, where given, are passed to callbacks; `past`, where given, is what a stream continues
    from.
    """
    check_random_state_of(svm.random_state)
    gamma = past.gamma if past else None
    if past is None and uses_gamma(svm):
        gamma = gamma_of(svm.gamma, task.X, task.weight)
    attributes = partial(model_attributes, svm, task, gamma)
    progress = _Progress(svm, max(svm.max_iter, task.signs.shape[1]), attributes, data)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite gap tells of overflow
            if takes_exact_kernel(svm, task.X.shape[0]) and suits_exact_kernel(svm, task, past):
                model = _by_exact_kernel(svm, task, gamma)
            else:
                random_state = random_state_of(svm.random_state)
                fitted_map, start = fit_map(svm, task, gamma, past, random_state)
                model = solve(svm, task, fitted_map, start, random_state, progress)
    except NotSeparableError as error:
        raise ValueError(_not_separable(svm, task, error)) from None
    except np.linalg.LinAlgError as error:
        raise ValueError(
            f"The mapped features differ too much in size to be solved for in float64 ({error}). "
            "Put X on one scale, for example with StandardScaler, or lower C, gamma or degree."
        ) from error
    progress.finish(model)
    planes = model.planes.expanded(task.solvable, task.signs)
    if not (planes.converged or progress.was_stopped):
        warn_caller(
            f"FeatureMapSVM did not converge: after {planes.n_iter} steps the duality gap is "
            f"{planes.gaps.max():.2g} of the objective, more than tol={svm.tol:.2g}. Raise "
            "max_iter or tol, lower C, or put the features on one scale.",
            ConvergenceWarning,
        )
    return {**attributes(model), **support_attributes(svm, task, planes)}, planes.margins


class _Progress:
    """Reports the steps of a fit to callbacks, if there are any."""

    def __init__(self, svm, most_steps, attributes, data):
        self._reporter = None
        self._left = most_steps
        if data is not None:
            self._reporter = EpochReporter(svm, most_steps, attributes, "step", **data)

    @property
    def was_stopped(self):
        """Whether a callback has asked to stop."""
        return self._reporter is not None and self._reporter.was_stopped

    def report_of(self, fitted_map):
        """Return the function that reports Planes under a map, or None if no callback listens."""
        if self._reporter is None or not self._reporter.has_callbacks:
            return None
        return lambda planes: self.step(Model(fitted_map, planes))

    def step(self, model):
        """Report a step; return whether a callback asks to stop."""
        # A second search, in float64, may make more steps than were announced.
        if self._reporter is None or not self._left:
            return False
        self._left -= 1
        return self._reporter.epoch(model)

    def finish(self, model):
        """Report the end of the fit."""
        if self._reporter is not None:
            self._reporter.finish(model)


def takes_exact_kernel(svm, n):
    """Return whether the parameters leave it to the fit to take n samples as landmarks."""
    return (
        is_gaussian(svm)
        and n <= _MOST_EXACT_KERNEL_ROWS
        and isinstance(svm.landmarks, str)
        and svm.landmarks == "margin"
        and isinstance(svm.n_components, str)
        and svm.loss == "squared_hinge"
        and not isinf(svm.C)
    )


def suits_exact_kernel(svm, task, past):
    """Return whether the task is one that the search in the space of the kernel is made for."""
    n = task.X.shape[0]
    return (
        (past is None or past.draws_landmarks)
        and bool(task.solvable.all())
        and task.costs.max() <= _MOST_EXACT_KERNEL_COST
        and _KERNEL_BYTES * n * n <= svm.memory_limit * _MEBI
    )


def _by_exact_kernel(svm, task, gamma):
    """Return the Model whose landmarks are the support vectors."""
    order = nested_order(task.codes)
    kernel = landmark_kernel(vars(svm), gamma, task)
    gram, _ = kernel.among(task.X[order])
    problems = task.problems.restricted(order)
    planes = in_order(solve_exact_kernel(gram, problems, svm.tol, svm.max_iter), order)
    float64 = np.dtype(np.float64)
    if planes.gaps.max() > ACCURACY and svm.max_iter > MOST_STEPS:
        # The kernel is so smooth, or C so large, that the last digits need a factorisation.
        fitted_map = LandmarkMap.of(kernel, task.X, float64, svm.n_jobs, RANK_FLOAT64)
        values = np.empty(planes.weights.shape)
        values[order] = gram @ planes.weights[order]
        coef = fitted_map.coef_through(values[fitted_map.numbers])
        return _exactly(svm, task, fitted_map, WarmStart(coef, planes.intercept))
    landmarks, weights = without_unused(task.X, planes.weights)
    fitted_map = LandmarkMap(landmarks, kernel, float64, svm.n_jobs, is_independent=False)
    return Model(fitted_map, replace(planes, weights=weights))


def fit_map(svm, task, gamma, past, random_state):
    """Return (the FittedMap of a fit, the ColdStart of its planes)."""
    if kind_of(svm.feature_map) in LANDMARK_MAPS:
        if past is None or past.draws_landmarks:
            kernel = landmark_kernel(vars(svm), gamma, task)
            return fit_landmark_map(svm, task, kernel, random_state)
        start = WarmStart(past.coef[:, task.solvable], past.intercept[task.solvable])
        return keep_landmarks(past.fitted_map, task, svm.n_jobs), start
    if past is None:
        fitted_map = fit_explicit_map(svm, gamma, *task.passed, random_state)
    else:
        fitted_map = past.fitted_map
    fitted_map.measure(task.X, task.rows)
    return fitted_map, ColdStart()


def solve(svm, task, fitted_map, start, random_state, progress):
    """Return the Model: by an exact method where that takes little, else by iterations.

    Where float32 is too coarse, the search continues in float64.
    """
    n, p = task.X.shape[0], fitted_map.n_features_out
    if not task.solvable.any():
        return Model(fitted_map, Planes.none(n, p))
    needed = _EXACT_COPIES * 8.0 * n * p / _MEBI
    fits = needed <= svm.memory_limit
    if svm.loss == "hinge" or isinf(svm.C):
        if not fits:
            raise ValueError(
                f"The {n} samples have {p} features under the map, which with copies take "
                f"{needed:.0f} MiB, more than memory_limit={svm.memory_limit}: the hinge loss and "
                "C=inf need them all at once. "
                "Raise memory_limit, lower n_components or degree, or use loss='squared_hinge' "
                "with a finite C."
            )
        return _exactly(svm, task, fitted_map, start)
    light = n <= _FEW_ROWS or n * float(min(n, p)) ** 2 <= _MOST_EXACT_WORK
    light = fits and light and not (fitted_map.is_sparse and n * p > _MOST_DENSE)
    if fitted_map.is_sparse and p > FEWEST_FEATURES and n * p > _FEW_ENTRIES:
        return _on_sparse_rows(svm, task, fitted_map, random_state, progress, light)
    if light and fitted_map.dtype == np.float64:
        return _exactly(svm, task, fitted_map, start)
    model = _iteratively(svm, task, fitted_map, start, random_state, progress)
    planes = model.planes
    done = planes.converged or progress.was_stopped or planes.n_iter >= svm.max_iter
    if done or fitted_map.dtype == np.float64:
        return model
    # The kernel is too smooth, or C too large, for float32: continue where it has ended.
    fitted_map = fitted_map.in_float64()
    start = WarmStart(planes.coef, planes.intercept)
    if fits and n * float(p) ** 2 <= _MOST_EXACT_RESCUE:
        return _exactly(svm, task, fitted_map, start)
    return _iteratively(svm, task, fitted_map, start, random_state, progress)


def _exactly(svm, task, fitted_map, start):
    Phi = fitted_map.features(task.X, task.rows)
    first = start.planes_under(fitted_map, task)
    planes = solve_exactly(Phi, task.problems, svm.loss, svm.tol, svm.max_iter, first)
    weights = fitted_map.column_weights(planes.coef)
    return Model(fitted_map, replace(planes, weights=weights))


def _on_sparse_rows(svm, task, fitted_map, random_state, progress, may_be_exact):
    mapped = fitted_map.rows(task.X, task.rows, svm.memory_limit, random_state)
    stopping = Stopping(svm.tol, svm.max_iter, progress.report_of(fitted_map))
    planes = solve_sparse(mapped, task.problems, stopping, random_state, may_be_exact)
    return Model(fitted_map, planes)


def _iteratively(svm, task, fitted_map, start, random_state, progress):
    mapped = fitted_map.rows(task.X, task.rows, svm.memory_limit, random_state)
    likely = None if mapped.holds_all else start.likely_rows(task, mapped.capacity)
    V = start.weights_under(fitted_map, task)
    planes = solve_at_scale(
        mapped,
        task.problems,
        FirstGuess(V, likely, fitted_map.second_moment()),
        Stopping(
            svm.tol,
            min(svm.max_iter, _MOST_STEPS[fitted_map.dtype.itemsize]),
            progress.report_of(fitted_map),
        ),
        random_state,
    )
    return Model(fitted_map, planes)


def model_attributes(svm, task, gamma, model):
    """Return the attributes that predictions need."""
    planes = model.planes.expanded(task.solvable, task.signs)
    dtype = task.X.dtype
    lengths = planes.lengths
    computed = {}
    if planes.coef is not None:
        coef = np.ascontiguousarray(planes.coef.T)
        lengths = np.linalg.norm(coef, axis=1)
        computed["coef_"] = coef.astype(dtype)
    with np.errstate(divide="ignore"):
        margin = 2.0 / lengths
    attributes = {
        "classes_": task.classes,
        **computed,
        "intercept_": planes.intercept.astype(dtype),
        "margin_": margin.astype(dtype),
        "duality_gap_": planes.gaps,
        "n_iter_": planes.n_iter,
        "_n_features_out": len(planes.weights),
        "_fitted_with": kept_parameters(svm),
        **model.fitted_map.attributes(planes),
    }
    if gamma is not None:
        attributes["gamma_"] = gamma
    return attributes


def kept_parameters(svm):
    """Return the parameters that a stream cannot change, as they are now."""
    kept = {name: getattr(svm, name) for name in KEPT_BY_STREAMS}
    if hasattr(svm.kernel, "get_params"):  # set_params could change it after the fit
        # A function may have a `get_params` that is not scikit-learn's. Like any other function,
        # it then has no parameters that could be known.
        with suppress(TypeError, RuntimeError):
            kept["kernel"] = clone(svm.kernel)
    return kept


def support_attributes(svm, task, planes):
    """Return the attributes that describe the support vectors."""
    used = np.flatnonzero(planes.duals.any(axis=1))
    support = used
    if task.rows is not None:
        order = np.argsort(task.rows[used])
        used = used[order]
        support = task.rows[used]
    attributes = {"support_": support, "_n_seen": task.n_passed}
    if svm.store_support:
        # Rows of a kernel are no samples.
        attributes["support_vectors_"] = task.X[
            used[:0] if is_precomputed(svm.feature_map) else used
        ]
        attributes["_support_codes"] = task.codes[used]
        attributes["_support_weight"] = task.weight[used]
        dual = (planes.duals * task.signs)[used].T
        attributes["dual_coef_"] = np.ascontiguousarray(dual, dtype=task.X.dtype)
    return attributes


def _not_separable(svm, task, error):
    worst = []
    for side in (error.sign > 0, error.sign < 0):
        row = error.rows[side][np.argmax(error.weights[side])]
        number = row if task.rows is None else task.rows[row]
        worst.append(f"sample {number} of class {task.classes[task.codes[row]]}")
    return (
        f"C={svm.C} asks for a hard margin, but no plane separates the classes under this map: "
        f"the convex hulls of the two sides meet (within {error.distance:.1g} of the size of the "
        f"data), and {worst[0]} and {worst[1]} have the largest weights in the common point. Use "
        "a finite C, or a richer feature_map."
    )

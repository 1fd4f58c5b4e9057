"""A fit of FeatureMapSVM, from checked data to fitted attributes."""

from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skextra._base import random_state_of, warn_caller
from skextra._callbacks import EpochReporter
from skextra._common._canonical import distinct, is_small
from skextra._common._classes import class_weights
from skextra._svm import _maps
from skextra._svm._interior_point import NotSeparableError
from skextra._svm._parameters import gamma_of
from skextra._svm._problems import sides
from skextra._svm._strategies import on_landmarks, on_map

_LEAST_COST, _MOST_COST = 1e-290, 1e150


@dataclass
class Task:
    """What is to be solved.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n, d)
        Samples of positive weight; of few data in an order that depends on their content, and
        with repeated ones made one.
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
    solvable : ndarray of shape (n_problems,)
        Which problems have samples on both sides.
    """

    X: object
    rows: np.ndarray | None
    codes: np.ndarray
    classes: np.ndarray
    weight: np.ndarray
    costs: np.ndarray
    passed: tuple
    n_passed: int
    solvable: np.ndarray | None = None


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
    return Task(X, rows, codes, classes, weight, costs, passed, n_passed)


# Parameters that a stream cannot change.
KEPT_BY_STREAMS = ("feature_map", "gamma", "degree", "coef0", "multi_class")


@dataclass
class Past:
    """What a stream goes on from.

    Attributes
    ----------
    gamma : float or None
        Inverse squared width, if the map has one.
    transformer, scale
        The map, if it is a transformer, and the scale of its features.
    function : callable or None
        The map, if it is a function.
    landmarks : {ndarray, CSR array} or None
        Landmarks; None if they are to be drawn again.
    coef, intercept : ndarray of shape (p, k) and (k,)
        Planes of the last model.
    """

    gamma: float | None
    transformer: object
    scale: np.ndarray | None
    function: object
    landmarks: object
    coef: np.ndarray
    intercept: np.ndarray


def train(svm, task, data=None, past=None):
    """Return (the fitted attributes of `svm` for a task, least margins of the task's rows).

    `data`, where given, are told to callbacks; `past`, where given, is what a stream goes on from.
    """
    random_state = random_state_of(svm.random_state)
    kind = _maps.kind_of(svm.feature_map)
    n_classes = len(task.classes)
    signs = sides(task.codes, n_classes, svm.multi_class)
    solvable = task.solvable = (signs > 0).any(axis=0) & (signs < 0).any(axis=0)
    fitted = {
        "classes_": task.classes,
        "_kind": kind,
        "_function": past.function if past else svm.feature_map if kind == "function" else None,
        "_multi_class": svm.multi_class,
        "_began": {name: getattr(svm, name) for name in KEPT_BY_STREAMS},
        "feature_map_": None,
        "_scale": None,
        "_kernel_coef": None,
    }
    if kind in ("rbf", "poly", "fourier"):
        fitted["gamma_"] = past.gamma if past else gamma_of(svm.gamma, task.X, task.weight)

    def attributes(planes):
        return {**fitted, **_weights(planes.expanded(solvable, signs), task.X.dtype)}

    reporter = None
    if data is not None:
        steps = max(svm.max_iter, signs.shape[1])
        reporter = EpochReporter(svm, steps, attributes, "step", **data)
    report = _at_most(steps, reporter.epoch) if reporter else lambda planes: False
    if past:
        past.coef, past.intercept = past.coef[:, solvable], past.intercept[solvable]
    solve = on_landmarks if kind == "rbf" else on_map
    solvable_signs = np.ascontiguousarray(signs[:, solvable])
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite gap says it
            planes = solve(svm, task, solvable_signs, fitted, past, random_state, report)
    except NotSeparableError as error:
        raise ValueError(_not_separable(svm, task, error)) from None
    except np.linalg.LinAlgError as error:
        raise ValueError(
            f"The mapped features differ too much in size to be solved for in float64 ({error}). "
            "Put X on one scale, for example with StandardScaler, or lower C, gamma or degree."
        ) from error
    if reporter:
        reporter.finish(planes)
    planes = planes.expanded(solvable, signs)
    fitted.update(_weights(planes, task.X.dtype))
    fitted.update(_support(svm, task, signs, planes))
    if not (planes.converged or (reporter and reporter.was_stopped)):
        warn_caller(
            f"FeatureMapSVM did not converge: after {planes.n_iter} steps the duality gap is "
            f"{planes.gaps.max():.2g} of the objective, more than tol={svm.tol:.2g}. Raise "
            "max_iter or tol, lower C, or put the features on one scale.",
            ConvergenceWarning,
        )
    return fitted, planes.margins


def _at_most(count, report):
    """Return `report` for its first calls; a second search, in float64, may make more steps."""
    left = iter(range(count))
    return lambda planes: next(left, None) is not None and report(planes)


def _weights(planes, dtype):
    """Return the attributes that predictions need."""
    coef = np.ascontiguousarray(planes.coef.T)
    norms = np.linalg.norm(coef, axis=1)
    with np.errstate(divide="ignore"):
        margin = 2.0 / norms
    return {
        "coef_": coef.astype(dtype),
        "intercept_": planes.intercept.astype(dtype),
        "margin_": margin.astype(dtype),
        "duality_gap_": planes.gaps,
        "n_iter_": planes.n_iter,
        "_kernel_coef": planes.kernel_coef,
        "_n_features_out": coef.shape[1],
    }


def _support(svm, task, signs, planes):
    """Return the attributes that tell of support vectors."""
    used = np.flatnonzero(planes.duals.any(axis=1))
    support = used
    if task.rows is not None:
        order = np.argsort(task.rows[used])
        used = used[order]
        support = task.rows[used]
    attributes = {"support_": support, "_n_seen": task.n_passed}
    if svm.store_support:
        attributes["support_vectors_"] = task.X[used]
        attributes["_support_codes"] = task.codes[used]
        attributes["_support_weight"] = task.weight[used]
        dual = (planes.duals * signs)[used].T
        attributes["dual_coef_"] = np.ascontiguousarray(dual, dtype=task.X.dtype)
    return attributes


def _not_separable(svm, task, error):
    worst = []
    for side in (error.sign > 0, error.sign < 0):
        row = error.rows[side][np.argmax(error.weights[side])]
        number = row if task.rows is None else task.rows[row]
        worst.append(f"sample {number} of class {task.classes[task.codes[row]]}")
    return (
        f"C={svm.C} asks for a hard margin, but no plane separates the classes under this map: a "
        f"mean of samples of one side meets one of the other (within {error.distance:.1g} of the "
        f"data's size), and {worst[0]} and {worst[1]} weigh most in these. Use a finite C, or a "
        "richer feature_map."
    )

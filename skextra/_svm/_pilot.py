"""A first classifier on few landmarks, which tells where the border between classes is."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skextra._svm._landmark_map import LandmarkMap
from skextra._svm._newton_cg import Preconditioner, newton
from skextra._svm._objective import SquaredHinge
from skextra._svm._problems import Problems, sides
from skextra._svm._start import ColdStart

# Size and accuracy of the pilot. It has to rank rows by margin only: more landmarks, rows or steps
# take longer, and the landmarks it draws are no better (benchmarks/svm_constants.py).
_PILOT_LANDMARKS = 300
_PILOT_ROWS = 10_000
_PILOT_TOL = 0.2
_MOST_STEPS = 20
# A row weighs up to so many times what it weighs in the fit, as there are fewer of them; the full
# ratio would fit the sample more closely than the fit does its rows.
_MOST_FACTOR = 3.0
MOST_COST = 1e4  # beyond which float32 cannot solve the pilot
# Squared distance that a landmark must have from the span of the others, as a share of the largest
# value of the kernel: ten times what float32 rounds it by.
_RANK_TOLERANCE = 1e-6
_FEW_ROWS = 3000  # for which waking a second thread takes as long as its work
# Decay of the chance of a row with its margin. 0 draws uniformly; a larger one draws landmarks
# nearer the border. It pays where the border is complex: with 1000 landmarks on 10,000 images of
# MNIST it is worth .4 points of accuracy (benchmarks/bench_svm.py), on other data nothing
# (benchmarks/svm_constants.py).
_SHARPNESS = 2.0


@dataclass(frozen=True, eq=False)
class Pilot(ColdStart):
    """A classifier, one class against the rest, that has drawn the landmarks of a fit.

    Attributes
    ----------
    landmark_map : LandmarkMap
        Its own map, with its weights.
    intercepts : ndarray of shape (n_classes,)
        Its intercepts.
    decisions : ndarray of shape (n_drawn, n_classes)
        Its decision values at the rows it has drawn.
    """

    landmark_map: LandmarkMap
    intercepts: NDArray[np.float64]
    decisions: NDArray[np.float64]

    def planes_under(self, fitted_map, task):
        """Return the planes under the map whose landmarks are among the rows drawn."""
        decisions = task.of_problems(self.decisions[fitted_map.numbers])
        intercepts = task.of_problems(self.intercepts)
        return fitted_map.coef_through(decisions - intercepts), intercepts

    def likely_rows(self, task, count):
        """Return the `count` rows of the smallest margins, rising."""
        values = self.landmark_map.decisions(task.X) + self.intercepts
        own = np.arange(len(values)), task.codes
        values *= -1
        values[own] *= -1
        return np.sort(np.argsort(values.min(axis=1), kind="stable")[:count])


def draw_by_margin(task, costs, count, kernel, n_jobs, random_state):
    """Return rows of small margin by the verdict of a pilot, and the Pilot.

    The pilot is the same classifier with a few hundred uniform landmarks on some thousand rows.
    A row is drawn with a probability proportional to its weight times exp(-2 gap), where gap is
    the distance between the two highest decision values. No label enters the draw.
    """
    X, n, n_classes = task.X, task.X.shape[0], len(task.classes)
    rows = np.arange(n)
    n_rows = max(_PILOT_ROWS, 3 * count)
    if n > n_rows:
        rows = draw_by_weight(n_rows, n, costs, random_state)
        X, costs = X[rows], costs[rows]
    n_landmarks = min(max(count // 3, 10), _PILOT_LANDMARKS, n)
    some = draw_by_weight(n_landmarks, len(rows), costs, random_state)
    landmark_map = LandmarkMap.of(
        kernel,
        kernel.landmarks(task.X, rows[some]),
        np.dtype(np.float32),
        n_jobs if n > _FEW_ROWS else 1,
        _RANK_TOLERANCE,
    )
    mapped = landmark_map.rows(X, None, np.inf, random_state)
    every = np.arange(len(rows))
    mapped.store(every)
    signs = sides(task.codes[rows], max(n_classes, 3), "ovr")
    signs = np.ascontiguousarray(signs[:, :n_classes])  # the loops are compiled for such alone
    # More weight to a row than it has in the fit, as there are fewer of them.
    factor = min(n / len(rows), _MOST_FACTOR)
    problems = Problems(signs, np.minimum(costs * factor, MOST_COST))
    V = np.zeros((mapped.n_features + 1, n_classes))
    hinge = SquaredHinge(mapped, every, problems, V)
    preconditioner = Preconditioner(landmark_map.second_moment(), mapped.threads)
    V = newton(hinge, V, preconditioner, _PILOT_TOL, _MOST_STEPS).V
    top = np.partition(hinge.decisions, n_classes - 2, axis=1)[:, -2:]
    chance = costs / costs.max() * np.exp(-_SHARPNESS * np.abs(top[:, 1] - top[:, 0]))
    drawn = draw_by_weight(count, len(rows), np.maximum(chance, 1e-300), random_state)
    weights, intercepts = mapped.whitening.outward(V)
    landmark_map = replace(landmark_map, weights=weights)
    return rows[drawn], Pilot(landmark_map, intercepts, hinge.decisions[drawn])


def draw_by_weight(count, n, weight, random_state):
    """Return `count` of n row numbers, rising, drawn without replacement by weight."""
    keys = np.log(random_state.uniform(np.finfo(np.float64).tiny, 1.0, n)) / weight
    return np.sort(np.argpartition(-keys, count - 1)[:count])

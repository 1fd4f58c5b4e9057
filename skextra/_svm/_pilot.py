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
# take longer, and the landmarks it draws are no better (benchmarks/svm_constants.py). The rows are
# a fifth of those of the fit, between two bounds.
_PILOT_LANDMARKS = 300
_PILOT_ROWS = (3000, 10_000)
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
# The number of landmarks is chosen by a bound on the mean squared error of the decisions: this,
# plus so many times the square of the mean loss, which noise in the labels raises. Larger ones
# take fewer landmarks and less time: benchmarks/svm_constants.py.
_SQUARED_ERROR, _NOISE = 6.0, 400.0
_PROBES = 200  # rows whose distances from the span of the landmarks are measured
_LEAST_DISTANCE = 1e-9  # squared: what is left below it is rounding


@dataclass(frozen=True, eq=False)
class Pilot(ColdStart):
    """A classifier, one class against the rest, on uniform landmarks.

    Attributes
    ----------
    landmark_map : LandmarkMap
        Its own map, with its weights.
    intercepts : ndarray of shape (n_classes,)
        Its intercepts.
    rows : ndarray of int
        The rows of the fit that it knows.
    own : ndarray of int
        Which of these are its landmarks.
    decisions : ndarray of shape (n_rows, n_classes)
        Its decision values at these rows.
    loss : float
        Mean squared violation of the margins at these rows.
    """

    landmark_map: LandmarkMap
    intercepts: NDArray[np.float64]
    rows: NDArray[np.intp]
    own: NDArray[np.intp]
    decisions: NDArray[np.float64]
    loss: float

    def draw(self, count, costs, random_state):
        """Return `count` rows of small margin, and the pilot with the decisions at these.

        A row is drawn with a probability proportional to its cost times exp(-2 gap), where gap is
        the distance between the two highest decision values. No label enters the draw.
        """
        top = np.partition(self.decisions, -2, axis=1)[:, -2:]
        costs = costs[self.rows]
        chance = costs / costs.max() * np.exp(-_SHARPNESS * np.abs(top[:, 1] - top[:, 0]))
        chance = np.maximum(chance, 1e-300)
        return self._at(draw_by_weight(count, len(self.rows), chance, random_state))

    def landmarks(self):
        """Return the rows of its landmarks, and the pilot with the decisions at these."""
        return self._at(self.own)

    def _at(self, numbers):
        return self.rows[numbers], replace(self, decisions=self.decisions[numbers])

    def landmarks_needed(self, X):
        """Return how many landmarks bring the decisions near those of the whole kernel.

        Between the two is at most the norm of the weights times the distance of a sample, in
        feature space, from the span of the landmarks. The mean of its square is measured with all
        landmarks of the pilot and with half of them, and taken to go on falling as a power. Where
        the labels are noise, less of the kernel is enough: more would fit the noise.
        """
        if self.landmark_map.is_indefinite:  # where distances mean nothing
            return np.inf
        some = self.rows[:: -(-len(self.rows) // _PROBES)]
        inside = (self.landmark_map.features(X[some]) ** 2).mean(axis=0).cumsum()
        count = len(inside)
        square = self.landmark_map.kernel.diagonal(X, some).mean()
        outside = square - inside[[count // 2 - 1, -1]]
        far, near = np.maximum(outside, _LEAST_DISTANCE * square)
        coef = self.landmark_map.factor @ self.landmark_map.weights
        error = (coef**2).sum(axis=0).mean() * near
        excess = error / (_SQUARED_ERROR + _NOISE * self.loss**2)
        if excess <= 1.0:
            return count
        power = np.log2(far / near)
        return count * excess ** (1.0 / power) if power > 0.0 else np.inf

    def planes_under(self, fitted_map, task):
        """Return the planes under the map whose landmarks are those of the decisions."""
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


def fit_pilot(task, costs, count, kernel, n_jobs, random_state):
    """Return a Pilot: the same classifier with fewer landmarks, on some thousand rows.

    `count` is the number of landmarks of the fit.
    """
    X, n, n_classes = task.X, task.X.shape[0], len(task.classes)
    rows = np.arange(n)
    n_rows = max(int(np.clip(n // 5, *_PILOT_ROWS)), 3 * count)
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
    signs = sides(task.codes[rows], n_classes, "ovr")
    # More weight to a row than it has in the fit, as there are fewer of them.
    factor = min(n / len(rows), _MOST_FACTOR)
    problems = Problems(signs, np.minimum(costs * factor, MOST_COST))
    V = np.zeros((mapped.n_features + 1, signs.shape[1]))
    hinge = SquaredHinge(mapped, every, problems, V)
    preconditioner = Preconditioner(landmark_map.second_moment(), mapped.threads)
    V = newton(hinge, V, preconditioner, _PILOT_TOL, _MOST_STEPS).V
    weights, intercepts = mapped.whitening.outward(V)
    decisions = hinge.decisions
    loss = float((np.maximum(0.0, 1.0 - signs * decisions) ** 2).mean())
    if n_classes == 2:  # the problem of the second class is that of the first
        weights, decisions = (np.hstack((-part, part)) for part in (weights, decisions))
        intercepts = np.append(-intercepts, intercepts)
    landmark_map = replace(landmark_map, weights=weights)
    return Pilot(landmark_map, intercepts, rows, some[landmark_map.numbers], decisions, loss)


def draw_by_weight(count, n, weight, random_state):
    """Return `count` of n row numbers, rising, drawn without replacement by weight."""
    keys = np.log(random_state.uniform(np.finfo(np.float64).tiny, 1.0, n)) / weight
    return np.sort(np.argpartition(-keys, count - 1)[:count])

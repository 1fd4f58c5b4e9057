"""Lloyd's iterations, exact, with bounds that spare most distances."""

from copy import copy
from dataclasses import dataclass

import numpy as np

from skextra._kmeans._points import NOTHING

# A cluster lighter than this share of all points may be nothing but rounding of running sums.
_DUBIOUS = 1e-9
_LEAST = 1e-12
# Of constant and growing shares up to .8 to .98, this takes the fewest iterations on the data
# sets of the benchmark.
MOMENTUM = 0.98


class Assignment:
    """Which centre each point belongs to, up to when that is certain, and the cluster sums.

    A point evaluated in full keeps its label while the centres have together moved less than the
    gap between its two nearest distances: ``limits`` holds that gap in terms of two running
    sums, `reach`, the way of the fastest centre in every iteration, and `travel`, the way of each
    centre (Hamerly, SDM 2010, with one bound instead of two).
    """

    def __init__(self, n, k, d):
        self.labels = np.full(n, -1, np.int32)
        self.limits = np.full(n, -np.inf, np.float32)
        self.reach = 0.0
        self.travel = np.zeros(k)
        self.sums = np.zeros((k, d))
        self.counts = np.zeros(k)
        self.fresh = True
        self.lower = np.empty((0, 0), np.float32)

    def copy(self):
        """Return an independent copy."""
        other = copy(self)
        other.labels, other.limits = self.labels.copy(), self.limits.copy()
        other.travel, other.sums = self.travel.copy(), self.sums.copy()
        other.counts = self.counts.copy()
        return other

    def move(self, way):
        """Account for centres that moved by `way` each (scaled)."""
        self.reach += way.max()
        self.travel += way

    def split(self, chosen, way):
        """Account for clusters whose centres were replaced by two, at most `way` (scaled) off.

        The second ones stand at the end. A point of another cluster is as far from the new
        centres as from the old one, less that way, so that its limit goes on to hold.
        """
        m, d = len(chosen), self.sums.shape[1]
        self.reach += way
        self.travel = np.append(self.travel, np.zeros(m))
        self.sums = np.concatenate([self.sums, np.zeros((m, d))])
        self.counts = np.append(self.counts, np.zeros(m))
        concerned = np.zeros(len(self.counts), bool)
        concerned[chosen] = True
        self.limits[concerned[self.labels]] = -np.inf

    def remove(self, gone):
        """Account for centres that were taken away; their points have no label until assigned."""
        kept = np.delete(np.arange(len(self.counts)), gone)
        numbers = np.full(len(self.counts), -1, np.int32)
        numbers[kept] = np.arange(len(kept))
        self.labels = numbers[self.labels]
        self.limits[self.labels < 0] = -np.inf
        self.travel, self.sums, self.counts = self.travel[kept], self.sums[kept], self.counts[kept]

    def sum_anew(self, points):
        """Replace the running sums of very light clusters, which rounding may have spoilt."""
        for c in np.flatnonzero(self.counts <= _DUBIOUS * self.counts.sum()):
            self.sums[c], self.counts[c] = points.sums_of(np.flatnonzero(self.labels == c))

    def relocate(self, points, centers):
        """Give every empty cluster the point farthest from its centre; return how many there are.

        As scikit-learn does, except that the labels follow, so that no point is left with the
        label of the cluster that it was taken from.
        """
        empty = np.flatnonzero(self.counts == 0)
        if not len(empty):
            return 0
        squares = points.own_distances(centers, self.labels)
        if squares.max() == 0:
            return 0
        self.labels = self.labels.copy()  # whoever looks at the old ones keeps them
        empty = empty[: np.count_nonzero(squares)]
        farthest = np.argpartition(squares, -len(empty))[: -len(empty) - 1 : -1]
        donors = np.unique(self.labels[farthest])
        self.labels[farthest] = empty
        self.limits[farthest] = -np.inf
        for c in np.union1d(donors, empty):  # not by subtraction: far points leave rounding behind
            self.sums[c], self.counts[c] = points.sums_of(np.flatnonzero(self.labels == c))
        return len(empty)


@dataclass
class Clustering:
    """Centres relative to the offset, and where the points stand.

    `assigned` says whether the labels in `state` are those of these centres, as they are at the
    start if somebody has just computed them, and when an iteration has changed nothing;
    otherwise they are those of the centres before the last update.
    """

    centers: np.ndarray
    state: Assignment
    n_iter: int = 0
    assigned: bool = False

    @classmethod
    def start(cls, points, centers):
        """Return a clustering of which nothing but the centres is known."""
        return cls(np.ascontiguousarray(centers), Assignment(points.n, *centers.shape))

    def inertia(self, points):
        """Return the inertia of the centres and the labels."""
        return points.inertia(self.centers, self.state.labels)


@dataclass
class Step:
    """One iteration, as `lloyd` tells of it: centres before and after, labels of those before."""

    centers: np.ndarray
    labels: np.ndarray
    means: np.ndarray

    def inertia(self, points):
        """Return the inertia of the centres before."""
        return points.inertia(self.centers, self.labels)


def lloyd(
    points, clustering, *, max_iter, tol=0.0, costs=NOTHING, momentum=0.0, watch=None, strict=False
):
    """Iterate until no label changes, the centres move by `tol` (squared) or less, or `max_iter`.

    `clustering.state` is carried on and updated. A cluster that loses all its points keeps its
    centre, unless `strict`: then it is given the point farthest out. If `costs` are wanted (see
    `assign`) all iterations are run. With `momentum` the centres go on in the direction of their
    last move, by a share of it that grows up to that (Nesterov), and anew where the means pull
    the other way (restart of O'Donoghue & Candes, 2015). ``watch(step)`` is told of every
    iteration and may end them.
    """
    centers, state = clustering.centers, clustering.state
    assigned = clustering.assigned
    if watch is None and not strict and not assigned and points.is_small_for(len(centers)):
        centers, n_iter, changed = points.iterate(centers, state, max_iter, tol, costs)
        state.fresh = False
        return Clustering(centers, state, n_iter, changed == 0)
    wanted = len(costs) > 0
    before, relocated, run = centers, 0, 0
    for iteration in range(max_iter):
        last = wanted and iteration == max_iter - 1
        if assigned:
            changed = points.n
        else:
            full = state.fresh or last
            changed = points.assign(centers, state, full, costs if last else NOTHING)
            changed += relocated
        labels = state.labels
        if strict:
            state.sum_anew(points)
            relocated = state.relocate(points, centers)
        means, way = moved(state, centers, 0.0 if strict else _LEAST)
        still = changed == 0 and not relocated
        done = not wanted and (still or way @ way <= tol)
        if done and momentum and still:
            done, momentum = False, 0.0  # where momentum brought them is not yet a fixed point
        aim = means
        if momentum and not done and iteration < max_iter - 1:
            course = means - before
            run = run + 1 if np.vdot(means - centers, course) > 0 else 0
            if run:
                aim = means + min(momentum, run / (run + 3)) * course
                way = np.sqrt(np.square(aim - centers).sum(axis=1))
        if watch is not None and watch(Step(centers, labels, means)):
            done, aim = True, means
            way = np.sqrt(np.square(aim - centers).sum(axis=1))
        state.move(way * points.scale)
        assigned = still and not way.any()
        before, centers = means, aim
        if done:
            break
    return Clustering(centers, state, iteration + 1, assigned)


def moved(state, centers, least=_LEAST):
    """Return (mean of every cluster, how far each centre moved).

    A cluster of no more than the share `least` of all points keeps its old centre.
    """
    filled = state.counts > least * state.counts.sum()
    means = state.sums / np.where(filled, state.counts, 1.0)[:, None]
    new = np.where(filled[:, None], means, centers)
    return new, np.sqrt(np.square(new - centers).sum(axis=1))


def nearest(points, centers):
    """Return the assignment of points to centres."""
    state = Assignment(points.n, *centers.shape)
    points.assign(centers, state, True)
    return state

"""Lloyd's iterations, exact, with bounds that spare most distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skextra._kernels._kmeans_rows import Labelling
from skextra._kmeans._metric import EUCLIDEAN
from skextra._kmeans._momentum import Momentum

if TYPE_CHECKING:
    from skextra._kmeans._metric import Metric
    from skextra._kmeans._rows import Floats, Rows

# A cluster lighter than this share of all rows may be nothing but rounding of running sums, whose
# error is some thousand roundings of 1e-16 each.
_DUBIOUS = 1e-9
# In a search, one lighter than this share is taken for empty and keeps its centre.
_LEAST = 1e-12
# Iterations in a row that have to gain little before they are given up: after a restart of the
# momentum a single one may.
_CALM = 3
# Rows that tell the inertia to which gains are compared, within a percent or two. All of a million
# rows of two features took 40 ms of a fit of 200.
_SOME = 20_000


class Assignment:
    """Which centre each row belongs to, up to when that is certain, and the sums of clusters.

    A row evaluated in full keeps its label while the centres have together moved less than the
    gap between its two nearest distances: `limits` holds that gap in terms of two running sums,
    `reach`, how far the fastest centre has moved in every iteration, and `travel`, how far each
    centre has (Hamerly, SDM 2010, with one bound instead of two).
    """

    def __init__(self, n: int, k: int, d: int) -> None:
        self.labels = np.full(n, -1, np.int32)
        self.limits = np.full(n, -np.inf, np.float32)
        self.lower = np.empty((0, 0), np.float32)
        self.reach = 0.0
        self.travel = np.zeros(k)
        self.sums = np.zeros((k, d))
        self.counts = np.zeros(k)
        self.is_fresh = True  # no pass so far, or none that set all bounds

    def labelling(self) -> Labelling:
        """Return labels and bounds as the loops take them."""
        return Labelling(self.labels, self.limits, self.lower, self.reach, self.travel)

    def bound_pairs(self) -> None:
        """Make room for a lower bound for every pair of row and centre, set in the next pass.

        From then on, `limits` are upper bounds of the distance of each row to its own centre.
        """
        self.lower = np.empty((len(self.labels), len(self.counts)), np.float32)
        self.is_fresh = True

    def take_in(self, sums: Floats, counts: Floats, full: bool) -> None:
        """Account for a pass over all rows: what clusters gained, and whether it was full."""
        self.sums += sums
        self.counts += counts
        self.is_fresh = False

    def resume(self, reach: float) -> None:
        """Account for iterations that the loops ran in one call."""
        self.reach = reach
        self.is_fresh = False

    def inertia_terms(self, centers: Floats) -> Floats:
        """Return what these centres add to the inertia of a single one at the offset, (k,)."""
        squares = np.einsum("kd,kd->k", centers, centers)
        return self.counts * squares - 2.0 * np.einsum("kd,kd->k", centers, self.sums)

    def copy(self) -> Assignment:
        """Return an independent copy; bounds of pairs, which no search keeps, are shared."""
        other = Assignment.__new__(Assignment)
        vars(other).update(vars(self))
        other.labels, other.limits = self.labels.copy(), self.limits.copy()
        other.travel, other.sums = self.travel.copy(), self.sums.copy()
        other.counts = self.counts.copy()
        return other

    def move(self, shift: Floats) -> None:
        """Account for centres that moved by `shift` each (scaled)."""
        self.reach += shift.max()
        self.travel += shift

    def split(self, chosen: NDArray[np.intp], shift: float) -> None:
        """Account for clusters whose centres were replaced by two, at most `shift` (scaled) away.

        The second ones stand at the end. A row of another cluster is as far from the new centres
        as from the old one, less that shift, so that its limit still holds.
        """
        m, d = len(chosen), self.sums.shape[1]
        self.reach += shift
        none = np.zeros(m)
        self.travel = np.concatenate([self.travel, none])
        self.sums = np.concatenate([self.sums, np.zeros((m, d))])
        self.counts = np.concatenate([self.counts, none])
        concerned = np.zeros(len(self.counts), bool)
        concerned[chosen] = True
        self.limits[concerned[self.labels]] = -np.inf

    def remove(self, gone: list[int]) -> NDArray[np.bool_]:
        """Account for centres that were removed; return which were kept.

        Rows of those that are gone have no label until assigned.
        """
        kept = np.ones(len(self.counts), bool)
        kept[gone] = False
        numbers = np.full(len(kept), -1, np.int32)
        numbers[kept] = np.arange(np.count_nonzero(kept))
        self.labels = numbers[self.labels]
        self.limits[self.labels < 0] = -np.inf
        self.travel, self.sums, self.counts = self.travel[kept], self.sums[kept], self.counts[kept]
        return kept

    def relabel(self, indices: NDArray[np.intp], clusters: NDArray[np.intp]) -> NDArray[np.intp]:
        """Move some rows to other clusters; return all clusters whose sums have to be renewed."""
        self.labels = self.labels.copy()  # a `Step` may hold the old ones
        donors = self.labels[indices]
        self.labels[indices] = clusters
        self.limits[indices] = np.inf if len(self.lower) else -np.inf  # they may belong elsewhere
        return np.union1d(donors, clusters)

    def sum_again(self, rows: Rows, clusters: NDArray[np.intp]) -> None:
        """Replace the running sums of some clusters, which rounding may have spoilt."""
        for c in clusters:
            self.sums[c], self.counts[c] = rows.totals_of(self.labels, c)


@dataclass
class Clustering:
    """Centres relative to the offset, and where the rows stand.

    `is_assigned` says whether the labels in `assignment` are those of these centres, as they are
    at the start if they have just been computed, and when an iteration has changed nothing;
    otherwise they are those of the centres before the last update.
    """

    centers: Floats
    assignment: Assignment | None
    n_iter: int = 0
    is_assigned: bool = False
    costs: Floats | None = None  # what removing each centre would add to the inertia (scaled)

    @classmethod
    def start(cls, rows: Rows, centers: Floats) -> Clustering:
        """Return a clustering of which nothing but the centres is known."""
        return cls(np.ascontiguousarray(centers), rows.unassigned(len(centers)))

    @classmethod
    def final(cls, rows: Rows, centers: Floats) -> Clustering:
        """Return a clustering by these centres in which all rows are assigned."""
        return cls(centers, rows.nearest(centers), is_assigned=True)

    def placed(self, rows: Rows, metric: Metric) -> Clustering:
        """Return the clustering with its centres where the metric has them.

        One that belongs nowhere, as the rows about it cancel, goes to the first row. Rows that
        were assigned are again.
        """
        if not metric.places_means:
            return self
        first = rows.take(np.zeros(1, np.intp))
        centers = metric.place(self.centers, first, rows.offset)
        if self.assignment is None:
            return Clustering(centers, None)
        assignment = self.assignment.copy()
        assignment.move(lengths(centers - self.centers) * rows.scale)
        if self.is_assigned:
            rows.assign(centers, assignment)
        return Clustering(centers, assignment, is_assigned=self.is_assigned)

    def inertia(self, rows: Rows) -> float:
        """Return the inertia of the centres and the labels."""
        return rows.inertia(self.centers, self.assignment.labels)

    def without(self, gone: list[int]) -> Clustering:
        """Return the clustering without some centres; its assignment is carried on."""
        kept = self.assignment.remove(gone)
        return Clustering(self.centers[kept], self.assignment)


@dataclass
class Step:
    """One iteration of `lloyd`: centres before and after it, and the labels of those before."""

    rows: Rows
    centers: Floats
    labels: NDArray[np.int32]
    means: Floats

    def inertia(self) -> float:
        """Return the inertia of the centres before."""
        return self.rows.inertia(self.centers, self.labels)


def lloyd(
    rows: Rows,
    clustering: Clustering,
    *,
    max_iter: int,
    tol: float = 0.0,
    costs: bool = False,
    momentum: bool = False,
    least_gain: float = 0.0,
    watch: Callable[[Step], bool] | None = None,
    strict: bool = False,
    metric: Metric = EUCLIDEAN,
) -> Clustering:
    """Iterate until no label changes, the centres move by `tol` (squared) or less, or `max_iter`.

    The assignment is carried on and updated. A cluster that loses all its rows keeps its centre,
    unless `strict`: then it is given the row farthest from its centre. If `costs` are wanted (see
    `Rows.assign`) all iterations are run. With `momentum` the centres go beyond the means (see
    `Momentum`). Iterations also end when, from the third on, moving the centres to where they
    belong has lowered the inertia three times in a row by at most the share `least_gain` of what
    it was in the third, as some rows tell.
    ``watch(step)`` is called after every iteration and may end them by returning True. The
    `metric` says where the centre of a cluster belongs.
    """
    centers, assignment = clustering.centers, clustering.assignment
    is_assigned = clustering.is_assigned
    if watch is None and not (strict or is_assigned or metric.places_means):
        found = rows.iterate(centers, assignment, max_iter, tol, costs)
        if found is not None:
            centers, n_iter, changed, lost = found
            return Clustering(centers, assignment, n_iter, changed == 0, lost)
    course, relocated, calm, least = Momentum(centers), 0, 0, 0.0
    lost = np.zeros(len(centers) if costs else 0)
    for iteration in range(max_iter):
        last = costs and iteration == max_iter - 1
        if is_assigned and not last:
            changed = rows.n
        else:
            full = assignment.is_fresh or last
            changed, part, _ = rows.assign(centers, assignment, full=full, costs=last)
            changed += relocated
            lost = part if last else lost
        labels = assignment.labels
        if strict:
            counts, relocated = assignment.counts, 0
            dubious = np.flatnonzero(counts <= _DUBIOUS * counts.sum())
            if len(dubious):
                assignment.sum_again(rows, dubious)
                relocated = relocate(rows, centers, assignment)
        means = means_of(assignment, centers, 0.0 if strict else _LEAST)
        means = metric.place(means, centers, rows.offset)
        shift = lengths(means - centers)
        if least_gain and iteration == _CALM - 1:
            least = least_gain * _rough_inertia(rows, centers, labels)
        if least_gain:
            gain = metric.pulls(assignment, rows.offset) @ shift**2
            calm = calm + 1 if gain <= least else 0
        still = changed == 0 and not relocated
        done = not costs and (still or shift @ shift <= tol or calm >= _CALM)
        if done and momentum and still:
            done, momentum = False, False  # where momentum brought them is not yet a fixed point
        aim = means
        if momentum and not done and iteration < max_iter - 1:
            aim = course.aim(centers, means, assignment.inertia_terms(centers))
            aim = metric.place(aim, means, rows.offset)
            shift = lengths(aim - centers)
        if watch is not None and watch(Step(rows, centers, labels, means)):
            done, aim = True, means
            shift = lengths(aim - centers)
        assignment.move(shift * rows.scale)
        is_assigned = still and not shift.any()
        centers = aim
        if done:
            break
    return Clustering(centers, assignment, iteration + 1, is_assigned, lost)


def _rough_inertia(rows, centers, labels):
    """Return the inertia as that of some rows, evenly spread, tells it."""
    if rows.n < 2 * _SOME:
        return rows.inertia(centers, labels)
    some = np.arange(0, rows.n, rows.n // _SOME)
    weight = rows.weights(some)
    weight = np.ones(len(some)) if weight is None else weight
    squares = rows.subset(some).own_squares(centers, labels[some])
    return weight @ squares / weight.sum() * rows.total_weight()


def relocate(rows: Rows, centers: Floats, assignment: Assignment) -> int:
    """Give every empty cluster the row farthest from its centre; return how many there are.

    As scikit-learn does, except that the labels follow, so that no row is left with the label of
    the cluster that it was taken from.
    """
    empty = np.flatnonzero(assignment.counts == 0)
    if not len(empty):
        return 0
    farthest = rows.farthest(centers, assignment.labels, len(empty))
    concerned = assignment.relabel(farthest, empty[: len(farthest)])
    assignment.sum_again(rows, concerned)  # far rows would leave rounding errors behind
    return len(farthest)


def means_of(assignment: Assignment, centers: Floats, least: float = _LEAST) -> Floats:
    """Return the mean of every cluster; one of no more than the share `least` keeps its centre."""
    filled = assignment.counts > least * assignment.counts.sum()
    means = assignment.sums / np.where(filled, assignment.counts, 1.0)[:, None]
    return np.where(filled[:, None], means, centers)


def lengths(differences: Floats) -> Floats:
    """Return the length of every row."""
    return np.sqrt(np.square(differences).sum(axis=1))

"""One fit of k-means: frame, seed, search, iterate, publish."""

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skextra._callbacks import EpochReporter
from skextra._common._batches import batches
from skextra._kmeans._coreset import coreset
from skextra._kmeans._data import TrainingData
from skextra._kmeans._history import KMeansHistory, Recorder
from skextra._kmeans._line import BestRuns
from skextra._kmeans._lloyd import Clustering, Step, lengths, lloyd
from skextra._kmeans._local_search import local_search, mixed_sample
from skextra._kmeans._metric import Metric
from skextra._kmeans._rows import Floats, Rows
from skextra._kmeans._sample import Sample, improve, method_for, rough_size, sample_size
from skextra._kmeans._seeding import greedy_plus_plus, seed_on_some
from skextra._kmeans._split_merge import split_and_merge
from skextra._typing import FloatArray

# Rounds of local search on all rows, each of which repeats the search on a sample if it moves many
# centres.
# One or six instead change nothing on the data sets of benchmarks/kmeans_constants.py, the source
# of the numbers below as well.
_ROUNDS = 3
# The share of centres that local search may move without another search on a sample. A few samples
# far out take that many; the search would take as long as the first one, and lower the inertia by
# .05% where there are no clusters, and not at all where there are.
_FEW_MOVED = 0.125
# Effort that a search on a drawn sample adds to what it is asked for. With 1 a fit takes 3% less
# time and ends up to .1% higher; with 4 it takes 1% more and gains nothing.
_MORE_ON_SAMPLES = 2
# Rounds of a rough search. With one a fit takes 17% less time and ends .3% higher, 1% at most;
# with six it takes 8% more and ends .1% lower, .6% at most (kmeans_constants.py --rough).
_ROUGH_ROUNDS = 3
# Rows for each centre of which fewer mislead a rough search: it ends with the first round that
# gains less than twice what others have to, and iterates at last on more rows. For 100,000 normal
# rows of 128 features in 256 clusters that takes a tenth more time and ends .3% lower, for a
# photograph in as many a fifth more and 2% lower (kmeans_constants.py --rough).
_FEW_PER_CENTER, _FEW_WORTH = 32, 2.0
# How many rows these are for each centre, if that is no more than half of all, and how often it
# iterates.
_LAST_PER_CENTER, _LAST = 128, 3
# Rows from which such a search finds main directions: with half of the usual, fits of many
# features and few clusters take a tenth less time (kmeans_constants.py --rough).
_ROUGH_AXES_FROM = 1000
# Iterations from seeds before those with momentum. Without them 6000 embeddings in 60 clusters end
# .9% higher; with six or ten a fit takes as many more, and ends the same.
_PLAIN = 3
# Iterations after centres have moved to rare groups in a rough search.
_SETTLING = 3
# What moving the centres to the means has to gain after a search, in units of `tol`. With .2
# uniform rows and pictures take 10 to 25% more time and end .01 to .02% lower, with .8 they take
# 10 to 20% less and end up to .02% higher (kmeans_constants.py as well).
_LEAST_GAIN = 0.5
# Rows up to which a search is so short that a longer one is hardly noticed; half or twice the
# number changes neither time nor inertia by more than 1%.
_FEW = 1000


@dataclass(frozen=True)
class Plan:
    """What a fit is asked for; the parameters are those of `KMeansPP`."""

    n_clusters: int
    starts: list[str | FloatArray]  # for each run, how to seed or centres in the space of X
    refine: int | Literal["auto", "rough"] | None
    max_iter: int
    tol: float
    algorithm: Literal["auto", "lloyd", "elkan"]
    store_history: bool
    verbose: int
    metric: Metric

    def effort(self, n: int) -> int:
        """Return how hard to search for centres of n rows; 0 is not at all."""
        if self.n_clusters == 1:  # no mean is better than another
            return 0
        if self.refine == "auto":
            return 1 + min(2, _FEW // n) if isinstance(self.starts[0], str) else 0
        return 1 if self.refine == "rough" else self.refine or 0

    @property
    def is_rough(self) -> bool:
        """Whether to search on few rows and to iterate all of them once."""
        return self.refine == "rough"

    @property
    def most_iterations(self) -> int:
        """The largest number of iterations of a run on all rows."""
        return 1 if self.is_rough else self.max_iter


@dataclass(frozen=True)
class Solution:
    """The result of a run; `inertia` belongs to exactly these centres and labels."""

    centers: FloatArray
    exact: Floats  # the means that were placed at the centres, not rounded to the dtype of X
    labels: NDArray[np.int32]
    inertia: float
    n_iter: int
    counts: Floats
    history: KMeansHistory | None = None
    step: Step | None = None  # the last one

    def count_filled(self) -> int:
        """Return how many clusters have samples."""
        filled = self.counts > 1e-9 * self.counts.sum()
        if filled.all():  # a lighter cluster may be a rounding error: the labels decide
            return len(filled)
        filled[:] = False
        for part in batches(len(self.labels), 65_536):
            filled[self.labels[part]] = True
        return np.count_nonzero(filled)


class Run:
    """The fit of a plan to training data; the reporter hears of every iteration."""

    rows: Rows

    def __init__(
        self,
        plan: Plan,
        data: TrainingData,
        random_state: np.random.RandomState,
        reporter: EpochReporter,
    ) -> None:
        self.plan, self.data = plan, data
        self.random_state = random_state
        self.reporter = reporter
        self.effort = plan.effort(data.n_rows)
        self.recorder: Recorder | None = None
        self.step: Step | None = None

    def solve(self) -> Solution:
        """Frame the data; return the best solution of all starts, in terms of the samples."""
        size = sample_size(self.data.n_rows, self.data.n_features, self.plan.n_clusters)
        roughly = self.effort > 0 and size < self.data.n_rows
        best = self.data.in_a_frame(self.best_of_starts, self.plan.n_clusters, roughly)
        self.reporter.finish(best.step)
        return self.data.restore(best, self.rows)

    def best_of_starts(self, rows: Rows) -> Solution:
        """Return the solution of lowest inertia, in terms of the rows."""
        self.rows = rows
        method = method_for(rows.n, rows.d, self.plan.n_clusters)
        once = self.effort and method == "exact"  # all starts would end the same
        solutions = map(self.solve_from, self.plan.starts[: 1 if once else None])
        return min(solutions, key=attrgetter("inertia"))

    def solve_from(self, start: str | FloatArray) -> Solution:
        """Run k-means once: seed or search, iterate, publish."""
        if self.plan.store_history:
            self.recorder = Recorder(self.rows, self.data.repeats(), self.plan.metric.name)
        if isinstance(start, np.ndarray):
            start = start.astype(np.float64) - self.rows.offset
        if self.effort:
            begin = self.search(start)
        else:
            begin = Clustering.start(self.rows, self.seed(start, self.rows, greedy=True))
        return self.publish(self.iterate(begin))

    def seed(self, start: str | Floats, rows: Rows, greedy: bool = False) -> Floats:
        """Return centres to start from, of all rows or of those of a sample."""
        k = self.plan.n_clusters
        if isinstance(start, np.ndarray):
            return start
        if start == "random":
            return rows.take(rows.choose(k, self.random_state))
        if greedy:
            return rows.take(greedy_plus_plus(rows, k, self.random_state))
        return seed_on_some(rows, k, self.random_state, roughly=self.plan.is_rough)

    def search(self, start: str | Floats) -> Clustering:
        """Return a clustering by good centres, found on a sample and checked on all rows."""
        rows, k, metric = self.rows, self.plan.n_clusters, self.plan.metric
        if self.plan.is_rough and method_for(rows.n, rows.d, k) == "splits":
            return self.search_roughly(start)
        sample = Sample(rows, k, self.random_state, metric=metric)
        if self.plan.refine == "auto" and start == "k-means++" and not sample.is_worthwhile:
            return self.search_briefly(start)
        found = self.search_sample(start, sample)
        for _ in range(_ROUNDS if sample.is_partial else 0):
            before = found.centers
            found, draws = local_search(rows, before, self.random_state)
            if found.is_assigned:
                break
            if (found.centers != before).any(axis=1).mean() > _FEW_MOVED:
                chosen = mixed_sample(rows, before, draws, self.random_state)
                sample = Sample(rows, k, self.random_state, chosen, metric)
                found = self.search_sample(found.centers, sample)
        return found if found.assignment else Clustering.start(rows, found.centers)

    def search_briefly(self, start: str) -> Clustering:
        """Return a clustering by seeds, a few iterations and local search, all on all rows."""
        rows = self.rows
        begin = Clustering.start(rows, self.seed(start, rows))
        begin = lloyd(rows, begin, max_iter=_PLAIN, metric=self.plan.metric)
        found, _ = local_search(rows, begin.centers, self.random_state)
        return found if found.assignment else Clustering.start(rows, found.centers)

    def search_roughly(self, start: str | Floats) -> Clustering:
        """Return a clustering by centres found in a few rounds on few rows.

        Rows far from the mean are among them, so that no other search for rare groups is needed.
        """
        rows, k = self.rows, self.plan.n_clusters
        size = rough_size(rows.n, rows.d, k)
        chosen = coreset(rows, size, self.random_state) if size < rows.n else None
        axes = {"axes_from": _ROUGH_AXES_FROM, "judges": False}
        sample = Sample(rows, k, self.random_state, chosen, self.plan.metric, **axes)
        if isinstance(start, np.ndarray):
            start = sample.carry(start)
        centers = self.seed(start, sample.rows)
        few = not sample.is_whole and size < _FEW_PER_CENTER * k
        effort = {"rounds": _ROUGH_ROUNDS, "worth": _FEW_WORTH if few else 1.0}
        found = split_and_merge(sample.rows, centers, metric=sample.metric, **effort)
        moved, _ = local_search(sample.rows, found.centers, self.random_state)
        if not moved.is_assigned:
            moved = Clustering.start(sample.rows, moved.centers)
            found = lloyd(sample.rows, moved, max_iter=_SETTLING, metric=sample.metric)
        if sample.is_whole:
            return found
        centers = sample.lift(found.assignment.labels, k)
        return Clustering.start(rows, self.settle_on_more(centers) if few else centers)

    def settle_on_more(self, centers: Floats) -> Floats:
        """Return centres found on very few rows, iterated on more of them."""
        rows, last = self.rows, _LAST_PER_CENTER * len(centers)
        if last > rows.n // 2:
            return centers
        some = rows.subset(*coreset(rows, last, self.random_state))
        begin = Clustering.start(some, centers)
        return lloyd(some, begin, max_iter=_LAST, metric=self.plan.metric).centers

    def search_sample(self, start: str | Floats, sample: Sample) -> Clustering:
        """Return the best clustering found on a sample; without assignment unless of all rows."""
        rows, k = sample.rows, self.plan.n_clusters
        if method_for(rows.n, rows.d, k) == "exact":
            found = BestRuns(rows, k).clustering(k)
        else:
            if isinstance(start, np.ndarray):
                centers = sample.carry(start)
            else:
                centers = sample.start() if start == "k-means++" else None
            if centers is None:
                centers = self.seed(start, rows)
            effort = self.effort + (0 if sample.is_whole else _MORE_ON_SAMPLES)
            found = improve(rows, centers, self.random_state, effort, metric=sample.metric)
        if not sample.is_whole:
            found = Clustering(sample.finish(found), None)
        return found.placed(self.rows, self.plan.metric)

    def iterate(self, begin: Clustering) -> Clustering:
        """Run Lloyd's iterations on all rows to the end."""
        plan, rows = self.plan, self.rows
        begin = begin.placed(rows, plan.metric)
        assignment = begin.assignment
        pairs = not plan.is_rough and rows.bounds_pairs(plan.n_clusters, plan.algorithm)
        if pairs and not len(assignment.lower):
            assignment.bound_pairs()
            begin = replace(begin, is_assigned=False)
        elif len(assignment.lower) and not pairs:
            begin = Clustering.start(rows, begin.centers)
        has_momentum = self.effort > 0 and plan.algorithm == "auto"
        return lloyd(
            rows,
            begin,
            max_iter=plan.most_iterations,
            tol=plan.tol * rows.variance.mean(),
            momentum=has_momentum,
            least_gain=_LEAST_GAIN * plan.tol if has_momentum else 0.0,
            watch=self.watch,
            strict=True,
            metric=plan.metric,
        )

    def watch(self, step: Step) -> bool:
        """Tell of an iteration; return whether a callback asks to stop."""
        self.step = step
        if self.recorder:
            self.recorder.add(step)
        if self.plan.verbose:
            print(f"inertia {step.inertia() * self.data.inertia_unit:.10g}")  # noqa: T201
        return self.reporter.epoch(step)

    def publish(self, found: Clustering) -> Solution:
        """Return the solution, with the labels of the centres as they are published, rounded."""
        rows, assignment = self.rows, found.assignment
        published = (found.centers + rows.offset).astype(rows.dtype)
        centers = published.astype(np.float64) - rows.offset
        shift = lengths(centers - found.centers)
        if not found.is_assigned or shift.any():
            assignment.move(shift * rows.scale)
            rows.assign(centers, assignment, full=assignment.is_fresh)
        inertia = rows.inertia(centers, assignment.labels)
        return Solution(
            published,
            self.plan.metric.means(found.centers, assignment) + rows.offset,
            assignment.labels,
            inertia,
            found.n_iter,
            assignment.counts,
            self.recorder and self.recorder.close(published, inertia),
            self.step,
        )


def after_chunk(
    rows: Rows,
    exact: Floats,
    published: FloatArray,
    counts: Floats,
    n_iter: int,
    metric: Metric,
) -> Solution:
    """Return the solution after a chunk: each centre that of all that was ever nearest to it.

    `published` are the centres that decide, `exact` the means to which they belong. Raise
    ValueError if the chunk is beyond the range of numbers.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        before = published.astype(np.float64) - rows.offset
        assignment = rows.nearest(before)
        counts = counts + assignment.counts
        share = np.where(counts > 0, counts, 1.0)[:, None]
        centers = exact - rows.offset
        centers = centers + (assignment.sums - assignment.counts[:, None] * centers) / share
        exact = centers + rows.offset
        placed = metric.place(centers, before, rows.offset)
        rounded = (placed + rows.offset).astype(published.dtype)
        centers = rounded.astype(np.float64) - rows.offset
        labels = rows.nearest_labels(centers)
        inertia = rows.inertia(centers, labels)
    if not (np.isfinite(rounded).all() and np.isfinite(inertia)):
        raise ValueError(
            "X spreads so far that squared distances are beyond the range of float64; scale it, "
            "for example with StandardScaler."
        )
    return Solution(rounded, exact, labels, inertia * metric.unit, n_iter, counts)

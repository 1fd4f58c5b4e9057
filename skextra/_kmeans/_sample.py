"""From all rows to the few, of few features, on which good centres are searched, and how."""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd, row_norms

from skextra._common._blas_limit import single_blas_thread
from skextra._kmeans._dense_rows import MOST_NARROW, NarrowRows, WideRows
from skextra._kmeans._lloyd import Clustering, lloyd
from skextra._kmeans._local_rows import nearest
from skextra._kmeans._metric import EUCLIDEAN, Metric
from skextra._kmeans._random_swap import random_swap
from skextra._kmeans._rows import FAR, Floats, Indices, RoughFrameError, Rows
from skextra._kmeans._seeding import seed_on_some
from skextra._kmeans._split_merge import FirstRound, split_and_merge

# Rows on which centres are searched: with half of them a fit takes 6% less time, with twice as
# many 1% more, and the inertia changes by less than .1%. Fewer than ten centres make do with fewer
# rows, more than a hundred need more for each to have some. These numbers and those of projections
# come from benchmarks/kmeans_constants.py.
_SAMPLE_ROWS = 10_000
_MOST_ROWS_PER_CENTER = 1_000
_ROWS_PER_CENTER = 100
# Main directions kept of many features, and rows from which they are found. Half or twice as many
# change neither time nor inertia. With up to twice as many features rows keep them all: a uniform
# set of 68 features then takes a quarter less time, and ends lower.
_MOST_AXES = 48
_AXES_FROM = 2_000
_MOST_SLIM = 2 * _MOST_AXES
# The share of the variance from which the main directions tell where centres should be: pictures
# have .8. Embeddings, with .25 to .74, fill their dimensions. Centres that are best along some of
# these end up to 3% higher than without a search, so they are searched along all. There are two
# exceptions: about as many groups as centres that show along the main directions, and centres no
# more than these, which span no more dimensions: 10 or 30 of them end .5 to 1% below one KMeans
# run, and take half the time or less.
_TELLING_SHARE = 0.75
# Rows for each centre by which it is judged whether groups show. That takes as long as one or two
# iterations with all features; with half of them groups that overlap look like noise.
_JUDGED_PER_CENTER = 40
# The nearest of the rows, whose variance that is: a few far out would make up most of it alone.
_MOST = 0.99
# With all features, few rows for each centre mislead the search: from this share of all rows on it
# takes all of them. With half of them instead, 100,000 embeddings in 300 clusters end .5% higher.
_MOST_OF_ALL = 0.25
# Centres so many that iterations take long: all rows are first iterated along the main directions,
# if these tell enough. Half or twice as many change nothing measurable.
_MANY_CENTERS = 32
# The largest number of these iterations; what ends them: the squared displacement of all centres,
# as a share of the variance, and what moving to the means has to gain, as a share of the inertia.
# With 2e-5 for the last, MNIST in a hundred clusters takes 6% more time, with 3e-4 25%, because
# more is left for the iterations with all features; both end the same.
_PROJECTED_ITERATIONS = 100
_PROJECTED_TOL = 1e-5
_PROJECTED_GAIN = 1e-4
# What a pass over the rows of a rough search costs of one over all rows, one part in so many. With
# 20 a photograph in 256 clusters takes 18% more time and ends 1.5% lower, most other data change
# by less than .5%; with 80 a million rows end .5% higher (benchmarks/kmeans_constants.py --rough).
_ROUGH_PART = 40
# The fewest rows, in all and for each centre, and the most for each, as many as faiss takes. With
# half of the most, a million rows end .7% higher, with twice as many at the same; half or twice of
# the others changes the time by 2% and the inertia by .1% in the mean, .9% at most.
_FEWEST, _FEWEST_PER_CENTER = 1000, 20
_ROUGH_ROWS_PER_CENTER = 256
# Rounds of jumps, besides those that `effort` asks for.
_ROUNDS = 8
# Rows times centres up to which the optimum is computed, in 25 ms at most. A search takes a fifth
# of that to as long, and ends .3 to 5% higher; the table of beginnings takes 4 bytes for each.
_MOST_ON_A_LINE = 300_000
# Work of a jump, rows times features times centres, up to which jumps take no more time than
# splitting and merging, and end lower: three hundred rows of two features and eight centres. What
# is done once for each row takes as long as four centres.
_MOST_FOR_JUMPS = 7_500
_ONCE = 4
# Work of all jumps for each round asked for, about .1 ms, and the most jumps: forty rows of two
# features and eight centres need 150 for the optimum, fifteen of four centres 30.
_ROUND = 15_500
_MOST_JUMPS = 30


class Sample:
    """Rows on which k centres are searched: all of them, or some, weighted, as dense `rows`.

    Rows of many features are projected on their main directions, if these hold most of the
    variance: that keeps what separates the clusters. Sparse rows always are. `chosen` are
    (indices, weights or None); they are drawn unless given. Main directions are those of up to
    `axes_from` of them. Unless it `judges`, only their share of the variance counts.
    """

    def __init__(
        self,
        rows: Rows,
        k: int,
        random_state: np.random.RandomState,
        chosen: tuple[Indices, Floats | None] | None = None,
        metric: Metric = EUCLIDEAN,
        axes_from: int = _AXES_FROM,
        judges: bool = True,
    ) -> None:
        n, d = rows.n, rows.d
        size = len(chosen[0]) if chosen else sample_size(n, d, k)
        self._all, self._k = rows, k
        self._metric = metric
        self.rows = rows
        self.is_partial = size < n
        self._axes = self._round = None
        # A few rows lose nothing along their main directions, where jumps may then search.
        most = _MOST_SLIM if rows.is_dense and n > _MOST_SLIM else MOST_NARROW
        self.is_whole = not self.is_partial and (
            method_for(n, d, k) != "splits" or (rows.is_dense and d <= most)
        )
        if self.is_whole:
            return
        self._chosen, self._weight = chosen or rows.draw(size, random_state)
        if d > most:
            self._axes = self._telling_axes(random_state, axes_from, judges)
        if rows.is_dense and self._axes is None and size >= _MOST_OF_ALL * n:
            self.is_whole, self.is_partial = True, False
        else:
            self.rows = self._taken()

    def _telling_axes(self, random_state, most, judges):
        """Return the main directions as columns; None if rows should keep all their features."""
        chosen = self._chosen
        if len(chosen) > most:
            chosen = chosen[random_state.choice(len(chosen), most, replace=False)]
        axes, told = _main_axes(_near(self._all.take_scaled(chosen)), random_state)
        if not self._all.is_dense or self._k <= axes.shape[1] or told >= _TELLING_SHARE:
            return axes
        size = _JUDGED_PER_CENTER * self._k
        if not judges or len(self._chosen) < size:
            return None
        self._round = self._first_round(axes, size, random_state)
        return axes if self._round.shows_groups else None

    def _first_round(self, axes, size, random_state):
        """Return what a round of the search along the axes tells, on so many rows."""
        chosen, weight = self._chosen, self._weight
        if len(chosen) > size:
            places = random_state.choice(len(chosen), size, replace=False)
            chosen, weight = chosen[places], None if weight is None else weight[places]
        rows = NarrowRows(_near(self._all.take_scaled(chosen)) @ axes, weight, self._all.threads)
        found = FirstRound.of(rows, seed_on_some(rows, self._k, random_state))
        return replace(found, centers=found.centers + rows.offset)

    def _taken(self):
        """Return the chosen rows, with the features that the search sees."""
        rows = _near(self._all.take_scaled(self._chosen))
        if self._axes is not None:
            rows = rows @ self._axes
        elif not self._all.is_dense:
            rows = rows.toarray()
        kind = NarrowRows if rows.shape[1] <= _MOST_SLIM else WideRows
        return kind(rows, self._weight, self._all.threads)

    @property
    def metric(self) -> Metric:
        """The metric by which the sample is searched.

        Along main directions it is always Euclidean: a sphere does not stay one.
        """
        if self.is_whole:
            return self._metric
        if self._axes is not None:
            return EUCLIDEAN
        return self._metric.moved(self._all.offset, self._all.scale)

    def carry(self, centers: Floats) -> Floats:
        """Return centres of all rows as centres of the sample."""
        if self.is_whole:
            return centers
        centers = centers * self._all.scale
        return (centers if self._axes is None else centers @ self._axes) - self.rows.offset

    def start(self) -> Floats | None:
        """Return centres of the sample from which to search, if groups have shown already."""
        if self._round is None or not self._round.shows_groups:
            return None
        return self._round.centers - self.rows.offset

    @property
    def is_worthwhile(self) -> bool:
        """Whether a search on these rows is worth its time: not if it would take all in vain."""
        return self._round is None or not self.is_whole or self._round.is_worthwhile

    def lift(self, labels: NDArray[np.int32], k: int) -> Floats:
        """Return the means of k groups of the sample, with all their features."""
        return self._all.means(labels, k, self._chosen, self._weight)

    def finish(self, found: Clustering) -> Floats:
        """Return the centres of all rows for a clustering of the sample.

        Many centres still have to move far on all rows. Where the main directions tell enough,
        they do so along these, because an iteration then costs far less.
        """
        everything, k = self._all, self._k
        telling = self._axes is not None and self.is_partial and k >= _MANY_CENTERS
        if not (telling and everything.can_project(self.rows.d)):
            return self.lift(found.assignment.labels, k)
        projected = everything.project(self._axes)
        start = Clustering.start(projected, found.centers + (self.rows.offset - projected.offset))
        tol = _PROJECTED_TOL * projected.variance.sum()
        found = lloyd(
            projected,
            start,
            max_iter=_PROJECTED_ITERATIONS,
            tol=tol,
            least_gain=_PROJECTED_GAIN,
            momentum=True,
        )
        return everything.means(found.assignment.labels, k)


def method_for(n: int, d: int, k: int) -> Literal["exact", "jumps", "splits"]:
    """Return how k centres of n rows are searched: 'exact', by 'jumps' or by 'splits'."""
    if d == 1 and n * k <= _MOST_ON_A_LINE:
        return "exact"
    return "jumps" if n * d * (k + _ONCE) <= _MOST_FOR_JUMPS else "splits"


def sample_size(n: int, d: int, k: int) -> int:
    """Return how many of n rows of d features the search for k centres takes."""
    if method_for(n, d, k) != "splits":
        return n
    return min(n, max(min(_SAMPLE_ROWS, _MOST_ROWS_PER_CENTER * k), _ROWS_PER_CENTER * k))


def rough_size(n: int, d: int, k: int) -> int:
    """Return how many of n rows of d features a rough search for k centres takes."""
    size = n * d // min(d, _MOST_AXES) // _ROUGH_PART
    size = max(size, _FEWEST, _FEWEST_PER_CENTER * k)
    return min(n, size, _ROUGH_ROWS_PER_CENTER * k)


def improve(
    rows: Rows,
    centers: Floats,
    random_state: np.random.RandomState,
    effort: int = 1,
    rounds: int | None = None,
    metric: Metric = EUCLIDEAN,
) -> Clustering:
    """Return a better clustering of rows, which are few or of few features, from some centres.

    `effort` is how hard to search. It determines the `rounds` of jumps, unless they are given.
    Jumps take distances for all metrics.
    """
    n, d, k = rows.n, rows.d, len(centers)
    if method_for(n, d, k) == "splits":
        return split_and_merge(rows, centers, effort, metric)
    rounds = _ROUNDS + effort if rounds is None else rounds
    n_jumps = int(rounds * min(_MOST_JUMPS, _ROUND / (n * d * (k + _ONCE))))
    return random_swap(rows, centers, random_state.random_sample((n_jumps, 2)))


def _near(rows):
    """Return the rows; raise RoughFrameError if some are beyond products in float32."""
    if not (np.abs(rows.data if sparse.issparse(rows) else rows) < FAR).all():
        raise RoughFrameError
    return rows


def _main_axes(rows, random_state):
    """Return (main directions of the rows as columns, what they hold of the variance).

    That is their share of the variance of all but the farthest rows: a few of these alone would
    make up most of it.
    """
    rank = min(_MOST_AXES, *rows.shape)
    with single_blas_thread():
        _, _, axes = randomized_svd(rows, rank, n_iter=1, random_state=random_state)
    axes = np.ascontiguousarray(axes.T)
    squares = row_norms(rows.astype(np.float64), squared=True)
    near = nearest(squares, np.ones(len(squares)), _MOST)
    total = squares[near].sum()
    held = np.square((rows @ axes)[near], dtype=np.float64).sum()
    return axes, held / total if total > 0 else 1.0

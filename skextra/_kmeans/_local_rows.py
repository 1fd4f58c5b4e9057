"""Rows in the memory of this process, passed over chunk by chunk, by threads if they are many."""

from abc import abstractmethod
from functools import lru_cache
from itertools import chain

import numpy as np
from scipy import sparse

from skextra._base import frozen
from skextra._common._threads import available_threads, run
from skextra._kernels._kmeans_rows import Groups, Totals
from skextra._kernels._kmeans_search import draw_in_order
from skextra._kmeans._lloyd import Assignment
from skextra._kmeans._rows import Draws, Rows

# Chunks of 2,048 rows or more, each of which costs a call from Python and sums of its own; and
# enough of them to keep 32 threads at work.
_ROWS_PER_CHUNK = 2048
_MOST_CHUNKS = 32
# Sums of clusters take no more than one number for so many of the rows', unless there are so few
# rows a centre that not even the fewest parts do. Parts come in multiples of these, which as many
# threads can share evenly.
_ROWS_PER_SUM, _FEWEST_PARTS = 8, 4
# Multiplications, about 1 ms, below which starting threads costs more than it gains.
_SMALL_WORK = 2_000_000
# Total variances beyond which squares of ordinary rows overflow or vanish in float64.
_LEAST_VARIANCE, _MOST_VARIANCE = 1e-280, 1e290
# Rows that make a rough frame: enough for a mean good to some hundredths of a deviation.
_FRAME_ROWS, _FRAME_ENTRIES = 2_000, 200_000
# Rows, evenly spaced, that tell whether others lie far out: more of them would know the variance
# better than to a tenth, and take longer than the 30 to 100 microseconds that a fit spends now.
_TELLING_ROWS = 256
# Distance from the centre, as a share of that of the centre from the origin, that is nothing but
# rounding of a mean: no empty cluster needs such a row.
_SAME = 1e-15
# Offsets are the mean of the nearer half of the rows where these lie in a heap of their own: no
# squared distance from the mean of all is above the first share of the variance, and those from
# their own mean are below the second share of that. A larger one would change the last bits of
# results for ordinary data; a smaller one would leave float32 a digit less.
_OFF, _HEAP = 0.25, 0.01
# The share of the rows that always counts in the variance, and the part of it below which theirs
# is taken. If the others had to make up more, a few samples could end iterations early; if less,
# ordinary tails would make them longer.
_MOST, _DOMINANT = 0.99, 0.5
# Numbers in a block of a running sum (see `draw_by_mass`): the root of some thousand, so that the
# sums over blocks and within one take about as long.
_BLOCK = 64


class LocalRows(Rows):
    """Rows of an array or a CSR matrix; subclasses name the loops that pass over a chunk.

    A `frame` (offset, scale) given is taken as it is; otherwise one is made, from a part of the
    rows if `roughly` is set. `work` is how many multiplications a row and a centre cost, and
    `block` the rows as the loops take them.
    """

    work: int
    block: tuple

    def __init__(self, X, weight, threads, frame=None, roughly=False):
        self.X = X
        self.n, self.d = X.shape
        self.dtype = floating(X)
        self.threads = threads
        self.own_weight = weight
        self._weight, self._step = weight_and_step(weight)
        self._bounds = chunk_bounds(self.n)
        self.n_chunks = len(self._bounds) - 1
        if frame is None:
            self._make_frame(roughly)
        else:
            self.offset, self.scale = frame

    @abstractmethod
    def _moments(self):
        """Return (weighted mean, weighted variance) of each feature."""

    @abstractmethod
    def pack(self, centers):
        """Return centres as the loops take them."""

    @staticmethod
    @abstractmethod
    def assign_chunk(block, start, stop, centers, state, full, totals):
        """Assign the rows ``start:stop``; return (labels changed, rows evaluated)."""

    @staticmethod
    @abstractmethod
    def cross_chunk(block, start, stop, centers, out, base):
        """Write the scaled squared distances of row i to all centres to ``out[:, i - base]``."""

    @staticmethod
    @abstractmethod
    def group_chunk(block, groups, start, stop, sums, counts):
        """Add the chosen rows ``start:stop`` to the sums and counts of their groups."""

    @staticmethod
    @abstractmethod
    def own_chunk(block, start, stop, centers, labels, out):
        """Write the squared distances of the rows ``start:stop`` to their centres."""

    def _make_frame(self, roughly):
        """Set offset, scale and variance."""
        if self._step and not np.isfinite(self._weight.sum()):
            raise ValueError("sample_weight sums to infinity; scale it down.")
        if roughly and self._adopt_rough_frame():
            return
        with np.errstate(over="ignore", invalid="ignore"):
            mean, variance = self._moments()
        total = variance.sum()
        if not _LEAST_VARIANCE < total < _MOST_VARIANCE and self._varies():
            raise ValueError(
                "X spreads so far, or so little, that squared distances are beyond the range of "
                "float64; scale it, for example with StandardScaler."
            )
        self.scale = 2.0 ** -np.round(np.log2(total) / 2) if total > 0 else 1.0
        if total > 0:
            mean, variance = self._without_far_rows(mean, variance)
        self.offset = mean if self.is_dense else np.zeros(self.d)
        self.variance = variance

    def _adopt_rough_frame(self):
        """Set the frame of a part of the rows; return whether that could be done."""
        enough = max(_FRAME_ROWS, _FRAME_ENTRIES // self.d)
        if self.n <= enough:
            return False
        some = self._every(self.n // enough)
        if not some.variance.any():  # they may be the only ones that are alike
            return False
        self.offset, self.scale, self.variance = some.offset, some.scale, some.variance
        return True

    def _every(self, step, frame=None):
        """Return evenly spaced rows with their weights."""
        weight = np.ascontiguousarray(self._weight[::step]) if self._step else None
        return type(self)(self.X[::step], weight, self.threads, frame)

    def _without_far_rows(self, mean, variance):
        """Return (a place near most rows, the variance without few that make up most of it).

        A single row far out may move the mean by thousands of deviations of the others, and make
        up nearly all of the variance.
        """
        some = self._every(-(-self.n // _TELLING_ROWS), (mean if self.is_dense else 0 * mean, 1.0))
        weight, total = some.shares(), variance.sum()
        squares, middle = some._squares_around(mean), mean
        half = nearest(squares, weight, 0.5)
        if len(half) and squares[half].max() < _OFF * total:
            own = some.subset(half, weight[half])._moments()[0]
            closer = some._squares_around(own)
            if weight[half] @ closer[half] < _HEAP * (weight[half] @ squares[half]):
                squares, middle = closer, own
        most = nearest(squares, weight, _MOST)
        if weight[most] @ squares[most] < _DOMINANT * total * weight[most].sum():
            variance = some.subset(most, weight[most])._moments()[1]
        return middle, variance

    def _squares_around(self, place):
        center = np.ascontiguousarray(place - self.offset)[None]
        return self.own_squares(center, np.zeros(self.n, np.int32))

    def _varies(self):
        top, bottom = self.X.max(axis=0), self.X.min(axis=0)
        if sparse.issparse(top):
            top, bottom = top.toarray(), bottom.toarray()
        return (top != bottom).any()

    def each_chunk(self, task, work, n=None):
        """Return ``task(number, start, stop)`` for every chunk of the rows, or of n others.

        `work` is what a row costs, in multiplications.
        """
        bounds = self._bounds if n is None else chunk_bounds(n)
        starts, stops = bounds[:-1], bounds[1:]
        if self.threads == 1 or work * bounds[-1] <= _SMALL_WORK:
            return list(map(task, range(len(starts)), starts, stops))
        return run(lambda c: task(c, starts[c], stops[c]), len(starts), self.threads)

    def each_part(self, task, count, work):
        """Return ``task(number)`` for parts of all rows; `work` as in `each_chunk`."""
        threads = self.threads if work * self.n > _SMALL_WORK else 1
        return run(task, count, threads)

    def subset(self, indices, weight=None):
        return type(self)(self.X[indices], weight, self.threads, (self.offset, self.scale))

    def weights(self, indices):
        return self._weight[indices] if self._step else None

    def _weights_in(self, start, stop):
        return self._weight[start:stop] if self._step else np.ones(stop - start)

    def total_weight(self):
        return self._weights_in(0, self.n).sum()

    def shares(self):
        weight = self._weights_in(0, self.n)
        return np.maximum(weight / weight.max(), np.finfo(np.float64).tiny)

    def draw(self, size, random_state):
        # One from each of `size` equal shares of the weight: less scatter than independent draws.
        places = np.arange(size) + random_state.random_sample(size)
        if size == self.n:
            return np.arange(self.n), self.own_weight
        if not self._step:
            return (places * (self.n / size)).astype(np.intp), None
        cumulated = np.cumsum(self._weight)
        places *= cumulated[-1] / size
        drawn = np.minimum(np.searchsorted(cumulated, places, "right"), self.n - 1)
        chosen, counts = np.unique(drawn, return_counts=True)
        return chosen, counts.astype(np.float64)

    def choose(self, k, random_state):
        share = self._weights_in(0, self.n)
        share = share / share.sum()
        enough = np.count_nonzero(share) >= k
        return random_state.choice(self.n, k, replace=not enough, p=share)

    def draw_far(self, places, closest=None):
        weight = self._weights_in(0, self.n)
        return draw_by_mass(weight if closest is None else weight * closest, places)

    def approach(self, index, closest=None):
        squares = self.squared_distances(self.take([index]))[0]
        if closest is not None:
            np.minimum(closest, squares, out=squares)
        squares[index] = 0.0
        return squares

    def potentials(self, centers, closest):
        packed = tuple(self.pack(centers))

        def task(_, start, stop):
            out = np.empty((len(centers), stop - start), np.float32)
            self.cross_chunk(self.block, start, stop, packed, out, start)
            np.minimum(out, closest[start:stop], out=out)
            return out @ self._weights_in(start, stop)

        return sum(self.each_chunk(task, self.work * len(centers)))

    def squared_distances(self, centers):
        packed = tuple(self.pack(centers))
        out = np.empty((len(centers), self.n), np.float32)

        def task(_, start, stop):
            self.cross_chunk(self.block, start, stop, packed, out, 0)

        self.each_chunk(task, self.work * len(centers))
        return out

    def unassigned(self, k, pairs=False):
        assignment = Assignment(self.n, k, self.d)
        if pairs:
            assignment.bound_pairs()
        return assignment

    def bounds_pairs(self, k, algorithm="auto"):
        return False

    def assign(self, centers, assignment, *, full=False, costs=False, places=None):
        k = len(centers)
        sums, counts, lost = self.room_for_sums(k, costs)
        packed, state = tuple(self.pack(centers)), tuple(assignment.labelling())
        bounds = _evenly(range(self.n_chunks + 1), len(sums))

        def task(part):
            changes, drawn = 0, []
            for c in range(bounds[part], bounds[part + 1]):
                start, stop = self._bounds[c : c + 2]
                squares = np.empty(0 if places is None else stop - start, np.float32)
                totals = tuple(Totals(sums[part], counts[part], lost[part], squares))
                rows = self.block, start, stop, packed, state
                changes += self.assign_chunk(*rows, full, totals)[0]
                if places is not None:
                    drawn.append(self._draw_in(start, squares, places[c]))
            return changes, drawn

        changed, drawn = zip(*self.each_part(task, len(sums), k * self.work), strict=True)
        assignment.take_in(added(sums), added(counts), full)
        draws = None if places is None else _stacked(chain.from_iterable(drawn))
        return sum(changed), added(lost), draws

    def room_for_sums(self, k, costs, n=None):
        """Return zeros for what passes add up: (sums, counts, costs), each for parts of n rows.

        Every part of the rows has its own, so that threads can share the work. Where many centres
        would make them larger than the rows, parts are fewer.
        """
        n = self.n if n is None else n
        shares = max(1, n // (_ROWS_PER_SUM * k * _FEWEST_PARTS))
        parts = min(len(chunk_bounds(n)) - 1, shares * _FEWEST_PARTS)
        sums, counts = np.zeros((parts, k, self.d)), np.zeros((parts, k))
        return sums, counts, np.zeros((parts, k if costs else 0))

    def inertia(self, centers, labels):
        def task(_, start, stop):
            squares = np.empty(stop - start)
            self.own_chunk(self.block, start, stop, centers, labels, squares)
            return squares @ self._weight[start:stop] if self._step else squares.sum()

        return float(sum(self.each_chunk(task, self.work + 4)))

    def own_squares(self, centers, labels):
        squares = np.empty(self.n)

        def task(_, start, stop):
            self.own_chunk(self.block, start, stop, centers, labels, squares[start:stop])

        self.each_chunk(task, self.work + 4)
        return squares

    def draw_around(self, center, places):
        same = np.zeros(self.n, np.int32)

        def task(c, start, stop):
            squares = np.empty(stop - start)
            self.own_chunk(self.block, start, stop, center[None], same, squares)
            return self._draw_in(start, squares, places[c])

        return _stacked(self.each_chunk(task, self.work + 4))

    def _draw_in(self, start, squares, places):
        """Return (indices, squares, shares) of the draws of one chunk."""
        mass = squares
        if self._step:
            mass = squares * self._weights_in(start, start + len(squares))
        drawn = np.empty(len(places), np.int64)
        total = draw_in_order(mass, places, drawn)
        share = np.full(len(drawn), total / len(drawn))
        return start + drawn, squares[drawn].astype(np.float64), share

    def farthest(self, centers, labels, m):
        squares = self.own_squares(centers, labels)
        reach = _SAME * np.sqrt(self.d) * np.abs(centers + self.offset).max(axis=1)
        squares[np.sqrt(squares) <= reach[labels]] = 0.0
        m = min(m, np.count_nonzero(squares))
        return np.argpartition(squares, -m)[: -m - 1 : -1] if m else np.empty(0, np.intp)

    def totals_of(self, labels, cluster):
        indices = np.flatnonzero(labels == cluster)
        weight = self._weight[indices] if self._step else np.ones(len(indices))
        return weight @ self.X[indices] - weight.sum() * self.offset, weight.sum()

    def means(self, labels, k, indices=None, weight=None):
        if indices is None:
            indices, weight = np.arange(self.n), self.own_weight
        groups = tuple(Groups(indices, labels, *weight_and_step(weight)))
        sums, counts, _ = self.room_for_sums(k, False, len(indices))
        bounds = _evenly(chunk_bounds(len(indices)), len(sums))

        def task(part):
            rows = bounds[part], bounds[part + 1]
            self.group_chunk(self.block, groups, *rows, sums[part], counts[part])

        self.each_part(task, len(sums), self.work)
        sums, counts = sums.sum(axis=0), counts.sum(axis=0)
        means = sums / np.where(counts > 0, counts, 1.0)[:, None]
        means[counts == 0] = self.take(indices[:1])
        return means

    def can_project(self, n_axes):
        return False

    def project(self, axes):
        raise NotImplementedError


def floating(X):
    """Return the dtype in which results are given: that of X, or float64 for integers."""
    return X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)


def threads_for(X, k):
    """Return how many threads passes over X and k centres take.

    One without asking where they are short: that takes longer than a prediction for some rows.
    """
    entries = X.nnz if sparse.issparse(X) else X.size
    return available_threads() if entries * max(k, 2) > _SMALL_WORK else 1


@lru_cache(maxsize=64)  # several passes ask for the same, and NumPy takes longer than short ones
def chunk_bounds(n):
    """Return the bounds of some chunks of n rows, which depend on n alone."""
    count = min(max(n // _ROWS_PER_CHUNK, 1), _MOST_CHUNKS)
    return tuple(np.linspace(0, n, count + 1).astype(np.int64).tolist())


def weight_and_step(weight):
    """Return weights as the loops take them: ``weight[i * step]``, of one number if None."""
    return frozen(np.ones(1) if weight is None else weight), 0 if weight is None else 1


def nearest(squares, weight, share):
    """Return the rows of the smallest squares that weigh at most a share of all."""
    order = np.argsort(squares, kind="stable")
    mass = np.cumsum(weight[order])
    return order[mass <= share * mass[-1]]


def _evenly(bounds, parts):
    """Return those of rising bounds that begin so many parts, and the last one."""
    return [int(bounds[(len(bounds) - 1) * part // parts]) for part in range(parts + 1)]


def added(parts):
    """Return the sum over chunks, of which small data have one."""
    return parts[0] if len(parts) == 1 else parts.sum(axis=0)


def _stacked(drawn):
    """Return the draws of all chunks, given the fields for each."""
    return Draws(*map(np.stack, zip(*drawn, strict=True)))


def draw_by_mass(mass, places):
    """Return the indices at which the running sum of `mass` passes `places` in [0, 1).

    Blocks are summed first: a running sum over all would take longer than its purpose.
    """
    n = len(mass)
    whole = n - n % _BLOCK
    sums = mass[:whole].reshape(-1, _BLOCK).sum(axis=1, dtype=np.float64)
    ends = np.cumsum(np.append(sums, mass[whole:].sum(dtype=np.float64)))
    aims = places * ends[-1]
    block = np.minimum(np.searchsorted(ends, aims, "right"), len(ends) - 1)
    rest = aims - np.where(block > 0, ends[block - 1], 0.0)
    members = block[:, None] * _BLOCK + np.arange(_BLOCK)
    inside = members < n
    inner = np.cumsum(mass[np.where(inside, members, 0)] * inside, axis=1, dtype=np.float64)
    within = (inner <= rest[:, None]).sum(axis=1)
    return np.minimum(block * _BLOCK + within, n - 1)

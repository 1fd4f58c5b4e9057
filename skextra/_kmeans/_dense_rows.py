"""Dense rows: compiled loops for few and for many features."""

from contextlib import nullcontext
from functools import cached_property

import numpy as np
from sklearn.metrics import euclidean_distances

from skextra._base import frozen
from skextra._common._batches import batches
from skextra._common._blas_limit import single_blas_thread
from skextra._kernels import _kmeans_near as near
from skextra._kernels import _kmeans_rows as kernels
from skextra._kernels._kmeans_narrow import LANES, assign_narrow, cross_narrow, iterate_narrow
from skextra._kernels._kmeans_pairs import assign_by_bounds
from skextra._kernels._kmeans_predict import LINE, label_few, label_rows, measure_rows
from skextra._kernels._kmeans_products import SOME, adopt, adopt_lines, fill_pending
from skextra._kernels._kmeans_search import Halves, split_each
from skextra._kernels._kmeans_wide import ROWS, assign_wide, cross_wide
from skextra._kmeans._local_rows import LocalRows, added

# Features up to which rows stand side by side in the vector lanes: a tile of 256 rows takes
# 64 KiB then. With more, features stand side by side.
MOST_NARROW = 64
# Features that are summed in one go where rows stand side by side.
_FOURS = 4
# Multiplications an iteration, about 4 ms, up to which one thread that runs all iterations in one
# call is faster than several that are called for each.
_SERIAL_WORK = 12_000_000
# Centres from which a bound for every pair of row and centre pays without being asked for. Without
# such bounds iterations take .9 times as long for 8 centres, 1.1 for 16, 1.2 for 32 and 1.6 for 64
# (algorithm='lloyd' against 'elkan', 6,000 rows of 100 or 300 features, equal starts).
_PAIRS_FROM = 32
# Features that BLAS sums in one go: the sum of a thousand may be four times as far off, and more
# rows would have to be decided in float64.
_MOST_SUMMED = 256
# The share of all centres above which a row meets all of them at once. A distance computed with
# all others takes a third to a half of the time of one by itself, and renews its bound
# (benchmarks/kmeans_constants.py halves and doubles it).
_MOST_CANDIDATES = 0.15
# Features up to which rows are labelled and measured in tiles, which take 1 MiB of float32 then;
# larger ones leave the second-level cache.
_MOST_IN_TILES = 1024
# Centres from which rows may be compared only with those near their own; clusters by which it is
# judged whether these are few; and the share of the time of all comparisons up to which that is
# done. Times are counted in comparisons with a centre: to find its candidates takes a tile some
# for each centre, to compare lanes with a candidate takes longer, and a row needs some to be
# fetched once more (2e5 rows of 8 features and 5,000 centres, 5e4 of 3 and 1,000).
_MANY = 400
_PROBES = 16
_WORTHWHILE = 0.8
_FINDING, _MEETING, _FETCHING = 5, 1.5, 100
# Passes in which all centres are met after it was found that near ones are not few: to find that
# takes up to 2% of a pass.
_SKIPS = 8
# About the part of all pairs that is left then, by which the work for threads is estimated.
_SPARED = 8
# Rows up to which float64 takes no more time for each than a whole tile does in float32.
_FEW = 32
# Numbers of centres between which a search goes to and fro.
_ROOMS = 2
# Where squares are not wanted.
_NONE = np.empty(0, np.float32)
# Rows projected or measured at a time, so that only some are copied with all features.
_BATCH = 8192


class DenseRows(LocalRows):
    """Dense rows; distances are taken from `offset`, the weighted mean of most of them."""

    is_dense = True
    own_chunk = staticmethod(kernels.own_distances)
    group_chunk = staticmethod(kernels.group_sums)
    # Features are filled up to a multiple of `_padding` and summed in `_lanes` lanes.
    _padding: int
    _lanes: int

    def __init__(self, X, weight, threads, frame=None, roughly=False):
        self.work = X.shape[1]
        super().__init__(frozen(np.ascontiguousarray(X)), weight, threads, frame, roughly)
        offset = frozen(self.offset)
        block = kernels.DenseBlock(self.X, offset, self.scale, self._weight, self._step)
        self.block = tuple(block)

    def _moments(self):
        shift = frozen(self.X[0].astype(np.float64))
        block = kernels.DenseBlock(self.X, shift, 1.0, self._weight, self._step)
        total, square = np.zeros((2, self.n_chunks, self.d))

        def task(c, start, stop):
            return kernels.column_moments(tuple(block), start, stop, total[c], square[c])

        mass = sum(self.each_chunk(task, 2 * self.d))
        mean = total.sum(axis=0) / mass
        return shift + mean, np.maximum(square.sum(axis=0) / mass - mean**2, 0.0)

    def take(self, indices):
        return self.X[indices].astype(np.float64) - self.offset

    def take_scaled(self, indices):
        out = np.empty((len(indices), self.d), np.float32)

        def task(_, start, stop):
            kernels.gather(self.block, indices, start, stop, out)

        self.each_chunk(task, self.d, len(indices))
        return out

    def pack(self, centers):
        return _filled(_room(centers, self._padding, self._lanes), self.scale)

    def nearest_labels(self, centers):
        labels = np.empty(self.n, np.int32)
        if self.n <= _FEW:
            label_few(self.block, centers, labels)
            return labels
        if self.d > _MOST_IN_TILES:
            return super().nearest_labels(centers)
        packed = tuple(_filled(_room(centers, _FOURS, 1), self.scale))

        def task(_, start, stop):
            tile, lines = _tile_and_lines(packed[1])
            label_rows(self.block, start, stop, packed, tile, lines, labels)

        self.each_chunk(task, len(centers) * self.work)
        return labels

    def measure(self, centers, out):
        """Write the distance (scaled) of every row to every centre; return if all are finite."""
        if self.d > _MOST_IN_TILES:
            for part in batches(self.n, _BATCH):
                out[part] = euclidean_distances(self.X[part] - self.offset, centers) * self.scale
            return np.isfinite(out).all()
        limit = float(np.finfo(out.dtype).max) ** 2 if out.dtype == np.float32 else np.inf
        packed = tuple(_filled(_room(centers, _FOURS, 1, np.float64), self.scale))

        def task(_, start, stop):
            tile, lines = _tile_and_lines(packed[1])
            return measure_rows(self.block, start, stop, packed, tile, lines, limit, out)

        return all(self.each_chunk(task, len(centers) * self.work))

    def split(self, centers, labels):
        """Return the `Halves` of every cluster, relative to the offset."""
        k, d = centers.shape
        low, high = np.zeros((2, k, d))
        halves = Halves(low, high, np.zeros(k))
        room = np.empty(self.n, np.int64), np.empty(k + 1, np.int64), np.empty((4, d))
        split_each(self.block, labels, centers + self.offset, tuple(halves), *room)
        return Halves(low - self.offset, high - self.offset, halves.saved)

    def can_project(self, n_axes):
        return 2 * 4 * n_axes <= self.d * self.X.itemsize

    def project(self, axes):
        out = np.empty((self.n, axes.shape[1]), np.float32)
        for part in batches(self.n, _BATCH):
            out[part] = self.take_scaled(np.arange(part.start, part.stop)) @ axes
        return NarrowRows(out, self.own_weight, self.threads)


class NarrowRows(DenseRows):
    """Rows of few features."""

    _padding, _lanes = _FOURS, 1
    _skips = 0  # passes to come in which rows are not compared with near centres only

    def iterate(self, centers, assignment, max_iter, tol, costs):
        k, d = centers.shape
        if k * d * self.n > _SERIAL_WORK:
            return None
        if k not in self._rooms:
            if len(self._rooms) == _ROOMS:
                self._rooms.clear()
            sums, counts = np.zeros((k, d)), np.zeros(k)
            self._rooms[k] = _room(centers, self._padding, self._lanes)[1:], sums, counts
        packed, *gains = self._rooms[k]
        centers, lost = centers.copy(), np.zeros(k if costs else 0)
        groups = (centers, *packed), tuple(assignment.labelling()), assignment.is_fresh
        course = assignment.sums, assignment.counts, max_iter, tol
        n_iter, changed, reach = iterate_narrow(
            self.block, self._columns, *groups, (*gains, lost, _NONE), self._tile, course
        )
        assignment.resume(reach)
        return centers, n_iter, changed, lost

    @cached_property
    def _rooms(self):
        """For numbers of centres, room for them as packed and for what clusters gain, zero."""
        return {}

    @cached_property
    def _tile(self):
        return _narrow_tile(-(-self.d // self._padding) * self._padding)

    @cached_property
    def _columns(self):
        """All features, scaled and in float32, each in a line."""
        with np.errstate(over="ignore"):  # rows far out are infinite in float32
            rows = self.X - self.offset
            rows *= self.scale
            return frozen(np.ascontiguousarray(rows.astype(np.float32).T))

    def assign(self, centers, assignment, *, full=False, costs=False, places=None):
        if len(centers) >= _MANY and places is None and not assignment.is_fresh:
            if self._skips == 0:
                found = self._assign_near(centers, assignment, full, costs)
                if found is not None:
                    return found
            else:
                self._skips -= 1
        return super().assign(centers, assignment, full=full, costs=costs, places=places)

    def _assign_near(self, centers, assignment, full, costs):
        """Do what `assign` does where rows meet only centres near theirs; None if that is slower.

        Parts share the clusters instead of the rows.
        """
        k, d = centers.shape
        packed, state = tuple(self.pack(centers)), tuple(assignment.labelling())
        order = np.empty(self.n, np.int32 if self.n < 2**31 else np.int64)
        bounds = np.empty(k + 2, np.int64)
        near.order_pending(state, full, order, bounds, self._tile[0])
        columns = np.ascontiguousarray((centers * self.scale).astype(np.float32).T)
        groups = self.block, order, bounds
        if not self._has_few_near(groups, packed, columns):
            return None
        sums, counts, lost = self.room_for_sums(k, costs)
        places = np.linspace(bounds[1], bounds[-1], len(sums) + 1)
        edges = np.searchsorted(bounds[1:-1], places[1:-1])
        edges = [0, *edges.tolist(), k]
        unlabelled = np.linspace(0, bounds[1], len(sums) + 1).astype(np.int64).tolist()

        def task(p):
            totals = tuple(kernels.Totals(sums[p], counts[p], lost[p], _NONE))
            tile = _narrow_tile(packed[1].shape[1])
            begin, end = unlabelled[p : p + 2]
            some = self.block, order, begin, end
            changed = near.assign_listed(*some, packed, state, totals, tile)
            some = *groups, *edges[p : p + 2], packed, columns
            return changed + near.assign_near(*some, state, totals, tile, _near_room(k))

        changed = self.each_part(task, len(sums), d * k // _SPARED)
        assignment.take_in(added(sums), added(counts), full)
        return sum(changed), added(lost), None

    def _has_few_near(self, groups, packed, columns):
        """Return whether rows in doubt have few centres near their own, judged by some."""
        k = columns.shape[1]
        rows = np.diff(groups[2][1:])
        every = max(1, k // _PROBES)
        radii = np.empty(near.WIDTH, np.float32)
        share = near.share_of_candidates(*groups, every, packed, columns, _near_room(k), radii)
        if _MEETING * share > _WORTHWHILE:
            self._skips = _SKIPS
        tiles = (-(-rows // near.WIDTH)).sum()
        time = tiles * (_FINDING + _MEETING * near.WIDTH * share) + rows.sum() * _FETCHING / k
        return time < _WORTHWHILE * rows.sum()

    def assign_chunk(self, block, start, stop, centers, state, full, totals):
        shared = self.n_chunks > 1  # by threads, each of which needs a tile of its own
        tile = _narrow_tile(centers[1].shape[1]) if shared else self._tile
        return assign_narrow(block, start, stop, centers, state, full, totals, tile)

    @staticmethod
    def cross_chunk(block, start, stop, centers, out, base):
        tile = _narrow_tile(centers[1].shape[1])
        cross_narrow(block, start, stop, centers, out, base, tile)


class WideRows(DenseRows):
    """Rows of many features; BLAS multiplies them with the centres, a tile of rows at a time."""

    _padding = 1
    # Centres from which BLAS is faster than products of our own.
    products_from = 24

    @property
    def _lanes(self):
        # BLAS may sum in any order, with as many roundings as terms; our loops use eight lanes.
        most = min(self.d, _MOST_SUMMED)
        return self.d / max(most / 2 + self.d / _MOST_SUMMED, self.d / 8)

    def assign(self, centers, assignment, *, full=False, costs=False, places=None):
        # The threads are ours, and results must not depend on how many BLAS would take.
        multiplies = self._multiplies(len(centers), assignment.lower)
        with single_blas_thread() if multiplies else nullcontext():
            return super().assign(centers, assignment, full=full, costs=costs, places=places)

    def _multiplies(self, k, lower):
        return k >= self.products_from or len(lower)

    def assign_chunk(self, block, start, stop, centers, state, full, totals):
        _, packed, _, _ = centers
        _, _, lower, _, _ = state
        if not self._multiplies(len(centers[0]), lower):
            tile = _wide_tile(packed.shape)
            return assign_wide(block, start, stop, centers, state, full, totals, tile)
        d = packed.shape[1]
        tile = _tile(LANES, np.empty((LANES, d), np.float32), np.empty((SOME, LANES), np.float32))
        rows = block, start, stop, centers, state, full, totals, tile
        return _assign_pairs(*rows) if len(lower) else _assign_lines(*rows)

    @staticmethod
    def cross_chunk(block, start, stop, centers, out, base):
        cross_wide(block, start, stop, centers, out, base, _wide_tile(centers[1].shape))

    def nearest_labels(self, centers):
        if self.n > _FEW and len(centers) >= self.products_from:
            return self.nearest(centers).labels
        return super().nearest_labels(centers)

    def bounds_pairs(self, k, algorithm="auto"):
        # Automatically where they take no more than half of the room of X.
        pays = k >= _PAIRS_FROM and 8 * k <= self.d * self.X.itemsize
        return algorithm == "elkan" or (algorithm == "auto" and pays)


def _assign_lines(block, start, stop, centers, state, full, totals, tile):
    """Do what `assign_chunk` does without bounds of pairs: each centre has a line of products."""
    packed = centers[1]
    lines = np.empty((len(packed), LANES), np.float32)
    position, changed, evaluated = start, 0, 0
    while True:
        position, m = fill_pending(block, position, stop, state, full, tile)
        if not m:
            return changed, evaluated
        _multiply(packed, tile[3][:m].T, lines[:, :m])
        changed += adopt_lines(block, start, centers, tile, lines, m, state, totals)
        evaluated += m


def _assign_pairs(block, start, stop, centers, state, full, totals, tile):
    """Do what `assign_chunk` does with bounds of pairs; each row has a line of products."""
    packed = centers[1]
    k = len(packed)
    products, columns = np.empty((LANES, k), np.float32), np.ascontiguousarray(packed.T)
    limits = int(_MOST_CANDIDATES * k), np.empty(k, np.float32)
    position, changed, evaluated, looked = start, 0, 0, 0
    while True:
        if full:
            position, m = fill_pending(block, position, stop, state, full, tile)
        else:
            position, m, moved, more = assign_by_bounds(
                block, position, stop, centers, state, totals, tile, *limits
            )
            changed, looked = changed + moved, looked + more
        if not m:
            return changed, evaluated + looked // k
        _multiply(tile[3][:m], columns, products[:m])
        changed += adopt(block, start, centers, tile, products, m, state, totals)
        evaluated += m


def _room(centers, padding, lanes, dtype=np.float32):
    """Return what `pack` returns, with the parts that do not depend on the centres filled."""
    k, d = centers.shape
    packed = np.zeros((k + k % 2, -(-d // padding) * padding), dtype)
    norms = np.full(k + k % 2, np.inf, dtype)
    # Rounding of products and sums of d terms, in so many lanes (see `settle`). Distances taken in
    # float64 are not ranked.
    unit = 2.0**-23 * (d / lanes + 16) if dtype == np.float32 else 0.0
    return kernels.PackedCenters(centers, packed, norms, unit)


def _filled(room, scale):
    """Return what `pack` returns, given what `_room` returned."""
    k, d = room.exact.shape
    scaled = room.exact * scale
    with np.errstate(over="ignore", invalid="ignore"):  # float64 decides about centres so far out
        room.packed[:k, :d] = -2.0 * scaled
        room.norms[:k] = (1.0 - room.unit) * np.einsum("kd,kd->k", scaled, scaled)
    return room


def _tile_and_lines(packed):
    """Return room for rows that meet packed centres, in the dtype of these."""
    padded = packed.shape[1]
    return _narrow_tile(padded, packed.dtype), np.zeros((LINE, padded), packed.dtype)


def _narrow_tile(padded, dtype=np.float32):
    """Return room for rows of so many features; their lines lie in different cache sets."""
    return _tile(LANES, np.zeros((padded, LANES + 16), dtype), np.empty((4, LANES), dtype))


def _near_room(k):
    """Return room for the distances of one centre to all, and for indices in fours."""
    return np.empty(k, np.float32), np.empty(k + 3, np.int64)


def _wide_tile(shape):
    k, d = shape
    return _tile(ROWS, np.zeros((ROWS, d), np.float32), np.empty((4, k), np.float32))


def _multiply(rows, columns, out):
    """Write the products of rows and columns, summed over a bounded number of terms at a time."""
    with np.errstate(over="ignore", invalid="ignore"):  # float64 decides about rows so far out
        np.matmul(rows[:, :_MOST_SUMMED], columns[:_MOST_SUMMED], out=out)
        for first in range(_MOST_SUMMED, len(columns), _MOST_SUMMED):
            part = slice(first, first + _MOST_SUMMED)
            out += rows[:, part] @ columns[part]


def _tile(size, rows, scores):
    marks = np.empty((4, size), rows.dtype)
    members, nearest = np.empty(size, np.int64), np.empty(size, np.int32)
    return tuple(kernels.Tile(members, nearest, marks, rows, scores))

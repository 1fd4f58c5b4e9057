"""From all points to the few, of few features, on which good centres are searched."""

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches
from sklearn.utils.extmath import randomized_svd

from skextra._common._blas_limit import single_blas_thread
from skextra._kmeans._dense import DensePoints
from skextra._kmeans._few import is_few, try_places
from skextra._kmeans._line import BestRuns, is_solvable
from skextra._kmeans._lloyd import MOMENTUM, Clustering, lloyd
from skextra._kmeans._points import RoughFrameError
from skextra._kmeans._search import refine

_LARGEST_SAMPLE_PER_CENTER = 1_000
_SAMPLE = 10_000
_SAMPLE_PER_CENTER = 100
_MOST_FEATURES = 48
_WIDE = 64
_AXES_FROM = 2_000
_TELLING_SHARE = 0.6
_MANY = 32
_ITERATIONS = 100
_ROUNDS = 8  # of jumps, besides those that `effort` asks for
_FAR = 1e9  # scaled; products of a few such numbers are beyond float32


def sample_size(n, d, k):
    """Return how many of n points of d features the search for k centres looks at."""
    if is_solvable(n, d, k) or is_few(n, d, k):
        return n
    return min(n, max(min(_SAMPLE, _LARGEST_SAMPLE_PER_CENTER * k), _SAMPLE_PER_CENTER * k))


def search(points, k, seed_centers, random_state, effort, sample=None):
    """Return a `Clustering` by k centres that were found on a sample, without state unless that
    was all points.

    ``seed_centers(sample, carry)`` says where the search begins, as centres of the sample;
    `carry` takes centres of the points there. The sample is drawn, unless given as (indices,
    weights).
    """
    size = sample_size(points.n, points.d, k)
    if is_own_sample(points, k):

        def seed():
            return seed_centers(points, lambda centers: centers)

        return improve(points, k, seed, random_state, effort)
    sample = Sample(points, random_state, *(sample or draw(points, size, random_state)))

    def seed_sample():
        return seed_centers(sample.points, sample.carry)

    found = improve(sample.points, k, seed_sample, random_state, 2 + effort)
    labels = found.state.labels
    if not (k >= _MANY and size < points.n and sample.tells_all and sample.is_slim):
        return Clustering(sample.lift(labels, k), None)
    # Most iterations are still to come, and cost far less along the main directions.
    rows = sample.project_all()
    everything = DensePoints(rows, points.own_weight, points.threads)
    shift = sample.points.offset - everything.offset
    start = Clustering.start(everything, found.centers + shift)
    tol = 1e-5 * everything.variance.sum()
    found = lloyd(everything, start, max_iter=_ITERATIONS, tol=tol, momentum=MOMENTUM)
    labels = found.state.labels
    means = points.means_of(np.arange(points.n), points.own_weight, labels, k)
    return Clustering(means, None)


def improve(points, k, seed, random_state, effort):
    """Return the best clustering by k centres if it can be computed, else search from a start.

    ``seed()`` returns the centres to start from.
    """
    if is_solvable(points.n, points.d, k):
        return BestRuns(points, k).clustering(k)
    if is_few(points.n, points.d, k):
        return try_places(points, seed(), random_state, _ROUNDS + effort)
    return refine(points, seed(), effort)


def is_own_sample(points, k):
    """Whether the points are so few, of so few features, that a search may look at them all."""
    n, d = points.n, points.d
    if is_solvable(n, d, k) or is_few(n, d, k):
        return True
    return sample_size(n, d, k) == n and d <= _WIDE and points.is_dense


class Sample:
    """Some of the points, weighted, as dense `points` of few features.

    Rows of many features are projected on their main directions, which keeps what separates the
    clusters.
    """

    def __init__(self, points, random_state, chosen, weight):
        self._all = points
        self._chosen, self._weight = chosen, weight
        self._axes = None
        rows = points.scaled_rows(chosen)
        if not (np.abs(rows.data if sparse.issparse(rows) else rows) < _FAR).all():
            raise RoughFrameError
        share = 0.0
        if points.d > _WIDE:
            self._axes, share = _main_axes(rows, random_state)
            rows = rows @ self._axes
        elif not points.is_dense:
            rows = rows.toarray()
        self.tells_all = share >= _TELLING_SHARE
        self.points = DensePoints(rows, weight, points.threads)

    @property
    def is_slim(self):
        """Whether projecting all points takes but part of the room that they take themselves."""
        points = self._all
        return points.is_dense and 2 * 4 * self.points.d <= points.d * points.X.itemsize

    def carry(self, centers):
        """Return centres of all points as centres of the sample."""
        centers = centers * self._all.scale
        return (centers if self._axes is None else centers @ self._axes) - self.points.offset

    def lift(self, labels, k):
        """Return the means of k groups of the sample, with all their features."""
        return self._all.means_of(self._chosen, self._weight, labels, k)

    def project_all(self):
        """Return the coordinates of all points along the axes, computed some rows at a time."""
        points, axes = self._all, self._axes
        out = np.empty((points.n, axes.shape[1]), np.float32)
        for part in gen_batches(points.n, 8192):
            out[part] = points.scaled_rows(np.arange(part.start, part.stop)) @ axes
        return out


def draw(points, size, random_state):
    """Return (sorted indices, weights or None) of a sample in proportion to the weights."""
    # One draw from each of `size` equal shares of the weight: less scatter than independent ones.
    places = np.arange(size) + random_state.random_sample(size)
    if size == points.n:
        return np.arange(points.n), points.own_weight
    if not points.inc:
        return (places * (points.n / size)).astype(np.intp), None
    cumulated = np.cumsum(points.weight)
    places *= cumulated[-1] / size
    drawn = np.minimum(np.searchsorted(cumulated, places, "right"), points.n - 1)
    chosen, counts = np.unique(drawn, return_counts=True)
    return chosen, counts.astype(np.float64)


def _main_axes(rows, random_state):
    """Return (main directions of the rows as columns, their share of the variance)."""
    some = rows
    if rows.shape[0] > _AXES_FROM:
        some = rows[random_state.choice(rows.shape[0], _AXES_FROM, replace=False)]
    rank = min(_MOST_FEATURES, *some.shape)
    with single_blas_thread():
        _, values, axes = randomized_svd(some, rank, n_iter=1, random_state=random_state)
    total = (some.data if sparse.issparse(some) else some).astype(np.float64)
    total = np.square(total).sum()
    share = np.square(values, dtype=np.float64).sum() / total if total > 0 else 1.0
    return np.ascontiguousarray(axes.T), share

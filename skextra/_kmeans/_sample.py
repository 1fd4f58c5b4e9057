"""From all points to the few, of few features, on which good centres are searched."""

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches
from sklearn.utils.extmath import randomized_svd

from skextra._kmeans._crew import single_blas_thread
from skextra._kmeans._dense import DensePoints
from skextra._kmeans._lloyd import Clustering, lloyd
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


def sample_size(n, k):
    """Return how many of n points the search for k centres looks at."""
    return min(n, max(min(_SAMPLE, _LARGEST_SAMPLE_PER_CENTER * k), _SAMPLE_PER_CENTER * k))


def search(points, k, seed_centers, random_state, effort, sample=None):
    """Return a `Clustering` by k centres that were found on a sample of the points.

    Rows of many features are projected on their main directions first, which keeps what
    separates the clusters; the centres returned are means over the sample's rows in full.
    ``seed_centers(sample, carry)`` says where the search begins, as centres of the sample;
    `carry` takes centres of the points there. The sample is drawn, unless given as (indices,
    weights).
    """
    size = sample_size(points.n, k)
    if size == points.n and points.d <= _WIDE and points.is_dense:
        return refine(points, seed_centers(points, lambda centers: centers), effort)
    chosen, weight = sample or draw(points, size, random_state)
    rows = points.scaled_rows(chosen)
    axes, share = None, 1.0
    if points.d > _WIDE:
        axes, share = _main_axes(rows, random_state)
        rows = rows @ axes
    elif not points.is_dense:
        rows = rows.toarray()
    sample = DensePoints(rows, weight, points.threads)

    def carry(centers):
        centers = centers * points.scale
        return (centers if axes is None else centers @ axes) - sample.offset

    found = refine(sample, seed_centers(sample, carry), 2 + effort)
    labels = found.state.labels
    if k >= _MANY and axes is not None and size < points.n and share >= _TELLING_SHARE:
        # Most iterations are still to come, and cost far less along the main directions.
        chosen = np.arange(points.n)
        everything = DensePoints(_project(points, axes), points.own_weight, points.threads)
        shift = sample.offset - everything.offset
        start = Clustering.start(everything, found.centers + shift)
        tol = 1e-5 * everything.variance.sum()
        found = lloyd(everything, start, max_iter=_ITERATIONS, tol=tol, momentum=0.9)
        weight, labels = points.own_weight, found.state.labels
    return Clustering.start(points, points.means_of(chosen, weight, labels, k))


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
    if len(rows) > _AXES_FROM:
        some = rows[random_state.choice(len(rows), _AXES_FROM, replace=False)]
    rank = min(_MOST_FEATURES, *some.shape)
    with single_blas_thread():
        _, values, axes = randomized_svd(some, rank, n_iter=1, random_state=random_state)
    total = (some.data if sparse.issparse(some) else some).astype(np.float64)
    total = np.square(total).sum()
    share = np.square(values, dtype=np.float64).sum() / total if total > 0 else 1.0
    return np.ascontiguousarray(axes.T), share


def _project(points, axes):
    """Return the coordinates of all points along the axes, computed some rows at a time."""
    out = np.empty((points.n, axes.shape[1]), np.float32)
    for part in gen_batches(points.n, 8192):
        out[part] = points.scaled_rows(np.arange(part.start, part.stop)) @ axes
    return out

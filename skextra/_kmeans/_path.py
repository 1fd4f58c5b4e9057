"""The inertia for a range of numbers of clusters, and where its curve bends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from skextra._base import import_extra, random_state_of
from skextra._kmeans._data import ACCEPTED, TrainingData, tidy
from skextra._kmeans._line import BestRuns
from skextra._kmeans._lloyd import Clustering, lloyd
from skextra._kmeans._metric import METRICS, Metric
from skextra._kmeans._sample import Sample, improve, method_for
from skextra._kmeans._seeding import seed_on_some
from skextra._kmeans._split_merge import least_missed
from skextra._typing import FloatArray, Int, MatrixLike, RandomStateLike

if TYPE_CHECKING:
    import pandas as pd

    from skextra._kmeans._rows import Rows

# Share of the centres removed at once on the way to the next number; less takes longer.
_AT_ONCE = 0.05
# Iterations after each removal, on the sample, and for each number, on all rows: single fits end a
# little lower, and a test bounds by how much.
_SETTLING = 3
_ITERATIONS = 3
# Few centres of few rows are where a bad removal shows most, and a new search costs least.
_REFINED_UP_TO = 6
_FEW = 1000
_AGAIN = 2  # rounds of jumps, which start from good centres
# Depth of the bend below the chord, of the logarithms, from which it counts as an elbow. Data
# without clusters (uniform, normal, exponential; 1 to 64 features) stay below .005.
_LEAST_BEND = 0.05


@dataclass(frozen=True, eq=False)
class InertiaPath:
    """The inertia against the number of clusters, as returned by :func:`inertia_path`.

    Parameters
    ----------
    n_clusters : ndarray of shape (n_ks,)
        Numbers of clusters, in increasing order.

    inertia : ndarray of shape (n_ks,)
        Inertia of the centres found for each.

    elbow : int or None
        The number of clusters where the curve bends most; None if it has no clear bend.

    centers : list of ndarray of shape (k, n_features)
        The centres, which can be passed on as ``KMeansPP(k, init=...)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra import InertiaPath
    >>> path = InertiaPath(np.array([1, 2]), np.array([8.0, 1.0]), None, [])
    >>> path.inertia.tolist()
    [8.0, 1.0]
    """

    n_clusters: NDArray[np.int64]
    inertia: NDArray[np.float64]
    elbow: int | None
    centers: list[FloatArray]

    def to_frame(self) -> pd.DataFrame:
        """Return the path as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Column `inertia`, indexed by `n_clusters`.
        """
        pandas = import_extra("pandas", "plot", "InertiaPath.to_frame")
        index = pandas.Index(self.n_clusters, name="n_clusters")
        return pandas.DataFrame({"inertia": self.inertia}, index=index)


def inertia_path(
    X: MatrixLike,
    ks: Iterable[Int] | None = None,
    *,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    sample_weight: ArrayLike | None = None,
    random_state: RandomStateLike = None,
) -> InertiaPath:
    """Return the inertia for a range of numbers of clusters, and the elbow of its curve.

    Good centres are searched for the largest number only, as in :class:`KMeansPP`. For smaller
    numbers, the centres whose removal costs least are removed, one or a few at a time, and the
    others are updated. Each number gets three iterations on all data. This takes about as long as
    two or three fits for the largest number; single fits may end with a slightly lower inertia.
    With one feature, and up to 300,000 samples times the largest number, every inertia is the
    minimum.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples.

    ks : sequence of int or None, default=None
        Numbers of clusters, in any order. At least three are needed to find an elbow. None means
        1 to 20, or to n_samples if that is smaller.

    metric : {'euclidean', 'cosine'}, default='euclidean'
        Whether inertia and centres are those of k-means or of spherical k-means, as in
        :class:`KMeansPP`.

    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights.

    random_state : int, RandomState instance or None, default=None
        Determines the initial centres and the sample. Pass an int for a reproducible path.

    Returns
    -------
    path : InertiaPath
        Numbers of clusters, inertias, elbow and centres.

    Raises
    ------
    ValueError
        If a number is below 1 or above the number of samples.

    See Also
    --------
    KMeansPP : Fits one number of clusters to the end.
    skextra.plotting.ElbowDisplay : Draws the path.

    Notes
    -----
    The elbow is the point farthest below the chord between the ends of the curve, as in Kneedle
    [1]_, with both axes logarithmic: structureless data of d features have an inertia of about
    ``k ** (-2 / d)``, which is a straight line there. A bend of less than a twentieth of the
    height of the curve is ignored. Where clusters overlap, the elbow says little;
    :func:`sklearn.metrics.silhouette_score` is one alternative.

    References
    ----------
    .. [1] V. Satopaa, J. Albrecht, D. Irwin and B. Raghavan, "Finding a kneedle in a haystack",
       ICDCS Workshops 2011.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skextra import inertia_path
    >>> X, _ = make_blobs(600, centers=5, random_state=3)
    >>> inertia_path(X, random_state=0).elbow
    5
    """
    X, weight = tidy(check_array(X, **ACCEPTED), sample_weight)
    ks = _check_numbers(ks, X.shape[0])
    random_state = random_state_of(random_state)
    if not (isinstance(metric, str) and metric in METRICS):
        options = ", ".join(map(repr, METRICS))
        raise ValueError(f"metric={metric!r} is not an option; use one of {options}.")
    measure = METRICS[metric]
    data = TrainingData(X, weight, measure)

    def follow(rows):
        sample = Sample(rows, ks[-1], random_state, metric=measure)
        found = _falling(sample.rows, ks, random_state, sample.metric)
        return [_settled(rows, sample, clustering, measure) for clustering in found]

    found = data.in_a_frame(follow, ks[-1], roughly=True)[::-1]
    inertia = np.array([inertia for _, inertia in found]) * data.inertia_unit
    centers = [centers for centers, _ in found]
    return InertiaPath(np.array(ks), inertia, find_elbow(ks, inertia), centers)


def _settled(
    rows: Rows, sample: Sample, found: Clustering, metric: Metric
) -> tuple[FloatArray, float]:
    """Return (centres, inertia) of a clustering after some iterations on all rows."""
    start = found
    if not sample.is_whole:
        lifted = sample.lift(found.assignment.labels, len(found.centers))
        start = Clustering.start(rows, lifted)
    start = start.placed(rows, metric)
    if start is not found:
        found = lloyd(rows, start, max_iter=_ITERATIONS, strict=True, metric=metric)
    if not found.is_assigned:
        rows.assign(found.centers, found.assignment)
    return (found.centers + rows.offset).astype(rows.dtype), found.inertia(rows)


def _check_numbers(ks, n):
    if ks is None:
        ks = range(1, min(20, n) + 1)
    if not np.iterable(ks):
        raise TypeError(f"ks must be a sequence of whole numbers, got {ks!r}.")
    ks = list(ks)
    for k in ks:
        if not isinstance(k, Integral) or isinstance(k, bool | np.bool_):
            raise TypeError(f"ks must be whole numbers, got {k!r}.")
        if not 1 <= k <= n:
            raise ValueError(f"ks holds {k}; every number must lie between 1 and n_samples={n}.")
    if not ks:
        raise ValueError("ks is empty; pass numbers of clusters, such as range(1, 21).")
    return sorted({int(k) for k in ks})


def _falling(
    rows: Rows, ks: list[int], random_state: np.random.RandomState, metric: Metric
) -> Iterator[Clustering]:
    """Yield a clustering for every k, falling: the best, or each from the one before."""
    if method_for(rows.n, rows.d, ks[-1]) == "exact":
        yield from map(BestRuns(rows, ks[-1]).clustering, reversed(ks))
        return
    start = seed_on_some(rows, ks[-1], random_state)
    found = improve(rows, start, random_state, metric=metric)
    costs = _costs(rows, found)
    for k in reversed(ks):
        while (surplus := len(found.centers) - k) > 0:
            at_once = max(1, int(_AT_ONCE * len(found.centers)))
            gone = least_missed(found.centers, costs, min(at_once, surplus))
            found = found.without(gone)
            found = lloyd(rows, found, max_iter=_SETTLING, costs=True, metric=metric)
            costs = found.costs
        if k <= _REFINED_UP_TO and rows.n <= _FEW:
            found = improve(rows, found.centers, random_state, rounds=_AGAIN, metric=metric)
            costs = _costs(rows, found)
        yield found


def _costs(rows, found):
    """Return what removing each centre would add to the inertia, and assign all rows."""
    return rows.assign(found.centers, found.assignment, full=True, costs=True)[1]


def find_elbow(ks, inertia):
    """Return the k where log inertia lies deepest below its chord over log k, if deep enough."""
    ks, inertia = np.asarray(ks, float), np.asarray(inertia, float)
    some = inertia > 1e-12 * inertia[0]  # the logarithm of a perfect fit is noise
    if some.sum() < 3:
        return None
    x, y = np.log(ks[some]), np.log(inertia[some])
    x = (x - x[0]) / (x[-1] - x[0])
    height = y[0] - y[-1]
    if height <= 0:
        return None
    depth = (1.0 - x) - (y - y[-1]) / height
    deepest = int(np.argmax(depth))
    return int(ks[some][deepest]) if depth[deepest] >= _LEAST_BEND else None

"""The inertia for a range of numbers of clusters, and where its curve bends."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.utils import check_array

from skextra._base import import_extra, random_state_of
from skextra._kmeans._few import is_few, try_places
from skextra._kmeans._line import BestRuns, is_solvable
from skextra._kmeans._lloyd import Clustering, lloyd
from skextra._kmeans._points import floating
from skextra._kmeans._sample import Sample, draw, improve, is_own_sample, sample_size
from skextra._kmeans._samples import ACCEPTED, in_a_frame, tidy_samples
from skextra._kmeans._search import least_missed, refine
from skextra._kmeans._seeding import seed_on_some

# Share of the centres taken away at once on the way to the next number asked for.
_AT_ONCE = 0.05
_SETTLING = 3
# Few centres of few points are where a bad removal shows most, and a new search costs least.
_REFINED_UP_TO = 6
_FEW = 1000
_AGAIN = 2  # rounds of jumps, which start from good centres
_ITERATIONS = 3
# Depth of the bend below the chord, of the logarithms, from which it counts as an elbow. Data
# without clusters (uniform, normal, exponential; 1 to 64 features) stay below .005.
_LEAST_BEND = 0.05


@dataclass(frozen=True, eq=False)
class InertiaPath:
    """The inertia against the number of clusters, as returned by :func:`inertia_path`.

    Parameters
    ----------
    n_clusters : ndarray of shape (n_ks,)
        Numbers of clusters, rising.

    inertia : ndarray of shape (n_ks,)
        Inertia of the centres found for each.

    elbow : int or None
        The number of clusters where the curve bends most; None if it does not bend.

    centers : list of ndarray of shape (k, n_features)
        The centres, good starts for ``KMeansPP(k, init=...)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra import InertiaPath
    >>> path = InertiaPath(np.array([1, 2]), np.array([8.0, 1.0]), None, [])
    >>> path.inertia.tolist()
    [8.0, 1.0]
    """

    n_clusters: np.ndarray
    inertia: np.ndarray
    elbow: int | None
    centers: list

    def to_frame(self):
        """Return the path as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Column `inertia`, indexed by `n_clusters`.
        """
        pandas = import_extra("pandas", "plot", "InertiaPath.to_frame")
        index = pandas.Index(self.n_clusters, name="n_clusters")
        return pandas.DataFrame({"inertia": self.inertia}, index=index)


def inertia_path(X, ks=None, *, sample_weight=None, random_state=None):
    """Return the inertia for a range of numbers of clusters, and the elbow of its curve.

    Good centres are searched for the largest number only, as :class:`KMeansPP` does it; for
    smaller ones the centres that are missed least are taken away, one or a few at a time, and
    the rest settles. Each number asked for gets three iterations on all data. That takes about
    as long as two or three fits for the largest number; single fits may end a little lower.
    With one feature, and up to 60,000 samples times the largest number, every inertia is the
    lowest there is.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples.

    ks : sequence of int or None, default=None
        Numbers of clusters, in any order. Three or more are needed to find an elbow. None is 1
        to 20, or to n_samples if that is less.

    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights.

    random_state : int, RandomState instance or None, default=None
        Draws the start and the sample. An int makes the path repeatable.

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
    [1]_, of the logarithms of both axes: structureless data of d features have an inertia of
    about ``k ** (-2 / d)``, which is a straight line there. A bend less than a twentieth of the
    height of the curve is taken for none. Where clusters overlap the elbow says little;
    :func:`sklearn.metrics.silhouette_score` is one of the alternatives.

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
    X, weight = tidy_samples(check_array(X, **ACCEPTED), sample_weight)
    ks = _check_numbers(ks, X.shape[0])
    random_state = random_state_of(random_state)

    def follow(samples):
        return _follow(samples, ks, random_state, floating(X))

    inertia, centers = in_a_frame(follow, X, weight, roughly=lambda _: True)
    return InertiaPath(np.array(ks), inertia, find_elbow(ks, inertia), centers)


def _follow(samples, ks, random_state, dtype):
    """Return (inertia, centres) for every k."""
    points = samples.points
    sample, some = None, points
    if not is_own_sample(points, ks[-1]):
        chosen = draw(points, sample_size(points.n, points.d, ks[-1]), random_state)
        sample = Sample(points, random_state, *chosen)
        some = sample.points
    inertia, centers = [], []
    for found in _falling(some, ks, random_state):
        whole = found
        if sample is not None:
            lifted = sample.lift(found.state.labels, len(found.centers))
            whole = lloyd(
                points, Clustering.start(points, lifted), max_iter=_ITERATIONS, strict=True
            )
        if not whole.assigned:
            points.assign(whole.centers, whole.state, False)
        inertia.append(whole.inertia(points) * samples.unit)
        centers.append((whole.centers + points.offset).astype(dtype))
    return np.array(inertia[::-1]), centers[::-1]


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
            raise ValueError(f"ks holds {k}, but must lie between 1 and n_samples={n}.")
    if not ks:
        raise ValueError("ks is empty; pass the numbers of clusters to try, such as range(1, 21).")
    return sorted({int(k) for k in ks})


def _falling(points, ks, random_state):
    """Yield a clustering for every k, falling: the best, or each from the one before."""
    if is_solvable(points.n, points.d, ks[-1]):
        runs = BestRuns(points, ks[-1])
        for k in reversed(ks):
            yield runs.clustering(k)
        return

    def seed():
        return seed_on_some(points, ks[-1], random_state)

    clustering = improve(points, ks[-1], seed, random_state, 1)
    costs = np.zeros(len(clustering.centers))
    points.assign(clustering.centers, clustering.state, True, costs)
    for k in reversed(ks):
        while len(clustering.centers) > k:
            most = max(1, int(_AT_ONCE * len(clustering.centers)))
            gone = least_missed(clustering.centers, costs, min(most, len(clustering.centers) - k))
            state = clustering.state
            state.remove(gone)
            fewer = Clustering(np.delete(clustering.centers, gone, axis=0), state)
            costs = np.zeros(len(fewer.centers))
            clustering = lloyd(points, fewer, max_iter=_SETTLING, costs=costs)
        if k <= _REFINED_UP_TO and points.n <= _FEW:
            if is_few(points.n, points.d, k):
                clustering = try_places(points, clustering.centers, random_state, _AGAIN)
            else:
                clustering = refine(points, clustering.centers)
            points.assign(clustering.centers, clustering.state, True, costs := np.zeros(k))
        yield clustering


def find_elbow(ks, inertia):
    """Return the k where log inertia lies deepest below its chord over log k, if deep enough."""
    ks, inertia = np.asarray(ks, float), np.asarray(inertia, float)
    some = inertia > 1e-12 * inertia[0]  # perfect fits have no logarithm worth the name
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

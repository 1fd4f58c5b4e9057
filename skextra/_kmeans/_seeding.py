"""Where the centres start: as given, or by k-means++."""

import numpy as np
from sklearn.utils import check_array

from skextra._kernels._kmeans_search import seed_greedily
from skextra._kmeans._points import floating

_BLOCK = 64
_SOME = 1000
_SOME_PER_CENTER = 20


def name_or_centers(init, X, k, random_state):
    """Return the name that `init` is, or the centres that it is or returns, checked."""
    if isinstance(init, str):
        return init
    dtype = floating(X)
    centers = init
    if callable(init):  # integers would overflow as soon as it subtracts some
        centers = init(X.astype(dtype, copy=False), k, random_state=random_state)
    if np.ndim(centers) != 2:
        raise ValueError(
            f"init={centers!r} must be 'k-means++', 'random', a callable or an array of shape "
            "(n_clusters, n_features)."
        )
    centers = check_array(centers, dtype=dtype, input_name="init")
    if centers.shape != (k, X.shape[1]):
        raise ValueError(
            f"init has shape {centers.shape}, but n_clusters={k} centres of {X.shape[1]} "
            "features are needed; pass centres of that shape."
        )
    return centers


def draw_by_mass(mass, places):
    """Return the indices at which the running sum of `mass` passes `places` in [0, 1).

    Block sums first: one running sum over all would take longer than what it is wanted for.
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


def default_trials(k):
    """Return how many points greedy k-means++ draws for each centre."""
    return 2 + int(np.log(k))


def greedy_plus_plus(points, k, random_state):
    """Return the indices of k points drawn by greedy k-means++ among all.

    Each next point is the best of 2 + log k drawn with probability proportional to their weight
    times the squared distance to the nearest point so far [1]_, as in the authors' own code.

    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding",
       SODA 2007.
    """
    weight = points.weights(0, points.n)
    chosen = np.empty(k, np.intp)
    chosen[:1] = draw_by_mass(weight, random_state.random_sample(1))
    closest = points.cross_distances(points.rows(chosen[:1]))[0]
    closest[chosen[0]] = 0.0
    for c in range(1, k):
        places = random_state.random_sample(default_trials(k))
        trials = draw_by_mass(weight * closest, places)
        left = points.potentials(points.rows(trials), closest)
        chosen[c] = trials[np.argmin(left)]
        distances = points.cross_distances(points.rows(chosen[c : c + 1]))[0]
        np.minimum(closest, distances, out=closest)
        closest[chosen[c]] = 0.0
    return chosen


def seed_on_some(points, k, random_state):
    """Return k centres chosen by greedy k-means++ among some of the points, a few per centre."""
    n = points.n
    size = max(_SOME, _SOME_PER_CENTER * k)
    some = np.arange(n) if n <= size else random_state.choice(n, size, replace=False)
    rows = points.rows(some)
    columns = np.ascontiguousarray(rows.T * points.scale, dtype=np.float32)
    weight = points.weight[some] if points.inc else points.weight
    chosen = np.zeros(k, np.int64)
    draws = random_state.random_sample((k, default_trials(k)))
    seed_greedily(columns, weight, points.inc, draws, chosen)
    return rows[chosen]

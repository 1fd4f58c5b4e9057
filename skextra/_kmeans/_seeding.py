"""Where the centres start: as given, or by k-means++."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from skextra._common._blas_limit import single_blas_thread
from skextra._kernels._kmeans_seed import seed_greedily, seed_in_cells
from skextra._kmeans._dense_rows import NarrowRows
from skextra._kmeans._local_rows import draw_by_mass, floating, weight_and_step
from skextra._kmeans._metric import Metric
from skextra._kmeans._rows import FAR, Floats, Indices, Rows
from skextra._typing import FloatArray, FloatMatrix, MatrixLike

# Rows among which the search chooses its first centres, at least, and for each centre. With half
# as many a fit ends 2% higher where groups are rare, with twice as many up to .4% lower, and in
# 1 to 3% more time (benchmarks/kmeans_constants.py).
_SOME = 1000
_SOME_PER_CENTER = 20
# Centres from which they are chosen in cells. That takes .02 s instead of .25 for 1,000 centres of
# 8 features and .3 instead of 8 for 5,000, and the inertia of a fit ends .3% lower and the same
# (benchmarks/many_clusters.py).
_MANY = 500
# Features up to which loops over rows side by side are used: for 256 features and 300 centres
# products take a third of their time.
_FEW_FEATURES = 96
# Rows of more features for each centre. With half of them fits of embeddings end .15% higher, with
# half as many again .1% lower, and seeding takes in proportion.
_SOME_OF_WIDE = 40
# Squared distances from products, as a share of the squares of both rows, that float32 has rounded
# too much: they are computed again from differences.
_COARSE = 1e-3
# Rows drawn at a time: enough for products to be fast, and for ten to twenty centres.
_DRAWN = 128
# _MANY for rough fits, which take a fifth less time then with 100,000 normal rows of 128
# features and 256 centres. Full searches of embeddings would end .2% higher.
_ROUGHLY_MANY = 128


def name_or_centers(
    init: str | MatrixLike | Callable[..., Any],
    X: FloatMatrix,
    k: int,
    random_state: np.random.RandomState,
    metric: Metric,
) -> str | FloatArray:
    """Return the name that `init` is, or the centres that it is or returns, checked.

    Centres are rows of the metric, as samples are.
    """
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
            "features are needed; pass an array of that shape."
        )
    return metric.rows(centers, "init")


def _n_trials(k):
    return 2 + int(np.log(k))


def greedy_plus_plus(rows: Rows, k: int, random_state: np.random.RandomState) -> Indices:
    """Return the indices of k rows drawn by greedy k-means++ among all.

    Each next row is the best of 2 + log k drawn with probability proportional to their weight
    times the squared distance to the nearest row so far [1]_, as in the authors' own code.

    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding",
       SODA 2007.
    """
    chosen = np.empty(k, np.intp)
    chosen[:1] = rows.draw_far(random_state.random_sample(1))
    closest = rows.approach(chosen[0])
    for c in range(1, k):
        trials = rows.draw_far(random_state.random_sample(_n_trials(k)), closest)
        left = rows.potentials(rows.take(trials), closest)
        chosen[c] = trials[np.argmin(left)]
        closest = rows.approach(chosen[c], closest)
    return chosen


def seed_on_some(
    rows: Rows, k: int, random_state: np.random.RandomState, roughly: bool = False
) -> Floats:
    """Return k centres chosen by greedy k-means++ among some of the rows, a few per centre."""
    n = rows.n
    is_wide = rows.d > _FEW_FEATURES and not roughly
    size = max(_SOME, (_SOME_OF_WIDE if is_wide else _SOME_PER_CENTER) * k)
    some = np.arange(n) if n <= size else random_state.choice(n, size, replace=False)
    scaled = rows.take_scaled(some)
    scaled = scaled.toarray() if sparse.issparse(scaled) else scaled
    if is_wide and np.abs(scaled).max() < FAR:
        return rows.take(some[_seed_by_products(scaled, rows.weights(some), k, random_state)])
    draws = random_state.random_sample((k, _n_trials(k)))
    if k < (_ROUGHLY_MANY if roughly else _MANY):
        chosen = _seed(scaled, rows.weights(some), draws)
    else:
        chosen = _seed_in_cells(scaled, rows.weights(some), draws, rows.threads)
    return rows.take(some[chosen])


def _seed(scaled, weight, draws):
    """Return the rows that greedy k-means++ chooses."""
    chosen = np.zeros(len(draws), np.int64)
    room = np.empty((3, len(scaled)), np.float32), np.empty(len(scaled))
    columns = np.ascontiguousarray(scaled.T)
    seed_greedily(columns, *weight_and_step(weight), draws, chosen, *room)
    return chosen


def _seed_by_products(scaled, weight, k, random_state):
    """Do what `_seed` does, with distances from products by BLAS, for many draws at a time.

    A row drawn earlier, when it was farther from its nearest choice, is taken with the probability
    that is left of its squared distance, so that it is drawn in proportion to what that is now.
    """
    n_trials = _n_trials(k)
    weight = np.ones(len(scaled)) if weight is None else weight
    weight = (weight / weight.max()).astype(np.float32)
    squares = np.einsum("ij,ij->i", scaled, scaled)
    chosen = np.zeros(k, np.intp)
    chosen[:1] = draw_by_mass(weight, random_state.random_sample(1))
    with single_blas_thread():
        closest = _squares_from(scaled, squares, chosen[:1])[0]
        exact, near = _near_squares(scaled, squares, chosen[0], closest)
        closest[near] = exact
        n_chosen = 1
        while n_chosen < k and (mass := weight * closest).any():
            drawn = draw_by_mass(mass, random_state.random_sample(_DRAWN))
            before = closest[drawn] * random_state.random_sample(_DRAWN)
            distances = _squares_from(scaled, squares, drawn)
            first = 0
            while n_chosen < k:
                trials = first + np.flatnonzero(before[first:] < closest[drawn[first:]])[:n_trials]
                if len(trials) < n_trials:
                    break
                left = np.minimum(distances[trials], closest)
                best = np.argmin(left @ weight)
                new = chosen[n_chosen] = drawn[trials[best]]
                exact, near = _near_squares(scaled, squares, new, distances[trials[best]])
                left[best, near] = np.minimum(closest[near], exact)
                closest = left[best]
                n_chosen += 1
                first = trials[-1] + 1
    return chosen


def _squares_from(scaled, squares, some):
    """Return the squared distances of all rows from some of them, (n_some, n)."""
    out = scaled[some] @ scaled.T
    out *= -2.0
    out += squares
    out += squares[some, None]
    np.maximum(out, 0.0, out=out)
    out[np.arange(len(some)), some] = 0.0
    return out


def _near_squares(scaled, squares, one, distances):
    """Return (exact squared distances of the rows near one of them, which these rows are)."""
    near = np.flatnonzero(distances < _COARSE * (squares + squares[one]))
    return np.square(scaled[near] - scaled[one]).sum(axis=1), near


def _seed_in_cells(scaled, weight, draws, threads):
    """Do what `_seed` does, except that most trials are compared with the rows of a cell only.

    To compare all of them with all rows would take a time that grows as k squared. The first
    choices, about the square root of k, are the usual ones. A cell holds the rows that have the
    same of these as their nearest.
    """
    k = len(draws)
    first = _seed(scaled, weight, draws[: int(np.sqrt(k))])
    frame = np.zeros(scaled.shape[1]), 1.0
    labels = NarrowRows(scaled, None, threads, frame).nearest_labels(scaled[first].astype(float))
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(len(first) + 1))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    chosen = np.zeros(k, np.int64)
    chosen[: len(first)] = place[first]
    columns = np.take(scaled.T, order, axis=1)
    weight, step = weight_and_step(None if weight is None else weight[order])
    room = np.empty((3, len(order)), np.float32), np.empty(len(first))
    seed_in_cells(columns, weight, step, bounds, draws, chosen, *room)
    return order[chosen]

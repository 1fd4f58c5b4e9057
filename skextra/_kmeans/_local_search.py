"""Local search on all rows: centres move to rare groups far away, which a sample has missed."""

import numpy as np

from skextra._kmeans._lloyd import Clustering
from skextra._kmeans._rows import Draws, Floats, Indices, RoughFrameError, Rows
from skextra._kmeans._sample import sample_size
from skextra._kmeans._split_merge import least_missed

# Rows drawn in all, and rows of these to which a centre may move. A group that holds a share s of
# the inertia is missed with probability (1 - s) ** 2048: of half a percent, once in 29,000
# searches. Half or twice of either changes nothing on the data sets of
# benchmarks/kmeans_constants.py.
_DRAWS = 2048
_CANDIDATES = 16


def local_search(
    rows: Rows, centers: Floats, random_state: np.random.RandomState
) -> tuple[Clustering, Draws]:
    """Return a clustering by better centres, or by these, and the draws that it relies on.

    If no centre moves, the rows are assigned.

    Rows are drawn with probability proportional to weight times squared distance to their centre
    (D^2 sampling), so that a group which matters is drawn however rare it is. A centre moves to
    such a row where that saves more than the centre is worth where it stands: local search in the
    sense of Lattanzi and Sohler [1]_. What a swap would save is estimated on the draws, and
    counted only as far as it exceeds two standard errors.

    .. [1] S. Lattanzi and C. Sohler, "A better k-means++ algorithm via local search", ICML 2019.
    """
    k = len(centers)
    assignment = rows.unassigned(k, pairs=rows.bounds_pairs(k))
    places = draw_places(rows, random_state)
    _, costs, draws = rows.assign(centers, assignment, full=True, costs=True, places=places)
    if not (np.isfinite(costs).all() and np.isfinite(draws.shares).all()):
        raise RoughFrameError
    swaps = _worthwhile_swaps(rows, centers, costs, draws, random_state)
    if not swaps:
        return Clustering(centers, assignment, is_assigned=True), draws
    swapped = centers.copy()
    swapped[[gone for gone, _ in swaps]] = rows.take(np.array([new for _, new in swaps]))
    return Clustering(swapped, None), draws


def draw_places(rows: Rows, random_state: np.random.RandomState) -> Floats:
    """Return uniform numbers, rising in every chunk, for `Draws`."""
    each = max(1, _DRAWS // rows.n_chunks)
    return (np.arange(each) + random_state.random_sample((rows.n_chunks, each))) / each


def mixed_sample(
    rows: Rows, centers: Floats, draws: Draws, random_state: np.random.RandomState
) -> tuple[Indices, Floats]:
    """Return (indices, weights) of a sample for the search that no group far out can escape.

    It joins the draws of as many rows as usual, those of `local_search` from these centres, and
    others in proportion to the squared distance from the offset (the lightweight coreset of
    Bachem, Lucic and Krause, KDD 2018). Each row weighs the inverse of how often it was to be
    expected, so that sums over the sample estimate those over all rows.
    """
    middle = np.zeros((1, rows.d))
    around = rows.draw_around(middle[0], draw_places(rows, random_state))
    usual, _ = rows.draw(sample_size(rows.n, rows.d, len(centers)), random_state)
    indices = np.unique(np.concatenate([usual, draws.indices.ravel(), around.indices.ravel()]))
    some = rows.subset(indices)
    rate = np.full(len(indices), len(usual) / rows.total_weight())
    for drawn, places, unit in ((draws, centers, rows.scale**2), (around, middle, 1.0)):
        squares = some.own_squares(places, some.nearest(places).labels) * unit
        rate += drawn.indices.size * squares / drawn.shares.sum()
    weight = rows.weights(indices)
    weight = np.ones(len(indices)) if weight is None else weight
    return indices, weight / -np.expm1(-weight * rate)


def _worthwhile_swaps(rows, centers, costs, draws, random_state):
    """Return pairs (centre to be moved, row to move it to) that lower the inertia."""
    live = draws.squares > 0
    if not live.any():
        return []
    indices, squares, shares = draws.indices[live], draws.squares[live], draws.shares[live]
    some = rows.subset(indices, shares)
    left = np.ones(len(indices))  # the part of its square that is still there
    swaps = []
    for gone in least_missed(centers, costs, max(1, len(centers) // 4)):
        candidates = np.unique(some.draw_far(random_state.random_sample(_CANDIDATES), left))
        distances = some.squared_distances(some.take(candidates)) / squares
        spared = shares * np.maximum(left - distances, 0.0)
        spread = np.sqrt(np.square(spared).sum(axis=1))
        gains = spared.sum(axis=1) - 2.0 * spread
        best = np.argmax(gains)
        if gains[best] <= costs[gone]:
            break
        swaps.append((gone, indices[candidates[best]]))
        np.minimum(left, distances[best], out=left)
    return swaps

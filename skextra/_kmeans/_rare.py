"""Rare groups, far from everything, that a sample has missed."""

import numpy as np

from skextra._kernels._kmeans_search import draw_in_order
from skextra._kmeans._lloyd import Assignment, Clustering, nearest
from skextra._kmeans._points import RoughFrameError
from skextra._kmeans._sample import draw, sample_size
from skextra._kmeans._search import least_missed
from skextra._kmeans._seeding import draw_by_mass

_DRAWS = 2048
_CANDIDATES = 16


def swap_to_far_groups(points, centers, random_state):
    """Return (`Clustering` by these centres, None), or (by better ones, a sample that shows why).

    Points are drawn with probability proportional to weight times squared distance to their
    centre (D^2 sampling), so that a group which matters is drawn however rare it is. A centre
    moves to such a point where that saves more than the centre is worth where it stands: local
    search in the sense of Lattanzi and Sohler [1]_. What a swap would save is estimated on the
    draws, and counted only as far as it exceeds two standard errors.

    .. [1] S. Lattanzi and C. Sohler, "A better k-means++ algorithm via local search", ICML 2019.
    """
    k, d = centers.shape
    chunks = len(points.bounds) - 1
    state = Assignment(points.n, k, d)
    if points.keeps_all_bounds(k):
        state.lower = np.empty((points.n, k), np.float32)
    costs = np.zeros(k)
    draws = _Draws(chunks, max(1, _DRAWS // chunks), random_state)
    points.assign(centers, state, True, costs, lambda *args: draws.take(points, *args))
    if not (np.isfinite(costs).all() and np.isfinite(draws.shares).all()):
        raise RoughFrameError
    swaps = _worthwhile(points, centers, costs, draws, random_state)
    if not swaps:
        return Clustering(centers, state, assigned=True), None
    swapped = centers.copy()
    swapped[[gone for gone, _ in swaps]] = points.rows(np.array([new for _, new in swaps]))
    sample = _mixed_sample(points, centers, draws, random_state)
    return Clustering(swapped, None), sample


def _mixed_sample(points, centers, draws, random_state):
    """Return (indices, weights) of a sample for `search` that no group far out can escape.

    It joins the draws of as many points as usual, the D^2 draws, and others in proportion to the
    squared distance from the mean (the lightweight coreset of Bachem, Lucic and Krause, KDD
    2018). Each point weighs the inverse of how often it was to be expected, so that sums over
    the sample estimate those over all points.
    """
    middle, same = np.zeros((1, points.d)), np.zeros(points.n, np.int32)
    around = _Draws(*draws.indices.shape, random_state)

    def look(number, start, stop):
        around.take(points, number, start, points.own_distances_in(middle, same, start, stop))

    points.each_chunk(look, points.work + 4)
    usual = draw(points, sample_size(points.n, points.d, len(centers)), random_state)[0]
    indices = np.unique(np.concatenate([usual, draws.indices.ravel(), around.indices.ravel()]))
    some = points.subset(indices)
    total = points.weights(0, points.n).sum()
    rate = np.full(len(indices), len(usual) / total)
    for drawn, places, unit in ((draws, centers, points.scale**2), (around, middle, 1.0)):
        squares = some.own_distances(places, nearest(some, places).labels) * unit
        rate += drawn.indices.size * squares / drawn.shares.sum()
    weight = points.weight[indices] if points.inc else np.ones(len(indices))
    return indices, weight / -np.expm1(-weight * rate)


class _Draws:
    """Points drawn in proportion to their squared distance, as many from every chunk."""

    def __init__(self, chunks, each, random_state):
        self._places = (np.arange(each) + random_state.random_sample((chunks, each))) / each
        self.indices = np.zeros((chunks, each), np.intp)
        self.squares = np.zeros((chunks, each))
        self.shares = np.zeros((chunks, each))  # what each draw stands for of the whole inertia

    def take(self, points, number, start, squares):
        """Draw from one chunk, given the squared distances of its points."""
        mass = squares
        if points.inc:
            mass = squares * points.weights(start, start + len(squares))
        at = np.empty(self.indices.shape[1], np.int64)
        total = draw_in_order(mass, self._places[number], at)
        self.indices[number] = start + at
        self.squares[number] = squares[at]
        self.shares[number] = total / len(at)


def _worthwhile(points, centers, costs, draws, random_state):
    """Return pairs (centre to be moved, point to move it to) that lower the inertia."""
    indices, squares, shares = (a.ravel() for a in (draws.indices, draws.squares, draws.shares))
    live = squares > 0
    indices, squares, shares = indices[live], squares[live], shares[live]
    if not len(indices):
        return []
    some = points.subset(indices)
    left = np.ones(len(indices))  # the part of its square that is still there
    swaps = []
    for gone in least_missed(centers, costs, max(1, len(centers) // 4)):
        places = random_state.random_sample(_CANDIDATES)
        candidates = np.unique(draw_by_mass(shares * left, places))
        distances = some.cross_distances(points.rows(indices[candidates])) / squares
        spared = shares * np.maximum(left - distances, 0.0)
        spread = np.sqrt(np.square(spared).sum(axis=1))
        gains = spared.sum(axis=1) - 2.0 * spread
        best = np.argmax(gains)
        if gains[best] <= costs[gone]:
            break
        swaps.append((gone, indices[candidates[best]]))
        np.minimum(left, distances[best], out=left)
    return swaps

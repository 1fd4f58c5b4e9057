"""The search for good centres, on few points of few features."""

import numpy as np

from skextra._kernels._kmeans_search import group, split_each
from skextra._kmeans._lloyd import Clustering, lloyd

_SETTLING = 6
_SPLITTING = 3
_LEAST_GAIN = 1e-4
_MOST_ROUNDS = 60
# Removing centres costs less than it seems, because the others close up, but not that much less:
# rounds rarely gain at a ratio above 1.7, and never much above 1.9.
_POOR, _HOPELESS = 1.7, 1.9
_TELLING = 16  # clusters from which that ratio tells enough to give up the search


def refine(points, centers, effort=1):
    """Lower the inertia by splitting clusters and removing others, as long as that pays.

    A round splits the m clusters that gain most from it in two, iterates, removes the m centres
    that are missed least, and iterates again; it is undone if the inertia has not fallen, and the
    next one moves fewer. This is in the line of breathing k-means (Fritzke 2020), which adds
    centres at random; split along the main direction of a cluster they are worth more, so that
    fewer rounds do. `effort` is how many splits may fail one by one at the end.
    """
    k = len(centers)
    best = lloyd(points, Clustering.start(points, centers), max_iter=_SETTLING)
    inertia = best.inertia(points)
    m = max(1, k // 4)
    skip, halves = 0, None
    for _ in range(_MOST_ROUNDS):
        if halves is None:
            halves = split_all(points, best)
        more, gone, prospect = _split(points, best, inertia, halves, m, skip)
        if more is None:
            break
        gain = 0.0
        if prospect < _HOPELESS:
            more.state.remove(gone)
            fewer = Clustering(np.delete(more.centers, gone, axis=0), more.state)
            trial = lloyd(points, fewer, max_iter=_SETTLING)
            fallen = trial.inertia(points)
            gain = inertia - fallen
            if gain > 0:
                best, inertia, halves = trial, fallen, None
        if gain > _LEAST_GAIN * inertia * max(1.0, m / 2.5):
            skip = 0
        elif m > 1:
            m = max(1, m // (2 if prospect < _POOR else 4))
        elif skip < min(effort, k) - 1 and (prospect < _POOR or k < _TELLING):
            skip += 1
        else:
            break
    return best


def _split(points, clustering, inertia, halves, m, skip):
    """Return (clustering with m more centres, m centres to remove, cost of that over the gain).

    `halves` is what `split_all` returned. The clustering is None if no split would help.
    """
    low, high, saved = halves
    chosen = np.argsort(-saved, kind="stable")[skip : skip + m]
    chosen = chosen[saved[chosen] > 0]
    if not len(chosen):
        return None, [], np.inf
    old = clustering.centers[chosen]
    way = max(np.square(half[chosen] - old).sum(axis=1).max() for half in (low, high))
    state = clustering.state.copy()
    state.split(chosen, np.sqrt(way) * points.scale)
    centers = np.concatenate([clustering.centers, high[chosen]])
    centers[chosen] = low[chosen]
    costs = np.zeros(len(centers))
    more = lloyd(points, Clustering(centers, state), max_iter=_SPLITTING, costs=costs)
    gone = least_missed(more.centers, costs, len(chosen))
    gain = (inertia - more.inertia(points)) * points.scale**2
    return more, gone, costs[gone].sum() / gain if gain > 0 else np.inf


def split_all(points, clustering):
    """Return (one half's centre, the other's, the inertia saved) for every cluster."""
    k, d = clustering.centers.shape
    order, bounds = np.empty(points.n, np.int64), np.zeros(k + 1, np.int64)
    group(clustering.state.labels, order, bounds)
    low, high = np.zeros((2, k, d))
    saved = np.zeros(k)
    centers = clustering.centers + points.offset
    split_each(points.X, points.weight, points.inc, order, bounds, centers, 0, k, low, high, saved)
    return low - points.offset, high - points.offset, saved


def least_missed(centers, costs, m):
    """Return m centres that cost little to remove, no two of which rely on each other."""
    if m == 1:
        return [int(np.argmin(costs))]
    removed, spared = [], set()
    squares = np.square(centers).sum(axis=1)
    for c in np.argsort(costs, kind="stable"):
        if len(removed) == m:
            break
        if c in spared:
            continue
        removed.append(c)
        distances = squares - 2 * centers @ centers[c]
        distances[removed] = np.inf
        spared.add(int(np.argmin(distances)))
    for c in np.argsort(costs, kind="stable"):
        if len(removed) == m:
            break
        if c not in removed:
            removed.append(c)
    return removed

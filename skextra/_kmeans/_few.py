"""The search for good centres on few points, for which a centre can be tried in many places."""

import numpy as np

from skextra._kernels._kmeans_few import search_by_jumps
from skextra._kmeans._lloyd import Clustering, nearest

# Work of a jump up to which jumps take no more time than splitting and merging, and end lower:
# three hundred points of two features and eight centres.
_MOST_WORK = 7_500
# Work of all jumps for each round asked for, about .1 ms, and the most jumps: forty points of two
# features and eight centres need 150 for the optimum, fifteen of four centres 30.
_ROUND = 15_500
_MOST_JUMPS = 30


def is_few(n, d, k):
    """Whether n points of d features are few enough for k centres to jump about."""
    return _work(n, d, k) <= _MOST_WORK


def _work(n, d, k):
    return n * d * (k + 4)  # what is done once for each point takes as long as four centres


def try_places(points, centers, random_state, rounds):
    """Return a clustering: centres jump to random points, and stay where that is better.

    The fewer the points, the more jumps there are in a round.
    """
    k = len(centers)
    rows = points.rows(np.arange(points.n)) * points.scale
    jumps = rounds * min(_MOST_JUMPS, _ROUND / _work(points.n, points.d, k))
    draws = random_state.random_sample((int(jumps), 2))
    labels = nearest(points, centers).labels
    places = centers * points.scale
    scratch = np.empty_like(labels), np.empty_like(places), np.empty(k)
    search_by_jumps(rows, points.shares(), draws, labels, places, *scratch)
    found = places / points.scale
    return Clustering(found, nearest(points, found), assigned=True)

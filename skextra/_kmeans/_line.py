"""Points on a line, whose best clusters are runs and can be computed."""

import numpy as np

from skextra._kernels._kmeans_line import add_up, best_starts
from skextra._kmeans._lloyd import Clustering, nearest

# Points times centres up to which this takes less time than a search that may miss the optimum,
# about 4 ms; the table of beginnings is 4 bytes for each.
_MOST_WORK = 60_000


def is_solvable(n, d, k):
    """Whether the best k centres can be computed: one feature, and not too many points."""
    return d == 1 and n * k <= _MOST_WORK


class BestRuns:
    """The best partitions of points on a line into 1, 2, ..., k runs.

    Best clusters on a line are runs of sorted points, and all but the last one part those before
    it best: dynamic programming (Wang & Song, "Ckmeans.1d.dp", The R Journal 3, 2011).
    """

    def __init__(self, points, k):
        x = points.rows(np.arange(points.n))[:, 0]
        order = np.argsort(x)
        self._points = points
        self._x, self._weight = x[order], points.shares()[order]
        self._starts = np.empty((min(k, points.n), points.n + 1), np.int32)
        # About one in size, and from the middle, where sums of squares are most exact.
        middle = self._x[points.n // 2]
        scaled = (self._x - middle) * points.scale
        sums = np.zeros((3, 2, points.n + 1))
        add_up(scaled, self._weight, sums)
        best_starts(scaled, self._weight, sums, self._starts)

    def clustering(self, k):
        """Return the `Clustering` by k centres, rising, than which none is better."""
        centers = self._centers(k)
        return Clustering(centers, nearest(self._points, centers), assigned=True)

    def _centers(self, k):
        """Return the means of the best k runs; the last one again and again if points are few."""
        runs = min(k, len(self._starts))
        begins = np.empty(runs, np.intp)
        end = len(self._x)
        for q in reversed(range(runs)):
            begins[q] = end = self._starts[q, end]
        low = self._x[begins]
        size = np.diff(begins, append=len(self._x))
        beyond = (self._x - np.repeat(low, size)) * self._weight
        means = low + np.add.reduceat(beyond, begins) / np.add.reduceat(self._weight, begins)
        return np.append(means, np.repeat(means[-1:], k - runs))[:, None]

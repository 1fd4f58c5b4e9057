"""Rows on a line, whose best clusters are runs and can be computed."""

import numpy as np

from skextra._kernels._kmeans_line import add_up, best_starts
from skextra._kmeans._lloyd import Clustering
from skextra._kmeans._rows import Rows


class BestRuns:
    """The best partitions of rows of one feature into 1, 2, ..., k runs.

    Best clusters on a line are runs of sorted rows, and all runs but the last are a best partition
    of the rows before it: dynamic programming (Wang & Song, "Ckmeans.1d.dp", The R Journal 3,
    2011).
    """

    def __init__(self, rows: Rows, k: int) -> None:
        n = rows.n
        x = rows.take(np.arange(n))[:, 0]
        order = np.argsort(x)
        self._rows = rows
        self._x, self._weight = x[order], rows.shares()[order]
        self._starts = np.empty((min(k, n), n + 1), np.int32)
        # About one in size, and from the middle, where sums of squares are most exact.
        scaled = (self._x - self._x[n // 2]) * rows.scale
        sums = np.zeros((3, 2, n + 1))
        add_up(scaled, self._weight, sums)
        best_starts(scaled, self._weight, sums, self._starts)

    def clustering(self, k: int) -> Clustering:
        """Return the best clustering by k centres, rising; few rows repeat the last one."""
        runs = min(k, len(self._starts))
        begins = np.empty(runs, np.intp)
        end = len(self._x)
        for q in reversed(range(runs)):
            begins[q] = end = self._starts[q, end]
        low = self._x[begins]
        size = np.diff(begins, append=len(self._x))
        beyond = (self._x - np.repeat(low, size)) * self._weight
        means = low + np.add.reduceat(beyond, begins) / np.add.reduceat(self._weight, begins)
        centers = np.append(means, np.repeat(means[-1:], k - runs))
        return Clustering.final(self._rows, centers[:, None])

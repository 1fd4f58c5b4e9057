"""The search for good centres on few rows, where a centre can be tried in many places."""

import numpy as np

from skextra._kernels._kmeans_few import Partition, search_by_jumps
from skextra._kmeans._lloyd import Clustering
from skextra._kmeans._rows import Floats, Rows


def random_swap(rows: Rows, centers: Floats, draws: Floats) -> Clustering:
    """Return a clustering: centres jump to random rows, and stay where that is better.

    ``draws[r]`` are two uniform numbers for each jump: which centre, and to which row.
    """
    unit, k = rows.scale, len(centers)
    places = rows.take(np.arange(rows.n)) * unit
    best = Partition(rows.nearest(centers).labels, centers * unit, np.empty(k))
    trial = Partition(np.empty_like(best.labels), np.empty_like(best.centers), np.empty(k))
    search_by_jumps(places, rows.shares(), draws, tuple(best), tuple(trial))
    return Clustering.final(rows, best.centers / unit)

"""What single samples do to the inertia."""

import numpy as np

from skextra._kmeans._lloyd import nearest


def influence(points, centers):
    """Return how much the inertia falls without each point, labels staying as they are.

    Of a cluster of weight W about its mean, a point of weight w at squared distance q takes away
    w q and what the mean, moving off by w / (W - w) times its distance, spares the others: W w /
    (W - w) q together (the parallel-axis theorem).
    """
    state = nearest(points, centers)
    squares = points.own_distances(centers, state.labels)
    weight = points.weights(0, points.n)
    total = np.bincount(state.labels, weight, minlength=len(centers))[state.labels]
    rest = total - weight
    factor = np.divide(total * weight, rest, out=np.zeros_like(rest), where=rest > 0)
    return factor * squares

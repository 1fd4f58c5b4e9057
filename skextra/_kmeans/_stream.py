"""Data that come in chunks."""

import numpy as np

from skextra._kmeans._lloyd import nearest
from skextra._kmeans._solve import Solution


def absorb(points, exact, published, counts, n_iter):
    """Return the solution after a chunk: each centre the mean of all that was ever nearest to it.

    `published` are the centres that decide, `exact` the same before they were rounded; both, and
    the points, in the same frame. Raise ValueError if the chunk is beyond the range of numbers.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        state = nearest(points, published.astype(np.float64) - points.offset)
        counts = counts + state.counts
        share = np.where(counts > 0, counts, 1.0)[:, None]
        centers = exact - points.offset
        centers = centers + (state.sums - state.counts[:, None] * centers) / share
        exact = centers + points.offset
        rounded = exact.astype(published.dtype)
        centers = rounded.astype(np.float64) - points.offset
        labels = nearest(points, centers).labels
        inertia = points.inertia(centers, labels)
    if not (np.isfinite(rounded).all() and np.isfinite(inertia)):
        raise ValueError(
            "X spreads so far that squared distances are beyond the range of float64; scale it, "
            "for example with StandardScaler."
        )
    return Solution(rounded, exact, labels, inertia, n_iter, counts, None)

"""A weighted sample of rows that no group far out escapes."""

import numpy as np

from skextra._kmeans._local_rows import chunk_bounds
from skextra._kmeans._local_search import draw_places
from skextra._kmeans._rows import Floats, Indices, RoughFrameError, Rows


def coreset(rows: Rows, size: int, random_state: np.random.RandomState) -> tuple[Indices, Floats]:
    """Return (indices, weights) of a sample: rows drawn by weight, and others far from the mean.

    The former are `size`, the latter are drawn in proportion to their weight times the squared
    distance from the mean (the lightweight coreset of Bachem, Lucic and Krause, KDD 2018). The
    weight of each row is divided by the probability that it is drawn, so that sums over the sample
    estimate those over all rows. Raise RoughFrameError if squares are beyond the range of numbers.
    """
    middle = np.zeros((1, rows.d))
    far = rows.draw_around(middle[0], draw_places(rows, random_state))
    usual, _ = rows.draw(size, random_state)
    indices = np.union1d(usual, far.indices)
    weight = rows.weights(indices)
    weight = np.ones(len(indices)) if weight is None else weight
    # As many are drawn from every chunk, whatever its sum.
    share = far.shares[np.searchsorted(chunk_bounds(rows.n)[1:], indices, "right"), 0]
    if not np.isfinite(share).all():
        raise RoughFrameError
    mass = weight * rows.subset(indices).own_squares(middle, np.zeros(len(indices), np.int32))
    often = np.divide(mass, share, out=np.zeros_like(mass), where=share > 0)
    missed = _missed(weight * (size / rows.total_weight())) + _missed(often)
    return indices, weight / -np.expm1(missed)


def _missed(expected):
    """Return the logarithm of the probability to miss rows, by how often they are to be drawn.

    Draws are spread evenly, so that a row expected once is not missed.
    """
    return np.log1p(-np.minimum(expected, 1.0 - np.finfo(np.float64).eps))

"""Rows to be clustered, wherever they live: what the stages of a fit may ask of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


class RoughFrameError(ArithmeticError):
    """Some row lies so far out that a frame made from a part of the rows does not fit it."""


@dataclass
class Draws:
    """Rows drawn in proportion to their weight times a squared distance, as many a chunk.

    All are of shape (n_chunks, n_draws).
    """

    indices: np.ndarray
    squares: np.ndarray  # the squared distances
    shares: np.ndarray  # what each draw stands for of the sum over all rows


class Rows(ABC):
    """Weighted rows in a frame: every pass over all rows is a method, and nothing else is.

    Centres are given and returned relative to `offset`, in float64. Labels are whatever
    `Assignment.labels` holds: the stages hand them on and do not read them, unless the rows are
    few. A sum over all rows is made of the sums of chunks, in order, so that neither threads nor
    the place where a chunk lives change a bit of it.

    Attributes
    ----------
    n, d : int
        Numbers of rows and of features.
    n_chunks : int
        Number of chunks, which depends on n alone.
    dtype : dtype
        That of the results: the dtype of the data, or float64 if they are integers.
    is_dense : bool
        Whether rows are taken as arrays, not as CSR matrices.
    offset : ndarray of shape (d,)
        Roughly the mean of the rows, subtracted from all; zero if they are sparse.
    scale : float
        The power of two that brings the data to a variance of about one, where squares neither
        overflow nor vanish in float32. Bounds and costs are in terms of scaled lengths.
    variance : ndarray of shape (d,)
        The variance of every feature. Rows in a given frame have none.
    """

    n: int
    d: int
    n_chunks: int
    dtype: np.dtype
    is_dense: bool
    offset: np.ndarray
    scale: float
    variance: np.ndarray

    @abstractmethod
    def take(self, indices):
        """Return some rows relative to the offset, as a float64 array."""

    @abstractmethod
    def take_scaled(self, indices):
        """Return some rows relative to the offset, scaled and in float32; CSR if not dense."""

    @abstractmethod
    def subset(self, indices, weight=None):
        """Return some of the rows in the same frame, of weight one unless given, as `Rows`."""

    @abstractmethod
    def weights(self, indices):
        """Return the weights of some rows; None if all weigh one."""

    @abstractmethod
    def total_weight(self):
        """Return the sum of all weights."""

    @abstractmethod
    def shares(self):
        """Return all weights as shares of the largest, which neither overflow nor are zero."""

    @abstractmethod
    def draw(self, size, random_state):
        """Return (rising indices, weights or None) of a sample in proportion to the weights."""

    @abstractmethod
    def choose(self, k, random_state):
        """Return the indices of k rows drawn by weight, distinct if possible."""

    @abstractmethod
    def draw_far(self, places, closest=None):
        """Return the indices where the running sum of weight times `closest` passes `places`.

        `places` are in [0, 1); `closest` is as returned by `approach`, or None for the weights.
        """

    @abstractmethod
    def approach(self, index, closest=None):
        """Return the squared distance of every row to the nearest of the rows chosen so far.

        These are the row `index` and those that `closest`, if given, was returned for.
        """

    @abstractmethod
    def potentials(self, centers, closest):
        """Return the weighted sums of the squared distances if each centre were added alone."""

    @abstractmethod
    def squared_distances(self, centers):
        """Return the squared distances to a few centres, (n_centers, n), scaled and float32."""

    @abstractmethod
    def unassigned(self, k, pairs=False):
        """Return an `Assignment` to k centres in which no row has a label yet.

        With `pairs` it will keep a lower bound for every pair of row and centre.
        """

    @abstractmethod
    def bounds_pairs(self, k, algorithm="auto"):
        """Return whether an algorithm should keep a bound for every pair of row and centre."""

    @abstractmethod
    def assign(self, centers, assignment, *, full=False, costs=False, places=None):
        """Move every row to its nearest centre, and update the assignment.

        With `full` every row is evaluated, and only then is more to be had: with `costs`, what
        removing each centre would add to the inertia (scaled); with `places`, uniform numbers of
        shape (n_chunks, n_draws), rows drawn by their squared distance (scaled) to their centre.
        Returned are (number of labels changed, costs, `Draws` or None).
        """

    @abstractmethod
    def inertia(self, centers, labels):
        """Return the weighted sum of the squared distances of the rows to their centres."""

    @abstractmethod
    def own_squares(self, centers, labels):
        """Return the squared distance of every row to its centre."""

    @abstractmethod
    def draw_around(self, center, places):
        """Return `Draws` by the squared distance to one centre; `places` as in `assign`."""

    @abstractmethod
    def farthest(self, centers, labels, m):
        """Return the indices of the m rows farthest from their centres, or of all that are off."""

    @abstractmethod
    def totals_of(self, labels, cluster):
        """Return (sum of the rows of a cluster, their weight)."""

    @abstractmethod
    def means(self, labels, k, indices=None, weight=None):
        """Return the means of k groups of rows: of those at `indices`, weighted; None is all."""

    @abstractmethod
    def can_project(self, n_axes):
        """Return whether projections of all rows on axes take no more than half of their room."""

    @abstractmethod
    def project(self, axes):
        """Return all rows projected on axes (the columns), scaled, as `Rows` of few features."""

    def iterate(self, centers, assignment, max_iter, tol, costs):
        """Run all of Lloyd's iterations in one call; None if they are better called one by one.

        Returned are (centres, iterations, labels changed in the last one, costs as in `assign`).
        """
        return None

    def nearest(self, centers):
        """Return the assignment of all rows to these centres."""
        assignment = self.unassigned(len(centers))
        self.assign(centers, assignment, full=True)
        return assignment

"""Rows to be clustered, wherever they live: what the stages of a fit may ask of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skextra._kmeans._lloyd import Assignment
from skextra._typing import FloatMatrix

Indices: TypeAlias = NDArray[np.intp]
Floats: TypeAlias = NDArray[np.float64]
Rough: TypeAlias = NDArray[np.float32]


# Lengths (scaled) from which the products of a few are beyond float32.
FAR = 1e9


class RoughFrameError(ArithmeticError):
    """Some row lies so far out that a frame made from a part of the rows does not fit it."""


@dataclass
class Draws:
    """Rows drawn in proportion to their weight times a squared distance, as many a chunk.

    All are of shape (n_chunks, n_draws).
    """

    indices: Indices
    squares: Floats  # the squared distances
    shares: Floats  # what each draw stands for of the sum over all rows


class Rows(ABC):
    """Weighted rows in a frame: every pass over all rows is a method, and nothing else is.

    Centres are given and returned relative to `offset`, in float64. Labels are whatever
    `Assignment.labels` holds: the stages pass them on. Sums of coordinates, weights and squared
    distances over all rows are sums of chunks, in order, so that neither threads nor the place of
    a chunk change a bit of them. What reads labels or weights of all rows at once is relocation,
    the history and the count of filled clusters; what sums them at once is `total_weight` and the
    draws.

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
        Roughly the mean of the rows, or of those nearby if others lie far out; subtracted from
        all. Zero if they are sparse.
    scale : float
        The power of two that brings the data to a variance of about one, where squares neither
        overflow nor vanish in float32. Bounds and costs are in terms of scaled lengths.
    variance : ndarray of shape (d,)
        The variance of every feature, without a few rows that would make up most of it. Rows in a
        given frame have none.
    threads : int
        Number of threads for loops over a sample in this process.
    """

    n: int
    d: int
    n_chunks: int
    dtype: np.dtype[Any]
    is_dense: bool
    offset: Floats
    scale: float
    variance: Floats
    threads: int

    @abstractmethod
    def take(self, indices: Indices) -> Floats:
        """Return some rows relative to the offset, as a float64 array."""

    @abstractmethod
    def take_scaled(self, indices: Indices) -> FloatMatrix:
        """Return some rows relative to the offset, scaled and in float32; CSR if not dense."""

    @abstractmethod
    def subset(self, indices: Indices, weight: Floats | None = None) -> Self:
        """Return some of the rows in the same frame, of weight one unless given, as `Rows`."""

    @abstractmethod
    def weights(self, indices: Indices) -> Floats | None:
        """Return the weights of some rows; None if all weigh one."""

    @abstractmethod
    def total_weight(self) -> float:
        """Return the sum of all weights."""

    @abstractmethod
    def shares(self) -> Floats:
        """Return all weights as shares of the largest, which neither overflow nor are zero."""

    @abstractmethod
    def draw(
        self, size: int, random_state: np.random.RandomState
    ) -> tuple[Indices, Floats | None]:
        """Return (rising indices, weights or None) of a sample in proportion to the weights."""

    @abstractmethod
    def choose(self, k: int, random_state: np.random.RandomState) -> Indices:
        """Return the indices of k rows drawn by weight, distinct if possible."""

    @abstractmethod
    def draw_far(self, places: Floats, closest: Rough | None = None) -> Indices:
        """Return the indices where the running sum of weight times `closest` passes `places`.

        `places` are in [0, 1); `closest` is as returned by `approach`, or None for the weights.
        """

    @abstractmethod
    def approach(self, index: int, closest: Rough | None = None) -> Rough:
        """Return the squared distance of every row to the nearest of the rows chosen so far.

        These are the row `index` and those that `closest`, if given, was returned for.
        """

    @abstractmethod
    def potentials(self, centers: Floats, closest: Rough) -> Floats:
        """Return the weighted sums of the squared distances if each centre were added alone."""

    @abstractmethod
    def squared_distances(self, centers: Floats) -> Rough:
        """Return the squared distances to a few centres, (n_centers, n), scaled and float32."""

    @abstractmethod
    def unassigned(self, k: int, pairs: bool = False) -> Assignment:
        """Return an `Assignment` to k centres in which no row has a label yet.

        With `pairs` it will keep a lower bound for every pair of row and centre.
        """

    @abstractmethod
    def bounds_pairs(self, k: int, algorithm: Literal["auto", "lloyd", "elkan"] = "auto") -> bool:
        """Return whether an algorithm should keep a bound for every pair of row and centre."""

    @abstractmethod
    def assign(
        self,
        centers: Floats,
        assignment: Assignment,
        *,
        full: bool = False,
        costs: bool = False,
        places: Floats | None = None,
    ) -> tuple[int, Floats, Draws | None]:
        """Move every row to its nearest centre, and update the assignment.

        With `full` every row is evaluated, and only then is more to be had: with `costs`, what
        removing each centre would add to the inertia (scaled); with `places`, uniform numbers of
        shape (n_chunks, n_draws), rows drawn by their squared distance (scaled) to their centre.
        Returned are (number of labels changed, costs, `Draws` or None).
        """

    @abstractmethod
    def inertia(self, centers: Floats, labels: NDArray[np.int32]) -> float:
        """Return the weighted sum of the squared distances of the rows to their centres."""

    @abstractmethod
    def own_squares(self, centers: Floats, labels: NDArray[np.int32]) -> Floats:
        """Return the squared distance of every row to its centre."""

    @abstractmethod
    def draw_around(self, center: Floats, places: Floats) -> Draws:
        """Return `Draws` by the squared distance to one centre; `places` as in `assign`."""

    @abstractmethod
    def farthest(self, centers: Floats, labels: NDArray[np.int32], m: int) -> Indices:
        """Return the indices of the m rows farthest from their centres, or of all that are off."""

    @abstractmethod
    def totals_of(self, labels: NDArray[np.int32], cluster: int) -> tuple[Floats, float]:
        """Return (sum of the rows of a cluster, their weight)."""

    @abstractmethod
    def means(
        self,
        labels: NDArray[np.int32],
        k: int,
        indices: Indices | None = None,
        weight: Floats | None = None,
    ) -> Floats:
        """Return the means of k groups of rows: of those at `indices`, weighted; None is all."""

    @abstractmethod
    def can_project(self, n_axes: int) -> bool:
        """Return whether projections of all rows on axes take no more than half of their room."""

    @abstractmethod
    def project(self, axes: Rough) -> "Rows":
        """Return all rows projected on axes (the columns), scaled, as `Rows` of few features."""

    def iterate(
        self, centers: Floats, assignment: Assignment, max_iter: int, tol: float, costs: bool
    ) -> tuple[Floats, int, int, Floats] | None:
        """Run all of Lloyd's iterations in one call; None if they are better called one by one.

        Returned are (centres, iterations, labels changed in the last one, costs as in `assign`).
        """
        return None

    def nearest(self, centers: Floats) -> Assignment:
        """Return the assignment of all rows to these centres."""
        assignment = self.unassigned(len(centers))
        self.assign(centers, assignment, full=True)
        return assignment

    def nearest_labels(self, centers: Floats) -> NDArray[np.int32]:
        """Return the nearest of these centres for every row."""
        return self.nearest(centers).labels

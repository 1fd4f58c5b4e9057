"""What k-means measures: how far samples are apart, or how far apart they point."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from skextra._kmeans._directions import directions

if TYPE_CHECKING:
    from skextra._kmeans._lloyd import Assignment
    from skextra._kmeans._rows import Floats
    from skextra._typing import FloatArray, FloatMatrix

# A mean of unit rows that is shorter than this is nothing but rounding of running sums.
_LEAST_LENGTH = 1e-9


class Metric(ABC):
    """Which rows stand for the samples, and where the centre of a cluster belongs.

    All else is common to all metrics: rows are assigned to centres, and searched for them, by
    squared Euclidean distance.

    Attributes
    ----------
    name : str
        The parameter `metric` of `KMeansPP`.
    unit : float
        What a squared distance between a row and a centre adds to the inertia.
    places_means : bool
        Whether centres may differ from the means of their clusters.
    """

    name: Literal["euclidean", "cosine"]
    unit: float
    places_means: bool

    @abstractmethod
    def rows(self, X: FloatMatrix, name: str = "X") -> FloatMatrix:
        """Return the rows for validated samples; `name` is what errors call them."""

    @abstractmethod
    def place(self, means: Floats, otherwise: Floats, offset: Floats) -> Floats:
        """Return the centres of clusters with these means; one that has none is `otherwise`.

        All are relative to the offset.
        """

    @abstractmethod
    def moved(self, offset: Floats, scale: float) -> Metric:
        """Return the metric of rows from which an offset is subtracted before they are scaled."""

    @abstractmethod
    def means(self, centers: Floats, assignment: Assignment) -> Floats:
        """Return the means of clusters with these centres, relative to the offset."""

    @abstractmethod
    def pulls(self, assignment: Assignment, offset: Floats) -> Floats:
        """Return what a squared move of each centre to its place takes off the inertia, (k,)."""

    @abstractmethod
    def distances(self, lengths: FloatArray) -> FloatArray:
        """Return what users call distances, given Euclidean ones, which may be overwritten."""

    @abstractmethod
    def influence(
        self, labels: NDArray[np.int32], weight: Floats, squares: Floats, k: int
    ) -> Floats:
        """Return how much the inertia falls without each row, labels staying as they are.

        `squares` are the squared distances of the rows to their centres.
        """


class Euclidean(Metric):
    """Squared Euclidean distance, of which means are the best centres."""

    name = "euclidean"
    unit = 1.0
    places_means = False

    def rows(self, X: FloatMatrix, name: str = "X") -> FloatMatrix:
        return X

    def place(self, means: Floats, otherwise: Floats, offset: Floats) -> Floats:
        return means

    def moved(self, offset: Floats, scale: float) -> Metric:
        return self

    def means(self, centers: Floats, assignment: Assignment) -> Floats:
        return centers

    def pulls(self, assignment: Assignment, offset: Floats) -> Floats:
        return assignment.counts

    def distances(self, lengths: FloatArray) -> FloatArray:
        return lengths

    def influence(
        self, labels: NDArray[np.int32], weight: Floats, squares: Floats, k: int
    ) -> Floats:
        # Of a cluster of weight W about its mean, a row of weight w at squared distance q takes
        # away w q and what the mean, which moves by w / (W - w) of its distance, spares the
        # others: W w / (W - w) q together (the parallel-axis theorem).
        total = np.bincount(labels, weight, minlength=k)[labels]
        rest = total - weight
        factor = np.divide(total * weight, rest, out=np.zeros_like(rest), where=rest > 0)
        return factor * squares


class Cosine(Metric):
    """One minus the cosine of an angle: half the squared distance between unit rows.

    Their sum over a cluster is lowest for the unit centre in the direction of the mean. Unit rows
    and centres lie on a sphere, which has been `moved` with the rows if these have.
    """

    name = "cosine"
    unit = 0.5
    places_means = True

    def __init__(self, origin: Floats | float = 0.0, radius: float = 1.0) -> None:
        self._origin, self._radius = origin, radius

    def rows(self, X: FloatMatrix, name: str = "X") -> FloatMatrix:
        return directions(X, name)

    def place(self, means: Floats, otherwise: Floats, offset: Floats) -> Floats:
        shift = offset - self._origin
        centers = means + shift
        length = np.sqrt(np.einsum("kd,kd->k", centers, centers))[:, None]
        points = length > _LEAST_LENGTH * self._radius
        centers *= self._radius / np.where(points, length, self._radius)
        centers -= shift
        return centers if points.all() else np.where(points, centers, otherwise)

    def moved(self, offset: Floats, scale: float) -> Metric:
        return Cosine(-scale * offset, scale)

    def means(self, centers: Floats, assignment: Assignment) -> Floats:
        counts = assignment.counts[:, None]
        return np.divide(assignment.sums, counts, out=centers.copy(), where=counts > 0)

    def pulls(self, assignment: Assignment, offset: Floats) -> Floats:
        # With the sum S of its rows, a cluster has the inertia 2 (W - c.S), lowest in the
        # direction of S, which is |S| |c - S / |S||^2 below that of c.
        sums = assignment.sums + assignment.counts[:, None] * (offset - self._origin)
        return np.sqrt(np.einsum("kd,kd->k", sums, sums)) / self._radius

    def distances(self, lengths: FloatArray) -> FloatArray:
        np.square(lengths, out=lengths)
        lengths *= lengths.dtype.type(self.unit)
        return lengths

    def influence(
        self, labels: NDArray[np.int32], weight: Floats, squares: Floats, k: int
    ) -> Floats:
        # The inertia of a cluster of weight W, whose weighted rows sum to a vector of length R, is
        # W - R. Without a row of weight w at distance q that vector has a length of
        # sqrt((R - w)^2 + 2 w R q), so that the inertia falls by this less R - w.
        lost = weight * self.unit * squares
        length = np.bincount(labels, weight - lost, minlength=k)[labels]
        gap = length - weight
        grown = 2.0 * length * lost
        root = np.sqrt(np.square(gap) + np.maximum(grown, 0.0))
        # The same as root - gap, without its cancellation for a light row of a heavy cluster.
        return np.divide(grown, root + gap, out=root - gap, where=gap > 0)


EUCLIDEAN = Euclidean()
METRICS: dict[str, Metric] = {metric.name: metric for metric in (EUCLIDEAN, Cosine())}

"""What a k-means fit did in every iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import check_array

from skextra._base import import_extra
from skextra._kmeans._metric import METRICS
from skextra._typing import FloatArray, MatrixLike

if TYPE_CHECKING:
    import pandas as pd

    from skextra._kmeans._lloyd import Step
    from skextra._kmeans._rows import Rows


@dataclass(frozen=True, eq=False)
class KMeansHistory:
    """Every iteration of a k-means fit, as kept by ``KMeansPP(store_history=True)``.

    Parameters
    ----------
    centers : ndarray of shape (n_iter + 1, n_clusters, n_features)
        The centres at the start and after each iteration.

    inertia : ndarray of shape (n_iter + 1,)
        The inertia of these centres, with every sample assigned to the nearest.

    n_changed : ndarray of shape (n_iter,)
        How many samples each iteration moved to another cluster. The first moves all samples of
        positive weight.

    center_shift : ndarray of shape (n_iter, n_clusters)
        How far each iteration moved each centre (Euclidean, also on the sphere).

    metric : {'euclidean', 'cosine'}, default='euclidean'
        The metric of the fit. With 'cosine' centres are of unit length.

    Notes
    -----
    The centres are kept, not the labels: `labels` recomputes those of an iteration.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra import KMeansPP
    >>> X = np.array([[0.0], [1.0], [9.0], [10.0]])
    >>> start = np.array([[0.0], [1.0]])
    >>> history = KMeansPP(2, init=start, store_history=True).fit(X).history_
    >>> history.centers[:, :, 0].tolist()
    [[0.0, 1.0], [0.0, 6.666666666666667], [0.5, 9.5], [0.5, 9.5]]
    >>> history.labels(X, 0).tolist()
    [0, 1, 1, 1]
    """

    centers: FloatArray
    inertia: NDArray[np.float64]
    n_changed: NDArray[np.int64]
    center_shift: NDArray[np.float64]
    metric: Literal["euclidean", "cosine"] = "euclidean"

    @property
    def n_iter(self) -> int:
        """Number of iterations."""
        return len(self.n_changed)

    def labels(self, X: MatrixLike, iteration: int) -> NDArray[np.int32]:
        """Return the cluster of every sample for the centres after an iteration.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples, usually those of the fit.

        iteration : int
            0 for the start, -1 for the end.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Index of the nearest centre.
        """
        if not 0 <= iteration + (len(self.centers) if iteration < 0 else 0) < len(self.centers):
            raise ValueError(f"iteration={iteration} must lie between 0 and {self.n_iter}.")
        centers = self.centers[iteration].astype(np.float64)
        X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
        if X.shape[1] != centers.shape[1]:
            raise ValueError(f"X has {X.shape[1]} features, but the fit had {centers.shape[1]}.")
        X = METRICS[self.metric].rows(X)
        if not sparse.issparse(X):  # far from the origin, squares would cancel
            shift = centers.mean(axis=0)
            X, centers = X - shift, centers - shift
        return pairwise_distances_argmin(X, centers.astype(X.dtype)).astype(np.int32)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for the start and every iteration, as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns `inertia`, `n_changed` and `largest_shift`, indexed by the iteration. The last
            two are zero for the start.
        """
        pandas = import_extra("pandas", "plot", "KMeansHistory.to_frame")
        index = pandas.RangeIndex(self.n_iter + 1, name="iteration")
        return pandas.DataFrame(
            {
                "inertia": self.inertia,
                "n_changed": np.append(0, self.n_changed),
                "largest_shift": np.append(0.0, self.center_shift.max(axis=1)),
            },
            index=index,
        )


class Recorder:
    """Gather the iterations of one run; `repeats` is how many samples each row stands for."""

    def __init__(
        self, rows: Rows, repeats: NDArray[np.int64], metric: Literal["euclidean", "cosine"]
    ) -> None:
        self._rows, self._metric = rows, metric
        self._repeats = repeats
        self._labels = np.full(rows.n, -1)
        self._centers, self._inertia, self._changed = [], [], []

    def add(self, step: Step) -> None:
        """Add one iteration."""
        self._centers.append((step.centers + self._rows.offset).astype(self._rows.dtype))
        self._inertia.append(step.inertia())
        self._changed.append(int(self._repeats[step.labels != self._labels].sum()))
        self._labels = step.labels.copy()

    def close(self, centers: FloatArray, inertia: float) -> KMeansHistory:
        """Return the history, given where the run ended."""
        centers = np.stack([*self._centers, centers])
        shifts = np.diff(centers.astype(np.float64, copy=False), axis=0)
        return KMeansHistory(
            centers,
            np.array([*self._inertia, inertia]),
            np.array(self._changed),
            np.sqrt(np.square(shifts).sum(axis=2)),
            self._metric,
        )

"""The samples as given, and the rows that stand for them."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.metrics import euclidean_distances
from sklearn.utils.validation import _check_sample_weight

from skextra._common._blas_limit import single_blas_thread
from skextra._common._canonical import canonical
from skextra._common._csr import without_repeats
from skextra._kmeans._csr_rows import CsrRows
from skextra._kmeans._dense_rows import MOST_NARROW, NarrowRows, WideRows
from skextra._kmeans._local_rows import LocalRows, floating, threads_for
from skextra._kmeans._metric import Metric
from skextra._kmeans._rows import Floats, RoughFrameError, Rows
from skextra._typing import FloatArray, FloatMatrix

if TYPE_CHECKING:
    from skextra._kmeans._run import Solution

Result = TypeVar("Result")
# How `check_array` and `validate_data` are asked for samples.
ACCEPTED = {
    "accept_sparse": "csr",
    "dtype": [np.float64, np.float32, np.uint8, np.int8, np.uint16, np.int16, np.bool_],
    "order": "C",
    "copy": False,
}
# Entries from which small integers are kept as they are: 64 MiB in float64. The loops take some
# seconds to compile for another type, once in an installation, which smaller data do not repay.
_MANY_ENTRIES = 2**23


class TrainingData:
    """Validated samples with their weights, and the rows to be clustered in their place.

    Left out are samples that weigh nothing; small data are brought into an order of their own
    (see `canonical`). Equal weights are the same as none but for the `unit` of all weights.
    `inertia_unit` is what a squared distance of the rows adds to the inertia.
    """

    def __init__(self, X: FloatMatrix, weight: Floats | None, metric: Metric) -> None:
        X = self._X = metric.rows(X)
        self._all_count = weight is None or bool(weight.all())
        if not self._all_count:
            kept = np.flatnonzero(weight)
            X, weight = X[kept], weight[kept]
        self.unit = 1.0
        if weight is not None and (weight == weight[0]).all():
            self.unit, weight = float(weight[0]), None
        self.inertia_unit = self.unit * metric.unit
        self._distinct, self._weight, self._place = canonical(X, weight)
        self.n_rows, self.n_features = self._distinct.shape

    def in_a_frame(self, task: Callable[[Rows], Result], k: int, roughly: bool) -> Result:
        """Return what ``task(rows)`` returns; if a rough frame does not fit, in an exact one.

        The task meets about k centres.
        """
        threads = threads_for(self._distinct, k)
        is_wide = not sparse.issparse(self._distinct) and self.n_features > MOST_NARROW
        multiplies = is_wide and k >= WideRows.products_from
        # Once for all passes: the limit takes some .1 ms, as long as a short pass.
        with single_blas_thread() if multiplies else nullcontext():
            for rough in (roughly, False):
                try:
                    return task(rows_of(self._distinct, self._weight, threads, roughly=rough))
                except RoughFrameError:
                    pass
        raise ValueError("X has samples of little weight too far out for float32; scale X.")

    def repeats(self) -> NDArray[np.int64]:
        """Return how many samples each row stands for."""
        if self._place is None:
            return np.ones(self.n_rows, np.int64)
        return np.bincount(self._place)

    def restore(self, solution: "Solution", rows: LocalRows) -> "Solution":
        """Return the solution with labels for all samples and inertias in their weights."""
        labels, history = solution.labels, solution.history
        if self._place is not None:
            labels = labels[self._place]
        if not self._all_count:
            everyone = rows_of(self._X, None, rows.threads, (rows.offset, rows.scale))
            centers = solution.centers.astype(np.float64) - rows.offset
            labels = everyone.nearest_labels(centers)
        return replace(
            solution,
            labels=labels,
            inertia=solution.inertia * self.inertia_unit,
            counts=solution.counts * self.unit,
            history=history and replace(history, inertia=history.inertia * self.inertia_unit),
        )


def tidy(X: FloatMatrix, sample_weight: ArrayLike | None) -> tuple[FloatMatrix, Floats | None]:
    """Return (X without repeated entries, checked weights or None).

    X is floating, except for very many integers of one or two bytes, which the loops convert to
    float64 one by one.
    """
    if X.dtype.kind != "f" and (sparse.issparse(X) or X.size < _MANY_ENTRIES):
        X = X.astype(np.float64)
    elif X.dtype == np.bool_:
        X = X.view(np.uint8)
    if sparse.issparse(X):
        X = without_repeats(X)
    if sample_weight is not None:
        options = {"dtype": np.float64, "ensure_non_negative": True}
        sample_weight = _check_sample_weight(sample_weight, X, **options)
    return X, sample_weight


def rows_of(
    X: FloatMatrix,
    weight: Floats | None,
    threads: int,
    frame: tuple[Floats, float] | None = None,
    roughly: bool = False,
) -> LocalRows:
    """Return validated samples as `LocalRows`."""
    dense = NarrowRows if X.shape[1] <= MOST_NARROW else WideRows
    kind = CsrRows if sparse.issparse(X) else dense
    return kind(X, weight, threads, frame, roughly)


def distances(X: FloatMatrix, centers: FloatArray, offset: Floats) -> FloatArray:
    """Return the distance of each row to each centre; dense ones are taken from an offset."""
    if sparse.issparse(X):
        return euclidean_distances(X, centers.astype(X.dtype))
    out = np.empty((len(X), len(centers)), floating(X))
    rows = rows_of(X, None, threads_for(X, len(centers)), (offset, 1.0))
    if not rows.measure(centers - offset, out):
        raise ValueError(
            f"X goes up to {np.abs(X).max():g}, the square of which overflows; scale it, for "
            "example with StandardScaler."
        )
    return out

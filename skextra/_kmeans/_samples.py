"""The samples as given, and the points that stand for them."""

import numpy as np
from scipy import sparse
from sklearn.metrics import euclidean_distances
from sklearn.utils import gen_batches
from sklearn.utils.validation import _check_sample_weight

from skextra._common._canonical import canonical
from skextra._common._csr import without_repeats
from skextra._common._threads import available_threads
from skextra._kmeans._dense import DensePoints
from skextra._kmeans._lloyd import nearest
from skextra._kmeans._points import RoughFrameError, floating
from skextra._kmeans._sparse import SparsePoints

# How `check_array` and `validate_data` are asked for samples.
ACCEPTED = {
    "accept_sparse": "csr",
    "dtype": [np.float64, np.float32, np.uint8, np.int8, np.uint16, np.int16, np.bool_],
    "order": "C",
    "copy": False,
}


# Entries from which small integers are kept as they are: 64 MiB in float64. The loops take some
# seconds to compile for another type, once in an installation, which less would not be worth.
_MANY_ENTRIES = 2**23


def tidy_samples(X, sample_weight):
    """Return (X without repeated entries, checked weights or None).

    X is floating, but for very many integers of one or two bytes, which the loops take as
    float64 one by one.
    """
    if X.dtype.kind != "f" and (sparse.issparse(X) or X.size < _MANY_ENTRIES):
        X = X.astype(np.float64)
    elif X.dtype == np.bool_:
        X = X.view(np.uint8)
    X = without_repeats(X)
    if sample_weight is None:
        return X, None
    return X, _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


def distances(X, centers, offset):
    """Return the distance of each row to each centre; dense ones are taken from an offset."""
    if sparse.issparse(X):
        return euclidean_distances(X, centers.astype(X.dtype))
    out = np.empty((len(X), len(centers)), floating(X))
    for part in gen_batches(len(X), 4096):
        out[part] = euclidean_distances(X[part] - offset, centers - offset)
        if not np.isfinite(out[part]).all():
            raise ValueError(
                f"X goes up to {np.abs(X[part]).max():g}, the square of which overflows; scale "
                "it, for example with StandardScaler."
            )
    return out


def as_points(X, weight, threads, frame=None, roughly=False):
    """Wrap validated rows."""
    kind = SparsePoints if sparse.issparse(X) else DensePoints
    return kind(X, weight, threads, frame, roughly)


def in_a_frame(work, X, weight, roughly):
    """Return what `work` makes of `Samples`; if they are too rough for it, of exact ones.

    ``roughly(n)`` says whether a look at some of n points will do for a frame.
    """
    threads = available_threads()
    for rule in (roughly, lambda _: False):
        try:
            return work(Samples(X, weight, threads, rule))
        except RoughFrameError:
            pass
    raise ValueError("X has samples of little weight too far out for float32; scale it.")


class Samples:
    """Validated rows with their weights, and the `points` to be clustered in their place.

    Left out are rows that weigh nothing; small data are brought into an order of their own (see
    `canonical`). Equal weights are the same as none but for the `unit` of the inertia.
    """

    def __init__(self, X, weight, threads, roughly):
        self._X = X
        self._all = weight is None or bool(weight.all())
        rows = X
        if not self._all:
            kept = np.flatnonzero(weight)
            rows, weight = X[kept], weight[kept]
        self.unit = 1.0
        if weight is not None and (weight == weight[0]).all():
            self.unit, weight = float(weight[0]), None
        rows, weight, self._place = canonical(rows, weight)
        self.points = as_points(rows, weight, threads, roughly=roughly(rows.shape[0]))

    def repeats(self):
        """Return how many samples each point stands for."""
        if self._place is None:
            return np.ones(self.points.n, np.int64)
        return np.bincount(self._place)

    def restore(self, solution):
        """Return the solution with labels for all samples and inertias in their weights."""
        points = self.points
        if self._place is not None:
            solution.labels = solution.labels[self._place]
        if not self._all:
            everyone = as_points(self._X, None, points.threads, (points.offset, points.scale))
            centers = solution.centers.astype(np.float64) - points.offset
            solution.labels = nearest(everyone, centers).labels
        solution.inertia *= self.unit
        solution.counts = solution.counts * self.unit
        if solution.history is not None:
            solution.history.inertia[:] *= self.unit
        return solution

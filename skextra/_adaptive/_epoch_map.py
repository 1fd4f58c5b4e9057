"""An epoch of LMS in fixed order is an affine map; past some epochs it is far cheaper."""

import numpy as np
from sklearn.utils import gen_batches

from skextra._adaptive._rows import DenseRows
from skextra._kernels._epoch_map import compose_epoch

_LARGEST_SIZE = 256
_NEGLIGIBLE = 1e-8
_UNINTERRUPTED = 10**9  # multiplications, some tenths of a second


def composed(rows, order, targets, gains, average, origin):
    """Return (P, q, the same for the mean of the iterates, G, gradient) of `compose_epoch`."""
    size, shape = rows.p + 1, origin.shape
    matrix, vector = np.eye(size), np.zeros(shape)
    mean_matrix, mean_vector = np.zeros((size, size)), np.zeros(shape)
    gram, gradient = np.zeros((size, size)), np.zeros(shape)
    found = matrix, vector, mean_matrix, mean_vector, gram, gradient
    seen = 0.0
    for part in gen_batches(rows.n, max(1, _UNINTERRUPTED // size**2)):
        seen = compose_epoch(
            rows.buf,
            rows.start,
            rows.stride,
            order,
            targets,
            *gains.arrays,
            float(rows.bias),
            origin,
            average,
            *found,
            part.start,
            part.stop,
            seen,
        )
    return found


class EpochMap:
    """The map ``w -> P w + q`` of one epoch over rows in a fixed order.

    With p weights, building it costs O(n p^2) once and every epoch O(p^2) instead of O(n p).
    The loss of any w is ``E(w0) - 2 g.(w - w0) + (w - w0)^T G (w - w0)`` about the least-squares
    weights w0.

    Parameters
    ----------
    rows, order, targets, gains
        As for an epoch row by row.

    average : bool
        Whether the mean of the iterates is wanted too.

    origin : ndarray of shape (n_outputs, p)
        Any finite weights to start the search for the least-squares weights from.
    """

    def __init__(self, rows, order, targets, gains, average, origin):
        origin = origin.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            (
                self.matrix,
                self._vector,
                self._mean_matrix,
                self._mean_vector,
                gram,
                gradient,
            ) = composed(rows, order, targets, gains, average, origin)
        # Expand about the least-squares weights, where no digits cancel. Directions that hardly
        # any row points in are left out: there a long way would gain next to nothing.
        shift = np.linalg.lstsq(gram, gradient.T, rcond=_NEGLIGIBLE)[0].T
        self._origin = (origin + shift).astype(rows.dtype).astype(np.float64)
        shift = self._origin - origin
        self._gram = gram / gains.total
        self._gradient = (gradient - shift @ gram) / gains.total
        self._error = rows.loss(targets, gains, self._origin.astype(rows.dtype))

    @staticmethod
    def worthwhile_after(rows, max_iter):
        """Return after how many epochs the map should take over, or None for never."""
        size = rows.p + 1
        if not isinstance(rows, DenseRows) or size > min(_LARGEST_SIZE, rows.n):
            return None
        return size if max_iter >= 4 * size else None

    def apply(self, w):
        """Return (weights after the epoch, mean of the iterates within it)."""
        last = w @ self.matrix.T + self._vector
        mean = w + w @ self._mean_matrix.T + self._mean_vector
        return last, mean

    def loss(self, w):
        """Return the mean of the squared errors of w, summed over the outputs."""
        d = w - self._origin
        quadratic = np.einsum("ka,ka->", d @ self._gram, d)
        loss = self._error - 2 * np.einsum("ka,ka->", self._gradient, d) + quadratic
        return max(loss, 0.0) if np.isfinite(loss) else np.inf

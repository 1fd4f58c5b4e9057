"""A whole epoch of LMS in fixed order as one affine map of the weights."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from skextra._adaptive._inputs import Inputs
from skextra._adaptive._rows import DenseRows, Rows
from skextra._adaptive._weights import Weights
from skextra._common._batches import batches
from skextra._kernels._adaptive_types import Gains
from skextra._typing import FloatArray

# Weights up to which an epoch becomes a map: its matrices then have .5 MB each and stay in the
# cache while the rows run through them.
_LARGEST_SIZE = 256
# Multiplications from which an epoch row by row takes longer than the map, whose dozen calls of
# NumPy cost some 20 microseconds however small the data. Lower slows down small fits.
_LEAST_WORK = 40_000
# Eigenvalues below this share of the largest are left out of the least-squares weights that the
# loss is expanded about: a step along them is long and gains next to nothing.
_NEGLIGIBLE = 1e-8
# Rows that are composed at once. More take longer to solve for their errors, fewer need more calls;
# from 32 to 128 the time is the same within a tenth.
_BLOCK = 64


class ComposedEpoch(NamedTuple):
    """One epoch as the affine map ``w -> P w + q``, and the moments that the loss follows from.

    The p columns of P and one column q per output stand side by side in `map`, those of what
    averaging adds to the weights in `mean_map`. `moments` holds ``sum_i r_i x x^T`` and, beside
    it, ``sum_i r_i x (d - x . origin)`` with a column per output. Everything is float64.
    """

    map: NDArray[np.float64]
    mean_map: NDArray[np.float64]
    moments: NDArray[np.float64]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Return P."""
        return self.map[:, : len(self.map)]


class EpochMap:
    """The map ``w -> P w + q`` of one epoch over rows in a fixed order.

    With p weights, building it costs O(n p^2) once and every epoch O(p^2) instead of O(n p).
    The loss of any w is ``E(w0) - 2 g.(w - w0) + (w - w0)^T G (w - w0)`` about the least-squares
    weights w0.

    Parameters
    ----------
    inputs, targets, gains
        As for epochs row by row.

    weights : Weights
        Any finite weights, from which the search for the least-squares weights starts.
    """

    def __init__(
        self, inputs: Inputs, targets: FloatArray, gains: Gains, weights: Weights
    ) -> None:
        origin = weights.published.astype(np.float64)
        composed = composed_epoch(inputs, targets, gains, bool(weights.average), origin)
        size = len(composed.map)
        self._matrix, self._vector = composed.map[:, :size].T, composed.map[:, size:].T
        self._mean_matrix = composed.mean_map[:, :size].T
        self._mean_vector = composed.mean_map[:, size:].T
        self._total = gains.total
        # Expand about the least-squares weights, where no digits cancel.
        gram, gradient = composed.moments[:, :size], composed.moments[:, size:]
        shift = np.linalg.lstsq(gram, gradient, rcond=_NEGLIGIBLE)[0].T
        dtype = inputs.rows.dtype
        self._origin = (origin + shift).astype(dtype).astype(np.float64)
        shift = self._origin - origin
        self._gram = gram / gains.total
        self._gradient = (gradient.T - shift @ gram) / gains.total
        self._error = inputs.rows.loss(targets, gains, self._origin.astype(dtype))

    @staticmethod
    def worthwhile_after(rows: Rows, n_outputs: int, max_iter: int) -> int | None:
        """Return after how many epochs the map should take over, or None for never.

        It costs no more than p epochs. Waiting that long before building it costs at most
        twice the best choice, whatever the number of epochs turns out to be.
        """
        size = rows.p + 1
        if not isinstance(rows, DenseRows) or size > min(_LARGEST_SIZE, rows.n):
            return None
        if rows.n * size * n_outputs < _LEAST_WORK:
            return None
        return size if max_iter >= 4 * size else None

    def step(self, weights: Weights) -> tuple[float, Weights]:
        """Return (loss of the published weights, weights after one more epoch)."""
        w, mean = weights.last, None
        last = w @ self._matrix + self._vector
        if weights.average:
            mean = w + w @ self._mean_matrix + self._mean_vector
        return self.loss(weights), weights.advanced(last, mean, self._total)

    def loss(self, weights: Weights) -> float:
        """Return the loss of the published weights, summed over the outputs."""
        d = weights.published - self._origin
        quadratic = np.vdot(d @ self._gram, d)
        loss = self._error - 2 * np.vdot(self._gradient, d) + quadratic
        return max(float(loss), 0.0) if np.isfinite(loss) else np.inf


def composed_epoch(
    inputs: Inputs, targets: FloatArray, gains: Gains, average: bool, origin: FloatArray
) -> ComposedEpoch:
    """Return the ComposedEpoch of one epoch over dense rows.

    One row maps the weights to ``w + step x (d - x . w)``, affine in w. The errors r of a block Z
    of rows, as functions of the weights before the epoch, solve
    ``r_i + sum_(j < i) step_j (x_i . x_j) r_j = x_i . (P w + q) - d_i``: a triangular system.
    """
    rows, order = inputs.rows, inputs.order
    n, size, n_outputs = rows.n, rows.p + 1, len(origin)
    map = np.eye(size, size + n_outputs)
    mean_map, moments = np.zeros(map.shape), np.zeros(map.shape)
    block = np.empty((min(_BLOCK, n), size))
    block[:, rows.p] = rows.bias
    seen = 0.0
    for part in batches(n, _BLOCK):
        some = order[part] if order.size else part
        Z = block[: part.stop - part.start]
        Z[:, : rows.p] = rows.dense(some)
        D = targets[some].astype(np.float64)
        step, hold, weight = (
            np.broadcast_to(gain[some] if gains.inc else gain, len(Z)).astype(np.float64)
            for gain in (gains.step, gains.hold, gains.weight)
        )
        right = Z @ map
        right[:, size:] -= D
        errors = solve_triangular(
            Z @ Z.T * step, right, lower=True, unit_diagonal=True, check_finite=False
        )
        map -= (Z * step[:, None]).T @ errors
        if average:
            after = seen + np.cumsum(weight)
            share = (step * (gains.total - after) + hold) / gains.total
            mean_map -= (Z * share[:, None]).T @ errors
            seen = after[-1]
        moments += (Z * weight[:, None]).T @ np.hstack([Z, D - Z @ origin.T])
    return ComposedEpoch(map, mean_map, moments)

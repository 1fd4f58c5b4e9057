"""A whole epoch of LMS in fixed order as one affine map of the weights."""

import numpy as np

from skextra._adaptive._inputs import Inputs
from skextra._adaptive._rows import DenseRows, Rows
from skextra._adaptive._weights import Weights
from skextra._common._batches import batches
from skextra._kernels._adaptive_types import Gains
from skextra._kernels._epoch_map import ComposedEpoch, compose_epoch
from skextra._typing import FloatArray

# Weights up to which an epoch becomes a map: its matrices then have .5 MB each and stay in the
# cache while the rows run through them.
_LARGEST_SIZE = 256
# Multiplications of an epoch from which the map is faster than the rows one by one: with 2,000
# rows of ten features 9 microseconds to 18, with 442 rows 7 to 7. Lower makes small fits compose,
# and in a clone compile, what their few epochs do not repay.
_LEAST_WORK = 20_000
# Eigenvalues below this share of the largest are left out of the least-squares weights that the
# loss is expanded about: a step along them is long and gains next to nothing.
_NEGLIGIBLE = 1e-8
# Multiplications between two chances for an interrupt: some tenths of a second.
_UNINTERRUPTED = 10**9


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
        self._composed = composed = composed_epoch(
            inputs, targets, gains, bool(weights.average), origin
        )
        self._total = gains.total
        # Expand about the least-squares weights, where no digits cancel.
        shift = np.linalg.lstsq(composed.gram, composed.gradient.T, rcond=_NEGLIGIBLE)[0].T
        dtype = inputs.rows.dtype
        self._origin = (origin + shift).astype(dtype).astype(np.float64)
        shift = self._origin - origin
        self._gram = composed.gram / gains.total
        self._gradient = (composed.gradient - shift @ composed.gram) / gains.total
        self._error = inputs.rows.loss(targets, gains, self._origin.astype(dtype))

    @staticmethod
    def worthwhile_after(rows: Rows, n_outputs: int, max_iter: int) -> int | None:
        """Return after how many epochs the map should take over, or None for never.

        It costs about as much as p epochs. Waiting that long before building it costs at most
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
        w, composed = weights.last, self._composed
        last = w @ composed.matrix.T + composed.vector
        mean = w + w @ composed.mean_matrix.T + composed.mean_vector
        return self.loss(weights), weights.advanced(last, mean, self._total)

    def loss(self, weights: Weights) -> float:
        """Return the loss of the published weights, summed over the outputs."""
        d = weights.published - self._origin
        quadratic = np.einsum("ka,ka->", d @ self._gram, d)
        loss = self._error - 2 * np.einsum("ka,ka->", self._gradient, d) + quadratic
        return max(loss, 0.0) if np.isfinite(loss) else np.inf


def composed_epoch(
    inputs: Inputs, targets: FloatArray, gains: Gains, average: bool, origin: FloatArray
) -> ComposedEpoch:
    """Return the ComposedEpoch of one epoch over dense rows."""
    rows, size, shape = inputs.rows, inputs.rows.p + 1, origin.shape
    composed = ComposedEpoch(
        matrix=np.eye(size),
        vector=np.zeros(shape),
        mean_matrix=np.zeros((size, size)),
        mean_vector=np.zeros(shape),
        gram=np.zeros((size, size)),
        gradient=np.zeros(shape),
    )
    seen = 0.0
    for part in batches(rows.n, max(1, _UNINTERRUPTED // size**2)):
        span = part.start, part.stop
        seen = compose_epoch(
            rows.strided,
            inputs.order,
            targets,
            tuple(gains),
            origin,
            average,
            tuple(composed),
            *span,
            seen,
        )
    return composed

"""Second moments of inputs and targets: how fast weights settle, and how far off they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skextra._adaptive._inputs import Inputs
from skextra._adaptive._rows import Rows
from skextra._common._batches import batches
from skextra._typing import FloatArray

_BLOCK = 4096  # rows that are taken at once: few calls, and with 64 features (2 MB) in the cache


@dataclass
class Moments:
    """Weighted sums over the rows z = (x, bias): ``gram = sum r z z^T``, ``cross = sum r z d^T``.

    Divided by `total`, the sum of the sample weights, they are means.
    """

    gram: NDArray[np.float64]
    cross: NDArray[np.float64]
    total: float

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Return the eigenvalues of the correlation matrix ``gram / total``, smallest first."""
        return np.linalg.eigvalsh(self.gram) / self.total

    def excess(self, weights: FloatArray) -> float:
        """Return how far the loss of `weights` lies above the least possible loss.

        Parameters
        ----------
        weights : ndarray of shape (n_outputs, n_inputs)
            Any weights, the bias last.

        Returns
        -------
        float
            The difference of the mean squared errors, summed over the outputs.
        """
        correlation, gradient = self._about(weights)
        # On one scale: otherwise rounding hides the eigenvalues of features in small units.
        scale = np.sqrt(np.diag(correlation))
        inverse = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0)
        unitless = correlation * inverse * inverse[:, None]
        return float(_excess_along(unitless, gradient * inverse[:, None])[1].sum())

    def excess_by_direction(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (eigenvalues, parts of the excess along their eigenvectors).

        The eigenvalues of the correlation matrix come smallest first, and none below the rounding
        error of the largest; along those the parts are 0.
        """
        return _excess_along(*self._about(weights))

    def _about(self, weights):
        gradient = (self.cross - self.gram @ weights.T) / self.total
        return self.gram / self.total, gradient


def _excess_along(matrix, gradient):
    """Return (eigenvalues, gradient' matrix^-1 gradient along each eigenvector)."""
    values, vectors = np.linalg.eigh(matrix)
    rounding = values[-1] * (len(values) * np.finfo(float).eps)
    # Directions that only rounding excites have no share.
    steps = np.divide(
        vectors.T @ gradient,
        np.sqrt(np.maximum(values, rounding))[:, None],
        out=np.zeros(gradient.shape),
        where=(values > rounding)[:, None],
    )
    return np.maximum(values, rounding), np.einsum("ik,ik->i", steps, steps)


def moments_of_all(inputs: Inputs, targets: FloatArray | None = None) -> Moments:
    """Return the Moments of inputs; with NLMS those of the rows divided by their norms."""
    rows = inputs.rows
    weight, total = inputs.correlation_weights()
    if inputs.variant == "lms" and inputs.sample_weight is None:
        weight = None
    return moments_of(rows, weight, total, np.empty((rows.n, 0)) if targets is None else targets)


def moments_of(
    rows: Rows, weight: FloatArray | None, total: float, targets: FloatArray
) -> Moments:
    """Return the Moments of rows with weights, None for 1 each; `total` is what they count.

    The cost is one pass of BLAS over the data, O(n p^2).
    """
    size = rows.p + 1
    sums = np.zeros((size, size + targets.shape[1]))
    buffer = np.empty((min(_BLOCK, rows.n), sums.shape[1]))
    for part in batches(rows.n, _BLOCK):
        block = buffer[: part.stop - part.start]
        block[:, : rows.p] = rows.dense(part)
        block[:, rows.p] = rows.bias
        block[:, size:] = targets[part]
        inputs = block[:, :size]
        if weight is not None:
            inputs = inputs * weight[part, None]
        sums += inputs.T @ block
    return Moments(sums[:, :size], sums[:, size:], total)

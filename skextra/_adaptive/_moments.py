"""Second moments of inputs and targets: how fast weights settle, and how far off they are."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import gen_batches

_BLOCK = 4096  # rows that are taken at once: few calls, and still in the cache


@dataclass
class Moments:
    """Weighted sums over the rows z = (x, bias): ``gram = sum r z z^T``, ``cross = sum r z d^T``.

    Divided by `total`, the sum of the sample weights, they are means.
    """

    gram: np.ndarray
    cross: np.ndarray
    total: float

    @property
    def eigenvalues(self):
        """Return the eigenvalues of the correlation matrix ``gram / total``, smallest first."""
        return np.linalg.eigvalsh(self.gram) / self.total

    def excess(self, weights):
        """Return by how much the loss of `weights` lies above the least possible.

        Parameters
        ----------
        weights : ndarray of shape (n_outputs, n_inputs)
            Any weights, the bias last.

        Returns
        -------
        float
            The mean squared error, summed over the outputs, that the best weights would spare.
        """
        correlation, gradient = self._about(weights)
        # On one scale, for units alone would drown the eigenvalues of small ones in rounding.
        scale = np.sqrt(np.diag(correlation))
        inverse = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0)
        unitless = correlation * inverse * inverse[:, None]
        return float(_spared(unitless, gradient * inverse[:, None])[1].sum())

    def excess_by_direction(self, weights):
        """Return (eigenvalues, parts): what of the excess is along each eigenvector.

        The eigenvalues of the correlation matrix come smallest first, and none below what rounding
        makes of them; along those the parts are 0.
        """
        return _spared(*self._about(weights))

    def _about(self, weights):
        gradient = (self.cross - self.gram @ weights.T) / self.total
        return self.gram / self.total, gradient


def _spared(matrix, gradient):
    """Return (eigenvalues, gradient' matrix^-1 gradient along each eigenvector)."""
    values, vectors = np.linalg.eigh(matrix)
    rounding = values[-1] * len(values) * np.finfo(float).eps
    # Along directions that rounding alone excites nothing is to be gained.
    steps = np.divide(
        vectors.T @ gradient,
        np.sqrt(np.maximum(values, rounding))[:, None],
        out=np.zeros(gradient.shape),
        where=(values > rounding)[:, None],
    )
    return np.maximum(values, rounding), np.einsum("ik,ik->i", steps, steps)


def moments_of(rows, weight, total, targets):
    """Return the Moments of rows with weights, None for 1 each; `total` is what they count.

    The cost is one pass of BLAS over the data, O(n p^2).
    """
    size = rows.p + 1
    found = np.zeros((size, size + targets.shape[1]))
    buffer = np.empty((min(_BLOCK, rows.n), found.shape[1]))
    for part in gen_batches(rows.n, _BLOCK):
        block = buffer[: part.stop - part.start]
        block[:, : rows.p] = rows.dense(part)
        block[:, rows.p] = rows.bias
        block[:, size:] = targets[part]
        inputs = block[:, :size]
        if weight is not None:
            inputs = inputs * weight[part, None]
        found += inputs.T @ block
    return Moments(found[:, :size], found[:, size:], total)

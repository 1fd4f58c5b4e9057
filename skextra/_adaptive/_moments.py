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
        """Return how much the loss of `weights` lies above the least possible, per eigenvector.

        Parameters
        ----------
        weights : ndarray of shape (n_outputs, n_inputs)
            Any weights, the bias last.

        Returns
        -------
        eigenvalues : ndarray of shape (n_inputs,)
            Those of the correlation matrix, smallest first.

        excess : ndarray of shape (n_inputs,)
            The mean squared error (summed over the outputs) that the best weights along each
            eigenvector would spare.
        """
        values, vectors = np.linalg.eigh(self.gram / self.total)
        gradient = vectors.T @ (self.cross - self.gram @ weights.T) / self.total
        # Along directions that rounding alone excites nothing is to be gained.
        sensible = values > values[-1] * len(values) * np.finfo(float).eps
        squares = np.einsum("ik,ik->i", gradient, gradient)
        return values, np.divide(squares, values, out=np.zeros(len(values)), where=sensible)


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

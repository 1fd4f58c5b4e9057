"""Rows so short that the squares of their norms underflow, scaled for NLMS."""

import numpy as np
from numpy.typing import NDArray

from skextra._adaptive._gains import part_of_gains
from skextra._adaptive._rows import CHUNK_ENTRIES, DenseRows, Rows
from skextra._base import frozen
from skextra._common._batches import batches

# Squared norms below it may have lost digits to underflow. The smallest normal float64 is 2e-308,
# so that above this bound entries down to 1e-14 of the norm still have squares in full precision.
_FAINT = 1e-280
_SCALE = 2.0**500  # brings norms from 1e-300 on to where their squares are normal numbers
# Rows shorter than that, or than the smallest normal number of their dtype, are silence: their
# inverse norm overflows, or rounding has taken their digits.
_SILENCE = 1e-300


def audible(rows: Rows, powers: NDArray[np.float64]) -> tuple[Rows, NDArray[np.float64]]:
    """Return rows and squared norms that NLMS can divide by: silence as zeros.

    NLMS makes the same step for a row and its target as for a multiple of both. So rows whose
    squared norm is beyond float64 are scaled to a norm between a half and one.
    """
    silence = max(_SILENCE, np.finfo(rows.dtype).tiny)
    if not powers.min(initial=1.0) < _FAINT:
        return rows, powers
    norms = np.sqrt(rows.powers(_SCALE)) / _SCALE  # without a bias: with it no row is short
    norms = np.where(powers < _FAINT, norms, np.sqrt(powers))
    norms[norms < silence] = 0.0
    if not ((norms > 0) & (powers < _FAINT)).any():
        return rows, np.where(norms > 0, powers, 0.0)
    rows = FaintRows(rows.astype(np.dtype(np.float64)), norms)
    return rows, np.square(norms * rows.scale)


def is_silent(rows: Rows) -> bool:
    """Return whether all rows are silence."""
    return not (rows.powers(_SCALE) > (_SILENCE * _SCALE) ** 2).any()


class FaintRows(Rows):
    """Rows without a bias, each scaled by a power of two to a norm between a half and one.

    Parameters
    ----------
    rows : DenseRows or CSRRows
        The rows, in float64.

    norms : ndarray of shape (n_samples,)
        Their norms, 0 for silence.
    """

    def __init__(self, rows: Rows, norms: NDArray[np.float64]) -> None:
        super().__init__(rows.matrix, rows.bias)
        self.dtype = rows.dtype  # the matrix may still be in float32
        self._plain = rows
        self.scale = np.where(norms > 0, np.ldexp(1.0, -np.frexp(norms)[1]), 0.0)

    @property
    def plain(self) -> Rows:
        return self._plain

    def astype(self, dtype):
        """Return the rows as they are, in float64."""
        return self

    def powers(self):
        """Return the squared norm of every row, before it is scaled."""
        return self._plain.powers()

    def some(self, part):
        return self.dense(part)

    def dense(self, part):
        """Return some rows, scaled."""
        return self._plain.dense(part) * self.scale[part, None]

    def epoch(self, order, targets, gains, average, w, v):
        first, mean = w, np.zeros(w.shape)
        for part in self._parts():
            part = order[part] if order.size else part
            own = frozen(targets[part] * self.scale[part, None])
            some = part_of_gains(gains, part)
            _, last, added = self._some(part).epoch(order[:0], own, some, average, w, w)
            mean += some.total / gains.total * (w + added)
            w = last
        return self._plain.loss(targets, gains, v), w, mean - first

    def loss(self, targets, gains, v):
        return self._plain.loss(targets, gains, v)

    def keys(self, multipliers):
        return self._plain.keys(multipliers)

    def dense_chunks(self):
        for part in self._parts():
            yield part, self._some(part), self.scale[part, None]

    def all_dense(self) -> DenseRows:
        """Return all rows at once as DenseRows."""
        return self._some(slice(None))

    def _parts(self):
        return batches(self.n, max(1, CHUNK_ENTRIES // self.p))

    def _some(self, part):
        return DenseRows(self.dense(part), self.bias)

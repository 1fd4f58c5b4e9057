"""Rows so short that the squares of their norms underflow, for NLMS to step over."""

from types import SimpleNamespace

import numpy as np
from sklearn.utils import gen_batches

from skextra._adaptive._rows import DenseRows
from skextra._base import frozen

# Squared norms below it, or products with such rows, may have lost digits to underflow.
_FAINT = 1e-280
_SCALE = 2.0**500
# Rows shorter than that, or than the smallest normal number of their dtype, are silence: their
# inverse norm overflows, or rounding has taken their digits.
_SILENCE = 1e-300
_SOME_ENTRIES = 1_000_000  # of the rows, to be scaled at a time


def audible(rows, powers, variant):
    """Return rows and squared norms that `variant` can divide by: silence as zeros.

    NLMS makes the same step for a row and its target as for a multiple of both. So rows whose
    squared norm is beyond float64 are brought to a norm between a half and one.
    """
    silence = max(_SILENCE, np.finfo(rows.dtype).tiny)
    if variant != "nlms" or not powers.min(initial=1.0) < _FAINT:
        return rows, powers
    norms = np.sqrt(rows.powers(_SCALE)) / _SCALE  # without a bias: with it no row is short
    norms = np.where(powers < _FAINT, norms, np.sqrt(powers))
    norms[norms < silence] = 0.0
    if not ((norms > 0) & (powers < _FAINT)).any():
        return rows, np.where(norms > 0, powers, 0.0)
    rows = FaintRows(rows.astype(np.dtype(np.float64)), norms)
    return rows, np.square(norms * rows.scale)


def is_silent(rows):
    """Return whether all rows are silence."""
    return not (rows.powers(_SCALE) > (_SILENCE * _SCALE) ** 2).any()


class FaintRows:
    """Rows without a bias, each scaled by a power of two to a norm between a half and one.

    Parameters
    ----------
    rows : DenseRows or CSRRows
        The rows, in float64.

    norms : ndarray of shape (n_samples,)
        Their norms, 0 for silence.
    """

    def __init__(self, rows, norms):
        self.plain = rows
        self.n, self.p = rows.n, rows.p
        self.dtype, self.bias, self.matrix = rows.dtype, rows.bias, rows.matrix
        self.scale = np.where(norms > 0, np.ldexp(1.0, -np.frexp(norms)[1]), 0.0)

    def astype(self, dtype):
        """Return the rows as they are, in float64."""
        return self

    def powers(self):
        """Return the squared norm of every row, before it is scaled."""
        return self.plain.powers()

    def dense(self, part):
        """Return some rows, scaled."""
        return self.plain.dense(part) * self.scale[part, None]

    def epoch(self, order, targets, gains, average, w, v):
        """Return (loss of v, w after one epoch, what averaging adds to w)."""
        first, mean = w, np.zeros(w.shape)
        step, hold, weight, _, total = gains.arrays
        for part in self._parts():
            part = order[part] if order.size else part
            rows, own = self._some(part), frozen(targets[part] * self.scale[part, None])
            gain = SimpleNamespace(total=float(weight[part].sum()))
            chunks = (frozen(array[part]) for array in (step, hold, weight))
            gain.arrays = *chunks, 1, gain.total
            _, last, added = rows.epoch(order[:0], own, gain, average, w, w)
            mean += gain.total / total * (w + added)
            w = last
        return self.plain.loss(targets, gains, v), w, mean - first

    def loss(self, targets, gains, v):
        """Return the weighted mean of the squared errors of v, summed over the outputs."""
        return self.plain.loss(targets, gains, v)

    def moment_product(self, weight, inc, vector):
        """Return sum_i weight_i x_i (x_i . vector)."""
        out = np.zeros(self.p + 1)
        for part in self._parts():
            rows = self.dense(part)
            out[:-1] += rows.T @ ((weight[part] if inc else weight) * (rows @ vector[:-1]))
        return out

    def keys(self, multipliers):
        """Return a 64-bit key of every row's content."""
        return self.plain.keys(multipliers)

    def dense_chunks(self):
        """Yield (slice, dense rows, their scale) that together cover all rows."""
        for part in self._parts():
            yield part, self._some(part), self.scale[part, None]

    def all_dense(self):
        """Return all rows at once as DenseRows."""
        return self._some(slice(None))

    def _parts(self):
        return gen_batches(self.n, max(1, _SOME_ENTRIES // self.p))

    def _some(self, part):
        return DenseRows(self.dense(part), self.bias)

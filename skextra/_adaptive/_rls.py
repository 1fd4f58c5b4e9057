"""Recursive least squares over rows of any form."""

from dataclasses import dataclass

import numpy as np

from skextra._base import frozen
from skextra._kernels._rls import rls_adapt

# How far beyond its start, I / delta, the inverse correlation may grow in a direction that the
# rows do not excite. Far enough never to matter to a filter that works, near enough that the
# weights stay finite when such a direction is excited at last.
_GROWTH = 1e15


@dataclass
class InverseCorrelation:
    """The matrix P of recursive least squares as ``U diag(d) U^T``; `unit` is U transposed."""

    unit: np.ndarray
    diagonal: np.ndarray

    @classmethod
    def initial(cls, size, delta):
        """Return ``I / delta``."""
        return cls(np.eye(size), np.full(size, 1.0 / delta))

    def copy(self):
        """Return a copy that can be updated without changing this one."""
        return InverseCorrelation(self.unit.copy(), self.diagonal.copy())

    def matrix(self):
        """Return P, symmetric to the last bit."""
        root = self.unit * np.sqrt(self.diagonal)[:, None]
        return root.T @ root


def rls_pass(rows, targets, sample_weight, forgetting, delta, w, inverse, keep_path):
    """Present the rows once; return (weights, inverse correlation, outputs, path, held).

    The outputs are those before each row was learnt; `held` says whether the growth of the inverse
    correlation had to be limited. Everything is computed in float64, for float32 rows too.
    """
    w, inverse = w.astype(np.float64), inverse.copy()
    outputs = np.empty(targets.shape)
    path = np.empty((len(targets) if keep_path else 0, *w.shape))
    weight = frozen(np.ones(1) if sample_weight is None else sample_weight)
    inc = 0 if sample_weight is None else 1
    held = False
    for part, block in rows.dense_chunks():
        held |= rls_adapt(
            block.buf,
            block.start,
            block.stride,
            targets[part],
            weight[part] if inc else weight,
            inc,
            float(forgetting),
            _GROWTH / delta,
            float(block.bias),
            w,
            inverse.unit,
            inverse.diagonal,
            outputs[part],
            path[part] if keep_path else path,
        )
    return w, inverse, outputs, path if keep_path else None, held

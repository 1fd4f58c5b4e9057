"""Recursive least squares over rows of any form."""

from dataclasses import dataclass

import numpy as np

from skextra._base import frozen
from skextra._kernels._rls import rls_adapt

# How far beyond its start, I / delta, the inverse correlation may grow in a direction that the
# rows do not excite. Far enough never to matter to a filter that works, near enough that the
# weights stay finite when such a direction is excited at last.
_GROWTH = 1e15
# Where forgetting has left less information on an input, beside the others, than this share of
# that on it alone, rounding takes its place (of the rows, and of the recursion in float64), and a
# ridge is kept up. Larger slows down adaptation in weak directions, smaller lets rounding make up
# weights: 200,000 rows of a sine in 4 to 64 taps, noise .01, end with weights up to 1.9 for all
# forgetting factors from .9 on (true ones up to 1), where without a ridge they come to 1e5.
_RESOLUTION = {"float32": 1.5e-8, "float64": 2.5e-13}


@dataclass
class InverseCorrelation:
    """The matrix P of recursive least squares as ``U diag(d) U^T``; `unit` is U transposed.

    `memory` is what the recursion keeps of the rows: the diagonal of what they have added to the
    inverse of P and is not forgotten yet, their weight, and where it is with its ridge.
    """

    unit: np.ndarray
    diagonal: np.ndarray
    memory: np.ndarray

    @classmethod
    def initial(cls, size, delta):
        """Return ``I / delta``."""
        memory = np.zeros(size + 3)
        memory[-1] = np.inf  # rows since the ridge was needed
        return cls(np.eye(size), np.full(size, 1.0 / delta), memory)

    def copy(self):
        """Return a copy that can be updated without changing this one."""
        return InverseCorrelation(self.unit.copy(), self.diagonal.copy(), self.memory.copy())

    @property
    def squares(self):
        """Return the sums of the squares of the inputs, as far as they are remembered."""
        return self.memory[: len(self.diagonal)]

    def faded(self, forgetting):
        """Return how much of the start ``I / delta`` is left: lam to the weight of the rows."""
        return max(1.0 - (1.0 - forgetting) * self.memory[len(self.diagonal)], 0.0)

    def matrix(self):
        """Return P, symmetric to the last bit."""
        root = self.unit * np.sqrt(self.diagonal)[:, None]
        return root.T @ root


def rls_pass(rows, targets, sample_weight, forgetting, delta, w, inverse, keep_path):
    """Present the rows once; return (weights, inverse correlation, outputs, path, limited).

    The outputs are those before each row was learnt; `limited` says what kept the inverse
    correlation from growing: 1 its largest size, 2 the rounding of the rows, 3 both. Everything is
    computed in float64, for float32 rows too.
    """
    w, inverse = w.astype(np.float64), inverse.copy()
    outputs = np.empty(targets.shape)
    path = np.empty((len(targets) if keep_path else 0, *w.shape))
    weight = frozen(np.ones(1) if sample_weight is None else sample_weight)
    inc = 0 if sample_weight is None else 1
    limited = 0
    for part, block, _ in rows.dense_chunks():
        limited = limited & 1 | rls_adapt(
            block.buf,
            block.start,
            block.stride,
            targets[part],
            weight[part] if inc else weight,
            inc,
            float(forgetting),
            _GROWTH / delta,
            _RESOLUTION[rows.dtype.name],
            float(block.bias),
            w,
            inverse.unit,
            inverse.diagonal,
            inverse.memory,
            outputs[part],
            path[part] if keep_path else path,
        )
    return w, inverse, outputs, path if keep_path else None, limited

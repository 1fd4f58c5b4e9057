"""Recursive least squares over rows of any form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skextra._adaptive._rows import Rows
from skextra._base import frozen
from skextra._kernels._rls import Forgetting, InverseFactors, rls_adapt
from skextra._typing import FloatArray

# How far beyond its start, I / delta, the inverse correlation may grow in a direction that the
# rows do not excite. Larger never limits a filter that works, smaller keeps the weights finite
# when such a direction is excited at last.
_GROWTH = 1e15
# Where forgetting has left less information on an input, beside the others, than this share of
# that on it alone, rounding takes its place (of the rows, and of the recursion in float64), and a
# ridge is kept up. Larger slows down adaptation in weak directions, smaller lets rounding make up
# weights: 200,000 rows of a sine in 4 to 64 taps, noise .01, end with weights up to 1.9 for all
# forgetting factors from .9 on (true ones up to 1), where without a ridge they reach 1e5.
# tests/adaptive/test_streams.py repeats a part of that measurement.
_RESOLUTION = {"float32": 1.5e-8, "float64": 2.5e-13}


class InverseCorrelation(InverseFactors):
    """The matrix P of recursive least squares, with what the recursion remembers of the rows."""

    __slots__ = ()

    @classmethod
    def initial(cls, size: int, delta: float) -> "InverseCorrelation":
        """Return ``I / delta``."""
        memory = np.zeros(size + 3)
        memory[-1] = np.inf  # rows since the ridge was needed
        return cls(np.eye(size), np.full(size, 1.0 / delta), memory)

    @property
    def squares(self) -> NDArray[np.float64]:
        """Return the sums of the squares of the inputs, as far as they are remembered."""
        return self.memory[: len(self.diagonal)]

    def faded(self, forgetting: float) -> float:
        """Return how much of the start ``I / delta`` is left: lam to the weight of the rows."""
        return max(1.0 - (1.0 - forgetting) * self.memory[len(self.diagonal)], 0.0)

    def matrix(self) -> NDArray[np.float64]:
        """Return P, symmetric to the last bit."""
        root = self.unit * np.sqrt(self.diagonal)[:, None]
        return root.T @ root


@dataclass
class RLSPass:
    """One pass of recursive least squares.

    `outputs` are those before each row was learnt, `path` the weights after each, or None.
    `limited` says what kept the inverse correlation from growing: 1 its largest size, 2 the
    rounding of the rows, 3 both.
    """

    weights: NDArray[np.float64]
    inverse: InverseCorrelation
    outputs: NDArray[np.float64]
    path: NDArray[np.float64] | None
    limited: int

    @property
    def is_finite(self) -> bool:
        """Return whether nothing has overflowed."""
        return np.isfinite(self.weights).all() and np.isfinite(self.inverse.unit).all()


def rls_pass(
    rows: Rows,
    targets: FloatArray,
    sample_weight: FloatArray | None,
    w: FloatArray,
    inverse: tuple[FloatArray, ...],
    *,
    forgetting: float,
    delta: float,
    keep_path: bool,
) -> RLSPass:
    """Present the rows once; return the RLSPass, computed in float64 for float32 rows too."""
    w, factors = w.astype(np.float64), tuple(array.copy() for array in inverse)
    settings = tuple(Forgetting(float(forgetting), _GROWTH / delta, _RESOLUTION[rows.dtype.name]))
    weight = frozen(np.ones(rows.n) if sample_weight is None else sample_weight)
    outputs = np.empty(targets.shape)
    path = np.empty((len(targets) if keep_path else 0, *w.shape))
    limited = 0
    for part, block, _ in rows.dense_chunks():
        own = path[part] if keep_path else path
        limited = limited & 1 | rls_adapt(
            block.strided, targets[part], weight[part], settings, factors, w, outputs[part], own
        )
    inverse = InverseCorrelation(*factors)
    return RLSPass(w, inverse, outputs, path if keep_path else None, limited)

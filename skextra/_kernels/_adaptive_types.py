"""What the loops of the adaptive filters take: rows, and the step of each."""

from typing import NamedTuple

import numpy as np


class StridedRows(NamedTuple):
    """Dense rows in one flat buffer: row i has `p` entries from ``start + i * stride`` on.

    `bias` is the constant input beside them, 1 or 0, of the dtype of the buffer.
    """

    buf: np.ndarray
    start: int
    stride: int
    p: int
    bias: np.floating


class CompressedRows(NamedTuple):
    """Rows of a CSR matrix with unsigned indices, and the constant input beside them."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    bias: np.floating


class Gains(NamedTuple):
    """The step ``w += step_i e x`` of every row, and what averaging and the loss need.

    `hold` is the share of the row in the sum of the iterates, `weight` (float64) that in the loss
    and `total` the sum of the weights. The arrays have an entry a row (``inc == 1``), or one entry
    if all rows are alike (``inc == 0``): row i has the one at ``i * inc``.
    """

    step: np.ndarray
    hold: np.ndarray
    weight: np.ndarray
    inc: int
    total: float

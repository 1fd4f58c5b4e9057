"""Recursive least squares over rows of any form."""

import numpy as np

from skextra._adaptive._rows import frozen
from skextra._kernels._rls import rls_adapt


def rls_pass(rows, targets, sample_weight, forgetting, w, inverse, keep_path):
    """Present the rows once; return (weights, inverse correlation, a-priori outputs, path).

    Everything is computed in float64, for float32 rows too: the recursion loses a digit of P
    for every digit of its condition number.
    """
    w, inverse = w.astype(np.float64), inverse.astype(np.float64)
    outputs = np.empty(targets.shape)
    path = np.empty((len(targets) if keep_path else 0, *w.shape))
    weight = frozen(np.ones(1) if sample_weight is None else sample_weight)
    inc = 0 if sample_weight is None else 1
    for part, block in rows.dense_chunks():
        rls_adapt(
            block.buf,
            block.start,
            block.stride,
            targets[part],
            weight[part] if inc else weight,
            inc,
            float(forgetting),
            float(block.bias),
            w,
            inverse,
            outputs[part],
            path[part] if keep_path else path,
        )
    return w, inverse, outputs, path if keep_path else None

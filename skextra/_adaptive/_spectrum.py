"""The largest eigenvalue of the correlation matrix: from all rows, or from some."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from skextra._adaptive._inputs import Inputs
from skextra._adaptive._moments import Moments, moments_of, moments_of_all
from skextra._adaptive._rows import DenseRows
from skextra._typing import FloatArray

# Features up to which moments are cheap: from there on they cost more than an epoch or two.
NARROW = 64
# Rows whose moments a fit takes for the eigenvalue. That costs a fraction of a millisecond with
# ten features, and leaves a noise of 1% in it.
_MOST_ROWS = 16_384
# Steps of the power method on wide rows, and rows of each, a share of all and at least so many.
# Every step sees other rows, so that its noise is not taken for an eigenvalue. Together they cost
# a twentieth of an epoch; with more steps or rows the estimate comes nearer.
_STEPS, _SHARE, _FEWEST_ROWS = 5, 100, 256


def largest_eigenvalue(inputs: Inputs) -> float:
    """Return the largest eigenvalue for the rows of a CSR matrix."""
    weight, total = inputs.correlation_weights()
    size = inputs.rows.p + 1
    product = partial(inputs.rows.moment_product, weight)
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    # A fixed start, for results that do not vary; one product turns it to the right side.
    start = product(np.random.default_rng(0).standard_normal(size))
    # A relative accuracy of 1e-3 is plenty for a bound, and a short Lanczos basis reaches it
    # with the fewest passes over the data, each of which costs as much as an epoch.
    values = eigsh(operator, k=1, v0=start, ncv=5, tol=1e-3, return_eigenvectors=False)
    return float(values[0]) / total


def estimated_eigenvalue(inputs: Inputs, max_power: float) -> float:
    """Return the largest eigenvalue for some of the rows.

    `max_power` is the largest squared norm of the rows as the update sees them, 1 with NLMS.
    """
    rows = inputs.rows
    if rows.p >= NARROW:
        return _by_power_method(inputs, max_power)
    part = _spread(rows.n, _MOST_ROWS)
    weight, total = inputs.correlation_weights(part)
    if total == 0.0:
        return 0.0
    some = DenseRows(rows.dense(part), rows.bias)
    return float(moments_of(some, weight, total, np.empty((some.n, 0))).eigenvalues[-1])


def _spread(n: int, size: int, seed: int = 0) -> slice | NDArray[np.intp]:
    """Return one row of each of `size` blocks, at a random place of its own.

    Rows at even distances would all be of one kind where kinds of rows take turns.
    """
    if n <= size:
        return slice(None)
    edges = np.linspace(0, n, size + 1).astype(np.intp)
    places = np.random.default_rng(seed).random(size) * np.diff(edges)
    return edges[:-1] + places.astype(np.intp)


def moments_if_cheap(inputs: Inputs, targets: FloatArray) -> Moments | None:
    """Return the Moments of all rows for LMS on few and narrow rows, otherwise None."""
    rows = inputs.rows
    if inputs.variant == "lms" and rows.p < NARROW and rows.n <= _MOST_ROWS:
        return moments_of_all(inputs, targets)
    return None


def _by_power_method(inputs: Inputs, max_power: float) -> float:
    rows = inputs.rows
    size = max(rows.n // _SHARE, _FEWEST_ROWS)
    bias, direction, value = float(rows.bias), None, 0.0
    for step in range(_STEPS):
        part = _spread(rows.n, size, step)
        weight, total = inputs.correlation_weights(part)
        if total == 0.0:
            return value
        X, real = rows.some(part), rows.dtype
        # Shared out to both sides, the weights keep all products within float32.
        root = np.sqrt(weight / max_power)
        if direction is None:
            outputs = np.ones(len(root))  # the mean of the rows is a good start
        else:
            outputs = root * (X @ direction[:-1].astype(real) + bias * direction[-1])
        scaled = root * outputs
        product = np.append(X.T @ scaled.astype(real), bias * scaled.sum()).astype(np.float64)
        if direction is not None:
            value = max_power * float(direction @ product) / total
        if direction is None and not product.any():  # rows that cancel
            largest = int(rows.powers().argmax())
            row = rows.dense(slice(largest, largest + 1))[0]
            product = np.append(row, bias) / np.sqrt(max_power)
        length = np.linalg.norm(product)
        if length == 0.0:
            return value
        direction = product / length
    return value

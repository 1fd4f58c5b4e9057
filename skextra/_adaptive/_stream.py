"""What an adaptive filter keeps between calls, and what a call is given of it."""

from typing import Any, NamedTuple

import numpy as np

from skextra._adaptive._inputs import InputPower, Inputs
from skextra._adaptive._weights import Weights
from skextra._kernels._adaptive_types import Gains
from skextra._typing import FloatArray


class Stream(NamedTuple):
    """Where a filter stands. Estimators keep it as a plain tuple, which every format can store.

    `last`, `mean` and `presented` are those of :class:`Weights`, in the dtype of `coef_`;
    `has_intercept` says whether the bias weight has been adapted; `power` is the InputPower of the
    rows so far, and `settled` the variant and the parameter `learning_rate` that `learning_rate_`
    was chosen for. `error_scale` is the largest mean squared error that a stable stream explains;
    `inverse` the InverseCorrelation of 'rls'. Fields are None before there is anything to keep.
    """

    last: FloatArray | None = None
    mean: FloatArray | None = None
    presented: float = 0.0
    has_intercept: bool | None = None
    power: tuple[float, ...] = tuple(InputPower())
    settled: tuple[str, Any] | None = None
    error_scale: float | None = None
    inverse: tuple[FloatArray, ...] | None = None


class Chunk(NamedTuple):
    """Rows of a stream, ready to be presented by LMS or NLMS from the weights `before`."""

    inputs: Inputs
    targets: FloatArray
    gains: Gains
    before: Weights
    dtype: np.dtype[Any]  # of the weights to publish

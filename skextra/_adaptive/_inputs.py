"""Inputs as an update rule takes them: the rows, their power, their weights and their order."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skextra._adaptive._faint_rows import audible
from skextra._adaptive._rows import Rows
from skextra._typing import FloatArray


@dataclass(frozen=True)
class Inputs:
    """What an adaptive filter is presented with, the targets aside.

    `powers` are the squared norms of the rows, the bias included, or None where the update does
    not need them: for LMS without sample weights. `sample_weight` is None where all rows weigh
    one; `order` is empty for the order of the file.
    """

    variant: Literal["lms", "nlms"]
    rows: Rows
    powers: NDArray[np.float64] | None
    sample_weight: NDArray[np.float64] | None
    order: NDArray[np.intp]

    def audible(self) -> Self:
        """Return inputs that NLMS can divide by their norms; those of LMS are as they are."""
        if self.variant != "nlms":
            return self
        rows, powers = audible(self.rows, self.powers)
        return replace(self, rows=rows, powers=powers)

    def astype(self, dtype: DTypeLike) -> Self:
        """Return the same inputs with rows in another dtype."""
        return replace(self, rows=self.rows.astype(dtype))

    def correlation_weights(
        self, part: slice | NDArray[np.intp] = slice(None)
    ) -> tuple[NDArray[np.float64], float]:
        """Return (weight of each row in the correlation matrix, sum of the sample weights).

        NLMS sees rows divided by their norms. `part` asks for some of the rows.
        """
        ones = np.broadcast_to(1.0, self.rows.n)  # which takes no memory
        weight = (ones if self.sample_weight is None else self.sample_weight)[part]
        total = float(weight.sum())
        if self.variant == "nlms":
            powers, silent = self.powers[part], np.zeros(len(weight))
            weight = np.divide(weight, powers, out=silent, where=powers > 0)
        return weight, total


class InputPower(NamedTuple):
    """Squared norms of the rows presented so far: their weight, weighted sum and maximum."""

    weight: float = 0.0
    total: float = 0.0
    largest: float = 0.0

    def including(self, powers: FloatArray, sample_weight: FloatArray | None) -> "InputPower":
        """Return the power of these rows and more."""
        with np.errstate(over="ignore", invalid="ignore"):  # the caller refuses what is not finite
            weighted = powers.sum() if sample_weight is None else sample_weight @ powers
            weight = len(powers) if sample_weight is None else sample_weight.sum()
        return InputPower(
            self.weight + float(weight),
            self.total + float(weighted),
            max(self.largest, float(powers.max(initial=0.0))),
        )

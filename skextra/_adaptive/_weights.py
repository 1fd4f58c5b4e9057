"""The weights of an adaptive run: the newest iterate, and a mean of iterates."""

from dataclasses import dataclass
from typing import Literal

from skextra._typing import FloatArray


@dataclass
class Weights:
    """Where an adaptive run stands.

    `last` (n_outputs, n_features + 1) holds the newest iterate, bias last; `mean` the average
    of iterates and `presented` the weight of the rows it spans. These are all iterates since
    averaging began or, with `average` "epoch", those of the last epoch. `published` is what
    predicts: the mean if averaging, else the last.
    """

    last: FloatArray
    mean: FloatArray
    presented: float = 0.0
    average: bool | Literal["epoch"] = False

    @property
    def published(self) -> FloatArray:
        """Return the weights that predict."""
        return self.mean if self.average and self.presented > 0 else self.last

    def advanced(self, last: FloatArray, epoch_mean: FloatArray | None, total: float) -> "Weights":
        """Return the weights after an epoch of total weight `total`."""
        if not self.average:
            return Weights(last, last)
        if self.average == "epoch":
            return Weights(last, epoch_mean, total, self.average)
        presented = self.presented + total
        mean = self.mean + (epoch_mean - self.mean) * self.mean.dtype.type(total / presented)
        return Weights(last, mean, presented, self.average)

"""The weights of a Madaline and how they are run."""

from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike

from skextra._base import frozen
from skextra._kernels._madaline_forward import Layers, run_layers
from skextra._typing import FloatArray

# Hidden weights are drawn up to this: small beside the weights that adapting leads to, so that the
# patterns and not the start decide what a unit learns (Widrow & Lehr 1990, section VI).
_NEAR_ZERO = 0.01


class Shape(NamedTuple):
    """The structure of a network.

    `need` is how many units of its group make an output of MRI positive; 0 stands for MRII, whose
    outputs are Adalines.
    """

    n_units: int
    n_features: int
    n_outputs: int
    need: int


class Network(Layers):
    """The weights of a Madaline. Compiled loops take them as a tuple, and train them in place."""

    __slots__ = ()

    @classmethod
    def draw(
        cls, random_state: np.random.RandomState, shape: Shape, spread: float, dtype: DTypeLike
    ) -> Self:
        """Return a network with hidden weights near zero and output weights up to `spread`."""
        n_units, p, n_outputs, need = shape
        hidden = random_state.uniform(-_NEAR_ZERO, _NEAR_ZERO, (n_units, p + 1))
        output = random_state.uniform(-spread, spread, (0 if need else n_outputs, n_units + 1))
        return cls(hidden.astype(dtype), output.astype(dtype), need, n_outputs)

    def astype(self, dtype: DTypeLike) -> Self:
        """Return a copy of the weights in a dtype."""
        return self._replace(hidden=self.hidden.astype(dtype), output=self.output.astype(dtype))

    def decide(self, X: FloatArray) -> FloatArray:
        """Return the decision values of every row."""
        outputs = np.empty((len(X), self.n_outputs), self.hidden.dtype)
        sums, own = np.empty((0, 0), outputs.dtype), np.empty(len(self.hidden), outputs.dtype)
        run_layers(frozen(X), tuple(self), sums, outputs, own)
        return outputs

    def hidden_sums(self, X: FloatArray) -> FloatArray:
        """Return the linear sums of the hidden units for every row."""
        outputs = np.empty((len(X), self.n_outputs), self.hidden.dtype)
        sums = np.empty((len(X), len(self.hidden)), outputs.dtype)
        own = np.empty(len(self.hidden), outputs.dtype)
        run_layers(frozen(X), tuple(self), sums, outputs, own)
        return sums

    def to_lists(self) -> tuple[list[FloatArray], list[FloatArray]]:
        """Return (coefs, intercepts), a layer each, in the shapes of MLPClassifier."""
        layers = [self.hidden, self.output] if len(self.output) else [self.hidden]
        coefs = [np.ascontiguousarray(layer[:, :-1].T) for layer in layers]
        return coefs, [layer[:, -1].copy() for layer in layers]

    @classmethod
    def from_lists(
        cls,
        coefs: list[FloatArray],
        intercepts: list[FloatArray],
        need: int,
        n_outputs: int,
        dtype: DTypeLike,
    ) -> Self:
        """Return the network whose `to_lists` are these."""
        pairs = zip(coefs, intercepts, strict=True)
        layers = [np.ascontiguousarray(np.c_[coef.T, bias], dtype) for coef, bias in pairs]
        if len(layers) == 1:
            layers.append(np.empty((0, len(layers[0]) + 1), dtype))
        return cls(*layers, need, n_outputs)


def as_layers(
    coefs: Any,
    intercepts: Any,
    drawn: tuple[list[FloatArray], list[FloatArray]],
    sizes: list[int],
    dtype: DTypeLike,
) -> list[list[FloatArray]]:
    """Return checked [weights, biases] of layers between `sizes` units.

    Weights or biases that are None are those of `drawn`, a pair like the result.
    """
    shapes = list(pairwise(sizes))
    checked = []
    for name, values, spare, wanted in (
        ("coef_init", coefs, drawn[0], shapes),
        ("intercept_init", intercepts, drawn[1], [shape[1:] for shape in shapes]),
    ):
        values = spare if values is None else values
        if not isinstance(values, list | tuple):
            raise ValueError(f"{name} must be a list of arrays, one per layer; got {values!r}.")
        try:
            arrays = [np.asarray(value, np.float64) for value in values]
        except (TypeError, ValueError):
            raise ValueError(f"{name} must hold arrays of real numbers; got {values!r}.") from None
        found = [array.shape for array in arrays]
        if found != wanted:
            raise ValueError(f"{name} has the shapes {found}, but {wanted} are needed.")
        if not all((np.abs(array) <= np.finfo(dtype).max).all() for array in arrays):
            raise ValueError(
                f"{name} contains NaN, infinity or values beyond the range of {np.dtype(dtype)}."
            )
        checked.append([array.astype(dtype) for array in arrays])
    return checked

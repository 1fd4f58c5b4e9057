"""The weights of a Madaline and how they are run."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from skextra._base import frozen
from skextra._kernels._madaline_forward import Layers, run_layers

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
    """The weights of a Madaline. Compiled loops take it as it is, and train it in place."""

    __slots__ = ()

    @classmethod
    def draw(cls, random_state, shape, spread, dtype):
        """Return a network with hidden weights near zero and output weights up to `spread`."""
        n_units, p, n_outputs, need = shape
        hidden = random_state.uniform(-_NEAR_ZERO, _NEAR_ZERO, (n_units, p + 1))
        output = random_state.uniform(-spread, spread, (0 if need else n_outputs, n_units + 1))
        return cls(hidden.astype(dtype), output.astype(dtype), need, n_outputs)

    def astype(self, dtype):
        """Return a copy of the weights in a dtype."""
        return self._replace(hidden=self.hidden.astype(dtype), output=self.output.astype(dtype))

    def decide(self, X):
        """Return the decision values of every row."""
        outputs = np.empty((len(X), self.n_outputs), self.hidden.dtype)
        run_layers(frozen(X), self, np.empty((0, 0), outputs.dtype), outputs)
        return outputs

    def hidden_sums(self, X):
        """Return the linear sums of the hidden units for every row."""
        outputs = np.empty((len(X), self.n_outputs), self.hidden.dtype)
        sums = np.empty((len(X), len(self.hidden)), outputs.dtype)
        run_layers(frozen(X), self, sums, outputs)
        return sums

    def to_lists(self):
        """Return (coefs, intercepts), a layer each, in the shapes of MLPClassifier."""
        layers = [self.hidden, self.output] if len(self.output) else [self.hidden]
        coefs = [np.ascontiguousarray(layer[:, :-1].T) for layer in layers]
        return coefs, [layer[:, -1].copy() for layer in layers]

    @classmethod
    def from_lists(cls, coefs, intercepts, need, n_outputs, dtype):
        """Return the network that `to_lists` returned."""
        pairs = zip(coefs, intercepts, strict=True)
        layers = [np.ascontiguousarray(np.c_[coef.T, bias], dtype) for coef, bias in pairs]
        if len(layers) == 1:
            layers.append(np.empty((0, len(layers[0]) + 1), dtype))
        return cls(*layers, need, n_outputs)


def as_layers(coefs, intercepts, drawn, sizes, dtype):
    """Return checked (weights, biases) of layers between so many units.

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
            raise ValueError(f"{name} must be a list of arrays, one a layer; got {values!r}.")
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

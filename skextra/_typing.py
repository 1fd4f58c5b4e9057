"""Types that signatures share: what data may come in, and what arrays come out."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

MYPY = False  # true for mypy alone


class SupportsArray(Protocol):
    """Anything that NumPy can read: arrays, and the data frames of pandas and Polars."""

    def __array__(self) -> NDArray[Any]: ...


class SupportsCSR(Protocol):
    """A matrix or array of `scipy.sparse`, which has no types of its own."""

    @property
    def nnz(self) -> int: ...
    def tocsr(self, copy: bool = ...) -> Any: ...


class KerasModelLike(Protocol):
    """A Keras model to look into or to change; Keras has no types of its own."""

    @property
    def layers(self) -> Any: ...
    @property
    def inputs(self) -> Any: ...
    @property
    def outputs(self) -> Any: ...
    def count_params(self) -> Any: ...
    def get_config(self) -> Any: ...


class KerasModel(KerasModelLike, Protocol):
    """A Keras model that is returned: what it has beyond these is not known."""

    def predict(self, x: Any) -> NDArray[Any]: ...
    def save(self, filepath: Any) -> None: ...
    def __getattr__(self, name: str, /) -> Any: ...


# pyright reads Keras's source, and would refuse this protocol where a keras.Model is asked for.
if TYPE_CHECKING and not MYPY:
    import keras

    KerasModel: TypeAlias = keras.Model


# NumPy's ArrayLike takes strings as well, and so would hide a wrong option.
MatrixLike: TypeAlias = SupportsArray | SupportsCSR | Sequence[Sequence[float] | SupportsArray]
# Whole numbers as parameters: those of NumPy, such as the items of an arange, are no int.
Int: TypeAlias = int | np.integer[Any]
RandomStateLike: TypeAlias = Int | np.random.RandomState | None

# Floating results have the dtype of the data, of which there are two.
FloatArray: TypeAlias = NDArray[np.floating[Any]]
# What may be an array or sparse depends on the data. `| Any` spares code that was written for one
# of them an isinstance, which is the convention of typeshed; a union would be refused there.
FloatMatrix: TypeAlias = FloatArray | Any
# Labels of classes: numbers, strings or objects.
LabelArray: TypeAlias = NDArray[Any]
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None

# A decorator that returns what it takes keeps the signature and `Self`.
Method = TypeVar("Method", bound=Callable[..., Any])
Scalar = TypeVar("Scalar", bound=np.generic)

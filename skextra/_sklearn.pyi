# Only what users call and what subclasses override. `stubtest` compares it with scikit-learn.

from collections.abc import Callable
from typing import Any, Literal, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skextra._typing import MatrixLike, Method

__all__ = [
    "BaseEstimator",
    "ClassNamePrefixFeaturesOutMixin",
    "ClassifierMixin",
    "ClusterMixin",
    "MultiOutputMixin",
    "OneToOneFeatureMixin",
    "RegressorMixin",
    "Tags",
    "TransformerMixin",
    "available_if",
]

# For subclasses, not for users, and without types there.
Tags: TypeAlias = Any

_Output = TypeVar("_Output")
_Output_co = TypeVar("_Output_co", covariant=True)

class _Transforms(Protocol[_Output_co]):
    def transform(self, X: Any, /) -> _Output_co: ...

class BaseEstimator:
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: object) -> Self: ...
    def get_metadata_routing(self) -> Any: ...
    def __sklearn_clone__(self) -> Self: ...
    def __repr__(self, N_CHAR_MAX: int = 700) -> str: ...
    def __sklearn_tags__(self) -> Tags: ...

class ClassifierMixin:
    def score(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float: ...
    def __sklearn_tags__(self) -> Tags: ...

class RegressorMixin:
    def score(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float: ...
    def __sklearn_tags__(self) -> Tags: ...

class ClusterMixin:
    def fit_predict(self, X: MatrixLike, y: object = None, **kwargs: Any) -> NDArray[np.int32]: ...
    def __sklearn_tags__(self) -> Tags: ...

class TransformerMixin:
    # As `transform` returns it, unless `set_output` asks for data frames.
    def fit_transform(
        self: _Transforms[_Output], X: MatrixLike, y: ArrayLike | None = None, **fit_params: Any
    ) -> _Output: ...
    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self: ...
    def __sklearn_tags__(self) -> Tags: ...

class OneToOneFeatureMixin:
    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]: ...

class ClassNamePrefixFeaturesOutMixin:
    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]: ...

class MultiOutputMixin:
    def __sklearn_tags__(self) -> Tags: ...

def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]: ...

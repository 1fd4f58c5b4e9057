"""What classes inherit from scikit-learn, which has no types: the stub beside this states them."""

from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    MultiOutputMixin,
    OneToOneFeatureMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

MYPY = False  # true for mypy alone

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

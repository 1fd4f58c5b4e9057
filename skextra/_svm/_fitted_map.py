"""What a fit and a prediction ask of a map, whatever it is."""

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from skextra._common._new_rows import check_new
from skextra._svm._explicit_maps import explicit_map
from skextra._svm._landmark_kernels import landmark_kernel
from skextra._svm._landmark_map import LandmarkMap
from skextra._svm._mapped_rows import MappedRows
from skextra._svm._parameters import LANDMARK_MAPS, is_precomputed, kind_of
from skextra._svm._solution import Planes
from skextra._typing import FloatArray, FloatMatrix

# Fitted attributes that not every fit sets.
SOMETIMES_FITTED = (
    "coef_", "gamma_", "landmarks_", "support_vectors_", "dual_coef_", "_support_codes",
    "_support_weight", "_precision", "_kernel_weights", "_has_independent", "_landmark_factor",
    "_scale", "_stream",
)  # fmt: skip


class FittedMap(Protocol):
    """A map from samples to features, which it makes of columns that it computes.

    The columns are the features, or the map whitens them. In a fitted estimator it knows the
    planes, too.

    Attributes
    ----------
    n_features_out : int
        Number of features, p, which is that of the columns.
    dtype : dtype
        Precision of the columns in a search at scale.
    is_sparse : bool
        Whether the features of a fit are sparse.
    """

    n_features_out: int
    dtype: np.dtype[Any]
    is_sparse: bool

    def transform(self, X: FloatMatrix) -> FloatMatrix:
        """Return the features of X, (n, p)."""

    def decisions(self, X: FloatMatrix) -> FloatArray:
        """Return the decision values of all problems without the intercepts, (n, k)."""

    def names(self, input_names: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the names of the features."""

    def features(self, X: FloatMatrix, numbers: NDArray[np.intp] | None) -> FloatMatrix:
        """Return the features of the samples of a fit, in float64.

        `numbers` are those of the rows of X, for messages; None if they are 0, 1, 2 ...
        """

    def rows(
        self,
        X: FloatMatrix,
        numbers: NDArray[np.intp] | None,
        memory_limit: float,
        random_state: np.random.RandomState,
    ) -> MappedRows:
        """Return the samples of a fit as a source of mapped rows."""

    def in_float64(self) -> Self:
        """Return the same map with columns in float64."""

    def second_moment(self) -> NDArray[np.float64] | None:
        """Return the mean square of the features, (p, p), or None if it is not known yet."""

    def column_weights(self, coef: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return weights of the columns for weights of the features."""

    def attributes(self, planes: Planes) -> dict[str, Any]:
        """Return the fitted attributes that the map and the planes are restored from."""


def new_samples(svm, X) -> FloatMatrix:
    """Return samples after the fit as `check_new` does.

    Whether they may be sparse depends on the map of the fit, whatever `feature_map` is by now.
    """
    feature_map = vars(svm).get("_fitted_with", vars(svm))["feature_map"]
    return check_new(svm, X, accept_sparse=not is_precomputed(feature_map))


def names_of_input(svm, input_features) -> NDArray[np.object_]:
    """Return the names of the features that a fitted estimator takes; raise ValueError if wrong.

    `input_features` are those that the caller gives, or None.
    """
    own = getattr(svm, "feature_names_in_", None)
    names = own if input_features is None else np.asarray(input_features, dtype=object)
    if names is None:
        return np.array([f"x{i}" for i in range(svm.n_features_in_)], dtype=object)
    if len(names) != svm.n_features_in_ or (own is not None and list(names) != list(own)):
        raise ValueError(
            f"input_features={names.tolist()} should have length equal to number of features "
            f"({svm.n_features_in_}) and match feature_names_in_."
        )
    return names


def restored_map(svm) -> FittedMap:
    """Return the map of a fitted estimator.

    It is made of fitted attributes, which are arrays and scikit-learn's own objects, so that
    pickles and skops files of the estimator hold nothing else.
    """
    feature_map = svm._fitted_with["feature_map"]
    if kind_of(feature_map) in LANDMARK_MAPS:
        return LandmarkMap(
            svm.landmarks_,
            landmark_kernel(svm._fitted_with, getattr(svm, "gamma_", None)),
            np.dtype(svm._precision),
            svm.n_jobs,
            factor=getattr(svm, "_landmark_factor", None),
            weights=svm._kernel_weights,
            is_independent=svm._has_independent,
        )
    return explicit_map(
        feature_map,
        svm.n_jobs,
        transformer=svm.feature_map_,
        scale=svm._scale,
        n_features_out=svm._n_features_out,
        weights=svm.coef_.T,
    )

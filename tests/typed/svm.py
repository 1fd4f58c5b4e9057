"""FeatureMapSVM in a user's file."""

from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.gaussian_process.kernels import Matern
from sklearn.preprocessing import SplineTransformer

from skextra import FeatureMapSVM
from skextra._typing import FloatArray, FloatMatrix, LabelArray


def cubic(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([X, X**3 - 2 * X])


def product(A: NDArray[np.float64], B: NDArray[np.float64]) -> NDArray[np.float64]:
    return (A @ B.T + 1) ** 2


def right_code(X: NDArray[np.float64], y: NDArray[np.int64]) -> None:
    svm = FeatureMapSVM("poly", C=np.inf, degree=2, class_weight={0: 1.0, 1: 2.0}, random_state=0)
    assert_type(svm.fit(X, y), FeatureMapSVM)
    assert_type(svm.fit(sparse.csr_array(X), [0, 1], sample_weight=[1.0, 2.0]), FeatureMapSVM)
    assert_type(svm.partial_fit(X, y, classes=[0, 1]), FeatureMapSVM)
    assert_type(svm.predict(X), LabelArray)
    assert_type(svm.decision_function(X), FloatArray)
    assert_type(svm.transform(X), FloatMatrix)
    assert_type(svm.fit_transform(X, y), FloatMatrix)
    assert_type(svm.score(X, y), float)
    assert_type(svm.get_feature_names_out(), NDArray[np.object_])
    assert_type(svm.classes_, LabelArray)
    assert_type(svm.coef_, FloatArray)
    assert_type(svm.intercept_, FloatArray)
    assert_type(svm.margin_, FloatArray)
    assert_type(svm.support_, NDArray[np.intp])
    assert_type(svm.support_vectors_, FloatMatrix)
    assert_type(svm.dual_coef_, FloatArray)
    assert_type(svm.duality_gap_, NDArray[np.float64])
    assert_type(svm.landmarks_, FloatMatrix)
    assert_type(svm.gamma_, float)
    assert_type(svm.n_iter_, int)
    for n in np.arange(100, 200, 50):
        FeatureMapSVM(n_components=n)
    FeatureMapSVM(cubic, loss="hinge")
    FeatureMapSVM(lambda X: np.hstack([X, X**2]))
    FeatureMapSVM(SplineTransformer())
    FeatureMapSVM("precomputed", landmarks="uniform").fit(X @ X.T, y)
    FeatureMapSVM(kernel="laplacian", gamma=0.1)
    FeatureMapSVM(kernel=product)
    FeatureMapSVM(kernel=lambda A, B: A @ B.T)
    FeatureMapSVM(kernel=Matern(nu=1.5))
    FeatureMapSVM(landmarks=X[:20], gamma=0.1)
    FeatureMapSVM(landmarks="kmeans", n_components=200, multi_class="ovo", n_jobs=-1)


def wrong_code(X: NDArray[np.float64], y: NDArray[np.int64]) -> None:
    FeatureMapSVM("gauss")  # type: ignore[arg-type]
    FeatureMapSVM("rbf", None)  # type: ignore[call-arg]
    FeatureMapSVM(loss="log")  # type: ignore[arg-type]
    FeatureMapSVM(gamma="wide")  # type: ignore[arg-type]
    FeatureMapSVM(landmarks="random")  # type: ignore[arg-type]
    FeatureMapSVM(n_components=0.5)  # type: ignore[arg-type]
    FeatureMapSVM(multi_class="crammer_singer")  # type: ignore[arg-type]
    FeatureMapSVM(kernel="precomputed")  # type: ignore[arg-type]
    FeatureMapSVM(kernel=0.5)  # type: ignore[arg-type]
    FeatureMapSVM(kernel=lambda A: A)  # type: ignore[arg-type,misc]
    FeatureMapSVM(nu=0.5)  # type: ignore[call-arg]
    FeatureMapSVM().fit(X)  # type: ignore[call-arg]
    FeatureMapSVM().fit("X", y)  # type: ignore[arg-type]
    _ = FeatureMapSVM().support_vector_  # type: ignore[attr-defined]

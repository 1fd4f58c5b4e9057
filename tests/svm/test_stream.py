"""Streams of FeatureMapSVM: what may change between chunks, and what they compute."""

from unittest.mock import Mock, patch

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.metrics.pairwise import rbf_kernel

from skextra import FeatureMapSVM
from skextra._svm._landmark_map import LandmarkMap

X, Y = load_iris(return_X_y=True)
CHUNKS = [(X[start::3], Y[start::3]) for start in range(3)]


class Scaled(BaseEstimator):
    """A Gaussian of scaled features, compared by identity."""

    def __init__(self, scale=(1.0, 1.0, 1.0, 1.0), inner=None):
        self.scale = scale
        self.inner = inner

    def __call__(self, A, B):
        kernel = rbf_kernel if self.inner is None else self.inner
        return kernel(A * self.scale, B * self.scale)


class Sum(BaseEstimator):
    """The sum of kernels."""

    def __init__(self, parts):
        self.parts = parts

    def __call__(self, A, B):
        return sum(part(A, B) for part in self.parts)


class Other(Scaled):
    """The same, of another type."""


class Derived:
    """A kernel whose parameters are not those of its constructor."""

    def __init__(self, width):
        self.gamma = 1.0 / width

    def get_params(self, deep=True):
        return {"gamma": self.gamma}

    def __call__(self, A, B):
        return rbf_kernel(A, B, gamma=self.gamma)


@pytest.mark.parametrize(
    "kernel",
    [
        Scaled(),
        Scaled(np.full(4, 0.5)),
        Scaled(inner=Scaled(np.ones(4))),
        Sum([Scaled(), Scaled(np.full(4, 0.5))]),
    ],
    ids=["tuple", "array", "nested", "list"],
)
def test_kernels_that_are_compared_by_identity_serve_a_stream(kernel):
    svm = FeatureMapSVM(kernel=kernel, random_state=0)
    for part, labels in CHUNKS:
        svm.partial_fit(part, labels, classes=[0, 1, 2])
    assert svm.score(X, Y) > 0.95


@pytest.mark.parametrize(
    "changed",
    [
        Scaled(np.full(4, 0.6)),
        Scaled(np.full(3, 0.5)),
        Scaled(np.full(4, 0.5), inner=rbf_kernel),
        Other(np.full(4, 0.5)),
        rbf_kernel,
    ],
    ids=["values", "shape", "function inside", "type", "function"],
)
def test_another_kernel_is_an_error_whatever_it_compares_by(changed):
    svm = FeatureMapSVM(kernel=Scaled(np.full(4, 0.5))).partial_fit(*CHUNKS[0], classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"(?s)kernel=.* differs from .* of the model so far"):
        svm.set_params(kernel=changed).partial_fit(*CHUNKS[1])


def test_a_change_inside_a_list_of_kernels_is_an_error():
    parts = [Scaled(), Scaled(np.full(4, 0.5))]
    svm = FeatureMapSVM(kernel=Sum(parts)).partial_fit(*CHUNKS[0], classes=[0, 1, 2])
    for other in ([Scaled(), Scaled(np.full(4, 0.6))], parts[:1]):
        with pytest.raises(ValueError, match=r"(?s)kernel=.* differs from .* of the model so far"):
            svm.set_params(kernel=Sum(other)).partial_fit(*CHUNKS[1])


def test_a_change_inside_a_kernel_is_an_error():
    svm = FeatureMapSVM(kernel=Scaled(np.full(4, 0.5))).partial_fit(*CHUNKS[0], classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"(?s)kernel=.* differs from .* of the model so far"):
        svm.set_params(kernel__scale=np.ones(4)).partial_fit(*CHUNKS[1])


def test_kernels_that_cannot_be_cloned_are_functions_like_any_other():
    svm = FeatureMapSVM(kernel=Derived(width=5.0), random_state=0).fit(*CHUNKS[0])
    assert svm.partial_fit(*CHUNKS[1]).score(X, Y) > 0.95


def test_normals_are_computed_for_chunks_that_continue_from_them_only():
    counted = Mock(wraps=LandmarkMap.coef)
    with patch.object(LandmarkMap, "coef", lambda self: counted(self)):
        svm = FeatureMapSVM(random_state=0)
        for part, labels in CHUNKS:
            svm.partial_fit(part, labels, classes=[0, 1, 2])
        counted.assert_not_called()
        assert svm.coef_.shape == (3, len(svm.landmarks_))
        counted.assert_called_once()

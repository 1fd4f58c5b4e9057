"""What a fitted FeatureMapSVM makes of new samples, whatever its parameters are by then."""

from unittest.mock import Mock

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics.pairwise import rbf_kernel

from skextra import FeatureMapSVM
from skextra._kernels import _gaussian

X, Y = load_iris(return_X_y=True)


def test_loops_get_read_only_arrays_from_mapped_files_too(tmp_path, monkeypatch):
    svm = FeatureMapSVM().fit(X, Y)
    joblib.dump(svm, tmp_path / "svm")
    mapped = joblib.load(tmp_path / "svm", mmap_mode="r")
    assert isinstance(mapped.landmarks_, np.memmap)
    decide = Mock(wraps=_gaussian.decide)
    monkeypatch.setattr(_gaussian, "decide", decide)
    for model in (svm, mapped):
        model.decision_function(X[:3])
    for call in decide.call_args_list:
        rows, landmarks, _, weights, _ = call.args
        for array in (rows, landmarks, weights):
            assert type(array) is np.ndarray
            assert not array.flags.writeable
    assert decide.call_count == 2
    assert_array_equal(mapped.decision_function(X[:3]), svm.decision_function(X[:3]))


@pytest.mark.parametrize("method", ["decision_function", "predict", "transform"])
def test_new_samples_are_checked_for_the_map_of_the_fit(method):
    linear = FeatureMapSVM("identity").fit(sparse.csr_array(X), Y)
    expected = getattr(linear, method)(X)
    linear.set_params(feature_map="precomputed")
    found = getattr(linear, method)(sparse.csr_array(X))
    found = found.toarray() if sparse.issparse(found) else found
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    K = rbf_kernel(X)
    matrix = FeatureMapSVM("precomputed").fit(K, Y).set_params(feature_map="rbf")
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        getattr(matrix, method)(sparse.csr_array(K))
    for feature_map in ("rbf", "precomputed"):
        with pytest.raises(NotFittedError):
            getattr(FeatureMapSVM(feature_map), method)(X)

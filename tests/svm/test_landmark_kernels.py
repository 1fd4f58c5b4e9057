"""FeatureMapSVM with a kernel of one's own: a matrix, a function, or one of scikit-learn's."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.gaussian_process.kernels import Matern
from sklearn.metrics.pairwise import (
    chi2_kernel,
    laplacian_kernel,
    linear_kernel,
    pairwise_kernels,
    rbf_kernel,
)
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.svm import SVC
from sklearn.utils import get_tags
from skops.io import dumps, loads

from skextra import FeatureMapSVM

GAMMA = 0.3
IRIS = load_iris(return_X_y=True)
THREE_CLASSES = make_classification(
    900, 12, n_informative=8, n_redundant=0, n_classes=3, class_sep=1.5, random_state=0
)


def gaussian(A, B):
    return rbf_kernel(A, B, gamma=GAMMA)


def narrow(A, B):
    return rbf_kernel(A, B, gamma=0.05)


def two_classes():
    X, y = IRIS
    return X[50:], y[50:]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"multi_class": "ovo"},
        {"loss": "hinge", "C": 0.5},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
def test_exact_kernels_agree_with_the_gaussian_of_our_own(options):
    X, y = (np.delete(each, 142, axis=0) for each in IRIS)  # which is equal to another sample
    expected = FeatureMapSVM(gamma=GAMMA, **options).fit(X, y)
    decisions = expected.decision_function(X[::3] + 0.1)
    function = FeatureMapSVM(kernel=gaussian, **options).fit(X, y)
    matrix = FeatureMapSVM("precomputed", **options).fit(gaussian(X, X), y)
    assert_allclose(function.decision_function(X[::3] + 0.1), decisions, atol=1e-6)
    new = gaussian(X[::3] + 0.1, X)
    assert_allclose(matrix.decision_function(new), decisions, atol=1e-6)
    assert_array_equal(matrix.support_, expected.support_)
    assert matrix.duality_gap_.max() < 1e-9
    assert matrix.n_features_in_ == 149


def test_hinge_has_the_dual_variables_of_svc():
    X, y = two_classes()
    K = gaussian(X, X)
    peer = SVC(kernel="precomputed", C=2.0, tol=1e-10).fit(K, y)
    function = SVC(kernel=gaussian, C=2.0, tol=1e-10).fit(X, y)
    for svm, data in (
        (FeatureMapSVM("precomputed", C=2.0, loss="hinge"), K),
        (FeatureMapSVM(kernel=gaussian, C=2.0, loss="hinge"), X),
    ):
        svm.fit(data, y)
        mine, theirs = np.zeros((2, len(X)))
        mine[svm.support_] = svm.dual_coef_[0]
        theirs[peer.support_] = peer.dual_coef_[0]
        # Equal samples share their dual variable in any way.
        assert_allclose(K @ mine, K @ theirs, atol=1e-6)
        assert_allclose(svm.intercept_, peer.intercept_, atol=1e-6)
        assert_allclose(svm.decision_function(data), function.decision_function(X), atol=1e-6)
        assert svm.duality_gap_[0] < 1e-9
    X = np.unique(X, axis=0)
    y = X[:, 2] + np.sin(9 * X[:, 0]) > 5
    K = rbf_kernel(X, gamma=3.0)  # well conditioned, so that the dual variables are unique
    peer = SVC(kernel="precomputed", C=2.0, tol=1e-12).fit(K, y)
    svm = FeatureMapSVM("precomputed", C=2.0, loss="hinge").fit(K, y)
    assert_array_equal(svm.support_, np.sort(peer.support_))
    assert_allclose(svm.dual_coef_[0], peer.dual_coef_[0][np.argsort(peer.support_)], atol=1e-6)


def test_hard_margin_on_a_matrix():
    X, y = two_classes()
    with pytest.raises(ValueError, match="no plane separates"):
        FeatureMapSVM("precomputed", C=np.inf).fit(linear_kernel(X), y)
    X, y = IRIS[0][:100], IRIS[1][:100]
    svm = FeatureMapSVM("precomputed", C=np.inf).fit(linear_kernel(X), y)
    expected = FeatureMapSVM("identity", C=np.inf).fit(X, y)
    assert_allclose(svm.margin_, expected.margin_, rtol=1e-6)
    assert_array_equal(svm.support_, expected.support_)


def test_what_a_matrix_leaves_of_its_samples():
    X, y = IRIS
    K = gaussian(X, X)
    svm = FeatureMapSVM("precomputed", n_components=20, random_state=0).fit(K, y)
    assert svm.support_vectors_.shape == (0, 150)
    assert len(svm.landmarks_) == len(np.unique(svm.landmarks_)) == svm.coef_.shape[1] <= 20
    features = svm.transform(K[svm.support_])
    assert_allclose(svm.dual_coef_ @ features, svm.coef_, atol=1e-8)
    # Landmarks are columns: the others do not enter.
    other = np.full_like(K, 7.0)
    other[:, svm.landmarks_] = K[:, svm.landmarks_]
    assert_array_equal(svm.decision_function(other), svm.decision_function(K))
    L = svm.landmarks_
    Z = svm.transform(K)
    expected = K[:, L] @ np.linalg.solve(K[np.ix_(L, L)], K[L])
    assert_allclose(Z @ Z.T, expected, atol=1e-6)
    assert svm.get_feature_names_out()[0] == "precomputed0"
    assert not hasattr(svm, "gamma_")
    svm.set_params(store_support=False).fit(K, y)
    assert not hasattr(svm, "dual_coef_")


@pytest.mark.parametrize("options", [{}, {"loss": "hinge"}, {"multi_class": "ovo"}], ids=str)
def test_weights_of_a_matrix_are_repetitions(options):
    X, y = IRIS
    K = gaussian(X, X)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    svm = FeatureMapSVM("precomputed", **options)
    weighted = clone(svm).fit(K, y, sample_weight=weight)
    assert (weight[weighted.landmarks_] > 0).all()
    again = np.repeat(np.arange(len(X)), weight)
    repeated = clone(svm).fit(K[np.ix_(again, again)], y[again])
    expected = weighted.decision_function(K)
    assert_allclose(repeated.decision_function(K[:, again]), expected, atol=1e-8)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = clone(svm).fit(K[np.ix_(order, order)], y[order], sample_weight=weight[order])
    assert_allclose(shuffled.decision_function(K[:, order]), expected, atol=1e-8)


@pytest.mark.parametrize("kind", ["function", "name"])
def test_weights_with_functions_are_repetitions(kind):
    X, y = IRIS
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    kernel = laplacian_kernel if kind == "function" else "laplacian"
    svm = FeatureMapSVM(kernel=kernel, gamma=0.2)
    expected = clone(svm).fit(X, y, sample_weight=weight).decision_function(X)
    repeated = clone(svm).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(repeated.decision_function(X), expected, atol=1e-8)


def test_searches_and_cross_validation_slice_the_matrix():
    X, y = IRIS
    K = gaussian(X, X)
    svm = FeatureMapSVM("precomputed", random_state=0)
    assert get_tags(svm).input_tags.pairwise
    assert not get_tags(FeatureMapSVM()).input_tags.pairwise
    expected = cross_val_score(FeatureMapSVM(gamma=GAMMA), X, y)
    assert_array_equal(cross_val_score(svm, K, y), expected)
    search = GridSearchCV(svm, {"C": [0.1, 4.0], "n_components": [10, "auto"]}).fit(K, y)
    assert search.best_estimator_.n_features_in_ == 150
    assert search.best_score_ > 0.95
    assert search.predict(K[:5]).shape == (5,)


def test_searches_cover_the_parameters_of_a_kernel():
    X, y = IRIS
    search = GridSearchCV(
        FeatureMapSVM(kernel=Matern(nu=1.5)), {"kernel__length_scale": [1e-3, 1.0]}
    ).fit(X, y)
    assert search.best_params_ == {"kernel__length_scale": 1.0}
    search = GridSearchCV(FeatureMapSVM(), {"kernel": [None, "laplacian", gaussian]}).fit(X, y)
    assert search.best_score_ > 0.94


def test_what_becomes_of_a_kernel_after_the_fit_is_of_no_concern():
    X, y = IRIS
    svm = FeatureMapSVM(kernel=Matern(1.0)).fit(X, y)
    expected = svm.decision_function(X)
    svm.set_params(kernel__length_scale=50.0)
    assert_array_equal(svm.decision_function(X), expected)
    with pytest.raises(ValueError, match="differs from"):
        svm.partial_fit(X, y)
    svm.set_params(kernel__length_scale=1.0).partial_fit(X, y)


def test_a_kernel_is_told_from_a_feature_map():
    X, y = IRIS
    for kernel in (gaussian, rbf_kernel, Matern()):
        with pytest.raises(ValueError, match="is the parameter kernel"):
            FeatureMapSVM(kernel).fit(X, y)
    with pytest.raises(ValueError, match=r"kernel=.* raised TypeError: .* It is given two arrays"):
        FeatureMapSVM(kernel=np.linalg.inv).fit(X, y)


def test_round_trips():
    X, y = IRIS
    K = gaussian(X, X)
    trusted = ["skextra._svm._feature_map_svm.FeatureMapSVM"]
    for svm, data in (
        (FeatureMapSVM("precomputed", n_components=30, random_state=0), K),
        (FeatureMapSVM(kernel="laplacian"), X),
        (FeatureMapSVM(kernel=laplacian_kernel), X),
        (FeatureMapSVM(kernel=Matern()), X),
    ):
        svm.fit(data, y)
        names = [*trusted, "sklearn.metrics.pairwise.laplacian_kernel"]
        names.append("sklearn.gaussian_process.kernels.Matern")
        for copy in (pickle.loads(pickle.dumps(svm)), loads(dumps(svm), trusted=names)):
            assert_array_equal(copy.decision_function(data), svm.decision_function(data))
            assert_allclose(copy.transform(data), svm.transform(data))
    again = FeatureMapSVM().fit(X, y)
    assert "_landmark_factor" not in vars(again.set_params(kernel=None).fit(X, y))


@pytest.mark.parametrize("name", ["laplacian", "chi2", "linear", "poly", "cosine"])
def test_named_kernels_are_those_of_scikit_learn(name):
    X, y = IRIS
    svm = FeatureMapSVM(kernel=name, gamma=0.2, degree=2, coef0=0.5).fit(X, y)
    parameters = {"gamma": 0.2, "degree": 2, "coef0": 0.5}
    expected = pairwise_kernels(X, metric=name, filter_params=True, **parameters)
    Z = svm.transform(X)
    assert_allclose(Z @ Z.T, expected, atol=1e-7 * expected.max())
    assert hasattr(svm, "gamma_") == (name in ("laplacian", "chi2", "poly"))
    assert svm.get_feature_names_out()[0] == f"{name}0"
    assert svm.score(X, y) > 0.95


def test_rbf_is_a_name_for_the_default_kernel():
    X, y = IRIS
    expected = FeatureMapSVM().fit(X, y)
    svm = FeatureMapSVM(kernel="rbf").fit(X, y)
    assert_array_equal(svm.decision_function(X), expected.decision_function(X))


def test_functions_are_given_few_rows_at_a_time_and_may_write_to_them():
    X, y = THREE_CLASSES
    X = np.tile(X, (3, 1)) + np.arange(2700)[:, None] * 1e-9
    X.flags.writeable = False
    before, sizes = X.copy(), []

    def greedy(A, B):
        sizes.append((len(A), len(B)))
        K = narrow(A, B)
        A *= 2
        B[:] = 0
        return K

    svm = FeatureMapSVM(kernel=greedy, n_components=100, random_state=0).fit(X, np.tile(y, 3))
    svm.predict(X)
    assert max(sizes)[0] == 1000
    assert {columns for _, columns in sizes} <= set(range(20, 101))
    assert_array_equal(X, before)
    assert_array_equal(
        svm.decision_function(np.asfortranarray(X)),
        clone(svm).set_params(kernel=narrow).fit(X, np.tile(y, 3)).decision_function(X),
    )


def test_float32_stays_float32():
    X, y = IRIS[0].astype(np.float32), IRIS[1]
    seen = set()

    def kernel(A, B):
        seen.update((A.dtype, B.dtype))
        return gaussian(A, B)

    wide = FeatureMapSVM(gamma=GAMMA).fit(X.astype(float), y).decision_function(X)
    for svm, data in (
        (FeatureMapSVM(kernel=kernel), X),
        (FeatureMapSVM("precomputed"), gaussian(X, X).astype(np.float32)),
    ):
        svm.fit(data, y)
        assert svm.coef_.dtype == svm.decision_function(data).dtype == np.float32
        assert_allclose(svm.decision_function(data), wide, atol=0.05)
    assert seen == {np.dtype(np.float32)}


def test_sparse_samples_reach_the_function_as_csr():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    forms = set()

    def kernel(A, B):
        forms.add((type(A), type(B)))
        return linear_kernel(A, B, dense_output=False)

    svm = FeatureMapSVM(kernel=kernel).fit(sparse.csr_array(X), y)
    expected = FeatureMapSVM(kernel="linear").fit(X, y).decision_function(X)
    for data in (X, sparse.csr_array(X)):
        assert_allclose(svm.decision_function(data), expected, atol=1e-5)
    assert forms == {(sparse.csr_array, sparse.csr_array)}
    dense = FeatureMapSVM(kernel=linear_kernel).fit(X, y)
    assert_allclose(dense.decision_function(sparse.csr_array(X)), expected, atol=1e-5)
    with pytest.raises(
        TypeError, match="Sparse data was passed for X, but dense data is required"
    ):
        FeatureMapSVM("precomputed").fit(sparse.csr_array(X @ X.T), y)


@pytest.mark.parametrize(
    "kernel, message",
    [
        (lambda a, b: np.exp(-((a - b[0]) ** 2).sum()), r"shape \(\) for arrays of shape"),
        (lambda a, b: np.exp(-((a - b) ** 2).sum(axis=1)), r"metric=two_samples"),
        (lambda A, B: A @ B, r"raised ValueError: .*metric=two_samples"),
        (lambda A, B: gaussian(A, B) * 1j, "complex128 values; it must return real numbers"),
        (lambda A, B: np.full((len(A), len(B)), np.nan), "returned NaN or infinity"),
        (lambda A, B: A[:, :1] + 2 * B[:, 0], "is not symmetric: .* differ by up to 3.6"),
        (lambda A, B: -gaussian(A, B), "is -1 or less between each landmark and itself"),
        (lambda A, B: np.zeros((len(A), len(B))), "is 0 or less between each landmark and itself"),
        (SVC, "kernel=<class .*> is none of 'rbf', .* nor a function, or an instance"),
        ("gauss", "kernel='gauss' is none of 'rbf', 'laplacian'"),
        ("precomputed", "kernel='precomputed' is written feature_map='precomputed' here"),
        (np.eye(3), "is none of 'rbf'"),
    ],
)
def test_unfit_kernels_are_refused(kernel, message):
    svm = FeatureMapSVM(kernel=kernel)
    get_tags(svm)
    with pytest.raises(ValueError, match=message):
        svm.fit(*IRIS)


def test_a_kernel_takes_the_place_of_the_gaussian_only():
    for feature_map in ("poly", "precomputed", np.sqrt):
        with pytest.raises(ValueError, match="kernel='laplacian' takes the place of the Gaussian"):
            FeatureMapSVM(feature_map, kernel="laplacian").fit(*IRIS)


def test_unfit_matrices_are_refused():
    X, y = IRIS
    K = gaussian(X, X)
    svm = FeatureMapSVM("precomputed")
    with pytest.raises(ValueError, match=r"X has shape \(150, 4\); .* it must be square"):
        svm.fit(X, y)
    skew = K.copy()
    skew[3] *= 1.5
    with pytest.raises(ValueError, match="feature_map='precomputed': X is not symmetric"):
        svm.fit(skew, y)
    with pytest.raises(ValueError, match=r"distances become a kernel as numpy.exp\(-distances\)"):
        svm.fit(1 - K, y)
    with pytest.raises(ValueError, match="contains NaN"):
        svm.fit(np.where(K < 0.5, np.nan, K), y)
    svm.fit(K, y)
    with pytest.raises(ValueError, match=r"X has 100 features, .* is expecting 150 features"):
        svm.predict(K[:, :100])
    for landmarks in ("kmeans", [0, 1, 2], X[:3]):
        with pytest.raises(ValueError, match=r"needs samples, .* use landmarks='margin'"):
            svm.set_params(landmarks=landmarks).fit(K, y)


def test_a_matrix_has_no_stream():
    svm = FeatureMapSVM("precomputed")
    assert not hasattr(svm, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        svm.partial_fit(gaussian(*IRIS[:1], IRIS[0]), IRIS[1])
    assert "needs the kernel between all samples at once" in str(caught.value.__cause__)


def test_functions_stream():
    X, y = THREE_CLASSES
    expected = FeatureMapSVM(gamma=0.05, n_components=60, random_state=0)
    svm = FeatureMapSVM(kernel=narrow, n_components=60, random_state=0)
    for part in np.array_split(np.arange(len(X)), 3):
        for model in (expected, svm):
            model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert svm.score(X, y) > expected.score(X, y) - 0.02
    with pytest.raises(ValueError, match="kernel='laplacian' differs from"):
        svm.set_params(kernel="laplacian").partial_fit(X, y)


def indefinite(A, B):
    return np.tanh(0.5 * A @ B.T - 1)


@pytest.mark.parametrize("kind", ["function", "matrix"])
def test_indefinite_kernels_warn_and_learn_as_nystroem_does(kind):
    X, y = IRIS
    X = X - X.mean(axis=0)
    K = indefinite(X, X)
    svm, data = FeatureMapSVM(kernel=indefinite), X
    if kind == "matrix":
        svm, data = FeatureMapSVM("precomputed"), K
    share = np.linalg.eigvalsh(K)[0] / K.diagonal().max()
    assert share < -1
    with pytest.warns(UserWarning, match=r"is not positive semidefinite: .* Nystroem") as caught:
        svm.fit(data, y)
    (message,) = [str(each.message) for each in caught]
    assert float(message.split("eigenvalue of ")[1].split()[0]) == pytest.approx(share, rel=0.05)
    assert svm.score(data, y) > 0.9
    decisions = svm.transform(data) @ svm.coef_.T + svm.intercept_
    assert_allclose(decisions, svm.decision_function(data), atol=1e-6)
    features = svm.transform(data[svm.support_])
    assert_allclose(svm.dual_coef_ @ features, svm.coef_, atol=1e-6)
    copy = pickle.loads(pickle.dumps(svm))
    assert_array_equal(copy.transform(data), svm.transform(data))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_not_taken_for_an_indefinite_kernel(dtype):
    X, y = THREE_CLASSES
    K = rbf_kernel(X, gamma=1e-4).astype(np.float32).astype(dtype)
    assert np.linalg.eigvalsh(K.astype(float))[0] < -1e-7
    svm = FeatureMapSVM("precomputed", C=100.0, random_state=0).fit(K, y)
    expected = FeatureMapSVM(gamma=1e-4, C=100.0, random_state=0).fit(X, y)
    assert svm.score(K, y) > expected.score(X, y) - 0.03
    assert np.abs(svm.transform(K)).max() < 1.1


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_a_multiple_of_a_kernel_is_a_multiple_of_the_cost(scale, at_scale):
    X, y = THREE_CLASSES
    K = narrow(X, X)
    svm = FeatureMapSVM("precomputed", n_components=100, landmarks="uniform", tol=1e-6)
    svm.set_params(random_state=0)
    expected = clone(svm).fit(K, y).decision_function(K)
    svm.set_params(C=svm.C / scale)
    assert_allclose(svm.fit(K * scale, y).decision_function(K * scale), expected, atol=2e-3)


@pytest.mark.parametrize("landmarks", ["margin", "uniform"])
def test_large_fits_agree_with_the_gaussian_of_our_own(landmarks, at_scale):
    X, y = THREE_CLASSES
    K = narrow(X, X)
    options = {"n_components": 150, "landmarks": landmarks, "random_state": 0}
    svm = FeatureMapSVM(gamma=0.05, **options).fit(X, y)
    matrix = FeatureMapSVM("precomputed", **options).fit(K, y)
    function = FeatureMapSVM(kernel=narrow, **options).fit(X, y)
    short = FeatureMapSVM(kernel=narrow, memory_limit=0.1, **options).fit(X, y)
    assert matrix._precision == function._precision == "float32"
    for model, data in ((matrix, K), (function, X), (short, X)):
        assert model.duality_gap_.max() < 0.01
        assert abs(model.score(data, y) - svm.score(X, y)) < 0.02
    threads = FeatureMapSVM(kernel=narrow, n_jobs=2, **options).fit(X, y)
    assert_array_equal(threads.coef_, function.set_params(n_jobs=1).fit(X, y).coef_)


def test_values_beyond_float32_are_named(at_scale):
    X, y = THREE_CLASSES
    svm = FeatureMapSVM("precomputed", n_components=100, C=1e-40)
    with pytest.raises(ValueError, match=r"beyond the range of float32, .* divide the kernel"):
        svm.fit(narrow(X, X) * 1e40, y)


def test_kernels_of_counts():
    X, y = load_digits(return_X_y=True)
    X, y = X[:250], y[:250]
    expected = FeatureMapSVM(kernel="chi2", gamma=0.02).fit(X, y)
    svm = FeatureMapSVM(kernel=lambda A, B: chi2_kernel(A, B, gamma=0.02)).fit(X, y)
    assert_allclose(svm.decision_function(X), expected.decision_function(X), atol=1e-7)
    assert get_tags(expected).input_tags.positive_only
    assert not get_tags(expected).input_tags.sparse
    with pytest.raises(ValueError, match="kernel='chi2' needs values of 0 or more"):
        FeatureMapSVM(kernel="chi2").fit(X - 1, y)
    with pytest.raises(ValueError, match=r"kernel='chi2' raised ValueError: .* negative values.$"):
        expected.predict(X - 1)


def test_given_landmarks_and_centres_have_any_kernel():
    X, y = IRIS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for landmarks in (X[::5], "kmeans", "uniform"):
            svm = FeatureMapSVM(kernel="laplacian", landmarks=landmarks, n_components=25)
            svm.set_params(random_state=0).fit(X, y)
            assert svm.score(X, y) > 0.93
            assert svm.landmarks_.shape[1] == 4

"""scikit-learn's own checks, over every estimator in several configurations, without excuses."""

import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.kernel_approximation import RBFSampler
from sklearn.metrics.pairwise import laplacian_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from skextra import (
    Adaline,
    CNNClassifier,
    FeatureMapSVM,
    KMeansPP,
    LMSRegressor,
    Madaline,
    TappedDelayLine,
)
from skextra._kmeans._directions import directions

# The checks fit on data of any scale with a handful of epochs: that a fit stops short is no news.
# And they set n_components to more than they have samples, and pass matrices that are no kernels.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:n_components=:UserWarning"),
    pytest.mark.filterwarnings("ignore:feature_map='precomputed'. X is not positive:UserWarning"),
    pytest.mark.filterwarnings("ignore:X goes up to .* is trained on as it is:UserWarning"),
]


class Laplacian:
    """A kernel of the user's."""

    def __repr__(self):
        return "Laplacian()"  # the same in every process

    def __call__(self, A, B):
        return laplacian_kernel(A, B, gamma=0.1)


class DenseNet:
    """A function that builds a network, with a name that is the same in every process."""

    def __repr__(self):
        return "DenseNet()"

    def __call__(self, image_shape, n_classes):
        layers = keras.layers
        return keras.Sequential(
            [
                keras.Input(image_shape, dtype="float64"),
                layers.Flatten(dtype="float64"),
                layers.Dense(32, activation="relu", dtype="float64"),
                layers.Dense(n_classes, activation="softmax", dtype="float64"),
            ]
        )


ESTIMATORS = [
    LMSRegressor(),
    LMSRegressor(average=True, shuffle=True),
    LMSRegressor(learning_rate=0.01, fit_intercept=False),
    LMSRegressor(variant="nlms"),
    LMSRegressor(variant="rls"),
    LMSRegressor(variant="rls", forgetting=0.99, shuffle=True),
    LMSRegressor(variant="wiener"),
    Adaline(),
    Adaline(average=False),
    Adaline(variant="nlms", class_weight="balanced"),
    Adaline(learning_rate=0.01, fit_intercept=False, tol=None, max_iter=50),
    TappedDelayLine(),
    KMeansPP(),
    KMeansPP(refine=None),
    KMeansPP(4, refine="rough"),
    KMeansPP(3, algorithm="elkan", n_init=2),
    KMeansPP(5, init="random", refine=4, tol=0, store_history=True),
    Madaline(n_init=3),
    Madaline(4, acceptance="hamming", dead_zone=0.0, n_init=1, pair_trials=False),
    Madaline(5, rule="mri", n_init=2),
    Madaline(3, rule="mri", output_logic="or", learning_rate=0.5, n_init=2, max_iter=50),
    FeatureMapSVM(),
    FeatureMapSVM(n_components=10),
    FeatureMapSVM(n_components=8, landmarks="uniform", multi_class="ovo"),
    FeatureMapSVM(loss="hinge", class_weight="balanced"),
    FeatureMapSVM("precomputed"),
    FeatureMapSVM("precomputed", n_components=8, landmarks="uniform", multi_class="ovo"),
    FeatureMapSVM("precomputed", loss="hinge"),
    FeatureMapSVM(kernel="laplacian"),
    FeatureMapSVM(kernel=Laplacian(), n_components=8),
    FeatureMapSVM("identity"),
    FeatureMapSVM("identity", loss="hinge", multi_class="ovo"),
    FeatureMapSVM("poly"),
    FeatureMapSVM("spline"),
    FeatureMapSVM("fourier", n_components=50),
    FeatureMapSVM(make_pipeline(StandardScaler(), PolynomialFeatures(2))),
    CNNClassifier(),
    CNNClassifier(8, dense_units=(), learning_rate=0.03, dtype="float64"),
    CNNClassifier((16, 32), (3, 5), strides=(1, 2), padding=1, pool=("max", None)),
    CNNClassifier(optimizer="sgd", learning_rate=0.1, pool="average", class_weight="balanced"),
    CNNClassifier((), dense_units=(32, 16), learning_rate=0.01, l2=1e-4, shuffle=False),
    CNNClassifier(input_kind="signal"),
    CNNClassifier(build=DenseNet(), learning_rate=0.02),
]


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_no_tag_excuses_a_check(estimator):
    tags = get_tags(estimator)
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert tags.classifier_tags is None or not tags.classifier_tags.poor_score
    assert tags.regressor_tags is None or not tags.regressor_tags.poor_score


# A delay line with memory puts out a row that depends on the rows before it, which is its
# purpose. Two checks demand the opposite of every transformer; all others hold with memory too.
MEMORYLESS = {"check_methods_sample_order_invariance", "check_methods_subset_invariance"}


def _name(check):
    return getattr(check, "func", check).__name__


def test_delay_line_with_memory_passes_all_checks_but_those_against_memory():
    checks = list(estimator_checks_generator(TappedDelayLine(n_taps=3)))
    assert {_name(check) for _, check in checks} >= MEMORYLESS
    for estimator, check in checks:
        if _name(check) in MEMORYLESS:
            with pytest.raises(AssertionError):
                check(clone(estimator))
        else:
            check(clone(estimator))


def test_hard_margin_passes_all_checks_but_that_on_class_weights():
    """On data that the map makes separable, which a hard margin separates whatever the weights."""
    svm = FeatureMapSVM(RBFSampler(gamma=10.0, n_components=600, random_state=0), C=np.inf)
    checks = list(estimator_checks_generator(svm))
    assert "check_class_weight_classifiers" in {_name(check) for _, check in checks}
    for estimator, check in checks:
        if _name(check) == "check_class_weight_classifiers":
            with pytest.raises(AssertionError):
                check(clone(estimator))
        elif _name(check) != "check_array_api_input":  # skips itself
            check(clone(estimator))


# Rows of zeros have no direction, so that a cosine refuses them. These checks have some, and pass
# where zeros are taken for ones.
WITH_ZEROS = {
    "check_estimator_sparse_tag",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimators_dtypes",
}
SPHERICAL = [
    KMeansPP(metric="cosine"),
    KMeansPP(metric="cosine", refine=None),
    KMeansPP(3, metric="cosine", algorithm="elkan", n_init=2),
    KMeansPP(5, metric="cosine", init="random", refine=4, tol=0, store_history=True),
]


def _with_ones_for_rows_of_zeros(X, name="X"):
    empty = np.asarray(abs(X).sum(axis=1)).ravel() == 0
    filled = X.toarray() if sparse.issparse(X) else X.copy()
    filled[empty] = 1
    return directions(sparse.csr_array(filled) if sparse.issparse(X) else filled, name)


@pytest.mark.parametrize("estimator", SPHERICAL, ids=str)
def test_cosine_passes_all_checks_but_for_rows_of_zeros(estimator, monkeypatch):
    checks = list(estimator_checks_generator(estimator))
    assert {_name(check) for _, check in checks} >= WITH_ZEROS
    for model, check in checks:
        if _name(check) in WITH_ZEROS:
            with pytest.raises((ValueError, AssertionError)) as refusal:
                check(clone(model))
            assert "of zeros" in str(refusal.value.__cause__ or refusal.value)
            with monkeypatch.context() as patch:
                patch.setattr("skextra._kmeans._metric.directions", _with_ones_for_rows_of_zeros)
                check(clone(model))
        elif _name(check) != "check_array_api_input":  # skips itself
            check(clone(model))


# A weight is a repetition in the mean only, where a fit draws something for every sample, splits
# samples or makes mini-batches of them, or takes statistics of a batch that know no weights; and
# float32 rounds more than the check allows. All other checks hold there too.
STATISTICAL = [
    CNNClassifier(batch_size=8),
    CNNClassifier(batch_norm=True, learning_rate=0.01),
    CNNClassifier(dropout=0.3, learning_rate=0.01),
    CNNClassifier(augmentation={"zoom": 0.1}, learning_rate=0.01),
    CNNClassifier(early_stopping=True, learning_rate=0.01),
    CNNClassifier(dtype="float32"),
]
EQUIVALENCE = "check_sample_weight_equivalence_on_dense_data"


@pytest.mark.filterwarnings("ignore:early_stopping=True finds too few:UserWarning")
@pytest.mark.parametrize("cnn", STATISTICAL, ids=str)
def test_cnn_passes_all_checks_but_that_weights_are_exactly_repetitions(cnn):
    checks = list(estimator_checks_generator(cnn))
    assert EQUIVALENCE in {_name(check) for _, check in checks}
    for estimator, check in checks:
        if _name(check) == EQUIVALENCE:
            with pytest.raises(AssertionError):
                check(clone(estimator))
        else:
            check(clone(estimator))

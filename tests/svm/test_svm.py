"""FeatureMapSVM on small data: exact against closed forms, scikit-learn and linear programs."""

import pickle
import warnings

import numpy as np
import polars
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import linprog
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC
from skops.io import dumps, loads

from skextra import FeatureMapSVM

LINE = np.array([-2, -1.8, 0.3, 0.6, 1, -1, -0.7, -0.6, -0.3, 2])[:, None]
SIDE = np.array([-1] * 5 + [1] * 5)
NORMAL = np.array([-100000, 191000]) / 139443
IRIS = load_iris(return_X_y=True)


def cubic(X):
    return np.hstack([X, X**3 - 2 * X])


def test_worked_problem_is_exact():
    svm = FeatureMapSVM(cubic, C=np.inf).fit(LINE, SIDE)
    assert_allclose(svm.coef_, [NORMAL], rtol=1e-12)
    assert_allclose(svm.intercept_, [0], atol=1e-12)
    assert_allclose(svm.margin_, [np.sqrt(418329) / 500], rtol=1e-12)
    assert_array_equal(svm.support_, [2, 8])
    assert_array_equal(svm.support_vectors_.ravel(), [0.3, -0.3])
    assert_allclose(svm.dual_coef_, [[-500000 / 418329, 500000 / 418329]], rtol=1e-12)
    assert svm.duality_gap_.max() < 1e-12
    assert_allclose(svm.dual_coef_ @ svm.transform(svm.support_vectors_), svm.coef_, rtol=1e-12)


@pytest.mark.parametrize("shift", [(1, 1), (1000, -500), (-300, 8000)])
@pytest.mark.parametrize("scale", [1, 2.0**-20, 2.0**30])
def test_worked_problem_shifted_and_scaled(shift, scale):
    # The copy is rounded to numbers near the shift: solutions agree to that relative precision.
    points = scale * (cubic(LINE) + shift)
    svm = FeatureMapSVM("identity", C=np.inf).fit(points, SIDE)
    size = max(np.abs(shift))
    assert_allclose(svm.coef_[0] * scale, NORMAL, rtol=1e-15 * size + 1e-12)
    assert_allclose(svm.intercept_, [-NORMAL @ shift], rtol=1e-12)
    assert_allclose(svm.margin_ / scale, [np.sqrt(418329) / 500], rtol=1e-15 * size + 1e-12)
    alpha = np.abs(svm.dual_coef_).ravel() * scale**2
    assert_allclose(alpha, 500000 / 418329, rtol=1e-15 * size + 1e-12)


def test_sub_optimal_line_has_the_smaller_distance():
    svm = FeatureMapSVM(cubic, C=np.inf).fit(LINE, SIDE)
    flat = np.abs(cubic(LINE)[:, 1]).min()  # the line x2 = 0 separates too
    assert (np.sign(cubic(LINE)[:, 1]) == SIDE).all()
    assert flat < svm.margin_[0] / 2


def random_problem(seed):
    rng = np.random.default_rng(seed)
    n, d = rng.integers(4, 40), rng.integers(1, 6)
    X = rng.standard_normal((n, d))
    if seed % 3 == 0:
        X = np.round(2 * X) / 2  # ties and duplicates
    if seed % 2:
        y = X @ rng.standard_normal(d) + 0.1 * rng.standard_normal() > 0
    else:
        y = rng.random(n) < 0.5
    y[:2] = True, False
    return X, y, 10 ** rng.uniform(-2, 3)


def test_hard_margin_agrees_with_linear_programs_on_separability():
    separable = 0
    for seed in range(200):
        X, y, _ = random_problem(seed)
        sign = np.where(y, 1, -1)[:, None]
        rows = -sign * np.column_stack([X, np.ones(len(X))])
        program = linprog(np.zeros(rows.shape[1]), rows, -np.ones(len(X)), bounds=(None, None))
        svm = FeatureMapSVM("identity", C=np.inf)
        if program.status == 0:
            separable += 1
            svm.fit(X, y)
            assert svm.duality_gap_ < 1e-8, seed
            assert (sign[:, 0] * svm.decision_function(X)).min() > 1 - 1e-8, seed
        else:
            with pytest.raises(ValueError, match="no plane separates"):
                svm.fit(X, y)
    assert 50 < separable < 150


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_soft_margin_is_no_worse_than_any_other_solver(loss):
    for seed in range(200):
        X, y, C = random_problem(seed)
        sign = np.where(y, 1, -1)
        power = 1 if loss == "hinge" else 2

        def objective(w, b, X=X, sign=sign, C=C, power=power):
            return w @ w / 2 + C * (np.maximum(0, 1 - sign * (X @ w + b)) ** power).sum()

        svm = FeatureMapSVM("identity", C=C, loss=loss).fit(X, y)
        mine = objective(svm.coef_[0], svm.intercept_[0])
        assert svm.duality_gap_ < 1e-10, seed
        if loss == "hinge":
            peer = SVC(kernel="linear", C=C, tol=1e-6, max_iter=100_000)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                peer.fit(X, y)
            assert mine <= objective(peer.coef_[0], peer.intercept_[0]) * (1 + 1e-9), seed
        # No move to any side lowers it: it is the minimum.
        rng = np.random.default_rng(seed)
        for size in (1e-2, 1e-4):
            w = svm.coef_[0] + size * rng.standard_normal(X.shape[1])
            assert objective(w, svm.intercept_[0] + size * rng.standard_normal()) >= mine


def test_dual_variables_meet_the_optimality_conditions():
    X, y = make_blobs(80, centers=2, cluster_std=3, random_state=0)
    for loss in ("hinge", "squared_hinge"):
        svm = FeatureMapSVM("identity", C=0.7, loss=loss).fit(X, y)
        alpha = np.zeros(80)
        alpha[svm.support_] = np.abs(svm.dual_coef_[0])
        margins = np.where(y, 1, -1) * svm.decision_function(X)
        if loss == "squared_hinge":
            assert_allclose(alpha, 2 * 0.7 * np.maximum(0, 1 - margins), atol=1e-9)
        else:
            assert_allclose(alpha[margins < 1 - 1e-9], 0.7, rtol=1e-9)
            assert_allclose(alpha[margins > 1 + 1e-9], 0, atol=1e-12)
        assert_allclose(svm.dual_coef_.sum(), 0, atol=1e-9)


def test_exact_rbf_kernel_is_that_of_svc():
    X, y = IRIS
    X = StandardScaler().fit_transform(X)
    svm = FeatureMapSVM(C=3, loss="hinge", multi_class="ovo").fit(X, y)
    peer = SVC(C=3, tol=1e-10, decision_function_shape="ovo").fit(X, y)
    decisions = svm.transform(X) @ svm.coef_.T + svm.intercept_
    assert_allclose(decisions, peer.decision_function(X), atol=1e-4)
    assert_array_equal(svm.predict(X), peer.predict(X))


def test_maps_reproduce_their_kernels():
    X, y = IRIS
    svm = FeatureMapSVM("poly", degree=3, gamma=0.2, coef0=1.5).fit(X, y)
    Z = svm.transform(X)
    kernel = polynomial_kernel(X, degree=3, gamma=0.2, coef0=1.5)
    assert_allclose(Z @ Z.T, kernel - 1.5**3, rtol=1e-10)  # the constant is the intercept's
    svm = FeatureMapSVM(gamma=0.3, n_components=149).fit(X, y)  # one sample is there twice
    Z = svm.transform(X)
    assert_allclose(Z @ Z.T, rbf_kernel(X, gamma=0.3), atol=1e-7)
    svm = FeatureMapSVM(gamma=0.3, landmarks=X[::7], class_weight="balanced").fit(X, y)
    peer = Nystroem(gamma=0.3, n_components=len(X[::7])).fit(X[::7])
    Z, P = svm.transform(X), peer.transform(X)
    assert_allclose(Z @ Z.T, P @ P.T, atol=1e-6)
    assert len(svm.landmarks_) <= len(X[::7])


@pytest.mark.parametrize("gamma", ["scale", "auto", 0.5])
def test_gamma_is_that_of_svc(gamma):
    X, y = IRIS
    assert_allclose(FeatureMapSVM(gamma=gamma).fit(X, y).gamma_, SVC(gamma=gamma).fit(X, y)._gamma)
    weight = np.arange(len(X)) % 3
    repeated = np.repeat(X, weight, axis=0)
    expected = 1 / (4 * repeated.var())
    svm = FeatureMapSVM().fit(X, y, sample_weight=weight)
    assert_allclose(svm.gamma_, expected)
    assert_allclose(FeatureMapSVM().fit(X + 1e6, y, weight).gamma_, expected, rtol=1e-6)


CONFIGURATIONS = [
    {},
    {"n_components": 30},
    {"n_components": 30, "landmarks": "kmeans"},
    {"feature_map": "identity"},
    {"feature_map": "poly", "degree": 2},
    {"feature_map": "identity", "loss": "hinge"},
    {"multi_class": "ovo", "class_weight": {0: 2.0, 1: 0.5, 2: 1.0}},
]


@pytest.mark.parametrize("options", CONFIGURATIONS, ids=str)
def test_invariances(options):
    X, y = IRIS
    svm = FeatureMapSVM(random_state=0, **options)
    expected = clone(svm).fit(X, y).decision_function(X)
    order = np.random.default_rng(0).permutation(len(X))
    again = clone(svm).fit(X[order], y[order]).decision_function(X)
    assert_allclose(again, expected, rtol=1e-8, atol=1e-8)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    weighted = clone(svm).fit(X, y, sample_weight=weight).decision_function(X)
    repeated = clone(svm).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(repeated.decision_function(X), weighted, rtol=1e-8, atol=1e-8)
    csr = clone(svm).fit(sparse.csr_array(X), y)
    # Sparse rows round in other ways, and k-means goes on from there: on the oldest versions of
    # what is under it the decisions differ by up to 2e-4.
    close = 1e-3 if options.get("landmarks") == "kmeans" else 1e-6
    for data in (sparse.csr_array(X), X):
        assert_allclose(csr.decision_function(data), expected, rtol=close, atol=close)
    assert_allclose(clone(svm).fit(X, y).decision_function(sparse.csr_array(X)), expected)


def test_class_weight_is_sample_weight():
    X, y = IRIS
    X, y = X[:120], y[:120]
    sample = np.random.default_rng(0).uniform(0.5, 2, len(X))
    totals = np.bincount(y, sample)
    balanced = (sample.sum() / (3 * totals))[y]
    expected = FeatureMapSVM().fit(X, y, sample_weight=sample * balanced)
    svm = FeatureMapSVM(class_weight="balanced", gamma=expected.gamma_)
    svm.fit(X, y, sample_weight=sample)
    assert_allclose(svm.gamma_, expected.gamma_)
    assert_allclose(svm.decision_function(X), expected.decision_function(X), rtol=1e-6)


def test_predict_follows_the_decision_function():
    X, y = load_digits(n_class=6, return_X_y=True)
    for options in ({}, {"multi_class": "ovo"}, {"multi_class": "ovo", "loss": "hinge"}):
        svm = FeatureMapSVM(n_components=50, random_state=0, **options).fit(X[:500], y[:500])
        values = svm.decision_function(X)
        assert values.shape == (len(X), 6)
        assert_array_equal(svm.predict(X), values.argmax(axis=1))
    two = y < 2
    svm = FeatureMapSVM(n_components=50, random_state=0).fit(X[two], y[two])
    assert_array_equal(svm.predict(X[two]), (svm.decision_function(X[two]) > 0).astype(int))


def test_float32_stays_float32():
    X, y = (IRIS[0].astype(np.float32), IRIS[1])
    for options in ({}, {"feature_map": "identity"}, {"feature_map": "poly"}):
        svm = FeatureMapSVM(**options).fit(X, y)
        assert svm.coef_.dtype == svm.intercept_.dtype == svm.dual_coef_.dtype == np.float32
        assert svm.decision_function(X).dtype == svm.transform(X).dtype == np.float32
        wide = FeatureMapSVM(**options).fit(X.astype(float), y)
        assert_allclose(svm.decision_function(X), wide.decision_function(X), rtol=1e-3, atol=1e-4)


def test_defaults_come_close_to_svc():
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        cv = StratifiedKFold(5, shuffle=True, random_state=0)
        mine, peer = (
            cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=cv).mean()
            for model in (FeatureMapSVM(random_state=0), SVC())
        )
        assert mine > peer - 0.01, load.__name__


def test_named_maps_learn_and_name_their_features():
    X, y = IRIS
    X = MinMaxScaler().fit_transform(X)
    names = {
        "rbf": "rbf0",
        "fourier": "rbfsampler0",
        "poly": "x0",
        "identity": "x0",
        "chi2": "additivechi2sampler_x0_sqrt",
        "spline": "x0_sp_0",
    }
    for kind, first in names.items():
        svm = FeatureMapSVM(kind, random_state=0).fit(X, y)
        assert svm.score(X, y) > 0.93, kind
        assert svm.get_feature_names_out()[0] == first
        assert svm.transform(X[:5]).shape == (5, len(svm.get_feature_names_out()))
    with pytest.raises(ValueError, match=r"feature_map='chi2' needs values of 0 or more"):
        FeatureMapSVM("chi2").fit(X - 0.5, y)
    with pytest.raises(ValueError, match="chi2"):
        FeatureMapSVM("chi2").fit(X, y).predict(X - 0.5)


def test_transformers_are_cloned_and_take_weights():
    X, y = IRIS
    inner = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False))
    weight = np.arange(len(X)) % 4
    svm = FeatureMapSVM(inner).fit(X, y, sample_weight=weight)
    assert not hasattr(inner[0], "mean_")
    expected = np.average(X, axis=0, weights=weight)
    assert_allclose(svm.feature_map_[0].mean_, expected)
    # A random transformer without a seed is given one: fits repeat.
    fits = [FeatureMapSVM(RBFSampler(), random_state=0).fit(X, y).coef_ for _ in range(2)]
    assert_array_equal(*fits)
    search = GridSearchCV(
        FeatureMapSVM(Nystroem(n_components=20), random_state=0),
        {"feature_map__gamma": [0.01, 1.0], "C": [0.1, 10]},
    ).fit(X, y)
    assert search.best_score_ > 0.94


def test_functions_must_take_all_samples_at_once():
    def one_point(x):
        return x, x**3 - 2 * x

    with pytest.raises(ValueError, match=r"one_point\(x\) for x in X"):
        FeatureMapSVM(one_point).fit(LINE, SIDE)
    with pytest.raises(ValueError, match=r"feature_map raised .*one_point\(x\) for x in X"):
        FeatureMapSVM(lambda x: 1 if x > 0 else 0).fit(LINE, SIDE)
    with pytest.raises(ValueError, match=r"shape \(\d+,\)"):
        FeatureMapSVM(lambda X: X[:, 0]).fit(LINE, SIDE)
    with pytest.raises(ValueError, match=r"NaN or infinity, such as for row 2"):
        FeatureMapSVM(lambda X: np.where(X == 0.3, np.nan, X)).fit(LINE, SIDE)
    X = LINE.copy()

    def overwrites(X):
        X *= 2
        return X

    with pytest.raises(ValueError, match="read-only"):
        FeatureMapSVM(overwrites).fit(X, SIDE)
    assert_array_equal(X, LINE)


def test_not_separable_names_the_samples_that_stand_in_the_way():
    X = np.array([[0.0], [1.0], [2.0], [3.0], [9.0]])
    with pytest.raises(ValueError, match=r"no plane separates") as caught:
        FeatureMapSVM("identity", C=np.inf).fit(X, ["a", "b", "a", "b", "b"])
    assert "sample 1 of class b" in str(caught.value)
    assert "of class a" in str(caught.value)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"feature_map": "gauss"}, "feature_map='gauss' is none of"),
        ({"feature_map": StandardScaler}, "an instance"),
        ({"C": 0}, "C=0 must be a positive number; C=np.inf is the hard margin"),
        ({"C": -1.0}, "C=-1.0 must be"),
        ({"C": np.nan}, "C=nan must be"),
        ({"gamma": 0.0}, "gamma=0.0 must be a positive finite number"),
        ({"gamma": np.inf}, "gamma=inf must be"),
        ({"gamma": "wide"}, "gamma='wide' is not an option"),
        ({"loss": "log"}, "loss='log' is not an option"),
        ({"landmarks": "random"}, "landmarks='random' is not an option"),
        ({"landmarks": [[1.0, 2.0]]}, r"landmarks has shape \(1, 2\); it must be \(m, 4\)"),
        ({"landmarks": [[1.0, 2.0, 3.0, np.nan]]}, "landmarks holds NaN"),
        ({"n_components": 0}, "n_components"),
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"memory_limit": 0}, "memory_limit=0 must be"),
        ({"class_weight": {7: 1.0}}, r"class_weight names \[7\]"),
        ({"feature_map": "poly", "degree": 90}, "degree=90 makes"),
        ({"C": np.inf, "memory_limit": 0.001}, "Raise memory_limit"),
    ],
    ids=str,
)
def test_bad_parameters(options, message):
    svm = FeatureMapSVM().fit(*IRIS)
    before = dict(vars(svm))
    svm.set_params(**options)
    with pytest.raises((ValueError, TypeError), match=message):
        svm.fit(*IRIS)
    svm.set_params(**FeatureMapSVM().get_params())
    assert vars(svm) == before


def test_more_components_than_samples_is_the_exact_kernel_and_said():
    X, y = IRIS
    with pytest.warns(UserWarning, match="n_components=500 is more than the 149 distinct"):
        svm = FeatureMapSVM(n_components=500).fit(X, y)
    assert_allclose(svm.decision_function(X), FeatureMapSVM().fit(X, y).decision_function(X))


def test_bad_data():
    X, y = IRIS
    with pytest.raises(ValueError, match="at least two classes, got 1 class"):
        FeatureMapSVM().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="got 1 class of positive weight"):
        FeatureMapSVM().fit(X, y, sample_weight=(y == 1).astype(float))
    with pytest.raises(ValueError, match="StandardScaler"):
        FeatureMapSVM().fit(X * 1e200, y)
    with pytest.raises(ValueError, match="StandardScaler"):
        FeatureMapSVM("identity").fit(X * 1e200, y)
    constant = np.ones((6, 2))
    svm = FeatureMapSVM().fit(constant, [0, 0, 0, 0, 1, 1])
    assert_array_equal(svm.predict(constant), 0)


def test_read_only_and_strided_input_is_left_alone():
    X, y = IRIS
    expected = FeatureMapSVM(random_state=0).fit(X, y).decision_function(X)
    wide = np.repeat(X, 2, axis=1)[:, ::2]
    fixed = np.asfortranarray(X)
    fixed.flags.writeable = False
    for data in (wide, fixed):
        copy = data.copy()
        svm = FeatureMapSVM(random_state=0).fit(data, y)
        assert_allclose(svm.decision_function(data), expected)
        assert_array_equal(data, copy)


def test_not_converged_is_a_warning_with_the_gap():
    X, y = load_breast_cancer(return_X_y=True)
    svm = FeatureMapSVM("identity", loss="hinge", max_iter=2)
    with pytest.warns(ConvergenceWarning, match=r"duality gap is .* of the objective"):
        svm.fit(X, y)
    assert svm.duality_gap_[0] > 0.01


@pytest.mark.parametrize("options", [{}, {"feature_map": "poly"}, {"feature_map": "spline"}])
def test_round_trips(options):
    X, y = IRIS
    svm = FeatureMapSVM(random_state=0, **options).fit(X, y)
    expected = svm.decision_function(X)
    copies = [pickle.loads(pickle.dumps(svm))]
    if options.get("feature_map") != "spline":  # skops does not trust SciPy's BSpline
        copies.append(loads(dumps(svm), trusted=["skextra._svm._feature_map_svm.FeatureMapSVM"]))
    for copy in copies:
        assert_array_equal(copy.decision_function(X), expected)
        assert_allclose(copy.transform(X), svm.transform(X))


def test_frames_and_meta_estimators():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = X.columns.tolist()
    svm = FeatureMapSVM("identity").set_output(transform="pandas").fit(X, y)
    assert svm.get_feature_names_out().tolist() == names
    assert svm.transform(X).columns.tolist() == names
    frame = polars.DataFrame({name: X[name].to_numpy() for name in names})
    assert_array_equal(svm.predict(frame), svm.predict(X))
    model = CalibratedClassifierCV(FeatureMapSVM(random_state=0), ensemble=False).fit(X, y)
    assert model.predict_proba(X).shape == (150, 3)


def test_less_is_kept_on_request():
    X, y = IRIS
    svm = FeatureMapSVM(store_support=False).fit(X, y)
    assert not hasattr(svm, "support_vectors_")
    assert_array_equal(svm.support_, FeatureMapSVM().fit(X, y).support_)
    with pytest.raises(ValueError, match="store_support=False"):
        svm.partial_fit(X, y)


def test_sparse_matrices_of_any_form_are_the_same_data():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300, :20], y[:300]
    csr = sparse.csr_array(X)
    shuffled = csr.copy()
    for start, end in zip(csr.indptr[:-1], csr.indptr[1:], strict=True):
        shuffled.indices[start:end] = csr.indices[start:end][::-1]
        shuffled.data[start:end] = csr.data[start:end][::-1]
    shuffled.has_sorted_indices = False
    halves = sparse.coo_array(csr)
    twice = sparse.coo_array(
        (
            np.tile(halves.data / 2, 2),
            tuple(np.tile(part, 2) for part in (halves.row, halves.col)),
        ),
        X.shape,
    )
    before = shuffled.indices.copy()
    for kind in ("poly", "rbf"):
        svm = FeatureMapSVM(kind, degree=2).fit(X, y)
        for data in (shuffled, twice):
            assert_allclose(svm.decision_function(data), svm.decision_function(X), atol=1e-9)
            fitted = clone(svm).fit(data, y)
            assert_allclose(fitted.gamma_, svm.gamma_)
            assert_allclose(fitted.decision_function(X), svm.decision_function(X), atol=1e-6)
    assert_array_equal(shuffled.indices, before)


def test_numbers_beyond_range_are_named_for_what_they_are():
    X, y = IRIS
    for options in ({"gamma": 1.0}, {"gamma": "auto"}):
        with pytest.raises(ValueError, match="beyond the range of float64: put X on one scale"):
            FeatureMapSVM(**options).fit(X * 1e200, y)
    with pytest.raises(ValueError, match=r"times the weights .* change C or sample_weight"):
        FeatureMapSVM("identity", C=1e308).fit(X, y > 1, sample_weight=np.full(150, 10.0))
    with pytest.raises(ValueError, match=r"times the weights .* change C or sample_weight"):
        FeatureMapSVM("identity").fit(X, y, sample_weight=np.r_[1e-320, np.ones(149)])
    stream = FeatureMapSVM().partial_fit(X.astype(np.float32), y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="beyond the range of float32"):
        stream.partial_fit(X * 1e60, y)
    with pytest.raises(ValueError, match="complex128 values; it must return real"):
        FeatureMapSVM(lambda X: X * 1j).fit(X, y)


def test_large_costs_need_more_steps_and_get_them():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((300, 8))
    y = X[:, 0] + rng.standard_normal(300) > 0
    svm = FeatureMapSVM("poly", C=1e5).fit(X, y)
    assert svm.duality_gap_ < 1e-10


def test_named_landmarks_must_name_the_features():
    X, y = load_iris(return_X_y=True, as_frame=True)
    some = X.iloc[::5]
    fitted = FeatureMapSVM(landmarks=some).fit(X, y)
    assert len(fitted.landmarks_) <= 30
    with pytest.raises(ValueError, match="landmarks has the columns"):
        FeatureMapSVM(landmarks=some[some.columns[::-1]]).fit(X, y)

"""FeatureMapSVM on data too large for the exact method: same answers, by parts and on threads."""

import pickle
import threading

import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar  # noqa: TID251
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_info

from skextra import FeatureMapSVM
from skextra._svm import _landmarks, _training

X, Y = make_classification(
    6000, 12, n_informative=8, n_classes=3, flip_y=0.05, random_state=0, shuffle=True
)
X32 = X.astype(np.float32)
X_TEST, Y_TEST = X[5000:], Y[5000:]


LANDMARKS = X[::60]


def cubed(X):
    return X**3


def exact(**options):
    return FeatureMapSVM(landmarks=LANDMARKS, **options).fit(X, Y)


@pytest.mark.parametrize(
    "options",
    [{}, {"multi_class": "ovo"}, {"C": 100.0}, {"C": 0.01}, {"class_weight": "balanced"}],
    ids=str,
)
def test_iterations_end_at_the_exact_solution(at_scale, monkeypatch, options):
    svm = FeatureMapSVM(landmarks=LANDMARKS, tol=1e-6, random_state=0, **options).fit(X, Y)
    assert svm.duality_gap_.max() <= 1e-6
    monkeypatch.undo()
    expected = exact(**options)
    assert expected.duality_gap_.max() < 1e-10
    values = (model.transform(X) @ model.coef_.T + model.intercept_ for model in (svm, expected))
    assert_allclose(*values, atol=0.02)
    weights = np.linalg.norm(expected.coef_, axis=1)
    assert_allclose(svm.margin_, 2 / weights, rtol=1e-2)


def test_the_gap_is_a_bound_on_what_is_lost(at_scale, monkeypatch):
    def objectives(svm):
        codes = np.where(np.arange(3) == Y[:, None], 1, -1)
        f = svm.transform(X) @ svm.coef_.T + svm.intercept_
        return (svm.coef_**2).sum(axis=1) / 2 + 4 * (np.maximum(0, 1 - codes * f) ** 2).sum(axis=0)

    loose = FeatureMapSVM(landmarks=LANDMARKS, tol=0.3, random_state=0).fit(X, Y)
    monkeypatch.undo()
    least = objectives(exact())
    lost = 1 - least / objectives(loose)
    assert (lost > 1e-5).any()
    assert (lost <= loose.duality_gap_ + 1e-5).all()


@pytest.mark.parametrize("landmarks", ["margin", "uniform"])
def test_memory_limit_changes_time_only(at_scale, landmarks):
    whole = FeatureMapSVM(n_components=100, landmarks=landmarks, tol=1e-4, random_state=0)
    expected = clone(whole).fit(X32, Y)
    for share in (0.4, 0.1, 1e-6):
        limit = share * len(X) * 100 * 4 / 2**20
        svm = clone(whole).set_params(memory_limit=limit).fit(X32, Y)
        assert svm.duality_gap_.max() <= 1e-4
        assert_allclose(svm.decision_function(X32), expected.decision_function(X32), atol=0.1)


def test_the_number_of_threads_changes_nothing(at_scale):
    svm = FeatureMapSVM(n_components=600, random_state=0)
    fits = [clone(svm).set_params(n_jobs=jobs).fit(X32, Y) for jobs in (1, 2, -1)]
    for other in fits[1:]:
        assert_array_equal(other.coef_, fits[0].coef_)
        assert_array_equal(other.decision_function(X32), fits[0].decision_function(X32))


@pytest.mark.parametrize("kind", ["identity", "poly"])
def test_sparse_is_dense(at_scale, kind):
    Z = np.where(np.abs(X) > 1, X, 0.0)
    svm = FeatureMapSVM(kind, degree=2, C=0.1, tol=1e-8, random_state=0)
    dense, csr = clone(svm).fit(Z, Y), clone(svm).fit(sparse.csr_array(Z), Y)
    assert max(dense.duality_gap_.max(), csr.duality_gap_.max()) <= 1e-8
    assert_allclose(csr.decision_function(Z), dense.decision_function(Z), atol=1e-3)


def test_sparse_landmarks_at_scale(at_scale):
    Z = np.where(np.abs(X) > 1, X, 0.0)
    svm = FeatureMapSVM(landmarks=Z[::60], tol=1e-6, random_state=0)
    dense, csr = clone(svm).fit(Z, Y), clone(svm).fit(sparse.csr_array(Z), Y)
    assert sparse.issparse(csr.landmarks_)
    assert sparse.issparse(csr.support_vectors_)
    assert_allclose(csr.decision_function(Z), dense.decision_function(Z), atol=0.02)
    again = pickle.loads(pickle.dumps(csr))
    assert_array_equal(again.decision_function(Z[:50]), csr.decision_function(Z[:50]))


def test_computed_maps_work_in_parts(at_scale):
    cube = FunctionTransformer(cubed)
    svm = FeatureMapSVM(cube, C=0.01, tol=1e-6, random_state=0)
    whole = clone(svm).fit(X, Y)
    parts = clone(svm).set_params(memory_limit=0.2).fit(X, Y)
    assert parts.duality_gap_.max() <= 1e-6
    assert_allclose(parts.decision_function(X), whole.decision_function(X), atol=0.02)


def test_sieve_finds_the_same_as_all_rows_at_once():
    rng = np.random.default_rng(0)
    n, d = 24_000, 6
    Z = rng.standard_normal((n, d))
    w = rng.standard_normal(d)
    side = np.where(Z @ w + rng.standard_normal(n) > 0, 1, -1).astype(np.int8)
    order = np.argsort(side * Z[:, 0], kind="stable")  # no random order to count on
    svm = FeatureMapSVM("identity", loss="hinge", C=1.0, max_iter=100)
    for rows in (np.arange(n), order):
        cost = rng.uniform(0.5, 2, n)
        svm.fit(Z[rows], side[rows], sample_weight=cost)
        assert svm.duality_gap_[0] < 1e-10
        alpha = np.zeros(n)
        alpha[svm.support_] = np.abs(svm.dual_coef_[0])
        margins = side[rows] * svm.decision_function(Z[rows])
        assert_allclose(alpha[margins < 1 - 1e-8], cost[margins < 1 - 1e-8])
        assert_allclose(alpha[margins > 1 + 1e-8], 0)


def test_sieve_that_fails_is_not_the_last_word():
    rng = np.random.default_rng(6)
    n = 15_000
    Z = rng.standard_normal((n, 6))
    f = Z[:, 0] + 5 * rng.standard_normal(n)
    side = np.where(f > np.quantile(f, 0.9), 1, -1).astype(np.int8)
    cost = np.exp(2 * rng.standard_normal(n)) * np.where(side > 0, 2.5, 0.3)
    Z = np.pad(Z, ((0, 0), (0, 3)))  # too large to be put into an order of their own
    svm = FeatureMapSVM("identity", loss="hinge", C=1.0, max_iter=100)
    assert svm.fit(Z, side, sample_weight=cost).duality_gap_[0] < 1e-9


@pytest.mark.parametrize("light", [True, False])
def test_kernels_too_smooth_for_float32_are_solved_in_float64(monkeypatch, light):
    monkeypatch.setattr(_landmarks, "_MOST_FLOAT64_ENTRIES", 0)
    if not light:
        monkeypatch.setattr(_training, "_FEW_ROWS", 0)
        monkeypatch.setattr(_training, "_MOST_EXACT_WORK", 0)
    svm = FeatureMapSVM(C=1e4, gamma=0.003, n_components=200, random_state=0).fit(X, Y)
    assert svm.duality_gap_.max() <= 0.01
    decisions = svm.transform(X) @ svm.coef_.T + svm.intercept_
    assert_allclose(svm.decision_function(X), decisions, atol=1e-3)


def test_wide_kernels_are_not_cut_short():
    few = FeatureMapSVM(C=1e3, gamma=1e-4, n_components=400, random_state=0).fit(X, Y)
    more = FeatureMapSVM(C=1e3, gamma=1e-4, n_components=450, random_state=0).fit(X, Y)
    assert few._precision == more._precision == "float64"
    assert more.score(X, Y) > few.score(X, Y) - 0.01


def test_an_unreachable_tolerance_ends_when_nothing_moves(at_scale):
    svm = FeatureMapSVM("identity", C=0.01, tol=0, max_iter=10_000, random_state=0)
    with pytest.warns(ConvergenceWarning):
        svm.fit(X, Y)
    assert svm.n_iter_ < 100
    assert svm.duality_gap_.max() < 1e-9


def test_wide_sparse_data_stay_sparse():
    rng = np.random.default_rng(0)
    Z = sparse.csr_array(sparse.random(1500, 20_000, density=1e-3, random_state=rng))
    y = Z @ rng.standard_normal(20_000) > 0
    svm = FeatureMapSVM("identity", random_state=0).fit(Z, y)
    assert svm.score(Z, y) > 0.99
    assert svm.duality_gap_ <= 0.01


def test_samples_out_of_sight_of_all_landmarks_get_the_intercept(at_scale):
    svm = FeatureMapSVM(n_components=60, random_state=0).fit(X, Y)
    far = np.zeros((2, 12))
    far[:, 0] = 1e39, 1e200
    assert_allclose(svm.decision_function(far), [svm.intercept_] * 2)


def test_a_function_is_called_from_one_thread_only(at_scale):
    buffer = np.empty((10_000, 12))
    callers = set()

    def stateful(X):
        callers.add(threading.get_ident())
        part = buffer[: len(X)]
        np.tanh(X, out=part)
        return part

    limit = {"memory_limit": 0.3, "tol": 1e-4, "random_state": 0}
    svm = FeatureMapSVM(stateful, C=0.1, n_jobs=2, **limit).fit(X, Y)
    pure = FeatureMapSVM(lambda X: np.tanh(X), C=0.1, n_jobs=1, **limit).fit(X, Y)
    assert len(callers) == 1
    assert_allclose(svm.decision_function(X), pure.decision_function(X), atol=1e-6)


def test_a_stream_comes_close_to_one_fit(at_scale):
    whole = FeatureMapSVM(n_components=150, random_state=0).fit(X[:5000], Y[:5000])
    stream = FeatureMapSVM(n_components=150, random_state=0)
    for start in range(0, 5000, 500):
        rows = slice(start, start + 500)
        stream.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    assert stream.score(X_TEST, Y_TEST) > whole.score(X_TEST, Y_TEST) - 0.02
    assert_allclose(X[stream.support_], stream.support_vectors_)
    assert_array_equal(np.unique(stream.support_), stream.support_)


def test_one_chunk_is_one_fit():
    Z, y = load_iris(return_X_y=True)
    fitted = FeatureMapSVM(random_state=0).fit(Z, y)
    stream = FeatureMapSVM(random_state=0).partial_fit(Z, y, classes=[0, 1, 2])
    assert_array_equal(stream.coef_, fitted.coef_)
    # and an exact stream of the linear machine ends where one fit of everything does
    stream = FeatureMapSVM("identity", C=0.1)
    for part in np.array_split(np.random.default_rng(0).permutation(len(Z)), 3):
        stream.partial_fit(Z[part], y[part], classes=[0, 1, 2])
    whole = FeatureMapSVM("identity", C=0.1).fit(Z, y)
    assert (stream.predict(Z) == whole.predict(Z)).mean() > 0.98


def test_streams_wait_for_classes_and_keep_what_they_know():
    Z, y = load_iris(return_X_y=True)
    svm = FeatureMapSVM(random_state=0)
    with pytest.raises(ValueError, match="classes must be given"):
        svm.partial_fit(Z, y)
    for label in range(3):  # one class after the other, as a sorted file has them
        svm.partial_fit(Z[y == label], y[y == label], classes=[0, 1, 2])
        assert svm.decision_function(Z).shape == (150, 3)
        known = y <= label
        assert svm.score(Z[known], y[known]) > 0.93
    before = dict(vars(svm))
    with pytest.raises(ValueError, match="not among the classes"):
        svm.partial_fit(Z, y + 1)
    with pytest.raises(ValueError, match="use a new estimator"):
        svm.set_params(feature_map="identity").partial_fit(Z, y)
    svm.set_params(feature_map="rbf")
    assert vars(svm) == before
    assert not hasattr(FeatureMapSVM(class_weight="balanced"), "partial_fit")
    weighted = FeatureMapSVM(class_weight={0: 1.0, 1: 1.0, 2: 2.0})
    assert weighted.partial_fit(Z[:100], y[:100], classes=[0, 1, 2]).score(Z[:100], y[:100]) > 0.9
    changes = {"multi_class": "ovo", "gamma": 5.0, "degree": 2, "coef0": 0.5}
    for name, value in {**changes, "feature_map": np.cos}.items():
        first = getattr(svm, name)
        with pytest.raises(ValueError, match=f"{name}=.* differs from .* of the model so far"):
            svm.set_params(**{name: value}).partial_fit(Z, y)
        svm.set_params(**{name: first})
    svm.partial_fit(Z, y)
    alone = FeatureMapSVM("identity").partial_fit(Z[:50], y[:50], classes=[0, 1, 2])
    assert_array_equal(alone.predict(Z), 0)
    fitted = FeatureMapSVM("identity").fit(Z[::2], y[::2])
    more = fitted.partial_fit(Z[1::2], y[1::2])  # goes on from the support vectors
    assert more.score(Z, y) > 0.95
    together = np.vstack([Z[::2], Z[1::2]])
    assert_array_equal(together[more.support_], more.support_vectors_)


def test_a_large_stream_may_lack_a_class_at_first(at_scale):
    stream = FeatureMapSVM(n_components=60, random_state=0)
    for known in (Y < 2, Y == 2):
        stream.partial_fit(X[known], Y[known], classes=[0, 1, 2])
        assert stream.decision_function(X).shape == (6000, 3)
    assert stream.score(X, Y) > 0.75


def test_threads_and_processes_get_the_same():
    Z, y = load_digits(return_X_y=True)
    svm = FeatureMapSVM(n_components=60, random_state=0)
    expected = clone(svm).fit(Z, y).coef_
    before = [library["num_threads"] for library in threadpool_info()]
    for backend in ("threading", "loky"):
        fits = Parallel(n_jobs=2, backend=backend)(delayed(clone(svm).fit)(Z, y) for _ in range(3))
        for fit in fits:
            assert_array_equal(fit.coef_, expected)
    assert [library["num_threads"] for library in threadpool_info()] == before


def test_callbacks_see_every_step(at_scale, capsys):
    pytest.importorskip("rich")
    svm = FeatureMapSVM(n_components=60, random_state=0)
    svm.set_callbacks(ProgressBar()).fit(X, Y)
    assert "FeatureMapSVM" in capsys.readouterr().out


def test_too_few_steps_are_a_warning(at_scale):
    svm = FeatureMapSVM(n_components=60, max_iter=1, tol=1e-6, random_state=0)
    with pytest.warns(ConvergenceWarning, match="duality gap"):
        svm.fit(X, Y)
    assert svm.duality_gap_.max() > 1e-6


def test_far_clusters_do_not_lose_digits(at_scale):
    # Groups far from each other beside the width of the kernel: float32 would round distances.
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0], [4000, 0], [0, 4000], [4000, 4000]])
    Z = centres[rng.integers(0, 4, 3000)] + rng.standard_normal((3000, 2))
    y = (((Z[:, 0] % 4000) + 2000) % 4000 > 2000).astype(int)
    svm = FeatureMapSVM(gamma=1.0, n_components=100, landmarks="uniform", random_state=0).fit(Z, y)
    assert svm.score(Z, y) > 0.97


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e155])
def test_scales_that_leave_no_gamma_are_named(scale):
    X, y = load_iris(return_X_y=True)
    for rows in (X * scale, sparse.csr_array(X * scale)):
        with pytest.raises(ValueError, match=r"gamma='scale' is .* put X on one scale"):
            FeatureMapSVM().fit(rows, y)
    assert FeatureMapSVM().fit(np.full((4, 2), scale), [0, 1, 0, 1]).gamma_ == 1.0


def test_costly_rows_of_a_rare_class_converge_in_float32():
    X, y = make_classification(
        80_000, 20, n_informative=8, weights=[1 - 1 / 500], flip_y=0.0, random_state=0
    )
    svm = FeatureMapSVM(class_weight="balanced", random_state=0).fit(X[:40_000], y[:40_000])
    assert svm._precision == "float32"
    assert svm.duality_gap_.max() <= 0.01
    rare = y[40_000:] == 1
    assert (svm.predict(X[40_000:])[rare] == 1).mean() > 0.5

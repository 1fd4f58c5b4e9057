"""FeatureMapSVM on wide sparse samples, such as texts: the optimum from their entries alone."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import FunctionTransformer

from skextra import FeatureMapSVM
from skextra._svm import _descent
from skextra._svm._exact import solve_exactly
from skextra._svm._problems import Problems, sides

N, P = 260, 1500


def words(n=N, p=P, classes=3, seed=0):
    """Return documents of topics, with words of Zipf's law, a tenth of the labels at random."""
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=n)
    own = np.array([rng.permutation(p) for _ in range(classes)])
    ranks = np.minimum(rng.zipf(1.3, (n, 40)), p) - 1
    is_own = rng.random(ranks.shape) < 0.4
    ranks = np.where(is_own, own[y[:, None], ranks], ranks)
    counts = sparse.coo_array((np.ones(ranks.size), (np.repeat(np.arange(n), 40), ranks.ravel())),
                              shape=(n, p)).tocsr()  # fmt: skip
    counts.data = 1.0 + np.log(counts.data)
    norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)))
    wrong = rng.random(n) < 0.1
    y[wrong] = rng.integers(classes, size=wrong.sum())
    return sparse.csr_array(counts.multiply(1 / norms[:, None])), y


X, Y = words()


def optimum(X, codes, C, multi_class="ovr", weight=None):
    costs = C * np.ones(X.shape[0]) if weight is None else C * weight
    problems = Problems(sides(codes, codes.max() + 1, multi_class), costs)
    return solve_exactly(X.toarray(), problems, "squared_hinge", 1e-9, 1000), problems


@pytest.mark.parametrize("multi_class", ["ovr", "ovo"])
@pytest.mark.parametrize("classes", [2, 3, 5, 6])
@pytest.mark.parametrize("C", [0.1, 4.0])
def test_planes_are_those_of_the_exact_method(classes, multi_class, C):
    X, y = words(classes=classes)
    weight = np.random.default_rng(1).uniform(0.2, 3, N)
    planes, _ = optimum(X, y, C, multi_class, weight)
    svm = FeatureMapSVM("identity", C=C, multi_class=multi_class, tol=1e-13)
    svm.fit(X, y, sample_weight=weight)
    assert svm.duality_gap_.max() <= 1e-13
    assert_allclose(svm.coef_.T, planes.coef, atol=1e-6)
    assert_allclose(svm.intercept_, planes.intercept, atol=1e-6)
    dual = np.zeros((len(svm.intercept_), N))
    dual[:, svm.support_] = svm.dual_coef_
    assert_allclose(abs(dual.T), planes.duals, atol=1e-5)


@pytest.mark.parametrize("tol", [0.3, 0.01, 1e-5])
@pytest.mark.parametrize("C", [1e-3, 1.0, 100.0])
def test_the_gap_bounds_the_excess_over_the_optimum(tol, C):
    planes, problems = optimum(X, Y, C)
    svm = FeatureMapSVM("identity", C=C, tol=tol).fit(X, Y)

    def objectives(coef, intercept):
        violation = np.maximum(0, 1 - problems.signs * (X @ coef + intercept))
        return 0.5 * (coef**2).sum(axis=0) + problems.costs @ violation**2

    least = objectives(planes.coef, planes.intercept)
    reached = objectives(svm.coef_.T, svm.intercept_)
    assert (reached - least <= svm.duality_gap_ * reached + 1e-9 * least).all()
    assert svm.duality_gap_.max() <= tol
    assert svm.duality_gap_.min() >= 0


def test_dual_variables_give_the_plane_and_are_feasible():
    svm = FeatureMapSVM("identity").fit(X, Y)
    assert sparse.issparse(svm.support_vectors_)
    assert_allclose(svm.dual_coef_ @ svm.support_vectors_.toarray(), svm.coef_, atol=1e-12)
    assert_allclose(svm.dual_coef_.sum(axis=1), 0, atol=1e-10)
    signs = sides(Y, 3, "ovr")[svm.support_].T
    assert (svm.dual_coef_ * signs >= 0).all()


# With memory for the exact method or, as for larger data, without.
@pytest.mark.parametrize("memory_limit", [1, 1000])
def test_another_method_continues_where_descent_is_slow(memory_limit, monkeypatch):
    planes, _ = optimum(X, Y, 5.0)
    monkeypatch.setattr(_descent, "_MOST_PASSES", 3)
    svm = FeatureMapSVM("identity", C=5.0, tol=1e-12, memory_limit=memory_limit).fit(X, Y)
    assert svm.n_iter_ > 3
    assert svm.duality_gap_.max() <= 1e-12
    assert_allclose(svm.coef_.T, planes.coef, atol=2e-5)
    assert_allclose(svm.intercept_, planes.intercept, atol=2e-5)
    dual = np.zeros((3, N))
    dual[:, svm.support_] = svm.dual_coef_
    assert_allclose(abs(dual.T), planes.duals, atol=1e-4)


@pytest.mark.parametrize("memory_limit", [1, 1000])
def test_only_the_problems_that_are_open_continue(memory_limit, monkeypatch):
    y = (Y == 0) + 2 * (np.arange(N) >= N - 3)  # four classes, of which two are rare and easy
    monkeypatch.setattr(_descent, "_MOST_PASSES", 40)
    svm = FeatureMapSVM("identity", C=20.0, tol=1e-3, memory_limit=memory_limit).fit(X, y)
    assert svm.n_iter_ > 40
    assert svm.duality_gap_.max() <= 1e-3
    with pytest.warns(ConvergenceWarning):
        descent = clone(svm).set_params(max_iter=40).fit(X, y)
    closed = descent.duality_gap_ <= 1e-3
    assert_array_equal(closed, [False, False, True, True])
    for name in ("coef_", "intercept_", "duality_gap_"):
        found, before = getattr(svm, name), getattr(descent, name)
        assert_array_equal(found[closed], before[closed])
        assert (found[~closed] != before[~closed]).any()


def uneven(case):
    """Return the arguments of a fit that descent does not solve."""
    X, y = noise()
    weight = np.ones(len(y))
    weight[:10] = 1e6
    return {
        "class": ({"class_weight": {0: 1e6, 1: 1}}, X, y),
        "samples": ({}, X, y, weight),
        "cost": ({"C": 1e12}, X, y),
        "signal": ({"C": 1e4}, X, (X.sum(axis=1) > 15).astype(int)),
    }[case]


@pytest.mark.parametrize("case", ["class", "samples", "cost", "signal"])
def test_uneven_and_large_costs_are_solved_exactly(case):
    options, *data = uneven(case)
    svm = FeatureMapSVM("identity", **options).fit(*data)
    assert svm.duality_gap_[0] < 1e-9
    dense = FeatureMapSVM("identity", **options).fit(data[0].toarray(), *data[1:])
    assert_allclose(svm.coef_, dense.coef_, rtol=1e-5, atol=1e-7 * abs(dense.coef_).max())
    assert_array_equal(svm.predict(data[0]), dense.predict(data[0]))


def test_weights_are_repetitions_and_the_order_does_not_matter():
    counts = np.random.default_rng(0).integers(0, 4, N)
    svm = FeatureMapSVM("identity", tol=1e-12)
    weighted = clone(svm).fit(X, Y, sample_weight=counts)
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(N), counts))
    repeated = clone(svm).fit(X[rows], Y[rows])
    assert_allclose(repeated.coef_, weighted.coef_, atol=1e-9)
    assert_allclose(repeated.intercept_, weighted.intercept_, atol=1e-9)
    assert_allclose(repeated.decision_function(X), weighted.decision_function(X), atol=1e-8)


def test_many_entries_give_the_same_whatever_the_threads_seed_and_class_order():
    X, y = words(n=4000, classes=10)
    svm = FeatureMapSVM("identity", tol=1e-3)
    expected = clone(svm).set_params(n_jobs=1, random_state=0).fit(X, y)
    other = clone(svm).set_params(n_jobs=3, random_state=1).fit(X, y)
    assert_array_equal(other.coef_, expected.coef_)
    assert_array_equal(other.dual_coef_, expected.dual_coef_)
    by_class = np.argsort(y, kind="stable")
    ordered = clone(svm).fit(X[by_class], y[by_class])
    assert ordered.duality_gap_.max() <= 1e-3
    assert ordered.n_iter_ <= 2 * expected.n_iter_
    assert_allclose(ordered.coef_, expected.coef_, atol=0.05)


def test_float32_stays_float32_without_a_copy_in_float64():
    X, y = words(n=6000)
    X32 = X.astype(np.float32)
    svm = FeatureMapSVM("identity", n_jobs=1, store_support=False)
    svm.fit(X32, y)
    tracemalloc.start()
    svm.fit(X32, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        svm.coef_.dtype == svm.intercept_.dtype == svm.decision_function(X32).dtype == np.float32
    )
    samples = X32.data.nbytes + X32.indices.nbytes
    # What the weights and dual variables of four problems take, a few times over.
    own = 8 * 4 * (X.shape[0] + X.shape[1])
    assert peak < 0.5 * samples + 6 * own
    expected = clone(svm).fit(X, y)
    assert_allclose(svm.coef_, expected.coef_, atol=1e-4)


@pytest.mark.parametrize("map_of", ["int", "float32", "csc"])
def test_maps_with_sparse_results_are_solved_in_their_entries(map_of):
    planes, _ = optimum(X.astype(np.float32).astype(float), Y, 1.0)
    change = {
        "int": lambda X: X,
        "float32": lambda X: X.astype(np.float32),
        "csc": sparse.csc_array,
    }
    mapped = FunctionTransformer(change[map_of], accept_sparse=True)
    X32 = X.astype(np.float32).astype(float)
    svm = FeatureMapSVM(mapped, C=1.0, tol=1e-12).fit(X32, Y)
    assert_allclose(svm.coef_.T, planes.coef, atol=1e-6)


def test_empty_samples_and_features_do_no_harm():
    Z = sparse.csr_array(sparse.vstack([X, sparse.csr_array((3, P))]))
    y = np.append(Y, [0, 1, 2])
    planes, _ = optimum(Z, y, 1.0)
    svm = FeatureMapSVM("identity", C=1.0, tol=1e-12).fit(Z, y)
    assert_allclose(svm.coef_.T, planes.coef, atol=1e-6)
    nothing = FeatureMapSVM("identity").fit(sparse.csr_array((4, P)), [0, 0, 0, 1])
    assert_array_equal(nothing.coef_, 0)
    assert nothing.duality_gap_ <= 0.01


@pytest.mark.parametrize("C", [1e-8, 1e8])
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_extreme_costs_and_scales_end_with_an_honest_gap(C, scale):
    planes, problems = optimum(X * scale, Y, C)
    svm = FeatureMapSVM("identity", C=C).fit(X * scale, Y)
    assert svm.duality_gap_.max() <= 0.01
    violation = np.maximum(0, 1 - problems.signs * (X @ (svm.coef_.T * scale) + svm.intercept_))
    reached = 0.5 * (svm.coef_**2).sum(axis=1) + C * (violation**2).sum(axis=0)
    violation = np.maximum(0, 1 - problems.signs * (X @ (planes.coef * scale) + planes.intercept))
    least = 0.5 * (planes.coef**2).sum(axis=0) + C * (violation**2).sum(axis=0)
    assert (reached <= 1.02 * least).all()


@pytest.mark.parametrize("size", [1e155, 1e160])
@pytest.mark.parametrize("entries", [slice(None), 7], ids=["all", "one"])
def test_features_whose_squares_overflow_are_an_error(entries, size):
    Z = X.copy()
    Z.data[entries] *= size
    with pytest.raises(ValueError, match=r"The mapped features reach .*e\+1.*MaxAbsScaler"):
        FeatureMapSVM("identity").fit(Z, Y)
    with pytest.raises(ValueError, match="too far from 1 for C"):
        FeatureMapSVM("identity", C=1e100).fit(X * 1e110, Y)


def noise(n=800, p=300):
    """Return sparse rows and labels that have nothing to do with them."""
    rng = np.random.default_rng(0)
    return sparse.random_array((n, p), density=0.1, rng=rng, format="csr"), rng.integers(2, size=n)


@pytest.mark.parametrize("uneven", [1e4, 1e6, 1e8])
def test_the_gap_is_never_more_than_one(uneven, monkeypatch):
    monkeypatch.setattr(_descent, "_MOST_PASSES", 3)
    svm = FeatureMapSVM("identity", max_iter=10, memory_limit=1, class_weight={0: uneven, 1: 1})
    with pytest.warns(ConvergenceWarning):
        svm.fit(*noise())
    assert svm.tol < svm.duality_gap_[0] <= 1


def test_too_few_passes_are_a_warning():
    svm = FeatureMapSVM("identity", max_iter=1, tol=1e-6)
    with pytest.warns(ConvergenceWarning, match="duality gap"):
        svm.fit(X, Y)
    assert svm.n_iter_ == 1
    assert 1e-6 < svm.duality_gap_.max() < 1


class Observer:
    """A callback that predicts after every pass and stops after some."""

    def __init__(self, last):
        self.last, self.scores = last, []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **kwargs):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name != "step":
            return False
        self.scores.append(fitted_estimator.score(X, Y))
        return len(self.scores) >= self.last

    def teardown(self, estimator, context):
        pass


def test_a_callback_sees_every_pass_and_may_stop():
    seen = Observer(last=3)
    svm = FeatureMapSVM("identity", tol=1e-8).set_callbacks(seen).fit(X, Y)
    assert len(seen.scores) == svm.n_iter_ == 3
    assert seen.scores[-1] > 0.9
    assert np.isfinite(svm.duality_gap_).all()


def test_a_callback_sees_the_steps_of_newtons_method_too(monkeypatch):
    monkeypatch.setattr(_descent, "_MOST_PASSES", 3)
    svm = FeatureMapSVM("identity", C=5.0, tol=1e-8, memory_limit=1)
    every, five = Observer(last=np.inf), Observer(last=5)
    clone(svm).set_callbacks(every).fit(X, Y)
    assert len(every.scores) > 5
    stopped = clone(svm).set_callbacks(five).fit(X, Y)
    assert len(five.scores) == stopped.n_iter_ == 5
    assert five.scores == every.scores[:5]


def test_a_stream_of_texts():
    X, y = words(n=1200)
    svm = FeatureMapSVM("identity")
    for part in np.array_split(np.arange(1200), 4):
        svm.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert abs(svm.score(X, y) - FeatureMapSVM("identity").fit(X, y).score(X, y)) < 0.02

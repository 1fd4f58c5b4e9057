"""KMeansPP in plain mode against the textbook and scikit-learn, and what every mode promises."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning

from skextra import KMeansPP


def textbook(X, centers, weight=None):
    """Lloyd's algorithm until no assignment changes: return (centers, labels, iterations)."""
    weight = np.ones(len(X)) if weight is None else weight
    labels = None
    for iteration in range(1, 1000):
        fresh = cdist(X, centers, "sqeuclidean").argmin(axis=1)
        if labels is not None and (fresh == labels).all():
            return centers, labels, iteration
        labels = fresh
        before = centers
        share = np.where(labels == np.arange(len(centers))[:, None], weight, 0)
        centers = share @ X / share.sum(axis=1, keepdims=True)
        if (centers == before).all():
            return centers, labels, iteration
    raise AssertionError("no convergence")


def inertia_of(X, centers, weight=None):
    return np.average(cdist(X, centers, "sqeuclidean").min(axis=1), weights=weight) * (
        len(X) if weight is None else weight.sum()
    )


NARROW = [(1, 1, 1), (7, 1, 3), (50, 2, 3), (257, 3, 5), (1000, 5, 17), (300, 64, 10)]
WIDE = [(301, 65, 9), (400, 80, 50), (3000, 70, 4), (2500, 200, 33)]


def made(n, d, k, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) + 4 * rng.integers(0, 3, (n, 1)) / np.sqrt(d)
    return X, X[rng.choice(n, k, replace=False)], rng.uniform(0.1, 3, n)


@pytest.mark.parametrize("shape", NARROW + WIDE, ids=str)
@pytest.mark.parametrize("algorithm", ["auto", "lloyd", "elkan"])
@pytest.mark.parametrize("weighted", [False, True])
def test_plain_mode_is_the_textbook(shape, algorithm, weighted):
    X, init, weight = made(*shape)
    weight = weight if weighted else None
    model = KMeansPP(shape[2], init=init, tol=0, max_iter=1000, algorithm=algorithm)
    model.fit(X, sample_weight=weight)
    centers, labels, iterations = textbook(X, init, weight)
    assert_array_equal(model.labels_, labels)
    assert_allclose(model.cluster_centers_, centers, rtol=1e-10, atol=1e-11)
    assert_allclose(model.inertia_, inertia_of(X, centers, weight), rtol=1e-10, atol=1e-15)
    assert model.n_iter_ == iterations
    assert_array_equal(model.predict(X), labels)


@pytest.mark.parametrize("n, d, k", [(20_000, 2, 40), (30_000, 16, 12), (9_000, 70, 32)])
@pytest.mark.parametrize("tol, max_iter", [(1e-4, 300), (0, 7)])
def test_plain_mode_is_scikit_learns(n, d, k, tol, max_iter):
    X, init, _ = made(n, d, k)
    options = {"init": init, "tol": tol, "max_iter": max_iter}
    ours = KMeansPP(k, **options).fit(X)
    theirs = KMeans(k, n_init=1, algorithm="lloyd", **options).fit(X)
    assert ours.n_iter_ == theirs.n_iter_
    assert_array_equal(ours.labels_, theirs.labels_)
    assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-10, atol=1e-11)
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-10)


def test_empty_clusters_take_the_farthest_samples_as_in_scikit_learn():
    X, _ = make_blobs(500, centers=4, random_state=0)
    far = X.max(axis=0) + np.array([[50.0, 50.0], [60.0, 60.0]])
    init = np.concatenate([X[:3], far])
    ours = KMeansPP(5, init=init, tol=0).fit(X)
    theirs = KMeans(5, init=init, n_init=1, tol=0, algorithm="lloyd").fit(X)
    assert_array_equal(ours.labels_, theirs.labels_)
    assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-10)
    assert ours.n_iter_ == theirs.n_iter_


def test_labels_follow_a_relocated_centre():
    # After one iteration the empty cluster has been given a sample: its label must say so.
    X = np.array([[0.0], [0.1], [0.2], [5.0]])
    model = KMeansPP(2, init=[[0.0], [100.0]], max_iter=1).fit(X)
    assert_array_equal(model.labels_, [0, 0, 0, 1])
    assert_array_equal(model.labels_, model.predict(X))


@pytest.mark.parametrize("refine", [None, "auto"])
@pytest.mark.parametrize("offset", [0.0, 1e4, 1e6])
def test_float32_predicts_its_own_labels_at_any_offset(refine, offset):
    X, _ = make_blobs(3000, centers=6, n_features=3, random_state=0)
    X = (X + offset).astype(np.float32)
    model = KMeansPP(8, refine=refine, random_state=0).fit(X)
    assert model.cluster_centers_.dtype == np.float32
    assert model.transform(X).dtype == np.float32
    assert_array_equal(model.predict(X), model.labels_)
    exact = X.astype(np.float64), model.cluster_centers_.astype(np.float64)
    assert_array_equal(model.labels_, cdist(*exact, "sqeuclidean").argmin(axis=1))
    assert_allclose(model.inertia_, inertia_of(*exact), rtol=1e-12)
    assert_allclose(model.transform(X), cdist(*exact), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-120, 1e-30, 1e-3, 1e20, 1e120])
def test_result_scales_with_the_data(scale):
    X, _ = make_blobs(600, centers=5, random_state=1)
    power = 2.0 ** np.round(np.log2(scale))
    one = KMeansPP(7, random_state=0).fit(X)
    other = KMeansPP(7, random_state=0).fit(X * power)
    assert_array_equal(one.labels_, other.labels_)
    assert_allclose(other.cluster_centers_, one.cluster_centers_ * power, rtol=1e-13)
    assert_allclose(other.inertia_, one.inertia_ * power**2, rtol=1e-12)


@pytest.mark.parametrize("dtype, spread", [(np.float64, 1e200), (np.float64, 1e-200)])
def test_spread_beyond_squares_is_refused(dtype, spread):
    X = np.array([[0.0], [spread], [3 * spread]], dtype)
    with pytest.raises(ValueError, match="scale it"):
        KMeansPP(2).fit(X)


@pytest.mark.parametrize("options", [{}, {"refine": None}, {"init": "random", "n_init": 2}])
def test_order_and_repetition_of_rows_do_not_matter(options):
    X = load_iris().data
    rng = np.random.default_rng(0)
    weight = rng.integers(0, 4, len(X))
    model = KMeansPP(4, random_state=3, **options).fit(X, sample_weight=weight)
    repeated = np.repeat(X, weight, axis=0)
    order = rng.permutation(len(repeated))
    other = KMeansPP(4, random_state=3, **options).fit(repeated[order])
    assert_allclose(model.cluster_centers_, other.cluster_centers_, rtol=1e-12)
    assert_allclose(model.inertia_, other.inertia_, rtol=1e-12)
    assert_array_equal(model.predict(X), other.predict(X))
    assert_array_equal(np.repeat(model.labels_, weight)[order], other.labels_)


def test_weights_scale_the_inertia_only():
    X = load_iris().data
    one = KMeansPP(3, random_state=0).fit(X)
    other = KMeansPP(3, random_state=0).fit(X, sample_weight=np.full(len(X), 2.5))
    assert_array_equal(one.labels_, other.labels_)
    assert_allclose(other.inertia_, 2.5 * one.inertia_)


@pytest.mark.parametrize("options", [{}, {"refine": None}, {"algorithm": "elkan"}])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_is_dense(options, index):
    X = load_digits().data
    X[X < 8] = 0
    S = sparse.csr_array(X)
    S.indices, S.indptr = S.indices.astype(index), S.indptr.astype(index)
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    init = X[:12]
    dense = KMeansPP(12, init=init, tol=0).fit(X, sample_weight=weight)
    light = KMeansPP(12, init=init, tol=0).fit(S, sample_weight=weight)
    assert_array_equal(dense.labels_, light.labels_)
    assert_allclose(dense.cluster_centers_, light.cluster_centers_, atol=1e-10)
    assert_allclose(dense.inertia_, light.inertia_, rtol=1e-10)
    assert_allclose(dense.transform(X), light.transform(S), rtol=1e-6, atol=1e-6)
    searched = KMeansPP(12, random_state=0, **options).fit(S, sample_weight=weight)
    assert_array_equal(searched.predict(S), searched.labels_)
    best = KMeans(12, n_init=5, random_state=0).fit(X, sample_weight=weight).inertia_
    assert searched.inertia_ < best * (1.05 if options.get("refine", 0) is None else 1.01)


def test_sparse_with_repeated_entries():
    S = sparse.csr_matrix(([1.0, 2.0, 5.0, 1.0], [0, 0, 1, 1], [0, 2, 3, 4]), shape=(3, 2))
    model = KMeansPP(2, random_state=0).fit(S)
    assert_allclose(model.inertia_, KMeansPP(2, random_state=0).fit(S.toarray()).inertia_)
    assert S.nnz == 4


def test_fewer_distinct_samples_than_clusters():
    X = np.repeat([[0.0, 1.0], [2.0, 3.0], [9.0, 9.0]], 5, axis=0)
    for options in ({}, {"refine": None}, {"init": "random"}, {"init": X[:5]}):
        model = KMeansPP(5, random_state=0, **options)
        with pytest.warns(ConvergenceWarning, match="Only 3 of n_clusters=5"):
            model.fit(X)
        assert model.inertia_ < 1e-28
        assert_allclose(np.unique(model.cluster_centers_.round(12), axis=0), np.unique(X, axis=0))


def test_zero_weights_take_no_part_but_get_labels():
    X, _ = make_blobs(300, centers=3, random_state=0)
    far = np.r_[X, [[1e6, 1e6]]]
    model = KMeansPP(3, random_state=0).fit(far, sample_weight=np.r_[np.ones(300), 0])
    alone = KMeansPP(3, random_state=0).fit(X)
    assert_array_equal(model.cluster_centers_, alone.cluster_centers_)
    assert_array_equal(model.labels_, model.predict(far))
    assert model.inertia_ == alone.inertia_


def test_init_random_callable_and_runs():
    X, y = load_digits(return_X_y=True)

    def first_rows(X, n_clusters, random_state):
        assert isinstance(random_state, np.random.RandomState)
        return X[:n_clusters]

    called = KMeansPP(10, init=first_rows).fit(X)
    given = KMeansPP(10, init=X[:10]).fit(X)
    assert_array_equal(called.cluster_centers_, given.cluster_centers_)
    crowded = X[y == 0][:10]
    plain = KMeansPP(10, init=crowded).fit(X)
    searched = KMeansPP(10, init=crowded, refine=1, random_state=0).fit(X)
    assert searched.inertia_ < plain.inertia_
    options = {"init": "random", "refine": None, "random_state": 0}
    one, four = (KMeansPP(10, n_init=n, **options).fit(X) for n in (1, 4))
    assert four.inertia_ < one.inertia_
    with pytest.warns(RuntimeWarning, match="n_init=3"):
        KMeansPP(10, init=X[:10], n_init=3).fit(X)


def test_same_result_again_and_for_any_number_of_threads():
    from threadpoolctl import threadpool_limits

    X, _ = make_blobs(60_000, centers=30, n_features=3, cluster_std=3.0, random_state=0)
    wide = np.random.default_rng(0).standard_normal((4000, 90))
    for data, k in ((X, 25), (wide, 40), (sparse.csr_array(np.where(wide > 1, wide, 0)), 8)):
        model = KMeansPP(k, random_state=5).fit(data)
        with threadpool_limits(1):
            alone = KMeansPP(k, random_state=5).fit(data)
            assert_array_equal(alone.predict(data), model.labels_)
        assert_array_equal(model.cluster_centers_, alone.cluster_centers_)
        assert_array_equal(model.labels_, alone.labels_)
        assert model.inertia_ == alone.inertia_


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_first_draw_is_in_proportion_to_the_weights(init):
    X = np.arange(4.0)[:, None]
    counts = np.zeros(4)
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    for seed in range(2000):
        options = {"refine": None, "max_iter": 1, "store_history": True}
        model = KMeansPP(1, init=init, random_state=seed, **options).fit(X, sample_weight=weight)
        counts[int(model.history_.centers[0, 0, 0])] += 1
    assert_allclose(counts / 2000, weight / 10, atol=0.04)


def test_caller_keeps_data_and_estimator_keeps_its_fit():
    X, _ = make_blobs(200, centers=3, random_state=0)
    X.flags.writeable = False
    before = X.copy()
    model = KMeansPP(3, random_state=0).fit(X)
    assert_array_equal(X, before)
    state = dict(vars(model))
    bad = X.copy()
    bad[7, 1] = np.nan
    for call in (model.fit, model.partial_fit, model.predict, model.score):
        with pytest.raises(ValueError, match="NaN"):
            call(bad)
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        model.fit(X, sample_weight=-np.ones(200))
    with pytest.raises(ValueError, match="at least one non-zero"):
        model.fit(X, sample_weight=np.zeros(200))
    assert vars(model) == state
    for twin in (X[::2], np.asfortranarray(X), X[:, ::-1]):
        model.fit(twin)
        assert_array_equal(model.predict(twin), model.labels_)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_clusters": 0}, "n_clusters"),
        ({"n_clusters": 400}, "n_samples=150 should be >= n_clusters=400"),
        ({"init": "kmeans"}, "init='kmeans' is not an option"),
        ({"init": np.zeros((2, 4))}, r"init has shape \(2, 4\)"),
        ({"n_init": 0}, "n_init"),
        ({"n_init": "best"}, "n_init='best' is not an option"),
        ({"refine": 0}, "refine"),
        ({"refine": "hard"}, "refine='hard' is not an option"),
        ({"algorithm": "full"}, "algorithm='full' is not an option"),
        ({"tol": -1}, "tol"),
        ({"max_iter": 0}, "max_iter"),
    ],
)
def test_parameters_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        KMeansPP(**{"n_clusters": 3, **options}).fit(load_iris().data)


def test_pickle_keeps_everything():
    X = load_iris().data
    model = KMeansPP(3, random_state=0, store_history=True).fit(X)
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.predict(X), model.labels_)
    assert_array_equal(twin.history_.centers, model.history_.centers)


def test_parameters_and_methods_are_a_superset_of_kmeans():
    assert set(KMeans().get_params()) <= set(KMeansPP().get_params())
    theirs = {name for name in dir(KMeans) if not name.startswith("_")}
    assert theirs <= set(dir(KMeansPP))


def test_verbose_tells_the_inertia_and_is_silent_otherwise(capsys):
    X = load_iris().data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KMeansPP(3, verbose=1, random_state=0).fit(X)
    assert capsys.readouterr().out.count("inertia") == model.n_iter_
    KMeansPP(3).fit(X)
    assert capsys.readouterr().out == ""


def test_a_model_of_dense_data_takes_sparse_data():
    X, _ = make_blobs(300, centers=3, n_features=5, random_state=0)
    X += 20
    S = sparse.csr_matrix(X)
    model = KMeansPP(3, random_state=0).fit(X)
    assert_array_equal(model.predict(S), model.labels_)
    assert_allclose(model.score(S), model.score(X))
    assert_allclose(model.transform(S), model.transform(X))
    assert_allclose(model.sample_influence(S), model.sample_influence(X))
    centers = model.cluster_centers_.copy()
    assert_allclose(model.partial_fit(S).cluster_centers_, centers, rtol=1e-6)
    light = KMeansPP(3, random_state=0).fit(S)
    assert_array_equal(light.predict(X), light.labels_)


@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_float32_with_weights_and_repeated_rows(weighted):
    S = sparse.random(400, 30, density=0.1, format="csr", dtype=np.float32, random_state=0)
    S = sparse.vstack([S, S[:50]]).tocsr()
    weight = np.random.default_rng(0).uniform(0.1, 3, 450) if weighted else None
    model = KMeansPP(4, random_state=0).fit(S, sample_weight=weight)
    assert model.cluster_centers_.dtype == np.float32
    assert_array_equal(model.predict(S), model.labels_)


def test_rows_that_a_quick_look_misses():
    rng = np.random.default_rng(0)
    periodic = rng.random((20_000, 100))
    periodic[::10] = 0
    rare = np.zeros((20_000, 100))
    rare[[3, 77, 1234, 9999, 15_555]] = rng.random((5, 100))
    alternating = np.zeros((400_000, 1))
    alternating[1::2] = 1
    for X in (periodic, rare):
        model = KMeansPP(3, random_state=0).fit(X)
        assert model.inertia_ <= 1.1 * KMeans(3, random_state=0).fit(X).inertia_
    assert KMeansPP(2, random_state=0).fit(alternating).inertia_ < 1e-20


@pytest.mark.parametrize("shape", [(20_000, 100), (50_000, 8), (100_000, 2)], ids=str)
@pytest.mark.parametrize("height", [1e13, 1e25])
def test_one_sample_far_beyond_all(shape, height):
    X = np.random.default_rng(0).random(shape)
    X[7] = height
    model = KMeansPP(2, random_state=0).fit(X)
    assert_array_equal(np.flatnonzero(model.labels_ == model.labels_[7]), [7])
    X[7] = 1e200
    with pytest.raises(ValueError, match="scale it"):
        KMeansPP(2, random_state=0).fit(X)


def test_a_relocation_leaves_no_rounding_behind():
    X = np.append(np.random.default_rng(0).random(100), 1e9)[:, None]
    model = KMeansPP(2, init=[[0.5], [0.5]], tol=0).fit(X)
    assert_allclose(np.sort(model.cluster_centers_[:, 0]), [X[:100].mean(), 1e9], rtol=1e-8)


@pytest.mark.parametrize("init", [None, 5, [1, 2]])
def test_what_init_may_be_is_said(init):
    with pytest.raises(ValueError, match="must be 'k-means"):
        KMeansPP(2, init=init).fit(load_iris().data)


def test_verbose_may_be_a_flag():
    KMeansPP(2, verbose=False).fit(load_iris().data)


def test_a_far_sample_of_hardly_any_weight_is_named():
    X = np.random.default_rng(0).random((300, 120))
    X[0] = 1e14
    weight = np.ones(300)
    weight[0] = 1e-30
    few = KMeansPP(2, random_state=0).fit(X[:, :96], sample_weight=weight)  # never projected
    squares = cdist(X[:, :96], few.cluster_centers_, "sqeuclidean")
    assert_array_equal(few.labels_, squares.argmin(axis=1))
    assert_allclose(few.inertia_, weight @ squares.min(axis=1))
    with pytest.raises(ValueError, match="little weight too far out"):
        KMeansPP(2, random_state=0).fit(X, sample_weight=weight)

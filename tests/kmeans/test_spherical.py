"""KMeansPP(metric='cosine') against a plain loop on unit rows, and what it promises."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from skextra import KMeansPP, inertia_path
from skextra._kmeans._data import rows_of
from skextra._kmeans._metric import METRICS
from skextra._kmeans._sample import Sample, improve


def unit(X):
    X = np.asarray(X, np.float64)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def plain(U, C, weight=None):
    """Spherical k-means until no label changes: return (centers, labels, inertia, iterations)."""
    weight = np.ones(len(U)) if weight is None else weight
    labels = None
    for iteration in range(1, 1000):
        fresh = (U @ C.T).argmax(axis=1)
        if labels is not None and (fresh == labels).all():
            return C, labels, weight @ (1 - (U * C[labels]).sum(axis=1)), iteration
        labels = fresh
        C = unit([weight[labels == c] @ U[labels == c] for c in range(len(C))])
    raise AssertionError("no convergence")


def made(n, d, k, seed=0):
    """Return (rows around k points, which overlap, of all lengths; where to start; weights)."""
    rng = np.random.default_rng(seed)
    points = 4 * rng.standard_normal((k, d)) / np.sqrt(d)
    X = points[rng.integers(0, k, n)] + rng.standard_normal((n, d))
    X *= rng.uniform(0.01, 100, (n, 1))
    return X, points + 0.2 * rng.standard_normal((k, d)), rng.uniform(0.1, 3, n)


SHAPES = [(50, 2, 3), (257, 3, 5), (1000, 5, 17), (300, 64, 10), (301, 65, 9), (2500, 200, 33)]


def same(model, centers, labels, inertia):
    assert_array_equal(model.labels_, labels)
    assert_allclose(model.cluster_centers_, centers, rtol=0, atol=1e-12)
    assert_allclose(model.inertia_, inertia, rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("algorithm", ["auto", "lloyd", "elkan"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_from_given_centres_it_is_the_plain_loop(shape, algorithm, weighted, kind):
    X, init, weight = made(*shape)
    weight = weight if weighted else None
    options = {"init": init, "tol": 0, "max_iter": 1000, "algorithm": algorithm}
    model = KMeansPP(shape[2], metric="cosine", **options).fit(kind(X), sample_weight=weight)
    *wanted, iterations = plain(unit(X), unit(init), weight)
    same(model, *wanted)
    assert model.n_iter_ == iterations
    assert_array_equal(model.predict(kind(X)), model.labels_)
    assert_allclose(model.score(kind(X), sample_weight=weight), -model.inertia_, rtol=1e-12)


@pytest.mark.parametrize("shape", [*SHAPES, (25_000, 6, 12), (12_000, 80, 40)], ids=str)
@pytest.mark.parametrize("algorithm", ["auto", "lloyd", "elkan"])
def test_a_search_ends_where_the_plain_loop_stands_still(shape, algorithm):
    X, _, weight = made(*shape)
    options = {"tol": 0, "max_iter": 2000, "random_state": 0, "algorithm": algorithm}
    model = KMeansPP(shape[2], metric="cosine", **options).fit(X, sample_weight=weight)
    U = unit(X)
    *wanted, iterations = plain(U, model.cluster_centers_, weight)
    assert iterations == 2
    same(model, *wanted)
    options = {"init": "random", "refine": None, "metric": "cosine", "random_state": 0}
    assert model.inertia_ < KMeansPP(shape[2], **options).fit(X, sample_weight=weight).inertia_


@pytest.mark.parametrize("algorithm", ["auto", "lloyd"])
def test_a_fit_may_end_before_the_fixed_point(algorithm):
    X, init, _ = made(3000, 8, 20)
    options = {"init": init, "max_iter": 3, "algorithm": algorithm, "refine": 1}
    model = KMeansPP(20, metric="cosine", **options).fit(X)
    assert_allclose(np.linalg.norm(model.cluster_centers_, axis=1), 1, rtol=1e-15)
    assert_array_equal(model.labels_, (unit(X) @ model.cluster_centers_.T).argmax(axis=1))


@pytest.mark.parametrize("refine", [None, "auto"])
@pytest.mark.parametrize("shape", [(3000, 5, 8), (2500, 200, 33)], ids=str)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_float32_is_exact_about_its_own_unit_rows(refine, shape, kind):
    X = made(*shape)[0].astype(np.float32)
    model = KMeansPP(shape[2], metric="cosine", refine=refine, random_state=0).fit(kind(X))
    assert model.cluster_centers_.dtype == np.float32
    assert model.transform(kind(X)).dtype == np.float32
    U, C = unit(X).astype(np.float32).astype(float), model.cluster_centers_.astype(float)
    squares = np.square(U[:, None] - C).sum(axis=2) if shape[1] < 9 else None
    if squares is None:
        squares = np.stack([np.square(U - c).sum(axis=1) for c in C], axis=1)
    assert_array_equal(model.labels_, squares.argmin(axis=1))
    assert_array_equal(model.predict(kind(X)), model.labels_)
    assert_allclose(model.inertia_, squares.min(axis=1).sum() / 2, rtol=1e-12)
    assert_allclose(model.inertia_, (1 - (U * C[model.labels_]).sum(axis=1)).sum(), rtol=1e-5)
    assert_allclose(np.linalg.norm(C, axis=1), 1, atol=2e-7)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.bool_])
def test_many_small_integers(dtype, monkeypatch):
    monkeypatch.setattr("skextra._kmeans._data._MANY_ENTRIES", 1)
    X = np.random.default_rng(0).integers(0, 2, (500, 12)).astype(dtype)
    X[:, 0] = 1
    model = KMeansPP(4, metric="cosine", random_state=0).fit(X)
    other = KMeansPP(4, metric="cosine", random_state=0).fit(X.astype(float))
    assert_array_equal(model.cluster_centers_, other.cluster_centers_)
    assert_array_equal(model.predict(X), other.labels_)
    assert_array_equal(model.transform(X), other.transform(X.astype(float)))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("options", [{}, {"refine": None}, {"init": "random", "n_init": 2}])
def test_the_length_of_rows_does_not_matter(kind, options):
    X, _, weight = made(700, 4, 6)
    rng = np.random.default_rng(1)
    model = KMeansPP(6, metric="cosine", random_state=0, **options)
    one = model.fit(kind(X), sample_weight=weight)
    C, labels, inertia = one.cluster_centers_, one.labels_, one.inertia_
    powers = np.ldexp(X, rng.integers(-990, 990, (700, 1)))
    two = model.fit(kind(powers), sample_weight=weight)
    assert_array_equal(two.cluster_centers_, C)
    assert_array_equal(two.labels_, labels)
    assert two.inertia_ == inertia
    assert_array_equal(two.predict(kind(X)), labels)
    # The search may begin elsewhere when the last bits change, but not from given centres.
    moved = X * rng.uniform(0.1, 10, (700, 1))
    one = KMeansPP(6, metric="cosine", init=X[:6], tol=0).fit(kind(X), sample_weight=weight)
    two = KMeansPP(6, metric="cosine", init=moved[:6], tol=0)
    two.fit(kind(moved), sample_weight=weight)
    same(two, one.cluster_centers_, one.labels_, one.inertia_)


@pytest.mark.parametrize("options", [{}, {"refine": None}, {"init": "random", "n_init": 2}])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_order_and_repetition_of_rows_do_not_matter(options, kind):
    X = load_iris().data
    rng = np.random.default_rng(0)
    weight = rng.integers(0, 4, len(X))
    model = KMeansPP(4, metric="cosine", random_state=3, **options)
    one = model.fit(kind(X), sample_weight=weight)
    C, labels, inertia = one.cluster_centers_, one.labels_, one.inertia_
    repeated = np.repeat(X, weight, axis=0)
    order = rng.permutation(len(repeated))
    # Multiples of a sample repeat it, too.
    other = model.fit(kind(repeated[order] * 2.0 ** rng.integers(-3, 4, (len(order), 1))))
    assert_array_equal(other.cluster_centers_, C)
    assert other.inertia_ == inertia
    assert_array_equal(other.labels_, np.repeat(labels, weight)[order])


def test_sparse_is_dense():
    X = load_digits().data
    X[X < 8] = 0
    S = sparse.csr_array(X)
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    dense = KMeansPP(12, metric="cosine", init=X[:12], tol=0).fit(X, sample_weight=weight)
    light = KMeansPP(12, metric="cosine", init=X[:12], tol=0).fit(S, sample_weight=weight)
    same(light, dense.cluster_centers_, dense.labels_, dense.inertia_)
    assert_allclose(dense.transform(X), light.transform(S), atol=1e-14)
    assert_allclose(dense.sample_influence(X), light.sample_influence(S), atol=1e-11)
    assert_array_equal(dense.predict(S), dense.labels_)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_rows_of_zeros_are_refused_by_name(kind):
    X = load_iris().data.copy()
    model = KMeansPP(3, metric="cosine", random_state=0).fit(X)
    state = dict(vars(model))
    X[[7, 9]] = 0
    methods = ["fit", "partial_fit", "predict", "transform", "score", "sample_influence"]
    for call in [getattr(model, name) for name in methods]:
        with pytest.raises(ValueError, match=r"X has rows of zeros \(7, 9\), .* keep the others"):
            call(kind(X))
    with pytest.raises(ValueError, match=r"rows of zeros \(7, 9\)"):
        inertia_path(kind(X), metric="cosine")
    with pytest.raises(ValueError, match=r"rows of zeros \(7, 9\)"):  # as they could get no label
        model.fit(kind(X), sample_weight=np.where(X.any(axis=1), 1, 0))
    assert vars(model) == state
    model.fit(kind(X[X.any(axis=1)]))


def test_given_centres_are_normalised_and_must_not_be_zero():
    X = load_iris().data
    called = KMeansPP(3, metric="cosine", init=lambda X, k, random_state: 3 * X[:k]).fit(X)
    given = KMeansPP(3, metric="cosine", init=X[:3] / 7).fit(X)
    assert_allclose(called.cluster_centers_, given.cluster_centers_, rtol=1e-13)
    with pytest.raises(ValueError, match=r"init has a row of zeros \(1\)"):
        KMeansPP(2, metric="cosine", init=[[1, 1, 1, 1], [0, 0, 0, 0]]).fit(X)


def test_a_cluster_whose_rows_cancel_keeps_its_centre():
    X = np.array([[1.0, 0, 0], [-2, 0, 0], [0, 0, -1]])
    init = np.array([[0.0, 0, 5], [0, 0, -1]])
    for kind in (np.asarray, sparse.csr_array):
        model = KMeansPP(2, metric="cosine", init=init).fit(kind(X))
        assert_array_equal(model.labels_, [0, 0, 1])
        assert_allclose(model.cluster_centers_, [[0, 0, 1], [0, 0, -1]], atol=1e-15)
        assert_allclose(model.inertia_, 2)
        assert_allclose(model.sample_influence(kind(X)), [2, 2, 0], atol=1e-15)


@pytest.mark.parametrize("n, d", [(2, 1), (6, 1), (40, 2), (3000, 3)])
def test_rows_that_all_cancel_get_some_unit_centre(n, d):
    half = np.random.default_rng(0).uniform(0.5, 2, (n // 2, d))
    X = np.concatenate([half, -half])
    for options in ({}, {"refine": None}):
        model = KMeansPP(1, metric="cosine", random_state=0, **options).fit(X)
        assert_allclose(np.linalg.norm(model.cluster_centers_), 1)
        assert_allclose(model.inertia_, n)


def test_one_feature_is_a_sign():
    X = np.array([[3.0], [0.1], [-2.0], [7.0]])
    one = KMeansPP(1, metric="cosine").fit(X)
    assert one.cluster_centers_.tolist() == [[1.0]]
    assert one.inertia_ == 2
    two = KMeansPP(2, metric="cosine").fit(X)
    assert two.cluster_centers_.tolist() == [[-1.0], [1.0]]
    assert two.labels_.tolist() == [1, 1, 0, 1]
    with pytest.warns(ConvergenceWarning, match="Only 2 of n_clusters=3"):
        three = KMeansPP(3, metric="cosine").fit(X)
    assert three.inertia_ == 0


def test_an_empty_cluster_takes_the_row_with_the_lowest_cosine():
    X = np.array([[1.0, 0], [1, 0.1], [1, -0.1], [0, 1]])
    model = KMeansPP(2, metric="cosine", init=[[1, 0], [-1, 0]], max_iter=1).fit(X)
    assert_array_equal(model.labels_, [0, 0, 0, 1])


def test_distances_are_one_minus_the_cosine():
    X, _, _ = made(400, 9, 5)
    X[0] = X[1] * 3
    model = KMeansPP(5, metric="cosine", random_state=0).fit(X)
    D = model.transform(X)
    assert_allclose(D, 1 - unit(X) @ model.cluster_centers_.T, atol=1e-14)
    assert D.min() >= 0
    assert_array_equal(D.argmin(axis=1), model.labels_)
    # Small angles keep their digits, which 1 - cos would lose.
    near = model.cluster_centers_[:1] + 1e-9 * unit(np.eye(9)[:1])
    u = near[0] / np.linalg.norm(near[0])
    wanted = np.square(u - model.cluster_centers_[0]).sum() / 2
    assert_allclose(model.transform(near)[0, 0], wanted, rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_influence_is_what_leaving_a_sample_out_saves(weighted):
    X, _, weight = made(60, 3, 4)
    X = np.concatenate([X, [[-40.0, -3, 1]]])
    weight = np.append(weight, 2.0) if weighted else np.ones(61)
    U = unit(X)
    model = KMeansPP(5, metric="cosine", random_state=0, tol=0).fit(X, sample_weight=weight)

    def inertia_without(i):
        kept = np.arange(61) != i
        sums = np.stack([(weight * kept * (model.labels_ == c)) @ U for c in range(5)])
        return (weight * kept).sum() - np.linalg.norm(sums, axis=1).sum()

    wanted = inertia_without(-1) - np.array([inertia_without(i) for i in range(61)])
    influence = model.sample_influence(X, weight)
    assert_allclose(influence, wanted, atol=1e-12)
    assert influence.min() >= 0
    assert_allclose(inertia_without(-1), model.inertia_, rtol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_stream_keeps_the_direction_of_all_that_came(kind, dtype):
    X, init, weight = made(3000, 4, 5)
    X = X.astype(dtype)
    stream = KMeansPP(5, metric="cosine", init=init)
    U, sums, seen = unit(X), np.zeros((5, 4)), 0
    for size in (500, 20, 1, 2479):
        part = slice(seen, seen + size)
        nearest = None if seen == 0 else (U[part] @ stream.cluster_centers_.T).argmax(axis=1)
        stream.partial_fit(kind(X[part]), sample_weight=weight[part])
        nearest = stream.labels_ if nearest is None else nearest
        np.add.at(sums, nearest, weight[part, None] * U[part])
        seen += size
        atol = 1e-12 if dtype == np.float64 else 2e-6
        assert_allclose(stream.cluster_centers_, unit(sums), atol=atol)
        inertia = weight[part] @ (1 - (U[part] * stream.cluster_centers_[stream.labels_]).sum(1))
        assert_allclose(stream.inertia_, inertia, rtol=1e-5 if dtype == np.float32 else 1e-11)
    assert stream.cluster_centers_.dtype == dtype


def test_a_stream_keeps_its_metric_and_so_does_a_model():
    X = load_iris().data
    model = KMeansPP(3, metric="cosine", random_state=0).fit(X)
    D = model.transform(X)
    model.set_params(metric="euclidean")
    assert_array_equal(model.transform(X), D)
    with pytest.raises(ValueError, match="metric='euclidean' differs from 'cosine'"):
        model.partial_fit(X)
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.transform(X), D)


def test_history_is_that_of_the_plain_loop():
    X, init, weight = made(400, 6, 7)
    options = {"init": init, "tol": 0, "store_history": True}
    model = KMeansPP(7, metric="cosine", **options).fit(X, sample_weight=weight)
    history = model.history_
    assert history.metric == "cosine"
    U, C = unit(X), unit(init)
    for i in range(history.n_iter):
        assert_allclose(history.centers[i], C, atol=1e-13)
        labels = (U @ C.T).argmax(axis=1)
        assert_array_equal(history.labels(X, i), labels)
        assert_allclose(history.inertia[i], weight @ (1 - (U * C[labels]).sum(axis=1)))
        C = unit([weight[labels == c] @ U[labels == c] for c in range(7)])
    assert_array_equal(history.centers[-1], model.cluster_centers_)
    assert history.inertia[-1] == model.inertia_
    assert (np.diff(history.inertia) < 1e-12).all()
    assert KMeansPP(3, store_history=True).fit(X).history_.metric == "euclidean"


@pytest.mark.parametrize("n, d", [(2000, 5), (30_000, 5)])
def test_the_search_stays_on_the_sphere(n, d):
    rows = rows_of(unit(made(n, d, 20)[0]), None, 1)
    random_state = np.random.RandomState(0)
    sample = Sample(rows, 20, random_state, metric=METRICS["cosine"])
    some = sample.rows
    found = improve(some, some.take(np.arange(20)), random_state, metric=sample.metric)
    centers = found.centers + some.offset
    if not sample.is_whole:
        centers = centers / rows.scale + rows.offset
    assert_allclose(np.linalg.norm(centers, axis=1), 1, rtol=1e-12)
    means = some.means(some.nearest_labels(found.centers), 20)
    shift = sample.metric.place(means, found.centers, some.offset) - found.centers
    assert np.abs(shift).max() < 0.1 * np.abs(means - found.centers).max()


def test_the_search_finds_groups_of_directions():
    # More groups than clusters: by distance, one cluster of many groups is as good as even ones.
    rng = np.random.default_rng(0)
    groups = unit(rng.standard_normal((60, 60)))
    X = groups[rng.integers(0, 60, 4000)] + 0.5 * rng.standard_normal((4000, 60)) / np.sqrt(60)
    options = {"metric": "cosine", "n_clusters": 12}
    ours = [KMeansPP(random_state=seed, **options).fit(X).inertia_ for seed in range(3)]
    single = [
        KMeansPP(random_state=seed, refine=None, **options).fit(X).inertia_ for seed in range(3)
    ]
    assert np.mean(ours) < 0.98 * np.mean(single)


def test_momentum_stays_on_the_sphere():
    X = np.random.default_rng(0).standard_normal((20_000, 8))  # takes many iterations
    options = {"refine": 1, "init": X[:25], "store_history": True, "random_state": 0, "tol": 0}
    model = KMeansPP(25, metric="cosine", **options).fit(X)
    plain_steps = KMeansPP(25, metric="cosine", algorithm="lloyd", **options).fit(X)
    assert model.n_iter_ < plain_steps.n_iter_
    assert_allclose(np.linalg.norm(model.history_.centers, axis=2), 1, rtol=1e-13)


def test_equal_weights_scale_the_inertia_only():
    X = load_iris().data
    one = KMeansPP(3, metric="cosine", random_state=0, store_history=True).fit(X)
    options = {"metric": "cosine", "random_state": 0, "store_history": True}
    other = KMeansPP(3, **options).fit(X, sample_weight=np.full(len(X), 2.5))
    assert_array_equal(one.cluster_centers_, other.cluster_centers_)
    assert_allclose(other.inertia_, 2.5 * one.inertia_)
    assert_allclose(other.history_.inertia, 2.5 * one.history_.inertia)


def test_zero_weights_take_no_part_but_get_labels():
    X, _, _ = made(300, 3, 3)
    more = np.concatenate([X, -X[:1]])
    weight = np.append(np.ones(300), 0)
    model = KMeansPP(3, metric="cosine", random_state=0).fit(more, sample_weight=weight)
    alone = KMeansPP(3, metric="cosine", random_state=0).fit(X)
    assert_array_equal(model.cluster_centers_, alone.cluster_centers_)
    assert_array_equal(model.labels_, model.predict(more))


def test_same_result_for_any_number_of_threads():
    from threadpoolctl import threadpool_limits

    X, _, _ = made(60_000, 3, 30)
    wide, _, _ = made(4000, 90, 40)
    for data, k in ((X, 25), (wide, 40), (sparse.csr_array(np.where(wide > 0, wide, 0)), 8)):
        model = KMeansPP(k, metric="cosine", random_state=5).fit(data)
        with threadpool_limits(1):
            alone = KMeansPP(k, metric="cosine", random_state=5).fit(data)
            assert_array_equal(alone.predict(data), model.labels_)
        assert_array_equal(model.cluster_centers_, alone.cluster_centers_)
        assert model.inertia_ == alone.inertia_


@pytest.mark.parametrize("n", [300, 25_000])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_the_path_is_that_of_the_sphere(n, kind):
    X, _, weight = made(n, 5, 6, seed=2)
    U = unit(X)
    path = inertia_path(
        kind(X), [1, 2, 6, 9], metric="cosine", sample_weight=weight, random_state=0
    )
    for k, centers, inertia in zip(path.n_clusters, path.centers, path.inertia, strict=True):
        assert_allclose(np.linalg.norm(centers, axis=1), 1)
        wanted = weight @ (1 - (U @ centers.T).max(axis=1))
        assert_allclose(inertia, wanted, rtol=1e-11)
        options = {"metric": "cosine", "random_state": 0}
        single = KMeansPP(int(k), **options).fit(X, sample_weight=weight)
        assert inertia < 1.05 * single.inertia_
    mean = weight @ U
    assert_allclose(path.inertia[0], weight.sum() - np.linalg.norm(mean), rtol=1e-12)
    with pytest.raises(
        ValueError, match="metric='angle' is not an option; use one of 'euclidean'"
    ):
        inertia_path(X, metric="angle")


def test_the_path_finds_the_elbow_of_directions():
    rng = np.random.default_rng(0)
    X = np.eye(8)[rng.integers(0, 8, 2000)] + 0.1 * rng.standard_normal((2000, 8))
    X *= rng.uniform(0.01, 100, (2000, 1))
    assert inertia_path(X, metric="cosine", random_state=0).elbow == 8
    assert inertia_path(X, random_state=0).elbow != 8


def test_the_best_run_is_kept():
    X, _, _ = made(1000, 5, 17)
    options = {"init": "random", "refine": None, "random_state": 0, "metric": "cosine"}
    one, eight = (KMeansPP(17, n_init=n, **options).fit(X) for n in (1, 8))
    assert eight.inertia_ < one.inertia_


def test_texts_in_a_pipeline():
    sea = ["ships sail the sea", "the sea is full of ships", "ships sail from harbours at sea"]
    law = ["the court heard a case", "a judge decides a case in court", "the court has a judge"]
    words = TfidfVectorizer(stop_words="english")
    pipe = make_pipeline(words, KMeansPP(2, metric="cosine", random_state=0))
    labels = pipe.fit_predict(sea + law)
    assert len(set(labels[:3])) == len(set(labels[3:])) == 1
    assert labels[0] != labels[3]
    assert pipe.predict(["a judge in court"])[0] == labels[3]


def test_frames_in_and_out():
    X = load_iris(as_frame=True).data
    model = KMeansPP(3, metric="cosine", random_state=0).set_output(transform="pandas")
    D = model.fit_transform(X)
    assert list(D.columns) == ["kmeanspp0", "kmeanspp1", "kmeanspp2"]
    assert_array_equal(D.to_numpy(), model.transform(X))


def test_callbacks_can_predict_after_every_iteration():
    X = load_digits().data

    class Score:
        setup = teardown = lambda *args, **kwargs: None
        scores = ()

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.parent is not None:
                self.scores += (fitted_estimator.score(X),)

    score = Score()
    options = {"refine": None, "tol": 0, "random_state": 0, "store_history": True}
    model = KMeansPP(10, metric="cosine", **options).set_callbacks(score).fit(X)
    assert_allclose(-np.array(score.scores), model.history_.inertia[1:], rtol=1e-12)


def test_verbose_tells_the_inertia(capsys):
    X = load_iris().data
    model = KMeansPP(3, metric="cosine", verbose=1, init=X[:3], tol=0).fit(X)
    assert capsys.readouterr().out.splitlines()[-1] == f"inertia {model.inertia_:.10g}"


def test_the_metric_is_checked():
    with pytest.raises(ValueError, match="metric='angle' is not an option of KMeansPP"):
        KMeansPP(metric="angle").fit(load_iris().data)

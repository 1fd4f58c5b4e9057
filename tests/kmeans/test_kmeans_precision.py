"""Where k-means in single precision goes wrong, and KMeansPP agrees with NumPy in float64."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_blobs

from skextra import KMeansPP


def reference(X, labels, k):
    """Return (means, inertia) of clusters, in float64."""
    X = X.astype(np.float64)
    means = np.array([X[labels == c].mean(axis=0) for c in range(k)])
    return means, np.square(X - means[labels]).sum()


def nearest(X, centers):
    """Return the nearest centre of every row, by differences in float64."""
    squares = [np.square(X.astype(np.float64) - center).sum(axis=1) for center in centers]
    return np.argmin(squares, axis=0)


@pytest.mark.parametrize("options", [{}, {"refine": None}, {"algorithm": "lloyd"}])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_a_million_float32_rows_are_right(options, weighted):
    # Sums in float32 stand still once they are 2 ** 24 times as large as what is added.
    X = np.random.default_rng(0).standard_normal((1_000_000, 2), dtype=np.float32)
    X[500_000:] += 1000
    weight = np.ones(len(X)) if weighted else None
    model = KMeansPP(2, random_state=0, **options).fit(X, sample_weight=weight)
    far = model.labels_ == model.labels_[-1]
    assert_array_equal(far, np.arange(len(X)) >= 500_000)
    means, inertia = reference(X, model.labels_, 2)
    assert_allclose(model.cluster_centers_, means, rtol=2.0**-23, atol=1e-4)
    assert_allclose(model.inertia_, inertia, rtol=1e-6)
    assert_allclose(-model.score(X, sample_weight=weight), inertia, rtol=1e-6)


@pytest.mark.parametrize("n_features", [16, 32, 80])
@pytest.mark.parametrize("n_samples", [300, 15_000])
def test_float32_far_from_the_origin_with_many_columns(n_features, n_samples):
    rng = np.random.default_rng(0)
    places = rng.standard_normal((8, n_features))
    X = places[rng.integers(8, size=n_samples)] + rng.standard_normal((n_samples, n_features))
    X = (X + 1e4).astype(np.float32)
    model = KMeansPP(8, random_state=0).fit(X)
    assert_array_equal(model.labels_, nearest(X, model.cluster_centers_.astype(np.float64)))
    assert_array_equal(model.predict(X), model.labels_)
    assert_array_equal(model.predict(X[:50]), model.labels_[:50])
    means, inertia = reference(X, model.labels_, 8)
    assert_allclose(model.cluster_centers_, means, atol=0.05)  # they end where tol lets them
    assert_allclose(model.inertia_, inertia, rtol=1e-3)


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("n_features", [1, 7, 80])
def test_repeated_float32_rows_lie_in_one_place(offset, n_features):
    rows = (np.random.default_rng(1).random((6, n_features)) + offset).astype(np.float32)
    which = np.random.default_rng(2).integers(6, size=900)
    X = rows[which]
    model = KMeansPP(6, random_state=0).fit(X)
    assert_array_equal(np.sort(model.cluster_centers_, axis=0), np.sort(rows, axis=0))
    assert_array_equal(model.cluster_centers_[model.labels_], X)
    assert model.inertia_ == 0
    own = np.take_along_axis(model.transform(X), model.labels_[:, None], axis=1)
    assert (own < 1e-6).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_samples", [None, 2500])
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_change_nothing_but_units(dtype, n_samples, unit):
    X = load_iris().data
    if n_samples:
        X, _ = make_blobs(n_samples, centers=4, n_features=4, random_state=0)
    one = KMeansPP(3, random_state=0).fit(X)
    X = (X * unit).astype(dtype)
    other = KMeansPP(3, random_state=0).fit(X)
    _, inertia = reference(X, other.labels_, 3)
    assert_allclose(other.inertia_, inertia, rtol=1e-6)
    assert_allclose(other.inertia_, one.inertia_ * unit**2, rtol=1e-5)


def test_inertia_sums_squares_wherever_the_fit_stops():
    X = np.random.default_rng(0).normal(size=(20_000, 2)) * 3
    for options in ({"max_iter": 1}, {"tol": 1.0}, {}):
        for refine in (None, "auto"):
            model = KMeansPP(4, refine=refine, random_state=0, **options).fit(X)
            squares = np.square(X - model.cluster_centers_[model.labels_]).sum()
            assert_allclose(model.inertia_, squares, rtol=1e-12)


@pytest.fixture(scope="module")
def counts():
    """Return nine million small whole numbers in groups."""
    rng = np.random.default_rng(0)
    places = rng.integers(0, 256, (5, 30))
    noise = rng.integers(0, 40, (300_000, 30), dtype=np.uint8)
    return np.clip(places[rng.integers(5, size=300_000)] + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("method", ["fit", "predict", "score"])
def test_many_small_integers_are_not_copied(counts, method):
    model = KMeansPP(5, random_state=0).fit(counts)
    getattr(model, method)(counts)  # compiling takes memory of its own
    tracemalloc.start()
    getattr(model, method)(counts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < counts.nbytes  # as float64 they would take eight times as much


def test_many_small_integers_are_what_they_are_in_float64(counts):
    model = KMeansPP(5, random_state=0).fit(counts)
    exact = KMeansPP(5, random_state=0).fit(counts.astype(np.float64))
    assert_array_equal(model.labels_, exact.labels_)
    assert_allclose(model.cluster_centers_, exact.cluster_centers_, rtol=1e-13)
    assert_allclose(model.inertia_, exact.inertia_, rtol=1e-13)
    assert model.cluster_centers_.dtype == np.float64
    distances = model.transform(counts)
    assert distances.dtype == np.float64
    assert_allclose(distances[:99], exact.transform(counts[:99].astype(float)), rtol=1e-12)
    assert_array_equal(model.predict(counts[:99]), model.labels_[:99])  # few are copied
    assert_array_equal(model.partial_fit(counts).labels_, exact.labels_)


def test_few_of_many_small_integers_have_a_weight(counts):
    weight = np.zeros(len(counts))
    weight[:500] = np.arange(500) % 3
    model = KMeansPP(5, random_state=0).fit(counts, sample_weight=weight)
    exact = KMeansPP(5, random_state=0).fit(counts[:500].astype(float), sample_weight=weight[:500])
    assert_allclose(model.cluster_centers_, exact.cluster_centers_, rtol=1e-12)
    assert_allclose(model.inertia_, exact.inertia_, rtol=1e-12)


def test_a_callable_that_chooses_centres_is_given_numbers_that_can_be_subtracted(counts):
    def spread(X, n_clusters, random_state):
        assert X.dtype == np.float64
        return X[:n_clusters] - X[n_clusters : 2 * n_clusters]

    KMeansPP(5, init=spread, max_iter=1).fit(counts)


def test_many_booleans_are_zeros_and_ones():
    X = np.random.default_rng(0).random((300_000, 30)) < np.linspace(0.1, 0.9, 30)
    model = KMeansPP(3, random_state=0).fit(X)
    exact = KMeansPP(3, random_state=0).fit(X.astype(np.float64))
    assert_array_equal(model.labels_, exact.labels_)
    assert_allclose(model.inertia_, exact.inertia_, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int64, np.float16])
def test_few_numbers_of_other_types_are_float64(dtype):
    X = (load_iris().data * 10).astype(dtype)[:, :2] if dtype != np.bool_ else [[True], [False]]
    model = KMeansPP(2, random_state=0).fit(np.asarray(X, dtype))
    exact = KMeansPP(2, random_state=0).fit(np.asarray(X, np.float64))
    assert_array_equal(model.cluster_centers_, exact.cluster_centers_)
    assert model.inertia_ == exact.inertia_


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_features", [3, 50, 1100])
@pytest.mark.parametrize("n_samples", [1, 40, 300])
def test_new_samples_are_labelled_and_measured(n_samples, n_features, dtype):
    rng = np.random.default_rng(0)
    centers = (rng.normal(0, 1, (5, n_features)) + 10).astype(dtype)
    model = KMeansPP(5, init=centers, max_iter=1).fit(centers)
    X = (rng.normal(0, 1, (n_samples, n_features)) + 10).astype(dtype)
    exact = model.cluster_centers_.astype(np.float64)
    assert_array_equal(model.predict(X), nearest(X, exact))
    squares = np.square(X.astype(np.float64)[:, None] - exact).sum(axis=2)
    found = model.transform(X)
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    assert_allclose(found, np.sqrt(squares), rtol=1e-6 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("n_features", [2, 40])
def test_equally_near_centres_give_the_first(n_features):
    axes = np.eye(2, n_features)
    ends = np.concatenate([axes, -axes])
    model = KMeansPP(4, init=ends).fit(ends)
    X = np.concatenate([np.zeros((50, n_features)), ends])
    assert_array_equal(model.predict(X), [0] * 50 + [0, 1, 2, 3])


@pytest.mark.parametrize("n_features", [2, 40])
def test_distances_next_to_a_centre_keep_their_digits(n_features):
    # |x|^2 - 2 x.c + |c|^2 would leave about 1e-8 of the spread.
    places = np.array([[-1.0], [1.0]]) * np.ones(n_features)
    X = np.repeat(places, 20, axis=0)
    model = KMeansPP(2, random_state=0).fit(X)
    near = model.cluster_centers_[0] + 2.0**-40
    expected = np.linalg.norm(near - model.cluster_centers_[0])
    assert_allclose(model.transform(near[None])[0, 0], expected, rtol=1e-6)
    assert model.transform(model.cluster_centers_).min(axis=1).tolist() == [0.0, 0.0]

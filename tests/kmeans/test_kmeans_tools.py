"""What KMeansPP offers beyond clusters: history, influence, streams, the path, callbacks."""

import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar  # noqa: TID251
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skextra import InertiaPath, KMeansPP, inertia_path
from skextra._kmeans._path import find_elbow


@pytest.mark.parametrize("options", [{"refine": None}, {}, {"init": "random", "refine": None}])
def test_history_tells_every_iteration(options):
    X = load_digits().data
    model = KMeansPP(9, tol=0, store_history=True, random_state=1, **options).fit(X)
    history = model.history_
    assert history.n_iter == model.n_iter_ == len(history.n_changed)
    assert history.centers.shape == (model.n_iter_ + 1, 9, 64)
    assert_array_equal(history.centers[-1], model.cluster_centers_)
    assert history.inertia[-1] == model.inertia_
    assert_array_equal(history.labels(X, -1), model.labels_)
    for i in range(history.n_iter):
        labels = history.labels(X, i)
        before = history.labels(X, i - 1) if i else np.full(len(X), -1)
        assert history.n_changed[i] == (labels != before).sum()
        assert_allclose(history.inertia[i], ((X - history.centers[i][labels]) ** 2).sum())
        if options:  # plain: each centre goes to the mean of its samples
            means = [X[labels == c].mean(axis=0) for c in range(9)]
            assert_allclose(history.centers[i + 1], means, atol=1e-10)
        way = np.linalg.norm(history.centers[i + 1] - history.centers[i], axis=1)
        assert_allclose(history.center_shift[i], way, atol=1e-12)
    if options:
        assert (np.diff(history.inertia) <= 1e-9).all()
        assert history.n_changed[-1] == 0
    frame = history.to_frame()
    assert_array_equal(frame["inertia"], history.inertia)
    assert frame["n_changed"][0] == 0
    assert not hasattr(model.set_params(store_history=False).fit(X), "history_")


def test_history_counts_repeated_and_weighted_samples():
    X = np.repeat(load_iris().data, 3, axis=0)
    history = KMeansPP(3, init=X[[0, 100, 200]], store_history=True).fit(X).history_
    assert history.n_changed[0] == len(X)
    start = history.centers[0][history.labels(X, 0)]
    assert_allclose(history.inertia[0], ((X - start) ** 2).sum())


def test_influence_is_what_leaving_out_does():
    X, _ = make_blobs(40, centers=3, random_state=0)
    X = np.r_[X, [[30.0, 30.0]]]
    weight = np.random.default_rng(0).integers(1, 4, len(X)).astype(float)
    model = KMeansPP(3, random_state=0).fit(X, sample_weight=weight)
    influence = model.sample_influence(X, weight)

    def inertia_without(i):
        total = 0.0
        for c in range(3):
            rows = (model.labels_ == c) & (np.arange(len(X)) != i)
            if rows.any():
                mean = np.average(X[rows], axis=0, weights=weight[rows])
                total += weight[rows] @ ((X[rows] - mean) ** 2).sum(axis=1)
        return total

    expected = [model.inertia_ - inertia_without(i) for i in range(len(X))]
    assert_allclose(influence, expected, rtol=1e-9, atol=1e-9)


def test_influence_of_one_dimensional_textbook_data():
    X = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [20.0]])
    influence = KMeansPP(1).fit(X).sample_influence(X)
    assert influence.argmax() == 5
    # mean 35/6, inertia 250.83; without the outlier 10
    assert_allclose(influence[5], 1505 / 6 - 10)
    assert KMeansPP(2, random_state=0).fit(X).sample_influence(X)[5] == 0


def test_chunks_weigh_what_they_hold():
    X, _ = make_blobs(3000, centers=4, random_state=2)
    weight = np.random.default_rng(0).integers(1, 4, 3000)
    stream, repeated = KMeansPP(4, random_state=0), KMeansPP(4, random_state=0)
    for part in (slice(0, 500), slice(500, 520), slice(520, 3000)):
        stream.partial_fit(X[part], sample_weight=weight[part])
        repeated.partial_fit(np.repeat(X[part], weight[part], axis=0))
    assert_allclose(stream.cluster_centers_, repeated.cluster_centers_, rtol=1e-10)
    # far clusters: each centre is the weighted mean of all its samples
    labels = stream.predict(X)
    for c in range(4):
        mean = np.average(X[labels == c], axis=0, weights=weight[labels == c])
        assert_allclose(stream.cluster_centers_[c], mean, atol=0.1)
    batch = KMeansPP(4, random_state=0).fit(X, sample_weight=weight)
    assert -stream.score(X, sample_weight=weight) < 1.001 * batch.inertia_


def test_stream_ends_no_higher_than_mini_batches():
    X = load_digits().data
    X = X[np.random.default_rng(0).permutation(len(X))]
    ours, theirs = [], []
    for seed in range(5):
        stream = KMeansPP(10, random_state=seed)
        other = MiniBatchKMeans(10, random_state=seed, n_init=1)
        for part in np.array_split(X, 6):
            stream.partial_fit(part)
            other.partial_fit(part)
        ours.append(-stream.score(X))
        theirs.append(-other.score(X))
    assert np.mean(ours) < np.mean(theirs)


def test_fit_goes_on_as_a_stream():
    X = load_iris().data
    model = KMeansPP(3, random_state=0).fit(X)
    twice = clone(model).fit(X).partial_fit(X)
    assert_allclose(twice.cluster_centers_, model.cluster_centers_, rtol=1e-6)
    assert twice.n_iter_ == model.n_iter_ + 1
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :2])


def test_path_is_close_to_single_fits_and_finds_the_elbow():
    X, _ = make_blobs(1500, centers=6, n_features=5, random_state=0)
    path = inertia_path(X, random_state=0)
    assert isinstance(path, InertiaPath)
    assert path.elbow == 6
    assert (np.diff(path.inertia) < 0).all()
    for k in (1, 6, 20):
        single = KMeans(k, n_init=5, random_state=0).fit(X).inertia_
        assert path.inertia[k - 1] < 1.05 * single
        model = KMeansPP(k, init=path.centers[k - 1], max_iter=1, store_history=True).fit(X)
        assert_allclose(model.history_.inertia[0], path.inertia[k - 1], rtol=1e-9)
    frame = inertia_path(X, [3, 1, 3, 8], random_state=0).to_frame()
    assert_array_equal(frame.index, [1, 3, 8])


@pytest.mark.parametrize("d", [1, 2, 8, 90])
@pytest.mark.parametrize("kind", ["random", "standard_normal"])
def test_no_elbow_without_clusters(d, kind):
    X = getattr(np.random.default_rng(d), kind)((2000, d))
    assert inertia_path(X, random_state=0).elbow is None


def test_path_of_weights_samples_and_sparse():
    X, _ = make_blobs(25_000, centers=5, n_features=3, random_state=1)
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    path = inertia_path(X, range(1, 9), sample_weight=weight, random_state=0)
    assert path.elbow == 5
    mean = np.average(X, axis=0, weights=weight)
    assert_allclose(path.inertia[0], weight @ ((X - mean) ** 2).sum(axis=1), rtol=1e-9)
    from scipy import sparse

    light = inertia_path(sparse.csr_array(X), range(1, 9), sample_weight=weight, random_state=0)
    assert_allclose(light.inertia, path.inertia, rtol=0.01)


def test_path_of_light_samples_too_far_out_for_a_rough_frame():
    X = np.random.default_rng(0).standard_normal((30_000, 2))
    X[1::30] *= 1e10
    path = inertia_path(X, [1, 3], random_state=0)
    fit = KMeansPP(3, random_state=0).fit(X)
    assert_allclose(path.inertia, [((X - X.mean(axis=0)) ** 2).sum(), fit.inertia_], rtol=0.1)


def test_elbow_of_made_curves():
    ks = np.arange(1, 13)
    assert find_elbow(ks, 1.0 / ks) is None
    assert find_elbow(ks, np.where(ks <= 4, 10.0**-ks, 4e-4 / ks)) == 4
    assert find_elbow([1, 2], [2.0, 1.0]) is None
    assert find_elbow(ks, np.zeros(12)) is None
    assert find_elbow([1, 2, 3, 4], [9.0, 1.0, 0.0, 0.0]) is None  # two points have no bend


@pytest.mark.parametrize("ks", [[], [0], [1, 200], [1.5], [True]])
def test_path_checks_its_numbers(ks):
    with pytest.raises((ValueError, TypeError), match="ks"):
        inertia_path(load_iris().data, ks)


def fit_one(seed):
    X, _ = make_blobs(20_000, centers=12, n_features=6, random_state=3)
    model = KMeansPP(12, random_state=seed).fit(X)
    return model.cluster_centers_


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_fits_at_once_are_fits_one_by_one(backend):
    alone = [fit_one(seed) for seed in range(6)]
    together = Parallel(n_jobs=3, backend=backend)(delayed(fit_one)(seed) for seed in range(6))
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one, other)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are not forked there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fits_in_a_forked_process():
    expected = fit_one(0)  # the parent has its threads by now
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for centers in pool.map(fit_one, [0, 0]):
            assert_array_equal(centers, expected)


def test_workers_of_joblib_share_the_cores(monkeypatch):
    from threadpoolctl import threadpool_limits

    from skextra._common._threads import available_threads

    with threadpool_limits(1, user_api="openmp"):
        assert available_threads() == 1
    counts = Parallel(n_jobs=2, backend="loky")(delayed(available_threads)() for _ in range(2))
    assert max(counts) <= max(1, available_threads() // 2)


def test_a_first_fit_imports_no_part_of_scikit_learn_that_it_does_not_use():
    code = (
        "import sys; import numpy as np; from skextra import KMeansPP;"
        "from skextra._common._threads import available_threads; available_threads();"
        "KMeansPP(2, random_state=0).fit(np.arange(20.0).reshape(10, 2));"
        "print('sklearn.cluster' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_composes_with_pipelines_searches_and_frames():
    X, y = load_iris(return_X_y=True, as_frame=True)
    pipe = make_pipeline(KMeansPP(random_state=0), LogisticRegression(max_iter=1000))
    search = GridSearchCV(pipe, {"kmeanspp__n_clusters": [3, 8]}, n_jobs=2).fit(X, y)
    assert search.best_score_ > 0.9
    model = KMeansPP(4, random_state=0).set_output(transform="pandas")
    names = [f"kmeanspp{i}" for i in range(4)]
    assert list(model.fit_transform(X).columns) == names == list(model.get_feature_names_out())


def test_callbacks_hear_every_iteration_and_may_stop():
    X = load_digits().data

    class Stop:
        setup = teardown = lambda *args, **kwargs: None

        def on_fit_task_begin(self, estimator, context):
            pass

        def __init__(self, after):
            self.after, self.seen = after, []

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.parent is None:
                return False
            self.seen.append(fitted_estimator.cluster_centers_)
            return len(self.seen) >= self.after

    stop = Stop(2)
    model = KMeansPP(10, refine=None, tol=0, random_state=0).set_callbacks(stop)
    model.fit(X)
    assert model.n_iter_ == 2 == len(stop.seen)
    assert_allclose(model.cluster_centers_, stop.seen[-1], rtol=1e-12)
    assert_array_equal(model.predict(X), model.labels_)
    pytest.importorskip("rich")
    KMeansPP(10, random_state=0).set_callbacks(ProgressBar()).fit(X)


def test_a_float32_stream_does_not_freeze():
    rng = np.random.default_rng(5)
    Y = (1e5 + np.r_[rng.normal(0, 1, 5000), rng.normal(3, 1, 20_000)]).astype(np.float32)[:, None]
    model = KMeansPP(1).partial_fit(Y[:5000])
    for start in range(5000, 25_000, 20):
        model.partial_fit(Y[start : start + 20])
    assert_allclose(model.cluster_centers_[0, 0], Y.astype(float).mean(), atol=0.01)


def test_a_stream_refuses_what_fit_refuses():
    X = load_iris().data
    model = KMeansPP(3, random_state=0).fit(X)
    state = dict(vars(model))
    for height in (1e200, 1.7e308):
        with pytest.raises(ValueError, match="scale it"):
            model.partial_fit(np.full((5, 4), height))
        assert vars(model) == state
    with pytest.raises(ValueError, match="n_clusters=4 differs from"):
        model.set_params(n_clusters=4).partial_fit(X)


def test_history_labels_are_exact_far_from_the_origin():
    Y = np.random.default_rng(0).normal(size=(500, 2)) + 1e8
    model = KMeansPP(3, random_state=0, store_history=True).fit(Y)
    assert_array_equal(model.history_.labels(Y, -1), model.labels_)
    with pytest.raises(ValueError, match="iteration=99"):
        model.history_.labels(Y, 99)
    with pytest.raises(ValueError, match="3 features"):
        model.history_.labels(np.ones((2, 3)), 0)


def test_path_of_few_samples():
    path = inertia_path(load_iris().data[:10], random_state=0)
    assert path.n_clusters[-1] == 10
    assert path.inertia[-1] < 1e-20


def test_best_run_is_the_one_that_callbacks_see_last():
    class Last:
        setup = teardown = lambda *args, **kwargs: None

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.parent is None:
                self.centers = fitted_estimator.cluster_centers_

    last = Last()
    options = {"init": "random", "refine": None, "n_init": 6, "tol": 0, "random_state": 1}
    model = KMeansPP(10, **options).set_callbacks(last).fit(load_digits().data)
    assert_allclose(last.centers, model.cluster_centers_)


def test_distances_that_overflow_are_refused_in_words():
    model = KMeansPP(2, random_state=0).fit(load_digits().data[:50])
    far = load_digits().data[:50].copy()
    far[7, 3] = 1e300
    with pytest.raises(ValueError, match=r"X goes up to 1e\+300, the square of which overflows"):
        model.transform(far)

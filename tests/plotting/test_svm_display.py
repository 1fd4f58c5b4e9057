"""SVMDisplay draws what the classifier says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from sklearn.datasets import load_iris, make_blobs  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402

from skextra import FeatureMapSVM  # noqa: E402
from skextra.plotting import SVMDisplay  # noqa: E402

LINE = np.array([-2, -1.8, 0.3, 0.6, 1, -1, -0.7, -0.6, -0.3, 2])[:, None]
SIDE = np.array([-1] * 5 + [1] * 5)
IRIS = load_iris(as_frame=True)


def cubic(X):
    return np.hstack([X, X**3 - 2 * X])


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def trick():
    return FeatureMapSVM(cubic, C=np.inf).fit(LINE, SIDE)


def test_a_line_and_its_plane(trick):
    display = SVMDisplay.from_estimator(trick, LINE, SIDE)
    line, plane = display.panels
    assert line.is_line
    assert not plane.is_line
    assert_array_equal(line.support_vectors, [[0.3, 0], [-0.3, 0]])
    assert_allclose(plane.support_vectors, cubic(np.array([[0.3], [-0.3]])))
    assert_allclose(plane.curve, cubic(line.x[:, None]))
    assert not line.violators.any()
    assert display.axes_[1].get_aspect() == 1
    assert display.widths_[0] is None
    arrow = display.widths_[1]
    ends = np.array([arrow.xy, arrow.xyann])
    assert_allclose(np.linalg.norm(ends[0] - ends[1]), trick.margin_[0])
    assert_allclose(ends @ trick.coef_[0] + trick.intercept_[0], [1, -1], atol=1e-12)
    texts = [text.get_text() for text in display.axes_[1].texts]
    assert "width 1.294" in texts


def test_lines_are_where_the_function_is(trick):
    display = SVMDisplay.from_estimator(trick, LINE, SIDE, space="map")
    assert_array_equal(display.lines_[0].levels, [-1, 0, 1])
    for level, paths in zip(display.lines_[0].levels, display.lines_[0].get_paths(), strict=True):
        values = paths.vertices @ trick.coef_[0] + trick.intercept_[0]
        assert_allclose(values, level, atol=1e-9)


def test_regions_are_predictions_in_a_plane_of_one_s_choice():
    X, y = IRIS.data, IRIS.target
    svm = FeatureMapSVM(random_state=0).fit(X, y)
    names = ["petal length (cm)", "sepal width (cm)"]
    display = SVMDisplay.from_estimator(svm, X, y, features=names, grid_resolution=20)
    ax = display.axes_[0]
    assert [ax.get_xlabel(), ax.get_ylabel()] == names
    (panel,) = display.panels
    grid = np.tile(np.median(X, axis=0), (400, 1))
    grid[:, 2], grid[:, 1] = (part.ravel() for part in np.meshgrid(panel.x, panel.y))
    expected = svm.predict(
        X.iloc[:0].reindex(range(400)).assign(**dict(zip(X, grid.T, strict=True)))
    )
    assert_array_equal(panel.decisions.argmax(axis=-1).ravel(), expected)
    assert_array_equal(display.surfaces_[0].get_array().ravel(), expected)
    assert display.lines_ == [None]
    assert_allclose(panel.samples, X[names])
    assert [len(part.get_offsets()) for part in display.samples_[0]] == [50, 50, 50]
    # squared hinge: what violates a margin is a support vector
    violators = X[panel.violators].drop_duplicates()
    assert_array_equal(np.unique(violators, axis=0), np.unique(svm.support_vectors_, axis=0))
    assert_allclose(display.support_vectors_[0].get_offsets(), X[names].iloc[svm.support_])
    other = SVMDisplay.from_estimator(svm, X, y, features=(2, 1), origin=X.iloc[0])
    assert not np.array_equal(other.panels[0].decisions[0, 0], panel.decisions[0, 0])


def test_linear_machine_shows_its_width_and_violators():
    X, y = make_blobs(80, centers=2, cluster_std=2.5, random_state=6)
    svm = FeatureMapSVM("identity", C=0.5, loss="hinge").fit(X, y)
    for data in (X, sparse.csr_array(X)):
        display = SVMDisplay.from_estimator(svm, data, y)
        assert display.widths_[0] is not None
        margins = np.where(y, 1, -1) * svm.decision_function(X)
        assert_array_equal(display.panels[0].violators, margins < 1 - 1e-6)
        assert 0 < len(display.violators_[0].get_offsets()) < len(svm.support_)
    figure, ax = pyplot.subplots()
    assert SVMDisplay.from_estimator(svm, X, y, ax=ax).figure_ is figure


@pytest.mark.parametrize("multi_class", ["ovr", "ovo"])
def test_the_model_is_shown_and_not_what_the_parameters_are_now(multi_class):
    X, y = make_blobs(200, centers=4, cluster_std=2.0, random_state=0)
    svm = FeatureMapSVM(multi_class=multi_class, random_state=0).fit(X, y)
    before = SVMDisplay.from_estimator(svm, X, y)
    other = "ovr" if multi_class == "ovo" else "ovo"
    svm.set_params(multi_class=other, feature_map="identity", gamma=9.0)
    after = SVMDisplay.from_estimator(svm, X, y)
    assert_array_equal(before.panels[0].violators, after.panels[0].violators)
    assert_array_equal(before.panels[0].decisions, after.panels[0].decisions)
    assert before.widths_ == after.widths_


@pytest.mark.parametrize("multi_class", ["ovr", "ovo"])
def test_the_plane_of_the_map_keeps_to_the_fit_too(multi_class):
    X, y = make_blobs(200, centers=4, cluster_std=2.0, random_state=0)
    svm = FeatureMapSVM("identity", multi_class=multi_class).fit(X, y)
    before = SVMDisplay.from_estimator(svm, X, y, space="map")
    svm.set_params(multi_class="ovr" if multi_class == "ovo" else "ovo")
    after = SVMDisplay.from_estimator(svm, X, y, space="map")
    assert_array_equal(before.panels[0].decisions, after.panels[0].decisions)


def test_what_cannot_be_drawn(trick):
    with pytest.raises(NotFittedError):
        SVMDisplay.from_estimator(FeatureMapSVM(), LINE, SIDE)
    X, y = IRIS.data.to_numpy(), IRIS.target
    svm = FeatureMapSVM("identity").fit(X, y)
    bad = {
        "space='plane' must be": {"space": "plane"},
        "draws maps of two features, but this one has 4": {"space": "map"},
        "two different features": {"features": (1, 1)},
        "names column 4": {"features": (0, 4)},
        "names 'a'": {"features": ("a", 1)},
        "grid_resolution=1": {"grid_resolution": 1},
        r"origin must hold a finite number for each of the 4 features, got shape \(2,\)": {
            "origin": [0, 0]
        },
    }
    for message, options in bad.items():
        with pytest.raises(ValueError, match=message):
            SVMDisplay.from_estimator(svm, X, y, **options)
    with pytest.raises(ValueError, match="has not seen"):
        SVMDisplay.from_estimator(svm, X, y + 1)
    with pytest.raises(ValueError, match="y has shape"):
        SVMDisplay.from_estimator(svm, X, y[:3])
    with pytest.raises(ValueError, match="there are 2 panels"):
        SVMDisplay.from_estimator(trick, LINE, SIDE, ax=pyplot.subplots()[1])


def test_samples_with_a_kernel_of_one_s_own_are_drawn_but_not_a_matrix():
    X, y = IRIS.data.to_numpy()[:, 2:], IRIS.target
    svm = FeatureMapSVM(kernel="laplacian", n_components=30, random_state=0).fit(X, y)
    (panel,) = SVMDisplay.from_estimator(svm, X, y, grid_resolution=20).panels
    grid = np.column_stack([part.ravel() for part in np.meshgrid(panel.x, panel.y)])
    assert_allclose(panel.decisions.reshape(400, 3), svm.decision_function(grid))
    assert len(panel.support_vectors) == len(svm.support_)
    matrix = FeatureMapSVM("precomputed").fit(X @ X.T, y)
    with pytest.raises(ValueError, match=r"of which feature_map='precomputed' knows only"):
        SVMDisplay.from_estimator(matrix.set_params(feature_map="rbf"), X @ X.T, y)


def test_maps_that_end_where_the_samples_do():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.1, 2, (60, 2))
    y = (X[:, 0] > X[:, 1]).astype(int)
    for kind in ("chi2", FunctionTransformer(positive_only)):
        display = SVMDisplay.from_estimator(FeatureMapSVM(kind).fit(X, y), X, y)
        assert np.isfinite(display.panels[0].decisions).all()


def positive_only(X):
    if (X < 0).any():
        raise ValueError("no negative values")
    return np.hstack([X, np.sqrt(X)])


def parabola(X):
    return np.hstack([X, X**2])


def sparse_parabola(X):
    return sparse.csr_array(parabola(X))


def test_maps_that_put_out_frames_or_sparse_arrays():
    X = np.random.default_rng(0).standard_normal((60, 1))
    y = np.abs(X[:, 0]) > 0.7
    frames = FeatureMapSVM(parabola).set_output(transform="pandas").fit(X, y)
    csr = FeatureMapSVM(FunctionTransformer(sparse_parabola)).fit(X, y)
    for svm in (frames, csr):
        display = SVMDisplay.from_estimator(svm, X, y)
        assert_allclose(display.panels[1].samples, parabola(X))


def test_unequal_scales_many_samples_and_no_plane_at_all():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4001, 2)) * [1, 1e4]
    y = X[:, 0] > 0.3 * rng.standard_normal(4001)
    svm = FeatureMapSVM("identity", store_support=False).fit(X, y)
    display = SVMDisplay.from_estimator(svm, X, y)
    assert display.axes_[0].get_aspect() == "auto"
    rings = display.panels[0].support_vectors
    assert {tuple(row) for row in rings} <= {tuple(row) for row in display.panels[0].samples}
    same = np.zeros((6, 2))
    flat = FeatureMapSVM("identity").fit(same, [0, 1] * 3)
    assert SVMDisplay.from_estimator(flat, same, [0, 1] * 3).widths_ == [None]
    with pytest.raises(ValueError, match="two different features"):
        SVMDisplay.from_estimator(svm, X, y, features=1)

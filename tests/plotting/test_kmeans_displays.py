"""KMeansTraceDisplay and ElbowDisplay draw what was computed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.animation import AbstractMovieWriter  # noqa: E402
from matplotlib.colors import to_rgba_array  # noqa: E402
from sklearn.datasets import load_iris, make_blobs  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402

from skextra import InertiaPath, KMeansPP, inertia_path  # noqa: E402
from skextra.plotting import ElbowDisplay, KMeansTraceDisplay  # noqa: E402

IRIS = load_iris()


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def fitted():
    """A fit of a dozen iterations: all three centres start in one species."""
    return KMeansPP(3, init=IRIS.data[:3], tol=0, store_history=True).fit(IRIS.data)


def colours_drawn(samples):
    return samples.get_facecolors()[:, :3]


def test_panels_show_the_history(fitted):
    display = KMeansTraceDisplay.from_estimator(
        fitted, IRIS.data, features=(2, 0), iterations=[0, 1, 4, -1]
    )
    history, n_iter = fitted.history_, fitted.n_iter_
    assert display.iterations_ == [0, 1, 4, n_iter]
    assert len(display.axes_) == len(display.figure_.axes) == 4
    for k, iteration in enumerate(display.iterations_):
        ax = display.axes_[k]
        when = f"iteration {iteration}" if iteration else "start"
        assert ax.get_title() == f"{when}\ninertia {history.inertia[iteration]:.5g}"
        assert_array_equal(display.samples_[k].get_offsets(), IRIS.data[:, [2, 0]])
        assert_array_equal(
            display.centers_[k].get_offsets(), history.centers[iteration][:, [2, 0]]
        )
        for cluster, trail in enumerate(display.trails_[k]):
            way = history.centers[: iteration + 1, cluster][:, [2, 0]]
            assert_array_equal(trail.get_xydata(), way)
        # a sample has the colour of its centre
        of_centres = to_rgba_array(display.centers_[k].get_facecolors())[:, :3]
        labels = history.labels(IRIS.data, iteration)
        assert_allclose(colours_drawn(display.samples_[k]), of_centres[labels])
        assert len(np.unique(of_centres, axis=0)) == 3


def test_limits_hold_samples_and_the_way_of_the_centres():
    X = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 5.0]])
    far = np.array([[-20.0, 0.0], [9.0, 30.0]])
    fit = KMeansPP(2, init=far, store_history=True).fit(X)
    for ax in KMeansTraceDisplay.from_estimator(fit, X).axes_:
        assert ax.get_xlim()[0] < -20 < 9 < ax.get_xlim()[1]
        assert ax.get_ylim()[0] < 0 < 30 < ax.get_ylim()[1]


def test_at_most_eight_panels_with_both_ends(fitted):
    display = KMeansTraceDisplay.from_estimator(fitted, IRIS.data)
    assert fitted.n_iter_ > 8
    assert len(display.axes_) == 8
    assert display.iterations_[0] == 0
    assert display.iterations_[-1] == fitted.n_iter_
    assert display.iterations_ == sorted(set(display.iterations_))
    steps = np.diff(display.iterations_)
    assert steps.max() - steps.min() <= 1


@pytest.mark.parametrize("n", [1, 2, 5, 7, 9])
def test_only_outer_panels_have_labels(fitted, n):
    display = KMeansTraceDisplay.from_estimator(fitted, IRIS.data, iterations=range(n))
    assert len(display.figure_.axes) == n
    columns = display.axes_[0].get_gridspec().ncols
    for k, ax in enumerate(display.axes_):
        assert bool(ax.get_xlabel()) == (k >= n - columns)
        assert bool(ax.get_ylabel()) == (k % columns == 0)


def test_features_by_name_and_the_names_on_the_axes():
    pytest.importorskip("pandas")
    X = load_iris(as_frame=True).data
    fit = KMeansPP(2, random_state=0, store_history=True).fit(X)
    names = ["petal width (cm)", "sepal length (cm)"]
    display = KMeansTraceDisplay.from_estimator(fit, X, features=names, iterations=0)
    assert display.axes_[0].get_xlabel() == names[0]
    assert display.axes_[0].get_ylabel() == names[1]
    assert_array_equal(display.samples_[0].get_offsets(), X[names])
    mixed = KMeansTraceDisplay.from_estimator(fit, X, features=(3, names[1]), iterations=0)
    assert mixed.feature_names == names
    with pytest.raises(ValueError, match=r"features holds 'width'.*sepal length"):
        KMeansTraceDisplay.from_estimator(fit, X, features=("width", 0))


def test_directions_are_drawn_as_unit_vectors():
    longer = IRIS.data * np.arange(1, 151)[:, None]
    fit = KMeansPP(3, metric="cosine", init=longer[:3], tol=0, store_history=True).fit(longer)
    display = KMeansTraceDisplay.from_estimator(fit, longer, features=(0, 2), iterations=[0, -1])
    unit = IRIS.data / np.linalg.norm(IRIS.data, axis=1, keepdims=True)
    assert_allclose(display.samples_[0].get_offsets(), unit[:, [0, 2]])
    assert_array_equal(display.centers_[1].get_offsets(), fit.cluster_centers_[:, [0, 2]])
    assert_array_equal(display.labels[-1], fit.labels_)
    assert display.axes_[1].get_title().endswith(f"inertia {fit.inertia_:.5g}")


def test_columns_without_names(fitted):
    display = KMeansTraceDisplay.from_estimator(fitted, IRIS.data, features=(1, 3), iterations=0)
    assert display.axes_[0].get_xlabel() == "feature 1"
    assert display.axes_[0].get_ylabel() == "feature 3"
    for features, message in [
        ((0, 4), "columns from 0 to 3"),
        ((-1, 0), "columns from 0 to 3"),
        ((0, 1, 2), "must be two"),
        ("ab", "must be two"),
        (("a", "b"), "fitted without names"),
    ]:
        with pytest.raises(ValueError, match=message):
            KMeansTraceDisplay.from_estimator(fitted, IRIS.data, features=features)
    with pytest.raises(TypeError):
        KMeansTraceDisplay.from_estimator(fitted, IRIS.data, features=(0.5, 1))


def test_errors_name_the_remedy(fitted):
    with pytest.raises(NotFittedError):
        KMeansTraceDisplay.from_estimator(KMeansPP(3, store_history=True), IRIS.data)
    forgetful = KMeansPP(3, random_state=0).fit(IRIS.data)
    with pytest.raises(ValueError, match="store_history=True"):
        KMeansTraceDisplay.from_estimator(forgetful, IRIS.data)
    with pytest.raises(ValueError, match="2 features"):
        KMeansTraceDisplay.from_estimator(fitted, IRIS.data[:, :2])
    with pytest.raises(ValueError, match=f"iterations holds 99.* {fitted.n_iter_}, the end"):
        KMeansTraceDisplay.from_estimator(fitted, IRIS.data, iterations=[0, 99])
    with pytest.raises(ValueError, match="iterations is empty"):
        KMeansTraceDisplay.from_estimator(fitted, IRIS.data, iterations=[])
    _, axes = pyplot.subplots(1, 2)
    with pytest.raises(ValueError, match="ax holds 2 Axes, but there are 3"):
        KMeansTraceDisplay.from_estimator(fitted, IRIS.data, iterations=[0, 1, 2], ax=axes)
    before = pyplot.get_fignums()
    with pytest.raises(ValueError, match="iterations holds"):
        KMeansTraceDisplay.from_estimator(fitted, IRIS.data, iterations=99)
    assert pyplot.get_fignums() == before


def test_axes_of_the_caller(fitted):
    figure, axes = pyplot.subplots(2, 2)
    display = KMeansTraceDisplay.from_estimator(
        fitted, IRIS.data, iterations=[0, 1, 2, 3], ax=axes, s=3
    )
    assert display.figure_ is figure
    assert_array_equal(display.axes_, axes.ravel())
    assert_array_equal(display.samples_[0].get_sizes(), [3])
    assert pyplot.get_fignums() == [figure.number]
    alone = display.plot(axes[0, 0], iterations=-1)
    assert list(alone.axes_) == [axes[0, 0]]


def test_many_samples_and_sparse_ones_and_many_clusters():
    X, _ = make_blobs(7001, centers=3, random_state=0)
    fit = KMeansPP(9, random_state=0, max_iter=2, store_history=True).fit(X)
    display = KMeansTraceDisplay.from_estimator(fit, X)
    assert_array_equal(display.samples, X[::3])
    assert_array_equal(display.labels[-1], fit.labels_[::3])
    shades = display.centers_[-1].get_facecolors()
    assert_array_equal(shades[7:], shades[:2])  # seven colours, then again
    same = KMeansTraceDisplay.from_estimator(fit, sparse.csr_matrix(X))
    assert_array_equal(same.samples, display.samples)
    assert_array_equal(same.labels, display.labels)


def test_one_feature_drawn_against_itself():
    X = np.array([[1.0], [1.0]])
    fit = KMeansPP(1, store_history=True).fit(X)
    display = KMeansTraceDisplay.from_estimator(fit, X, features=(0, 0))
    low, high = display.axes_[0].get_xlim()
    assert low < 1 < high  # of samples all alike, too


class Witness(AbstractMovieWriter):
    """A writer that notes what there is to see in place of writing it."""

    def __init__(self, display):
        super().__init__()
        self.display, self.seen = display, []

    def setup(self, fig, outfile, dpi=None):
        super().setup(fig, outfile, dpi)

    def grab_frame(self, **savefig_kwargs):
        self.seen.append(
            (
                self.display.axes_[0].get_title(),
                self.display.centers_[0].get_offsets().copy(),
                self.display.trails_[0][0].get_xydata().copy(),
                colours_drawn(self.display.samples_[0]).copy(),
            )
        )

    def finish(self):
        pass


def test_animation_shows_every_iteration(fitted, tmp_path):
    history = fitted.history_
    display = KMeansTraceDisplay.from_estimator(fitted, IRIS.data, iterations=0)
    animation = display.animate(interval=50)
    assert animation.event_source.interval == 50
    witness = Witness(display)
    animation.save(str(tmp_path / "none"), writer=witness)
    assert len(witness.seen) == history.n_iter + 1
    for iteration, (title, centers, trail, shades) in enumerate(witness.seen):
        assert title.startswith(f"iteration {iteration}\n" if iteration else "start\n")
        assert_array_equal(centers, history.centers[iteration][:, :2])
        assert_array_equal(trail, history.centers[: iteration + 1, 0, :2])
        labels = history.labels(IRIS.data, iteration)
        assert len(np.unique(shades, axis=0)) == len(np.unique(labels))


def test_animation_on_axes_of_the_caller(fitted):
    display = KMeansTraceDisplay.from_estimator(fitted, IRIS.data, iterations=0)
    figure, ax = pyplot.subplots()
    animation = display.animate(ax)
    assert display.figure_ is figure
    assert display.axes_[0] is ax
    assert "<img" in animation.to_jshtml(default_mode="once")


@pytest.fixture
def path():
    return InertiaPath(np.array([1, 2, 3, 4]), np.array([100.0, 50.0, 10.0, 9.0]), 3, [])


def test_elbow_is_marked(path):
    display = ElbowDisplay.from_path(path)
    assert_array_equal(display.line_.get_xdata(), path.n_clusters)
    assert_array_equal(display.line_.get_ydata(), path.inertia)
    assert_array_equal(display.elbow_line_.get_xdata(), [3, 3])
    assert_array_equal(display.elbow_point_.get_xydata(), [[3, 10]])
    (text,) = display.ax_.get_legend().get_texts()
    assert text.get_text() == "elbow at 3 clusters"
    assert display.ax_.get_xlabel() == "Number of clusters"
    assert display.ax_.get_ylabel() == "Inertia"
    assert display.ax_.get_ylim()[0] == 0
    ticks = display.ax_.get_xticks()
    assert_array_equal(ticks, ticks.round())


def test_no_elbow_is_said(path):
    display = ElbowDisplay(path.n_clusters, path.inertia).plot(label="mine")
    assert display.elbow_line_ is None
    assert display.elbow_point_ is None
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["mine", "no elbow"]


@pytest.mark.parametrize(
    "first, last, expected",
    [(1, 4, [1, 2, 3, 4]), (3, 4, [3, 4]), (1, 20, [1, 2, 5, 10, 20]), (30, 300, [50, 100, 200])],
)
@pytest.mark.parametrize("perfect", [False, True])
def test_logarithmic_axes_with_whole_numbers(first, last, expected, perfect):
    ks = np.arange(first, last + 1)
    inertia = 1.0 / ks
    if perfect:
        inertia[-1] = 0.0
    display = ElbowDisplay(ks, inertia).plot(log=True)
    ax = display.ax_
    assert ax.get_xscale() == ax.get_yscale() == "log"
    display.figure_.canvas.draw()
    low, high = ax.get_xlim()
    shown = [
        label.get_text()
        for tick, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
        if low <= tick <= high
    ]
    assert shown == [str(k) for k in expected]
    assert not any(label.get_text() for label in ax.get_xticklabels(minor=True))


def test_elbow_of_data():
    X, _ = make_blobs(300, centers=5, random_state=3)
    weight = np.linspace(1, 2, 300)
    _, ax = pyplot.subplots()
    display = ElbowDisplay.from_data(
        X, range(1, 9), sample_weight=weight, random_state=0, ax=ax, color="black"
    )
    direct = inertia_path(X, range(1, 9), sample_weight=weight, random_state=0)
    assert_array_equal(display.n_clusters, direct.n_clusters)
    assert_array_equal(display.inertia, direct.inertia)
    assert display.elbow == direct.elbow == 5
    assert display.ax_ is ax
    assert display.line_.get_color() == "black"

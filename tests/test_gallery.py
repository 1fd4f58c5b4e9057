"""The gallery's pages run, and show the numbers of the problems that they solve."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def run(name):
    (path,) = EXAMPLES.glob(f"*/{name}.py")
    return runpy.run_path(str(path))


def test_every_page_has_a_test():
    pages = {path.stem for path in EXAMPLES.glob("*/plot_*.py")}
    assert len(pages) > 20
    source = Path(__file__).read_text(encoding="utf-8")
    assert not {page for page in pages if f'run("{page}")' not in source}


def test_lms_lab():
    page = run("plot_lms_lab")
    assert page["X"].shape == (100, 3)
    assert_allclose(page["wiener"].coef_, [1, 1, -2], atol=5e-3)
    assert_allclose(page["wiener_mse"], 1e-4, rtol=0.2)
    floor = page["wiener_mse"]
    ends = [page["models"][rate].loss_curve_[-1] for rate in (0.005, 0.01, 0.05, 0.1, 0.5)]
    assert all(len(model.loss_curve_) == 20 for model in page["models"].values())
    assert floor < ends[0] < 1.01 * floor
    assert ends == sorted(ends)
    assert ends[-1] > 3 * floor
    assert page["loop_difference"] < 1e-12
    assert np.isinf(page["diverged"].loss_curve_[-1])
    assert "learning_rate=1;" in page["divergence_message"]
    assert page["stability"].guaranteed_bound < 0.5
    assert 0.5 < page["critical_rate"] < 1
    assert page["largest_gap"] < 0.02


def test_noise_cancelling():
    page = run("plot_noise_cancelling")
    assert page["snr_before"] < -10
    assert page["snr_after"] > 15


def test_system_identification():
    page = run("plot_system_identification")
    for name, tolerance in (("white", 0.1), ("coloured", 0.05)):
        assert_allclose(
            page["measured_decay"][name], page["predicted_decay"][name], rtol=tolerance
        )
    for key, predicted in page["predicted_misadjustment"].items():
        if key == ("coloured", 0.2):  # the bound of theory fails: bursts
            assert page["measured_misadjustment"][key] > 10 * predicted
        else:
            assert_allclose(page["measured_misadjustment"][key], predicted, rtol=0.25)


def test_tracking():
    page = run("plot_tracking")
    drift = {name: excess["drift"] for name, excess in page["excess_db"].items()}
    forgetful = [value for name, value in drift.items() if name != "RLS, no forgetting"]
    memory = drift["RLS, no forgetting"]
    assert max(forgetful) < -5 < 0 < memory


def test_adaline_logic():
    page = run("plot_adaline_logic")
    assert page["hand_correct"] == {
        ("OR", (1, 1, 1)): True,
        ("OR", (2, 2, 1)): True,
        ("NAND", (1, -1, -1)): True,
        ("majority of three", (0, 1, 1, 1)): True,
    }
    assert set(page["learnt_accuracy"].values()) == {1.0}
    accuracy = page["iris_accuracy"]
    assert accuracy[False, False] < 0.6 < 0.8 < accuracy[True, True]


def test_kmeans_steps():
    page = run("plot_kmeans_steps")
    bad, plus, default = page["bad"], page["plus"], page["default"]
    assert bad.inertia_ > 2 * plus.inertia_
    assert_allclose(default.inertia_, plus.inertia_, rtol=1e-3)
    for fit in (bad, plus, default):
        assert np.all(np.diff(fit.history_.inertia) <= 1e-9 * fit.history_.inertia[0])
    assert bad.history_.n_changed[-1] == 0
    assert page["film"].to_jshtml().count("data:image/png") == len(bad.history_.inertia)
    assert plus.history_.n_changed[-1] == 0
    assert len(page["display"].axes_) == min(plus.n_iter_ + 1, 8)
    near = page["near"]
    assert {near[2, start] for start in page["starts"]} == {1.0}
    assert near[3, "random"] < 0.75 < near[3, "k-means++"] == near[3, "default"] == 1
    assert near[4, "default"] == 1 > near[4, "random"]
    assert len(set(page["outcomes"][4, "random"].round(1))) > 5
    ends = page["grid_inertia"]
    ours, restarts = ends["KMeansPP"], ends["KMeans, n_init=10"]
    assert_allclose(ours, restarts.min(), rtol=1e-6)
    assert ends["KMeans"].mean() > 1.02 * ours.mean()
    assert ends["KMeans, random start"].min() > 1.2 * ours.mean()


def test_kmeans_images(monkeypatch, tmp_path):
    monkeypatch.delenv("SKEXTRA_MNIST", raising=False)
    page = run("plot_kmeans_images")
    assert page["centroids"].shape == (10, 8, 8)
    assert page["counts"].sum() == 1797
    assert page["counts"].sum(axis=0).tolist() == np.bincount(page["y"]).tolist()
    assert sorted(page["sizes"]) == sorted(np.bincount(page["clusters"].labels_))
    assert 0.75 < page["purity"] < 0.85
    assert 0.6 < page["agreement"] < 0.75
    inertia = page["inertia"]
    assert inertia["KMeansPP"].max() < 1.002 * page["lowest"] < inertia["KMeans"].mean()
    assert min(page["together"][digit] for digit in (0, 4, 6)) > 0.9
    assert max(page["together"][digit] for digit in (1, 8)) < 0.6

    # the same page on a file laid out as MNIST is
    images = np.zeros((len(page["X"]), 28, 28), np.uint8)
    images[:, 2:26, 2:26] = np.kron(page["X"].reshape(-1, 8, 8), np.ones((3, 3))).astype(np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=page["y"].astype(np.uint8))
    monkeypatch.setenv("SKEXTRA_MNIST", str(tmp_path / "mnist.npz"))
    large = run("plot_kmeans_images")
    assert large["centroids"].shape == (10, 28, 28)
    assert_allclose(large["lowest"], 9 * page["lowest"], rtol=1e-3)


def test_kmeans_elbow():
    page = run("plot_kmeans_elbow")
    paths = page["paths"]
    assert paths["five groups"].elbow == 5
    assert paths["no groups"].elbow is None
    assert_allclose(page["slope"], -1, atol=0.15)
    assert page["found"] <= 2
    widths = page["elbow_by_width"]
    assert [widths[width] for width in (0.5, 1.0, 1.5)] == [5, 5, 5]
    assert widths[2.5] is None
    assert widths[3.0] is None
    assert set(page["iris_elbows"].values()) == {3}
    assert max(page["silhouettes"], key=page["silhouettes"].get) == 2


def test_kmeans_outlier():
    page = run("plot_kmeans_outlier")
    assert_allclose(page["one"].inertia_, 1505 / 6)
    assert_allclose(page["by_hand"][-1], 6 / 5 * (85 / 6) ** 2)
    assert_allclose(page["influence_of_one"], page["by_hand"])
    assert_allclose(page["fall"], page["by_hand"])
    assert_allclose(page["two"].inertia_, 10)
    assert_allclose(page["influence_of_two"], [5, 1.25, 0, 1.25, 5, 0], atol=1e-12)
    assert page["outlier"] == 100
    assert page["influence"][100] > 5 * page["runner_up"]
    assert page["stayed"].all()
    assert page["difference"] < 1e-10


def test_kmeans_texts():
    page = run("plot_kmeans_texts")
    right = page["cosine"].labels_.reshape(3, 60)
    assert (right == right[:, :1]).mean() > 0.97  # the directions overlap a little
    assert len(np.unique(right[:, 0])) == 3
    wrong = page["fits"]["euclidean"].labels_.reshape(3, 60)
    assert (wrong == wrong[:, :1]).mean() < 0.9
    assert_allclose(page["cosine"].inertia_, page["by_hand"])
    assert len(page["texts"]) > 300
    assert page["largest"]["euclidean"] > 0.5 * len(page["texts"])
    assert page["largest"]["cosine"] < 0.3 * len(page["texts"])
    assert page["agreement"]["cosine"] > page["agreement"]["euclidean"] + 0.1
    assert "tree" in page["topic"]
    assert page["distances"].argmin() == page["nearest"]


def test_tour(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["tour.py", str(tmp_path)])
    monkeypatch.syspath_prepend(EXAMPLES)
    runpy.run_path(str(EXAMPLES / "tour.py"), run_name="__main__")
    printed = capsys.readouterr().out
    for name in (
        "LMSRegressor",
        "Adaline",
        "SGDRegressor",
        "Madaline",
        "KMeansPP",
        "FeatureMapSVM",
        "CNNClassifier",
        str(tmp_path),
    ):
        assert name in printed
    assert len(list(tmp_path.glob("*.png"))) >= 3


def test_madaline_xor():
    page = run("plot_madaline_xor")
    assert page["hidden"].tolist() == [[1, 1], [1, -1], [-1, 1], [1, 1]]
    assert page["outputs"].tolist() == [-1, 1, 1, -1]
    assert page["learnt"].predict(page["X"]).tolist() == [0, 1, 1, 0]
    assert page["solved"] == 50
    assert page["stages"][-1][0] == 0
    assert len(page["stages"]) > 10


def test_madaline_starts():
    page = run("plot_madaline_starts")
    assert page["solved"]["restarts (default)"] == [1.0] * 7
    assert page["solved"]["as published"][0] < 0.6
    assert page["solved"]["first start alone"][0] < 0.2
    assert page["solved"]["first start alone"][-1] == 1.0
    assert page["starts"][24] < page["starts"][4]
    assert page["example"].loss_curve_[-1] == 0


def test_mapping_trick():
    page = run("plot_mapping_trick")
    assert_allclose(page["svm"].coef_[0], page["exact"], rtol=1e-12)
    svm = page["svm"]
    assert_allclose(svm.margin_, 1.2935672, rtol=1e-7)
    assert_allclose(svm.intercept_, 0, atol=1e-12)
    assert_allclose(sorted(svm.support_vectors_.ravel()), [-0.3, 0.3])
    assert_allclose(sorted(svm.dual_coef_.ravel()), [-1.1952315, 1.1952315], rtol=1e-7)
    assert "no plane separates the classes" in page["on_the_line"]
    assert_allclose(page["best_distance"], 1.2935672 / 2, rtol=1e-7)
    assert page["flat_distance"] < page["best_distance"]
    assert page["soft"].score(page["X"], page["y"]) == 1.0


def test_rbf_svm(monkeypatch):
    monkeypatch.delenv("SKEXTRA_MNIST", raising=False)
    page = run("plot_rbf_svm")
    accuracies = dict(zip(page["sizes"], page["accuracies"], strict=True))
    assert accuracies[800] > page["peer_accuracy"] - 0.005
    assert accuracies[50] < accuracies[200] - 0.01
    assert page["peer_accuracy"] > 0.98


def test_own_kernel():
    page = run("plot_own_kernel")
    accuracies = dict(zip(page["lengths"], page["accuracies"], strict=True))
    assert accuracies[2] < 0.65
    assert accuracies[5] > accuracies[4] > accuracies[3] > accuracies[2]
    assert min(accuracies[length] for length in (5, 6, 7, 8)) > 0.95
    assert page["landmark_accuracy"] > 0.85
    scores = page["scores"]
    assert scores["the function"] == scores["its name"] > 0.91
    assert scores["the Gaussian"] > scores["its name"]


def test_cnn_digits():
    page = run("plot_cnn_digits")
    scores, stands = page["test_scores"], page["stands"]
    assert min(scores.values()) > 0.95
    assert max(scores, key=scores.get) == "batch norm"
    assert scores["batch norm"] > page["svc_score"] + 0.005
    gaps = {name: page["train_scores"][name] - score for name, score in scores.items()}
    assert all(-0.005 < gap < 0.02 for gap in gaps.values())
    assert all(len(page["networks"][name].history_["val_accuracy"]) == 10 for name in scores)
    confused = page["confusion"].confusion_matrix
    assert confused.sum() == 719
    assert confused.trace() == round(scores["and augmentation"] * 719)
    history = page["networks"]["and augmentation"].history_
    assert history["loss"][-1] > history["val_loss"][-1]
    # Moved digits: dense layers fall, convolutions less, augmentation least.
    assert stands["dense layers"][1] < stands["plain"][1] < stands["and augmentation"][1]
    assert stands["and augmentation"][1] > 0.95
    assert stands["dense layers"][2] < 0.5
    wrong = page["wrong"].found
    assert_allclose(wrong.predicted, page["predicted"][wrong.indices])
    assert (wrong.predicted != page["y_test"][wrong.indices]).all()
    assert len(page["wrong"].axes_) == 10
    assert page["table"]["conv2"].parameters == 32 * 64 * 9
    assert page["wrong"].found.n_wrong == round((1 - scores["and augmentation"]) * 719)


def test_cnn_anatomy():
    page = run("plot_cnn_anatomy")
    assert (page["one_row"].parameters, page["one_row"].output_shape) == (6288, (10, 10, 16))
    assert page["dense_table"].trainable == 1031
    assert [row.parameters for row in page["pair_table"].rows] == [294912, 1179648]
    assert [row.macs for row in page["pair_table"].rows] == [301989888, 1207959552]
    assert {row.output_shape[:2] for row in page["pair_table"].rows} == {(32, 32)}
    assert page["macs"] == [1228800, 665856, 903168, 9216, 320]
    assert page["parameters"] == [1200, 2304, 25088, 9216 + 32, 320 + 10]
    shapes = {row.name: (row.input_shape, row.output_shape) for row in page["rows"]}
    assert shapes["conv1"] == ((32, 32, 3), (32, 32, 16))
    assert shapes["conv2"] == ((15, 15, 16), (17, 17, 16))
    assert shapes["conv3"] == ((8, 8, 16), (6, 6, 32))
    kernels = [row.kernel_shape for row in page["rows"]]
    assert kernels == [(5, 5, 3, 16), (3, 3, 16, 16), (7, 7, 16, 32), (288, 32), (32, 10)]
    assert page["sees"] == {1: (3, 3), 2: (5, 5), 4: (9, 9)}
    assert list(page["fields"].values()) == [(5, 5), (12, 12), (40, 40)]


def test_convolution_matrix():
    page = run("plot_convolution_matrix")
    assert page["two_filters"].toarray()[:2].tolist() == [[1, 2, 3, 0], [10, 20, 30, 0]]
    assert page["banded"].toarray().tolist() == [[1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]]
    assert page["stepped"].toarray().tolist() == [[1, 2, 3, 0, 0], [0, 0, 1, 2, 3]]
    assert page["padded"].toarray()[[0, -1]].tolist() == [[2, 3, 0, 0, 0], [0, 0, 0, 1, 2]]
    places = [np.flatnonzero(row).tolist() for row in page["in_2d"].toarray()]
    assert places == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    assert page["two_channels"].toarray()[0].tolist() == [1, 10, 2, 20, 3, 30, 0, 0]
    assert page["difference"] < 1e-5
    assert page["gradient_difference"] < 1e-4
    # Sobel's kernel on one place of the photograph, by hand.
    photo, maps = page["photo"], page["maps"]
    window = photo[99:102, 149:152]
    kernels = (page["sobel"], page["sobel"].T, page["neighbours"])
    expected = [(kernel * window).sum() for kernel in kernels]
    assert_allclose(maps[100, 150], expected, atol=1e-5)
    corner = photo[0, 0] - 0.5 * (photo[0, 1] + photo[1, 0])  # zeros beyond the rim
    assert_allclose(maps[0, 0, 2], corner, atol=1e-5)


def test_cnn_inside():
    page = run("plot_cnn_inside")
    assert page["accuracy"] > 0.92
    assert {name: found.shape for name, found in page["maps"].maps.items()} == {
        "conv1": (8, 8, 5), "conv2": (4, 4, 5),
    }  # fmt: skip
    assert page["filters"].kernel.shape == (3, 3, 1, 16)
    assert list(page["weights"].histograms) == list(page["gradients"].histograms)
    zeros = {name: histogram.zeros for name, histogram in page["stuck"].items()}
    assert zeros.pop("output/bias") == 0
    assert set(zeros.values()) == {1.0}
    assert page["zero"].score(page["X_test"], page["y_test"]) < 0.15
    found = page["wrong"].found
    assert len(found) == 10
    assert_allclose(found.images[..., 0], page["X_test"][found.indices])


def test_cnn_compression():
    page = run("plot_cnn_compression")
    assert page["folding"].accuracy_after == page["folding"].accuracy_before > 0.97
    assert page["folding"].max_difference < 1e-4
    assert page["int8"].ratio > 3.8
    assert abs(page["int8"].accuracy_after - page["int8"].accuracy_before) < 0.005
    assert page["seconds_before"] > 3.8 * page["seconds_after"]
    assert page["clusters"].ratio > 7
    assert abs(page["clusters"].accuracy_after - page["clusters"].accuracy_before) < 0.01
    assert page["best"][64] == 8
    reports = page["display"].reports
    assert reports[2].accuracy_after < reports[8].accuracy_after - 0.1
    assert reports[8].accuracy_after > reports[8].accuracy_before - 0.01


def test_neighbours():
    page = run("plot_neighbours")
    assert page["answers"] == {1: [1, 0], 3: [0, 1], 5: [1, 1]}
    assert_allclose(page["distances"][1, :2], 0.3125**0.5)
    assert_allclose(page["distances"][0, 0], 0.559, atol=5e-4)
    assert page["tied"].tolist() == [False, True]
    assert sorted(page["y"][page["neighbours"][1, :2]]) == [0, 1]
    assert page["backwards"].tolist() == [1, 1]


def test_backpropagation():
    page = run("plot_backpropagation")
    assert page["hidden"].tolist() == [0, 7]
    assert page["output"].tolist() == [15, 8]
    assert page["loss"] == page["keras_loss"] == 116
    expected = {
        "W1": [[0, 0, 0], [34, 34, -34]],
        "b1": [0, 34],
        "W2": [[0, 98], [0, 42]],
        "b2": [14, 6],
    }
    for name, gradient in expected.items():
        assert page["gradients"][name].tolist() == gradient
        assert_allclose(page["keras_gradients"][name], gradient)
    assert page["largest"] < 1e-8
    zeros = {name: h.zeros for name, h in page["zero_gradients"].histograms.items()}
    assert zeros.pop("output/bias") == 0
    assert set(zeros.values()) == {1.0}
    assert max(h.zeros for h in page["usual_gradients"].histograms.values()) < 0.3
    assert page["zero_score"] < 0.15 < 0.9 < page["usual_score"]
    assert {h.zeros for h in page["zero_weights"].histograms.values()} == {1.0}
    bound = (6 / (64 + 64)) ** 0.5  # of Glorot's uniform start
    start = page["usual_weights"].histograms["dense1/kernel"].values
    assert 0.99 * bound < np.abs(start).max() <= bound


def test_cnn_training():
    page = run("plot_cnn_training")
    losses = {size: network.loss_curve_[-1] for size, network in page["by_batch"].items()}
    assert losses[4] < 0.1 * losses[32] < losses[32] < 0.1 * losses[600]
    momentum = {name: network.loss_curve_[-1] for name, network in page["by_momentum"].items()}
    assert momentum[0.9] < momentum[0.5] < momentum[0.0]
    norms = page["norms"]
    assert norms[1e-2] < norms[1e-3] < norms[0.0]
    scores = page["scores"]
    assert min(scores, key=scores.get) == "one network"


def test_batch_norm():
    page = run("plot_batch_norm")
    assert_allclose(page["normalised"], [[-1, 1, 1, -1]] * 3, atol=1e-8)
    assert_allclose(page["shifted"][1], [-11, -9, -9, -11], atol=1e-8)
    assert_allclose(page["shifted"][2], [9, 11, 11, 9], atol=1e-8)
    assert_allclose(page["by_keras"], page["shifted"], atol=1e-12)
    assert page["difference"] < 1e-12
    assert page["weights_agree"]
    networks = page["networks"]
    assert np.all(networks["batch norm"].loss_curve_ < 0.75 * networks["plain"].loss_curve_)


def test_weight_budget():
    page = run("plot_weight_budget")
    assert page["budget"] == {(9, 32): (9216, 36864), (3, 128): (36864, 147456)}
    assert page["table_of_64"] == {2: 16, 4: 32, 8: 56, 16: 96, 32: 168}
    assert page["most"][64] == 8
    for whole, quarter in page["fetch"].values():
        assert whole == 4 * quarter

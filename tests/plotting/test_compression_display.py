"""CompressionDisplay shows what the reports say."""

import numpy as np
import pytest
from cnn_cases import SMALL
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from skextra import CNNClassifier
from skextra.cnn import cluster_weights, quantize_int8
from skextra.plotting import CompressionDisplay

plt = pytest.importorskip("matplotlib.pyplot")
X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(**SMALL).fit(X[:600], Y[:600])


def test_curve_and_points(cnn):
    _, ax = plt.subplots()
    display = CompressionDisplay.from_estimator(
        cnn, X[600:], Y[600:], n_clusters=(16, 2, 4), random_state=0, ax=ax
    )
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert list(display.reports) == [2, 4, 16]
    expected = [
        cluster_weights(cnn, k, random_state=0)[0].score(X[600:], Y[600:]) for k in (2, 4, 16)
    ]
    assert_allclose(display.line_.get_ydata(), expected)
    sizes = [report.bytes_after for report in display.reports.values()]
    assert display.line_.get_xdata().tolist() == sizes == sorted(sizes)
    small, _ = quantize_int8(cnn)
    whole, int8 = display.points_
    assert whole.get_ydata() == [cnn.score(X[600:], Y[600:])]
    assert whole.get_xdata() == [sum(w.nbytes for w in cnn.weights_)]
    assert int8.get_ydata() == [small.score(X[600:], Y[600:])]
    assert [text.get_text() for text in ax.texts] == ["2", "4", "16"]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["clustered weights", "as it was", "int8"]
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "bytes of weights"
    low, high = ax.get_ylim()
    assert low < min(expected)
    assert high > max(expected)
    plt.close("all")


def test_numbers_of_clusters(cnn):
    small = CNNClassifier(**{**SMALL, "filters": 2}).fit(X[:200], Y[:200])
    display = CompressionDisplay.from_estimator(small, X[600:], Y[600:], random_state=0)
    assert list(display.reports) == [2, 4, 8, 16]  # its convolution has 18 weights
    plt.close("all")
    with pytest.raises(ValueError, match="'conv1' has 18 distinct weights"):
        CompressionDisplay.from_estimator(small, X[600:], Y[600:], n_clusters=(2, 32))


def test_without_int8_and_without_accuracies(cnn):
    reports = {4: cluster_weights(cnn, 4, X[600:], Y[600:], random_state=0)[1]}
    display = CompressionDisplay(reports).plot()
    assert len(display.points_) == 1
    plt.close("all")
    bare = {4: cluster_weights(cnn, 4, random_state=0)[1]}
    for wrong in (bare, {}):
        with pytest.raises(ValueError, match="needs reports with accuracies"):
            CompressionDisplay(wrong).plot()
    assert not plt.get_fignums()

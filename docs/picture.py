"""Draw the figures of the README and of the front page: docs/_static/skextra*.png."""

import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning

from skextra import CNNClassifier, FeatureMapSVM, KMeansPP, LMSRegressor, Madaline
from skextra.cnn import fold_batch_norm
from skextra.plotting import (
    AdalineRegionDisplay,
    CompressionDisplay,
    FeatureMapDisplay,
    KMeansTraceDisplay,
    LossCurveDisplay,
    SVMDisplay,
)


def curve(X):
    """Return the mapped samples of the panel of FeatureMapSVM."""
    return np.hstack([X, X**3 - 2 * X])


def draw_kmeans(ax):
    """Draw the iterations of k-means from three centres in one corner."""
    X, _ = make_blobs(400, centers=[[0, 0], [4, 4], [8, 0]], cluster_std=1.1, random_state=1)
    start = [[8, -1.5], [9, -1], [9.5, 0]]
    model = KMeansPP(3, init=start, refine=None, tol=0, store_history=True).fit(X)
    KMeansTraceDisplay.from_estimator(model, X, iterations=-1, ax=ax)
    ax.set(title="KMeansPP, iterations", xlabel="", ylabel="")


def draw_lms(ax):
    """Draw loss curves at five rates."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(100), rng.normal(size=(100, 2))])
    y = X @ [1, 1, -2] + 0.01 * rng.normal(size=100)
    models = {}
    for rate in (0.005, 0.01, 0.05, 0.1, 0.5):
        lms = LMSRegressor(learning_rate=rate, max_iter=20, tol=None, fit_intercept=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            models[f"rate {rate}"] = lms.fit(X, y)
    LossCurveDisplay.from_estimator(models, ax=ax)
    ax.set_title("LMSRegressor, loss curves")
    ax.legend(fontsize="small")


def draw_madaline(ax):
    """Draw the exclusive or."""
    X, y = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]), [0, 1, 1, 0]
    AdalineRegionDisplay.from_estimator(Madaline(2, random_state=0).fit(X, y), X, y, ax=ax)
    ax.set_title("Madaline, exclusive or")


def draw_margin(ax):
    """Draw the mapping trick."""
    X = np.array([-2, -1.8, 0.3, 0.6, 1, -1, -0.7, -0.6, -0.3, 2])[:, None]
    y = np.repeat([-1, 1], 5)
    svm = FeatureMapSVM(curve, C=np.inf).fit(X, y)
    SVMDisplay.from_estimator(svm, X, y, space="map", ax=ax)
    ax.set(title="FeatureMapSVM, widest margin", xlabel="x", ylabel="x³ - 2x", aspect="auto")


def draw_filters(subfigure, cnn, digits):
    """Draw what the filters of a network respond to in a digit."""
    cells = subfigure.subplots(2, 3)
    maps = FeatureMapDisplay.from_estimator(
        cnn, digits, sample=3, layers="first", ax=cells.ravel()
    )
    for ax in maps.axes_[1:]:
        ax.set_title(ax.get_title().replace("\n", ", "), fontsize="small")
    subfigure.suptitle("CNNClassifier, feature maps", fontsize="large")


def draw_compression(ax, folded, digits, labels):
    """Draw accuracy against bytes."""
    CompressionDisplay.from_estimator(folded, digits, labels, random_state=0, ax=ax)
    ax.set_title("skextra.cnn, accuracy and bytes")


def main():
    """Draw all panels and write a wide figure and one for phones."""
    digits, labels = load_digits(return_X_y=True)
    digits = (digits / 16).astype(np.float32)
    cnn = CNNClassifier((16, 32), batch_norm=True, epochs=8, random_state=0)
    cnn.fit(digits[:1200], labels[:1200])
    folded, _ = fold_batch_norm(cnn)
    for name, shape, size in [("skextra", (2, 3), (12, 7)), ("skextra_phone", (3, 2), (7.2, 9.6))]:
        with pyplot.rc_context({"font.size": 9.5, "axes.titlesize": "large"}):
            figure = pyplot.figure(figsize=size, layout="constrained")
            cells = figure.subfigures(*shape, hspace=0.04).ravel()
            for cell, draw in zip(cells, (draw_kmeans, draw_lms, draw_madaline), strict=False):
                draw(cell.subplots())
            draw_margin(cells[3].subplots())
            draw_filters(cells[4], cnn, digits)
            draw_compression(cells[5].subplots(), folded, digits[1200:], labels[1200:])
            figure.savefig(Path(__file__).parent / "_static" / f"{name}.png", dpi=110)


if __name__ == "__main__":
    main()

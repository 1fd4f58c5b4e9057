"""The displays, as a type checker sees them."""

from typing import assert_type

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from skextra import Adaline, CNNClassifier, FeatureMapSVM, InertiaPath, KMeansPP, LMSRegressor
from skextra.plotting import (
    AdalineRegionDisplay,
    CompressionDisplay,
    ElbowDisplay,
    FeatureMapDisplay,
    FilterDisplay,
    HistogramDisplay,
    KMeansTraceDisplay,
    LossCurveDisplay,
    MisclassifiedDisplay,
    SVMDisplay,
)

X, y = np.zeros((30, 2)), np.arange(30) % 2


def right_code_of_clusters(kmeans: KMeansPP, path: InertiaPath) -> None:
    elbow = ElbowDisplay.from_path(path, log=True, color="C1")
    assert_type(elbow, ElbowDisplay)
    assert_type(elbow.ax_, Axes)
    assert_type(elbow.line_, Line2D)
    assert_type(elbow.elbow_line_, Line2D | None)
    assert_type(ElbowDisplay.from_data(X, random_state=0).plot(plt.gca()), ElbowDisplay)

    trace = KMeansTraceDisplay.from_estimator(kmeans, X, iterations=[0, -1])
    assert_type(trace, KMeansTraceDisplay)
    assert_type(trace.figure_, Figure)
    assert_type(trace.iterations_, list[int])
    assert_type(trace.animate(interval=300), FuncAnimation)


def right_code_of_classifiers(lms: LMSRegressor, adaline: Adaline, machine: FeatureMapSVM) -> None:
    losses = LossCurveDisplay.from_estimator([lms], names=["LMS"])
    assert_type(losses, LossCurveDisplay)
    assert_type(losses.lines_, list[Line2D])
    assert_type(LossCurveDisplay(loss_curves={"a": X[:, 0]}).plot(), LossCurveDisplay)

    region = AdalineRegionDisplay.from_estimator(adaline, X, y, units=True)
    assert_type(region, AdalineRegionDisplay)
    svm = SVMDisplay.from_estimator(machine, X, y, features=(0, 1))
    assert_type(svm, SVMDisplay)
    assert_type(svm.figure_, Figure)


def right_code_of_networks(cnn: CNNClassifier) -> None:
    assert_type(CompressionDisplay.from_estimator(cnn, X, y), CompressionDisplay)
    assert_type(FeatureMapDisplay.from_estimator(cnn, X, layers="first"), FeatureMapDisplay)
    assert_type(FilterDisplay.from_estimator(cnn, n_channels=1), FilterDisplay)
    assert_type(HistogramDisplay.from_estimator(cnn, weights="initial"), HistogramDisplay)
    assert_type(MisclassifiedDisplay.from_estimator(cnn, X, y, n=5), MisclassifiedDisplay)
    assert_type(MisclassifiedDisplay.from_predictions(X, y, y).figure_, Figure)


def wrong_code(kmeans: KMeansPP, machine: FeatureMapSVM, cnn: CNNClassifier) -> None:
    ElbowDisplay.from_data(X, ax="left")  # type: ignore[arg-type]
    ElbowDisplay.from_path(X)  # type: ignore[arg-type]
    print(ElbowDisplay.from_data(X).axis_)  # type: ignore[attr-defined]
    KMeansTraceDisplay.from_estimator(X, kmeans)  # type: ignore[arg-type]
    KMeansTraceDisplay.from_estimator(kmeans)  # type: ignore[call-arg]
    SVMDisplay.from_estimator(machine, X, y, space="inputs")  # type: ignore[arg-type]
    HistogramDisplay.from_estimator(cnn, weights="first")  # type: ignore[arg-type]
    CompressionDisplay.from_estimator(cnn, X, y, codebook="all")  # type: ignore[arg-type]
    FilterDisplay.from_estimator("network.keras")  # type: ignore[arg-type]

"""
A tour of skextra on real data
==============================

This script runs every estimator of the package on data that come with scikit-learn, and compares
it with the closest estimator of scikit-learn. Supervised estimators run inside a pipeline and a
grid search. The script prints a table and saves figures::

    python examples/tour.py [folder for the figures]

To add an estimator, write a function like those below, which returns rows of the table and saves
figures, and add it to STOPS. tour_table.py holds what makes and prints the rows.
"""

import sys
import time
import warnings
from itertools import product
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # figures go to files; no window is needed

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_sample_image,
    load_wine,
    make_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Perceptron, Ridge, SGDClassifier, SGDRegressor
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import (
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
    train_test_split,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tensorflow_log import without_chatter
from threadpoolctl import threadpool_limits
from tour_table import Row, compare, compare_large, print_table

from skextra import (
    Adaline,
    CNNClassifier,
    FeatureMapSVM,
    KMeansPP,
    LMSRegressor,
    Madaline,
    TappedDelayLine,
    inertia_path,
)
from skextra.cnn import fold_batch_norm
from skextra.plotting import CompressionDisplay, ElbowDisplay, LossCurveDisplay, SVMDisplay


def save(figure, folder, name):
    """Save a figure and close it."""
    figure.savefig(folder / name, dpi=120)
    plt.close(figure)


def made_classes(n_samples, **options):
    """Return samples of 20 features that scikit-learn makes, and their classes."""
    return make_classification(n_samples, 20, random_state=0, **options)


def lms_regression(folder):
    """LMSRegressor against stochastic gradient descent: the diabetes data."""
    X, y = load_diabetes(return_X_y=True)
    rates = {"lmsregressor__learning_rate": ["auto", 0.001, 0.003, 0.01]}
    ours = make_pipeline(StandardScaler(), LMSRegressor(average=True))
    sgd = SGDRegressor(penalty=None, learning_rate="constant", average=True, random_state=0)
    peer = make_pipeline(StandardScaler(), sgd)
    row = compare(
        "diabetes, R2",
        ("LMSRegressor", ours, rates),
        ("SGDRegressor", peer, {"sgdregressor__eta0": [0.001, 0.003, 0.01]}),
        X,
        y,
        KFold(5, shuffle=True, random_state=0),
    )
    one_pass = {"max_iter": 1, "tol": None}
    large = compare_large(
        "1e6 x 10, one epoch, R2",
        ("LMSRegressor", LMSRegressor(learning_rate=1e-4, **one_pass)),
        ("SGDRegressor", clone(sgd).set_params(average=False, eta0=1e-4, **one_pass)),
        train_test_split(
            *make_regression(1_100_000, 10, noise=30.0, random_state=0),
            test_size=0.1,
            random_state=0,
        ),
    )

    X = StandardScaler().fit_transform(X)
    least = LMSRegressor(variant="wiener").fit(X, y).loss_curve_[-1]
    curves = {}
    for rate, average in [(0.001, False), (0.01, False), (0.03, False), (0.03, True)]:
        lms = LMSRegressor(learning_rate=rate, average=average, max_iter=200, tol=None)
        name = f"rate {rate}, averaged" if average else f"rate {rate}"
        curves[name] = lms.fit(X, y).loss_curve_ / least - 1
    excess = "Mean squared error in excess of least squares, relative"
    display = LossCurveDisplay(curves, loss_name=excess).plot()
    display.ax_.set_title("LMSRegressor on the diabetes data")
    save(display.figure_, folder, "lms_loss_curves.png")
    return [row, large]


def adaline_classification(folder):
    """Adaline against SGDClassifier and Perceptron: tumours, wines and handwritten digits."""
    rows = []
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    adaline = make_pipeline(StandardScaler(), Adaline(random_state=0))
    ours = ("Adaline", adaline, {"adaline__learning_rate": ["auto", 0.0001, 0.0003]})
    sgd = SGDClassifier(
        loss="squared_error",
        penalty=None,
        learning_rate="constant",
        average=True,
        random_state=0,
    )
    sgd = (
        "SGDClassifier",
        make_pipeline(StandardScaler(), sgd),
        {"sgdclassifier__eta0": [0.0001, 0.0003, 0.001]},
    )
    perceptron = (
        "Perceptron",
        make_pipeline(StandardScaler(), Perceptron(random_state=0)),
        {"perceptron__penalty": [None, "l2"]},
    )
    for name, load, peer in [
        ("breast cancer", load_breast_cancer, sgd),
        ("wine", load_wine, perceptron),
        ("digits", load_digits, sgd),
    ]:
        X, y = load(return_X_y=True)
        rows.append(compare(f"{name}, accuracy", ours, peer, X, y, folds))
    few_passes = {"max_iter": 5, "tol": None}
    rows.append(
        compare_large(
            "2e5 x 20, 5 epochs, acc.",
            ("Adaline", Adaline(learning_rate=1e-4, random_state=0, **few_passes)),
            ("SGDClassifier", clone(sgd[1][-1]).set_params(eta0=1e-4, **few_passes)),
            train_test_split(
                *made_classes(220_000, n_informative=10), test_size=0.1, random_state=0
            ),
        )
    )

    X, y = load_digits(return_X_y=True)
    weights = adaline.fit(X, y)[-1].coef_.reshape(10, 8, 8)
    limit = np.abs(weights).max()
    figure, axes = plt.subplots(2, 5, figsize=(9, 4.2), layout="constrained")
    for digit, ax in enumerate(axes.flat):
        image = ax.imshow(weights[digit], cmap="PuOr", vmin=-limit, vmax=limit)
        ax.set(title=f"{digit}", xticks=[], yticks=[])
    figure.colorbar(image, ax=axes, label="Weight")
    figure.suptitle("Adaline: weights for each digit (violet) and against it (orange)")
    save(figure, folder, "adaline_digits_weights.png")

    figure, ax = plt.subplots(figsize=(6, 5.5), layout="constrained")
    predicted = cross_val_predict(adaline, X, y, cv=folds)
    ConfusionMatrixDisplay.from_predictions(y, predicted, ax=ax, cmap="Blues", colorbar=False)
    ax.set_title("Adaline on unseen digits")
    save(figure, folder, "adaline_digits_confusion.png")
    return rows


def madaline_classification(folder):
    """Madaline against a network with smooth units: digits, and the parity of six bits."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # from MLPClassifier
    X, y = load_digits(return_X_y=True)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    ours = (
        "Madaline",
        make_pipeline(StandardScaler(), Madaline(100, random_state=0)),
        {"madaline__learning_rate": [0.1, 0.2]},
    )
    smooth = (
        "MLPClassifier",
        make_pipeline(StandardScaler(), MLPClassifier((100,), max_iter=50, random_state=0)),
        {"mlpclassifier__alpha": [0.0001]},
    )
    rows = [compare("digits, accuracy", ours, smooth, X, y, folds, inner_folds=2)]
    bits = np.array(list(product([-1, 1], repeat=6)))
    parity = bits.prod(axis=1)
    pairs = []
    for model in (Madaline(6), MLPClassifier((6,), solver="lbfgs", max_iter=500)):
        solved, seconds = [], []
        for seed in range(20):
            start = time.perf_counter()
            model.set_params(random_state=seed).fit(bits, parity)
            seconds.append(time.perf_counter() - start)
            solved.append(model.score(bits, parity) == 1)
        pairs += [float(np.mean(solved)), float(np.median(seconds))]
    rows.append(Row("Madaline", "parity, seeds solved", *pairs[:2], "MLPClassifier", *pairs[2:]))
    return rows


def adaptive_prediction(folder):
    """TappedDelayLine and LMSRegressor: the next pixel of a photograph, in three colours."""
    photograph = load_sample_image("china.jpg")[::6] / 255.0
    signal = photograph.reshape(-1, 3)  # line after line, as a scanner sends it
    X, y = signal[:-1], signal[1:]
    taps = {"tappeddelayline__n_taps": [4, 8]}

    def pipeline(model):
        return make_pipeline(StandardScaler(), TappedDelayLine(), model)

    nlms = pipeline(LMSRegressor(variant="nlms", max_iter=3, tol=None))
    rls = pipeline(LMSRegressor(variant="rls"))
    sgd = pipeline(MultiOutputRegressor(SGDRegressor(random_state=0)))
    ridge = pipeline(Ridge())
    folds, inner_folds = TimeSeriesSplit(4), TimeSeriesSplit(2)
    rows = [
        compare("next pixel, R2", ours, peer, X, y, folds, inner_folds)
        for ours, peer in [
            (
                (
                    "TappedDelayLine, NLMS",
                    nlms,
                    {**taps, "lmsregressor__learning_rate": [0.005, 0.02]},
                ),
                (
                    "SGDRegressor",
                    sgd,
                    {**taps, "multioutputregressor__estimator__eta0": [0.003, 0.01]},
                ),
            ),
            (
                (
                    "TappedDelayLine, RLS",
                    rls,
                    {**taps, "lmsregressor__forgetting": [0.9999, 1.0]},
                ),
                ("Ridge", ridge, {**taps, "ridge__alpha": [1.0, 10.0]}),
            ),
        ]
    ]

    photograph = load_sample_image("china.jpg") / 255.0
    signal = photograph.reshape(-1, 3) - 0.5
    lags = TappedDelayLine(n_taps=4).fit_transform(signal[:-1])
    trace = LMSRegressor(variant="rls", forgetting=0.9999).adapt(lags, signal[1:])
    error = np.zeros(signal.shape)
    error[1:] = trace.error
    size = np.abs(error).mean(axis=1).reshape(photograph.shape[:2])
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    axes[0].imshow(photograph)
    axes[0].set(title="A photograph", xticks=[], yticks=[])
    image = axes[1].imshow(size, cmap="magma", vmax=0.25)
    axes[1].set(title="Prediction error of the next pixel", xticks=[], yticks=[])
    figure.colorbar(image, ax=axes[1], label="Mean absolute error of the three colours")
    save(figure, folder, "pixel_prediction_error.png")
    return rows


def clustering(folder):
    """KMeansPP against KMeans with ten starts: clusters of digits, the elbow, an outlier."""
    X, _ = load_digits(return_X_y=True)
    seeds = range(5)

    def evaluate_seeds(make):
        fits, times = [], []
        for seed in seeds:
            began = time.perf_counter()
            fits.append(make(seed).fit(X))
            times.append(time.perf_counter() - began)
        return fits, float(np.median(times))

    ours, seconds = evaluate_seeds(lambda seed: KMeansPP(10, random_state=seed))
    once, _ = evaluate_seeds(lambda seed: KMeans(10, random_state=seed))
    peers, peer_seconds = evaluate_seeds(lambda seed: KMeans(10, n_init=10, random_state=seed))
    means = [np.mean([fit.inertia_ for fit in fits]) for fits in (ours, once, peers)]
    lowest = min(fit.inertia_ for fit in ours + once + peers)
    names = ("KMeansPP", "KMeans", "KMeans, 10 runs")
    above = (f"{name} {mean / lowest - 1:.2%}" for name, mean in zip(names, means, strict=True))
    print(f"  Mean inertia above the lowest: {', '.join(above)}")
    row = Row(
        "KMeansPP",
        "digits, inertia",
        means[0] / 1e6,
        seconds,
        "KMeans, 10 runs",
        means[2] / 1e6,
        peer_seconds,
    )

    colours = load_sample_image("china.jpg").reshape(-1, 3).astype(float)
    large = compare_large(
        "273,280 colours, inertia",
        ("KMeansPP", KMeansPP(32, random_state=0)),
        ("KMeans", KMeans(32, random_state=0)),
        (colours, colours, None, None),
        score=lambda model, X, y: model.inertia_ / 1e6,
    )

    clusters = min(ours, key=lambda fit: fit.inertia_)
    influence = clusters.sample_influence(X)
    order = np.argsort(influence)[::-1]
    print(
        f"  Image {order[0]} has the largest influence: without it, the inertia of "
        f"{clusters.inertia_:.0f} would fall by {influence[order[0]]:.0f}."
    )
    figure, axes = plt.subplots(2, 10, figsize=(11, 2.8), layout="constrained")
    for ax, image in zip(axes[0], clusters.cluster_centers_, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r")
    for ax, sample in zip(axes[1], order, strict=False):
        ax.imshow(X[sample].reshape(8, 8), cmap="gray_r")
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    axes[0, 0].set_ylabel("centres")
    axes[1, 0].set_ylabel("outliers")
    figure.suptitle("KMeansPP: ten centres of the digits, and the most influential images")
    save(figure, folder, "kmeans_digits.png")

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    wine = StandardScaler().fit_transform(load_wine().data)
    for ax, name, data in zip(axes, ("wine", "digits"), (wine, X), strict=True):
        path = inertia_path(data, random_state=0)
        print(f"  Elbow of the {name} data: {path.elbow}")
        ElbowDisplay.from_path(path, ax=ax, log=True)
        ax.set_title(f"The {name} data")
    save(figure, folder, "kmeans_elbows.png")
    return [row, large]


def margins(folder):
    """FeatureMapSVM against SVC, both with the Gaussian kernel: tumours and digits."""
    rows = []
    for load, name in ((load_breast_cancer, "breast cancer"), (load_digits, "digits")):
        X, y = load(return_X_y=True)
        ours = make_pipeline(StandardScaler(), FeatureMapSVM(random_state=0))
        peer = make_pipeline(StandardScaler(), SVC())
        rows.append(
            compare(
                f"{name}, accuracy",
                ("FeatureMapSVM", ours, {"featuremapsvm__C": [1, 4, 16]}),
                ("SVC", peer, {"svc__C": [0.3, 1, 5]}),
                X,
                y,
                StratifiedKFold(3, shuffle=True, random_state=0),
            )
        )
    samples = made_classes(12_000, n_informative=12, n_classes=5, n_clusters_per_class=3)
    rows.append(
        compare_large(
            "10,000 x 20, accuracy",
            ("FeatureMapSVM", FeatureMapSVM(random_state=0)),
            ("SVC", SVC()),
            train_test_split(*samples, test_size=2000, random_state=0),
        )
    )
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X[:, :2])  # radius and texture
    svm = FeatureMapSVM(gamma=0.5, random_state=0).fit(X, y)
    display = SVMDisplay.from_estimator(svm, X, y)
    display.axes_[0].set(xlabel="radius, standardised", ylabel="texture, standardised")
    save(display.figure_, folder, "svm_breast_cancer.png")
    return rows


def convolutions(folder):
    """CNNClassifier against MLPClassifier: digits, the misclassified ones, and fewer bytes."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    rates = [0.001, 0.003]
    row = compare(
        "digits, accuracy",
        ("CNNClassifier", CNNClassifier(epochs=8, random_state=0), {"learning_rate": rates}),
        (
            "MLPClassifier",
            MLPClassifier((64,), max_iter=300, random_state=0),
            {"learning_rate_init": rates},
        ),
        X,
        y,
        StratifiedKFold(2, shuffle=True, random_state=0),
        inner_folds=2,
    )
    large = compare_large(
        "4,000 shifted, accuracy",
        ("CNNClassifier", CNNClassifier((16, 32), epochs=5, random_state=0)),
        ("MLPClassifier", MLPClassifier((64,), max_iter=60, random_state=0)),
        shifted_digits(),
    )
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    cnn = CNNClassifier(batch_norm=True, augmentation={"shift": 1}, epochs=8, random_state=0)
    cnn.fit(X, y, X_val=X_test, y_val=y_test)
    predicted = cnn.predict(X_test)
    figure, axes = plt.subplots(2, 6, figsize=(10, 4), layout="constrained")
    grid = axes[0, 0].get_gridspec()
    for ax in axes[:, :3].ravel():
        ax.remove()
    losses = {name: np.array(cnn.history_[name]) for name in ("loss", "val_loss")}
    LossCurveDisplay(losses, loss_name="Cross-entropy").plot(ax=figure.add_subplot(grid[:, :3]))
    wrong = np.flatnonzero(predicted != y_test)
    for ax in axes[:, 3:].ravel():
        ax.axis("off")
    for ax, i in zip(axes[:, 3:].ravel(), wrong, strict=False):
        ax.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
        ax.set_title(f"{y_test[i]} as {predicted[i]}")
    save(figure, folder, "cnn_digits.png")

    folded, _ = fold_batch_norm(cnn)
    display = CompressionDisplay.from_estimator(
        folded, X_test, y_test, n_clusters=(2, 4, 16), random_state=0
    )
    display.ax_.set_title("CNNClassifier on digits: values a layer, and int8")
    save(display.figure_, folder, "compression.png")
    return [row, large]


def shifted_digits():
    """Return digits anywhere in images of 14 x 14: (X, X_test, y, y_test)."""
    rng = np.random.default_rng(0)
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X.reshape(-1, 8, 8) / 16, y, random_state=0)
    samples = []
    for digits, labels, n in ((X, y, 4000), (X_test, y_test, 1000)):
        chosen = rng.integers(len(digits), size=n)
        images = np.zeros((n, 14, 14))
        for image, i, (top, left) in zip(
            images, chosen, rng.integers(7, size=(n, 2)), strict=True
        ):
            image[top : top + 8, left : left + 8] = digits[i]
        samples.append((images.reshape(n, -1), labels[chosen]))
    (X, y), (X_test, y_test) = samples
    return X, X_test, y, y_test


STOPS = [
    lms_regression,
    adaline_classification,
    madaline_classification,
    adaptive_prediction,
    clustering,
    margins,
    convolutions,
]


def first_fits():
    """Fit every estimator once, which loads or compiles the loops and imports TensorFlow."""
    digits, labels = load_digits(return_X_y=True)
    for variant in ("lms", "nlms", "rls"):
        LMSRegressor(variant=variant, max_iter=1, tol=None).fit(digits, digits[:, :2])
    LMSRegressor(max_iter=1, tol=None).fit(digits, labels)
    LMSRegressor(average=True).adapt(digits, labels)
    Adaline(random_state=0).fit(digits, labels)
    Madaline(random_state=0).fit(digits[:50], labels[:50] > 4)
    KMeansPP(10, random_state=0).fit(digits)
    FeatureMapSVM(random_state=0).fit(digits, labels)
    with without_chatter():
        CNNClassifier(epochs=1, random_state=0).fit(digits / 16, labels)


def main(folder):
    """Run all stops."""
    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    print("First fits, with the import of TensorFlow:", end=" ", flush=True)
    first_fits()
    print(f"{time.perf_counter() - began:.1f} s, which no time below contains.")
    rows = []
    with threadpool_limits(1):  # or the times would depend on what else the machine does
        for stop in STOPS:
            print(f"- {stop.__doc__}", flush=True)
            rows += stop(folder)
    print()
    print_table(rows)
    print(f"\nTime in all: {time.perf_counter() - began:.0f} s")
    print(f"Pictures: {folder.resolve()}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "tour_pictures"))

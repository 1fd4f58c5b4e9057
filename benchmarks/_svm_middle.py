"""Rows of bench_svm.py on 500 to 40,000 rows: images, real tables, many classes, rare classes."""

from _svm_rows import Row, nystroem
from _svm_sets import many_classes, projected, rare_class, tables, with_noise
from sklearn.svm import SVC

from skextra import FeatureMapSVM


def peers(X, **options):
    """Return {name: estimator}: SVC, that of scikit-learn-intelex if installed, and Nystroem."""
    models = {"SVC": SVC(**options)}
    try:
        from sklearnex.svm import SVC as QuickSVC

        models["SVC, scikit-learn-intelex"] = QuickSVC(**options)
    except ImportError:
        pass
    models["Nystroem(1000), LinearSVC"] = nystroem(X, min(1000, len(X) * 4 // 5), **options)
    return models


def rows(images, quick):
    """Yield a Row for each data set, on one thread."""
    for name, X, y in tables():
        yield _row(f"{name}, {len(X)} x {X.shape[1]}", (X, y))
    if images is not None:
        X, y, *test = images
        for n in (2500,) if quick else (2500, 5000, 10_000):
            yield _row(f"MNIST, {n} images", (X[:n], y[:n], *test))
            yield _row(
                f"MNIST, {n}, 5% of the labels at random", (X[:n], with_noise(y[:n]), *test)
            )
            small = projected(images, n)
            yield _row(f"MNIST, {n}, PCA(50)", small)
            noisy = (small[0], with_noise(small[1]), *small[2:])
            yield _row(f"MNIST, {n}, PCA(50), 5% of the labels at random", noisy)
    if quick:
        return
    yield _row("100 classes, 20000 x 40", many_classes())
    for share in (500, 1000):
        data = rare_class(share)
        yield _row(f"1:{share}, 40000 x 20", data, balanced=True, class_weight="balanced")


def _row(name, data, balanced=False, **options):
    ours = FeatureMapSVM(n_jobs=1, random_state=0, **options)
    return Row(name, data, {"FeatureMapSVM": ours, **peers(data[0], **options)}, balanced)

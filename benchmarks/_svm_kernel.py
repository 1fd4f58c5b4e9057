"""Rows of bench_svm.py on kernels of one's own: a matrix, a function, a name."""

from functools import partial

from _svm_rows import Row
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC

from skextra import FeatureMapSVM

_N_TEST = 2000


def rows(images, quick):
    """Yield a Row for each size, on one thread."""
    X, y, X_test, y_test = images
    X_test, y_test = X_test[:_N_TEST], y_test[:_N_TEST]
    for n in (1000,) if quick else (1000, 2500, 5000, 10_000):
        gamma = 1 / (X.shape[1] * X[:n].var(dtype=float))
        K, K_test = (rbf_kernel(each, X[:n], gamma=gamma) for each in (X[:n], X_test))
        models = {
            "FeatureMapSVM('precomputed')": _ours("precomputed"),
            "SVC(kernel='precomputed')": SVC(kernel="precomputed"),
        }
        yield Row(
            f"MNIST, {n} images, Gaussian kernel precomputed", (K, y[:n], K_test, y_test), models
        )
    for n in () if quick else (2500, 5000):
        pca = PCA(50, svd_solver="randomized", random_state=0).fit(X[:n])
        Z, Z_test = pca.transform(X[:n]), pca.transform(X_test)
        gamma = 1 / (50 * Z.std())
        kernel = partial(laplacian_kernel, gamma=gamma)
        nystroem = Nystroem(kernel="laplacian", gamma=gamma, n_components=min(1000, n // 5))
        models = {
            "FeatureMapSVM(kernel=function)": _ours(kernel=kernel),
            "FeatureMapSVM(kernel='laplacian')": _ours(kernel="laplacian", gamma=gamma),
            "SVC(kernel=function)": SVC(kernel=kernel),
            "Nystroem('laplacian'), LinearSVC": make_pipeline(nystroem, LinearSVC()),
        }
        yield Row(f"MNIST, {n}, PCA(50), Laplacian kernel", (Z, y[:n], Z_test, y_test), models)


def _ours(*args, **options):
    return FeatureMapSVM(*args, n_jobs=1, random_state=0, **options)

"""Sets of up to 2500 samples, on which FeatureMapSVM has the exact kernel: a row for each.

`bench_svm.py` measures them. The features are standardised, those of images divided by 255.
"""

import numpy as np
from _svm_middle import peers
from _svm_rows import Row
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from skextra import FeatureMapSVM


def rows(images):
    """Yield a Row for each data set; those of MNIST need its images."""
    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield _row(name, shipped(name))
    yield _row("make_classification 1000x20", overlapping())
    for n in (1000, 2500) if images is not None else ():
        X, y = first(images, n)
        yield _row(f"MNIST {n}x784", (X, y))
        yield _row(f"MNIST {n}, PCA(50)", (PCA(50, random_state=0).fit_transform(X), y))


def _row(name, data):
    ours = FeatureMapSVM(random_state=0, n_jobs=1)
    return Row(name, data, {"FeatureMapSVM": ours, **peers(data[0])})


def shipped(name):
    """Return a data set that comes with scikit-learn."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def overlapping():
    """Return two classes that overlap: a large part of the samples are support vectors."""
    X, y = datasets.make_classification(1000, 20, n_informative=6, flip_y=0.2, random_state=0)
    return StandardScaler().fit_transform(X), y


def first(images, n):
    """Return the first n images."""
    X, y = images[:2]
    return np.asarray(X[:n], dtype=np.float64), y[:n]

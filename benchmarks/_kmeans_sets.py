"""Data sets of the benchmarks of k-means: each a function that returns the data, and k."""

import os
from functools import cache

import numpy as np
from sklearn.datasets import load_digits, load_sample_image


def blobs(n, d, k, box=10.0, spread=1.0, seed=0, even=True):
    """Return normal clusters around uniform centres, of equal or of unequal sizes."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, box, (k, d))
    share = None if even else rng.dirichlet(np.full(k, 5.0))
    return centers[rng.choice(k, n, p=share)] + spread * rng.standard_normal((n, d))


def birch(kind, n=100_000):
    """Return a hundred clusters on a grid (1) or along a sine curve (2), like the Birch sets."""
    rng = np.random.default_rng(kind)
    if kind == 1:
        centers = np.stack(np.meshgrid(np.arange(10), np.arange(10)), -1).reshape(-1, 2) * 5.66
    else:
        centers = np.c_[np.arange(100) * 2 * np.pi, 8 * np.sin(np.arange(100) * 0.2 * np.pi)]
    return centers[rng.integers(100, size=n)] + rng.standard_normal((n, 2)) * (1 / kind)


@cache
def mnist():
    with np.load(os.environ["SKEXTRA_MNIST"]) as data:
        return data["x_train"].reshape(-1, 784)


def images(dtype):
    return (mnist() / 255.0).astype(dtype)


def noise(n, d, kind):
    return getattr(np.random.default_rng(0), kind)((n, d))


def unit(*args, **options):
    return blobs(*args, box=1.0, even=False, **options)


def one_far(n=20_000, d=10, distance=1e3):
    """Return normal rows, one of which lies far away."""
    X = noise(n, d, "standard_normal")
    X[0] += distance
    return X


def heavy_tailed(n=100_000, d=10, degrees=1.5):
    """Return rows of Student's t, whose variance is infinite."""
    return np.random.default_rng(0).standard_t(degrees, (n, d))


def embeddings(n=40_000, d=256, groups=1000, spread=0.7):
    """Return float32 rows of length one, around more directions than there are clusters."""
    X = blobs_around(np.random.default_rng(0).standard_normal((groups, d)), n, spread)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def blobs_around(centers, n, spread):
    rng = np.random.default_rng(1)
    X = centers[rng.integers(len(centers), size=n)]
    return X + spread * rng.standard_normal(X.shape)


def colours():
    """Return the 273,280 pixels of a photograph."""
    return load_sample_image("china.jpg").reshape(-1, 3).astype(np.float64)


def places(n=200_000, towns=500):
    """Return latitudes and longitudes around towns of which a few hold most of the people."""
    rng = np.random.default_rng(0)
    towns = np.c_[rng.uniform(-60, 70, towns), rng.uniform(-180, 180, towns)]
    share = 1.0 / np.arange(1, len(towns) + 1)  # Zipf's law
    chosen = rng.choice(len(towns), n, p=share / share.sum())
    spread = rng.uniform(0.05, 0.5, (len(towns), 1))
    return towns[chosen] + spread[chosen] * rng.standard_normal((n, 2))


def one_hot(n=50_000, variables=6, values=10):
    """Return categorical variables of unequal frequencies, a column of zeros and ones a value."""
    share = 1.0 / np.arange(1, values + 1)
    drawn = np.random.default_rng(0).choice(values, (n, variables), p=share / share.sum())
    return np.eye(values)[drawn].reshape(n, variables * values)


def duplicates(n=100_000, d=8, distinct=500):
    """Return rows that are each repeated many times."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((distinct, d))[rng.integers(distinct, size=n)]


def tiny_groups(n=1_000_000, each=50):
    """Return a million rows in five groups, of which 250 are moved to five others, far away."""
    X = blobs(n, 2, 5, box=20)
    rng = np.random.default_rng(1)
    moved = rng.choice(n, (5, each), replace=False)
    X[moved] += rng.uniform(-300, 300, (5, 1, 2))
    return X


SETS = {  # name: (data, number of clusters)
    "digits 1797x64": (lambda: load_digits().data, 10),
    "S1-like 5000x2": (lambda: unit(5000, 2, 15, spread=0.02, seed=1), 15),
    "S2-like 5000x2": (lambda: unit(5000, 2, 15, spread=0.04, seed=2), 15),
    "S3-like 5000x2": (lambda: unit(5000, 2, 15, spread=0.06, seed=3), 15),
    "S4-like 5000x2": (lambda: unit(5000, 2, 15, spread=0.09, seed=4), 15),
    "A1-like 3000x2": (lambda: unit(3000, 2, 20, spread=0.02, seed=5), 20),
    "A2-like 5250x2": (lambda: unit(5250, 2, 35, spread=0.015, seed=6), 35),
    "A3-like 7500x2": (lambda: unit(7500, 2, 50, spread=0.012, seed=7), 50),
    "D31-like 3100x2": (lambda: unit(3100, 2, 31, spread=0.02, seed=8), 31),
    "normal 8000x16": (lambda: unit(8000, 16, 30, spread=0.15, seed=9), 30),
    "uniform 6000x2": (lambda: noise(6000, 2, "random"), 25),
    "Birch1-like 1e5x2": (lambda: birch(1), 100),
    "Birch2-like 1e5x2": (lambda: birch(2), 100),
    "blobs 1e6x2 k3": (lambda: blobs(10**6, 2, 3, box=20), 3),
    "blobs 1e6x2 k10": (lambda: blobs(10**6, 2, 10, box=20), 10),
    "blobs 1e6x2 k50": (lambda: blobs(10**6, 2, 50, box=20), 50),
    "uniform 2e5x16": (lambda: noise(200_000, 16, "random"), 100),
    "blobs 2e5x16": (lambda: blobs(200_000, 16, 100, box=6), 100),
    "MNIST f64 k10": (lambda: images(np.float64), 10),
    "MNIST f32 k10": (lambda: images(np.float32), 10),
    "MNIST f64 k100": (lambda: images(np.float64), 100),
    "MNIST f32 k100": (lambda: images(np.float32), 100),
    "normal 1e5x128": (lambda: noise(100_000, 128, "standard_normal"), 256),
    "blobs 1e5x128": (lambda: blobs(100_000, 128, 256, box=2), 256),
}

# Data on which k-means libraries differ most: outliers, no structure, repeated and rare rows.
HARD = {
    "one far row 20000x10": (one_far, 50),
    "Student t 1e5x10": (heavy_tailed, 50),
    "uniform 20000x16 k50": (lambda: noise(20_000, 16, "random"), 50),
    "uniform 20000x16 k200": (lambda: noise(20_000, 16, "random"), 200),
    "uniform 10000x16 k400": (lambda: noise(10_000, 16, "random"), 400),
    "embeddings 40000x256": (embeddings, 300),
    "photograph 273280x3 k64": (colours, 64),
    "photograph 273280x3 k256": (colours, 256),
    "places 2e5x2": (places, 50),
    "one-hot 50000x60": (one_hot, 30),
    "duplicates 1e5x8": (duplicates, 50),
    "five tiny far groups 1e6x2": (tiny_groups, 10),
}


def named(sets, parts):
    """Return the names of sets that contain one of some parts, all if there are none."""
    return [
        name
        for name in sets
        if not parts or any(part in name for part in parts)
        if os.environ.get("SKEXTRA_MNIST") or not name.startswith("MNIST")
    ]

"""Settings that must stand before scikit-learn and SciPy are imported."""

import os
import random
from importlib.metadata import version

import numpy as np
import pytest

# scikit-learn's array API checks are skipped without it; they need SciPy 1.14 or newer.
if tuple(map(int, version("scipy").split(".")[:2])) >= (1, 14):
    os.environ.setdefault("SCIPY_ARRAY_API", "1")


@pytest.fixture
def keras_seed():
    """Let layers that draw their weights draw the same ones, and leave the generators alone."""
    import keras

    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    keras.utils.set_random_seed(0)
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002


@pytest.fixture
def at_scale(monkeypatch):
    """Let FeatureMapSVM treat small data as large ones: by reported iterations, in float32."""
    from skextra._svm import _landmarks, _training

    monkeypatch.setattr(_training, "_FEW_ROWS", 0)
    monkeypatch.setattr(_training, "_MOST_EXACT_WORK", 0)
    monkeypatch.setattr(_landmarks, "_MOST_FLOAT64_ENTRIES", 0)

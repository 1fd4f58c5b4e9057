"""Keras: imported when first needed, and what is used of it everywhere."""

import os
import random
import sys
import threading
from contextlib import contextmanager

import numpy as np

from skextra._base import import_extra

# Held while models are made and traced.
LOCK = threading.RLock()
_process = None


def keras(user="CNNClassifier"):
    """Return the module keras on TensorFlow, or raise an error with the remedy.

    `user` is what the error names as needing it: a public function calls this first.
    """
    global _process
    if "keras" not in sys.modules:
        _check_backend(os.environ.get("KERAS_BACKEND") or "tensorflow", user)
        import_extra("tensorflow", "tensorflow", user)
    module = import_extra("keras", "tensorflow", user)
    _check_backend(module.backend.backend(), user)
    if _process not in (None, os.getpid()):
        raise RuntimeError(
            "This process was forked after TensorFlow had run, which would hang; start processes "
            "with joblib's 'loky' or the 'spawn' method, or use threads."
        )
    _process = os.getpid()
    return module


def _check_backend(backend, user):
    if backend != "tensorflow":
        raise RuntimeError(
            f"{user} computes with TensorFlow, but Keras runs on {backend!r}; set the "
            "environment variable KERAS_BACKEND=tensorflow before Keras is first imported."
        )


def reason(error):
    """Return the line of a message that says what is wrong, after Keras's place of the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered"):
        lines = lines[1:]
    line = lines[0] if lines else type(error).__name__
    return line.removeprefix("\x1b[1m").removesuffix("\x1b[0m")


def numbers_of(variable):
    """Return a copy of a Keras variable."""
    return np.array(variable.value.numpy())


def values_of(variables):
    """Return copies of Keras variables."""
    return [numbers_of(variable) for variable in variables]


@contextmanager
def seeded(seed):
    """Seed the global generators for a while, and restore them."""
    with LOCK:
        python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
        np.random.set_state(np.random.RandomState(seed).get_state())  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002

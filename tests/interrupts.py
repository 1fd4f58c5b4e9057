"""Interrupt the fits of one estimator at many moments: ``python tests/interrupts.py KMeansPP``.

A fit, or the taking in of a chunk, must happen as a whole or not at all; CNNClassifier keeps what
it has learned until then. Run in a process of its own by test_system.py: interrupts may hit
whatever runs.
"""

import copy
import signal
import sys
import time
import warnings

import numpy as np
from ecosystem_cases import LONG, X, new, outputs, target
from threadpoolctl import threadpool_info

from skextra import CNNClassifier


def said(model):
    """Return what a model says, in a form that can be compared."""
    return {method: values.tolist() for method, values in outputs(model).items()}


def world():
    """Return what has to be undone after an interrupt too."""
    return [info["num_threads"] for info in threadpool_info()], np.geterr()


def interrupted(method, model, data, moment):
    """Call a method and interrupt it after so many seconds; return whether that was in time."""
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, moment)
            method(model, *data)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        return True
    except Exception:
        # Keras and TensorFlow have bare excepts: an interrupt in one is lost, or becomes an error
        # of any kind. Fits that nothing interrupts have none, as `try_out` sees.
        if not isinstance(model, CNNClassifier):
            raise
        return True
    return False


def try_out(name, method, data, moments):
    """Interrupt a method at moments spread over the time that it takes."""
    X, y = data
    first = new(name, **LONG.get(name, {})).fit(X[::2], y[::2])
    for _ in range(2):  # the second time nothing is left to be compiled
        whole = copy.deepcopy(first)
        began = time.perf_counter()
        method(whole, *data)
        took = time.perf_counter() - began
    before, after, around = said(first), said(whole), world()
    caught = 0
    for moment in np.linspace(1e-4, took, moments):
        model = copy.deepcopy(first)
        caught += interrupted(method, model, data, moment)
        assert world() == around, (world(), around)
        if isinstance(model, CNNClassifier):
            assert all(np.isfinite(values).all() for values in outputs(model).values())
        else:
            assert said(model) in (before, after), moment
    if not isinstance(first, CNNClassifier):  # which hands on those of its first epoch only
        assert caught > moments / 5, "hardly an interrupt came in time"
    method(model, *data)


def main(name):
    """Try out `fit` and, where there is one, `partial_fit`."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    times = 3 if name == "Madaline" else 20
    noise = np.random.default_rng(0).normal(0, 0.1, (times * len(X), X.shape[1]))
    data = np.tile(X, (times, 1)) + noise, np.tile(target(name), times)
    kind = type(new(name))
    moments = 5 if name == "CNNClassifier" else 25
    for method in (kind.fit, getattr(kind, "partial_fit", None)):
        if method is not None:
            try_out(name, method, data, moments)
    print("good")


if __name__ == "__main__":
    main(sys.argv[1])

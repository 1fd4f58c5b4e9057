"""Interrupt the fits of one estimator at many moments: ``python tests/interrupts.py KMeansPP``.

A fit, or the taking in of a chunk, must happen as a whole or not at all; CNNClassifier keeps what
it has learned until then. Run in a process of its own by test_system.py: interrupts may hit
whatever runs.
"""

import copy
import sys
import warnings

import numpy as np
from ecosystem_cases import LONG, X, new, outputs, target
from threadpoolctl import ThreadpoolController, threadpool_info

from skextra import CNNClassifier
from skextra._common._blas_limit import single_blas_thread


def said(model):
    """Return what a model says, in a form that can be compared."""
    return {method: values.tolist() for method, values in outputs(model).items()}


def world():
    """Return what has to be undone after an interrupt too."""
    return [info["num_threads"] for info in threadpool_info()], np.geterr()


class Interrupter:
    """Count the calls in a ``with`` block, and interrupt the block at the `stop`-th.

    Python answers to signals where a function of its own begins and where a compiled one has
    returned. These are the moments at which Ctrl-C can arrive, the same ones on every machine.
    """

    def __init__(self, stop=None):
        self.stop = stop
        self.calls = 0

    def __enter__(self):
        sys.setprofile(self)
        return self

    def __call__(self, frame, event, arg):
        if event in ("call", "c_return"):
            self.calls += 1
            if self.calls == self.stop:
                raise KeyboardInterrupt

    def __exit__(self, *raised):
        sys.setprofile(None)


def interrupted(method, model, data, call):
    """Call a method and interrupt it at a call in it; return whether that came through."""
    try:
        with Interrupter(call):
            method(model, *data)
    except KeyboardInterrupt:
        return True
    except Exception as error:
        # Code that has begun to tidy up may fail for what the interrupt left undone. Keras and
        # TensorFlow have bare excepts besides: an interrupt in one is lost, or becomes an error
        # of any kind. Fits that nothing interrupts have none, as `try_out` sees.
        tidied = isinstance(error.__context__, KeyboardInterrupt)
        if not (tidied or isinstance(model, CNNClassifier)):
            raise
        return True
    return False


def try_out(name, method, data, moments):
    """Interrupt a method at moments spread over the calls that it makes."""
    X, y = data
    first = new(name, **LONG.get(name, {})).fit(X[::2], y[::2])
    for _ in range(2):  # the second time nothing is left to be compiled
        whole = copy.deepcopy(first)
        with Interrupter() as counter:
            method(whole, *data)
    before, after, around = said(first), said(whole), world()
    caught = 0
    for call in np.linspace(1, counter.calls, moments).astype(int).tolist():
        model = copy.deepcopy(first)
        caught += interrupted(method, model, data, call)
        if isinstance(model, CNNClassifier):
            assert all(np.isfinite(values).all() for values in outputs(model).values())
        else:
            assert said(model) in (before, after), call
        if world() != around:  # what it was tidying up, the next fit does
            method(model, *data)
        assert world() == around, (call, world(), around)
    if not isinstance(first, CNNClassifier):  # which hands on those of its first epoch only
        assert caught > 0.8 * moments, (caught, moments)  # Python loses those in destructors
    method(model, *data)


BLAS = ThreadpoolController().select(user_api="blas")


def limited(_, seen):
    """Keep in `seen` whether BLAS has one thread during a fit."""
    with single_blas_thread():
        seen.append({library.num_threads for library in BLAS.lib_controllers})


def try_out_limit():
    """Interrupt the limit on the threads of BLAS at every moment: the next fit puts all right."""
    around = world()
    for _ in range(2):  # the second time nothing is left to be loaded
        with Interrupter() as counter:
            limited(None, [])
    for call in range(1, counter.calls + 1):
        interrupted(limited, None, ([],), call)
        seen = []
        limited(None, seen)
        assert seen == [{1}], (call, seen)
        assert world() == around, (call, world(), around)


def main(name):
    """Try out `fit` and, where there is one, `partial_fit`."""
    warnings.simplefilter("ignore")
    if name == "BLAS":
        try_out_limit()
        print("good")
        return
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

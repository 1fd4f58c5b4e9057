"""Functions that only compiled loops call: compiled with these, and plain Python otherwise."""

from functools import update_wrapper

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "forceinline": True,  # or a call may find machine code that another loop was optimised with
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


class Inner:
    """A part of compiled loops, without an entry from Python and without a cache of its own.

    A loop that calls it is compiled with it, and keeps the result in its own cache. This takes
    half of the time that numba takes to compile a short function that is called from Python as
    well. Called from Python, it runs as Python.
    """

    def __init__(self, function, fastmath):
        update_wrapper(self, function)
        self.py_func = function
        self._fastmath, self._dispatcher = fastmath, None

    def __call__(self, *args):
        return self.py_func(*args)

    @property
    def _numba_type_(self):  # numba reads this when it compiles a loop that calls the function
        if self._dispatcher is None:
            from numba import njit

            self._dispatcher = njit(fastmath=self._fastmath, **_OPTIONS)(self.py_func)
        return self._dispatcher._numba_type_


def inner(function=None, *, fastmath=False):
    """Decorate a function that only compiled loops call; `fastmath` as in `numba.njit`."""
    if function is None:
        return lambda function: Inner(function, fastmath)
    return Inner(function, fastmath)

"""Where the machine code of a loop comes from: the module that a wheel brings, or numba.

`kernel` decorates every loop. A wheel brings `_compiled`, a module of machine code that was made
from the same sources when the wheel was built (see the folder `ahead`). A call goes there if the
types of its arguments are listed in `ahead/signatures.txt`, and numba is not even imported. All
other calls, and all calls where there is no `_compiled`, go to numba, which compiles at the first
call and keeps the result in its cache. Both give the same results.

The environment variable SKEXTRA_KERNELS chooses: `auto`, as above; `jit`, always numba;
`compiled`, never numba: a call of a loop that is not in `_compiled` raises TypeError. With
NUMBA_DISABLE_JIT, `auto` runs the sources as Python.
"""

import os

from skextra._kernels._digest import sources_digest

MODES = ("auto", "jit", "compiled")


def _load():
    """Return the compiled module or None, and a sentence about what is in use."""
    mode = _wish("SKEXTRA_KERNELS", MODES)
    _wish("SKEXTRA_CPU", ("auto", "baseline"))  # which the module reads
    just_in_time = "compiled just in time by numba"
    if mode == "jit":
        return mode, None, f"{just_in_time}, as SKEXTRA_KERNELS=jit asks"
    if mode == "auto" and os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return mode, None, "not compiled, as NUMBA_DISABLE_JIT asks"
    try:
        from skextra._kernels import _compiled as library
    except ImportError as error:
        if mode == "compiled":
            raise
        return mode, None, f"{just_in_time} ({error})"
    if sources_digest() not in (None, library.sources):
        message = "_compiled was made from other sources than those installed: run `make kernels`"
        if mode == "compiled":
            raise ImportError(f"{message}.")
        return mode, None, f"{just_in_time} ({message})"
    return mode, library, f"compiled ahead of time by numba {library.numba} for {library.level}"


def _wish(variable, values):
    """Return the value of an environment variable, by default the first of those it may have."""
    value = os.environ.get(variable) or values[0]
    if value not in values:
        raise ValueError(
            f"The environment variable {variable}={value!r} has to be one of {values}."
        )
    return value


_mode, _library, in_use = _load()


class Kernel:
    """A loop whose calls go to machine code compiled ahead of time, or to numba's.

    Parameters
    ----------
    function : callable
        The source of the loop.
    library : module
        Holds a function for each loop, which runs the machine code, or returns NotImplemented for
        arguments of types that it was not compiled for.
    options : dict
        Keyword arguments of `numba.njit`.
    """

    def __init__(self, function, library, options):
        self.py_func = function
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        self.__module__ = function.__module__
        self.symbol = f"{function.__module__.rpartition('.')[2]}__{function.__name__}"
        self._compiled = getattr(library, self.symbol, _compiled_for_nothing)
        self._options, self._dispatcher = options, None

    def __call__(self, *args):
        result = self._compiled(*args)
        if result is not NotImplemented:
            return result
        if _mode == "compiled":
            raise TypeError(
                f"{self.__module__}.{self.__name__} is not compiled for arguments of the types "
                f"{[type(value).__name__ for value in args]}: add them to ahead/signatures.txt, "
                "or unset SKEXTRA_KERNELS."
            )
        return self.dispatcher(*args)

    @property
    def dispatcher(self):
        """The loop as numba compiles it, made when it is first needed."""
        if self._dispatcher is None:
            self._dispatcher = _by_numba(self.py_func, self._options)
        return self._dispatcher

    @property
    def _numba_type_(self):
        # numba asks for it when it compiles a loop that calls this one.
        return self.dispatcher._numba_type_


def kernel(function=None, *, fastmath=False):
    """Decorate a loop over arrays and scalars, so that it is compiled.

    Parameters
    ----------
    function : callable
        The loop, in the part of Python that numba compiles.
    fastmath : bool or set of str, default=False
        The liberties that LLVM may take with floating point, as in `numba.njit`.

    Returns
    -------
    Kernel or callable
        Called as the function is.
    """
    options = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": fastmath}
    if function is None:
        return lambda function: kernel(function, fastmath=fastmath)
    if _library is None:
        return _by_numba(function, options)
    return Kernel(function, _library, options)


def _compiled_for_nothing(*_args):
    return NotImplemented


def _by_numba(function, options):
    from numba import njit

    return njit(**options)(function)

"""A pytest plugin: every call of a loop that is compiled ahead of time is run by numba as well.

Both have to change the same arrays, and return the same numbers, to the last bit. They do only if
numba compiles for the same kind of processor: set NUMBA_CPU_NAME. Usage: pytest -p both_compilers
"""

from collections import Counter
from copy import deepcopy

import numpy as np

from skextra._kernels._kernel import Kernel

calls = Counter()


def bits(value):
    """Return something that is equal only for values of the same bits."""
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    value = np.asarray(value)
    return value.dtype.str, value.shape, value.tobytes()


def call_both(self, *args):
    """Stand in for Kernel.__call__."""
    copies = deepcopy(args)
    for original, copy in zip(args, copies, strict=True):
        _like(original, copy)
    result = self._compiled(*args)
    if result is NotImplemented:
        calls["by numba only"] += 1
        return self.dispatcher(*args)
    expected = self.dispatcher(*copies)
    assert bits((result, args)) == bits((expected, copies)), f"{self.__name__} differs"
    calls["by both"] += 1
    return result


def _like(original, copy):
    """Give copies of arrays the writeability of the originals, which is part of their type."""
    if isinstance(original, tuple):
        for one, other in zip(original, copy, strict=True):
            _like(one, other)
    elif isinstance(original, np.ndarray):
        copy.flags.writeable = original.flags.writeable


def pytest_configure(config):
    """Take the place of the calls."""
    del config
    Kernel.__call__ = call_both


def pytest_terminal_summary(terminalreporter):
    """Say how many calls were compared."""
    terminalreporter.line(
        f"loops called: {calls['by both']} by both, {calls['by numba only']} by numba only"
    )

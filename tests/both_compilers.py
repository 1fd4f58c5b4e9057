"""A pytest plugin: every call of a loop that is compiled ahead of time is run by numba as well.

Both have to change the same arrays, and return the same numbers, to the last bit. They do only if
numba compiles for the same kind of processor: set NUMBA_CPU_NAME. Usage: pytest -p both_compilers
"""

import sys
from collections import Counter
from copy import deepcopy
from pathlib import Path

import numpy as np

from skextra._kernels import _kernel

AHEAD = Path(__file__).parents[1] / "skextra" / "_kernels" / "ahead"
sys.path.append(str(AHEAD))

from signatures import Array, Group, read  # noqa: E402

lines = read(AHEAD / "signatures.txt")
calls = Counter()


def matches(kind, value):
    """Tell whether a value is of the type of a line, but for whether it can be written into."""
    if isinstance(kind, Group):
        return (
            isinstance(value, tuple)
            and len(value) == len(kind.items)
            and all(map(matches, kind.items, value))
        )
    if isinstance(kind, Array):
        return (
            isinstance(value, np.ndarray)
            and (value.dtype, value.ndim) == (kind.dtype, kind.ndim)
            and value.flags.c_contiguous
        )
    dtype = {bool: "bool", int: "int64", float: "float64"}.get(type(value))
    return np.isscalar(value) and (dtype or value.dtype) == kind.dtype


def protect(kind, value):
    """Make the arrays read-only that are so in the types of a line."""
    if isinstance(kind, Group):
        for part in zip(kind.items, value, strict=True):
            protect(*part)
    elif isinstance(kind, Array):
        value.flags.writeable = kind.written


def bits(value):
    """Return something that is equal only for values of the same bits."""
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    value = np.asarray(value)
    return value.dtype.str, value.shape, value.tobytes()


def call_both(self, *args):
    """Stand in for Kernel.__call__."""
    copies = deepcopy(args)
    result = self._compiled(*args)
    if result is NotImplemented:
        calls["by numba only"] += hasattr(_kernel._library, self.symbol)
        return self.dispatcher(*args)
    kinds = next(
        kinds
        for module, loop, kinds in lines
        if f"{module}__{loop}" == self.symbol and matches(Group(kinds), args)
    )
    protect(Group(kinds), copies)
    expected = self.dispatcher(*copies)
    assert bits(args) == bits(copies), f"{self.symbol} writes other numbers"
    assert bits(result) == bits(expected), f"{self.symbol} returns other numbers"
    calls["by both"] += 1
    return result


def pytest_configure(config):
    """Take the place of the calls."""
    del config
    _kernel.Kernel.__call__ = call_both


def pytest_terminal_summary(terminalreporter):
    """Say how many calls were compared."""
    terminalreporter.line(
        f"loops called: {calls['by both']} by both, {calls['by numba only']} by numba only"
    )

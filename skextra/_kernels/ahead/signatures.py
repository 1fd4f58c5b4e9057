"""The types of loops' arguments, and how a line of `signatures.txt` spells them.

``int64`` is a scalar, ``float32[2]`` a C-contiguous array of two axes, ``float32[2]!`` one that is
written into, and ``(float64[1], int64)`` a tuple.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Scalar:
    """A number."""

    dtype: str

    def __str__(self):
        return self.dtype


@dataclass(frozen=True)
class Array:
    """A C-contiguous array."""

    dtype: str
    ndim: int
    written: bool

    def __str__(self):
        return f"{self.dtype}[{self.ndim}]{'!' if self.written else ''}"


@dataclass(frozen=True)
class Group:
    """A tuple."""

    items: tuple

    def __str__(self):
        return f"({', '.join(map(str, self.items))})"


def read(path):
    """Return the (module, loop, types of its arguments) of a file, one for each line."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, arguments = line.partition(": ")
        module, _, loop = name.partition(".")
        found.append((module, loop, _parsed(arguments)))
    return found


def _parsed(text):
    tokens = re.findall(r"\w+(?:\[\d\]!?)?|[(),]", text)
    types, rest = _parsed_list(tokens)
    if rest:
        raise ValueError(f"Cannot read {text!r} from {rest[0]!r} on.")
    return types


def _parsed_list(tokens):
    types = []
    while tokens and tokens[0] != ")":
        token, *tokens = tokens
        if token == "(":
            items, tokens = _parsed_list(tokens)
            tokens = tokens[1:]
            types.append(Group(items))
        elif match := re.fullmatch(r"(\w+)\[(\d)\](!?)", token):
            types.append(Array(match[1], int(match[2]), bool(match[3])))
        else:
            types.append(Scalar(token))
        if tokens and tokens[0] == ",":
            tokens = tokens[1:]
    return tuple(types), tokens


def of_numba(kind):
    """Return our type for one of numba's; raises ValueError for one that has no spelling."""
    from numba.core import types

    if isinstance(kind, types.BaseAnonymousTuple):
        return Group(tuple(of_numba(item) for item in kind))
    if isinstance(kind, types.Array) and kind.layout == "C":
        return Array(str(kind.dtype), kind.ndim, kind.mutable)
    if isinstance(kind, types.Number | types.Boolean):
        return Scalar(str(kind))
    raise ValueError(f"{kind} is not an argument that loops are compiled for ahead of time.")


def to_numba(kind):
    """Return numba's type for one of ours."""
    from numba.core import types

    if isinstance(kind, Group):
        return types.BaseTuple.from_types([to_numba(item) for item in kind.items])
    dtype = getattr(types, {"bool": "boolean"}.get(kind.dtype, kind.dtype))
    if isinstance(kind, Scalar):
        return dtype
    return types.Array(dtype, kind.ndim, "C", readonly=not kind.written)

"""Identity: text that tells functions and objects of users apart, whatever their names."""

import inspect
import pickle
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType

import numpy as np

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)
_LIBRARIES = ("builtins", "keras.", "tensorflow.")


def fingerprint(thing, known=None):
    """Return a string that changes when the code or the contents of a thing change.

    Functions include what they use of their own module. Objects that cannot be pickled, such as
    an open file, count by their attributes and type.
    """
    if isinstance(thing, _PLAIN):
        return repr(thing)
    known = {} if known is None else known
    if id(thing) in known:
        return f"#{known[id(thing)][0]}"
    known[id(thing)] = len(known), thing  # kept alive, or another could get its number
    parts = ", ".join(fingerprint(part, known) for part in _parts(thing))
    return f"{type(thing).__name__}({parts})"


def _parts(thing):
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        return thing.dtype.str, thing.shape, thing.tobytes()
    if isinstance(thing, list | tuple):
        return thing
    if isinstance(thing, set | frozenset):
        return sorted(map(fingerprint, thing))
    if isinstance(thing, dict):
        return thing.items()
    if isinstance(thing, ModuleType):
        return (thing.__name__,)
    if isinstance(thing, CodeType):
        return thing.co_code, thing.co_names, thing.co_consts
    if isinstance(thing, FunctionType):
        used = inspect.getclosurevars(thing)
        mine = {k: v for k, v in used.globals.items() if _is_at_home(v, thing.__module__)}
        defaults = thing.__defaults__, thing.__kwdefaults__
        return thing.__qualname__, thing.__code__, defaults, used.nonlocals, mine
    if isinstance(thing, MethodType):
        return thing.__func__, thing.__self__
    if isinstance(thing, partial):
        return thing.func, thing.args, thing.keywords
    if isinstance(thing, type):
        own = (c for c in thing.__mro__ if not f"{c.__module__}.".startswith(_LIBRARIES))
        methods = [f for c in own for f in vars(c).values() if isinstance(f, FunctionType)]
        return thing.__module__, thing.__qualname__, methods
    return type(thing), _contents(thing)


def _is_at_home(value, module):
    return isinstance(value, _PLAIN) or getattr(value, "__module__", None) == module


def _contents(thing):
    try:
        return pickle.dumps(thing)
    except Exception:  # which pickling raises of any kind
        return getattr(thing, "__dict__", None)

"""Validate the docstring of every public object and of its methods with numpydoc.

`numpydoc lint` reads files without importing them: it would also check private helpers, and it
reports fields of dataclasses as unknown parameters and properties as functions.
"""

import inspect
import sys

from numpydoc.hooks.validate_docstrings import parse_config
from numpydoc.validate import validate

import skextra
import skextra.plotting


def public_objects():
    """Yield the dotted name of every public object, and of its methods defined in skextra."""
    for room in (skextra, skextra.plotting):
        for name in filter(lambda name: callable(getattr(room, name)), room.__all__):
            yield f"{room.__name__}.{name}"
            for member, value in inspect.getmembers(getattr(room, name)):
                home = getattr(getattr(value, "fget", value), "__module__", None) or ""
                if not member.startswith("_") and home.startswith("skextra"):
                    yield f"{room.__name__}.{name}.{member}"


checks = parse_config(".")["checks"]
problems = [
    f"{name}: {code} {text}"
    for name in public_objects()
    for code, text in validate(name)["errors"]
    if code in checks
]
print("\n".join(problems) or "Docstrings of all public names are complete.")
sys.exit(bool(problems))

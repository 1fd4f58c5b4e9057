"""Parameters of displays."""

from numbers import Integral

import numpy as np


def check_whole(
    name: str, value: object, *, least: int | None = None, or_none: bool = False
) -> int | None:
    """Return a whole number, or None where that is allowed; raise an error for anything else."""
    if value is None and or_none:
        return None
    rest = ", or None for all" if or_none else ""
    if not isinstance(value, Integral) or isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r} must be a whole number{rest}.")
    if least is not None and value < least:
        raise ValueError(f"{name}={value} must be {least} or more{rest}.")
    return int(value)

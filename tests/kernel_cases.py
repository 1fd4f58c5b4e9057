"""What the tests of compiled loops share."""

import numpy as np
from numpy.testing import assert_array_equal


def call(kernel, args, written):
    """Call a kernel; all but the arrays `written` must stay as they are, in tuples too.

    Tuples come plain, as the package hands them over.
    """
    args = [tuple(arg) if isinstance(arg, tuple) else arg for arg in args]
    flat = [item for arg in args for item in (arg if isinstance(arg, tuple) else [arg])]
    before = [np.copy(item) for item in flat]
    result = kernel(*args)
    for item, old in zip(flat, before, strict=True):
        if not any(item is array for array in written):
            assert_array_equal(item, old)
    return result

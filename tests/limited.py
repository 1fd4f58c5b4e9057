"""Fit one estimator with ever less memory: ``python tests/limited.py KMeansPP``; Linux only.

A fit that gets too little raises MemoryError and leaves the fit before as it was. Run in a process
of its own by test_system.py.
"""

import resource
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from ecosystem_cases import X, assert_same, fitted, new, target

MOST = 512 * 2**20


def taken():
    """Return the bytes that the process has for its data."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmData")) * 1024


def refuse_beyond(allowed):
    """Let the process take so many bytes more; as many as it likes for None."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = hard if allowed is None else taken() + allowed
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def take_buffers():
    """Let OpenBLAS take its buffers now: where it gets none later it ends the process.

    It keeps one for each product at a time. How many a fit has had depends on how its threads met.
    """
    square = np.ones((256, 256))

    def multiply(product):
        for _ in range(30):
            np.matmul(square, square, out=product)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(multiply, np.empty((8, 256, 256))))


def main(name):
    """Halve the memory until there is none."""
    warnings.simplefilter("ignore")
    many = np.tile(X, (600, 1)) + np.arange(90_000)[:, None] * 1e-7
    y = np.tile(target(name), 600)
    before, model = fitted(name), fitted(name)
    whole = new(name).fit(many, y)  # compiles, and starts the threads
    assert_same(model.fit(many, y), whole)
    take_buffers()
    outcomes = []
    for halvings in range(12):
        model = fitted(name)
        refuse_beyond(MOST >> halvings)
        try:
            model.fit(many, y)
            outcomes.append("fitted")
        except (MemoryError, TypeError) as error:  # NumPy 1.26 raises the latter from the former
            if not isinstance(error.__cause__ or error, MemoryError):
                raise
            outcomes.append("refused")
        finally:
            refuse_beyond(None)
        assert_same(model, whole if outcomes[-1] == "fitted" else before)
    assert_same(model.fit(many, y), whole)
    print(*outcomes, "good")


if __name__ == "__main__":
    main(sys.argv[1])

"""Settings that must stand before scikit-learn and SciPy are imported."""

import os
from importlib.metadata import version

# scikit-learn's array API checks are skipped without it; they need SciPy 1.14 or newer.
if tuple(map(int, version("scipy").split(".")[:2])) >= (1, 14):
    os.environ.setdefault("SCIPY_ARRAY_API", "1")

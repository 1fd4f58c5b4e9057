"""Settings that must stand before scikit-learn and SciPy are imported."""

import os

# scikit-learn's array API checks are skipped without it.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

"""CSR matrices in the form that compiled loops take."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skextra._base import frozen
from skextra._typing import FloatArray, FloatMatrix


def without_repeats(X: FloatMatrix) -> FloatMatrix:
    """Return X, which may be dense, with sorted indices and each entry stored once.

    Norms and products of entries would be wrong with entries stored in parts.
    """
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def csr_arrays(X: sparse.csr_array) -> tuple[FloatArray, NDArray[Any], NDArray[Any]]:
    """Return (data, indices, indptr), read-only.

    Indices are unsigned, which spares the loops a test for negative ones.
    """
    unsigned = np.uint32 if X.indices.dtype.itemsize == 4 else np.uint64
    return frozen(X.data), frozen(X.indices.view(unsigned)), frozen(X.indptr)

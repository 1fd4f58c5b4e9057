"""The Gaussian kernel between rows and landmarks, a block at a time."""

import numpy as np
from scipy import sparse

# float32 squares of distances are good to about 1e-7 of the squares of the norms: up to this
# exponent the kernel then keeps three digits where it is not zero.
_LARGEST_FLOAT32_EXPONENT = 5e3


class LandmarkKernel:
    """exp(-gamma |x - l|^2) for landmarks l, by one matrix product a block.

    Parameters
    ----------
    landmarks : {ndarray, CSR array} of shape (m, d)
        The landmarks.
    gamma : float
        Inverse squared width.
    dtype : dtype
        Precision of the blocks.
    """

    def __init__(self, landmarks, gamma, dtype):
        self.dtype = np.dtype(dtype)
        self.scale = np.sqrt(2.0 * gamma)
        self.centre = None
        if sparse.issparse(landmarks):
            scaled = landmarks.astype(np.float64) * self.scale
            squares = np.asarray(scaled.multiply(scaled).sum(axis=1)).ravel()
            self.columns = scaled.astype(self.dtype).T.tocsr()
        else:
            self.centre = landmarks.mean(axis=0, dtype=np.float64)
            scaled = (landmarks - self.centre) * self.scale
            squares = np.einsum("ij,ij->i", scaled, scaled)
            self.columns = np.ascontiguousarray(scaled.T, dtype=self.dtype)
        self.halves = (0.5 * squares).astype(self.dtype)
        self.shape = landmarks.shape

    def block(self, X, out=None):
        """Return the kernel of the rows of X with all landmarks, (n, m)."""
        if self.centre is None and not sparse.issparse(X):
            X = sparse.csr_array(X)
        elif self.centre is not None and sparse.issparse(X):
            X = X.toarray()
        if self.centre is None:
            rows = X.astype(self.dtype) * self.dtype.type(self.scale)
            squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
            exponents = rows @ self.columns
            exponents = exponents.toarray() if sparse.issparse(exponents) else exponents
            if out is not None:
                out[:] = exponents
                exponents = out
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                rows = np.multiply(X - self.centre, self.scale).astype(self.dtype, copy=False)
                squares = np.einsum("ij,ij->i", rows, rows)
                exponents = np.dot(rows, self.columns, out=out)
        far = ~np.isfinite(squares)
        squares *= self.dtype.type(0.5)
        with np.errstate(invalid="ignore"):
            exponents -= squares[:, None]
        exponents -= self.halves
        if far.any():  # beyond the range of numbers, and of any landmark
            exponents[far] = -np.inf
        np.minimum(exponents, 0, out=exponents)
        return np.exp(exponents, out=exponents)


def needs_float64(landmarks, gamma):
    """Return whether distances between landmarks are too fine for float32 products."""
    if sparse.issparse(landmarks):
        squares = np.asarray(landmarks.multiply(landmarks).sum(axis=1)).ravel()
    else:
        centred = landmarks - landmarks.mean(axis=0, dtype=np.float64)
        squares = np.einsum("ij,ij->i", centred, centred)
    return gamma * squares.max() > _LARGEST_FLOAT32_EXPONENT

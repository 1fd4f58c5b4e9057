"""LAPACK's solvers, called hundreds of times in a fit, where SciPy's checks would take time."""

import numpy as np
from scipy import linalg

from skextra._common._threads import run

# Order from which QuickTriangle is used: for smaller factors substitution costs little, and
# forming the inverse and sharing the products gain nothing: benchmarks/svm_constants.py.
QUICK_FROM = 500
_PARTS = 8  # of such a product: more leave out more zeros, and make smaller products
# Added to the diagonal in turn, as shares of its largest entry, until a matrix is positive: from
# some rounding errors of float64 to as much as leaves half of its digits.
_RIDGES = (1e-14, 1e-12, 1e-10, 1e-8)
# Factors are kept in Fortran order: LAPACK would copy others at every call.


def cholesky(matrix, ridges=_RIDGES):
    """Return the upper triangular factor R with ``R.T @ R == matrix``; overwrites the matrix.

    If rounding has made the matrix indefinite, as little is added to its diagonal as makes it
    positive definite. Raise LinAlgError if that is not enough.
    """
    # The transpose of a symmetric array in C order is the same matrix in Fortran order.
    matrix = matrix if matrix.flags.f_contiguous else matrix.T
    diagonal = matrix.diagonal().copy()
    factor, info = linalg.lapack.dpotrf(matrix, overwrite_a=True, clean=False)
    for share in ridges if info else ():
        # LAPACK has overwritten the upper triangle and the diagonal only.
        lower = np.tril(matrix, -1)
        matrix = np.asfortranarray(lower + lower.T)
        np.fill_diagonal(matrix, diagonal + share * np.abs(diagonal).max())
        factor, info = linalg.lapack.dpotrf(matrix, overwrite_a=True, clean=False)
        if not info:
            break
    if info:
        raise linalg.LinAlgError(f"The leading minor of order {info} is not positive.")
    return factor


def add_to_diagonal(matrix, values):
    """Add to the diagonal of a square matrix, in place."""
    np.einsum("ii->i", matrix)[...] += values  # a view; an index takes longer


def solve_cholesky(factor, right):
    """Return the solution of ``R.T @ R @ x = right``."""
    return linalg.lapack.dpotrs(factor, right)[0]


def solve_upper(factor, right, transposed=False):
    """Return the solution of ``R @ x = right``, or of ``R.T @ x = right``."""
    return linalg.lapack.dtrtrs(factor, right, trans=int(transposed))[0]


def solve_positive(matrix, right):
    """Return the solution of ``matrix @ x = right``; overwrites the matrix."""
    return solve_cholesky(cholesky(matrix), right)


class QuickTriangle:
    """An upper triangular factor, for many solutions to the precision of float32.

    Its inverse is formed once: products with it are shared among threads, and read half the
    memory that substitution in float64 would.
    """

    def __init__(self, factor, threads):
        inverse, _ = linalg.lapack.strtri(np.asfortranarray(factor, dtype=np.float32))
        self._inverse = np.triu(inverse)
        self._threads = threads

    def solve(self, right, transposed=False):
        """Return the solution of ``R @ x = right``, or of ``R.T @ x = right``."""
        right = right.astype(np.float32)
        edges = np.linspace(0, len(self._inverse), _PARTS + 1).astype(int)

        def part(number):  # without the zeros beyond the diagonal
            first, last = edges[number], edges[number + 1]
            if transposed:
                return self._inverse[:last, first:last].T @ right[:last]
            return self._inverse[first:last, first:] @ right[first:]

        return np.concatenate(run(part, _PARTS, self._threads))


def independent(gram, tolerance):
    """Return (numbers of rows of `gram` that are numerically independent, their factor).

    A Cholesky factorisation with pivots: the factor R is upper triangular with
    ``R.T @ R == gram[numbers][:, numbers]``; the residual of every other row is below `tolerance`
    times the largest diagonal entry. A negative tolerance is LAPACK's own.
    """
    # Mostly all are. Then their order is kept, and does not depend on how pivots are rounded.
    # The Gram matrix in C order is its own transpose: nothing is copied but by LAPACK.
    factor, info = linalg.lapack.dpotrf(gram.T)
    largest = np.diagonal(gram).max()
    least = largest * (tolerance if tolerance > 0 else len(gram) * np.finfo(np.float64).eps)
    if not info and (np.diagonal(factor) ** 2).min() > least:
        return np.arange(len(gram)), factor
    factor, pivots, rank, _ = linalg.lapack.dpstrf(gram.T, tol=tolerance * largest)
    kept = pivots[:rank] - 1
    return kept, np.asfortranarray(np.triu(factor[:rank, :rank]))


def absolute(matrix):
    """Return the symmetric matrix with the same eigenvectors and absolute eigenvalues."""
    values, vectors = linalg.eigh(matrix, check_finite=False)
    return (vectors * np.abs(values)) @ vectors.T


def outer_square(factor):
    """Return ``R @ R.T`` of an upper triangular R."""
    product, _ = linalg.lapack.dlauum(factor)
    product = np.triu(product)
    product += np.triu(product, 1).T
    return product

"""One row of a CSR matrix against weights of several columns, which only other loops call."""

import numpy as np

from skextra._kernels._inner import inner

FAST = {"reassoc", "contract", "nsz"}


def in_columns(width):
    """Return (add_product, add_multiple), the loops for weights of so many columns.

    The number is known when they are compiled, so that the columns are the lanes of a vector.
    """

    @inner(fastmath=FAST)
    def add_product(data, indices, first, last, weights, totals):
        """Add the products of the entries ``first:last`` and the weights to the totals."""
        one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
        # Four entries at once: each total is read and written a quarter as often.
        whole = first + ((last - first) & ~three)
        q = first
        while q < whole:
            u, v = np.float64(data[q]), np.float64(data[q + one])
            x, y = np.float64(data[q + two]), np.float64(data[q + three])
            a, b = weights[indices[q]], weights[indices[q + one]]
            c, d = weights[indices[q + two]], weights[indices[q + three]]
            for j in range(width):
                totals[j] += u * a[j] + v * b[j] + x * c[j] + y * d[j]
            q += four
        while q < last:
            u, a = np.float64(data[q]), weights[indices[q]]
            for j in range(width):
                totals[j] += u * a[j]
            q += one

    @inner(fastmath=FAST)
    def add_multiple(data, indices, first, last, factors, weights):
        """Add the entries ``first:last``, times a factor for each column, to the weights."""
        for q in range(first, last):
            v, row = np.float64(data[q]), weights[indices[q]]
            for j in range(width):
                row[j] += v * factors[j]

    return add_product, add_multiple

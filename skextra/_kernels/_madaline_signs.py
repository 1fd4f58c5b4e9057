"""Signs of linear sums that matrix products have given."""

from skextra._kernels._kernel import kernel


@kernel
def settle_signs(X, coef, intercept, doubts, sums):
    """Replace the products of patterns and weights, in `sums`, by the signs of the linear sums.

    Where rounding may decide the sign, which is up to `doubts` from zero, the sum is added up
    again, input after input. A sign of 0 is -1.
    """
    n, n_units = sums.shape
    one = sums.dtype.type(1)
    for r in range(n):
        row = sums[r]
        n_doubtful = 0
        for i in range(n_units):
            row[i] += intercept[i]
            n_doubtful += not abs(row[i]) > doubts[i]  # or it is not a number
        if n_doubtful > 0:
            for i in range(n_units):
                if not abs(row[i]) > doubts[i]:
                    s = intercept[i]
                    for j in range(len(coef)):
                        s += X[r, j] * coef[j, i]
                    row[i] = s
        for i in range(n_units):
            row[i] = one if row[i] > 0 else -one

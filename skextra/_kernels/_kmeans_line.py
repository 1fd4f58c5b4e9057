"""The best partition of the sorted rows of one feature into runs, by dynamic programming."""

import numpy as np

from skextra._kernels._kernel import kernel

# Sums of squares from far away cancel: those of two groups a million of their widths apart leave
# nothing of the widths in float64. So sums are pairs of numbers, high and low part, of which the
# second is the rounding error of the first: runs are told apart by 1e-30 of the whole inertia.
_SPLITTER = 134217729.0  # 2 ** 27 + 1 halves the digits of a float64


@kernel
def _exact_sum(a, b):
    """Return a + b, rounded, and the rounding error (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@kernel
def _exact_product(a, b):
    """Return a * b, rounded, and the rounding error (Dekker)."""
    p = a * b
    t = _SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


@kernel
def add_up(x, weight, sums):
    """Write the sums of w, w x and w x^2 over the rows before each, as (high, low) parts."""
    for i in range(len(x)):
        wx, wx_low = _exact_product(weight[i], x[i])
        wxx, wxx_low = _exact_product(wx, x[i])
        terms = (weight[i], 0.0), (wx, wx_low), (wxx, wxx_low + wx_low * x[i])
        for m in range(3):
            high, low = _exact_sum(sums[m, 0, i], terms[m][0])
            low += sums[m, 1, i] + terms[m][1]
            sums[m, 0, i + 1], sums[m, 1, i + 1] = _exact_sum(high, low)


@kernel
def _difference(sums, m, i, j):
    high, low = _exact_sum(sums[m, 0, j], -sums[m, 0, i])
    return high, low + (sums[m, 1, j] - sums[m, 1, i])


@kernel
def measure_run(sums, i, j):
    """Return (weight, mean, inertia) of the rows ``i:j``."""
    mass, mass_low = _difference(sums, 0, i, j)
    total, total_low = _difference(sums, 1, i, j)
    square, square_low = _difference(sums, 2, i, j)
    mean = total / mass if mass > 0 else 0.0
    # square - mean * (2 total - mean * mass): right to second order if the mean is rounded
    part, part_low = _exact_product(mean, mass)
    rest, rest_low = _exact_sum(2 * total, -part)
    rest_low += 2 * total_low - (part_low + mean * mass_low)
    part, part_low = _exact_product(mean, rest)
    part_low += mean * rest_low
    return mass, mean, max((square - part) + (square_low - part_low), 0.0)


@kernel
def _last_run(x, weight, sums, before, j, lower, upper):
    """Return (where the last run of the first j rows begins best, their inertia then).

    ``before[i]`` is the least inertia of the first i rows in one run fewer. Beginnings from
    `upper` down to `lower` are tried: the run only grows, and so does its inertia.
    """
    mass, mean, inertia = measure_run(sums, upper, j)
    start, least = upper, inertia + before[upper]
    for i in range(upper - 1, lower - 1, -1):
        both = mass + weight[i]
        share = weight[i] / both
        t = x[i] - mean
        inertia += mass * share * t * t
        mean += share * t
        mass = both
        if inertia >= least:
            break
        total = inertia + before[i]
        if total < least:
            start, least = i, total
    return start, least


@kernel
def best_starts(x, weight, sums, starts):
    """Write into ``starts[q, j]`` where the last run begins if the first j rows form q + 1 best.

    `x` rises and has one number or more for every run; `sums` are those of `add_up`. Of the last
    line only its end is filled. The beginnings rise with j, so that each lies between those of
    its neighbours twice as far apart, which are found first: n log n steps a line.
    """
    k, n = starts.shape[0], len(x)
    before, after = np.full(n + 1, np.inf), np.full(n + 1, np.inf)
    for j in range(1, n + 1):
        starts[0, j] = 0
        before[j] = measure_run(sums, 0, j)[2]
    for q in range(1, k):
        count = n - q
        stride = 1
        while 2 * stride <= count:
            stride *= 2
        if q == k - 1:
            starts[q, n], _ = _last_run(x, weight, sums, before, n, q, n - 1)
            stride = 0
        while stride > 0:
            for r in range(stride, count + 1, 2 * stride):
                j = q + r
                lower = starts[q, j - stride] if r > stride else q
                upper = min(starts[q, j + stride], j - 1) if r + stride <= count else j - 1
                starts[q, j], after[j] = _last_run(x, weight, sums, before, j, lower, upper)
            stride //= 2
        before, after = after, before

"""One epoch of sample-by-sample LMS on the rows of a CSR matrix."""

import numpy as np

from skextra._kernels._kernel import kernel

_FASTMATH = {"reassoc", "contract", "nsz"}


@kernel(fastmath=_FASTMATH)
def lms_epoch_csr(rows, order, targets, gains, pairs, u, average):
    """Present every row once; return the weighted squared error of the frozen weights.

    ``pairs[k, 2 j]`` is the moving and ``pairs[k, 2 j + 1]`` the frozen weight of output k and
    feature j, side by side so that the dot products of the update and of the loss share one
    cache miss. The arithmetic is that of the dense kernel. Indices are unsigned, which spares the
    loops a test for negative ones, and each sum has two accumulators, which halves the latency.
    """
    data, indices, indptr, bias = rows
    step, hold, weight, inc, total = gains
    n, n_outputs = targets.shape
    one = np.uint64(1)
    two = np.uint64(2)
    p = np.uint64(pairs.shape[1] // 2 - 1)
    real = data.dtype.type
    zero = real(0)
    shuffled = order.size > 0
    loss = 0.0
    for k in range(n_outputs):
        wv = pairs[k]
        uk = u[k]
        b = wv[two * p]
        frozen_b = bias * wv[two * p + one]
        seen = 0.0
        for position in range(n):
            i = order[position] if shuffled else position
            r = i * inc
            first = np.uint64(indptr[i])
            last = np.uint64(indptr[i + 1])
            even = first + ((last - first) & ~one)
            s0 = bias * b
            s1 = zero
            t0 = frozen_b
            t1 = zero
            m = first
            while m < even:
                j0 = two * np.uint64(indices[m])
                j1 = two * np.uint64(indices[m + one])
                s0 += data[m] * wv[j0]
                t0 += data[m] * wv[j0 + one]
                s1 += data[m + one] * wv[j1]
                t1 += data[m + one] * wv[j1 + one]
                m += two
            if m < last:
                j0 = two * np.uint64(indices[m])
                s0 += data[m] * wv[j0]
                t0 += data[m] * wv[j0 + one]
            f = np.float64(targets[i, k] - t0 - t1)
            loss += weight[r] * f * f
            e = targets[i, k] - s0 - s1
            c = step[r] * e
            for q in range(first, last):
                wv[two * np.uint64(indices[q])] += c * data[q]
            b += bias * c
            if average:
                seen += weight[r]
                a = real((step[r] * (total - seen) + hold[r]) / total) * e
                for q in range(first, last):
                    uk[indices[q]] += a * data[q]
                uk[p] += bias * a
        wv[two * p] = b
    return loss

"""One epoch of sample-by-sample LMS on dense rows."""

import numpy as np

from skextra._kernels._kernel import kernel

# Sums may be regrouped and contracted to fused multiply-adds, without which the loops do not
# vectorise; NaN and infinity keep their meaning, because divergence shows in them.
_FASTMATH = {"reassoc", "contract", "nsz"}


@kernel(fastmath=_FASTMATH)
def lms_epoch(rows, order, targets, gains, w, u, average, v, power):
    """Present every row once; return the weighted squared error of the frozen weights `v`.

    For output k the update is ``w_k += step_i * e_ik * x_i`` with ``e_ik = d_ik - w_k . x_i``.
    The update of a row is made in the loop that takes the dot products of the next one, so that
    memory is read without pause; `lms_epoch_narrow` does the same by pairs of rows. The weighted
    sum of squared errors of `v` is taken in the same pass.

    `u` gathers ``sum_i a_i e_i x_i`` with ``a_i = (step_i (total - C_i) + hold_i) / total``, C_i
    the weight presented so far: added to the weights before the epoch, it is the mean of all
    iterates within the epoch.

    `power`, unless it is empty, receives the sum and the maximum of the squared norms of the rows,
    each norm in the precision of the rows.
    """
    buf, start, stride, p, bias = rows
    step, hold, weight, inc, total = gains
    n, n_outputs = targets.shape
    real = buf.dtype.type
    shuffled = order.size > 0
    pending = np.zeros(n_outputs, buf.dtype)
    pending_mean = np.zeros(n_outputs, buf.dtype)
    z = buf[:p]
    seen = 0.0
    total_power = 0.0
    largest = real(0)
    loss = 0.0
    for position in range(n):
        i = order[position] if shuffled else position
        r = i * inc
        o = start + i * stride
        x = buf[o : o + p]
        share = real(0)
        if average:
            seen += weight[r]
            share = real((step[r] * (total - seen) + hold[r]) / total)
        for k in range(n_outputs):
            wk = w[k]
            vk = v[k]
            c = pending[k]
            s = bias * wk[p]
            t = bias * vk[p]
            for j in range(p):
                wj = wk[j] + c * z[j]
                wk[j] = wj
                s += x[j] * wj
                t += x[j] * vk[j]
            f = np.float64(targets[i, k] - t)
            loss += weight[r] * f * f
            e = targets[i, k] - s
            pending[k] = step[r] * e
            wk[p] += bias * pending[k]
            if average:
                uk = u[k]
                a = pending_mean[k]
                for j in range(p):
                    uk[j] += a * z[j]
                pending_mean[k] = share * e
                uk[p] += bias * pending_mean[k]
        if power.size > 0:
            q = bias * bias
            for j in range(p):
                q += x[j] * x[j]
            total_power += np.float64(q)
            largest = max(largest, q)
        z = x
    for k in range(n_outputs):
        for j in range(p):
            w[k, j] += pending[k] * z[j]
            u[k, j] += pending_mean[k] * z[j]
    if power.size > 0:
        power[0] = total_power
        power[1] = largest
    return loss


@kernel(fastmath=_FASTMATH)
def lms_epoch_narrow(rows, order, targets, gains, w, u, average, v, power):
    """Do the same as `lms_epoch`, faster for short rows, which spend most time on latency.

    Rows are taken in pairs: the second error of a pair is ``d_1 - w . x_1 - c_0 x_0 . x_1``,
    which is the sequential rule written so that both dot products can start at once. Each output
    takes a pass of its own, which keeps what passes from row to row in registers.
    """
    buf, start, stride, p, bias = rows
    step, hold, weight, inc, total = gains
    n, n_outputs = targets.shape
    real = buf.dtype.type
    zero = real(0)
    bias_power = bias * bias
    shuffled = order.size > 0
    total_power = 0.0
    largest = zero
    loss = 0.0
    for k in range(n_outputs):
        wk = w[k]
        vk = v[k]
        uk = u[k]
        b = wk[p]
        frozen_b = vk[p] * bias
        mean_b = zero
        c0 = zero
        c1 = zero
        a0 = zero
        a1 = zero
        z0 = buf[:p]
        z1 = z0
        seen = 0.0
        for position in range(0, n, 2):
            # An odd last row is paired with itself at zero weight and zero step.
            paired = position + 1 < n
            i0 = order[position] if shuffled else position
            i1 = i0
            if paired:
                i1 = order[position + 1] if shuffled else position + 1
            r0 = i0 * inc
            r1 = i1 * inc
            o0 = start + i0 * stride
            o1 = start + i1 * stride
            x0 = buf[o0 : o0 + p]
            x1 = buf[o1 : o1 + p]
            s0 = zero
            s1 = zero
            t0 = zero
            t1 = zero
            cross = zero
            for j in range(p):
                wj = wk[j] + c0 * z0[j] + c1 * z1[j]
                wk[j] = wj
                s0 += x0[j] * wj
                s1 += x1[j] * wj
                t0 += x0[j] * vk[j]
                t1 += x1[j] * vk[j]
                cross += x0[j] * x1[j]
            if k == 0 and power.size > 0:
                q0 = bias_power
                q1 = bias_power
                for j in range(p):
                    q0 += x0[j] * x0[j]
                    q1 += x1[j] * x1[j]
                total_power += np.float64(q0) + (np.float64(q1) if paired else 0.0)
                largest = max(largest, max(q0, q1))
            if average:
                for j in range(p):
                    uk[j] += a0 * z0[j] + a1 * z1[j]
            weight0 = weight[r0]
            weight1 = weight[r1] if paired else 0.0
            step0 = step[r0]
            step1 = step[r1] if paired else zero
            f0 = np.float64(targets[i0, k] - t0 - frozen_b)
            f1 = np.float64(targets[i1, k] - t1 - frozen_b)
            loss += weight0 * f0 * f0 + weight1 * f1 * f1
            e0 = targets[i0, k] - s0 - bias * b
            c0 = step0 * e0
            e1 = targets[i1, k] - s1 - bias * b - c0 * (cross + bias_power)
            c1 = step1 * e1
            b += bias * (c0 + c1)
            if average:
                seen += weight0
                a0 = real((step0 * (total - seen) + hold[r0]) / total) * e0
                seen += weight1
                if paired:
                    a1 = real((step1 * (total - seen) + hold[r1]) / total) * e1
                else:
                    a1 = zero
                mean_b += bias * (a0 + a1)
            z0 = x0
            z1 = x1
        for j in range(p):
            wk[j] += c0 * z0[j] + c1 * z1[j]
            uk[j] += a0 * z0[j] + a1 * z1[j]
        wk[p] = b
        uk[p] += mean_b
    if power.size > 0:
        power[0] = total_power
        power[1] = largest
    return loss


@kernel(fastmath=_FASTMATH)
def squared_error(rows, targets, gains, v):
    """Return the weighted sum over rows and outputs of the squared errors of `v`."""
    buf, start, stride, p, bias = rows
    _, _, weight, inc, _ = gains
    n, n_outputs = targets.shape
    loss = 0.0
    for i in range(n):
        o = start + i * stride
        x = buf[o : o + p]
        for k in range(n_outputs):
            vk = v[k]
            t = buf.dtype.type(0)
            for j in range(p):
                t += x[j] * vk[j]
            f = np.float64(targets[i, k] - t - bias * vk[p])
            loss += weight[i * inc] * f * f
    return loss


@kernel(fastmath=_FASTMATH)
def row_powers(rows, scale, out):
    """Write ``bias^2 + ||scale * x_i||^2`` of every row, in float64."""
    buf, start, stride, p, real_bias = rows
    bias = np.float64(real_bias)
    for i in range(len(out)):
        o = start + i * stride
        x = buf[o : o + p]
        s = bias * bias
        for j in range(p):
            s += (scale * np.float64(x[j])) ** 2  # float32 squares overflow from 2e19 on
        out[i] = s


@kernel(fastmath=_FASTMATH)
def lms_adapt(rows, targets, gains, w, total, outputs, path):
    """Present every row once, keeping each a-priori output, and the weights if `path` has room.

    `total` gathers the sum of all iterates.
    """
    buf, start, stride, p, bias = rows
    step, _, _, inc, _ = gains
    n, n_outputs = targets.shape
    for i in range(n):
        o = start + i * stride
        x = buf[o : o + p]
        for k in range(n_outputs):
            wk = w[k]
            s = bias * wk[p]
            for j in range(p):
                s += x[j] * wk[j]
            outputs[i, k] = s
            c = step[i * inc] * (targets[i, k] - s)
            for j in range(p):
                wk[j] += c * x[j]
            wk[p] += bias * c
            for j in range(p + 1):
                total[k, j] += wk[j]
            if path.size > 0:
                for j in range(p + 1):
                    path[i, k, j] = wk[j]

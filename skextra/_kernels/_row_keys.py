"""A 64-bit key for every row that depends on its content alone."""

import numpy as np
from numba import njit

from skextra._kernels._inner import inner

# Keys are sums of (folded bit pattern) x (random odd multiplier) modulo 2^64. The order of the
# terms does not matter and zeros contribute nothing, so that a sparse row has the same key as its
# dense form. The shifts by 29 and 17 bits fold the high half of a pattern into the low half and
# back, because small whole numbers differ in their top bits only.


@inner
def mix(key):
    """Scramble a key (the finaliser of SplitMix64; Steele, Lea & Flood 2014)."""
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))


@inner
def term(bits, multiplier, sign):
    """Return one entry's share of the key; `sign` is the pattern of -0.0, which counts as 0."""
    pattern = np.uint64(bits)
    if pattern == sign:
        pattern = np.uint64(0)
    return (pattern ^ (pattern >> np.uint64(29)) ^ (pattern << np.uint64(17))) * multiplier


def keys_of_dense(buf, start, stride, n, p, multipliers):
    """Return the keys of n rows of floats."""
    keys = np.empty(n, np.uint64)
    bits, sign = _bits_of(buf)
    row_keys_dense(bits, start, stride, p, multipliers, sign, False, keys)
    return keys


def finish_keys(keys, targets, multipliers):
    """Make the keys of rows those of the rows together with their targets, scrambled."""
    bits, sign = _bits_of(targets.reshape(-1))
    p = targets.shape[1]
    row_keys_dense(bits, 0, p, p, multipliers, sign, True, keys)


def keys_of_csr(data, indices, indptr, multipliers):
    """Return the keys of the rows of a CSR matrix of floats."""
    keys = np.empty(len(indptr) - 1, np.uint64)
    bits, sign = _bits_of(data)
    row_keys_csr(bits, indices, indptr, multipliers, sign, keys)
    return keys


def _bits_of(values):
    bits = values.view(np.uint64 if values.dtype == np.float64 else np.uint32)
    return bits, np.uint64(1 << (8 * bits.itemsize - 1))


@njit(cache=True, nogil=True)
def row_keys_dense(bits, start, stride, p, multipliers, sign, finish, keys):
    """Write the keys of dense rows; `bits` is the buffer seen as unsigned integers.

    With `finish` the rows are targets, and their keys and those in `keys` are mixed into one.
    """
    for i in range(keys.size):
        o = start + i * stride
        acc = np.uint64(0)
        for j in range(p):
            acc += term(bits[o + j], multipliers[j], sign)
        keys[i] = mix(keys[i] ^ mix(acc)) if finish else acc


@njit(cache=True, nogil=True)
def row_keys_csr(bits, indices, indptr, multipliers, sign, keys):
    """Write the keys of CSR rows."""
    for i in range(keys.size):
        acc = np.uint64(0)
        for m in range(indptr[i], indptr[i + 1]):
            acc += term(bits[m], multipliers[indices[m]], sign)
        keys[i] = acc

"""Packing: whole numbers of a few bits each, packed into bytes without gaps."""

import numpy as np

# A number then lies in two bytes at most, which ClusteredLayer reads together.
MOST_BITS = 8


def bits_for(n):
    """Return the number of bits for one of n numbers."""
    return max(1, (n - 1).bit_length())


def packed_size(count, bits):
    """Return the number of bytes that `count` numbers of `bits` bits take."""
    return -(-count * bits // 8)


def pack(numbers, bits):
    """Return whole numbers as bytes, the lowest bits first.

    Parameters
    ----------
    numbers : ndarray of int of shape (count,)
        Numbers from 0 to 2**bits - 1.

    bits : int
        From 1 to 8.
    """
    columns = (numbers[:, None] >> np.arange(bits)) & 1
    return np.packbits(columns.astype(np.uint8).ravel(), bitorder="little")

"""Compiled inner loops: arrays and plain scalars in, arrays out; numpy and numba, nothing else.

Dense rows arrive as one flat buffer with the offset of the first row and the distance between
rows, so that a C-contiguous matrix and the overlapping windows of a delay line (whose rows are
one sample apart) run through the same unit-stride code without a copy.

Kernels write into arrays that they are given and return nothing but numbers. An interrupt that
comes during a loop is raised when it ends, and numba, were it just then making a NumPy array of a
result, would turn it into a SystemError.
"""

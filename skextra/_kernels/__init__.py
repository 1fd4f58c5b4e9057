"""Compiled inner loops: arrays and plain scalars in, arrays out; numpy and numba, nothing else.

Dense rows arrive as one flat buffer with the offset of the first row and the distance between
rows, so that a C-contiguous matrix and the overlapping windows of a delay line (whose rows are
one sample apart) run through the same unit-stride code without a copy.

Kernels write into arrays that they are given and return nothing but numbers. An interrupt that
comes during a loop is raised when it ends, and numba, were it just then making a NumPy array of a
result, would turn it into a SystemError.

Arguments that belong together are declared as a NamedTuple and handed over as a plain tuple: numba
reads the type of a plain tuple in C, but that of a NamedTuple in Python, at a microsecond a call.
A loop unpacks it, or names its parts again, ``block = DenseBlock(*block)``, which costs nothing.
"""

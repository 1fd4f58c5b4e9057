"""Compression: networks folded, in fewer bytes, and in the files of other runtimes."""

"""Compression: networks folded, stored in fewer bytes, and exported to other runtimes."""

"""Zip: files of networks are zip files, which may be made to fill the memory."""

import os
import zipfile

# Bytes that no machine with Keras lacks, whatever they were packed to.
_HARMLESS = 64 * 1024 * 1024
# Weights are nearly random and hardly shrink; zeros, of which initial biases and statistics
# consist, shrink by up to 1032. No network of that size consists of them alone.
_MOST_DEFLATED = 200


def check_size(path):
    """Raise ValueError if a zip file unpacks to far more than its size, as attacks do."""
    with zipfile.ZipFile(path) as file:
        unpacked = sum(member.file_size for member in file.infolist())
    if unpacked > max(_HARMLESS, _MOST_DEFLATED * os.path.getsize(path)):
        raise ValueError(
            f"{str(path)!r} would unpack to {unpacked:,} bytes, too many for a file of its size "
            "to be a network."
        )

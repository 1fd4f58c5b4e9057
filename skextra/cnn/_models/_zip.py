"""Zip: files of networks are zip files, and not all that come from elsewhere mean well."""

import os
import zipfile

_HARMLESS = 64 * 1024 * 1024
# Weights are next to random and hardly get smaller; those of a start from zeros do.
_MOST_DEFLATED = 200


def check_size(path):
    """Raise ValueError if a zip file unpacks to far more than it is: it was made to do harm."""
    with zipfile.ZipFile(path) as file:
        unpacked = sum(member.file_size for member in file.infolist())
    if unpacked > max(_HARMLESS, _MOST_DEFLATED * os.path.getsize(path)):
        raise ValueError(
            f"{str(path)!r} would unpack to {unpacked:,} bytes, too many for a file of its size "
            "to be a network."
        )

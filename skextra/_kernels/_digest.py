"""A digest of the sources of all loops."""

import hashlib
from pathlib import Path


def sources_digest():
    """Return a digest of the sources of all loops; None if they are not in files, as in a bundle.

    It tells a module that was compiled from other sources, in a clone that has moved on.
    """
    digest = hashlib.sha256()
    paths = sorted(Path(__file__).parent.glob("*.py"))
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest() if paths else None

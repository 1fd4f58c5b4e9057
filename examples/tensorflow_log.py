"""The log lines that TensorFlow writes to stderr whenever it starts, kept out of a tour."""

import os
import re
import sys
import tempfile
from contextlib import contextmanager

# Lines that say nothing of a fit: information, and errors of machines that have no GPU. Warnings
# and errors that are not listed are shown.
_CHATTER = re.compile(
    rb"I\d{4} |\d{4}-\d\d-\d\d [\d:.]+: I "  # severity I, in the formats of absl and TensorFlow
    rb"|WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|To enable the following instructions: "
    rb"|.*\] (failed call to cuInit|Unable to register cu\w+ factory"
    rb"|computation placer already registered|TF-TRT Warning)"
)


@contextmanager
def without_chatter():
    """Withhold what is written to stderr, and write it at the end without TensorFlow's chatter.

    TF_CPP_MIN_LOG_LEVEL cannot do this: TensorFlow reads it once, so that it would hide the errors
    of later fits too, and some lines come before it is read. Where the user has set it nothing is
    withheld, and neither is it where there is no stderr.
    """
    try:
        kept = None if "TF_CPP_MIN_LOG_LEVEL" in os.environ else os.dup(2)
    except OSError:  # stderr is closed
        kept = None
    if kept is None:
        yield
        return
    with tempfile.TemporaryFile() as file:
        _flush()
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            _flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            with open(2, "wb", closefd=False) as stderr:
                stderr.writelines(line for line in file if not _CHATTER.match(line))


def _flush():
    if sys.stderr is not None:
        sys.stderr.flush()

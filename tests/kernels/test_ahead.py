"""Loops compiled ahead of time."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skextra._kernels import _kernel

KERNELS = Path(__file__).parent
AHEAD = KERNELS.parents[1] / "skextra" / "_kernels" / "ahead"

compiled = pytest.mark.skipif(
    _kernel._library is None, reason=f"the loops of this installation are {_kernel.in_use}"
)


def python(*arguments, **environment):
    """Run Python in a process of its own; return its output."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        cwd=KERNELS,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@compiled
@pytest.mark.parametrize("wish, cpu", [("baseline", "x86-64"), ("", "x86-64-v3")])
def test_loops_compiled_ahead_of_time_and_by_numba_agree_to_the_last_bit(wish, cpu, tmp_path):
    if not _kernel._library.level.startswith("x86_64"):
        cpu = "generic"
    elif not wish and _kernel._library.level == "x86_64":
        pytest.skip("this processor has no AVX2")
    output = python(
        "-m", "pytest", "-q", "-p", "both_compilers", "-p", "no:cacheprovider", "-n", "0",
        f"--ignore={Path(__file__).name}", "--rootdir=..", ".",
        SKEXTRA_CPU=wish, NUMBA_CPU_NAME=cpu, NUMBA_CPU_FEATURES="",
        NUMBA_CACHE_DIR=str(tmp_path), PYTHONPATH=str(KERNELS.parent),
    )  # fmt: skip
    both, numba_only = map(int, re.search(r"(\d+) by both, (\d+) by numba only", output).groups())
    assert both > 2 * numba_only


@compiled
def test_the_environment_chooses_the_processor():
    code = "from skextra._kernels._kernel import in_use; print(in_use)"
    assert python("-c", code, SKEXTRA_CPU="baseline").split()[-1] in ("x86_64", "aarch64", "arm64")
    assert "numba" in python("-c", code, SKEXTRA_KERNELS="jit")
    with pytest.raises(AssertionError, match="SKEXTRA_KERNELS='fast' has to be one of"):
        python("-c", code, SKEXTRA_KERNELS="fast")

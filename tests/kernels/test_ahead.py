"""Loops compiled ahead of time."""

import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from both_compilers import AHEAD, lines, matches
from signatures import Array, Group, Scalar, of_numba, to_numba

from skextra._kernels import _kernel

HERE = Path(__file__).parent
compiled = pytest.mark.skipif(
    _kernel._library is None, reason=f"the loops of this installation are {_kernel.in_use}"
)


def python(*arguments, **environment):
    """Run Python in a process of its own; return its output."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        cwd=HERE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_types_are_spelled_and_read_back():
    text = (AHEAD / "signatures.txt").read_text(encoding="utf-8").splitlines()
    spelled = [f"{module}.{loop}: {', '.join(map(str, kinds))}" for module, loop, kinds in lines]
    assert spelled == text
    for _, _, kinds in lines:
        assert tuple(map(of_numba, map(to_numba, kinds))) == kinds


def test_types_match_what_numba_would_compile_for():
    array = np.zeros((2, 3), np.float32)
    assert matches(Group((Array("float32", 2, True), Scalar("int64"))), (array, 3))
    assert not matches(Array("float32", 2, False), array.T)
    assert not matches(Array("float32", 1, False), array)
    assert not matches(Array("float64", 2, False), array)
    assert matches(Scalar("bool"), True)
    assert not matches(Scalar("int64"), True)
    assert matches(Scalar("float64"), 1.0)
    assert not matches(Scalar("float64"), np.float32(1))


def test_each_line_is_a_loop_and_stands_once():
    assert len(set(lines)) == len(lines)
    for module, loop, _ in lines:
        assert callable(getattr(import_module(f"skextra._kernels.{module}"), loop))


@compiled
@pytest.mark.parametrize("wish, cpu", [("baseline", "x86-64"), ("", "x86-64-v3")])
def test_loops_compiled_ahead_of_time_and_by_numba_agree_to_the_last_bit(wish, cpu, tmp_path):
    if _kernel._library.numba != version("numba"):
        pytest.skip(f"they were compiled by numba {_kernel._library.numba}")
    if not _kernel._library.level.startswith("x86_64"):
        cpu = "generic"
    elif not wish and _kernel._library.level == "x86_64":
        pytest.skip("this processor has no AVX2")
    output = python(
        "-m", "pytest", "-q", "-p", "both_compilers", "-p", "no:cacheprovider", "-n", "0",
        f"--ignore={Path(__file__).name}", ".",
        SKEXTRA_CPU=wish, NUMBA_CPU_NAME=cpu, NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(tmp_path),
    )  # fmt: skip
    both, by_numba = map(int, re.search(r"(\d+) by both, (\d+) by numba only", output).groups())
    assert both > 5 * by_numba


@compiled
def test_a_call_with_other_types_goes_to_numba():
    code = (
        "import sys, numpy as np\n"
        "from skextra._kernels._kmeans_search import draw_in_order as loop\n"
        "mass, drawn = np.array([1.0, 0.0, 3.0, 0.0]), np.zeros(2, np.int64)\n"
        "loop(mass, np.array([0.1, 0.4]), drawn)\n"
        "assert drawn.tolist() == [0, 2] and 'numba' not in sys.modules\n"
        "loop(mass[::2], np.array([0.1, 0.4]), drawn)\n"
        "assert drawn.tolist() == [0, 1] and 'numba' in sys.modules\n"
    )
    python("-c", code, SKEXTRA_KERNELS="auto")
    with pytest.raises(AssertionError, match=r"TypeError.*draw_in_order is not compiled for"):
        python("-c", code, SKEXTRA_KERNELS="compiled")


@compiled
def test_the_environment_chooses_the_processor():
    code = "from skextra._kernels._kernel import in_use; print(in_use)"
    assert python("-c", code, SKEXTRA_CPU="baseline").split()[-1] in ("x86_64", "aarch64", "arm64")


def test_the_environment_chooses_the_compiler():
    code = "from skextra._kernels._kernel import in_use; print(in_use)"
    assert "by numba, as SKEXTRA_KERNELS=jit asks" in python("-c", code, SKEXTRA_KERNELS="jit")
    with pytest.raises(AssertionError, match="SKEXTRA_KERNELS='fast' has to be one of"):
        python("-c", code, SKEXTRA_KERNELS="fast")


def test_a_module_of_other_sources_is_left_aside(monkeypatch):
    class Library:
        sources, numba, level = "others", "0.68", "x86_64"

    monkeypatch.delenv("SKEXTRA_KERNELS", raising=False)
    monkeypatch.setattr(_kernel, "import_module", lambda name: Library)
    _, library, in_use = _kernel._load()
    assert library is None
    assert "run `make kernels`" in in_use
    monkeypatch.setenv("SKEXTRA_KERNELS", "compiled")
    with pytest.raises(ImportError, match="other sources"):
        _kernel._load()
    Library.sources = _kernel.sources_digest()
    assert _kernel._load()[1] is Library

"""The build of the module of compiled loops, with one loop in a copy of the sources."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "skextra" / "_kernels"

pytestmark = pytest.mark.skipif(
    not shutil.which("cc") or not importlib.util.find_spec("setuptools"),
    reason="it needs a C compiler and setuptools",
)


@pytest.fixture
def copy(tmp_path):
    """Return a folder as a fresh clone has it, but with one line of signatures."""
    folder = tmp_path / "skextra" / "_kernels"
    shutil.copytree(KERNELS, folder, ignore=shutil.ignore_patterns("_compiled.*", "__pycache__"))
    lines = (folder / "ahead" / "signatures.txt").read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith("_kmeans_search.draw_in_order: float64"))
    (folder / "ahead" / "signatures.txt").write_text(f"{line}\n", encoding="utf-8")
    return folder


def build(folder, **environment):
    """Run the build; return what subprocess says."""
    return subprocess.run(
        [sys.executable, str(folder / "ahead" / "build.py")],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def test_a_fresh_clone_is_built_once_and_after_each_change(copy):
    done = build(copy, SKEXTRA_KERNELS="compiled")
    assert done.returncode == 0, done.stderr
    (module,) = copy.glob("_compiled.*")
    code = (
        f"import sys; sys.path.insert(0, {str(copy)!r})\n"
        "import numpy as np, _compiled\n"
        "mass, drawn = np.array([1.0, 0.0, 3.0]), np.zeros(1, np.int64)\n"
        "total = _compiled._kmeans_search__draw_in_order(mass, np.array([0.4]), drawn)\n"
        "assert (total, drawn[0]) == (4.0, 2)\n"
        "loop = _compiled._kmeans_search__draw_in_order\n"
        "assert loop(mass[::2], np.array([0.4]), drawn) is NotImplemented\n"
        "assert loop(mass.astype('f'), np.array([0.4]), drawn) is NotImplemented\n"
        "assert loop(mass, [0.4], drawn) is NotImplemented\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

    made = module.stat().st_mtime_ns
    assert build(copy).returncode == 0
    assert module.stat().st_mtime_ns == made

    with (copy / "_kmeans_search.py").open("a", encoding="utf-8") as file:
        file.write("# a change\n")
    done = build(copy, SKEXTRA_KERNELS="compiled")
    assert done.returncode == 0, done.stderr
    assert module.stat().st_mtime_ns != made


def test_a_failed_build_says_why_and_leaves_nothing(copy):
    done = build(copy, CC="false")
    assert done.returncode != 0
    assert "false" in done.stderr
    assert not list(copy.glob("_compiled.*"))

    path = copy / "_kmeans_search.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nunknown\n", encoding="utf-8")
    done = build(copy)
    assert "numba could not compile the loops" in done.stderr
    assert not list(copy.glob("_compiled.*"))

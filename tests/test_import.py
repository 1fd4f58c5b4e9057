"""The surface of the package: what importing it loads, what it offers and where it says so."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skextra
import skextra.plotting

PACKAGE = Path(skextra.__file__).parent
API_PAGE = PACKAGE.parent / "docs" / "api.rst"


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def stub_names():
    """Names that __init__.pyi imports from inside the package."""
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.level > 0
        for alias in node.names
    }


def api_page_names(module):
    """Names in the tables of docs/api.rst that stand under `currentmodule:: module`."""
    names, current = set(), None
    for line in API_PAGE.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            current = found[1]
        elif current == module and (found := re.fullmatch(r" +(\w+)", line)):
            names.add(found[1])
    return names


def test_import_loads_nothing_heavy():
    heavy = "sklearn numba numpy scipy keras tensorflow matplotlib pandas"
    code = f"import sys, skextra; print(*[m for m in {heavy.split()} if m in sys.modules])"
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


@pytest.mark.parametrize("name", sorted(stub_names()))
def test_stub_name_is_importable_and_documented(name):
    assert inspect.getdoc(getattr(skextra, name))


def test_stub_and_all_agree():
    assert stub_names() == set(skextra.__all__) - {"__version__"}


@pytest.mark.parametrize("module", ["skextra", "skextra.cnn", "skextra.plotting"])
def test_api_page_and_all_agree(module):
    if not API_PAGE.exists():
        pytest.skip("the documentation is not part of this installation")
    room = importlib.import_module(module)
    public = {name for name in room.__all__ if callable(getattr(room, name))}
    assert public == api_page_names(module)


def test_plot_without_matplotlib_names_the_extra():
    result = run_python(
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy as np\n"
        "from skextra.plotting import LossCurveDisplay\n"
        "display = LossCurveDisplay(loss_curves={'a': np.array([1.0, 0.5])})\n"
        "try:\n"
        "    display.plot()\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    assert result.returncode == 0, result.stderr
    assert 'pip install "skextra[plot]"' in result.stdout
    assert len(result.stdout.strip().splitlines()) == 1


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_module_is_no_longer_than_500_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500

"""Change the code in one place at a time and count how many changes the tests notice.

Run by ``make mutants``; ``python tests/mutants.py kernels 200 _kmeans`` takes 200 changes, drawn
at random, of the kernels whose name contains ``_kmeans``. The changes are those of cosmic-ray. A
process that has imported the libraries is forked for each, and runs the tests that came through
the changed line, the quickest first, until one fails; kernels run uncompiled. Changes that
survive are printed: each of them is a missing test, or changes nothing that can be seen.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from functools import partial
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parents[1]
SUITES = {
    "kernels": (
        "skextra/_kernels",
        ["_[a-z]*.py"],
        ["tests/kernels"],
    ),
    "compression": (
        "skextra/cnn",
        ["_compression/_[a-z]*.py", "_models/_coded_layers.py", "_models/_packing.py"],
        ["tests/cnn/compression", "tests/plotting/test_compression_display.py"],
    ),
}
PROCESSES = len(os.sched_getaffinity(0))
PATIENCE = 4  # times what the tests take of the code as it is, and twenty seconds
# Of cosmic-ray's changes, those that could be a slip: not an addition turned into a shift.
SLIPS = {
    "Add": ["Sub"],
    "Sub": ["Add"],
    "Mul": ["Div", "Add"],
    "Div": ["Mul"],
    "FloorDiv": ["Mul", "Div"],
    "Mod": ["FloorDiv", "Mul"],
    "Pow": ["Mul"],
    "MatMul": ["Mul"],
    "RShift": ["LShift"],
    "LShift": ["RShift"],
    "BitAnd": ["BitOr"],
    "BitOr": ["BitAnd"],
    "BitXor": ["BitAnd", "BitOr"],
}
LIBRARIES = {
    "kernels": ["numba", "pandas", "scipy.stats", "sklearn.model_selection"],
    "compression": ["keras", "numba", "pandas", "scipy.stats", "sklearn.model_selection"],
}


def operators():
    """Return {name: operator of cosmic-ray}."""
    from cosmic_ray.plugins import get_operator, operator_names

    needs_more = ("RemoveDecorator", "VariableReplacer", "VariableInserter", "_Is", "_IsNot")
    names = [name for name in operator_names() if not name.endswith(needs_more)]
    binary = "core/ReplaceBinaryOperator_"
    slips = {f"{binary}{old}_{new}" for old, many in SLIPS.items() for new in many}
    return {
        name: get_operator(name)()
        for name in names
        if not name.startswith(binary) or name in slips
    }


def mutants(path):
    """Yield (operator, line, function that returns the source) for every change of a file."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code

    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in operators().items():
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, (begin, _) in enumerate(places):
            if lines[begin[0] - 1].startswith(("@kernel", "@inner")):
                continue  # options of the compiler, which is not there
            yield name, begin[0], partial(mutate_code, source, operator, occurrence)


class Watch:
    """Takes the time of every test, and notes the lines that it comes through."""

    def __init__(self, folder, notes):
        import coverage

        self.times, self.notes = {}, notes
        self.coverage = coverage.Coverage(notes / "lines", source=[folder], config_file=False)
        self.coverage.start()

    def pytest_runtest_logstart(self, nodeid):
        """Note lines for this test from now on."""
        self.coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report):
        """Add the time of setup, call or teardown."""
        self.times[report.nodeid] = self.times.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self):
        """Write it all down."""
        self.coverage.stop()
        self.coverage.save()
        (self.notes / "times").write_text(json.dumps(self.times))


def run(tests, path=None, source=None, watch=None):
    """Run tests in this process, with another source of one module; return pytest's exit code."""
    import pytest

    read = SourceFileLoader.get_code

    def get_code(loader, name):
        if loader.path == str(path):
            return compile(source, loader.path, "exec")
        return read(loader, name)

    SourceFileLoader.get_code = get_code
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    overflow = ["-W", "ignore:overflow encountered in scalar:RuntimeWarning"]
    options = ["-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *overflow]
    return pytest.main([*options, *tests], [Watch(*watch)] if watch else [])


def start(*work):
    """Run tests in a process of their own; return its number."""
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 1
        try:
            code = run(*work)
        finally:
            os._exit(int(code))
    return child


def look(folder, tests):
    """Return ({file: {line: tests that come through it}}, {test: seconds}) of code as it is."""
    from coverage import CoverageData

    with TemporaryDirectory() as notes:
        _, status = os.waitpid(start(tests, None, None, (folder, Path(notes))), 0)
        if status:
            sys.exit(f"{', '.join(tests)} fail without any change")
        lines = CoverageData(str(Path(notes) / "lines"))
        lines.read()
        times = json.loads((Path(notes) / "times").read_text())
        return {Path(f): lines.contexts_by_lineno(f) for f in lines.measured_files()}, times


def judge(work, times):
    """Yield (key, source, verdict) for (key, tests, path, change), as they come in."""
    work, running = list(work)[::-1], {}
    while work or running:
        while work and len(running) < PROCESSES:
            key, tests, path, change = work.pop()
            source = change()
            if not tests:
                yield key, source, "survived"
                continue
            patience = 20 + PATIENCE * sum(times[test] for test in tests)
            running[start(tests, path, source)] = key, source, time.monotonic() + patience
        child, status = os.waitpid(-1, os.WNOHANG) if running else (0, 0)
        if child:
            key, source, _ = running.pop(child)
            yield key, source, "survived" if status == 0 else "killed"
            continue
        for child, (key, source, deadline) in list(running.items()):
            if time.monotonic() > deadline:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                del running[child]
                yield key, source, "ran on"
        time.sleep(0.01)


def main(suite, most=None, part=""):
    """Judge the changes of one suite and print the table."""
    os.chdir(HERE)
    sys.path[:0] = [str(HERE / "tests"), str(HERE)]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if suite == "kernels":
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    folder, patterns, tests = SUITES[suite]
    found = sorted(path for pattern in patterns for path in (HERE / folder).glob(pattern))
    paths = [path for path in found if part in path.name]
    for library in LIBRARIES[suite]:  # so that no fork has to
        import_module(library)
    lines, times = look(folder, tests)
    work = []
    for path in paths:
        for name, line, change in mutants(path):
            seen = lines[path].get(line, [])
            # What runs at import has no test of its own.
            concerned = list(times) if "" in seen else seen
            key = path.name, line, name.removeprefix("core/")
            work.append((key, sorted(concerned, key=times.get), path, change))
    if most is not None:
        work = random.Random(0).sample(work, min(int(most), len(work)))
    count = {path.name: Counter() for path in paths}
    for done, ((name, line, operator), source, verdict) in enumerate(judge(work, times), 1):
        print(f"{done} of {len(work)}", end="\r", file=sys.stderr, flush=True)
        count[name][verdict] += 1
        if verdict != "killed":
            changed = source.splitlines()[line - 1].strip()
            print(f"{verdict} {name}:{line} {operator}: {changed}", file=sys.stderr, flush=True)
    print(f"{suite:24} {'changes':>8} {'survived':>9} {'ran on':>7} {'noticed':>8}")
    for name, each in [*count.items(), ("all", sum(count.values(), Counter()))]:
        noticed = 1 - each["survived"] / max(1, each.total())
        print(f"{name:24} {each.total():8} {each['survived']:9} {each['ran on']:7} {noticed:8.1%}")
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Check that everything public is annotated, and what it refers to, as pyright verifies a package.

Its exit code counts more than that: some kinds of message are left out here.
"""

import json
import os
import subprocess
import sys

# SciPy has no types, so that one returned array of it is unknown.
UNTYPED = {"skextra.cnn.conv_matrix"}
# An attribute that a base class declares and a subclass sets has the declared type for mypy and
# pyright; whatever refers to such a class counts as partially unknown. Some of scikit-learn's
# classes that are bases here have bases without types.
HARMLESS = (
    "Ambiguous base class override",
    "partially unknown",
    "Type of base class unknown",
    "Type of metaclass unknown",
)

command = ["pyright", "--pythonpath", sys.executable, "--outputjson", "--ignoreexternal"]
result = subprocess.run(
    [sys.executable, "-m", *command, "--verifytypes", "skextra"],
    capture_output=True,
    text=True,
    env={**os.environ, "PYTHONPATH": "."},
)
symbols = json.loads(result.stdout)["typeCompleteness"]["symbols"]
problems = [
    f"{symbol['name']}: {diagnostic['message'].splitlines()[0]}"
    for symbol in symbols
    if symbol["name"] not in UNTYPED
    for diagnostic in symbol["diagnostics"]
    if diagnostic["severity"] == "error" and not any(w in diagnostic["message"] for w in HARMLESS)
]
print("\n".join(problems) or f"All {len(symbols)} public symbols are annotated.")
sys.exit(bool(problems) or not symbols)

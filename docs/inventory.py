"""An inventory of scikit-learn's public names for links into its documentation.

intersphinx would download it. Generating it from the installed version needs no network.
"""

import zlib
from itertools import takewhile

from sklearn.utils.discovery import all_displays, all_estimators, all_functions

_ROLES = {all_displays: "class", all_estimators: "class", all_functions: "function"}
# Public, but not found by discovery.
_OTHERS = {
    "sklearn.callback.ProgressBar": "class",
    "sklearn.callback.ScoringMonitor": "class",
    "sklearn.exceptions.ConvergenceWarning": "class",
    "sklearn.metrics.silhouette_score": "function",
    "sklearn.model_selection.TimeSeriesSplit": "class",
}
_PAGES = {"module": "api/$.html#module-$"}


def public_names():
    """Return the kinds of scikit-learn's public names, by name."""
    names = dict(_OTHERS)
    for discover, role in _ROLES.items():
        for name, what in discover():
            path = what.__module__.split(".")
            parts = list(takewhile(lambda part: not part.startswith("_"), path))
            names[".".join([*parts, name])] = role
            names[".".join(parts[:2])] = "module"
    return names


def write_inventory(path):
    """Write the inventory in the format of Sphinx."""
    lines = [
        f"{name} py:{role} 1 {_PAGES.get(role, 'modules/generated/$.html#$')} -"
        for name, role in sorted(public_names().items())
    ]
    header = (
        "# Sphinx inventory version 2\n# Project: scikit-learn\n# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.encode() + zlib.compress("\n".join([*lines, ""]).encode()))

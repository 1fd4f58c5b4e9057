"""Lets hatchling compile the loops when it makes a wheel or an editable install.

Where there is no C compiler, the package `ziglang` brings one. Should the build fail, skextra is
installed without the module, and numba compiles the loops when they are called. The environment
variable SKEXTRA_BUILD_KERNELS=required makes a failure an error; SKEXTRA_BUILD_KERNELS=no builds
nothing.
"""

import importlib.util
import os
import shlex
import subprocess
import sys
import traceback
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelsHook(BuildHookInterface):
    """Builds `_compiled`, and names the platform in the wheel's tag."""

    PLUGIN_NAME = "custom"

    def dependencies(self):
        """Return what the build needs beside hatchling, none for a wheel without the module."""
        if os.environ.get("SKEXTRA_BUILD_KERNELS") == "no":
            return []
        return ["numba>=0.61", "setuptools>=70", *([] if has_compiler() else ["ziglang>=0.13"])]

    def initialize(self, version, build_data):
        """Build the module and put it into the wheel; an editable install finds it in its folder.

        Parameters
        ----------
        version : str
            'standard' or 'editable'.
        build_data : dict
            What hatchling makes the wheel from.
        """
        del version
        wish = os.environ.get("SKEXTRA_BUILD_KERNELS")
        if wish == "no":
            return
        try:
            path = _build_module().build()
        except Exception:
            if wish == "required":
                raise
            traceback.print_exc()
            self.app.display_warning(
                "The loops of skextra could not be compiled: numba will compile them when they "
                "are first called, which takes some seconds."
            )
            return
        build_data["artifacts"].append(f"skextra/_kernels/{path.name}")
        build_data["pure_python"] = False
        platform = self.build_config.builder.get_best_matching_tag().rpartition("-")[2]
        build_data["tag"] = f"cp311-abi3-{platform}"


def has_compiler():
    """Tell whether there is a C compiler that works; on Windows setuptools looks for one."""
    if sys.platform == "win32":
        return True
    command = [*shlex.split(os.environ.get("CC") or "cc"), "-x", "c", "-fsyntax-only", "-"]
    try:
        return subprocess.run(command, input=b"int x;", capture_output=True).returncode == 0
    except OSError:
        return False


def _build_module():
    """Return `build.py`, which has no package."""
    path = Path(__file__).with_name("build.py")
    spec = importlib.util.spec_from_file_location("skextra_build_kernels", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

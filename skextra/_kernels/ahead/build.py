"""Compile the loops, and the module that hands calls to them, into one file: `make kernels`.

Needs numba, setuptools, the headers of Python and a C compiler. Usage: python build.py
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from emit import bare_package  # noqa: E402
from signatures import read  # noqa: E402
from wrap import source  # noqa: E402


def levels():
    """Return {prefix of symbols: LLVM's name of the processor}, what all have coming first."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        return {"x86_64": "x86-64", "x86_64_avx2": "x86-64-v3"}
    return {platform.machine().lower(): "generic"}


def build_digest():
    """Return a digest of everything that the module is made from."""
    versions = [importlib.metadata.version(package) for package in ("numba", "llvmlite")]
    digest = hashlib.sha256(repr([versions, sysconfig.get_platform(), levels()]).encode())
    for path in sorted([*HERE.glob("*.py"), *HERE.glob("*.txt"), *HERE.parent.glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def existing():
    """Return the module that is there if it was made from what is there now, else None."""
    digest = build_digest().encode()
    for path in HERE.parent.glob("_compiled.*"):
        if path.suffix in (".so", ".pyd") and digest in path.read_bytes():
            return path
    return None


def build():
    """Return the path of the module, made now unless it is up to date."""
    path = existing()
    if path is None:
        with TemporaryDirectory() as folder:
            path = _built(Path(folder))
    return path


def _built(folder):
    from setuptools import Distribution, Extension

    bare_package()
    from skextra._kernels._digest import sources_digest

    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not headers.exists():
        raise RuntimeError(f"{headers} is missing: install the headers of Python.")
    prefixes = levels()
    _emit(prefixes, folder)
    results = json.loads(Path(folder, f"{next(iter(prefixes))}.json").read_text("utf-8"))
    loops = [
        (*loop, result)
        for loop, result in zip(read(HERE / "signatures.txt"), results, strict=True)
    ]
    constants = {
        "sources": sources_digest(),
        "build": build_digest(),
        "numba": importlib.metadata.version("numba"),
    }
    code = folder / "_compiled.c"
    code.write_text(source(loops, [*prefixes], constants), "utf-8")
    extension = Extension(
        "_compiled",
        [str(code)],
        extra_objects=sorted(map(str, folder.glob("*.o"))),
        libraries=[] if os.name == "nt" else ["m"],
        extra_link_args=["-s"] if sys.platform == "linux" else [],  # two fifths are names
        py_limited_api=True,
    )
    os.environ.update(_commands())
    command = Distribution({"ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder), str(folder / "temporary")
    command.ensure_finalized()
    command.run()
    made = Path(command.get_ext_fullpath("_compiled"))
    _try_import(made)
    target = HERE.parent / made.name
    beside = target.with_suffix(".part")
    shutil.copy(made, beside)
    beside.replace(target)  # at once: somebody may be importing it
    return target


def _commands():
    """Return the environment variables by which setuptools calls compiler and linker."""
    if os.name == "nt":
        return {}
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC")
    if importlib.util.find_spec("ziglang") and not shutil.which(shlex.split(compiler)[0]):
        compiler = f"{shlex.quote(sys.executable)} -m ziglang cc"
    # Without the compiler's name and without the folder of this Python's libraries.
    _, *options = shlex.split(sysconfig.get_config_var("LDSHARED"))
    kept = [option for option in options if not option.startswith("-Wl,-rpath")]
    commands = {"CC": compiler, "LDSHARED": f"{compiler} {shlex.join(kept)}"}
    if sys.platform == "darwin":  # the objects are for this processor alone
        commands["ARCHFLAGS"] = f"-arch {platform.machine()}"
    return commands


def _emit(prefixes, folder):
    """Compile the loops for every kind of processor at once, each in a process of its own."""
    processes = []
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    for prefix, cpu in prefixes.items():
        environment = kept | {
            "NUMBA_CACHE_DIR": str(folder / f"cache_{prefix}"),
            "NUMBA_CPU_FEATURES": "",
            "NUMBA_CPU_NAME": cpu,
            "NUMBA_DISABLE_INTEL_SVML": "1",
            "SKEXTRA_KERNELS": "jit",
        }
        command = [sys.executable, str(HERE / "emit.py"), prefix, str(folder)]
        processes.append(subprocess.Popen(command, env=environment, cwd=folder))
    codes = [process.wait() for process in processes]
    if any(codes):
        raise RuntimeError(f"numba could not compile the loops: processes ended with {codes}.")


def _try_import(path):
    """Import the module in a process of its own: a symbol that is missing shows only then."""
    code = f"import sys; sys.path.insert(0, {str(path.parent)!r}); import _compiled"
    subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    print(build())

"""Compile the loops, and the module that hands calls to them, into one file: `make kernels`.

Needs numba, setuptools and a C compiler. Usage: python build.py
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
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
    digest = hashlib.sha256(importlib.metadata.version("numba").encode())
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
    from skextra._kernels._kernel import sources_digest

    prefixes = levels()
    _emit(prefixes, folder)
    results = json.loads(Path(folder, f"{next(iter(prefixes))}.json").read_text("utf-8"))
    loops = [
        (*loop, result)
        for loop, result in zip(read(HERE / "signatures.txt"), results, strict=True)
    ]
    code = folder / "_compiled.c"
    constants = {
        "sources": sources_digest(),
        "build": build_digest(),
        "numba": importlib.metadata.version("numba"),
    }
    code.write_text(source(loops, [*prefixes], constants), "utf-8")
    extension = Extension(
        "_compiled",
        [str(code)],
        extra_objects=sorted(map(str, folder.glob("*.o"))),
        libraries=[] if os.name == "nt" else ["m"],
        extra_link_args=["-s"] if sys.platform == "linux" else [],  # two fifths are names
        py_limited_api=True,
    )
    if importlib.util.find_spec("ziglang"):  # there is no other: see hook.py
        os.environ["CC"] = f"{sys.executable} -m ziglang cc"
    command = Distribution({"ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder), str(folder / "temporary")
    command.ensure_finalized()
    command.run()
    made = Path(command.get_ext_fullpath("_compiled"))
    _try_import(made)
    target = HERE.parent / made.name
    target.unlink(missing_ok=True)  # a process that has it open keeps its own
    shutil.copy(made, target)
    return target


def _emit(prefixes, folder):
    """Compile the loops for every kind of processor at once, each in a process of its own."""
    processes = []
    for prefix, cpu in prefixes.items():
        environment = os.environ | {
            "NUMBA_CACHE_DIR": str(folder / f"cache_{prefix}"),
            "NUMBA_CPU_FEATURES": "",
            "NUMBA_CPU_NAME": cpu,
            "NUMBA_DISABLE_JIT": "0",
            "SKEXTRA_KERNELS": "jit",
        }
        command = [sys.executable, str(HERE / "emit.py"), prefix, str(folder)]
        processes.append(subprocess.Popen(command, env=environment))
    if max(process.wait() for process in processes):
        raise RuntimeError("numba could not compile the loops: see the messages above.")


def _try_import(path):
    """Import the module in a process of its own: a symbol that is missing shows only then."""
    command = [sys.executable, "-c", "import _compiled"]
    subprocess.run(command, cwd=path.parent, check=True)


if __name__ == "__main__":
    print(build())

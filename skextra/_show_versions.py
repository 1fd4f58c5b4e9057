"""What a bug report needs to say about the installation."""

import importlib.metadata

import sklearn

import skextra
from skextra._kernels._kernel import in_use

_PACKAGES = ("numba", "llvmlite", "keras", "tensorflow", "lazy_loader")


def show_versions() -> None:
    """Print the versions of skextra and of what it works with, for bug reports.

    The output of :func:`sklearn.show_versions` comes first. The versions of skextra and of
    packages that only skextra uses follow. The last line says how the loops of skextra are
    compiled: ahead of time, and for which processors; or just in time by numba, and why.

    See Also
    --------
    sklearn.show_versions : Prints the versions of scikit-learn and its dependencies.

    Notes
    -----
    Two environment variables choose how loops are compiled. They are read when an estimator is
    first imported. By default, ``SKEXTRA_KERNELS=auto``, loops come compiled with the package, and
    numba compiles those that do not: for types of arrays that are seldom used, or all of them if
    they could not be compiled when the package was installed. ``SKEXTRA_KERNELS=jit`` lets numba
    compile all of them, for the processor at hand, when they are first called.
    ``SKEXTRA_KERNELS=compiled`` raises an error instead of letting numba compile anything. On
    x86-64, loops come compiled for processors with AVX2 and for those without;
    ``SKEXTRA_CPU=baseline`` chooses the latter.

    Examples
    --------
    >>> import skextra
    >>> skextra.show_versions()  # doctest: +ELLIPSIS +NORMALIZE_WHITESPACE
    System:
        python: ...
    skextra and what only skextra uses:
          skextra: ...
    Loops: compiled ...
    """
    sklearn.show_versions()
    print("\nskextra and what only skextra uses:")  # noqa: T201
    print(f"{'skextra':>15}: {skextra.__version__}")  # noqa: T201
    for name in _PACKAGES:
        print(f"{name:>15}: {_version(name)}")  # noqa: T201
    print(f"\nLoops: {in_use}")  # noqa: T201


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None

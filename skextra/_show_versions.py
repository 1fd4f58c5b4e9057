"""What a bug report needs to say about the installation."""

import importlib.metadata

import sklearn

from skextra._kernels._kernel import in_use

_PACKAGES = ("skextra", "numba", "keras", "tensorflow", "lazy_loader")


def show_versions() -> None:
    """Print the versions of skextra and of what it works with, for bug reports.

    The output of :func:`sklearn.show_versions` comes first. It is followed by the versions of
    skextra and of the packages that only skextra uses, and by a line on its compiled loops: whether
    they were compiled ahead of time, for which kind of processor, or are compiled just in time by
    numba, and why.

    See Also
    --------
    sklearn.show_versions : Prints the versions of scikit-learn and its dependencies.

    Notes
    -----
    Two environment variables, read when skextra is imported, choose between compiled loops.
    ``SKEXTRA_KERNELS=jit`` takes those that numba compiles, for the processor at hand, when they are
    first called; ``SKEXTRA_KERNELS=compiled`` takes those of the wheel, and raises an error where
    these do not serve; ``SKEXTRA_KERNELS=auto``, the default, takes those of the wheel wherever they
    serve. ``SKEXTRA_CPU=baseline`` takes the ones that run on every processor of the platform.

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
    for name in _PACKAGES:
        print(f"{name:>15}: {_version(name)}")  # noqa: T201
    print(f"\nLoops: {in_use}")  # noqa: T201


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None

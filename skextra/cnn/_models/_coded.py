"""Coded: the interface of coded layers, and the codebooks they share, without Keras."""

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# The codebooks by their tokens while `sharing` holds; None outside of it.
_SHARED = ContextVar("shared", default=None)


class Coded:
    """A layer that stores its kernels in a few bits and decodes them in every call.

    Attributes
    ----------
    kind : str
        Name of the class that it stands for.

    options : dict
        The configuration of that layer, except for how it is trained.

    shapes : list of tuple of int
        Shapes of its kernels.
    """

    kind: str
    options: dict[str, Any]
    shapes: list[tuple[int, ...]]

    @property
    def storage(self) -> str:
        """How the kernels are stored."""
        raise NotImplementedError

    def kernels(self):
        """Return the kernels, decoded."""
        raise NotImplementedError

    def plain(self):
        """Return an equivalent new layer of Keras's own, and its weights."""
        raise NotImplementedError


@contextmanager
def sharing():
    """Let layers made from configurations share codebooks as their originals did."""
    token = _SHARED.set({})
    try:
        yield
    finally:
        _SHARED.reset(token)


def shared(codebook):
    """Return the first codebook with the same token within `sharing`, and otherwise this one."""
    met = _SHARED.get()
    return codebook if met is None else met.setdefault(codebook.token, codebook)

"""Coded: what is known of layers stored in fewer bytes without importing Keras."""

from contextlib import contextmanager
from contextvars import ContextVar

# The codebooks by their tokens while `sharing` holds; None outside of it.
_SHARED = ContextVar("shared", default=None)


class Coded:
    """What a layer that decodes its kernels in every call is and promises.

    It has the attributes `kind`, the name of the class that it stands for; `options`, what that
    layer's configuration says of it; and `shapes`, those of its kernels.
    """

    @property
    def storage(self):
        """How the kernels are stored."""
        raise NotImplementedError

    def kernels(self):
        """Return the kernels, decoded."""
        raise NotImplementedError

    def plain(self):
        """Return a new layer of Keras's own, and the weights that it computes the same with."""
        raise NotImplementedError


@contextmanager
def sharing():
    """Let layers that are made from configurations share the codebooks that they shared."""
    token = _SHARED.set({})
    try:
        yield
    finally:
        _SHARED.reset(token)


def shared(codebook):
    """Return the codebook with the same token that was met before, within `sharing`."""
    met = _SHARED.get()
    return codebook if met is None else met.setdefault(codebook.token, codebook)

"""BLAS held at one thread while a fit runs its own threads."""

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

# Seconds to wait for a thread which an interrupt may have kept from starting.
_PATIENCE = 1.0


@lru_cache(maxsize=1)
def _blas(_pid: int) -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def _is_single(blas: ThreadpoolController) -> bool:
    return all(library.num_threads == 1 for library in blas.lib_controllers)


class _BlasLimit:
    """Holds BLAS at one thread for as long as any fit needs it.

    threadpoolctl leaves the setting to one thread until that has given it up, or has ended.
    So a thread is started that makes the setting, waits until the last fit is done, and undoes it.
    A fit is known by a token which nobody else holds, so that it counts no longer when it is gone,
    wherever it was interrupted; what it has not undone then, the next one undoes.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.holders = weakref.WeakKeyDictionary()
        self.keeper = None

    def acquire(self, token: "_Token") -> None:
        """Set the limit unless it is set."""
        with self.lock:
            self.holders[token] = None
            if len(self.holders) > 1:
                return
            self._dismiss()  # the keeper of fits that were interrupted while they did so
            blas = _blas(os.getpid())
            if _is_single(blas):
                return
            self.keeper = _Keeper()
            self.keeper.start()
            self.keeper.ready.acquire()
            if not _is_single(blas):  # only the thread that has set it before may do so
                self.holders[token] = blas.limit(limits=1)
                self.holders[token].__enter__()

    def release(self, token: "_Token") -> None:
        """Undo the limit if nobody needs it any more."""
        with self.lock:
            own = self.holders.get(token)
            if own is not None:
                own.__exit__(None, None, None)
            self.holders.pop(token, None)
            if not self.holders:
                self._dismiss()

    def _dismiss(self):
        if self.keeper is None:
            return
        if self.keeper.done.locked():
            self.keeper.done.release()
        self.keeper.over.acquire(timeout=_PATIENCE)
        self.keeper = None

    def undo(self):
        """Undo the limit in a forked child, where neither the fits nor the keeper go on."""
        if self.keeper is not None and self.keeper.limiter is not None:
            with self.keeper.limiter:  # leaving it gives the setting up, too
                pass


class _Token:
    """A fit that needs the limit."""


class _Keeper(threading.Thread):
    """Keeps BLAS at one thread from when it is `ready` until it is told by `done` to end.

    These are locks, free once that has come about, and no events: an interrupt of who waits for
    an event can break the lock in it, and with it the thread at the other end.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.ready, self.done, self.over = (threading.Lock() for _ in range(3))
        for lock in (self.ready, self.done, self.over):
            lock.acquire()
        self.limiter = None

    def run(self):
        try:
            # Left as a context, the setting is any other thread's to make at once.
            with _blas(os.getpid()).limit(limits=1) as self.limiter:
                self.ready.release()
                self.done.acquire()
        finally:
            if self.ready.locked():
                self.ready.release()
            self.over.release()


_blas_limit = _BlasLimit()


def _forget_blas_limit():
    global _blas_limit
    _blas_limit.undo()
    _blas_limit = _BlasLimit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_blas_limit)


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Return a context in which BLAS uses one thread: for products that are shared otherwise.

    The setting is the process's. The first of several fits at once makes it, the last undoes it.
    """
    limit, token = _blas_limit, _Token()
    try:
        limit.acquire(token)
        yield
    finally:
        limit.release(token)

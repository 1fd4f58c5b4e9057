"""Limit BLAS to one thread while a fit runs its own threads."""

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

# Seconds to wait for a thread that an interrupt may have kept from starting: longer than any start
# takes, short enough for whoever pressed Ctrl-C. tests/interrupts.py covers it.
_PATIENCE = 1.0


@lru_cache(maxsize=1)
def _blas(_pid: int) -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def _is_single(blas: ThreadpoolController) -> bool:
    return all(library.num_threads == 1 for library in blas.lib_controllers)


class _BlasLimit:
    """Limit BLAS to one thread for as long as any fit needs it.

    Only the thread that sets a limit of threadpoolctl may change it, until that thread releases
    it or ends. A keeper thread therefore sets the limit, waits until the last fit is done, and
    restores it. Each fit holds a token that nothing else refers to, so that a fit that was
    interrupted, wherever that was, no longer counts; the next fit restores what it left set.
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
            self._dismiss()  # a keeper left by fits that were interrupted here
            blas = _blas(os.getpid())
            if _is_single(blas):
                return
            self.keeper = _Keeper()
            self.keeper.start()
            self.keeper.ready.acquire()
            if not _is_single(blas):  # this thread has set a limit before, and must do it itself
                self.holders[token] = blas.limit(limits=1)
                self.holders[token].__enter__()

    def release(self, token: "_Token") -> None:
        """Restore BLAS if no fit needs the limit any more."""
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
        """Restore BLAS in a forked child, where neither the fits nor the keeper continue."""
        if self.keeper is not None and self.keeper.limiter is not None:
            with self.keeper.limiter:  # leaving the context releases the limit as well
                pass


class _Token:
    """Identifies a fit that needs the limit."""


class _Keeper(threading.Thread):
    """Limits BLAS to one thread from `ready` until `done`; `over` follows when it has ended.

    These are locks, released once the event has happened, and not instances of threading.Event:
    an interrupt during `Event.wait` can leave its inner lock broken, and block the other thread.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.ready, self.done, self.over = (threading.Lock() for _ in range(3))
        for lock in (self.ready, self.done, self.over):
            lock.acquire()
        self.limiter = None

    def run(self):
        try:
            # Leaving the context lets any other thread set the limit at once.
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
    """Return a context in which BLAS uses one thread, for work that has threads of its own.

    The limit holds for the whole process. The first of several concurrent fits sets it, the last
    restores it.
    """
    limit, token = _blas_limit, _Token()
    try:
        limit.acquire(token)
        yield
    finally:
        limit.release(token)

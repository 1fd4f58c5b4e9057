"""Threads for compiled loops: as many as scikit-learn would use, safe after a fork."""

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module

from joblib import cpu_count
from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _openmp(_pid):
    # What is not loaded is not found: importing this brings scikit-learn's OpenMP library.
    import_module("sklearn.cluster")
    return ThreadpoolController().select(user_api="openmp")


@lru_cache(maxsize=1)
def _blas(_pid):
    return ThreadpoolController().select(user_api="blas")


def _is_single(blas):
    return all(library.num_threads == 1 for library in blas.lib_controllers)


class _BlasLimit:
    """Holds BLAS at one thread for as long as any fit needs it.

    threadpoolctl lets one thread at a time change the setting, and no other until that has ended.
    So a thread is started that makes the setting, waits until the last fit is done, and undoes it.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.holders = 0
        self.done = None
        self.keeper = None

    def acquire(self):
        """Set the limit unless it is set; return what undoes it if that is up to the caller."""
        with self.lock:
            self.holders += 1
            if self.holders > 1:
                return None
            blas = _blas(os.getpid())
            if _is_single(blas):
                self.keeper = None
                return None
            self.done, ready = threading.Event(), threading.Event()
            self.keeper = threading.Thread(target=self._keep, args=(self.done, ready), daemon=True)
            self.keeper.start()
            ready.wait()
            if _is_single(blas):
                return None
            return blas.limit(limits=1)  # only the thread that has set it before may do so

    def release(self):
        """Undo the limit if nobody needs it any more."""
        with self.lock:
            self.holders -= 1
            if self.holders == 0 and self.keeper is not None:
                self.done.set()
                self.keeper.join()

    @staticmethod
    def _keep(done, ready):
        limiter = _blas(os.getpid()).limit(limits=1)
        ready.set()
        done.wait()
        limiter.restore_original_limits()


_blas_limit = _BlasLimit()


def _forget_blas_limit():
    global _blas_limit
    _blas_limit = _BlasLimit()  # fits of other threads do not go on in a forked child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_blas_limit)


@contextmanager
def single_blas_thread():
    """Return a context in which BLAS uses one thread: for products that are shared otherwise.

    The setting is the process's. The first of several fits at once makes it, the last undoes it.
    """
    limit = _blas_limit
    own = limit.acquire()
    try:
        yield
    finally:
        if own is not None:
            own.restore_original_limits()
        limit.release()


@lru_cache(maxsize=1)
def _pool(_pid):
    # Kept for the life of the process: starting threads for every fit would cost more than a
    # small fit. A forked child has another process id and starts its own.
    return ThreadPoolExecutor(max_workers=max(cpu_count(), 1), thread_name_prefix="skextra")


def available_threads():
    """Return how many threads scikit-learn's own loops would use here.

    That is the number of cores, or less where OMP_NUM_THREADS, threadpoolctl or the workers of
    joblib say so: all of them set the limit of the OpenMP library that scikit-learn loads.
    """
    limits = [library["num_threads"] for library in _openmp(os.getpid()).info()]
    return max(1, min([cpu_count(), *limits]))


def run(task, count, threads):
    """Call ``task(0), ..., task(count - 1)``, spread over threads; return the results in order."""
    threads = min(threads, count)
    results = [None] * count
    numbers = iter(range(count))  # next() on it is atomic, so that each number is taken once

    def work():
        for number in numbers:
            results[number] = task(number)

    if threads <= 1:
        work()
        return results
    pool = _pool(os.getpid())
    try:
        others = [pool.submit(work) for _ in itertools.repeat(None, threads - 1)]
    except RuntimeError:  # the interpreter is shutting down and starts no more threads
        others = []
    try:
        work()
    finally:
        for other in others:
            other.result()
    return results

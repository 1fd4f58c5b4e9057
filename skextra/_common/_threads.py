"""Threads for compiled loops: as many as scikit-learn would use, safe after a fork."""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib import import_module
from typing import TypeVar

from joblib import cpu_count
from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")


@lru_cache(maxsize=1)
def _openmp(_pid: int) -> ThreadpoolController:
    # threadpoolctl finds loaded libraries only. scikit-learn has loaded its own by now, unless it
    # was installed in a way of its own; importing what surely loads it takes .1 s.
    found = ThreadpoolController().select(user_api="openmp")
    if not len(found):
        import_module("sklearn.cluster")
        found = ThreadpoolController().select(user_api="openmp")
    return found


@lru_cache(maxsize=1)
def _pool(_pid: int) -> ThreadPoolExecutor:
    # Kept for the life of the process: starting threads for every fit would take longer than a
    # small fit. A forked child has another process id and starts its own pool.
    return ThreadPoolExecutor(max_workers=max(cpu_count(), 1), thread_name_prefix="skextra")


def available_threads() -> int:
    """Return how many threads scikit-learn's own loops would use here.

    That is the number of cores, or fewer where OMP_NUM_THREADS, threadpoolctl or the workers of
    joblib limit them: all of these set the limit of the OpenMP library that scikit-learn loads.
    """
    limits = [library["num_threads"] for library in _openmp(os.getpid()).info()]
    return max(1, min([cpu_count(), *limits]))


def run(task: Callable[[int], Result], count: int, threads: int) -> list[Result]:
    """Call ``task(0), ..., task(count - 1)``, spread over threads; return the results in order."""
    threads = min(threads, count)
    results = [None] * count
    numbers = iter(range(count))  # next() on it is atomic, so that each number is taken once

    def work():
        try:
            for number in numbers:
                results[number] = task(number)
        except BaseException:
            for _ in numbers:  # no other thread should start another one
                pass
            raise

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

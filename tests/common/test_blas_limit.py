"""The limit of BLAS to one thread, and the threads that share work instead."""

import threading

from threadpoolctl import threadpool_info

from skextra._common._blas_limit import single_blas_thread
from skextra._common._threads import run


def test_blas_gets_its_threads_back_whoever_ends_last():
    before = [library["num_threads"] for library in threadpool_info()]
    inside, outside = threading.Event(), threading.Event()

    def other():
        with single_blas_thread():
            inside.set()
            outside.wait(10)

    thread = threading.Thread(target=other)
    with single_blas_thread():
        thread.start()
        inside.wait(10)
    outside.set()  # the first to come has left first
    thread.join()
    assert [library["num_threads"] for library in threadpool_info()] == before
    assert run(lambda i: i, 5, 2) == [0, 1, 2, 3, 4]

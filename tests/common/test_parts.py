"""Parts of rows, shared among threads."""

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from skextra._common._parts import run_parts


@pytest.mark.parametrize("n, size", [(7, 3), (6, 3), (3, 3), (2, 5)])
@pytest.mark.parametrize("threads", [1, 2])
def test_results_come_in_the_order_of_the_parts(n, size, threads):
    rows = range(n)
    parts = run_parts(lambda part: list(rows[part]), n, size, lambda: threads)
    assert [row for part in parts for row in part] == list(rows)
    assert max(map(len, parts)) <= size


def blas_threads(_):
    libraries = ThreadpoolController().select(user_api="blas").info()
    return {library["num_threads"] for library in libraries}


def test_blas_has_one_thread_for_each_of_several_parts_and_its_own_for_one():
    with threadpool_limits(2, user_api="blas"):
        assert run_parts(blas_threads, 4, 4, lambda: 2) == [{2}]
        assert run_parts(blas_threads, 4, 2, lambda: 2) == [{1}, {1}]
        assert blas_threads(None) == {2}


def test_threads_are_not_counted_for_one_part():
    run_parts(lambda part: None, 4, 4, lambda: pytest.fail("counted"))

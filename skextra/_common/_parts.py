"""Work on many rows, some after the other, shared among threads."""

from collections.abc import Callable

from skextra._common._batches import batches
from skextra._common._blas_limit import single_blas_thread
from skextra._common._threads import Result, run


def run_parts(
    task: Callable[[slice], Result], n: int, size: int, threads: Callable[[], int]
) -> list[Result]:
    """Call a task for every slice of `size` of n rows; return the results in order.

    Several slices are spread over as many threads as `threads` says, with BLAS on one each: the
    matrix products are too small to be divided. One slice leaves BLAS as it is.
    """
    parts = list(batches(n, size))
    if len(parts) == 1:
        return [task(parts[0])]
    with single_blas_thread():
        return run(lambda i: task(parts[i]), len(parts), threads())

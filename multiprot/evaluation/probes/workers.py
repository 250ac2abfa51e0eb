"""Threads whose number changes how long a result takes, never the result.

Libraries for matrix products add up in another order when they use more threads. So each product
runs in one thread, on a block of rows of fixed size; several blocks run at once, and their results
are taken in the order of the blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from multiprot.evaluation.probes.libraries import evaluation_library

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Workers:
    """A pool of threads; made by `fixed_order`."""

    def __init__(self, pool: ThreadPoolExecutor, threads: int) -> None:
        self._pool = pool
        self._threads = threads

    def map(self, work: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
        """Results in the order of the items; no more of them wait than there are threads."""
        waiting: deque[Future[ResultT]] = deque()
        for item in items:
            waiting.append(self._pool.submit(work, item))
            if len(waiting) > self._threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def fixed_order() -> Iterator[Workers]:
    """As many threads as the matrix library may use, each product in one of them.

    OMP_NUM_THREADS and its like are obeyed. Inside, matrix products of the whole process run in
    one thread.

    Raises
    ------
    EvaluationError
        If threadpoolctl, which comes with scikit-learn, is not installed.
    """
    threadpoolctl = evaluation_library("threadpoolctl")
    pools = threadpoolctl.threadpool_info()
    threads = max((p["num_threads"] for p in pools if p["user_api"] == "blas"), default=1)
    with threadpoolctl.threadpool_limits(limits=1), ThreadPoolExecutor(threads) as pool:
        yield Workers(pool, threads)

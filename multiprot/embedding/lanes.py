"""Several batches at once on a CPU, each with few threads: kernels share the cores less well."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import torch

_MOST_LANES: Final = 8
"""Each lane has the activations of a batch in memory."""


def cpu_lanes(device: torch.device) -> int:
    """Batches that are worth computing at once on `device`: 1 on anything but a CPU."""
    return min(torch.get_num_threads(), _MOST_LANES) if device.type == "cpu" else 1


@contextmanager
def open_lanes(count: int) -> Iterator[Executor]:
    """An executor whose `count` threads share torch's threads evenly."""
    threads = torch.get_num_threads()
    share = max(1, threads // count)
    pool = ThreadPoolExecutor(
        count, "multiprot-lane", initializer=torch.set_num_threads, initargs=(share,)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        # What a lane sets holds in part for the whole process.
        torch.set_num_threads(threads)

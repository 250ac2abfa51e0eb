"""Helper processes that read structure files ahead, in order and within bounds."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.synchronize import Event
from typing import Final, Protocol

from multiprot.embedding.reading.rows import InputRow
from multiprot.embedding.reading.structures import (
    Reading,
    StructureFiles,
    read_structure,
)
from multiprot.errors import EmbeddingError

_TASKS_AHEAD: Final = 3


class Work(Protocol):
    """Something that is read from its beginning to its end."""

    @property
    def units(self) -> int:
        """What it counts as a whole."""

    def rows(self, before: int) -> Iterator[InputRow]:
        """Its rows; `before` is what was consumed before it."""


def read_ahead(works: Iterable[Work], processes: int) -> Generator[Work, None, None]:
    """Works in their order, while helper processes read the structure files of those to come.

    Parameters
    ----------
    works
        What there is to read.
    processes
        Helpers; they start with the first structure file and end with this iterator, at the latest
        with this process, however it ends.

    Raises
    ------
    EmbeddingError
        From the rows of a work, if helpers do not start. One that dies of a file is a row.
    """
    helpers = _Helpers(processes)
    waiting: deque[Work] = deque()
    try:
        for work in works:
            if isinstance(work, StructureFiles):
                work.readings = helpers.start_reading(work.paths)
            waiting.append(work)
            if len(waiting) > processes * _TASKS_AHEAD:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        helpers.close()


class _Helpers:
    """Processes that read structure files; one that dies costs the file that it read."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        # Not "fork": threads of Arrow, torch and BLAS would be forked half-way.
        self._context = multiprocessing.get_context("forkserver")
        self._stop = self._context.Event()
        self._pool = self._start(processes)

    def start_reading(self, paths: tuple[str, ...]) -> Callable[[], Iterable[Reading]]:
        """Begin; what is returned waits for the readings."""
        try:
            future = self._pool.submit(_read, paths)
        except BrokenProcessPool:
            self._pool.shutdown()
            self._pool = self._start(self._processes)
            future = self._pool.submit(_read, paths)
        return partial(self._result, future, paths)

    def close(self) -> None:
        """Wait for the files being read now, not for those to come."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def _start(self, processes: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(processes, self._context, _begin, (self._stop,))

    def _result(self, future: Future[list[Reading]], paths: tuple[str, ...]) -> Iterable[Reading]:
        try:
            return future.result()
        except BrokenProcessPool:
            return self._read_one_by_one(paths)

    def _read_one_by_one(self, paths: tuple[str, ...]) -> list[Reading]:
        """Read files of which one may be what a helper died of."""
        readings: list[Reading] = []
        while len(readings) < len(paths):
            with self._start(1) as pool:
                _refuse_no_start(pool, paths[0])
                try:
                    for path in paths[len(readings) :]:
                        readings += pool.submit(_read, (path,)).result()
                except BrokenProcessPool:
                    readings.append(
                        f"{paths[len(readings)]}: a process died while it read this file, of lack "
                        "of memory or a fault of the file; look at it, or read it with 0 processes"
                    )
        return readings


def _refuse_no_start(pool: ProcessPoolExecutor, path: str) -> None:
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool:
        raise EmbeddingError(
            f"{path}: the processes that read structure files do not start; in a script of your "
            "own call this under `if __name__ == '__main__'`, or use 0 processes"
        ) from None


_stop: Event | None = None


def _begin(stop: Event) -> None:
    """Make this helper end when it should, and not before."""
    global _stop
    _stop = stop
    # Ctrl-C goes to the parent too, which ends its helpers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed can tell nobody, and a helper would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read(paths: tuple[str, ...]) -> list[Reading]:
    readings: list[Reading] = []
    for path in paths:
        if _stop is not None and _stop.is_set():
            break
        readings.append(read_structure(path))
    return readings

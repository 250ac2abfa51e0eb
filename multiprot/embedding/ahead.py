"""An iterator that is read ahead in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from queue import Empty, Full, Queue
from typing import Any, Final, TypeVar

T = TypeVar("T")

_POLL: Final = 0.1
_END: Final = object()


def read_ahead(
    items: Iterable[T], depth: int, stopped: Callable[[], bool] = lambda: False
) -> Generator[T]:
    """The items in their order, up to `depth` of them made before they are asked for.

    What making one raises is raised here, in its place. Closing this iterator ends the thread and
    closes `items`.

    Parameters
    ----------
    items
        Made in a thread of their own.
    depth
        How many may wait.
    stopped
        Asked while none is ready; where it says so, no other is waited for.
    """
    queue: Queue[Any] = Queue(depth)
    closed = threading.Event()
    thread = threading.Thread(
        target=_fill, args=(items, queue, closed), name="multiprot-reader", daemon=True
    )
    thread.start()
    try:
        while (item := _got(queue, stopped)) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item
    finally:
        closed.set()
        thread.join()


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _fill(items: Iterable[Any], queue: Queue[Any], closed: threading.Event) -> None:
    source = iter(items)
    try:
        for item in source:
            if not _put(queue, item, closed):
                return
        _put(queue, _END, closed)
    except BaseException as error:
        _put(queue, _Raised(error), closed)
    finally:
        # Generators have files and processes to give back.
        getattr(source, "close", lambda: None)()


def _got(queue: Queue[Any], stopped: Callable[[], bool]) -> Any:
    while True:
        try:
            item = queue.get(timeout=_POLL)
        except Empty:
            if stopped():
                return _END
            continue
        # Told to stop, the thread may end with an error of its own.
        return _END if isinstance(item, _Raised) and stopped() else item


def _put(queue: Queue[Any], item: Any, closed: threading.Event) -> bool:
    while not closed.is_set():
        try:
            queue.put(item, timeout=_POLL)
        except Full:
            continue
        return True
    return False

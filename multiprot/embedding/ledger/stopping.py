"""SIGTERM and the first Ctrl-C let the running shard finish; a second Ctrl-C does not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class EmbeddingStoppedError(KeyboardInterrupt):
    """A run was asked to stop, and did, between two shards.

    Attributes
    ----------
    signal_number
        The signal that asked.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


class Stopping:
    """Listens while it is entered, where signals can be heard at all: in the main thread.

    Parameters
    ----------
    on_request
        Called at the first signal.

    Attributes
    ----------
    requested
        Number of the signal that asked to stop, or None.
    """

    def __init__(self, on_request: Callable[[], None] = lambda: None) -> None:
        self.requested: int | None = None
        self._on_request = on_request
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.requested is None:
            self._on_request()
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = number

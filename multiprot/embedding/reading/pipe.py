"""A pipe that can be left while nothing comes through it."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_POLL: Final = 0.2
_AT_ONCE: Final = 1 << 20


class ReadingStoppedError(Exception):
    """Nobody wants to read on."""


def leavable(stream: io.BufferedReader, stopped: threading.Event) -> io.BufferedReader:
    """The same stream; where it waits for another process, `stopped` ends the waiting.

    Parameters
    ----------
    stream
        Open, with nothing read of it.
    stopped
        Once it is set, reading raises `ReadingStoppedError`.
    """
    try:
        descriptor = stream.fileno()
    except OSError:  # in memory
        return stream
    # On Windows, only sockets can be waited for.
    if sys.platform == "win32" or stat.S_ISREG(os.fstat(descriptor).st_mode):
        return stream
    return io.BufferedReader(_Pipe(descriptor, stopped), _AT_ONCE)


class _Pipe(io.RawIOBase):
    def __init__(self, descriptor: int, stopped: threading.Event) -> None:
        self._descriptor = descriptor
        self._stopped = stopped

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while not self._stopped.is_set():
            if select.select([self._descriptor], [], [], _POLL)[0]:
                return os.readv(self._descriptor, [buffer])
        raise ReadingStoppedError

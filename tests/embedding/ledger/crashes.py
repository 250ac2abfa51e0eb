"""A process that dies at its n-th touch of the disk, without dying."""

from __future__ import annotations

import builtins
import gc
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_CALLS = (
    (os, ("replace", "rename", "unlink", "remove", "mkdir", "rmdir", "open", "fsync")),
    (io, ("open",)),
    (builtins, ("open",)),
)


class Killed(BaseException):
    """Nothing may catch it."""


class Disk:
    """Counts touches of the disk; from the fatal one on, none works any more: the dead clean up
    nothing.

    Attributes
    ----------
    touches
        Counted so far.
    """

    def __init__(self, fatal: int | None) -> None:
        self.touches = 0
        self._fatal = fatal
        self._lock = threading.Lock()

    def touched(self) -> None:
        with self._lock:
            self.touches += 1
            if self._fatal is not None and self.touches > self._fatal:
                raise Killed(f"at touch {self._fatal}")


@contextmanager
def dying_at(fatal: int | None) -> Iterator[Disk]:
    """Calls within go through a disk that lets `fatal` touches pass; None: all."""
    disk = Disk(fatal)

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            disk.touched()
            return real(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, names in _CALLS:
            for name in names:
                patch.setattr(module, name, watched(getattr(module, name)))
        yield disk


def survives(act: Callable[[], Any], fatal: int) -> bool:
    """Whether `act` comes to its end before the fatal touch."""
    try:
        with dying_at(fatal):
            act()
    except Killed:
        ended = False
    else:
        ended = True
    # With a process, its locks go.
    gc.collect()
    return ended

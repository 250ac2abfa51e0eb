"""A machine without network, for the length of a `with` block."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from unittest.mock import patch


@contextmanager
def no_network() -> Iterator[list[str]]:
    """Refuse every connection and name lookup; yields the list of what was tried."""
    tried: list[str] = []

    def refuse(*given: Any, **_: Any) -> NoReturn:
        tried.append(" ".join(str(part) for part in given if not isinstance(part, socket.socket)))
        raise OSError("the network is closed while multiprot checks a plugin")

    with (
        patch.object(socket, "getaddrinfo", refuse),
        patch.object(socket, "create_connection", refuse),
        patch.object(socket.socket, "connect", refuse),
        patch.object(socket.socket, "connect_ex", refuse),
    ):
        yield tried

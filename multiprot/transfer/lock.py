"""One process at a time for each record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from multiprot.errors import TransferError
from multiprot.files import named_errors
from multiprot.transfer.record import TRANSFER


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from the record in `folder`, whose values they would overwrite.

    A killed process holds no lock.

    Raises
    ------
    TransferError
        If another process is at work there.
    """
    path = folder / f"{TRANSFER}.lock"
    with named_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise TransferError(
                f"{folder}: another process is measuring into it (it holds {path.name}); wait for "
                "it, or give another --out"
            ) from None
    try:
        yield
    finally:
        # While it is held, so that nobody can wait for a file that has no name any more.
        path.unlink(missing_ok=True)
        lock.release()

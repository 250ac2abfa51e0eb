"""One process at a time for each store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from multiprot.errors import EmbeddingError
from multiprot.files import named_errors


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep other processes from the store `out`; a killed process holds no lock.

    Raises
    ------
    EmbeddingError
        If another process is at work there.
    """
    path = out.with_name(f"{out.name}.lock")
    with named_errors(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise EmbeddingError(
                f"{out}: another process is writing this store (it holds {path.name}); wait for "
                "it, or choose another output"
            ) from None
    try:
        yield
    finally:
        # While it is held, so that nobody can wait for a file that has no name any more.
        path.unlink(missing_ok=True)
        lock.release()

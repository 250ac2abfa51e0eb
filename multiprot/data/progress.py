"""How long work on a corpus tells where it stands."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far a stage is."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """`done` items of `total` (None: not known) of `stage` are through."""
        ...

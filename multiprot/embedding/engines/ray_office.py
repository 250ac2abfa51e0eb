"""The office of a Ray run: gives shards out, and remembers what became of those who took them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any, Final

from multiprot.embedding.engines.care import Care

MOST_ATTEMPTS: Final = 6
"""Times that a shard is begun without being finished or a protein of it being refused."""

MOST_OPENINGS: Final = 4
"""Times that a worker may die, one after another, while it opens the model."""

_UNSURE: Final = 1
"""Attempts after which the shard is tried again as it was: machines are taken away, too."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker needs to know of a shard.

    Attributes
    ----------
    shard
        A list with Ray's reference to the plan; empty if the shard is finished.
    attempt
        From 1; counted anew when a protein is given up.
    care
        What earlier attempts taught.
    """

    shard: list[Any]
    attempt: int
    care: Care

    @property
    def exact(self) -> bool:
        """Whether the worker must wait until each batch is noted before it computes it."""
        return self.attempt > _UNSURE

    @property
    def hopeless(self) -> bool:
        """Whether it is not worth another attempt."""
        return self.attempt > MOST_ATTEMPTS


@dataclass(slots=True)
class _Entry:
    """A shard that is not finished.

    Attributes
    ----------
    assignment
        What the last worker was given.
    batch
        Ids of the batch it announced last.
    heard
        When it last said anything, `time.monotonic`.
    worker
        Its handle; None while nobody computes the shard.
    """

    assignment: Assignment
    batch: tuple[str, ...] = ()
    heard: float = 0.0
    worker: Any = None


class Office:
    """An actor beside the driver; all else may die and ask it again.

    Shards have numbers from 0 in the order in which the driver reads them.
    """

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._handed_in: set[int] = set()
        self._ended = False
        self._changed = asyncio.Condition()
        self._openings: dict[str, int] = {}

    async def hand_in(self, number: int, shard: list[Any]) -> None:
        """The driver has another shard to compute; calls may arrive in any order."""
        async with self._changed:
            self._entries[number] = _Entry(Assignment(shard, 0, Care()))
            self._handed_in.add(number)
            self._changed.notify_all()

    async def end(self) -> None:
        """The driver has no more, and knows that all it handed in has arrived."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def exists(self, number: int) -> bool:
        """Whether there is such a shard; waits until that is known."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended or number in self._handed_in)
            return number in self._handed_in

    async def begin(self, number: int, worker: Any) -> Assignment:
        """A worker begins to compute a shard; if another did before, that one is gone."""
        entry = self._entries.get(number)
        if entry is None:
            return Assignment([], 0, Care())
        before = entry.assignment
        care, attempt = before.care, before.attempt + 1
        if before.attempt > _UNSURE and entry.batch:
            care = care.after(entry.batch, "died or was ended")
            attempt = 1 + _UNSURE if care.given_up != before.care.given_up else attempt
        entry.assignment, entry.batch = replace(before, attempt=attempt, care=care), ()
        entry.worker, entry.heard = worker, time.monotonic()
        return entry.assignment

    async def note(self, number: int, batch: tuple[str, ...]) -> None:
        """A worker is about to compute the records with these ids."""
        entry = self._entries.get(number)
        if entry is not None:
            entry.batch, entry.heard = batch, time.monotonic()

    async def silent(self, seconds: float) -> list[Any]:
        """Handles of workers that said nothing for so long; each is told once."""
        latest = time.monotonic() - seconds
        found = []
        for entry in self._entries.values():
            if entry.worker is not None and entry.heard < latest:
                found.append(entry.worker)
                entry.worker = None
        return found

    async def done(self, number: int) -> None:
        """A worker has computed a shard."""
        entry = self._entries.get(number)
        if entry is not None:
            entry.worker = None

    async def finished(self, number: int) -> None:
        """The driver has what became of a shard."""
        self._entries.pop(number, None)

    async def opening(self, worker: str) -> int:
        """A worker begins to open the model; how often it did without coming to its end."""
        self._openings[worker] = self._openings.get(worker, 0) + 1
        return self._openings[worker]

    async def opened(self, worker: str) -> None:
        """A worker has opened the model."""
        self._openings.pop(worker, None)

"""How fast models embed, from file to store: in turns, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

from multiprot.embedding import EmbedOptions
from multiprot.errors import FidelityError
from multiprot.fidelity.card import Speed
from multiprot.fidelity.speed_worker import serve

_LAST_WORDS: Final = 10.0
"""Seconds that a worker has to end by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A model that is timed.

    Attributes
    ----------
    name
        Of the model.
    target
        What `Embedder.open` opens.
    options
        How it embeds.
    """

    name: str
    target: str
    options: EmbedOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What all are timed on.

    Attributes
    ----------
    corpus
        Folder of the proteins.
    proteins, residues
        How many it holds.
    rounds
        Runs of each model, after one that warms up.
    device, threads
        Where they compute.
    """

    corpus: Path
    proteins: int
    residues: int
    rounds: int
    device: str
    threads: int


@dataclass(slots=True)
class _Runs:
    """What one model's process told."""

    idle_mib: float | None
    seconds: list[float] = field(default_factory=list)
    last: Mapping[str, Any] = field(default_factory=dict)

    def speed(self, course: Course) -> Speed:
        """In the middle of its rounds."""
        middle = median(self.seconds)
        return Speed(
            seconds=tuple(self.seconds),
            residues_per_second=course.residues / middle,
            proteins_per_second=course.proteins / middle,
            peak_mib=self.last["peak_mib"],
            idle_mib=self.idle_mib,
            device_peak_mib=self.last["device_peak_mib"],
        )


def measured_speeds(models: Sequence[Contestant], course: Course) -> dict[str, Speed]:
    """Speed of each model by its name, all on the same proteins in one run.

    Models are loaded once, run once to warm up, then take turns; who begins a round changes from
    round to round, so that a disturbance hits all alike.

    Raises
    ------
    FidelityError
        If a model cannot be opened there, embeds not all of the proteins, or its process ends.
    """
    found: dict[str, _Runs] = {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="multiprot-fidelity-")))
        workers = {}
        for model in models:
            worker = workers[model.name] = stack.enter_context(_Worker(model.name))
            opened = worker.ask(
                model=model.target,
                device=course.device,
                options=model.options.model_dump(mode="json"),
                threads=course.threads,
            )
            found[model.name] = _Runs(opened["idle_mib"])
        names = list(workers)
        for turn in range(-1, course.rounds):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                told = workers[name].ask(corpus=str(course.corpus), out=str(scratch / "store"))
                _all_embedded(name, told["proteins"], course)
                found[name].last = told
                if turn >= 0:
                    found[name].seconds.append(told["seconds"])
    return {name: runs.speed(course) for name, runs in found.items()}


def times_faster(student: Speed, teacher: Speed) -> float:
    """Median over rounds of the teacher's seconds over the student's."""
    return median(t / s for s, t in zip(student.seconds, teacher.seconds, strict=True))


def _all_embedded(name: str, embedded: int, course: Course) -> None:
    if embedded != course.proteins:
        raise FidelityError(
            f"{name}: embeds {embedded} of the {course.proteins} proteins that are timed, so that "
            "its speed means nothing; leave out proteins that a model refuses, see its ledger"
        )


class _Worker:
    """A model's process; `ask` it for something, and leave it to end it."""

    def __init__(self, name: str) -> None:
        self._name = name
        # Not forked: memory would be shared with, and counted for, the parent's.
        context = multiprocessing.get_context("spawn")
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.close()
        self._process.join(_LAST_WORDS if kind is None else 0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def ask(self, **told: Any) -> dict[str, Any]:
        """Its answer; `FidelityError` if it fails or has ended."""
        try:
            self._pipe.send(told)
            answer: dict[str, Any] = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(_LAST_WORDS)
            raise FidelityError(
                f"{self._name}: the process that was to time it ended (exit code "
                f"{self._process.exitcode}; -9 is often too little memory); time fewer residues "
                "with --timed-residues, or free memory"
            ) from None
        if "error" in answer:
            raise FidelityError(f"{self._name}: cannot be timed: {answer['error']}")
        return answer

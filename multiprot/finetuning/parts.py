"""Which entries of a task are learnt from, looked at and tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import Target, Task
from multiprot.evaluation.tasks.balance import FEWEST_ENTRIES

_DRAW_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Entries of a task, int64 [entry] each.

    Attributes
    ----------
    train, valid
        To learn from, and to tell by which weights are best.
    tests
        Test split -> entries.
    held_out
        `valid` was taken from the training entries.
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    tests: Mapping[str, NDArray[np.int64]]
    held_out: bool

    @classmethod
    def of(cls, task: Task, valid_share: float) -> Parts:
        """The task's own parts; where it has no valid part, a share of train.

        Raises
        ------
        EvaluationError
            If a part is too small, or nothing varies in what is to be learnt.
        """
        train, valid = task.entries("train"), task.entries("valid")
        held_out = not len(valid)
        if held_out:
            drawn = np.array([_draw(task, row) < valid_share for row in train], dtype=bool)
            train, valid = train[~drawn], train[drawn]
        for name, entries in (("train", train), ("valid", valid)):
            _refuse_few(task, name, entries)
            _refuse_constant(task, name, entries)
        tests = {split: task.entries(split) for split in task.test_splits}
        return cls(train=train, valid=valid, tests=tests, held_out=held_out)

    def all(self) -> NDArray[np.int64]:
        """Every entry once."""
        return np.unique(np.concatenate([self.train, self.valid, *self.tests.values()]))

    def learnt_sequences(self, task: Task) -> Iterator[str]:
        """Sequences that the model learns from or is chosen by."""
        rows = np.concatenate([self.train, self.valid])
        return (column[row] for column in task.sequences for row in rows)

    def all_sequences(self, task: Task) -> Iterator[str]:
        """Sequences of every part."""
        return (column[row] for column in task.sequences for row in self.all())

    def counts(self) -> dict[str, int]:
        """Entries by part."""
        tests = {split: len(entries) for split, entries in self.tests.items()}
        return {"train": len(self.train), "valid": len(self.valid)} | tests


def _draw(task: Task, row: int) -> float:
    """A number from 0 to 1 that follows from the entry's sequences, so that twins stay together."""
    text = "\t".join(column[row] for column in task.sequences)
    digest = hashlib.sha256(text.encode()).digest()[:_DRAW_BYTES]
    return float(int.from_bytes(digest) / 256**_DRAW_BYTES)


def _refuse_few(task: Task, name: str, entries: NDArray[np.int64]) -> None:
    if len(entries) < FEWEST_ENTRIES:
        raise EvaluationError(
            f"{task.name}: {len(entries)} entries in {name}, {FEWEST_ENTRIES} are needed; add "
            "entries, or hold out another share for valid"
        )


def _refuse_constant(task: Task, name: str, entries: NDArray[np.int64]) -> None:
    values = task.labels.values[task.labels.rows(entries)]
    if not len(values):
        raise EvaluationError(f"{task.name}: {name} has no label that is scored; add some")
    if not (values == values[0]).all():
        return
    if task.labels.target is Target.MULTILABEL:
        told = "the same set of labels"
    elif task.labels.names:
        told = f"{task.labels.names[int(values[0])]!r}"
    else:
        told = f"{values[0]:g}"
    raise EvaluationError(
        f"{task.name}: all labels of {name} are {told}; a task needs more than one value"
    )

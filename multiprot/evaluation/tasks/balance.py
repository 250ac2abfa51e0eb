"""Whether a task's labels can be learnt and scored at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from multiprot.evaluation.tasks.findings import Finding, Severity
from multiprot.evaluation.tasks.task import TRAIN, VALID, Task
from multiprot.evaluation.tasks.task_type import Target, Unit

FEWEST_ENTRIES: Final = 10
"""Entries that a split needs for anything to be learnt from it, or told by it."""

_RARE: Final = 0.01


def balance(task: Task) -> Iterator[Finding]:
    """Splits that are too small, labels without variation, classes that training lacks."""
    for split in (TRAIN, *task.test_splits):
        entries = task.entries(split)
        if len(entries) < FEWEST_ENTRIES:
            yield _error(
                "few-entries", f"{len(entries)} entries in {split}, {FEWEST_ENTRIES} are needed"
            )
        yield from _variation(task, split)
    if len(task.entries(VALID)):
        # Settings are chosen by its score, which labels that do not vary do not give.
        yield from _variation(task, VALID)
    else:
        yield _note("no-valid", "no entry is in valid: penalties are chosen by cross-validation")
    if task.labels.target in (Target.MULTICLASS, Target.BINARY):
        yield from _classes(task)
    yield from _contradictions(task)


def _variation(task: Task, split: str) -> Iterator[Finding]:
    values = task.labels.values[task.labels.rows(task.entries(split))]
    if not len(values):
        yield _error("constant-target", f"{split} has no label that is scored")
    elif task.labels.target is Target.MULTILABEL:
        constant = (values == values[0]).all(axis=0)
        if constant.all():
            yield _error("constant-target", f"in {split} no label varies; nothing can be scored")
        elif constant.any():
            yield _note(
                "class-balance",
                f"{int(constant.sum()):,} of {values.shape[1]:,} labels do not vary in {split}",
            )
    elif (values == values[0]).all():
        value = task.labels.names[int(values[0])] if task.labels.names else f"{values[0]:g}"
        yield _error(
            "constant-target",
            f"all labels of {split} are {value!r}; a task needs more than one value",
        )


def _classes(task: Task) -> Iterator[Finding]:
    names = np.array(task.labels.names)
    counts = _counts(task, TRAIN)
    rarest = int(np.argmin(counts))
    if counts[rarest] < _RARE * counts.sum():
        yield _note(
            "class-balance",
            f"class {str(names[rarest])!r} is {counts[rarest]:,} of {counts.sum():,} training "
            f"labels, {str(names[int(np.argmax(counts))])!r} is {counts.max():,}",
        )
    for split in task.test_splits:
        tested = _counts(task, split)
        unseen = (tested > 0) & (counts == 0)
        if unseen.any():
            yield Finding(
                Severity.WARNING,
                "unseen-class",
                f"{int(tested[unseen].sum()):,} labels of {split} are of {int(unseen.sum()):,} "
                f"classes that {TRAIN} lacks, as {str(names[unseen][0])!r}",
            )


def _counts(task: Task, split: str) -> np.ndarray:
    values = task.labels.values[task.labels.rows(task.entries(split))]
    return np.bincount(values, minlength=len(task.labels.names))


def _contradictions(task: Task) -> Iterator[Finding]:
    """Entries of one sequence whose labels differ: no model can have both right."""
    if task.specification.unit is not Unit.PROTEIN:
        return
    seen: dict[str, bytes] = {}
    contradicting = set()
    for row, sequence in enumerate(task.sequences[0]):
        label = task.labels.values[row].tobytes()
        if seen.setdefault(sequence, label) != label:
            contradicting.add(sequence)
    if contradicting:
        yield _note(
            "contradicting-labels",
            f"{len(contradicting):,} sequences stand in several entries with different labels",
        )


def _error(kind: str, message: str) -> Finding:
    return Finding(Severity.ERROR, kind, message)


def _note(kind: str, message: str) -> Finding:
    return Finding(Severity.NOTE, kind, message)

"""Task folders found and checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from multiprot.errors import EvaluationError, MultiprotError
from multiprot.evaluation.tasks.balance import balance
from multiprot.evaluation.tasks.findings import Finding, Severity, TaskReport
from multiprot.evaluation.tasks.leakage import leakage
from multiprot.evaluation.tasks.scored_by import scored_by
from multiprot.evaluation.tasks.specification import SPECIFICATION
from multiprot.evaluation.tasks.task import Task, load_task

SIMILAR: Final = 0.3
"""Sequence identity from which on two proteins are taken for relatives."""


def task_folders(paths: Sequence[Path]) -> list[Path]:
    """Task folders among `paths` and directly in them, sorted by name within each.

    Raises
    ------
    EvaluationError
        If a path is neither a task folder nor a folder of some.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            raise EvaluationError(f"{path}: no such folder")
        inside = [path] if (path / SPECIFICATION).is_file() else _inside(path)
        if not inside:
            raise EvaluationError(f"{path}: neither it nor a folder in it holds a {SPECIFICATION}")
        found += inside
    return found


def _inside(path: Path) -> list[Path]:
    return sorted(f for f in path.iterdir() if f.is_dir() and (f / SPECIFICATION).is_file())


def check_task(
    folder: Path, *, split_column: str = "split", identity: float | None = SIMILAR, threads: int = 1
) -> TaskReport:
    """Everything that can be said about a task folder before a model is scored on it.

    Parameters
    ----------
    folder
        To check.
    split_column
        As in `load_task`.
    identity
        As in `leakage`.
    threads
        For the search for similar sequences.
    """
    try:
        task = load_task(folder, split_column=split_column)
    except MultiprotError as error:
        return TaskReport(folder, {}, (Finding(Severity.ERROR, "unreadable", str(error)),))
    findings = [
        *scored_by(task),
        *balance(task),
        *leakage(task, identity=identity, threads=threads),
    ]
    order = list(Severity)
    return TaskReport(
        folder, task_summary(task), tuple(sorted(findings, key=lambda f: order.index(f.severity)))
    )


def task_summary(task: Task) -> dict[str, object]:
    """Name, task type, primary metric and entries by split, as JSON holds them."""
    return {
        "name": task.name,
        "task_type": task.specification.task_type.value,
        "primary_metric": task.specification.primary_metric,
        "labels": len(task.labels.names),
        "entries": {split: len(task.entries(split)) for split in _splits(task)},
        "description": task.specification.description,
    }


def _splits(task: Task) -> Iterator[str]:
    yield from (split for split in ("train", "valid") if len(task.entries(split)))
    yield from task.test_splits

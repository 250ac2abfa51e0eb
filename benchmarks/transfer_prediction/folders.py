"""Smaller copies of task folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.transfer_prediction.design import (
    LONGEST,
    SEED,
    TEST_ROWS,
    TRAIN_ROWS,
    VALID_ROWS,
)
from multiprot.evaluation.tasks import Task, load_task
from multiprot.files import atomic_folder

_MOST: dict[str, int] = {"train": TRAIN_ROWS, "valid": VALID_ROWS, "test": TEST_ROWS}


def held_out_sequences(sources: Sequence[Path]) -> frozenset[str]:
    """Proteins that any of the tasks is tested on."""
    tasks = [load_task(source) for source in sources]
    return frozenset(t.sequences[0][row] for t in tasks for row in t.entries("test"))


def smaller_task(source: Path, target: Path, tested: frozenset[str], share: float = 1.0) -> None:
    """Write a sample of a task's entries, drawn at random, as a task of its own.

    No protein that another task is tested on is learnt from, whatever its label here.
    """
    if target.is_dir():
        return
    task = load_task(source)
    drawn = [_drawn(task, s, tested, max(40, int(n * share))) for s, n in _MOST.items()]
    chosen = np.sort(np.concatenate(drawn))
    names = task.labels.names
    rows = [
        {
            "id": task.ids[row],
            "sequence": task.sequences[0][row],
            "target": names[task.labels.values[row]] if names else str(task.labels.values[row]),
            "split": str(task.splits[row]),
        }
        for row in chosen
    ]
    specification = task.specification
    with atomic_folder(target) as folder:
        told = {
            "name": specification.name,
            "task_type": specification.task_type.value,
            "primary_metric": specification.primary_metric,
        }
        (folder / "task.json").write_text(json.dumps(told), encoding="utf-8")
        pq.write_table(pa.Table.from_pylist(rows), folder / "data.parquet")


def _drawn(task: Task, split: str, tested: frozenset[str], most: int) -> NDArray[np.int64]:
    """Entries that may be used, at most so many of them."""
    sequences = task.sequences[0]
    fit = [
        row
        for row in task.entries(split)
        if len(sequences[row]) <= LONGEST and (split == "test" or sequences[row] not in tested)
    ]
    return np.random.default_rng(SEED).permutation(np.array(fit, dtype=np.int64))[:most]

"""Smaller copies of task folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.transfer_prediction.design import SEED, TEST_ROWS, TRAIN_ROWS, VALID_ROWS
from multiprot.evaluation.tasks import load_task
from multiprot.evaluation.tasks.sample import sampled
from multiprot.files import atomic_folder

_MOST: dict[str, int] = {"train": TRAIN_ROWS, "valid": VALID_ROWS, "test": TEST_ROWS}


def held_out_sequences(sources: Sequence[Path]) -> frozenset[str]:
    """Proteins that any of the tasks is tested on."""
    tasks = [load_task(source) for source in sources]
    return frozenset(t.sequences[0][row] for t in tasks for row in t.entries("test"))


def smaller_task(source: Path, target: Path, tested: frozenset[str], share: float = 1.0) -> None:
    """Write a sample of a task's entries, chosen by their ids, as a task of its own.

    No protein that another task is tested on is learnt from, whatever its label here.
    """
    if target.is_dir():
        return
    task = load_task(source)
    chosen = np.sort(
        np.concatenate([sampled(task, s, max(20, int(n * share)), SEED) for s, n in _MOST.items()])
    )
    names = task.labels.names
    rows = [
        {
            "id": task.ids[row],
            "sequence": task.sequences[0][row],
            "target": names[task.labels.values[row]] if names else str(task.labels.values[row]),
            "split": str(task.splits[row]),
        }
        for row in chosen
        if task.splits[row] == "test" or task.sequences[0][row] not in tested
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

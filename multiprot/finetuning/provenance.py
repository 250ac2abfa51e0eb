"""What a fine-tuned bundle says of itself."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from multiprot.bundle import TrainingSequences
from multiprot.evaluation.tasks import Task
from multiprot.finetuning.parts import Parts
from multiprot.finetuning.start import Start
from multiprot.training.finetune.options import FineTuneOptions

_OF_THE_BASE: Final = ("training", "metrics", "fine_tuning", "base")
"""Keys of the base's provenance that are kept beneath its name: they are not the new model's."""


def provenance_of(
    start: Start, task: Task, options: FineTuneOptions, results: Mapping[str, Any]
) -> dict[str, Any]:
    """Plain data for the model card: the base's, and what it was fine-tuned on.

    Parameters
    ----------
    start
        What it began with.
    task
        What it learnt.
    options
        How.
    results
        As results.json holds them.
    """
    former = start.bundle.provenance
    kept = {key: value for key, value in former.items() if key not in _OF_THE_BASE}
    return kept | {
        "name": f"{start.name}-{task.specification.name}",
        "summary": f"{start.name} fine-tuned on {task.name} ({options.mode}); predicts "
        f"{task.specification.task_type.value} labels.",
        "fine_tuning": {
            "task": task.name,
            "task_type": task.specification.task_type.value,
            "description": task.specification.description or None,
            "content_hash": task.content_hash,
            "split_column": task.split_column,
            "entries": results["entries"],
            "steps": results["steps"],
            "best_step": results["best_step"],
            "parameters": results["parameters"],
            "seconds": results["seconds"],
            "options": options.model_dump(mode="json"),
            "structures": results.get("structures"),
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "date": datetime.now(UTC).date().isoformat(),
        },
        "metrics": {"valid": results["valid"], **results["tests"]},
        "base": {
            "name": start.name,
            "source": start.source,
            "content_hash": start.content_hash,
        }
        | {key: former[key] for key in _OF_THE_BASE if key in former},
    }


def seen_sequences(
    start: Start, task: Task, parts: Parts, *, all_parts: bool = False
) -> TrainingSequences | None:
    """The base's training sequences and the task's; None where nobody knows the base's.

    Parameters
    ----------
    start
        The base.
    task, parts
        What was learnt, and from which entries.
    all_parts
        Pairs of the test parts were seen, too, if without labels.
    """
    former = start.bundle.trained_on()
    if former is None:
        return None
    found = parts.all_sequences(task) if all_parts else parts.learnt_sequences(task)
    learnt = TrainingSequences.of(found)
    return TrainingSequences(np.union1d(former.digests, learnt.digests))

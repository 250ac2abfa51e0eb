"""What a run comes to: scores and predictions of the best weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.bundle import PredictionHead
from multiprot.evaluation.tasks import Task
from multiprot.files import atomic_file
from multiprot.finetuning.fitting import Fitting
from multiprot.finetuning.scoring import Scoring
from multiprot.training.finetune.fit import Fitted


def measured(
    fitting: Fitting, fitted: Fitted, scoring: Scoring, predictions: Path
) -> dict[str, Any]:
    """Scores of the learner as it is now, and how it came to be so.

    Parameters
    ----------
    fitting
        With the best weights.
    fitted
        How the steps went.
    scoring
        The task's metrics.
    predictions
        Folder for the predictions of the valid part and of each test part.
    """
    parts = fitting.parts
    scores = {}
    for split, entries in {"valid": parts.valid, **parts.tests}.items():
        said = fitting.predictions(entries)
        scores[split] = plain_scores(scoring.scores(entries, said))
        write_predictions(predictions / f"{split}.npz", fitting.task, entries, said)
    return {
        "task": fitting.task.name,
        "primary_metric": scoring.primary.name,
        "greater_is_better": scoring.primary.greater_is_better,
        "valid": scores.pop("valid"),
        "tests": scores,
        "entries": parts.counts(),
        "valid_held_out": parts.held_out,
        "steps": fitted.steps,
        "best_step": fitted.best_step,
        "stopped_early": fitted.stopped_early,
        "parameters": fitted.parameters,
        "network": _network(fitting.head),
    }


def _network(head: PredictionHead) -> dict[str, int] | None:
    """Size of the network that a head's graph is over."""
    graph = head.settings.graph
    if graph is None:
        return None
    return {"proteins": graph.proteins, "links": graph.edges // 2}


def write_predictions(
    path: Path, task: Task, entries: NDArray[np.int64], predictions: NDArray[np.float64]
) -> None:
    """Ids, the entry of each row, labels and predictions, as `multiprot evaluate` keeps them."""
    rows = task.labels.rows(entries)
    place = {entry: number for number, entry in enumerate(entries)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as partial, partial.open("wb") as handle:
        np.savez_compressed(
            handle,
            ids=np.array([task.ids[entry] for entry in entries]),
            groups=np.array([place[e] for e in task.labels.entries()[rows]], dtype=np.int32),
            labels=task.labels.values[rows],
            predictions=predictions.astype(np.float32),
        )


def plain_scores(scores: dict[str, float]) -> dict[str, float | None]:
    """Scores as JSON holds them: an undefined one is null."""
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}

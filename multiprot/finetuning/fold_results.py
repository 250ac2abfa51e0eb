"""What the folds of a task come to together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TrainingError
from multiprot.evaluation.tasks import Task
from multiprot.files import named_errors
from multiprot.finetuning.results import plain_scores, write_predictions
from multiprot.finetuning.scoring import Scoring

_OF_ALL: Final = ("model", "mode", "primary_metric", "greater_is_better")
_OF_A_FOLD: Final = ("entries", "valid", "tests", "steps", "best_step", "stopped_early", "seconds")

Scores: TypeAlias = Mapping[str, float | None]
"""Metric -> value, None where it is undefined."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedFold:
    """One fold, trained.

    Attributes
    ----------
    number
        From 1.
    task
        With the fold's splits.
    folder
        Of its run.
    results
        As its results.json holds them.
    """

    number: int
    task: Task
    folder: Path
    results: Mapping[str, Any]


def summary_of(task: Task, folds: Sequence[TrainedFold], predictions: Path) -> dict[str, Any]:
    """Scores of each fold, their mean and standard deviation, and those of all folds' predictions.

    Parameters
    ----------
    task
        As it was dealt.
    folds
        All of them.
    predictions
        File to write what each fold says of its test part.
    """
    entries = [fold.task.entries("test") for fold in folds]
    joined = np.concatenate(entries)
    said = np.concatenate([_said(fold, rows) for fold, rows in zip(folds, entries, strict=True)])
    write_predictions(predictions, task, joined, said)
    first = folds[0].results
    parts = {"valid": [fold.results["valid"] for fold in folds]}
    parts |= {split: [fold.results["tests"][split] for fold in folds] for split in first["tests"]}
    return {
        **{key: first[key] for key in _OF_ALL},
        "task": task.name,
        "folds": [
            {"fold": fold.number} | {key: fold.results[key] for key in _OF_A_FOLD} for fold in folds
        ],
        "mean": {part: _over(scores, np.mean) for part, scores in parts.items()},
        "standard_deviation": {part: _over(scores, _deviation) for part, scores in parts.items()},
        "out_of_fold": plain_scores(Scoring(task).scores(joined, said)),
        "seconds": round(sum(fold.results["seconds"] for fold in folds), 1),
    }


def _said(fold: TrainedFold, entries: NDArray[np.int64]) -> NDArray[np.float64]:
    """What a fold said of its test part, as [row] or [row, class] in the order of `entries`."""
    path = fold.folder / "predictions" / "test.npz"
    with named_errors(path), np.load(path) as kept:
        ids, said = kept["ids"].tolist(), kept["predictions"]
    if ids != [fold.task.ids[entry] for entry in entries]:
        raise TrainingError(
            f"{path}: holds predictions of other entries than fold {fold.number} tests; start anew "
            "with --overwrite"
        )
    return np.asarray(said, dtype=np.float64)


def _over(
    scores: Iterable[Scores], joined: Callable[[NDArray[np.float64]], Any]
) -> dict[str, float | None]:
    """By metric; None where a fold's is undefined, as the others alone would tell another story."""
    table = list(scores)
    columns = {name: [row[name] for row in table] for name in table[0]}
    return {
        name: None if None in values else float(joined(np.array(values, dtype=np.float64)))
        for name, values in columns.items()
    }


def _deviation(values: NDArray[np.float64]) -> np.floating[Any]:
    """Of a sample."""
    return np.std(values, ddof=1)

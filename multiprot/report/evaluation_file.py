"""results.json of `multiprot evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from multiprot.errors import EvaluationError, ReportError
from multiprot.evaluation.comparison.exposure import Verdict
from multiprot.evaluation.comparison.folder import finished_cells
from multiprot.evaluation.tasks import scored_by
from multiprot.report.json_file import Stored, read_object, read_stored

RESULTS: Final = "results.json"

Line = tuple[str, str, str]
"""Task, split and probe: what makes scores of models comparable."""


class Score(Stored):
    """One metric of one model on one split of a task."""

    task: str
    split: str
    model: str
    probe: str
    metric: str
    primary: bool
    value: float | None
    low: float | None
    high: float | None
    seeds: int
    standard_deviation: float | None
    rows: int
    exposure: Verdict

    @property
    def line(self) -> Line:
        """What it may be compared within."""
        return self.task, self.split, self.probe


class Comparison(Stored):
    """A paired test of a model against the best one."""

    task: str
    probe: str
    split: str
    best: str
    model: str
    p_value_holm: float | None = None


class TaskFacts(Stored):
    """What a task is."""

    task_type: str
    primary_metric: str
    description: str = ""
    caveat: str = ""


class CellFailure(Stored):
    """What could not be scored, and why; no model: the task itself could not be read."""

    model: str
    task: str
    reason: str


class Refusal(Stored):
    """A protein without a vector."""

    model: str
    task: str
    id: str
    reason: str


class EvaluationFile(Stored):
    """All of it."""

    options: dict[str, Any] = Field(default_factory=dict)
    tasks: dict[str, TaskFacts]
    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...] = ()
    refused: tuple[Refusal, ...] = ()
    failures: tuple[CellFailure, ...] = ()

    @property
    def primary(self) -> tuple[Score, ...]:
        """Scores by each task's primary metric."""
        return tuple(score for score in self.scores if score.primary)

    @property
    def models(self) -> tuple[str, ...]:
        """Names in the order of the file, those that only failed behind."""
        named = [score.model for score in self.scores]
        failed = [failure.model for failure in self.failures if failure.model]
        return tuple(dict.fromkeys(named + failed))

    @property
    def confidence(self) -> float:
        """Of the intervals, from 0 to 1."""
        return float(self.options.get("confidence", 0.95))

    def lines(self) -> Iterator[tuple[Line, dict[str, Score]]]:
        """Primary scores by model, for each task, split and probe, in the order of the tasks."""
        found: dict[Line, dict[str, Score]] = {}
        for score in self.primary:
            found.setdefault(score.line, {})[score.model] = score
        order = {task: number for number, task in enumerate(self.tasks)}
        for line in sorted(found, key=lambda line: order.get(line[0], len(order))):
            yield line, found[line]


def read_evaluation(folder: Path) -> EvaluationFile:
    """The results of an evaluation.

    Raises
    ------
    ReportError
        If the file is broken, or neither a score nor a failure is in it.
    """
    path = folder / RESULTS
    results = read_stored(path, EvaluationFile)
    if not results.scores and not results.failures:
        raise ReportError(f"{path}: holds no score; evaluate at least one model on one task")
    for score in results.scores:
        greater_is_better(score.metric, path)
    return results


def greater_is_better(metric: str, owner: Path | str = "scores") -> bool:
    """Whether a better model has a greater value of a metric.

    Raises
    ------
    ReportError
        If there is no such metric.
    """
    try:
        return scored_by.greater_is_better(metric)
    except EvaluationError as error:
        raise ReportError(f"{owner}: {error}") from None


def best_of(scores: dict[str, Score]) -> set[str]:
    """The models with the best defined value, several if they are equal."""
    values = {model: score.value for model, score in scores.items() if score.value is not None}
    if not values:
        return set()
    metric = next(iter(scores.values())).metric
    best = max(values.values()) if greater_is_better(metric) else min(values.values())
    return {model for model, value in values.items() if value == best}


class CellTimes(Stored):
    """What a cell.json says of how fast its model embedded."""

    model: str
    seconds_embedding: float | None = None
    residues_embedded: int | None = None


def read_cell_times(folder: Path) -> list[CellTimes]:
    """Times of all cells of an evaluation."""
    return [CellTimes.model_validate(read_object(path)) for path in finished_cells(folder)]

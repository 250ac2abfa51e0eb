"""All models on all tasks: what fails costs one cell, and what is finished is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from multiprot.embedding import EmbeddingStoppedError, EmbedOptions
from multiprot.errors import EvaluationError, MultiprotError, OutputExistsError
from multiprot.evaluation.comparison.cell import CELL, cell_key, make_cell
from multiprot.evaluation.comparison.exposure import Exposure, TrainingKnowledge
from multiprot.evaluation.comparison.options import EvaluateOptions
from multiprot.evaluation.features import FeatureSource, ModelReference, open_source
from multiprot.evaluation.metrics import metric_named
from multiprot.evaluation.probes import find_probe
from multiprot.evaluation.tasks import Task, load_task
from multiprot.files import atomic_file

RUN: Final = "run.json"
CELLS: Final = "cells"

OnCell = Callable[[str, str, str], None]
"""Called with a model, a task and what became of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be compared, and how.

    Attributes
    ----------
    models
        In the order of the tables.
    tasks
        Task folders.
    out
        Folder that is made, or gone on with.
    cache
        Folder that keeps vectors.
    options
        How models are scored.
    embedding
        How models embed.
    device
        Where they compute.
    corpora
        Folders of training corpora, to look for proteins similar to those of test splits.
    """

    models: Sequence[ModelReference]
    tasks: Sequence[Path]
    out: Path
    cache: Path
    options: EvaluateOptions = field(default_factory=EvaluateOptions)
    embedding: EmbedOptions = field(default_factory=EmbedOptions)
    device: str = "cpu"
    corpora: Sequence[Path] = ()


@dataclass(slots=True)
class Outcome:
    """What a run made.

    Attributes
    ----------
    cells
        What cell.json holds, of all cells that are there.
    folders
        Model and task -> where its cell lies.
    tasks
        Name -> task, of those that could be read.
    exposures
        Model and task -> what the model may have seen of the task's test splits.
    failures
        Model, task and reason of each cell that failed.
    kept
        Cells that were there already.
    """

    cells: list[dict[str, Any]] = field(default_factory=list)
    folders: dict[tuple[str, str], Path] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    exposures: dict[tuple[str, str], Exposure] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    kept: int = 0


def run_cells(
    plan: Plan, *, resume: bool, on_cell: OnCell = lambda model, task, told: None
) -> Outcome:
    """Make every cell that is not there yet.

    Parameters
    ----------
    plan
        What to compare.
    resume
        Go on in a folder that was begun with the same options.
    on_cell
        Told of each cell as it is done.

    Raises
    ------
    OutputExistsError
        If the folder is there and `resume` is not asked for.
    EvaluationError
        If the folder was begun with other options, two tasks have the same name, or there is no
        such probe or metric.
    """
    for probe in plan.options.probes:
        find_probe(probe)
    for metric in plan.options.metrics:
        metric_named(metric)
    _begin(plan, resume=resume)
    outcome = Outcome()
    for folder in plan.tasks:
        _load(folder, plan, outcome, on_cell)
    for reference in plan.models:
        _score(reference, plan, outcome, on_cell)
    return outcome


def _begin(plan: Plan, *, resume: bool) -> None:
    file = plan.out / RUN
    told = json.loads(plan.options.model_dump_json())
    if file.is_file():
        if not resume:
            raise OutputExistsError(
                f"{plan.out}: is there already; go on with --resume, or choose another folder"
            )
        begun = json.loads(file.read_text(encoding="utf-8"))["options"]
        apart = [name for name in told if told[name] != begun.get(name)]
        if apart:
            raise EvaluationError(
                f"{plan.out}: was begun with {apart[0]} = {begun.get(apart[0])!r}, not "
                f"{told[apart[0]]!r}; give the same options, or choose another folder"
            )
        return
    plan.out.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as partial:
        partial.write_text(json.dumps({"options": told}, indent=2), encoding="utf-8")


def _load(folder: Path, plan: Plan, outcome: Outcome, on_cell: OnCell) -> None:
    try:
        task = load_task(folder, split_column=plan.options.split_column)
    except MultiprotError as error:
        outcome.failures.append({"model": "", "task": folder.name, "reason": str(error)})
        on_cell("every model", folder.name, f"failed: {error}")
        return
    if task.name in outcome.tasks:
        raise EvaluationError(
            f"{folder}: a second task called {task.name!r}; change the name in one task.json"
        )
    outcome.tasks[task.name] = task


def _score(reference: ModelReference, plan: Plan, outcome: Outcome, on_cell: OnCell) -> None:
    """One model on all tasks; it is opened when the first cell needs it."""
    try:
        source = open_source(
            reference, cache=plan.cache, device=plan.device, options=plan.embedding
        )
        knowledge = TrainingKnowledge.of(source, plan.corpora)
    except MultiprotError as error:
        for name in outcome.tasks:
            _fail(outcome, reference.name, name, str(error), on_cell)
        return
    for task in outcome.tasks.values():
        try:
            cell = _cell(source, task, plan, outcome)
            outcome.exposures[source.name, task.name] = knowledge.exposure(task)
            outcome.cells.append(cell)
            on_cell(source.name, task.name, _told(cell))
        except EmbeddingStoppedError:
            raise
        except MultiprotError as error:
            _fail(outcome, source.name, task.name, str(error), on_cell)
        except Exception as error:
            # A plugin's own fault must not cost the other models' cells.
            told = f"unexpected {type(error).__name__}: {error}"
            _fail(outcome, source.name, task.name, told, on_cell)


def _cell(source: FeatureSource, task: Task, plan: Plan, outcome: Outcome) -> dict[str, Any]:
    folder = plan.out / CELLS / f"{_safe(source.name)}--{_safe(task.name)}"
    outcome.folders[source.name, task.name] = folder
    file = folder / CELL
    if file.is_file():
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if found["key"] == cell_key(source, task, plan.options):
            outcome.kept += 1
            return found
    return make_cell(source, task, plan.options, folder)


def _fail(outcome: Outcome, model: str, task: str, reason: str, on_cell: OnCell) -> None:
    outcome.failures.append({"model": model, "task": task, "reason": reason})
    on_cell(model, task, f"failed: {reason}")


def _told(cell: dict[str, Any]) -> str:
    split, scores = next(iter(cell["runs"][0]["splits"].items()))
    metric = cell["primary_metric"]
    value, low, high = (scores[metric][name] for name in ("value", "low", "high"))
    if value is None:
        return f"{metric} is undefined"
    interval = "" if low is None else f" [{low:.3f}, {high:.3f}]"
    return f"{metric} {value:.3f}{interval} on {split}"


def _safe(name: str) -> str:
    """A name that is a file name everywhere; what it stands for is in cell.json."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)

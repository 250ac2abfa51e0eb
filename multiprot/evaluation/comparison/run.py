"""All models on all tasks: what fails costs one cell, and what is finished is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multiprot.data import Corpus
from multiprot.data.mmseqs import WHERE_FROM, has_mmseqs
from multiprot.embedding import EmbeddingStoppedError, EmbedOptions
from multiprot.embedding.progress import Watch, unwatched
from multiprot.errors import EvaluationError, MultiprotError
from multiprot.evaluation.comparison.cell import cell_key, make_cell
from multiprot.evaluation.comparison.exposure import Exposure, TrainingKnowledge
from multiprot.evaluation.comparison.folder import (
    CELLS,
    RUN,
    begin,
    cell_name,
    is_begun,
    kept_cell,
    locked,
    remove_unfinished,
)
from multiprot.evaluation.comparison.options import EvaluateOptions
from multiprot.evaluation.features import FeatureSource, ModelReference, open_source
from multiprot.evaluation.metrics import metric_named
from multiprot.evaluation.probes import find_probe
from multiprot.evaluation.structures import StructureLibrary, StructureOptions
from multiprot.evaluation.structures.report import structure_report, structure_text
from multiprot.evaluation.tasks import Task, load_task

__all__ = ["CELLS", "RUN", "OnCell", "Outcome", "Plan", "run_cells"]

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
    watch
        Gives the counters of each run of embedding.
    structures
        Where the proteins' structures are, if anywhere.
    """

    models: Sequence[ModelReference]
    tasks: Sequence[Path]
    out: Path
    cache: Path
    options: EvaluateOptions = field(default_factory=EvaluateOptions)
    embedding: EmbedOptions = field(default_factory=EmbedOptions)
    device: str = "cpu"
    corpora: Sequence[Path] = ()
    watch: Watch = unwatched
    structures: StructureOptions = field(default_factory=StructureOptions)


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
    corpora
        Content hashes of the corpora in which similar proteins were looked for.
    notes
        What somebody should know who reads the scores, a sentence each.
    structures
        Task -> how many of its proteins have a structure; empty where no folder was named.
    """

    cells: list[dict[str, Any]] = field(default_factory=list)
    folders: dict[tuple[str, str], Path] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    exposures: dict[tuple[str, str], Exposure] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    kept: int = 0
    corpora: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    structures: dict[str, dict[str, Any]] = field(default_factory=dict)


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
        If the folder was begun with other options, another process is at work in it, two tasks
        have the same name, or there is no such probe or metric.
    DataError
        If one of the corpora is none.
    FileFormatError
        If there is no such folder of structures.
    """
    for probe in plan.options.probes:
        find_probe(probe)
    for metric in plan.options.metrics:
        metric_named(metric)
    corpora = {path: Corpus.open(path).content_hash for path in plan.corpora}
    is_begun(plan.out, plan.options, resume=resume)
    outcome = Outcome()
    for folder in plan.tasks:
        _load(folder, plan, outcome, on_cell)
    # Before anything is written: a folder that cannot be used must not leave one behind.
    library = _library(plan, outcome)
    with locked(plan.out):
        if not is_begun(plan.out, plan.options, resume=resume):
            begin(plan.out, plan.options)
        remove_unfinished(plan.out)
        for reference in plan.models:
            _score(reference, plan, library, outcome, on_cell)
    outcome.notes += _unused(corpora, outcome)
    return outcome


def _load(folder: Path, plan: Plan, outcome: Outcome, on_cell: OnCell) -> None:
    try:
        task = load_task(folder, split_column=plan.options.split_column)
    except MultiprotError as error:
        reason = " ".join(str(error).split("\n"))
        outcome.failures.append({"model": "", "task": folder.name, "reason": reason})
        on_cell("every model", folder.name, f"failed: {reason}")
        return
    if task.name in outcome.tasks:
        raise EvaluationError(
            f"{folder}: a second task called {task.name!r}; change the name in one task.json"
        )
    outcome.tasks[task.name] = task


def _library(plan: Plan, outcome: Outcome) -> StructureLibrary | None:
    """Structures of all tasks' proteins, looked for once; says how many there are."""
    library = StructureLibrary.of(plan.structures)
    if library is None:
        return None
    library.match(s for task in outcome.tasks.values() for s in task.unique_sequences())
    for name, task in outcome.tasks.items():
        splits = ("train", "valid", *task.test_splits)
        report = structure_report(library, task, {split: task.entries(split) for split in splits})
        outcome.structures[name] = report
        outcome.notes.append(f"{name}: {structure_text(report)}")
    return library


def _score(
    reference: ModelReference,
    plan: Plan,
    library: StructureLibrary | None,
    outcome: Outcome,
    on_cell: OnCell,
) -> None:
    """One model on all tasks; it is opened when the first cell needs it."""
    try:
        source = open_source(
            reference,
            cache=plan.cache,
            device=plan.device,
            options=plan.embedding,
            watch=plan.watch,
            structures=library,
        )
        knowledge = TrainingKnowledge.of(source, plan.corpora)
    except Exception as error:
        # A plugin's own fault must not cost the other models' cells.
        for name in outcome.tasks:
            _fail(outcome, reference.name, name, _reason(error), on_cell)
        return
    if knowledge.corpus:
        outcome.corpora.add(knowledge.corpus)
    for task in outcome.tasks.values():
        try:
            cell = _cell(source, task, plan, outcome)
            outcome.exposures[source.name, task.name] = knowledge.exposure(task)
            outcome.cells.append(cell)
            on_cell(source.name, task.name, _told(cell))
        except EmbeddingStoppedError:
            raise
        except Exception as error:
            _fail(outcome, source.name, task.name, _reason(error), on_cell)


def _cell(source: FeatureSource, task: Task, plan: Plan, outcome: Outcome) -> dict[str, Any]:
    folder = plan.out / CELLS / cell_name(source.name, task.name)
    outcome.folders[source.name, task.name] = folder
    found = kept_cell(folder)
    if found is not None and found["key"] == cell_key(source, task, plan.options):
        outcome.kept += 1
        return found
    return make_cell(source, task, plan.options, folder)


def _unused(corpora: Mapping[Path, str], outcome: Outcome) -> Iterator[str]:
    """A search that was asked for and could not be made must not pass for one without a find."""
    if corpora and not has_mmseqs():
        yield f"similar proteins were not looked for: mmseqs2 is not installed ({WHERE_FROM})"
    for path, content_hash in corpora.items():
        if content_hash not in outcome.corpora:
            yield f"{path}: none of the models says that it was trained on this corpus"


def _reason(error: Exception) -> str:
    deliberate = isinstance(error, MultiprotError)
    return str(error) if deliberate else f"unexpected {type(error).__name__}: {error}"


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

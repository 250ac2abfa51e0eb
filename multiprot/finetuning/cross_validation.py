"""Fine-tuning once for each fold of a task, every time from the beginning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from multiprot.errors import MultiprotError, TrainingError
from multiprot.evaluation.structures import StructureLibrary
from multiprot.evaluation.structures.report import structure_report
from multiprot.evaluation.tasks import Task
from multiprot.files import read_bytes
from multiprot.finetuning.fold_results import TrainedFold, summary_of
from multiprot.finetuning.folds import Folding, fold_tasks
from multiprot.finetuning.parts import Parts
from multiprot.finetuning.request import FineTuneRun, structures_of, task_of
from multiprot.finetuning.run import finetune_on
from multiprot.finetuning.run_facts import check_resumable, facts_of, write_new
from multiprot.training.finetune.watch import Look
from multiprot.training.run_folder import RunFolder, write_json

OnLook = Callable[[int, Look], None]
"""Called with the number of the fold, from 1, after every look at its valid part."""


def cross_validate(
    run: FineTuneRun,
    folding: Folding,
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_look: OnLook = lambda fold, look: None,
) -> dict[str, Any]:
    """Fine-tune as often as there are folds, and test each time on another one.

    Nothing goes from one fold to the next: each reads the model anew and draws its own head. Frozen
    vectors, which no fold changes, are computed once.

    Parameters
    ----------
    run
        What and how; `out` gets a folder for each fold.
    folding
        Into how many parts.
    resume
        Go on in `run.out`: finished folds stay as they are.
    overwrite
        Remove a former run there first.
    on_look
        See `OnLook`.

    Returns
    -------
    dict
        What results.json holds.

    Raises
    ------
    EvaluationError
        If the task cannot be dealt so, a fold cannot be learnt, or the model refuses a protein.
    TrainingError, OutputExistsError, TrainingInterrupted
        As `finetune`.
    """
    folder, task = RunFolder(Path(run.out)), task_of(run)
    tasks = _learnable(task, run, folding)
    structures = structures_of(run, task)
    facts = facts_of(run, task, folding)
    if resume:
        check_resumable(folder, facts)
    else:
        write_new(folder, run.options, facts, overwrite=overwrite)
    folds: list[TrainedFold] = []
    for number, fold_task in enumerate(tasks, 1):
        try:
            folds.append(train_fold(run, fold_task, number, on_look, structures))
            _refuse_mixed(folder, folds)
        except MultiprotError:
            if not resume and not fold_folder(folder.path, 1).exists():
                # Nothing was learnt yet: the folder must not be in the way.
                folder.clear()
            raise
    summary = summary_of(task, folds, folder.path / "predictions" / "out_of_fold.npz")
    results = summary | {"fold_groups": folding.groups, "structures": _report(structures, task)}
    write_json(folder.results, results)
    return results


def _report(structures: StructureLibrary | None, task: Task) -> dict[str, Any] | None:
    """How many proteins of the whole task have a structure."""
    if structures is None:
        return None
    return structure_report(structures, task, {"all": np.arange(len(task))})


def _learnable(task: Task, run: FineTuneRun, folding: Folding) -> list[Task]:
    """The task of each fold; one that cannot be learnt must not be found out after hours."""
    share = run.options.valid_share
    tasks = fold_tasks(task, folding, valid_share=share, seed=run.options.seed)
    for fold_task in tasks:
        Parts.of(fold_task, share)
    return tasks


def _refuse_mixed(folder: RunFolder, folds: Sequence[TrainedFold]) -> None:
    """Raise `TrainingError` if the model was another one when a fold began."""
    began = [RunFolder(fold.folder).read_facts().get("start") for fold in (folds[0], folds[-1])]
    if began[0] != began[1]:
        raise TrainingError(
            f"{folder.path}: fold {folds[-1].number} began with another model ({began[1]}) than "
            f"fold 1 ({began[0]}); put the former model back, or start anew with --overwrite"
        )


def fold_folder(out: Path, number: int) -> Path:
    """Folder of a fold's own run; `number` from 1."""
    return out / f"fold-{number:02d}"


def train_fold(
    run: FineTuneRun,
    task: Task,
    number: int,
    on_look: OnLook,
    structures: StructureLibrary | None = None,
) -> TrainedFold:
    """One fold: as it is if it is finished, else trained from where it stopped.

    Parameters
    ----------
    run
        Of all folds.
    task
        As `fold_tasks` gives it for this one.
    number
        Of the fold, from 1.
    on_look
        See `OnLook`.
    structures
        As `structures_of` gives them.
    """
    shared = Path(run.out)
    folder = RunFolder(fold_folder(shared, number))
    if folder.results.is_file():
        results = json.loads(read_bytes(folder.results))
        return TrainedFold(number=number, task=task, folder=folder.path, results=results)
    begun = folder.facts.is_file()
    if not begun:
        # Killed while its folder was made.
        folder.clear()
    results = finetune_on(
        task,
        replace(run, out=folder.path, shared=shared),
        structures,
        resume=begun,
        on_look=lambda look: on_look(number, look),
    )
    return TrainedFold(number=number, task=task, folder=folder.path, results=results)

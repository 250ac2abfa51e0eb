"""Fine-tuning from a model and a task to a bundle."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from multiprot.bundle import BundleExtras, save_bundle
from multiprot.errors import MultiprotError
from multiprot.evaluation.structures import StructureLibrary
from multiprot.evaluation.structures.report import structure_report
from multiprot.evaluation.tasks import Task
from multiprot.finetuning.fitting import Fitting
from multiprot.finetuning.parts import Parts
from multiprot.finetuning.provenance import provenance_of, seen_sequences
from multiprot.finetuning.request import FineTuneRun, structures_of, task_of
from multiprot.finetuning.results import measured
from multiprot.finetuning.run_facts import check_resumable, facts_of, refuse_other, write_new
from multiprot.finetuning.scoring import Scoring
from multiprot.finetuning.start import Start, open_start
from multiprot.training.finetune.fit import Fitted, Work, fit, resume_point
from multiprot.training.finetune.watch import Judge, Look
from multiprot.training.run_folder import RunFolder, write_json


def finetune(
    run: FineTuneRun,
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_look: Callable[[Look], None] = lambda look: None,
) -> dict[str, Any]:
    """Fit a head, and as much of the model as asked for, to a task.

    Parameters
    ----------
    run
        What and how.
    resume
        Go on from the newest checkpoint in `run.out`.
    overwrite
        Remove a former run there first.
    on_look
        Called after every look at the valid part.

    Returns
    -------
    dict
        What results.json holds; the model is the bundle beside it.

    Raises
    ------
    EvaluationError
        If the task cannot be learnt, or holds a protein that the model refuses.
    TrainingError
        If there is nothing to resume, the settings differ, or a gradient is no number.
    OutputExistsError
        If `run.out` holds something and neither flag is given.
    TrainingInterrupted
        After Ctrl-C or SIGTERM; a checkpoint of the last step is there.
    """
    task = task_of(run)
    return finetune_on(
        task,
        run,
        structures_of(run, task),
        resume=resume,
        overwrite=overwrite,
        on_look=on_look,
    )


def finetune_on(
    task: Task,
    run: FineTuneRun,
    structures: StructureLibrary | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_look: Callable[[Look], None] = lambda look: None,
) -> dict[str, Any]:
    """As `finetune`, on a task that is loaded already, perhaps with other splits.

    Its proteins' structures are loaded already, too.
    """
    began = time.monotonic()
    folder = RunFolder(Path(run.out))
    parts = Parts.of(task, run.options.valid_share)
    scoring = Scoring(task)
    start = _begin(run, folder, task, structures, resume=resume, overwrite=overwrite)
    try:
        fitting = Fitting.of(
            start,
            task,
            parts,
            run.options,
            device=run.device,
            cache=run.kept / "vectors",
            structures=structures,
        )
    except MultiprotError:
        # Nothing was learnt yet: the folder must not be in the way of the corrected command.
        if not resume:
            folder.clear()
        raise
    fitted = _fitted(run, folder, fitting, scoring, on_look)
    fitting.learner.to(run.device).eval()
    results = {
        "model": start.name,
        "mode": run.options.mode,
        **measured(fitting, fitted, scoring, folder.path / "predictions"),
        "learns": list(run.options.learns),
        "structures": _report(structures, task, parts),
        "seconds": round(time.monotonic() - began, 1),
    }
    fitting.learner.cpu()
    _save(run, folder, start, fitting, results)
    write_json(folder.results, results)
    return results


def _report(structures: StructureLibrary | None, task: Task, parts: Parts) -> dict[str, Any] | None:
    """How many proteins have a structure."""
    if structures is None:
        return None
    named = {"train": parts.train, "valid": parts.valid, **parts.tests}
    return structure_report(structures, task, named)


def _begin(
    run: FineTuneRun,
    folder: RunFolder,
    task: Task,
    structures: StructureLibrary | None,
    *,
    resume: bool,
    overwrite: bool,
) -> Start:
    """The run's folder with what decides its outcome, and the model to begin with."""
    facts = facts_of(run, task)
    if resume:
        check_resumable(folder, facts)
        return _started(run, folder, structures)
    write_new(folder, run.options, facts, overwrite=overwrite)
    try:
        return _started(run, folder, structures)
    except BaseException:
        folder.clear()
        raise


def _started(run: FineTuneRun, folder: RunFolder, structures: StructureLibrary | None) -> Start:
    start = open_start(
        run.model,
        run.options,
        run.kept / "start",
        encoder_options=run.encoder_options,
        beside=run.beside,
        allow_other_versions=run.allow_other_versions,
    )
    begun_with = {"start": start.bundle.content_hash}
    if structures is not None:
        begun_with["structures_hash"] = structures.key
    refuse_other(folder, folder.read_facts(), begun_with)
    folder.add_facts(begun_with)
    return start


def _fitted(
    run: FineTuneRun,
    folder: RunFolder,
    fitting: Fitting,
    scoring: Scoring,
    on_look: Callable[[Look], None],
) -> Fitted:
    checkpoint = resume_point(folder)
    if checkpoint is None:
        # A checkpoint brings the head's statistics along.
        fitting.standardise(run.options.seed)
    valid = fitting.parts.valid
    judge = Judge(
        score=lambda: scoring.score(valid, fitting.predictions(valid)),
        greater_is_better=scoring.primary.greater_is_better,
        on_look=on_look,
    )
    positions = fitting.parts.train
    work = Work(
        learner=fitting.learner,
        plan=fitting.plan(run.options),
        make=lambda batch: fitting.vectors.batch(positions[batch]),
        judge=judge,
    )
    return fit(work, run.options, folder, device=run.device, checkpoint=checkpoint)


def _save(
    run: FineTuneRun,
    folder: RunFolder,
    start: Start,
    fitting: Fitting,
    results: dict[str, Any],
) -> None:
    bundle = start.bundle
    # Probabilities of GO terms were calibrated on the vectors as they were.
    keeps_readout = run.options.mode == "frozen" and bundle.has_readout()
    options = run.options
    saw_tests = options.head == "graph" and options.graph_edges == "all"
    save_bundle(
        folder.bundle,
        model=bundle.model.eval().cpu(),
        model_config=bundle.config,
        provenance=provenance_of(start, fitting.task, run.options, results),
        ontology=bundle.ontology,
        extras=BundleExtras(
            readout=bundle.load_readout() if keeps_readout else None,
            trained_on=seen_sequences(start, fitting.task, fitting.parts, all_parts=saw_tests),
            prediction=fitting.head.cpu().eval(),
        ),
        overwrite=True,
    )

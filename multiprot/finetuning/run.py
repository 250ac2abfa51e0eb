"""Fine-tuning from a model and a task to a bundle."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from multiprot.bundle import BundleExtras, save_bundle
from multiprot.config import ResolvedConfig
from multiprot.errors import MultiprotError, TrainingError
from multiprot.evaluation.tasks import Task, load_task
from multiprot.files import atomic_file
from multiprot.finetuning.fitting import Fitting
from multiprot.finetuning.parts import Parts
from multiprot.finetuning.provenance import provenance_of, seen_sequences
from multiprot.finetuning.results import measured
from multiprot.finetuning.scoring import Scoring
from multiprot.finetuning.start import Start, open_start
from multiprot.training.finetune.fit import Fitted, Work, fit, resume_point
from multiprot.training.finetune.options import FineTuneOptions
from multiprot.training.finetune.watch import Judge, Look
from multiprot.training.run_folder import RunFolder, flat, write_json

_MAY_CHANGE: Final = ("checkpoint_every", "log_every")


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuneRun:
    """What is to be fine-tuned, on what, and where it goes.

    Attributes
    ----------
    model
        Folder of a bundle, or a sequence encoder alone: "esm2:/path/to/checkpoint".
    task
        Task folder.
    out
        The run's folder.
    options
        How.
    split_column
        As in `load_task`.
    device
        "cpu", "cuda" or "mps".
    encoder_options
        Further options of an encoder alone, `KEY=VALUE`.
    allow_other_versions
        As in `load_bundle`.
    """

    model: str
    task: Path
    out: Path
    options: FineTuneOptions
    split_column: str = "split"
    device: str = "cpu"
    encoder_options: tuple[str, ...] = ()
    allow_other_versions: bool = False


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
    began = time.monotonic()
    folder = RunFolder(Path(run.out))
    task = load_task(run.task, split_column=run.split_column)
    parts = Parts.of(task, run.options.valid_share)
    scoring = Scoring(task)
    start = _begin(run, folder, task, resume=resume, overwrite=overwrite)
    try:
        fitting = Fitting.of(
            start, task, parts, run.options, device=run.device, cache=folder.path / "vectors"
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
        "seconds": round(time.monotonic() - began, 1),
    }
    fitting.learner.cpu()
    _save(run, folder, start, fitting, results)
    write_json(folder.results, results)
    return results


def _begin(
    run: FineTuneRun, folder: RunFolder, task: Task, *, resume: bool, overwrite: bool
) -> Start:
    """The run's folder with what decides its outcome, and the model to begin with."""
    facts = _facts(run, task)
    if resume:
        _check_resumable(folder, facts)
        return _started(run, folder)
    folder.refuse_existing(overwrite=overwrite)
    folder.clear()
    try:
        with atomic_file(folder.config) as partial:
            text = ResolvedConfig(run.options, {}).to_yaml(origins=False)
            partial.write_text(text, encoding="utf-8")
        folder.add_facts(facts)
        return _started(run, folder)
    except BaseException:
        folder.clear()
        raise


def _started(run: FineTuneRun, folder: RunFolder) -> Start:
    start = open_start(
        run.model,
        run.options,
        folder.path / "start",
        encoder_options=run.encoder_options,
        allow_other_versions=run.allow_other_versions,
    )
    begun_with = {"start": start.bundle.content_hash}
    _refuse_other(folder, folder.read_facts(), begun_with)
    folder.add_facts(begun_with)
    return start


def _facts(run: FineTuneRun, task: Task) -> dict[str, Any]:
    """What a resumed run must find again, and what is good to know."""
    options = run.options.model_dump(mode="json", exclude=set(_MAY_CHANGE))
    return {
        "model": run.model,
        "task": task.name,
        "task_content_hash": task.content_hash,
        "options": options,
        "encoder_options": list(run.encoder_options),
        "multiprot": version("multiprot"),
        "command": sys.argv,
    }


def _check_resumable(folder: RunFolder, facts: dict[str, Any]) -> None:
    if not folder.facts.is_file():
        raise TrainingError(f"{folder.path}: no run to resume; start one without --resume")
    if folder.results.is_file():
        raise TrainingError(
            f"{folder.path}: the run is complete, its model is {folder.bundle}; start anew with "
            "--overwrite"
        )
    compared = ("model", "task", "task_content_hash", "options", "encoder_options")
    _refuse_other(folder, folder.read_facts(), {key: facts[key] for key in compared})


def _refuse_other(folder: RunFolder, former: dict[str, Any], facts: dict[str, Any]) -> None:
    was = flat({key: former[key] for key in facts if key in former})
    now = flat({key: facts[key] for key in facts if key in former})
    differing = [
        f"{key} was {was.get(key)!r} and is {now.get(key)!r}"
        for key in sorted(was.keys() | now.keys())
        if was.get(key) != now.get(key)
    ]
    if differing:
        raise TrainingError(
            f"{folder.path}: cannot resume another run: {'; '.join(differing)}; give the same "
            "command with --resume, or start anew with --overwrite"
        )


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
    save_bundle(
        folder.bundle,
        model=bundle.model.eval().cpu(),
        model_config=bundle.config,
        provenance=provenance_of(start, fitting.task, run.options, results),
        ontology=bundle.ontology,
        extras=BundleExtras(
            readout=bundle.load_readout() if keeps_readout else None,
            trained_on=seen_sequences(start, fitting.task, fitting.parts),
            prediction=fitting.head.cpu().eval(),
        ),
        overwrite=True,
    )

"""What decides the outcome of a run, kept in its folder: only the same run is gone on with."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from multiprot.config import ResolvedConfig
from multiprot.errors import TrainingError
from multiprot.evaluation.tasks import Task
from multiprot.files import atomic_file
from multiprot.finetuning.folds import Folding
from multiprot.training.finetune.options import FineTuneOptions
from multiprot.training.run_folder import RunFolder, flat

if TYPE_CHECKING:
    from multiprot.finetuning.request import FineTuneRun

_MAY_CHANGE: Final = ("checkpoint_every", "log_every")
_COMPARED: Final = (
    "model",
    "task",
    "task_content_hash",
    "options",
    "encoder_options",
    "structure_encoder",
    "structure_options",
    "structures",
    "folds",
    "fold_groups",
)
_LATER: Final[dict[str, Any]] = {
    "structure_encoder": None,
    "structure_options": [],
    "structures": None,
    "folds": None,
    "fold_groups": None,
}
"""Facts that runs of earlier versions do not have, as they would be there."""


def facts_of(run: FineTuneRun, task: Task, folding: Folding | None = None) -> dict[str, Any]:
    """What a resumed run must find again, and what is good to know."""
    options = run.options.model_dump(mode="json", exclude=set(_MAY_CHANGE))
    return {
        "model": run.model,
        "task": task.name,
        "task_content_hash": task.content_hash,
        "options": options,
        "encoder_options": list(run.encoder_options),
        "structure_encoder": run.structure_encoder,
        "structure_options": list(run.structure_options),
        "structures": None
        if run.structures.structures is None
        else run.structures.model_dump(mode="json"),
        "folds": None if folding is None else folding.count,
        "fold_groups": None if folding is None else folding.groups,
        "multiprot": version("multiprot"),
        "command": sys.argv,
    }


def write_new(
    folder: RunFolder, options: FineTuneOptions, facts: dict[str, Any], *, overwrite: bool
) -> None:
    """Begin a run's folder with its options and facts.

    Raises
    ------
    OutputExistsError
        If it holds something, unless that is a run and `overwrite`.
    """
    folder.refuse_existing(overwrite=overwrite)
    folder.clear()
    try:
        with atomic_file(folder.config) as partial:
            text = ResolvedConfig(options, {}).to_yaml(origins=False)
            partial.write_text(text, encoding="utf-8")
        folder.add_facts(facts)
    except BaseException:
        folder.clear()
        raise


def check_resumable(folder: RunFolder, facts: dict[str, Any]) -> None:
    """Refuse to go on with what is no unfinished run, or another one.

    Raises
    ------
    TrainingError
        Naming what differs.
    """
    if not folder.facts.is_file():
        raise TrainingError(f"{folder.path}: no run to resume; start one without --resume")
    former = _LATER | folder.read_facts()
    refuse_other(folder, former, {key: facts[key] for key in _COMPARED})
    if folder.results.is_file():
        made = "its folds have models" if former["folds"] else f"its model is {folder.bundle}"
        raise TrainingError(
            f"{folder.path}: the run is complete, {made}; start anew with --overwrite"
        )


def refuse_other(folder: RunFolder, former: dict[str, Any], facts: dict[str, Any]) -> None:
    """Refuse facts that differ from former ones; those of which there are none do not count.

    Raises
    ------
    TrainingError
        Naming each.
    """
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

"""`multiprot finetune`: a model fitted to a task."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multiprot.cli.fold_table import figure, folds_text
from multiprot.cli.section_options import with_section_options
from multiprot.errors import ConfigError, TrainingError
from multiprot.evaluation.structures.options import StructureOptions
from multiprot.training.finetune.options import FineTuneOptions

if TYPE_CHECKING:
    from multiprot.finetuning import FineTuneRun
    from multiprot.training.finetune.watch import Look


@with_section_options(StructureOptions, parameter="structures")
@with_section_options(FineTuneOptions)
def finetune(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder of a model bundle, or a sequence encoder alone: esm2:/path/to/weights."
        ),
    ],
    task: Annotated[Path, typer.Argument(help="Task folder.")],
    options: FineTuneOptions,
    structures: StructureOptions,
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    split_column: Annotated[
        str, typer.Option(help="Column that says train, valid or test.")
    ] = "split",
    folds: Annotated[
        int | None,
        typer.Option(
            help="Train once for each of so many folds of train, valid and test; each is tested "
            "on once."
        ),
    ] = None,
    fold_groups: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Entries with the same value in it go into the same fold."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps.")] = "cpu",
    encoder_options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Option of an encoder alone; repeatable."),
    ] = None,
    structure_encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Structure encoder to put beside a sequence encoder alone, with its own first "
            "weights: gcn-residue-graph, or NAME:CHECKPOINT.",
        ),
    ] = None,
    structure_options: Annotated[
        list[str] | None,
        typer.Option(
            "--set-structure", metavar="KEY=VALUE", help="Option of that one; repeatable."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint of the run.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove a former run of that folder first.")
    ] = False,
    allow_other_versions: Annotated[
        bool, typer.Option("--allow-other-versions", help="Accept plugins of another version.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json.")] = False,
) -> None:
    """Fit a head, and as much of the model as --mode says, to a task.

    Leaves in OUT: bundle (the model, which embeds and predicts), results.json, predictions, logs
    and checkpoints. The weights kept are those that were best on the task's valid part. With
    --folds, OUT has such a folder for each fold, and a results.json of all.
    """
    if resume and overwrite:
        raise ConfigError("--resume and --overwrite exclude each other; give one of them")
    if fold_groups is not None and folds is None:
        raise ConfigError(f"--fold-groups {fold_groups}: goes with --folds; say how many")
    _require_trainer()
    from multiprot.finetuning import FineTuneRun

    run = FineTuneRun(
        model=model,
        task=task,
        out=out,
        options=options,
        split_column=split_column,
        device=device,
        encoder_options=tuple(encoder_options or ()),
        structure_encoder=structure_encoder,
        structure_options=tuple(structure_options or ()),
        structures=structures,
        allow_other_versions=allow_other_versions,
    )
    if folds is None:
        results = _run(run, resume=resume, overwrite=overwrite)
        told = _text(results, out)
    else:
        results = _run_folds(run, folds, fold_groups, resume=resume, overwrite=overwrite)
        told = folds_text(results, out)
    print(json.dumps(results, indent=1) if as_json else told)


def _run(run: FineTuneRun, *, resume: bool, overwrite: bool) -> dict[str, Any]:
    from multiprot.finetuning import finetune as fine_tune

    with _leaving_politely():
        return fine_tune(run, resume=resume, overwrite=overwrite, on_look=_say)


def _run_folds(
    run: FineTuneRun, folds: int, groups: str | None, *, resume: bool, overwrite: bool
) -> dict[str, Any]:
    from multiprot.finetuning import Folding, cross_validate

    def say(fold: int, look: Look) -> None:
        _say(look, f"fold {fold}, ")

    folding = Folding(count=folds, groups=groups)
    with _leaving_politely():
        return cross_validate(run, folding, resume=resume, overwrite=overwrite, on_look=say)


def _say(look: Look, where: str = "") -> None:
    told = f"{where}step {look.step}: valid {look.score:.4f}{' (best)' if look.best else ''}"
    print(told, file=sys.stderr, flush=True)


@contextmanager
def _leaving_politely() -> Iterator[None]:
    """On a signal say how to go on, and exit."""
    from multiprot.training.callbacks.interruption import TrainingInterrupted

    try:
        yield
    except TrainingInterrupted as stop:
        print(f"{stop}; to go on: the same command with --resume", file=sys.stderr)
        raise typer.Exit(128 + stop.signal_number) from None


def _require_trainer() -> None:
    from importlib.util import find_spec

    if find_spec("lightning") is None:
        raise TrainingError(
            "fine-tuning needs Lightning, which is not installed; "
            "next: pip install 'multiprot[train]'"
        )


def _text(results: dict[str, Any], out: Path) -> str:
    from multiprot.evaluation.structures.report import structure_text

    metrics = list(results["valid"])
    width = max(len(name) for name in metrics)
    scores = {"valid": results["valid"], **results["tests"]}
    header = " ".join(f"{split:>12}" for split in scores)
    lines = [f"{'metric':<{width}} {header}"]
    for name in metrics:
        cells = " ".join(f"{figure(found[name]):>12}" for found in scores.values())
        lines.append(f"{name:<{width}} {cells}")
    early = ", stopped early" if results["stopped_early"] else ""
    bundle = shlex.quote(str(out / "bundle"))
    found = results["structures"]
    return "\n".join(
        [
            *lines,
            *([] if found is None else [structure_text(found)]),
            f"{results['steps']:,} steps{early}, best after {results['best_step']:,}; "
            f"{results['parameters']:,} parameters learnt, {results['seconds']:,.0f} s in all",
            f"model: {bundle}",
            f"next:  multiprot predict INPUT --model {bundle} --out predictions.csv",
        ]
    )

"""`multiprot pretrain`: from a recipe to a trained model."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.config import Section
from multiprot.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from multiprot.config import ResolvedConfig
    from multiprot.training.config import PretrainConfig
    from multiprot.training.masked.config import MaskedConfig
    from multiprot.training.rehearse import Rehearsal
    from multiprot.training.results import ResultRow, Results

    AnyRecipe = ResolvedConfig[PretrainConfig] | ResolvedConfig[MaskedConfig]

_TABLE_WIDTH = 100

RUNS = Path("runs")
"""Where a run goes unless --out says otherwise: runs/<name of the recipe>."""


class RunOptions(Section):
    """What is asked for beside the recipe."""

    out: Path | None = None
    """Folder of the run; runs/<name> by default."""
    resume: bool = False
    """Go on from the newest checkpoint of the run."""
    overwrite: bool = False
    """Remove a former run of that folder first."""
    dry_run: bool = False
    """Build all, take two steps, write nothing."""
    as_json: bool = False
    """Print results as JSON."""


as_run_options: Final = with_section_options(RunOptions, renamed={"as_json": "--json"})
"""Of a verb that trains: the options of `RunOptions` for its parameter `options`."""


@as_run_options
def pretrain(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE] [KEY=VALUE]...",
            help="A recipe file and values that replace its own, such as trainer.max_steps=500; "
            "without a recipe the embedded default, quickstart.",
            show_default=False,
        ),
    ] = None,
    *,
    options: RunOptions,
) -> None:
    """Train a model on sequences, structures and GO annotations, or on sequences alone.

    Leaves in the run's folder: bundle (the model; `model` from sequences alone), results.json,
    config.yaml, logs, checkpoints.
    """
    from multiprot.cli.recipes import resolve_any

    run_recipe(resolve_any, settings or [], options)


def run_recipe(
    resolve: Callable[[list[str]], AnyRecipe], settings: list[str], options: RunOptions
) -> None:
    """Train what a recipe says, or rehearse it, and print what came of it.

    Parameters
    ----------
    resolve
        From `[RECIPE] [KEY=VALUE]...` to the recipe.
    settings
        These arguments; a run that is resumed without a recipe goes on with its own.
    options
        Where, and how.
    """
    if options.resume and (options.overwrite or options.dry_run):
        other = "--overwrite" if options.overwrite else "--dry-run"
        raise ConfigError(f"--resume and {other} exclude each other; give one of them")
    resolved = resolve(_with_own_recipe(settings, options))
    folder = options.out or RUNS / resolved.value.name
    if options.dry_run:
        _rehearse(resolved.value, as_json=options.as_json)
        return
    results = _train(resolved, folder, resume=options.resume, overwrite=options.overwrite)
    if results is not None:
        _show(results, _model(resolved.value, folder), as_json=options.as_json)


def _with_own_recipe(settings: list[str], options: RunOptions) -> list[str]:
    from multiprot.cli.recipes import EMBEDDED_DEFAULT, split_recipe

    recipe, overrides = split_recipe(settings)
    own = (options.out or RUNS / EMBEDDED_DEFAULT) / "config.yaml"
    if options.resume and recipe is None and own.is_file():
        return [str(own), *overrides]
    return settings


def _model(config: PretrainConfig | MaskedConfig, folder: Path) -> str:
    """What `multiprot embed --model` is given."""
    from multiprot.training.config import PretrainConfig

    fused = isinstance(config, PretrainConfig)
    return str(folder / "bundle") if fused else f"student:{folder / 'model'}"


def _train(
    resolved: AnyRecipe,
    folder: Path,
    *,
    resume: bool,
    overwrite: bool,
) -> Results | None:
    """Train; on a signal say how to go on and exit; None in processes other than the first."""
    _require_trainer()
    from multiprot.training.callbacks.interruption import TrainingInterrupted
    from multiprot.training.processes import is_main_process
    from multiprot.training.run import pretrain as run

    try:
        results = run(resolved, folder, resume=resume, overwrite=overwrite)
    except TrainingInterrupted as stop:
        if is_main_process():
            print(
                f"{stop}; its checkpoint is in {folder / 'checkpoints'}; to go on:\n"
                f"  multiprot pretrain --resume --out {shlex.quote(str(folder))}",
                file=sys.stderr,
            )
        raise typer.Exit(128 + stop.signal_number) from None
    return results if is_main_process() else None


def _require_trainer() -> None:
    from importlib.util import find_spec

    if find_spec("lightning") is None:
        raise TrainingError(
            "pretraining needs Lightning, which is not installed; "
            "next: pip install 'multiprot[train]'"
        )


def _rehearse(config: PretrainConfig | MaskedConfig, *, as_json: bool) -> None:
    _require_trainer()
    from multiprot.training.config import PretrainConfig
    from multiprot.training.masked.rehearse import rehearse_masked
    from multiprot.training.rehearse import rehearse

    rehearsal = rehearse(config) if isinstance(config, PretrainConfig) else rehearse_masked(config)
    if as_json:
        print(json.dumps(asdict(rehearsal), indent=1))
    else:
        _show_rehearsal(rehearsal)


def _show_rehearsal(rehearsal: Rehearsal) -> None:
    counts = ", ".join(f"{name} {n:,}" for name, n in rehearsal.parameters.items() if n)
    losses = [
        f"{name} {value:.3f}"
        for name, value in rehearsal.metrics.items()
        if name.rpartition("/")[2] == "loss"
    ]
    print(f"trainable parameters: {sum(rehearsal.parameters.values()):,} ({counts})")
    print(
        f"first batch: {rehearsal.proteins} proteins x {rehearsal.residues} residues, "
        f"{rehearsal.with_sequence} with sequence, {rehearsal.with_structure} with structure, "
        f"{rehearsal.go_terms} GO terms"
    )
    print(f"after {rehearsal.steps_taken} steps: {', '.join(losses)}")
    for line in rehearsal.token_cache:
        print(line)
    print(
        f"{rehearsal.steps:,} steps would take about {_duration(rehearsal.seconds)} on this "
        "machine, validation not counted; nothing was written"
    )


def _show(results: Results, model: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(results.to_json(), indent=1))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("valid split", no_wrap=True)
    for heading in ("before", "after", "frequencies alone"):
        table.add_column(heading, justify="right")
    for row in filter(_is_shown, results.rows):
        table.add_row(row.name, *map(_figure, (row.start, row.end, row.baseline)))
    Console(highlight=False, width=_TABLE_WIDTH).print(table)
    print(_costs(results))
    print(f"model: {shlex.quote(model)}")
    print(f"next:  multiprot embed PROTEINS.fasta --model {shlex.quote(model)} --out vectors")


def _is_shown(row: ResultRow) -> bool:
    """The table is short: losses, accuracies and what has a baseline; the file has all."""
    metric = row.name.rpartition("/")[2]
    return metric == "loss" or "accuracy" in metric or row.baseline is not None


def _costs(results: Results) -> str:
    parts = [
        f"{results.steps:,} steps",
        f"{results.parameters:,} parameters",
        f"{_duration(results.seconds)} in all",
    ]
    timing = results.timing
    if timing:
        parts += [
            f"{timing['residues_per_second']:,.0f} residues/s",
            f"{timing['data_share']:.1%} of the steps' time waiting for data",
        ]
    return ", ".join(parts)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

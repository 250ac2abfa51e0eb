"""`multiprot teach`: what teachers make of a recipe's proteins, ahead of the run."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer


def teach(
    settings: Annotated[
        list[str],
        typer.Argument(
            metavar="RECIPE [KEY=VALUE]...",
            help="A recipe that `multiprot distill` takes, and values that replace its own.",
            show_default=False,
        ),
    ],
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the stores.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Embed a recipe's corpus with its teachers, once, into the stores that the recipe names.

    A store is one that `multiprot embed` writes. May be stopped at any time: the same command goes
    on where it stopped.
    """
    from multiprot.cli.distill import resolve_distillation
    from multiprot.cli.embed_report import progress_bar, summary_json
    from multiprot.training.corpus import corpus_before_the_run
    from multiprot.training.teachers.teach import fill_store, with_stores

    config = resolve_distillation(settings).value
    told = {}
    with corpus_before_the_run(config.corpus) as corpus:
        for name, teacher in with_stores(config).items():
            with progress_bar() as progress:
                summary = fill_store(
                    teacher, corpus, device=device, overwrite=overwrite, progress=progress
                )
            told[name] = summary_json(summary)
            for warning in summary.warnings:
                print(f"warning: {name}: {warning}", file=sys.stderr)
            if not as_json:
                print(f"{name}: {summary.manifest['proteins']:,} proteins in {summary.path}")
    if as_json:
        print(json.dumps(told, indent=2))

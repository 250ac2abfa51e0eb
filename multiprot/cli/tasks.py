"""`multiprot tasks`: what benchmark tasks there are, and whether they can be trusted."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from multiprot.evaluation.tasks import TaskReport

app = typer.Typer(no_args_is_help=True)

Folders = Annotated[
    list[Path], typer.Argument(metavar="DIR...", help="Task folders, or folders of them.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SplitColumn = Annotated[str, typer.Option(help="Column that says train, valid or test.")]


@app.callback()
def _group() -> None:
    """List benchmark tasks and check them."""


@app.command("list")
def list_tasks(
    folders: Folders, split_column: SplitColumn = "split", as_json: AsJson = False
) -> None:
    """Name, type, metric and size of each task; exit code 2 where one cannot be read."""
    from multiprot.errors import MultiprotError
    from multiprot.evaluation.tasks import load_task, task_folders, task_summary

    summaries, failed = [], False
    for folder in task_folders(folders):
        try:
            summaries.append(task_summary(load_task(folder, split_column=split_column)))
        except MultiprotError as error:
            failed = True
            print(f"failed: {error}", file=sys.stderr)
    if as_json:
        print(json.dumps(summaries, indent=2))
    for summary in () if as_json else summaries:
        sizes = ", ".join(f"{n:,} {split}" for split, n in summary["entries"].items())  # type: ignore[attr-defined]
        print(f"{summary['name']}: {summary['task_type']}, {summary['primary_metric']}; {sizes}")
    if failed:
        raise typer.Exit(2)


@app.command()
def check(
    folders: Folders,
    split_column: SplitColumn = "split",
    strict: Annotated[
        bool, typer.Option("--strict", help="Treat warnings, as of leaks, as errors.")
    ] = False,
    identity: Annotated[
        float | None,
        typer.Option(
            min=0.05,
            max=1.0,
            help="Sequence identity from which on a test protein counts as similar to a training "
            "protein; needs mmseqs2.",
        ),
    ] = 0.3,
    identical_only: Annotated[
        bool, typer.Option("--identical-only", help="Do not look for similar sequences.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check columns, letters, label lengths, class balance, and leaks from test into training.

    Exit code 2 where a task has an error, or with --strict a warning.
    """
    from multiprot.evaluation.tasks import check_task, task_folders

    reports = []
    for folder in task_folders(folders):
        report = check_task(
            folder,
            split_column=split_column,
            identity=None if identical_only else identity,
            threads=os.cpu_count() or 1,
        )
        reports.append(report)
        if not as_json:
            _print(report, strict=strict)
    if as_json:
        print(json.dumps([_plain(report) for report in reports], indent=2))
    failed = [report for report in reports if not report.passes(strict=strict)]
    if failed:
        raise typer.Exit(2)


@app.command("screen")
def screen_corpus(
    corpus: Annotated[Path, typer.Argument(help="Corpus that a model is to be trained on.")],
    folders: Folders,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the proteins found, as `multiprot data build --exclude` reads."),
    ] = None,
    identity: Annotated[
        float,
        typer.Option(
            min=0.05,
            max=1.0,
            help="Sequence identity from which on a protein counts as similar, over half of the "
            "shorter one; below 1 by mmseqs2.",
        ),
    ] = 0.5,
    split_column: SplitColumn = "split",
) -> None:
    """Look for proteins of a corpus that are, or resemble, test proteins of tasks.

    A model that trained on them cannot be judged by these tasks. Exit code 2 where the train or
    valid split has one and no OUT is given.
    """
    from multiprot.cli.screening import split_counts, told
    from multiprot.data import Corpus
    from multiprot.evaluation.tasks import load_task, screen, task_folders, write_exclusion

    opened = Corpus.open(corpus)
    proteins = dict(opened.columns("id", "sequence"))
    tasks = [load_task(folder, split_column=split_column) for folder in task_folders(folders)]
    found = screen(proteins, tasks, identity=identity, threads=os.cpu_count() or 1)
    counts = split_counts(found, dict(zip(proteins, opened.splits, strict=True)))
    print("\n".join(told(counts, [task.name for task in tasks], len(proteins))))
    if out is not None:
        write_exclusion(found, out)
        print(f"{out}: leave them out with multiprot data build --exclude {out}")
    elif any(counts[split] for split in ("train", "valid")):
        print("next: write them with --out FILE, build the corpus anew with --exclude FILE")
        raise typer.Exit(2)


@app.command("from-corpus")
def from_corpus(
    corpus: Annotated[Path, typer.Argument(help="Corpus with annotations and ontology.")],
    out: Annotated[Path, typer.Option(help="Task folder to write.")],
    name: Annotated[str, typer.Option(help="Of the task; without, go_ and the namespace.")] = "",
    namespace: Annotated[
        str, typer.Option(help="F, P or C: function, process or component.")
    ] = "F",
    least_examples: Annotated[
        int, typer.Option(min=1, help="Training proteins that a term needs to be learnt.")
    ] = 10,
) -> None:
    """Write a task of GO terms, with the corpus's proteins and splits."""
    from multiprot.data import Corpus
    from multiprot.errors import ConfigError
    from multiprot.evaluation.tasks import go_task
    from multiprot.ontology.namespace import ASPECTS

    if namespace not in ASPECTS:
        raise ConfigError(f"namespace {namespace!r} is not one of {', '.join(ASPECTS)}")
    written = go_task(
        Corpus.open(corpus),
        out,
        name=name,
        namespace=ASPECTS[namespace],
        least_examples=least_examples,
    )
    print(f"{written:,} proteins, in {out}")


def _print(report: TaskReport, *, strict: bool) -> None:
    verdict = "ok" if report.passes(strict=strict) else "FAILED"
    print(f"{report.folder}: {verdict}")
    for finding in report.findings:
        print(f"  {finding.severity}: {finding.message}")


def _plain(report: TaskReport) -> dict[str, object]:
    return asdict(report) | {"folder": str(report.folder)}

"""`multiprot data`: build a training corpus from files, look into one, encode it once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multiprot.cli.data_cache import cache
from multiprot.cli.data_sequences import sequences
from multiprot.cli.section_options import with_section_options
from multiprot.data.build_options import CorpusBuildOptions

if TYPE_CHECKING:
    from multiprot.data.progress import Progress

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.callback()
def _data() -> None:
    """Build a training corpus, look into one, encode it once with frozen encoders."""


@app.command("build")
@with_section_options(CorpusBuildOptions, renamed={"exclude_tasks": "--exclude-task"})
def build(
    out: Annotated[Path, typer.Option(help="Corpus folder to make.")],
    options: CorpusBuildOptions,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Turn structures, sequences and annotations into a corpus.

    Every input gets a row in OUT/report.parquet: kept, or refused and why.
    """
    from multiprot.data.build import build_corpus

    with _progress() as progress:
        corpus = build_corpus(options, out, overwrite=overwrite, progress=progress)
    _show(corpus.path, as_json)


@app.command("inspect")
def inspect(
    corpus: Annotated[Path, typer.Argument(help="Corpus folder.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the hash of every file first.")
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Show a corpus in figures: splits, lengths, GO coverage, overlap, what was left out."""
    from multiprot.data.corpus import Corpus

    if verify:
        Corpus.open(corpus).verify()
    _show(corpus, as_json)


app.command("cache")(cache)
app.command("sequences")(sequences)


def _show(path: Path, as_json: bool) -> None:
    from multiprot.data.corpus import Corpus
    from multiprot.data.summary import summarize

    summary = summarize(Corpus.open(path))
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    from multiprot.data.summary_text import summary_lines

    print("\n".join(summary_lines(summary)))


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on stderr, one per stage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Elapsed())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def advance(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield advance

"""`multiprot data sequences`: FASTA files to what a student is trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.data.sequences.options import SequenceBuildOptions

if TYPE_CHECKING:
    from multiprot.data.sequences.build import OnRead


@with_section_options(SequenceBuildOptions, renamed={"exclude_tasks": "--exclude-task"})
def sequences(
    inputs: Annotated[list[Path], typer.Argument(metavar="FASTA...", help="FASTA files.")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    options: SequenceBuildOptions,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
) -> None:
    """Store sequences, each once, as memory-mapped residues: what a student is trained on."""
    from multiprot.data.sequences import build_sequences

    with _bar() as on_read:
        shards = build_sequences(inputs, options, out, overwrite=overwrite, on_read=on_read)
    if as_json:
        print(json.dumps(shards.manifest, indent=2))
        return
    for name, split in shards.manifest["splits"].items():
        print(f"{name}: {split['proteins']:,} proteins, {split['residues']:,} residues")
    for reason, count in shards.manifest["left_out"].items():
        print(f"left out, {reason}: {count:,}")
    print(f"in {out}")


@contextmanager
def _bar() -> Iterator[OnRead]:
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.completed:,} proteins read"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda count: bar.update(task, completed=count)

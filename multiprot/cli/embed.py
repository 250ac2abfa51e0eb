"""`multiprot embed`: proteins to vectors with a saved model."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from multiprot.embedding import Embedder, EmbedSummary


class _Space(StrEnum):
    PROTEIN = "protein"
    SHARED = "shared"


class _Modalities(StrEnum):
    ALL = "all"
    SEQUENCE = "sequence"
    STRUCTURE = "structure"


class _LongProteins(StrEnum):
    WINDOW = "window"
    REFUSE = "refuse"


class _Precision(StrEnum):
    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


def embed(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="FASTA files, structure files, folders of them, a corpus, or - for FASTA on "
            "standard input.",
        ),
    ],
    model: Annotated[Path, typer.Option("--model", help="Folder of a model bundle.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    residues: Annotated[
        bool, typer.Option("--residues", help="Also write one vector per residue.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    space: Annotated[
        _Space, typer.Option(help="Protein vectors, or unit vectors in the space shared with GO.")
    ] = _Space.PROTEIN,
    use: Annotated[
        _Modalities, typer.Option(help="What to use of proteins that have both.")
    ] = _Modalities.ALL,
    long_proteins: Annotated[
        _LongProteins,
        typer.Option(help="Beyond the model's limit: overlapping windows, or an error."),
    ] = _LongProteins.WINDOW,
    max_residues: Annotated[
        int | None,
        typer.Option(
            min=1, help="Longest protein or window taken in one piece, if below the limit."
        ),
    ] = None,
    window_overlap: Annotated[
        int, typer.Option(min=0, help="Residues that neighbouring windows share at least.")
    ] = 64,
    precision: Annotated[_Precision, typer.Option(help="Arithmetic.")] = _Precision.FP32,
    tokens_per_batch: Annotated[
        int, typer.Option(min=1, help="Residues per batch, padding included.")
    ] = 4096,
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Leave out what cannot be used and list it, not stop."),
    ] = False,
    allow_other_versions: Annotated[
        bool,
        typer.Option("--allow-other-versions", help="Accept plugins of another version."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as JSON.")] = False,
) -> None:
    """Turn proteins into vectors, one per protein, in the order of the input.

    Writes Parquet files with the columns id, length, vector, modalities and windows, and a
    manifest that names the model.
    """
    from multiprot.embedding import EmbedOptions, embed_to_store
    from multiprot.files import refuse_existing

    refuse_existing(out, overwrite=overwrite)
    _refuse_missing(inputs)
    from multiprot.embedding import Embedder

    options = EmbedOptions(
        space=space.value,
        modalities=use.value,
        long_proteins=long_proteins.value,
        max_residues=max_residues,
        window_overlap=window_overlap,
        precision=precision.value,
        tokens_per_batch=tokens_per_batch,
    )
    embedder = Embedder.from_bundle(
        model, device=device, options=options, allow_other_versions=allow_other_versions
    )
    for warning in embedder.bundle.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    with _progress() as on_progress:
        summary = embed_to_store(
            inputs,
            embedder,
            out,
            residues=residues,
            skip_bad=skip_bad,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    if summary.failures:
        print(f"warning: {_failures(summary)}", file=sys.stderr)
    print(json.dumps(_as_json(summary), indent=2) if as_json else _text(summary, embedder))


def _refuse_missing(inputs: list[str]) -> None:
    """Say at once, before the model is loaded, that an input is not there."""
    from multiprot.errors import FileFormatError

    for name in inputs:
        if name != "-" and not Path(name).exists():
            raise FileFormatError(f"{name}: no such file or folder; check the path")


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """A counter on the terminal's stderr; nothing where stderr is a file or a pipe."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} proteins"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("embedding", total=None, rate="")

        def update(proteins: int) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{proteins / elapsed:,.0f}/s" if elapsed else ""
            bar.update(task, completed=proteins, rate=rate)

        yield update


def _failures(summary: EmbedSummary) -> str:
    from multiprot.embedding.store_format import STORE

    first = summary.failures[0]
    return (
        f"{len(summary.failures):,} left out, the first: {first.reason}; all are listed under "
        f"`failures` in {summary.path / STORE.file_name}"
    )


def _as_json(summary: EmbedSummary) -> dict[str, Any]:
    return {
        "out": str(summary.path),
        "proteins": summary.proteins,
        "width": summary.width,
        "modalities": dict(summary.modalities),
        "windowed": summary.windowed,
        "failures": [{"id": f.id, "reason": f.reason} for f in summary.failures],
        "seconds": round(summary.seconds, 3),
    }


def _text(summary: EmbedSummary, embedder: Embedder) -> str:
    rows = [
        (f"from {names.replace('+', ' and ')}", count)
        for names, count in summary.modalities.items()
    ]
    if summary.windowed:
        rows.append((f"in windows, beyond {embedder.max_residues:,} residues", summary.windowed))
    if summary.failures:
        rows.append(("left out", len(summary.failures)))
    width = max(len(label) for label, _ in rows)
    code = (
        "from multiprot.embedding import EmbeddingStore; "
        f"print(EmbeddingStore.open({json.dumps(str(summary.path))}).vectors().shape)"
    )
    rate = summary.proteins / summary.seconds
    return "\n".join(
        [
            f"{summary.proteins:,} proteins, {summary.width} numbers each "
            f"({embedder.options.space} space), in {summary.path}",
            *(f"  {label:<{width}}  {count:>9,}" for label, count in rows),
            f"  {rate:,.1f} proteins/s on {embedder.device}, {summary.seconds:.1f} s in all",
            f"next: python -c {shlex.quote(code)}",
        ]
    )

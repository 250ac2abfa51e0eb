"""`multiprot data`: build a training corpus from files, or look into one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from multiprot.data.build import Progress
    from multiprot.data.build_options import CorpusBuildOptions

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.callback()
def _data() -> None:
    """Build a training corpus from files, or look into one."""


@app.command("build")
def build(
    out: Annotated[Path, typer.Option(help="Corpus folder to make.")],
    structures: Annotated[Path | None, typer.Option(help="Folder of structure files.")] = None,
    sequences: Annotated[Path | None, typer.Option(help="FASTA file.")] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="GO annotations: TSV, GAF or GPAD.")
    ] = None,
    ontology: Annotated[Path | None, typer.Option(help="OBO file.")] = None,
    regulates: Annotated[
        bool, typer.Option("--regulates", help="Propagate along regulates relations, too.")
    ] = False,
    evidence: Annotated[
        list[str] | None,
        typer.Option(help="Evidence code that counts; repeat it. Default: all but ND."),
    ] = None,
    unknown_terms: Annotated[
        str, typer.Option(help="Rows with GO ids that do not fit the ontology: error or skip.")
    ] = "error",
    features: Annotated[Path | None, typer.Option(help="TSV of feature spans.")] = None,
    splits: Annotated[Path | None, typer.Option(help="TSV: protein_id, split, cluster.")] = None,
    cluster_identity: Annotated[
        float | None,
        typer.Option(help="Split by clusters of this identity (mmseqs2; 1.0: equal sequences)."),
    ] = None,
    valid_share: Annotated[float, typer.Option(help="Share of valid, with clusters.")] = 0.05,
    test_share: Annotated[float, typer.Option(help="Share of test, with clusters.")] = 0.05,
    split_seed: Annotated[int, typer.Option(help="Decides which clusters go where.")] = 0,
    exclude: Annotated[
        Path | None, typer.Option(help="TSV of proteins to leave out: protein_id, task.")
    ] = None,
    exclude_task: Annotated[
        list[str] | None, typer.Option(help="Leave out only those of this task; repeat it.")
    ] = None,
    on_mismatch: Annotated[
        str, typer.Option(help="Structure and sequence of one id differ: error or refuse.")
    ] = "error",
    workers: Annotated[int, typer.Option(help="Processes that read structures.")] = 2,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Turn structures, sequences and annotations into a corpus.

    Every input gets a row in OUT/report.parquet: kept, or refused and why.
    """
    from multiprot.data.build import build_corpus

    options = _options(
        structures=structures,
        sequences=sequences,
        annotations=annotations,
        ontology=ontology,
        regulates=regulates,
        evidence=tuple(evidence or ()),
        unknown_terms=unknown_terms,
        features=features,
        splits=splits,
        cluster_identity=cluster_identity,
        valid_share=valid_share,
        test_share=test_share,
        split_seed=split_seed,
        exclude=exclude,
        exclude_tasks=tuple(exclude_task or ()),
        on_mismatch=on_mismatch,
        workers=workers,
    )
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


def _show(path: Path, as_json: bool) -> None:
    from multiprot.data.corpus import Corpus
    from multiprot.data.summary import summarize

    summary = summarize(Corpus.open(path))
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    from multiprot.data.summary_text import summary_lines

    print("\n".join(summary_lines(summary)))


def _options(**values: Any) -> CorpusBuildOptions:
    from pydantic import ValidationError

    from multiprot.data.build_options import CorpusBuildOptions
    from multiprot.errors import ConfigError

    try:
        return CorpusBuildOptions(**values)
    except ValidationError as error:
        finding = error.errors()[0]
        message = finding["msg"].removeprefix("Value error, ")
        if not finding["loc"]:
            raise ConfigError(f"data build: {message}") from None
        option = str(finding["loc"][0]).replace("_", "-")
        raise ConfigError(f"data build: --{option} {finding['input']}: {message}") from None


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

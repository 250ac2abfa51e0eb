"""`multiprot embed`: proteins to vectors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.embedding.engines.options import EngineOptions
from multiprot.embedding.options import DEFAULT_MODEL, EmbedOptions


@with_section_options(EmbedOptions, renamed={"modalities": "--use"})
@with_section_options(EngineOptions, parameter="engines")
def embed(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="FASTA files, structure files, folders of them, a corpus, or - for FASTA on "
            "standard input.",
        ),
    ],
    *,
    model: Annotated[
        str,
        typer.Option(help="Folder of a model bundle, or an encoder alone: esm2:/path/to/weights."),
    ] = DEFAULT_MODEL,
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    options: EmbedOptions,
    engines: EngineOptions,
    residues: Annotated[
        bool, typer.Option("--residues", help="Also write one vector per residue.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    encoder_options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Option of an encoder alone; repeatable."),
    ] = None,
    readers: Annotated[
        int, typer.Option(min=0, help="Processes that parse structure files; 0: this one.")
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped; check a store.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first protein that cannot be used.")
    ] = False,
    allow_other_versions: Annotated[
        bool,
        typer.Option("--allow-other-versions", help="Accept plugins of another version."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as JSON.")] = False,
) -> None:
    """Turn proteins into vectors, one per protein, in the order of the input.

    Writes Parquet files with the columns id, sequence_hash, length, vector, modalities and windows,
    a ledger with a row for every input, and a manifest that names the model. What cannot be used is
    refused in the ledger, with the reason. A run that was stopped goes on with --resume.
    """
    from multiprot.cli.embed_report import progress_bar, summary_json, summary_text
    from multiprot.embedding.engines.choice import embed_inputs
    from multiprot.embedding.engines.spec import EmbedderSpec
    from multiprot.embedding.write import RunSettings

    spec = EmbedderSpec(
        model=model,
        device=device,
        options=options,
        encoder_options=tuple(encoder_options or ()),
        allow_other_versions=allow_other_versions,
    )
    settings = RunSettings(
        residues=residues, resume=resume, overwrite=overwrite, strict=strict, readers=readers
    )
    with progress_bar() as progress:
        summary = embed_inputs(inputs, spec, out, settings, engines, progress)
    for warning in summary.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(json.dumps(summary_json(summary), indent=2) if as_json else summary_text(summary))

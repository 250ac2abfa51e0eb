"""`multiprot evaluate`: what models' vectors are worth on tasks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from multiprot.cli.section_options import with_section_options
from multiprot.embedding.options import EmbedOptions
from multiprot.errors import ConfigError
from multiprot.evaluation.comparison.options import EvaluateOptions
from multiprot.evaluation.structures.options import StructureOptions

_FAILED: Final = 2


@with_section_options(StructureOptions, parameter="structures")
@with_section_options(EvaluateOptions, renamed={"probes": "--probe", "metrics": "--metric"})
def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Bundles, embedding stores, encoders alone (esm2:/path/to/weights) or baselines "
            "(baseline:length, composition, kmer, one-hot, blosum62, random-encoder); NAME=MODEL "
            "gives one a name.",
        ),
    ],
    options: EvaluateOptions,
    structures: StructureOptions,
    tasks: Annotated[
        list[Path], typer.Option("--tasks", help="Task folder, or folder of them; repeatable.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    cache: Annotated[
        Path | None, typer.Option(help="Folder that keeps vectors; without, OUT/vectors.")
    ] = None,
    corpora: Annotated[
        list[Path] | None,
        typer.Option(
            "--corpus",
            help="Corpus that a bundle was trained on, to look in it for proteins similar to test "
            "proteins (mmseqs2); repeatable.",
        ),
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32 or bf16: arithmetic of models.")] = "fp32",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with OUT; finished scores are kept.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json.")] = False,
) -> None:
    """Compare what models' vectors are worth: simple models are trained on them and scored.

    Writes scores.csv and results.json (intervals, paired tests, what models may have seen of the
    test proteins, what failed), and the predictions of every cell. What fails costs one cell; then
    the exit code is 2.
    """
    from multiprot.cli.embed_report import progress_bar
    from multiprot.evaluation.comparison import Plan, run_cells, table_text, write_results
    from multiprot.evaluation.features import parse_models
    from multiprot.evaluation.tasks import task_folders

    plan = Plan(
        models=parse_models(models),
        tasks=task_folders(tasks),
        out=out,
        cache=cache or out / "vectors",
        options=options,
        embedding=_embedding(precision),
        device=device,
        corpora=tuple(corpora or ()),
        watch=progress_bar,
        structures=structures,
    )
    outcome = run_cells(plan, resume=resume, on_cell=_say)
    results = write_results(outcome, options, out)
    print(json.dumps(results, indent=2) if as_json else table_text(results))
    for note in results["notes"]:
        print(f"note: {note}", file=sys.stderr)
    if outcome.failures:
        for failure in outcome.failures:
            told = " on ".join(part for part in (failure["model"], failure["task"]) if part)
            print(f"failed: {told}: {failure['reason']}", file=sys.stderr)
        print("next: the same command with --resume tries these again", file=sys.stderr)
        raise typer.Exit(_FAILED)


def _embedding(precision: str) -> EmbedOptions:
    try:
        return EmbedOptions.model_validate({"precision": precision})
    except ValidationError:
        raise ConfigError(f"--precision {precision}: is not fp32, bf16 or fp16") from None


def _say(model: str, task: str, told: str) -> None:
    print(f"{model} on {task}: {told}", file=sys.stderr, flush=True)

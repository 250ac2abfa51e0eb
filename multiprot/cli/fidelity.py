"""`multiprot fidelity`: how much of its teachers a student keeps."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from multiprot.cli.section_options import with_section_options
from multiprot.embedding.options import EmbedOptions
from multiprot.errors import ConfigError, OutputExistsError
from multiprot.evaluation.structures.options import StructureOptions
from multiprot.fidelity.options import FidelityOptions, FidelityScoring

_WORK: Final = "work"


@with_section_options(StructureOptions, parameter="structures")
@with_section_options(
    FidelityScoring,
    parameter="scoring",
    renamed={"probes": "--probe", "metrics": "--metric"},
)
@with_section_options(FidelityOptions)
def fidelity(
    student: Annotated[
        str,
        typer.Argument(
            metavar="STUDENT",
            help="A bundle, or an encoder alone: mini, student:FOLDER; NAME=MODEL gives it a name.",
        ),
    ],
    teachers: Annotated[
        list[str],
        typer.Option("--teacher", help="Model that it is compared with, likewise; repeatable."),
    ],
    options: FidelityOptions,
    scoring: FidelityScoring,
    structures: StructureOptions,
    proteins: Annotated[
        list[str],
        typer.Option(
            "--proteins",
            help="FASTA file, structures or a corpus that neither model has learnt from; "
            "repeatable.",
        ),
    ],
    tasks: Annotated[
        list[Path], typer.Option("--tasks", help="Task folder, or folder of them; repeatable.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    random: Annotated[
        str | None,
        typer.Option(
            "--random",
            help="Model that has learnt nothing, such as baseline:random-encoder; without, the "
            "student's own shape with random weights.",
        ),
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32 or bf16: arithmetic of models.")] = "fp32",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with OUT; finished vectors and scores are kept.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print fidelity.json.")] = False,
) -> None:
    """Measure what a student keeps of its teachers, and write the card that it is exported with.

    Writes fidelity.html and fidelity.json: how alike the vectors are, scores on tasks with the
    share of the teachers' gain over random weights that is retained, speed and memory, who the
    models are. Below --min-retained the card is written all the same, and the exit code is 2.
    """
    from multiprot.cli.embed_report import progress_bar
    from multiprot.evaluation.comparison.folder import locked
    from multiprot.evaluation.tasks import task_folders
    from multiprot.fidelity import FidelityPlan, measure_fidelity, parse_contest
    from multiprot.fidelity.requirement import refuse_below
    from multiprot.fidelity.summary import summary_text
    from multiprot.report.fidelity_page import write_card

    pupil, masters, untrained = parse_contest(student, teachers, random)
    folders = task_folders(tasks)
    _refuse_begun(out, resume=resume)
    with locked(out):
        card = measure_fidelity(
            FidelityPlan(
                student=pupil,
                teachers=masters,
                random=untrained,
                proteins=proteins,
                tasks=folders,
                work=out / _WORK,
                options=options,
                scoring=scoring,
                embedding=_embedding(precision),
                device=device,
                structures=structures,
                command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
                watch=progress_bar,
                say=_say,
            )
        )
        write_card(card, out)
    print(card.model_dump_json(indent=2) if as_json else summary_text(card, out))
    for note in card.notes:
        print(f"note: {note}", file=sys.stderr)
    if options.min_retained is not None:
        refuse_below(card, options.min_retained, str(out))


def _refuse_begun(out: Path, *, resume: bool) -> None:
    from multiprot.fidelity.requirement import CARD

    if resume:
        return
    there = next((out / name for name in (CARD, _WORK) if (out / name).exists()), None)
    if there is not None:
        raise OutputExistsError(
            f"{there}: is there already; go on with --resume, or choose another folder"
        )


def _embedding(precision: str) -> EmbedOptions:
    try:
        return EmbedOptions.model_validate({"precision": precision})
    except ValidationError:
        raise ConfigError(f"--precision {precision}: is not fp32, bf16 or fp16") from None


def _say(told: str) -> None:
    print(told, file=sys.stderr, flush=True)

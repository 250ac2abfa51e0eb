"""`multiprot report`: one web page of scores, maps, curves and matrices."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from multiprot.cli.section_options import with_section_options
from multiprot.report.options import ReportOptions


@with_section_options(ReportOptions, renamed={"projections": "--projection"})
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="Training runs, embedding stores, evaluations and transfer folders.",
        ),
    ],
    options: ReportOptions,
    out: Annotated[Path, typer.Option(help="HTML file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Write one HTML page that needs no network, for screens, phones and paper.

    What lies in a folder tells what it is: score tables from evaluations, heat maps from transfer
    folders, maps with clusters from embedding stores, curves from training runs.
    """
    from multiprot.report import write_report

    made = write_report(folders, out, options, overwrite=overwrite, say=_say)
    if as_json:
        told = {"out": str(made.out), "sections": list(made.sections), "bytes": made.size}
        print(json.dumps(told, indent=2))
    else:
        print(f"{made.out}: {', '.join(made.sections)}; {made.size / 1e6:.1f} MB")


def _say(told: str) -> None:
    print(told, file=sys.stderr, flush=True)

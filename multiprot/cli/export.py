"""`multiprot export`: an embedding store's vectors, or a student itself, for other tools."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from multiprot.cli.export_model import (
    ModelRequest,
    refuse_options_of_models,
    refuse_options_of_stores,
    refuse_student,
    written_model,
)

if TYPE_CHECKING:
    from multiprot.embedding.exchange import ExportSummary


class _Format(StrEnum):
    HDF5 = "hdf5"
    NPZ = "npz"
    CSV = "csv"
    ANNDATA = "anndata"
    TRANSFORMERS = "transformers"
    ONNX = "onnx"
    ONNX_INT8 = "onnx-int8"


_OF_MODELS: Final = (_Format.TRANSFORMERS, _Format.ONNX, _Format.ONNX_INT8)


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="STORE|MODEL",
            help="Folder that `multiprot embed` wrote; or a student: its folder, or the name of an "
            "installed one, such as mini.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="File to write. Its name tells the format: .h5, .hdf5, .npz, .csv, .csv.gz, .tsv, "
            ".tsv.gz or .h5ad. For a student, the folder to write.",
        ),
    ],
    to: Annotated[
        _Format | None,
        typer.Option(
            "--to",
            help="The format, if the name does not tell it. For a student: transformers, onnx or "
            "onnx-int8.",
        ),
    ] = None,
    residues: Annotated[
        bool,
        typer.Option("--residues", help="One matrix per protein, a row per residue: hdf5 or npz."),
    ] = False,
    ids: Annotated[
        Path | None, typer.Option("--ids", help="Export only these: a file with one id per line.")
    ] = None,
    escape_ids: Annotated[
        bool,
        typer.Option("--escape-ids", help="In hdf5, write / in an id as %2F instead of refusing."),
    ] = False,
    card: Annotated[
        Path | None,
        typer.Option(
            "--card",
            help="Folder that `multiprot fidelity` wrote for this student: goes along with it. A "
            "distilled student needs one.",
        ),
    ] = None,
    min_retained: Annotated[
        float | None,
        typer.Option(
            "--min-retained",
            help="Least share of its teachers' gain over random weights that the card must show, "
            "such as 0.97.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as JSON.")] = False,
) -> None:
    """Write the vectors of a store as HDF5, npz, CSV or AnnData; or a student for another tool.

    Proteins come in the order of the store. A student becomes a plain checkpoint of transformers
    or an ONNX file and is compared with what it was. OUT is whole or absent.
    """
    given = {"--residues": residues, "--ids": ids is not None, "--escape-ids": escape_ids}
    if to in _OF_MODELS:
        refuse_options_of_stores(to.value, given)
        request = ModelRequest(to.value, card, min_retained, overwrite, as_json)
        print(written_model(source, out, request))
        return
    refuse_student(source)
    refuse_options_of_models({"--card": card, "--min-retained": min_retained})
    from multiprot.embedding.exchange import ExportOptions, export_store, read_id_list

    options = ExportOptions(
        format=None if to is None else cast("Any", to.value),
        residues=residues,
        ids=None if ids is None else read_id_list(ids),
        escape_ids=escape_ids,
    )
    with _progress() as on_progress:
        summary = export_store(
            Path(source), out, options, overwrite=overwrite, on_progress=on_progress
        )
    print(json.dumps(_as_json(summary), indent=2) if as_json else _text(summary))


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal's stderr; nothing where stderr is a file or a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    console = Console(stderr=True)
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), Elapsed())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("exporting", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _as_json(summary: ExportSummary) -> dict[str, Any]:
    return {
        "out": str(summary.path),
        "format": summary.format,
        "proteins": summary.proteins,
        "width": summary.width,
        "residues": summary.residues,
        "bytes": summary.size,
        "seconds": round(summary.seconds, 3),
    }


_READ: Final = {
    "hdf5": "import h5py; f = h5py.File({path}); i = next(iter(f)); print(i, f[i].shape)",
    "npz": 'import numpy; print(numpy.load({path})["vectors"].shape)',
    "npz of residues": "import numpy; f = numpy.load({path}); i = f.files[0]; print(i, f[i].shape)",
    "csv": 'import pandas; print(pandas.read_csv({path}, sep="{delimiter}", index_col="id").shape)',
    "anndata": "import anndata; print(anndata.read_h5ad({path}))",
}
"""Python that reads a file of each kind."""


def _text(summary: ExportSummary) -> str:
    each = "numbers per residue" if summary.residues else "numbers each"
    kind = "npz of residues" if summary.format == "npz" and summary.residues else summary.format
    delimiter = "\\t" if ".tsv" in summary.path.suffixes else ","
    code = _READ[kind].format(path=json.dumps(str(summary.path)), delimiter=delimiter)
    return "\n".join(
        [
            f"{summary.proteins:,} proteins, {summary.width} {each}, in {summary.path} "
            f"({summary.format}, {summary.size:,} bytes)",
            f"next: python -c {shlex.quote(code)}",
        ]
    )

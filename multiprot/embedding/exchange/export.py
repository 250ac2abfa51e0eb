"""From an embedding store to one file of another tool."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from multiprot.embedding.exchange.rows import Rows
from multiprot.embedding.store import EmbeddingStore
from multiprot.errors import EmbeddingError, FileFormatError
from multiprot.files import atomic_file, refuse_existing

Format = Literal["hdf5", "npz", "csv", "anndata"]

SUFFIXES: Final[dict[str, Format]] = {
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".npz": "npz",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
    ".h5ad": "anndata",
}
"""End of a file's name -> the format it stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What is exported, and how.

    Attributes
    ----------
    format
        "hdf5", "npz", "csv" or "anndata"; None: told by the end of the file's name.
    residues
        Residue matrices instead of protein vectors; HDF5 and npz only.
    ids
        Proteins to export; None: all. They come in the store's order.
    escape_ids
        In HDF5, percent-encode ids that hold "/", instead of refusing them.
    """

    format: Format | None = None
    residues: bool = False
    ids: Collection[str] | None = None
    escape_ids: bool = False


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What an export wrote.

    Attributes
    ----------
    path
        The file.
    format
        Its format.
    proteins
        How many proteins it holds.
    width
        Channels of a vector.
    residues
        Whether it holds residue matrices instead of protein vectors.
    size
        Bytes.
    seconds
        Time for reading and writing.
    """

    path: Path
    format: Format
    proteins: int
    width: int
    residues: bool
    size: int
    seconds: float


def export_store(
    store: Path | str,
    out: Path | str,
    options: ExportOptions | None = None,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExportSummary:
    """Write vectors of the store in folder `store` to the file `out`, which is whole or absent.

    Parameters
    ----------
    store
        A folder that `multiprot embed` wrote.
    out
        File to make; its name tells the format, unless the options do.
    options
        What to export; by default all protein vectors.
    overwrite
        Replace what lies at `out`.
    on_progress
        Called with the number of proteins written so far, and of all.

    Raises
    ------
    EmbeddingError
        If the store is damaged or lacks an id or the residues that are asked for, if the format
        has no place for them, or if a library is missing.
    MultiprotError
        If `out` holds anything, unless `overwrite`, or cannot be written.
    """
    options = options or ExportOptions()
    start = time.perf_counter()
    path = Path(out)
    kind = options.format or _format_of(path)
    _refuse_misfits(options, kind, path)
    _refuse_place(path, Path(store), overwrite=overwrite)
    opened = EmbeddingStore.open(store)
    if options.residues and not opened.has_residues:
        raise EmbeddingError(f"{store}: has no residue matrices; embed again with --residues")
    rows = Rows(opened, options.ids, residues=options.residues, on_progress=on_progress)
    if not len(rows):
        raise EmbeddingError(f"{store}: no id was chosen to be exported; name at least one")
    with atomic_file(path) as partial:
        _write(rows, partial, kind, path.name.lower(), escape_ids=options.escape_ids)
    return ExportSummary(
        path=path,
        format=kind,
        proteins=len(rows),
        width=rows.width,
        residues=options.residues,
        size=path.stat().st_size,
        seconds=time.perf_counter() - start,
    )


def _write(rows: Rows, partial: Path, kind: Format, name: str, *, escape_ids: bool) -> None:
    if kind == "hdf5":
        from multiprot.embedding.exchange.hdf5 import write_hdf5

        write_hdf5(rows, partial, escape_ids=escape_ids)
    elif kind == "npz":
        from multiprot.embedding.exchange.npz import write_npz

        write_npz(rows, partial)
    elif kind == "anndata":
        from multiprot.embedding.exchange.h5ad import write_h5ad

        write_h5ad(rows, partial)
    else:
        from multiprot.embedding.exchange.csv_table import write_csv

        delimiter = "\t" if name.removesuffix(".gz").endswith(".tsv") else ","
        write_csv(rows, partial, delimiter=delimiter, compress=name.endswith(".gz"))


def _format_of(path: Path) -> Format:
    for suffix, kind in SUFFIXES.items():
        if path.name.lower().endswith(suffix):
            return kind
    raise EmbeddingError(
        f"{path}: the name tells no format; end it in {', '.join(SUFFIXES)}, or choose one with "
        "--to (in Python: ExportOptions(format=…))"
    )


def _refuse_misfits(options: ExportOptions, kind: Format, path: Path) -> None:
    if kind not in SUFFIXES.values():
        known = ", ".join(dict.fromkeys(SUFFIXES.values()))
        raise EmbeddingError(f"{path}: format {kind!r} is not known; known: {known}")
    if options.residues and kind not in ("hdf5", "npz"):
        raise EmbeddingError(
            f"{path}: {kind} has one row per protein and no place for residues; export them to "
            "hdf5 or npz"
        )
    if options.escape_ids and kind != "hdf5":
        raise EmbeddingError(
            f"{path}: {kind} takes every id as it is; leave out --escape-ids, which is for hdf5"
        )


def _refuse_place(path: Path, store: Path, *, overwrite: bool) -> None:
    if path.is_dir():
        raise FileFormatError(f"{path}: is a folder, a file is needed")
    if path.resolve().is_relative_to(store.resolve()):
        raise EmbeddingError(
            f"{path}: lies inside of the store, whose files other tools read as one table; choose "
            "a place beside it"
        )
    refuse_existing(path, overwrite=overwrite)

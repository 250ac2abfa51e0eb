"""Results as tables on disk: Parquet, CSV or TSV, written row by row, whole or absent."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from multiprot.errors import SearchError
from multiprot.files import atomic_file, refuse_existing

Row = tuple[Any, ...]

SEPARATOR: Final = ";"
"""Between the ids of a list, in text files."""

TEXT_FORMATS: Final = {".csv": ",", ".tsv": "\t"}
FORMATS: Final = (".parquet", *TEXT_FORMATS)

_AT_ONCE: Final = 65_536
"""Rows of a row group."""


def table_format(path: Path) -> str:
    """One of `FORMATS`, by the ending of `path`.

    Raises
    ------
    SearchError
        If the ending is none of them.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise SearchError(
            f"{path}: a table's format goes by its ending; name it *{' or *'.join(FORMATS)}"
        )
    return suffix


def write_table(
    path: Path, columns: dict[str, str], rows: Iterable[Row], *, overwrite: bool
) -> int:
    """Write a table and count its rows.

    Parameters
    ----------
    path
        Its ending says the format.
    columns
        Name -> "text", "number", "count" or "texts" (a list of ids).
    rows
        Taken one by one.
    overwrite
        Replace what is at `path`.

    Raises
    ------
    SearchError
        If the ending is unknown, or an id in a list holds the separator of text files.
    OutputExistsError
        If `path` exists, unless `overwrite`.
    """
    suffix = table_format(path)
    refuse_existing(path, overwrite=overwrite)
    with atomic_file(path) as partial:
        if suffix == ".parquet":
            return _write_parquet(partial, columns, rows)
        with partial.open("w", encoding="utf-8", newline="") as handle:
            return write_text(handle, columns, rows, delimiter=TEXT_FORMATS[suffix])


def write_text(
    handle: IO[str], columns: Iterable[str], rows: Iterable[Row], *, delimiter: str
) -> int:
    """Write a header and rows as delimited text, and count the rows.

    Raises
    ------
    SearchError
        If an id in a list holds the separator.
    """
    writer = csv.writer(handle, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    written = 0
    for row in rows:
        writer.writerow([_as_text(cell) for cell in row])
        written += 1
    return written


def _as_text(cell: Any) -> str:
    if isinstance(cell, tuple):
        spoiling = next((text for text in cell if SEPARATOR in text), None)
        if spoiling is not None:
            raise SearchError(
                f"id {spoiling!r} holds {SEPARATOR!r}, which separates ids in text files; write "
                "a .parquet file, where they are a list"
            )
        return SEPARATOR.join(cell)
    # Seven digits are what a float32 has.
    return f"{cell:.7g}" if isinstance(cell, float) else str(cell)


def _write_parquet(path: Path, columns: dict[str, str], rows: Iterable[Row]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "text": pa.string(),
        "number": pa.float32(),
        "count": pa.int32(),
        "texts": pa.list_(pa.string()),
    }
    schema = pa.schema([pa.field(name, kinds[kind]) for name, kind in columns.items()])
    written = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in _parts(iter(rows)):
            cells = zip(*part, strict=True)
            arrays = [pa.array(c, f.type) for c, f in zip(cells, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            written += len(part)
    return written


def _parts(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    while part := list(islice(rows, _AT_ONCE)):
        yield part

"""The table of a task folder, whichever way it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from multiprot.errors import EvaluationError
from multiprot.files import named_errors, open_binary

TABLES: Final = ("data.csv", "data.csv.gz", "data.parquet")
"""Names that the table may have; one of them must be there."""


def table_path(folder: Path) -> Path:
    """The table of a task folder.

    Raises
    ------
    EvaluationError
        If there is none, or more than one.
    """
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise EvaluationError(f"{folder}: no table; next to task.json goes one of {_names(TABLES)}")
    raise EvaluationError(f"{folder}: several tables, {_names(p.name for p in found)}; keep one")


def read_columns(path: Path, columns: Sequence[str]) -> pa.Table:
    """Columns of a task's table; of a CSV file all as text.

    Raises
    ------
    EvaluationError
        If the file cannot be read, a column is missing or there is no row.
    """
    table = _parquet(path, columns) if path.suffix == ".parquet" else _csv(path, columns)
    if table.num_rows == 0:
        raise EvaluationError(f"{path}: no rows; the table is empty")
    return table


def column_names(path: Path) -> list[str]:
    """Names of all columns."""
    if path.suffix == ".parquet":
        with named_errors(path):
            return list(_opened_parquet(path).schema_arrow.names)
    with open_binary(path) as stream:
        header = stream.readline()
    try:
        return list(pa_csv.read_csv(pa.BufferReader(header or b"\n")).column_names)
    except pa.ArrowInvalid:
        raise EvaluationError(
            f"{path}: the first line names no columns; the file is empty"
        ) from None


def _csv(path: Path, columns: Sequence[str]) -> pa.Table:
    _refuse_missing(path, column_names(path), columns)
    convert = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()),
        include_columns=list(columns),
        strings_can_be_null=False,
    )
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    try:
        with open_binary(path) as stream:
            return pa_csv.read_csv(stream, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        raise EvaluationError(f"{path}: not a table of comma-separated values: {error}") from None


def _parquet(path: Path, columns: Sequence[str]) -> pa.Table:
    with named_errors(path):
        file = _opened_parquet(path)
        _refuse_missing(path, file.schema_arrow.names, columns)
        table = file.read(columns=list(columns))
    for name in columns:
        missing = pc.index(pc.is_null(table.column(name)), pa.scalar(True)).as_py()
        if missing >= 0:
            raise EvaluationError(
                f"{path}: row {missing + 1} has no {name}; fill it or drop the row"
            )
    return table


def _opened_parquet(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise EvaluationError(f"{path}: not a Parquet file: {error}") from None


def _refuse_missing(path: Path, present: Sequence[str], wanted: Sequence[str]) -> None:
    repeated = {name for name in present if list(present).count(name) > 1}
    if repeated:
        raise EvaluationError(f"{path}: column {min(repeated)!r} occurs twice; rename one of them")
    for name in wanted:
        if name not in present:
            raise EvaluationError(
                f"{path}: no column {name!r}; there are {', '.join(present)[:300]}"
            )


def _names(names: Any) -> str:
    return ", ".join(names)

"""The table of a task folder, whichever way it is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

_LETTERS: Final = ("sequence", "sequence_a", "sequence_b", "smiles")
"""Columns that hold text and nothing else."""

_LONGEST_ROW: Final = 16 * 2**20
"""Bytes of a CSV row that are sure to be read; a long protein has a label for each residue."""


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
    """Columns of a table; of a CSV file, or one with tabs (.tsv, .tsv.gz), all as text.

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
        with _opened_parquet(path) as file:
            return list(file.schema_arrow.names)
    with open_binary(path) as stream:
        header = stream.readline().rstrip(b"\r\n") + b"\n"
    try:
        parse = pa_csv.ParseOptions(delimiter=_delimiter(path))
        return list(pa_csv.read_csv(pa.BufferReader(header), parse_options=parse).column_names)
    except UnicodeDecodeError as error:
        raise EvaluationError(
            f"{path}: the first line is not UTF-8 text ({error}); convert the file"
        ) from None
    except pa.ArrowException:
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
    parse = pa_csv.ParseOptions(delimiter=_delimiter(path), newlines_in_values=True)
    read = pa_csv.ReadOptions(block_size=_LONGEST_ROW)
    try:
        with open_binary(path) as stream:
            return pa_csv.read_csv(stream, read, parse, convert)
    except pa.ArrowException as error:
        if "Empty CSV file" in str(error):
            # A first line without an end.
            raise EvaluationError(f"{path}: no rows; the table is empty") from None
        kind = "tab" if _delimiter(path) == "\t" else "comma"
        raise EvaluationError(f"{path}: not a table of {kind}-separated values: {error}") from None


def _delimiter(path: Path) -> str:
    return "\t" if ".tsv" in path.suffixes else ","


def _parquet(path: Path, columns: Sequence[str]) -> pa.Table:
    with _opened_parquet(path) as file:
        _refuse_missing(path, file.schema_arrow.names, columns)
        table = file.read(columns=list(columns))
        # Text that is no UTF-8 is found here, not where it is used.
        table.validate(full=True)
    for name in columns:
        missing = pc.index(pc.is_null(table.column(name)), pa.scalar(True)).as_py()
        if missing >= 0:
            raise EvaluationError(
                f"{path}: row {missing + 1} has no {name}; fill it or drop the row"
            )
        _refuse_kind(path, name, table.schema.field(name).type)
    return table


def _refuse_kind(path: Path, name: str, kind: pa.DataType) -> None:
    """Text, numbers, yes or no; where it is a target, lists of them, too."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    if name == "target" and _is_list(plain):
        plain = plain.value_type
    text = pa.types.is_string(plain) or pa.types.is_large_string(plain)
    if text or pa.types.is_string_view(plain):
        return
    number = pa.types.is_integer(plain) or pa.types.is_floating(plain) or pa.types.is_decimal(plain)
    if name not in _LETTERS and (number or pa.types.is_boolean(plain)):
        return
    raise EvaluationError(
        f"{path}: column {name!r} holds {kind}, not "
        f"{'text' if name in _LETTERS else 'text or numbers'}; convert it"
    )


def _is_list(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.ListType | pa.LargeListType | pa.FixedSizeListType)


@contextmanager
def _opened_parquet(path: Path) -> Iterator[Any]:
    with named_errors(path):
        try:
            yield pq.ParquetFile(path)
        except (pa.ArrowException, UnicodeDecodeError) as error:
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

"""Tab-separated tables with a header line, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from multiprot.errors import FileFormatError
from multiprot.files import read_lines


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of a table: its number in the file (1-based) and its values by column name."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


def read_table(path: Path, required: Sequence[str]) -> Iterator[TableRow]:
    """Rows of a TSV file, plain, gzip or xz; empty lines are passed over.

    Parameters
    ----------
    path
        The first line names the columns.
    required
        Columns that must be there.

    Raises
    ------
    FileFormatError
        If the file cannot be read, has no rows, lacks a column, or a line has too many or too few
        fields or an empty required one.
    """
    columns: list[str] | None = None
    rows = 0
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        fields = line.split("\t")
        if columns is None:
            columns = _header(path, fields, required)
            continue
        if len(fields) != len(columns):
            raise FileFormatError(
                f"{path}: line {number} has {len(fields)} tab-separated fields, the header "
                f"{len(columns)}; correct the line"
            )
        row = TableRow(number, dict(zip(columns, (field.strip() for field in fields), strict=True)))
        for column in required:
            if not row[column]:
                raise FileFormatError(f"{path}: line {number}: no {column}; correct the line")
        rows += 1
        yield row
    if not rows:
        raise FileFormatError(f"{path}: no rows; the file is empty")


def _header(path: Path, fields: list[str], required: Sequence[str]) -> list[str]:
    columns = [field.strip().lstrip("#") for field in fields]
    missing = [column for column in required if column not in columns]
    if missing:
        raise FileFormatError(
            f"{path}: no column {missing[0]!r} among {', '.join(columns)[:200]}; a tab-separated "
            f"header with {', '.join(required)} is needed"
        )
    if len(set(columns)) < len(columns):
        raise FileFormatError(f"{path}: a column name occurs twice in the header; rename one")
    return columns

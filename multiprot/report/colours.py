"""The table that maps are coloured by."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import ReportError
from multiprot.files import read_lines
from multiprot.report.figure import COLOURS

ID: Final = "protein_id"
MOST_LEVELS: Final = 3 * COLOURS
"""Values of a column that get a colour and a shape; rarer ones share one."""

MISSING: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class ColourColumn:
    """One way to colour a map: by levels or by numbers.

    Attributes
    ----------
    name
        Of the column.
    levels
        Different values, the most frequent first; empty for numbers.
    codes
        int64 [protein]: index of the level, or `MISSING`; empty for numbers.
    numbers
        float64 [protein], NaN where missing; empty for levels.
    """

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]
    numbers: NDArray[np.float64]

    def to_json(self) -> dict[str, Any]:
        """What the page's script needs."""
        if not self.levels:
            numbers = [None if np.isnan(v) else float(f"{v:.5g}") for v in self.numbers]
            return {"name": self.name, "kind": "number", "numbers": numbers}
        return {
            "name": self.name,
            "kind": "levels",
            "levels": list(self.levels),
            "codes": self.codes.tolist(),
            "coloured": MOST_LEVELS,
        }


@dataclass(frozen=True, slots=True)
class ColourTable:
    """Columns of values by protein.

    Attributes
    ----------
    path
        Where it came from.
    names
        Columns but protein_id.
    values
        Protein -> a text for each column, empty where it is missing.
    """

    path: Path
    names: tuple[str, ...]
    values: dict[str, tuple[str, ...]]

    def columns(self, protein_ids: Sequence[str], owner: str) -> list[ColourColumn]:
        """The columns for the proteins of a map.

        Raises
        ------
        ReportError
            If the table has none of them.
        """
        empty = ("",) * len(self.names)
        rows = [self.values.get(name, empty) for name in protein_ids]
        if not any(name in self.values for name in protein_ids):
            raise ReportError(
                f"{self.path}: none of its {len(self.values):,} proteins, such as "
                f"{next(iter(self.values))!r}, is in {owner}, whose ids are such as "
                f"{protein_ids[0]!r}; give a table with the same ids"
            )
        texts = zip(*rows, strict=True)
        return [column_of(name, column) for name, column in zip(self.names, texts, strict=True)]


def read_colours(path: Path) -> ColourTable:
    """Read a TSV, or a CSV if the name says so, plain or compressed.

    Raises
    ------
    ReportError
        If there is no column protein_id, no other column, no row, a row of another length, or a
        protein twice.
    FileFormatError
        If the file cannot be read.
    """
    comma = any(suffix.lower() == ".csv" for suffix in path.suffixes)
    reader = csv.reader(read_lines(path), delimiter="," if comma else "\t")
    header = [name.strip() for name in next(reader, [])]
    if ID not in header or len(header) < 2:
        raise ReportError(
            f"{path}: a header with {ID} and at least one column more is needed, "
            f"{'comma' if comma else 'tab'}-separated; found {', '.join(header)[:200] or 'nothing'}"
        )
    if len(set(header)) < len(header):
        raise ReportError(f"{path}: a column name occurs twice in the header; rename one")
    place = header.index(ID)
    values: dict[str, tuple[str, ...]] = {}
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise ReportError(
                f"{path}: line {reader.line_num} has {len(row)} cells, the header {len(header)}; "
                "correct the line"
            )
        name = row[place].strip()
        if name in values:
            raise ReportError(f"{path}: line {reader.line_num}: {name} a second time; keep one row")
        values[name] = tuple(cell.strip() for i, cell in enumerate(row) if i != place)
    if not values:
        raise ReportError(f"{path}: no rows below the header")
    return ColourTable(path, tuple(name for name in header if name != ID), values)


def column_of(name: str, texts: Sequence[str]) -> ColourColumn:
    """A column as numbers, if all its values are and they are many, else as levels."""
    there = [text for text in texts if text]
    different = Counter(there)
    numbers = _numbers(texts) if len(different) > MOST_LEVELS else None
    if numbers is not None:
        return ColourColumn(name, (), np.zeros(0, dtype=np.int64), numbers)
    levels = sorted(different, key=lambda level: (-different[level], level))
    code = {level: number for number, level in enumerate(levels)}
    codes = np.array([code.get(text, MISSING) for text in texts], dtype=np.int64)
    # A column without any value has one level that nobody is of: it is no column of numbers.
    return ColourColumn(name, tuple(levels) or ("",), codes, np.zeros(0))


def _numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    try:
        values = np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return None
    return None if np.isinf(values).any() else values

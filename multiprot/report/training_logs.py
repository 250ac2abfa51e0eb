"""The CSV tables that training writes, read without training's own libraries."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multiprot.errors import ReportError
from multiprot.files import read_lines
from multiprot.report.json_file import Stored, read_stored

LOGS: Final = "logs"
RESULTS: Final = "results.json"
_TABLES: Final = ("train", "valid", "timing")


@dataclass(frozen=True, slots=True)
class LogTable:
    """One table.

    Attributes
    ----------
    steps
        Of each row.
    columns
        Name -> values; None where the row has none, or it is not finite.
    """

    steps: tuple[int, ...]
    columns: Mapping[str, tuple[float | None, ...]]


class ResultRow(Stored):
    """A metric before and after training."""

    name: str
    start: float | None = None
    end: float | None = None
    baseline: float | None = None


class RunResults(Stored):
    """results.json of a run that went to its end."""

    steps: int
    seconds: float
    parameters: int | None = None
    rows: tuple[ResultRow, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a run's folder tells.

    Attributes
    ----------
    tables
        train, valid and timing, those that are there.
    results
        None: the run is not finished.
    """

    tables: Mapping[str, LogTable]
    results: RunResults | None


def read_run(folder: Path) -> TrainingRun:
    """Logs and results of a run, finished or not.

    Raises
    ------
    ReportError
        If there is no table, or one is broken.
    """
    tables = {
        name: _table(path) for name in _TABLES if (path := folder / LOGS / f"{name}.csv").is_file()
    }
    if not tables:
        raise ReportError(
            f"{folder / LOGS}: holds no train.csv, valid.csv or timing.csv; has the run begun?"
        )
    results = folder / RESULTS
    return TrainingRun(tables, read_stored(results, RunResults) if results.is_file() else None)


def _table(path: Path) -> LogTable:
    reader = csv.reader(read_lines(path))
    header = next(reader, [])
    if "step" not in header:
        raise ReportError(f"{path}: has no column 'step'; is it a table that training wrote?")
    cells: list[list[str]] = []
    for row in reader:
        if len(row) != len(header):
            raise ReportError(
                f"{path}: line {reader.line_num} has {len(row)} cells, the header {len(header)}; "
                "if the run is writing it now, report again"
            )
        cells.append(row)
    by_column = dict(zip(header, zip(*cells, strict=True), strict=True)) if cells else {}
    steps = tuple(_step(path, line, cell) for line, cell in enumerate(by_column.pop("step", ()), 2))
    return LogTable(
        steps,
        {
            name: tuple(_number(path, name, line, cell) for line, cell in enumerate(column, 2))
            for name, column in by_column.items()
        },
    )


def _step(path: Path, line: int, cell: str) -> int:
    try:
        return int(cell)
    except ValueError:
        raise ReportError(f"{path}: line {line}: step {cell!r} is no whole number") from None


def _number(path: Path, column: str, line: int, cell: str) -> float | None:
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        raise ReportError(
            f"{path}: line {line}: {column} is {cell!r}, not a number; is the file damaged?"
        ) from None
    return value if math.isfinite(value) else None

"""CSV logs that grow by whole rows and go on where a resumed run goes on."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from multiprot.files import atomic_file

TABLES = ("train", "valid", "timing")
"""Tables; a metric named "valid/loss" is column "loss" of valid.csv."""


class StepTables(Logger):  # type: ignore[misc]  # lightning is untyped here
    """Writes `train.csv`, `valid.csv` and `timing.csv`, a row per logged step.

    Apart from timing.csv the files of an uninterrupted and of a resumed run are equal byte for
    byte.

    Parameters
    ----------
    folder
        Where the files go.
    resume_step
        Rows of later steps are removed, for they are about to be computed again; -1 keeps none.
    """

    def __init__(self, folder: Path, resume_step: int = -1) -> None:
        super().__init__()
        self._folder = folder
        self._columns: dict[str, list[str]] = {}
        for table in TABLES:
            self._keep_until(table, resume_step)

    @property
    def name(self) -> str:
        """Lightning wants one."""
        return "tables"

    @property
    def version(self) -> str:
        """Lightning wants one."""
        return ""

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append one row to each table that `metrics` names."""
        for table in TABLES:
            prefix = f"{table}/"
            row = {k.removeprefix(prefix): v for k, v in metrics.items() if k.startswith(prefix)}
            if row:
                self._append(table, {"step": step, **row})

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run folder has the whole config."""

    def _path(self, table: str) -> Path:
        return self._folder / f"{table}.csv"

    def _append(self, table: str, row: Mapping[str, Any]) -> None:
        known = self._columns.get(table, [])
        if missing := [name for name in row if name not in known]:
            self._columns[table] = known + missing
            self._rewrite(table, read_table(self._path(table)))
        with self._path(table).open("a", newline="", encoding="utf-8") as handle:
            csv.DictWriter(handle, self._columns[table], lineterminator="\n").writerow(row)

    def _rewrite(self, table: str, rows: list[dict[str, str]]) -> None:
        with atomic_file(self._path(table)) as partial, partial.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, self._columns[table], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def _keep_until(self, table: str, step: int) -> None:
        rows = [row for row in read_table(self._path(table)) if int(row["step"]) <= step]
        if rows:
            self._columns[table] = list(rows[0])
            self._rewrite(table, rows)
        else:
            self._path(table).unlink(missing_ok=True)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of one of the tables, as text; none where there is no file.

    A last line without its end was cut off by a crash and is left out.
    """
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return list(csv.DictReader(whole.splitlines()))

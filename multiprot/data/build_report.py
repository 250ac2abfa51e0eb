"""One row for every input of a corpus build: kept or refused, and why."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import pyarrow as pa
import pyarrow.parquet as pq

from multiprot.data.corpus_format import REPORT

KEPT: Final = "kept"
REFUSED: Final = "refused"

Kind = Literal["structure", "sequence"]

REPORT_SCHEMA: Final = pa.schema(
    [
        ("input", pa.string()),  # file name, relative to the structures' folder
        ("kind", pa.string()),  # structure | sequence
        ("record", pa.string()),  # id, null where the file gave none
        ("outcome", pa.string()),  # kept | refused
        ("reason", pa.string()),  # one word or two, to count by; null where kept
        ("detail", pa.string()),  # one line for people
        ("account", pa.string()),  # JSON: what became of a structure's residues
    ]
)

_ROWS_AT_A_TIME: Final = 2048


class ReportWriter:
    """Writes the report as the build goes on; memory holds a few rows and the counts."""

    def __init__(self, folder: Path) -> None:
        self._writer = pq.ParquetWriter(folder / REPORT, REPORT_SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self.rows = 0
        self.outcomes: Counter[tuple[str, str, str | None]] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush()
        self._writer.close()

    def kept(
        self,
        kind: Kind,
        source: str,
        record: str,
        *,
        detail: str | None = None,
        account: dict[str, Any] | None = None,
    ) -> None:
        """An input became a record, or part of one."""
        self._add(kind, source, record, None, detail, account)

    def refused(
        self, kind: Kind, source: str, record: str | None, *, reason: str, detail: str
    ) -> None:
        """An input was left out."""
        self._add(kind, source, record, reason, detail, None)

    def summary(self) -> dict[str, Any]:
        """Counts by kind: how many were kept, and how many refused for which reason."""
        found: dict[str, Any] = {}
        for (kind, outcome, reason), count in sorted(self.outcomes.items(), key=str):
            of_kind = found.setdefault(kind, {KEPT: 0, REFUSED: {}})
            if outcome == KEPT:
                of_kind[KEPT] += count
            else:
                of_kind[REFUSED][reason] = count
        return found

    def _add(
        self,
        kind: Kind,
        source: str,
        record: str | None,
        reason: str | None,
        detail: str | None,
        account: dict[str, Any] | None,
    ) -> None:
        outcome = KEPT if reason is None else REFUSED
        encoded = None if account is None else json.dumps(account, separators=(",", ":"))
        values = (source, kind, record, outcome, reason, detail, encoded)
        self._rows.append(dict(zip(REPORT_SCHEMA.names, values, strict=True)))
        self.rows += 1
        self.outcomes[kind, outcome, reason] += 1
        if len(self._rows) >= _ROWS_AT_A_TIME:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=REPORT_SCHEMA))
            self._rows.clear()

"""A shard's final rows and its part of the ledger, from what was computed and what repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from multiprot.embedding.ledger.computed import Computed
from multiprot.embedding.ledger.plan import PlannedRow, PlannedShard

LEDGER_SCHEMA: Final = pa.schema(
    [
        # Position among all inputs, from 0.
        pa.field("input", pa.int64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        # "written", "windowed", "duplicate" or "refused".
        pa.field("status", pa.string(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
        # 0 where it was refused.
        pa.field("windows", pa.int32(), nullable=False),
        # Id of the protein whose vector it shares, computed once for both.
        pa.field("duplicate_of", pa.string()),
        # Why it was refused.
        pa.field("reason", pa.string()),
    ]
)

Foreign = Callable[[int, list[str]], Computed]
"""Rows of another, finished shard by their ids, and reasons of those that were refused there."""


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """A shard as it will be stored.

    Attributes
    ----------
    rows
        Table of the store's schema, one row per protein that has a vector, in input order.
    ledger
        Table of `LEDGER_SCHEMA`, one row per input.
    """

    rows: Any
    ledger: Any


@dataclass(slots=True)
class _Pool:
    """Rows to choose from: the shard's own and those of its twins elsewhere."""

    tables: list[Any] = field(default_factory=list)
    place: dict[tuple[int, str], int] = field(default_factory=dict)
    refused: dict[tuple[int, str], str] = field(default_factory=dict)
    size: int = 0

    def add(self, shard: int, computed: Computed) -> None:
        self.tables.append(computed.table)
        for row, protein_id in enumerate(computed.table.column("id").to_pylist()):
            self.place[shard, protein_id] = self.size + row
        for protein_id, reason in computed.refused.items():
            self.refused[shard, protein_id] = reason
        self.size += len(computed.table)


def assemble(shard: PlannedShard, computed: Computed, foreign: Foreign) -> Assembled:
    """Put every input of `shard` in its place.

    Parameters
    ----------
    shard
        The plan.
    computed
        Its own proteins.
    foreign
        Looks up proteins of finished shards.
    """
    pool = _Pool()
    pool.add(shard.number, computed)
    for number, ids in shard.foreign.items():
        pool.add(number, foreign(number, ids))
    chosen, ids, ledger = [], [], []
    windows = [n for table in pool.tables for n in table.column("windows").to_pylist()]
    for position, row in enumerate(shard.rows, start=shard.first_row):
        key = (shard.number, row.id) if row.twin is None else (row.twin.shard, row.twin.id)
        place = None if row.reason is not None else pool.place.get(key)
        if place is None:
            ledger.append(_entry(position, row, "refused", reason=_reason(row, pool.refused, key)))
            continue
        chosen.append(place)
        ids.append(row.id)
        ledger.append(_entry(position, row, _status(row, windows[place]), windows=windows[place]))
    return Assembled(
        rows=_taken(pool.tables, chosen, ids),
        ledger=pa.Table.from_pylist(ledger, schema=LEDGER_SCHEMA),
    )


def _taken(tables: list[Any], chosen: list[int], ids: list[str]) -> Any:
    table = pa.concat_tables(tables)
    if chosen == list(range(len(table))):
        taken = table
    else:
        # One chunk each: `take` of nested columns works on chunks that lie together only.
        taken = table.combine_chunks().take(pa.array(chosen, pa.int64()))
    names = pa.array(ids, pa.string())
    return taken.set_column(taken.schema.get_field_index("id"), taken.schema.field("id"), names)


def _status(row: PlannedRow, windows: int) -> str:
    if row.twin is not None:
        return "duplicate"
    return "windowed" if windows > 1 else "written"


def _reason(row: PlannedRow, refused: Mapping[tuple[int, str], str], key: tuple[int, str]) -> str:
    if row.reason is not None:
        return row.reason
    reason = refused[key]
    return reason if row.twin is None else f"the same protein as {row.twin.id}: {reason}"


def _entry(
    position: int, row: PlannedRow, status: str, *, windows: int = 0, reason: str | None = None
) -> dict[str, Any]:
    return {
        "input": position,
        "id": row.id,
        "source": row.source,
        "status": status,
        "length": row.length,
        "windows": windows,
        "duplicate_of": None if row.twin is None else row.twin.id,
        "reason": reason,
    }

"""Inputs cut into shards, in order: what is to be computed, what repeats, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from multiprot.embedding.identity import combined_hash, sequence_hash
from multiprot.embedding.ledger.seen import Seen
from multiprot.embedding.reading import InputRow
from multiprot.proteins import ProteinRecord


@dataclass(frozen=True, slots=True)
class Twin:
    """An earlier protein that the model cannot tell apart from this one.

    Attributes
    ----------
    shard
        The shard that computes it.
    id
        Its id.
    """

    shard: int
    id: str


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One input, and what is to become of it.

    Attributes
    ----------
    id
        The record's id; the file's name where no record came of it.
    source
        Where it was read from.
    length
        Residues; 0 where there is no record.
    sequence_hash
        As `multiprot.embedding.identity.sequence_hash`; empty where there is no record.
    twin
        Whose vector it gets, or None if its own is computed.
    reason
        Why it is refused, or None.
    """

    id: str
    source: str
    length: int = 0
    sequence_hash: str = ""
    twin: Twin | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """A run of inputs that are computed, stored and recorded together.

    Attributes
    ----------
    number
        From 0, in the order of the input.
    first_row
        Position of its first input among all inputs.
    rows
        All its inputs.
    records
        Those to be computed, in their order.
    input_hash
        SHA-256, in hex, of ids, sequences, structures and refusals; not of where they were found.
    consumed
        Units of input read up to its end, as the reader counts them.
    """

    number: int
    first_row: int
    rows: tuple[PlannedRow, ...]
    records: tuple[ProteinRecord, ...]
    input_hash: str
    consumed: int

    @property
    def foreign(self) -> dict[int, list[str]]:
        """Ids of other shards' proteins whose vectors it gets, by shard."""
        found: dict[int, list[str]] = {}
        for row in self.rows:
            if row.twin is not None and row.twin.shard != self.number:
                found.setdefault(row.twin.shard, []).append(row.twin.id)
        return found

    @property
    def origin(self) -> str:
        """Where its inputs come from, for messages."""
        first, last = self.rows[0], self.rows[-1]
        return (
            f"inputs {self.first_row + 1:,} to {self.first_row + len(self.rows):,} "
            f"({first.id} in {first.source} to {last.id} in {last.source})"
        )


@dataclass(frozen=True, slots=True)
class ShardLimits:
    """When a shard is full: before the input that would exceed one of them.

    Attributes
    ----------
    residues, proteins
        Of all its inputs together; a longer protein makes a shard of its own.
    """

    residues: int
    proteins: int


def planned_shards(
    inputs: Iterable[InputRow],
    seen: Seen,
    digest: Callable[[ProteinRecord], bytes],
    limits: ShardLimits,
) -> Iterator[PlannedShard]:
    """The shards of `inputs`: the same inputs and limits give the same shards, always.

    Parameters
    ----------
    inputs
        Read lazily, one shard at a time.
    seen
        Empty; remembers ids and digests of all inputs.
    digest
        Bytes that are equal for records which the model cannot tell apart.
    limits
        How large shards become.
    """
    first = 0
    for number, rows in enumerate(_cut(inputs, limits)):
        yield _planned(number, first, rows, seen, digest)
        first += len(rows)


def _cut(inputs: Iterable[InputRow], limits: ShardLimits) -> Iterator[list[InputRow]]:
    rows: list[InputRow] = []
    residues = 0
    for row in inputs:
        length = 0 if row.record is None else len(row.record)
        if rows and (residues + length > limits.residues or len(rows) >= limits.proteins):
            yield rows
            rows, residues = [], 0
        rows.append(row)
        residues += length
    if rows:
        yield rows


def _planned(
    number: int,
    first: int,
    inputs: list[InputRow],
    seen: Seen,
    digest: Callable[[ProteinRecord], bytes],
) -> PlannedShard:
    rows, records, parts = [], [], []
    for given in inputs:
        record = given.record
        mark = b"" if record is None else digest(record)
        parts += [given.id.encode(), mark, (given.reason or "").encode()]
        row = _row(number, given, mark, seen)
        rows.append(row)
        if record is not None and row.twin is None and row.reason is None:
            records.append(record)
    return PlannedShard(
        number=number,
        first_row=first,
        rows=tuple(rows),
        records=tuple(records),
        input_hash=combined_hash(parts),
        consumed=inputs[-1].consumed,
    )


def _row(number: int, given: InputRow, mark: bytes, seen: Seen) -> PlannedRow:
    record = given.record
    if record is None:
        return PlannedRow(given.id, given.source, reason=given.reason or "no protein")
    plain = PlannedRow(given.id, given.source, len(record), sequence_hash(record.sequence))
    before = seen.source_of(given.id, given.source)
    if before is not None:
        return PlannedRow(
            given.id,
            given.source,
            plain.length,
            plain.sequence_hash,
            reason=f"id {given.id!r} is in {before} and again in {given.source}; rename one of the "
            "two, ids are what vectors are found by",
        )
    twin = seen.twin_of(mark, number, given.id)
    if twin is None:
        return plain
    return PlannedRow(given.id, given.source, plain.length, plain.sequence_hash, twin=Twin(*twin))

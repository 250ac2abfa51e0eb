"""Shards depend on the input alone, and every input is in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.embedding import InputRow
from multiprot.embedding.identity import record_digest
from multiprot.embedding.ledger.plan import PlannedShard, ShardLimits, planned_shards
from multiprot.embedding.ledger.seen import Seen
from multiprot.proteins import ProteinRecord

QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def digest(record: ProteinRecord) -> bytes:
    return record_digest(record, with_structure=False)


def row(protein_id: str, sequence: str | None, source: str = "f.fasta") -> InputRow:
    if sequence is None:
        return InputRow(protein_id, source, None, "unreadable", 0)
    return InputRow(protein_id, source, ProteinRecord(id=protein_id, sequence=sequence), None, 0)


@contextmanager
def seen_in(folder: Path) -> Iterator[Seen]:
    with Seen(folder / "seen.sqlite") as seen:
        yield seen


def plan(
    folder: Path, rows: list[InputRow], residues: int = 50, proteins: int = 5
) -> list[PlannedShard]:
    with seen_in(folder) as seen:
        return list(planned_shards(iter(rows), seen, digest, ShardLimits(residues, proteins)))


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from([f"id{n}" for n in range(40)]),
        st.none() | st.text("ACDE", min_size=1, max_size=6) | st.just("W" * 60),
    ),
    max_size=40,
)


@QUICK
@given(rows=ROWS, residues=st.integers(1, 80), proteins=st.integers(1, 9))
def test_every_input_is_in_one_shard_in_order_and_within_the_limits(
    tmp_path: Path, rows: list[InputRow], residues: int, proteins: int
) -> None:
    shards = plan(tmp_path, rows, residues, proteins)
    assert [(r.id, r.length) for shard in shards for r in shard.rows] == [
        (r.id, len(r.record) if r.record else 0) for r in rows
    ]
    position = 0
    for number, shard in enumerate(shards):
        assert (shard.number, shard.first_row) == (number, position)
        position += len(shard.rows)
        assert len(shard.rows) <= proteins
        assert sum(r.length for r in shard.rows) <= residues or len(shard.rows) == 1
    for left, right in pairwise(shards):
        full = len(left.rows) == proteins
        assert full or sum(r.length for r in left.rows) + right.rows[0].length > residues


@QUICK
@given(rows=ROWS)
def test_the_same_inputs_give_the_same_shards(tmp_path: Path, rows: list[InputRow]) -> None:
    first = plan(tmp_path, rows)
    # A file that was left behind, with other contents, is no part of the plan.
    plan(tmp_path, [row("other", "ACDE"), row("id1", "EEE")])
    assert plan(tmp_path, rows) == first


@QUICK
@given(rows=ROWS)
def test_each_protein_is_computed_once_and_each_id_used_once(
    tmp_path: Path, rows: list[InputRow]
) -> None:
    """Against a plan of a few lines, all in memory."""
    ids: set[str] = set()
    owner: dict[str, str] = {}
    expected = []
    for given_row in rows:
        record = given_row.record
        if record is None or record.id in ids:
            expected.append(("refused", None))
            continue
        ids.add(record.id)
        first = owner.setdefault(record.sequence, record.id)
        expected.append(("computed" if first == record.id else "twin", first))
    shards = plan(tmp_path, rows)
    found = []
    for shard in shards:
        computed = {record.id for record in shard.records}
        for planned in shard.rows:
            if planned.reason is not None:
                found.append(("refused", None))
            elif planned.twin is not None:
                found.append(("twin", planned.twin.id))
                assert planned.twin.id in {r.id for r in shards[planned.twin.shard].records}
            else:
                assert planned.id in computed
                found.append(("computed", planned.id))
        elsewhere = [r.twin for r in shard.rows if r.twin and r.twin.shard != shard.number]
        assert sorted((t.shard, t.id) for t in elsewhere) == sorted(
            (number, name) for number, names in shard.foreign.items() for name in names
        )
    assert found == expected


def test_a_repeated_id_names_both_places(tmp_path: Path) -> None:
    (shard,) = plan(tmp_path, [row("a", "ACD"), row("b", "EEE"), row("a", "WWW", "g.fasta")])
    assert shard.rows[2].reason is not None
    assert "id 'a' is in f.fasta and again in g.fasta" in shard.rows[2].reason
    # Even the same protein: which of the two an id means must not depend on luck.
    (shard,) = plan(tmp_path, [row("a", "ACD"), row("a", "ACD")])
    assert [r.reason is None for r in shard.rows] == [True, False]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ([row("a", "ACD"), row("b", "EEF")], False),
        ([row("a", "ACD"), row("c", "EEE")], False),
        ([row("b", "EEE"), row("a", "ACD")], False),
        ([row("a", "ACD"), row("b", None)], False),
        ([row("a", "ACD"), row("b", "EEE"), row("c", "E")], False),
        ([row("aA", "CD"), row("b", "EEE")], False),
        ([row("a", "ACD", "elsewhere.fasta"), row("b", "EEE", "elsewhere.fasta")], True),
    ],
)
def test_the_input_hash_tells_inputs_apart_but_not_places(
    tmp_path: Path, changed: list[InputRow], same: bool
) -> None:
    (before,) = plan(tmp_path, [row("a", "ACD"), row("b", "EEE")])
    (after,) = plan(tmp_path, changed)
    assert (after.input_hash == before.input_hash) is same


def test_inputs_are_read_one_shard_at_a_time(tmp_path: Path) -> None:
    read = 0

    def endless() -> Iterator[InputRow]:
        nonlocal read
        while True:
            read += 1
            yield row(f"p{read}", "A" * (read % 7 + 1))

    with seen_in(tmp_path) as seen:
        shards = planned_shards(endless(), seen, digest, ShardLimits(10**9, 10))
        assert next(shards).number == 0
        # One more, to see that the shard is full.
        assert read == 11

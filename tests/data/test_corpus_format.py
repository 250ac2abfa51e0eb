from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.data.corpus_format import SHARD_SCHEMA, record_to_row, row_digest, row_to_record
from multiprot.errors import RecordError
from multiprot.proteins import (
    RESIDUE_LETTERS,
    BackboneStructure,
    Confidence,
    FeatureSpan,
    ProteinRecord,
)

terms = st.frozensets(st.integers(0, 9_999_999).map(lambda n: f"GO:{n:07d}"), max_size=4)


@st.composite
def structures(draw: st.DrawFn, residues: int) -> BackboneStructure:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    present = rng.random((residues, 5)) < draw(st.sampled_from([0.0, 0.6, 1.0]))
    breaks = rng.random(residues) < 0.2
    breaks[-1] = False
    coordinates = rng.normal(0, 30, (residues, 5, 3))
    return BackboneStructure(
        coordinates=np.where(present[..., None], coordinates, np.nan),
        present=present,
        chain_breaks=breaks,
        confidence=np.where(present.any(axis=1), rng.random(residues) * 100, np.nan),
        confidence_kind=draw(st.sampled_from(Confidence)),
    )


@st.composite
def records(draw: st.DrawFn) -> ProteinRecord:
    sequence = draw(st.text(RESIDUE_LETTERS, min_size=1, max_size=30))
    spans = []
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(sequence) - 1))
        stop = draw(st.integers(start + 1, len(sequence)))
        spans.append(FeatureSpan(start, stop, draw(st.sampled_from(["domain", "site"])), "n a\tme"))
    return ProteinRecord(
        id=draw(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)),
        sequence=sequence,
        structure=draw(st.none() | structures(residues=len(sequence))),
        go_terms=draw(st.none() | terms),
        not_go_terms=draw(terms),
        features=tuple(spans),
    )


def through_arrow(record: ProteinRecord) -> dict[str, Any]:
    """The row as Parquet would give it back."""
    table = pa.Table.from_pylist([record_to_row(record, "train")], schema=SHARD_SCHEMA)
    (row,) = table.to_pylist()
    return dict(row)


@given(record=records())
def test_a_record_survives_as_a_row(record: ProteinRecord) -> None:
    row = through_arrow(record)
    assert row_to_record(row) == record
    assert row["length"] == len(record)


@given(record=records())
def test_unknown_go_and_no_go_stay_apart(record: ProteinRecord) -> None:
    assert row_to_record(through_arrow(replace(record, go_terms=None))).go_terms is None
    empty = row_to_record(through_arrow(replace(record, go_terms=frozenset())))
    assert empty.go_terms == frozenset()


@given(record=records())
def test_the_digest_is_that_of_the_content(record: ProteinRecord) -> None:
    row = record_to_row(record, "train")
    assert row_digest(row) == row_digest(through_arrow(record))
    assert row_digest(row) == row_digest(record_to_row(row_to_record(row), "train"))


def test_the_digest_sees_every_part() -> None:
    rng = np.random.default_rng(0)
    structure = BackboneStructure(
        coordinates=rng.normal(size=(3, 5, 3)),
        present=np.ones((3, 5), bool),
        chain_breaks=np.zeros(3, bool),
        confidence=np.ones(3),
        confidence_kind=Confidence.PLDDT,
    )
    record = ProteinRecord(
        id="a", sequence="MKT", structure=structure, go_terms=frozenset({"GO:0000001"})
    )
    moved = replace(structure, coordinates=structure.coordinates + 0.001)
    changed = [
        replace(record, id="b"),
        replace(record, sequence="MKV"),
        replace(record, structure=None),
        replace(record, structure=moved),
        replace(record, structure=replace(structure, confidence_kind=Confidence.B_FACTOR)),
        replace(record, structure=replace(structure, confidence=structure.confidence * 2)),
        replace(record, structure=replace(structure, chain_breaks=np.array([True, False, False]))),
        replace(record, go_terms=None),
        replace(record, go_terms=frozenset()),
        replace(record, go_terms=frozenset({"GO:0000002"})),
        replace(record, not_go_terms=frozenset({"GO:0000002"})),
        replace(record, features=(FeatureSpan(0, 1, "site", "x"),)),
        replace(record, features=(FeatureSpan(0, 2, "site", "x"),)),
    ]
    digests = {row_digest(record_to_row(r, "train")) for r in (record, *changed)}
    digests.add(row_digest(record_to_row(record, "test")))
    assert len(digests) == len(changed) + 2


def test_a_row_that_contradicts_itself_is_refused() -> None:
    row = record_to_row(ProteinRecord(id="a", sequence="MKT"), "train")
    with pytest.raises(RecordError, match="sequence is empty"):
        row_to_record({**row, "sequence": ""})

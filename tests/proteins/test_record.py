"""Records: the invariants that nothing below checks again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import RecordError
from multiprot.proteins import BackboneStructure, FeatureSpan, ProteinRecord


def blank(residues: int) -> BackboneStructure:
    return BackboneStructure(
        coordinates=np.full((residues, 5, 3), np.nan, dtype=np.float32),
        present=np.zeros((residues, 5), dtype=bool),
        chain_breaks=np.zeros(residues, dtype=bool),
        confidence=np.full(residues, np.nan, dtype=np.float32),
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "", "sequence": "M"}, "empty"),
        ({"id": "a b", "sequence": "M"}, "white space"),
        ({"id": "a", "sequence": ""}, "record a: the sequence is empty"),
        ({"id": "a", "sequence": "MkV"}, "'k' at residue 2"),
        ({"id": "a", "sequence": "MV*"}, r"'\*' at residue 3"),
        ({"id": "a", "sequence": "MKV", "structure": blank(2)}, "2 residues of coordinates for 3"),
        (
            {"id": "a", "sequence": "MKV", "features": (FeatureSpan(1, 4, "domain", "d"),)},
            "ends at 4",
        ),
    ],
)
def test_contradictions_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        ProteinRecord(**fields)  # type: ignore[arg-type]


def test_features_are_sorted() -> None:
    late, early = FeatureSpan(2, 3, "site", "b"), FeatureSpan(0, 2, "domain", "a")
    record = ProteinRecord(id="a", sequence="MKV", features=(late, early))
    assert record.features == (early, late)


@given(st.data())
def test_cropping_crops_every_part_alike(data: st.DataObject) -> None:
    sequence = data.draw(st.text("ACDEFGHIKLMNPQRSTVWY", min_size=2, max_size=30))
    start = data.draw(st.integers(0, len(sequence) - 1))
    stop = data.draw(st.integers(start + 1, len(sequence)))
    low = data.draw(st.integers(0, len(sequence) - 1))
    high = data.draw(st.integers(low + 1, len(sequence)))
    record = ProteinRecord(
        id="a",
        sequence=sequence,
        structure=blank(len(sequence)),
        go_terms=frozenset({"GO:1"}),
        not_go_terms=frozenset({"GO:2"}),
        features=(FeatureSpan(low, high, "domain", "d"),),
    )
    part = record.crop(start, stop)
    assert part.sequence == sequence[start:stop]
    assert part.structure is not None
    assert len(part.structure) == len(part) == stop - start
    assert (part.go_terms, part.not_go_terms) == (record.go_terms, record.not_go_terms)
    marked = {i for f in part.features for i in range(f.start + start, f.stop + start)}
    assert marked == set(range(low, high)) & set(range(start, stop))

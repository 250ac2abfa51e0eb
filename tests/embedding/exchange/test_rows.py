"""Which rows are exported, and what a file says of their model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiprot.embedding import EmbeddingStore
from multiprot.embedding.exchange.rows import Rows
from multiprot.errors import EmbeddingError
from tests.embedding.exchange.stores import HEADER, make_store, proteins

IDS = tuple(f"p{number}" for number in range(20))


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    return EmbeddingStore.open(make_store(tmp_path / "s", proteins(IDS, residues=True)))


def test_chosen_rows_come_whole_and_in_the_stores_order(store: EmbeddingStore) -> None:
    rows = Rows(store, ["p17", "p2", "p3", "p9"], residues=True)
    found = [protein for chunk in rows.chunks() for protein in chunk]
    assert [protein.id for protein in found] == list(rows.ids) == ["p2", "p3", "p9", "p17"]
    assert (len(rows), rows.width) == (4, 4)
    for protein in found:
        stored = next(row for row in store if row.id == protein.id)
        assert (protein.sequence_hash, protein.length, protein.modalities, protein.windows) == (
            stored.sequence_hash,
            stored.length,
            stored.modalities,
            stored.windows,
        )
        np.testing.assert_array_equal(protein.vector, stored.vector)
        np.testing.assert_array_equal(protein.residues, stored.residues)


def test_reading_ends_with_the_last_chosen_row(
    store: EmbeddingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, chunks = [], store.chunks

    def counted(**options: bool) -> object:
        for chunk in chunks(**options):
            read.append(chunk.ids)
            yield chunk

    monkeypatch.setattr(store, "chunks", counted)
    assert [chunk.ids for chunk in Rows(store, ["p1", "p4"]).chunks()] == [("p1",), ("p4",)]
    assert len(read) == 2


def test_missing_ids_are_named(store: EmbeddingStore) -> None:
    with pytest.raises(
        EmbeddingError,
        match="s: 2 of 3 ids are not among its 20 proteins: 'P1', 'x'; ids are case-sens",
    ):
        Rows(store, ["x", "p1", "P1"])
    with pytest.raises(EmbeddingError, match=r"'m00', .* 'm09' and 1,490 more; ids"):
        Rows(store, [f"m{number:02d}" for number in range(1500)])


def test_a_zero_byte_in_an_id_is_refused(tmp_path: Path) -> None:
    path = make_store(tmp_path / "z", proteins(["good", "ba\0d"]))
    with pytest.raises(EmbeddingError, match=r"'ba\\x00d' holds a zero byte"):
        Rows(EmbeddingStore.open(path))
    assert len(Rows(EmbeddingStore.open(path), ["good"])) == 1


def test_the_origin_is_flat_and_leaves_out_what_is_not_stated(store: EmbeddingStore) -> None:
    assert Rows(store).origin == {
        "multiprot_version": HEADER["multiprot_version"],
        "model": "tiny",
        "model_hash": "c0ffee",
        "model_warnings": "older; wiser",
        "space": "protein",
        "pooling": "mean",
        "width": 4,
        "options": '{"precision": "fp32"}',
    }

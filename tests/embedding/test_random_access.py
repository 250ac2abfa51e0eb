"""One protein of a store by its id, whatever the other ids are."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.embedding import EmbeddingStore, id_index
from multiprot.embedding.identity import combined_hash, sequence_hash
from multiprot.errors import EmbeddingError
from tests.embedding.fake_model import vector_of
from tests.embedding.ledger.runs import embedded, entries, fasta, small

PROTEINS = [*entries(30, seed=8), ("sp|P12345|X Y".replace(" ", "_"), "ACD"), ("Ä", "EFG")]
QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def refget(sequence: str) -> str:
    """GA4GH sha512t24u, as its specification has it."""
    return base64.urlsafe_b64encode(hashlib.sha512(sequence.encode()).digest()[:24]).decode()


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    path = fasta(tmp_path / "in.fasta", [*PROTEINS, ("bad", "AC1"), ("p0", "WWW")])
    embedded(path, tmp_path / "out", small(), residues=True)
    return EmbeddingStore.open(tmp_path / "out")


def test_every_protein_is_found(store: EmbeddingStore) -> None:
    assert len(store) == len(PROTEINS)
    for name, sequence in PROTEINS:
        assert name in store
        found = store[name]
        assert (found.id, found.length) == (name, len(sequence))
        assert found.sequence_hash == sequence_hash(sequence) == refget(sequence)
        np.testing.assert_array_equal(found.vector, vector_of(sequence))
        np.testing.assert_array_equal(store.vector(name), found.vector)
        np.testing.assert_array_equal(store.residues(name), found.residues)


@pytest.mark.parametrize("name", ["P0", "p", "", "p00", "in.fasta", "p0 ", 3, None])
def test_what_is_not_there_is_not_found(store: EmbeddingStore, name: object) -> None:
    assert name not in store
    if isinstance(name, str):
        with pytest.raises(EmbeddingError, match=r"no protein '.*' among 32; ids are case-sensit"):
            store[name]


def test_a_refused_protein_says_why(store: EmbeddingStore) -> None:
    with pytest.raises(EmbeddingError, match=r"it was refused, .*in\.fasta: .*'1'"):
        store["in.fasta:bad"]
    # The other protein of a repeated id is there, and the id means it.
    assert store["p0"].length == len(PROTEINS[0][1])


def test_the_digests_known_answer() -> None:
    """From the refget specification, for the sequence ACGT."""
    assert sequence_hash("ACGT") == "aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2"


def colliding(ids: Sequence[str]) -> NDArray[np.uint64]:
    """Three values for all ids there are."""
    return np.array([len(name) % 3 for name in ids], dtype=np.uint64)


def test_colliding_hashes_find_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_index, "hash_ids", colliding)
    path = fasta(tmp_path / "in.fasta", PROTEINS)
    embedded(path, tmp_path / "out", small())
    store = EmbeddingStore.open(tmp_path / "out")
    assert store.ids == tuple(name for name, _ in PROTEINS)
    for name, sequence in PROTEINS:
        np.testing.assert_array_equal(store.vector(name), vector_of(sequence))
    assert "nobody" not in store


@QUICK
@given(
    ids=st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True, min_size=1),
    absent=st.text(st.characters(exclude_categories=["Cs"])),
    parts=st.integers(1, 5),
)
def test_the_index_gives_each_id_its_row(
    tmp_path: Path, ids: list[str], absent: str, parts: int
) -> None:
    chunks = [ids[start : start + parts] for start in range(0, len(ids), parts)]
    id_index.write_id_index(tmp_path, chunks, len(ids))
    index = id_index.IdIndex(tmp_path / "_ids.npy", tmp_path / "_rows.npy")
    for row, name in enumerate(ids):
        assert row in index.candidates(name)
    if absent not in ids:
        assert index.candidates(absent) == []


@QUICK
@given(st.lists(st.binary(max_size=4), max_size=5), st.lists(st.binary(max_size=4), max_size=5))
def test_hashes_of_many_tell_where_one_ends(left: list[bytes], right: list[bytes]) -> None:
    assert (combined_hash(left) == combined_hash(right)) == (left == right)


def test_the_ledger_comes_shard_by_shard_with_its_types(store: EmbeddingStore) -> None:
    tables = list(store.ledger())
    assert [len(table) for table in tables] == [4] * 8 + [2]
    assert {str(field.type) for field in tables[0].schema} == {"int64", "int32", "string"}
    names = [name for table in tables for name in table["id"].to_pylist()]
    assert names == [*(name for name, _ in PROTEINS), "in.fasta:bad", "p0"]


def test_finding_one_protein_reads_its_row_group_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fasta(tmp_path / "in.fasta", entries(9000, seed=9, longest=3))
    embedded(path, tmp_path / "out", small(shard_proteins=9000))
    store = EmbeddingStore.open(tmp_path / "out")
    groups = []
    real = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_group",
        lambda self, group, **named: groups.append(group) or real(self, group, **named),
    )
    monkeypatch.setattr(pq.ParquetFile, "read", None)
    assert store["p8999"].id == "p8999"
    assert set(groups) == {2}

"""What is stored is what was embedded; what is damaged is not read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.embedding import EmbeddedProtein, Embeddings, EmbeddingStore, write_store
from multiprot.embedding.store_format import shard_name
from multiprot.errors import EmbeddingError, OutputExistsError

WIDTH = 5
KINDS = (("sequence",), ("structure",), ("sequence", "structure"))


def made(count: int, *, start: int = 0, residues: bool = False) -> Embeddings:
    rng = np.random.default_rng(start)
    proteins = []
    for number in range(start, start + count):
        length = int(rng.integers(1, 9))
        matrix = rng.standard_normal((length, WIDTH)).astype(np.float32)
        matrix[0] = np.nan
        proteins.append(
            EmbeddedProtein(
                id=f"Ä{number}",
                length=length,
                vector=rng.standard_normal(WIDTH).astype(np.float32),
                modalities=KINDS[number % 3],
                windows=1 + number % 2,
                residues=matrix if residues else None,
                sequence_hash=f"hash{number % 4}",
            )
        )
    return Embeddings.from_proteins(proteins, width=WIDTH, residues=residues)


def write(
    path: Path, shards: Sequence[Embeddings], *, residues: bool = False, overwrite: bool = False
) -> EmbeddingStore:
    header = {"space": "protein"}
    write_store(path, shards, header, width=WIDTH, residues=residues, overwrite=overwrite)
    return EmbeddingStore.open(path)


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    return write(tmp_path / "s", [made(4), made(3, start=4)])


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(any),
    residues=st.booleans(),
)
def test_what_was_written_is_read_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], residues: bool
) -> None:
    starts = itertools.accumulate(sizes, initial=0)
    shards = [
        made(size, start=start, residues=residues)
        for size, start in zip(sizes, starts, strict=False)
    ]
    store = write(tmp_path_factory.mktemp("store") / "s", shards, residues=residues)
    rows = [row for shard in shards for row in shard]
    assert len(store) == sum(sizes)
    assert store.ids == tuple(row.id for row in rows)
    assert store.lengths.tolist() == [row.length for row in rows]
    np.testing.assert_array_equal(store.vectors(), np.stack([row.vector for row in rows]))
    assert store.vectors().dtype == np.float32
    for number, (found, row) in enumerate(zip(store, rows, strict=True)):
        same_row(found, row)
        same_row(store[row.id], row)
        same_row(store.at(number), row)
        same_row(store.at(number, residues=False), replace(row, residues=None))
        np.testing.assert_array_equal(store.vector(row.id), row.vector)
        if residues:
            np.testing.assert_array_equal(store.residues(row.id), row.residues)


def same_row(found: EmbeddedProtein, row: EmbeddedProtein) -> None:
    for name in ("id", "length", "modalities", "windows", "sequence_hash"):
        assert getattr(found, name) == getattr(row, name)
    np.testing.assert_array_equal(found.vector, row.vector)
    assert (found.residues is None) == (row.residues is None)
    if row.residues is not None:
        np.testing.assert_array_equal(found.residues, row.residues)


@pytest.mark.parametrize("row", [-1, 7])
def test_a_row_that_is_not_there_is_told(store: EmbeddingStore, row: int) -> None:
    with pytest.raises(EmbeddingError, match=f"no row {row} among 7"):
        store.at(row)


def test_the_manifest_counts(store: EmbeddingStore) -> None:
    assert store.manifest["proteins"] == store.manifest["inputs"] == 7
    assert store.manifest["windowed"] == 3
    assert store.manifest["duplicates"] == store.manifest["refused"] == 0
    assert store.manifest["residues_in_all"] == store.lengths.sum()
    assert store.manifest["modalities"] == {
        "sequence": 3,
        "sequence+structure": 2,
        "structure": 2,
    }
    assert store.manifest["space"] == "protein"
    assert store.failures == ()
    assert store.first_failure() is None
    assert (store.width, store.has_residues) == (WIDTH, False)


def test_shards_are_kept_as_they_are_given(store: EmbeddingStore, tmp_path: Path) -> None:
    shards = store.manifest["shards"]
    assert [(s["number"], s["proteins"], s["first_input"]) for s in shards] == [
        (0, 4, 0),
        (1, 3, 4),
    ]
    assert pq.read_table(tmp_path / "s" / shard_name(0)).num_rows == 4


def test_every_row_has_a_line_in_the_ledger(store: EmbeddingStore) -> None:
    lines = [line for table in store.ledger() for line in table.to_pylist()]
    assert [line["input"] for line in lines] == list(range(7))
    assert [line["id"] for line in lines] == list(store.ids)
    expected = ["windowed" if row.windows > 1 else "written" for row in store]
    assert [line["status"] for line in lines] == expected


def test_pandas_and_pyarrow_read_it_simply(tmp_path: Path) -> None:
    pandas: Any = pytest.importorskip("pandas")
    chunk = made(6, residues=True)
    write(tmp_path / "s", [chunk], residues=True)
    frame = pandas.read_parquet(tmp_path / "s")
    columns = ["id", "sequence_hash", "length", "vector", "modalities", "windows", "residues"]
    assert list(frame.columns) == columns
    np.testing.assert_array_equal(np.stack(frame["vector"].tolist()), chunk.vectors)
    assert chunk.residues is not None
    for cell, matrix in zip(frame["residues"], chunk.residues, strict=True):
        np.testing.assert_array_equal(np.stack(cell), matrix)
    schema = pq.read_schema(tmp_path / "s" / shard_name(0))
    assert schema.field("vector").type == pa.list_(pa.float32(), WIDTH)
    assert schema.field("residues").type == pa.list_(pa.list_(pa.float32(), WIDTH))


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, [made(5, residues=True)], residues=True)
    left, right = (
        {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        for root in (tmp_path / "a", tmp_path / "b")
    )
    assert left == right
    assert len(left) == 5


def test_unknown_ids_and_missing_residues_are_named(store: EmbeddingStore) -> None:
    with pytest.raises(EmbeddingError, match="no protein 'Ä99' among 7"):
        store.vector("Ä99")
    with pytest.raises(EmbeddingError, match="embed again with --residues"):
        store.residues("Ä1")


def test_a_flipped_byte_is_named_before_it_is_used(store: EmbeddingStore, tmp_path: Path) -> None:
    path = tmp_path / "s" / shard_name(1)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    damaged = EmbeddingStore.open(tmp_path / "s")
    with pytest.raises(EmbeddingError, match=r"vectors-00001\.parquet: altered since"):
        damaged.vectors()
    with pytest.raises(EmbeddingError, match=r"vectors-00001\.parquet: altered since"):
        list(damaged)
    with pytest.raises(EmbeddingError, match=r"vectors-00001\.parquet: altered since"):
        damaged.vector("Ä5")
    assert damaged.vector("Ä0").shape == (WIDTH,)


@pytest.mark.parametrize(
    "name",
    [
        "_manifest.json",
        shard_name(0),
        shard_name(1),
        "_ids.npy",
        "_rows.npy",
        "_ledger/00001.parquet",
    ],
)
def test_what_is_missing_or_cut_is_seen_on_opening(
    store: EmbeddingStore, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "s" / name
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(EmbeddingError, match=name.replace(".", r"\.")):
        EmbeddingStore.open(tmp_path / "s")
    path.unlink()
    with pytest.raises(EmbeddingError, match=name.replace(".", r"\.")):
        EmbeddingStore.open(tmp_path / "s")


def test_garbage_of_the_right_size_is_named_even_unverified(
    store: EmbeddingStore, tmp_path: Path
) -> None:
    path = tmp_path / "s" / shard_name(0)
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(EmbeddingError, match=r"00000\.parquet: is not a Parquet file"):
        EmbeddingStore.open(tmp_path / "s", verify=False).vectors()


def test_no_folder_and_a_foreign_folder(tmp_path: Path, tiny_bundle: Path) -> None:
    with pytest.raises(EmbeddingError, match="no such folder"):
        EmbeddingStore.open(tmp_path / "nowhere")
    with pytest.raises(EmbeddingError, match=r"no plain file _manifest\.json"):
        EmbeddingStore.open(tiny_bundle)


def test_an_unfinished_store_never_appears(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Embeddings]:
        yield made(3)
        raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        write_store(tmp_path / "s", interrupted(), {}, width=WIDTH)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shards", [[], [made(0)]])
def test_a_store_of_nothing_is_refused(tmp_path: Path, shards: list[Embeddings]) -> None:
    with pytest.raises(EmbeddingError, match="not a single row"):
        write(tmp_path / "s", shards)
    assert list(tmp_path.iterdir()) == []


def test_ids_must_be_unique_across_shards(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="id 'Ä1' occurs twice"):
        write(tmp_path / "s", [made(2), made(1, start=1)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("residues", [True, False])
def test_residues_are_all_or_nothing(tmp_path: Path, residues: bool) -> None:
    word = "with" if residues else "without"
    with pytest.raises(EmbeddingError, match=f"made {word} residues, the embeddings are not"):
        write(tmp_path / "s", [made(2, residues=not residues)], residues=residues)


def test_what_exists_is_replaced_only_on_request(tmp_path: Path) -> None:
    write(tmp_path / "s", [made(2)])
    with pytest.raises(OutputExistsError):
        write(tmp_path / "s", [made(2)])
    store = write(tmp_path / "s", [made(3, start=7)], overwrite=True)
    assert store.ids == ("Ä7", "Ä8", "Ä9")

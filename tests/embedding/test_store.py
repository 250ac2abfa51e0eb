"""What is stored is what was embedded; what is damaged is not read."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.embedding import EmbeddedProtein, Embeddings, EmbeddingStore, Failure, create_store
from multiprot.embedding.store_format import shard_name
from multiprot.embedding.store_writer import ShardLimits
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
            )
        )
    return Embeddings.from_proteins(proteins, width=WIDTH, residues=residues)


def write(
    path: Path, chunks: list[Embeddings], *, residues: bool = False, per_shard: int = 10**9
) -> EmbeddingStore:
    limits = ShardLimits(proteins=per_shard)
    with create_store(path, width=WIDTH, residues=residues, limits=limits) as writer:
        for chunk in chunks:
            writer.write(chunk)
        writer.finish({"space": "protein"}, [Failure("bad", "too bad")])
    return EmbeddingStore.open(path)


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    return write(tmp_path / "s", [made(4), made(3, start=4)], per_shard=4)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(any),
    per_shard=st.integers(1, 12),
    residues=st.booleans(),
)
def test_what_was_written_is_read_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], per_shard: int, residues: bool
) -> None:
    starts = itertools.accumulate(sizes, initial=0)
    chunks = [
        made(size, start=start, residues=residues)
        for size, start in zip(sizes, starts, strict=False)
    ]
    path = tmp_path_factory.mktemp("store") / "s"
    store = write(path, chunks, residues=residues, per_shard=per_shard)
    rows = [row for chunk in chunks for row in chunk]
    assert len(store) == sum(sizes)
    assert store.ids == tuple(row.id for row in rows)
    assert store.lengths.tolist() == [row.length for row in rows]
    np.testing.assert_array_equal(store.vectors(), np.stack([row.vector for row in rows]))
    assert store.vectors().dtype == np.float32
    for found, row in zip(store, rows, strict=True):
        assert (found.id, found.length, found.modalities, found.windows) == (
            row.id,
            row.length,
            row.modalities,
            row.windows,
        )
        np.testing.assert_array_equal(found.vector, row.vector)
        if residues:
            np.testing.assert_array_equal(found.residues, row.residues)
            np.testing.assert_array_equal(store.residues(row.id), row.residues)
        else:
            assert found.residues is None
        np.testing.assert_array_equal(store.vector(row.id), row.vector)


def test_the_manifest_counts(store: EmbeddingStore) -> None:
    assert store.manifest["proteins"] == 7
    assert store.manifest["windowed"] == 3
    assert store.manifest["modalities"] == {
        "sequence": 3,
        "sequence+structure": 2,
        "structure": 2,
    }
    assert store.manifest["space"] == "protein"
    assert store.failures == (Failure("bad", "too bad"),)
    assert (store.width, store.has_residues) == (WIDTH, False)


def test_shards_are_filled_in_order(store: EmbeddingStore, tmp_path: Path) -> None:
    assert store.manifest["shards"] == [shard_name(0), shard_name(1)]
    assert pq.read_table(tmp_path / "s" / shard_name(0)).num_rows == 4


def test_pandas_and_pyarrow_read_it_simply(tmp_path: Path) -> None:
    pandas: Any = pytest.importorskip("pandas")
    chunk = made(6, residues=True)
    write(tmp_path / "s", [chunk], residues=True)
    frame = pandas.read_parquet(tmp_path / "s")
    assert list(frame.columns) == ["id", "length", "vector", "modalities", "windows", "residues"]
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
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


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


@pytest.mark.parametrize("name", ["_manifest.json", shard_name(0), shard_name(1)])
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


def interrupted(path: Path, error: Exception | None = None) -> None:
    with create_store(path, width=WIDTH) as writer:
        writer.write(made(3))
        if error is not None:
            raise error


def test_an_unfinished_store_never_appears(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="was not finished"):
        interrupted(tmp_path / "s")
    with pytest.raises(RuntimeError, match="on the way"):
        interrupted(tmp_path / "s", RuntimeError("on the way"))
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"no protein was embedded \(1 failed.*: too bad"):
        write(tmp_path / "s", [made(0)])
    assert list(tmp_path.iterdir()) == []


def test_residues_are_all_or_nothing(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="made with residues, the embeddings are not"):
        write(tmp_path / "s", [made(2)], residues=True)


def test_what_exists_is_replaced_only_on_request(tmp_path: Path) -> None:
    write(tmp_path / "s", [made(2)])
    with pytest.raises(OutputExistsError), create_store(tmp_path / "s", width=WIDTH):
        pass
    with create_store(tmp_path / "s", width=WIDTH, overwrite=True) as writer:
        writer.write(made(3, start=7))
        writer.finish({}, [])
    assert EmbeddingStore.open(tmp_path / "s").ids == ("Ä7", "Ä8", "Ä9")


def test_shards_also_end_by_size(tmp_path: Path) -> None:
    limits = ShardLimits(numbers=2 * WIDTH)
    with create_store(tmp_path / "s", width=WIDTH, limits=limits) as writer:
        for start in range(4):
            writer.write(made(1, start=start))
        writer.finish({}, [])
    assert len(EmbeddingStore.open(tmp_path / "s").manifest["shards"]) == 2

"""An approximate index finds as much as it says, and says it truly."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.embedding import EmbeddingStore
from multiprot.errors import OutputExistsError, SearchError
from multiprot.proteins import ProteinRecord
from multiprot.search import NeighbourIndex, load_index, save_index
from multiprot.search.options import Metric
from tests.search.stores import ListStore, clusters, embed


def recall(found: NeighbourIndex, true: NeighbourIndex, store: ListStore, k: int = 10) -> float:
    """Share of the true ids found, by a plain comparison of sets."""
    sides = (i.search(store.vectors, k, query_ids=store.ids).ids.tolist() for i in (found, true))
    return float(np.mean([len({*a} & {*b}) / k for a, b in zip(*sides, strict=True)]))


@given(
    st.sampled_from(["cosine", "euclidean"]),
    st.integers(8, 48),
    st.integers(5, 200),
    st.sampled_from([0.8, 0.95, 1.0]),
    st.integers(0, 10_000),
)
@settings(max_examples=15, deadline=None)
def test_recall_is_what_was_asked(
    metric: Metric, width: int, families: int, wanted: float, seed: int
) -> None:
    store = ListStore(clusters(4000, width, seed, families=families))
    approximate = NeighbourIndex.build_approximate(store, metric=metric, recall=wanted)
    made = approximate.inverted_file
    assert made is not None
    assert made.recall >= wanted
    exact = NeighbourIndex.build(store, metric=metric)
    # Measured on 512 of 4,000; a protein finds 0.2 more or less than the mean, so that this is four
    # standard errors.
    assert recall(approximate, exact, store) >= wanted - 0.04


def test_it_looks_at_a_part_only() -> None:
    store = ListStore(clusters(20_000, 16, seed=3, families=300))
    made = NeighbourIndex.build_approximate(store).inverted_file
    assert made is not None
    assert made.probes < made.lists / 4


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_with_all_lists_it_is_exact(metric: Metric) -> None:
    store = ListStore(clusters(3000, 12, seed=4))
    approximate = NeighbourIndex.build_approximate(store, metric=metric)
    assert approximate.inverted_file is not None
    approximate.inverted_file.probes = approximate.inverted_file.lists
    ours, theirs = (
        index.search(store.vectors[:200], 8, query_ids=store.ids[:200])
        for index in (approximate, NeighbourIndex.build(store, metric=metric))
    )
    np.testing.assert_array_equal(ours.rows, theirs.rows)
    np.testing.assert_allclose(ours.distances, theirs.distances, rtol=1e-4, atol=1e-6)


def test_building_twice_gives_the_same() -> None:
    store = ListStore(clusters(3000, 12, seed=4))
    first, second = (NeighbourIndex.build_approximate(store) for _ in range(2))
    np.testing.assert_array_equal(
        first.search(store.vectors, 5).rows, second.search(store.vectors, 5).rows
    )


@pytest.mark.parametrize("proteins", [1, 2, 9, 70])
def test_small_stores(proteins: int, capfd: pytest.CaptureFixture[str]) -> None:
    store = ListStore(clusters(proteins, 4, seed=0))
    found = NeighbourIndex.build_approximate(store).search(store.vectors, 10, query_ids=store.ids)
    exact = NeighbourIndex.build(store).search(store.vectors, 10, query_ids=store.ids)
    np.testing.assert_array_equal(found.rows, exact.rows)
    assert capfd.readouterr() == ("", "")


def test_what_makes_no_sense_is_refused() -> None:
    store = ListStore(clusters(50, 4, seed=0))
    with pytest.raises(SearchError, match=r"recall 1\.5 is no share"):
        NeighbourIndex.build_approximate(store, recall=1.5)
    index = NeighbourIndex.build_approximate(store)
    with pytest.raises(SearchError, match="among which 7 of 50 proteins; build an exact one"):
        index.search(store.vectors, among=np.arange(50) < 7)


def test_without_faiss_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    store = ListStore(clusters(50, 4, seed=0))
    with pytest.raises(SearchError, match=r"pip install 'multiprot\[search\]', or search exactly"):
        NeighbourIndex.build_approximate(store)
    assert NeighbourIndex.build(store).search(store.vectors, 2).rows.shape == (50, 2)


@pytest.fixture(scope="module")
def store(
    tiny_records: tuple[ProteinRecord, ...],
    tiny_bundle: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> EmbeddingStore:
    folder = tmp_path_factory.mktemp("stores")
    return EmbeddingStore.open(embed(tiny_records, tiny_bundle, folder / "all"))


def test_a_saved_index_answers_as_before(store: EmbeddingStore, tmp_path: Path) -> None:
    index = NeighbourIndex.build_approximate(store, metric="euclidean")
    save_index(index, store, tmp_path / "index")
    again = load_index(tmp_path / "index", store, "euclidean")
    assert again.inverted_file is not None
    assert index.inverted_file is not None
    assert again.inverted_file.recall == index.inverted_file.recall
    before, after = (i.search(store.vectors(), 3, query_ids=store.ids) for i in (index, again))
    np.testing.assert_array_equal(before.rows, after.rows)
    np.testing.assert_array_equal(before.distances, after.distances)


def test_an_index_of_something_else_is_refused(
    store: EmbeddingStore,
    tiny_records: tuple[ProteinRecord, ...],
    tiny_bundle: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "index"
    save_index(NeighbourIndex.build_approximate(store), store, folder)
    with pytest.raises(SearchError, match="is an index for cosine, not euclidean; remove it"):
        load_index(folder, store, "euclidean")
    with pytest.raises(SearchError, match=r"built for a recall of 0\.95, not 0\.99; remove it"):
        load_index(folder, store, "cosine", recall=0.99)
    # As many proteins of the same ids: only the vectors differ.
    mutated = [
        ProteinRecord(id=r.id, sequence=r.sequence[:-1] + ("A" if r.sequence[-1] != "A" else "C"))
        for r in tiny_records
    ]
    other = EmbeddingStore.open(embed(mutated, tiny_bundle, tmp_path / "mutated"))
    with pytest.raises(SearchError, match=r"is not an index of .*mutated.*12 proteins with 24"):
        load_index(folder, other, "cosine")


def test_a_damaged_index_is_refused(store: EmbeddingStore, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    index = NeighbourIndex.build_approximate(store)
    save_index(index, store, folder)
    with pytest.raises(OutputExistsError):
        save_index(index, store, folder)
    save_index(index, store, folder, overwrite=True)
    content = bytearray((folder / "index.faiss").read_bytes())
    content[-3] ^= 1
    (folder / "index.faiss").write_bytes(content)
    with pytest.raises(SearchError, match=r"index\.faiss: altered since it was written"):
        load_index(folder, store, "cosine")
    (folder / "index.faiss").write_bytes(content[:40])
    with pytest.raises(SearchError, match=r"index\.faiss: cut short"):
        load_index(folder, store, "cosine")
    with pytest.raises(SearchError, match="name the folder of a neighbour index"):
        load_index(tmp_path / "nowhere", store, "cosine")


def test_an_exact_index_is_not_saved(store: EmbeddingStore, tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="an exact index is not saved"):
        save_index(NeighbourIndex.build(store), store, tmp_path / "index")
    assert not (tmp_path / "index").exists()

"""An exact search finds what a comparison of all pairs finds, whatever it is asked with."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.search import NeighbourIndex
from multiprot.search.exact import nearest
from multiprot.search.options import Metric
from multiprot.search.vectors import Block, blocks_of
from tests.search.stores import ListStore, Rows, clusters, distance_matrix

METRICS: tuple[Metric, ...] = ("cosine", "euclidean")

metrics = st.sampled_from(METRICS)
sizes = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Vectors, queries and k; some vectors stand several times, some queries are in the store."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, width = draw(st.integers(1, 90)), draw(st.integers(2, 40))
    offset = draw(st.sampled_from([0.0, 1.0, 100.0]))
    scale = draw(st.sampled_from([1.0, 1e-6, 1e6]))
    pool = (rng.standard_normal((rows, width)) + offset) * scale
    vectors = pool[rng.integers(rows, size=rows)] if draw(st.booleans()) else pool
    queries = rng.standard_normal((draw(st.integers(1, 30)), width)) * scale
    queries[::3] = vectors[rng.integers(rows, size=len(queries[::3]))]
    k = draw(st.integers(1, 12))
    return vectors.astype(np.float32), queries.astype(np.float32), k


@given(cases(), metrics, sizes)
@settings(max_examples=150, deadline=None)
def test_the_nearest_of_all_pairs(
    case: tuple[NDArray[np.float32], NDArray[np.float32], int], metric: Metric, chunks: list[int]
) -> None:
    vectors, queries, k = case
    found = NeighbourIndex.build(ListStore(vectors, chunks), metric=metric).search(queries, k)
    true = distance_matrix(queries, vectors, metric)
    count = min(k, len(vectors))
    assert found.rows.shape == found.ids.shape == found.distances.shape == (len(queries), count)
    best = np.sort(true, axis=1)[:, :count]
    unit = 1.0 if metric == "cosine" else float(np.abs(vectors).max() + np.abs(queries).max())
    np.testing.assert_allclose(found.distances, best, rtol=1e-5, atol=1e-7 * unit)
    of_rows = np.take_along_axis(true, found.rows, axis=1)
    np.testing.assert_allclose(found.distances, of_rows, rtol=1e-5, atol=1e-7 * unit)
    assert all(len(set(row)) == count for row in found.rows.tolist())
    assert (found.ids == np.array([f"P{row}" for row in range(len(vectors))])[found.rows]).all()


@given(cases(), metrics, sizes, st.integers(0, 100))
@settings(max_examples=100, deadline=None)
def test_no_bit_depends_on_what_else_is_asked_or_how_the_store_is_cut(
    case: tuple[NDArray[np.float32], NDArray[np.float32], int],
    metric: Metric,
    chunks: list[int],
    seed: int,
) -> None:
    vectors, queries, k = case
    whole = NeighbourIndex.build(ListStore(vectors), metric=metric).search(queries, k)
    order = np.random.default_rng(seed).permutation(len(queries))
    again = NeighbourIndex.build(ListStore(vectors, chunks), metric=metric, kept_bytes=0)
    shuffled = again.search(queries[order], k)
    np.testing.assert_array_equal(shuffled.rows, whole.rows[order])
    np.testing.assert_array_equal(shuffled.distances, whole.distances[order])
    alone = again.search(queries[:1], k)
    np.testing.assert_array_equal(alone.rows, whole.rows[:1])
    np.testing.assert_array_equal(alone.distances, whole.distances[:1])


@pytest.mark.parametrize("metric", METRICS)
def test_equal_distances_are_in_the_order_of_the_store(metric: Metric) -> None:
    one, other = np.eye(2, 16, dtype=np.float32)
    store = ListStore(np.stack([other, *[one] * 300, other]), chunks=(7, 64))
    found = NeighbourIndex.build(store, metric=metric).search(one[None], 20)
    assert found.rows[0].tolist() == list(range(1, 21))
    assert (found.distances == 0).all()


@pytest.mark.parametrize("metric", METRICS)
def test_many_rows_and_queries_in_several_blocks(metric: Metric) -> None:
    """Against another library, with sizes beyond one block of rows and one of queries."""
    neighbors = pytest.importorskip("sklearn.neighbors")
    vectors = clusters(9000, 24, seed=1) + 3
    queries = vectors[::13] + 0.01
    found = NeighbourIndex.build(ListStore(vectors, chunks=(1024, 300)), metric=metric).search(
        queries, 15
    )
    reference = neighbors.NearestNeighbors(n_neighbors=15, metric=metric, algorithm="brute")
    distances, rows = reference.fit(vectors.astype(np.float64)).kneighbors(
        queries.astype(np.float64)
    )
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5, atol=1e-6)


def test_a_large_common_offset_costs_no_digit() -> None:
    """In float32 the squares of such vectors drown their differences."""
    rng = np.random.default_rng(5)
    vectors = (1000 + 0.01 * rng.standard_normal((500, 64))).astype(np.float32)
    found = NeighbourIndex.build(ListStore(vectors), metric="euclidean").search(vectors, 5)
    true = distance_matrix(vectors, vectors, "euclidean")
    np.testing.assert_allclose(found.distances, np.sort(true, axis=1)[:, :5], rtol=1e-6)
    assert (found.rows[:, 0] == np.arange(500)).all()


def test_a_store_that_comes_ever_nearer() -> None:
    """The worst order: every row is better than all before it."""
    vectors = np.zeros((9000, 8), dtype=np.float32)
    vectors[:, 0] = np.linspace(100, 1, 9000)
    found = NeighbourIndex.build(ListStore(vectors), metric="euclidean").search(
        np.zeros((3, 8), dtype=np.float32), 4
    )
    assert found.rows.tolist() == [[8999, 8998, 8997, 8996]] * 3


def test_tiny_and_huge_vectors() -> None:
    for size in (1e-30, 1e-20, 1e15):
        vectors = (np.arange(1, 40)[:, None] * np.ones((1, 4)) * size).astype(np.float32)
        found = NeighbourIndex.build(ListStore(vectors), metric="euclidean").search(vectors, 2)
        assert (found.rows[:, 0] == np.arange(39)).all()
        assert (found.distances[:, 0] == 0).all()


def test_fewer_than_k_leave_places_empty() -> None:
    block = Block(np.array([4, 9]), np.eye(2, dtype=np.float32), np.ones(2), np.ones(2))
    found = nearest(np.eye(2), [block], 3)
    assert found.rows.tolist() == [[4, 9, -1], [9, 4, -1]]
    assert np.isinf(found.squared[:, 2]).all()


def test_blocks_are_full_whatever_the_chunks() -> None:
    store = ListStore(np.random.default_rng(0).standard_normal((20_000, 3)), chunks=(100, 9000, 1))
    blocks = list(blocks_of(store, "cosine"))
    assert [int(block.rows[0]) for block in blocks[1:]] == [
        int(block.rows[-1]) + 1 for block in blocks[:-1]
    ]
    assert all(4096 <= len(block.rows) < 2 * 4096 for block in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate([b.vectors for b in blocks]), store.vectors)


def test_memory_does_not_grow_with_a_store_that_stays_on_disk() -> None:
    class Generated(ListStore):
        """Rows that exist only while they are looked at."""

        def __init__(self, proteins: int) -> None:
            super().__init__(np.zeros((1, 64)))
            self.ids = tuple(f"P{row}" for row in range(proteins))

        def __len__(self) -> int:
            return len(self.ids)

        def chunks(self, *, residues: bool) -> Iterator[Rows]:
            for start in range(0, len(self), 4096):
                names = self.ids[start : start + 4096]
                vectors = np.random.default_rng(start).standard_normal((len(names), 64))
                yield Rows(names, vectors.astype(np.float32))

    def peak(proteins: int) -> int:
        index = NeighbourIndex.build(Generated(proteins), kept_bytes=0)
        assert len(index.ids) == proteins
        tracemalloc.start()
        index.search(np.ones((100, 64)), 10)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(160_000) < 1.1 * peak(20_000)

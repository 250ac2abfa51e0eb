"""What an index answers besides distances: whom it leaves out, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from multiprot.errors import SearchError
from multiprot.search import NeighbourIndex
from multiprot.search.options import Metric
from tests.search.stores import ListStore, clusters


@pytest.fixture
def store() -> ListStore:
    return ListStore(clusters(60, 6, seed=0))


def test_a_query_does_not_find_itself_unless_asked(store: ListStore) -> None:
    index = NeighbourIndex.build(store)
    alone = index.search(store.vectors, 5, query_ids=store.ids)
    assert not (alone.rows == np.arange(60)[:, None]).any()
    with_self = index.search(store.vectors, 6, query_ids=store.ids, exclude_self=False)
    assert (with_self.rows[:, 0] == np.arange(60)).all()
    np.testing.assert_array_equal(alone.rows, with_self.rows[:, 1:])


def test_only_the_same_id_is_left_out_not_the_same_vector(store: ListStore) -> None:
    found = NeighbourIndex.build(store).search(store.vectors[:2], 1, query_ids=["new", "P1"])
    assert found.ids[0, 0] == "P0"
    assert found.ids[1, 0] != "P1"


def test_the_last_is_dropped_for_a_query_that_is_not_there(store: ListStore) -> None:
    """Of a mixture, those from elsewhere get k as well."""
    index = NeighbourIndex.build(store)
    mixed = index.search(store.vectors[:2], 4, query_ids=["P0", "elsewhere"])
    np.testing.assert_array_equal(mixed.rows[1], index.search(store.vectors[1:2], 4).rows[0])


def test_more_neighbours_than_proteins() -> None:
    store = ListStore(clusters(3, 4, seed=0))
    found = NeighbourIndex.build(store).search(store.vectors, 10, query_ids=store.ids)
    assert found.rows.shape == (3, 3)
    assert (found.rows[:, 2] == -1).all()
    assert (found.ids[:, 2] == "").all()
    assert np.isnan(found.distances[:, 2]).all()
    assert len(found) == 3


def test_among_some_is_a_search_of_these_alone(store: ListStore) -> None:
    wanted = np.zeros(60, dtype=bool)
    wanted[7:60:3] = True
    found = NeighbourIndex.build(store).search(store.vectors, 4, among=wanted)
    small = NeighbourIndex.build(ListStore(store.vectors[wanted])).search(store.vectors, 4)
    np.testing.assert_array_equal(found.rows, np.flatnonzero(wanted)[small.rows])
    np.testing.assert_array_equal(found.distances, small.distances)


@pytest.mark.parametrize(
    ("metric", "value", "message"),
    [
        ("cosine", np.nan, r"protein 'P7': channel 2 of its vector is nan"),
        ("euclidean", np.inf, r"protein 'P7': channel 2 of its vector is inf"),
        ("cosine", 0.0, r"protein 'P7': its vector is all zeros.*euclidean metric"),
        ("euclidean", 1e19, r"protein 'P7': its vector is 1e\+19 long; .* of 0 to 1e\+18"),
        ("cosine", 1e-35, r"protein 'P7': its vector is 1e-35 long; .* of 1e-30 to 1e\+30"),
    ],
)
@pytest.mark.parametrize("kept_bytes", [0, 10**9])
def test_unusable_vectors_are_named(
    metric: Metric, value: float, message: str, kept_bytes: int
) -> None:
    vectors = clusters(20, 4, seed=0)
    good = vectors.copy()
    vectors[7] = 0
    vectors[7, 2] = value
    with pytest.raises(SearchError, match=f"the store: {message}"):
        NeighbourIndex.build(
            ListStore(vectors, chunks=(5,)), metric=metric, kept_bytes=kept_bytes
        ).search(good, 2)
    index = NeighbourIndex.build(ListStore(good), metric=metric)
    with pytest.raises(SearchError, match=f"query: {message}"):
        index.search(vectors, 2, query_ids=[f"P{row}" for row in range(20)])
    with pytest.raises(SearchError, match="query: protein '#7'"):
        index.search(vectors, 2)


def test_zeros_have_a_euclidean_distance() -> None:
    store = ListStore(np.array([[0, 0], [3, 4]]))
    found = NeighbourIndex.build(store, metric="euclidean").search(np.zeros((1, 2)), 2)
    assert found.distances.tolist() == [[0, 5]]


def test_cosine_is_one_minus_the_cosine() -> None:
    store = ListStore(np.array([[2, 0], [3, 3], [0, 1], [-5, 0]]))
    found = NeighbourIndex.build(store).search(np.array([[10, 0]]), 4)
    assert found.ids.tolist() == [["P0", "P1", "P2", "P3"]]
    np.testing.assert_allclose(found.distances, [[0, 1 - np.sqrt(0.5), 1, 2]], atol=1e-7)


def test_what_makes_no_sense_is_refused(store: ListStore) -> None:
    index = NeighbourIndex.build(store)
    with pytest.raises(SearchError, match=r"shape \(3, 5\).*\[query, 6\]"):
        index.search(np.ones((3, 5)))
    with pytest.raises(SearchError, match=r"shape \(6,\)"):
        index.search(np.ones(6))
    with pytest.raises(SearchError, match="k is 0"):
        index.search(np.ones((1, 6)), 0)
    with pytest.raises(SearchError, match="2 query ids for 1 vectors"):
        index.search(np.ones((1, 6)), query_ids=["a", "b"])
    with pytest.raises(SearchError, match="no metric 'manhattan'; choose one of cosine, euclidean"):
        NeighbourIndex.build(store, metric="manhattan")  # type: ignore[arg-type]
    assert len(index.search(np.ones((0, 6)))) == 0

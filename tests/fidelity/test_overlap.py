"""Neighbours in common, against a sort of all cosines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from multiprot.errors import FidelityError, SearchError
from multiprot.fidelity.overlap import (
    nearest_rows,
    neighbour_counts,
    rank_correlation,
    shared_neighbours,
)

DRAWN = np.random.default_rng(0)


def vectors(proteins: int, width: int = 12) -> np.ndarray:
    return DRAWN.normal(size=(proteins, width)).astype(np.float32)


def rows_of(x: np.ndarray, k: int) -> np.ndarray:
    return nearest_rows(x, [str(row) for row in range(len(x))], "it", k)


def test_nearest_rows_are_those_of_a_sort() -> None:
    x = vectors(40)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    assert np.array_equal(rows_of(x, 7), np.argsort(-cosines, axis=1)[:, :7])


def test_a_protein_is_no_neighbour_of_itself_even_among_its_equals() -> None:
    x = np.repeat(vectors(5), 3, axis=0)
    found = rows_of(x, 2)
    own = np.arange(15)[:, None]
    assert not (found == own).any()
    assert np.array_equal(found // 3, own // 3 * np.ones((1, 2), int))


def test_copies_share_all_and_rotated_ones_too() -> None:
    x = vectors(100)
    turned = (3 * x @ ortho_group.rvs(12, random_state=0)).astype(np.float32)
    for k in (1, 5, 20):
        assert shared_neighbours(rows_of(x, 20), rows_of(x, 20), k).mean() == 1
        assert shared_neighbours(rows_of(x, 20), rows_of(turned, 20), k).mean() == 1


def test_independent_vectors_share_what_chance_gives() -> None:
    first, second = rows_of(vectors(300), 30), rows_of(vectors(300), 30)
    for k in (10, 30):
        assert shared_neighbours(first, second, k).mean() == pytest.approx(k / 299, abs=0.02)


def test_shares_are_those_of_sets() -> None:
    first, second = rows_of(vectors(30), 6), rows_of(vectors(30), 6)
    expected = [len(set(a[:4]) & set(b[:4])) / 4 for a, b in zip(first, second, strict=True)]
    assert shared_neighbours(first, second, 4).tolist() == expected


def test_the_curve_has_the_k_that_was_asked_for_and_no_trivial_one() -> None:
    assert neighbour_counts(10, 41) == (1, 2, 5, 10, 20)
    assert neighbour_counts(7, 15) == (1, 2, 5, 7)
    with pytest.raises(FidelityError, match=r"20 different proteins.*give 21 or more"):
        neighbour_counts(10, 20)


def test_ranks_of_cosines() -> None:
    x, y = vectors(50), vectors(50)
    assert rank_correlation(x, 5 * x) == pytest.approx(1.0)
    assert rank_correlation(x, x @ ortho_group.rvs(12, random_state=0)) > 0.9999
    assert abs(rank_correlation(x, y)) < 0.1


def test_of_many_proteins_a_sample_of_pairs_is_ranked() -> None:
    x = vectors(600, width=3)
    assert rank_correlation(x, x) == pytest.approx(1.0)


def test_a_vector_without_direction_is_named() -> None:
    x = vectors(9)
    x[4] = 0
    with pytest.raises(SearchError, match="it: protein '4'"):
        rows_of(x, 2)

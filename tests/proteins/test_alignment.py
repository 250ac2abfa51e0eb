"""Placing observed residues on the full sequence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import RecordError
from multiprot.proteins import BackboneStructure, align_structure
from multiprot.proteins.alignment import place_on_sequence, spread


def structure(residues: int, breaks: list[int] | None = None) -> BackboneStructure:
    coordinates = np.full((residues, 5, 3), np.nan, dtype=np.float32)
    coordinates[:, 1] = np.arange(residues)[:, None]
    flags = np.zeros(residues, dtype=bool)
    flags[breaks or []] = True
    return BackboneStructure(
        coordinates=coordinates,
        present=np.isfinite(coordinates).all(axis=-1),
        chain_breaks=flags,
        confidence=np.arange(residues, dtype=np.float32),
    )


@st.composite
def chains_with_gaps(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A full sequence and the positions that were seen, in stretches of three or more."""
    full = draw(st.text("ACDEFGHIKLMNPQRSTVWY", min_size=10, max_size=60))
    positions: list[int] = []
    at = draw(st.integers(0, 3))
    while at + 3 <= len(full):
        stretch = draw(st.integers(3, 20))
        positions += range(at, min(at + stretch, len(full)))
        at += stretch + draw(st.integers(1, 5))
    return full, positions


@given(chains_with_gaps(), st.integers(-50, 500))
def test_numbers_give_the_places_back(case: tuple[str, list[int]], offset: int) -> None:
    full, seen = case
    observed = "".join(full[p] for p in seen)
    bonded = np.diff(seen) == 1
    numbers = np.array(seen) + offset
    placed = place_on_sequence(full, observed, bonded, numbers)
    # Where repeats allow several offsets, letters decide: still a faithful placing.
    assert [full[p] for p in placed] == list(observed)
    assert (np.diff(placed) > 0).all()
    fitting = [
        shift
        for shift in range(-seen[0], len(full) - seen[-1])
        if all(full[p + shift] == full[p] for p in seen)
    ]
    if fitting == [0]:
        assert placed.tolist() == seen


@given(chains_with_gaps())
def test_letters_alone_give_a_faithful_place(case: tuple[str, list[int]]) -> None:
    full, seen = case
    observed = "".join(full[p] for p in seen)
    placed = place_on_sequence(full, observed, np.diff(seen) == 1)
    assert [full[p] for p in placed] == list(observed)
    assert (np.diff(placed) > 0).all()
    assert (np.diff(placed)[np.diff(seen) == 1] == 1).all()


def test_the_gap_goes_where_the_chain_is_not_bonded() -> None:
    full = "MKAAAAWY"
    for gap in (2, 3):
        bonded = np.array([i + 1 != gap for i in range(5)])
        placed = place_on_sequence(full, "MKAAWY", bonded)
        assert placed.tolist() == [*range(gap), *range(gap + 2, 8)]


def test_numbers_decide_between_repeats() -> None:
    placed = place_on_sequence(
        "MHHHHHHK", "MHHK", np.array([False, True, False]), np.array([1, 4, 5, 8])
    )
    assert placed.tolist() == [0, 3, 4, 7]


def test_a_foreign_residue_has_no_place() -> None:
    placed = place_on_sequence("MKVLAGGT", "MKVWAGG", np.ones(6, dtype=bool), np.arange(7))
    assert placed[3] == -1


def test_align_structure_spreads_rows_and_keeps_breaks() -> None:
    spread_out = align_structure(structure(5, breaks=[1]), "MKLAG", "GSMKVLAGT")
    assert spread_out.resolved.tolist() == [False] * 2 + [True] * 2 + [False] + [True] * 3 + [False]
    # The break of the observed chain lies beside the unresolved residue and explains it.
    assert not spread_out.chain_breaks.any()
    assert spread_out.confidence[2] == 0.0
    assert np.isnan(spread_out.confidence[4])
    assert align_structure(structure(5, breaks=[1]), "MKLAG", "MKLAG") == structure(5, breaks=[1])


def test_align_structure_refuses_other_proteins() -> None:
    with pytest.raises(RecordError, match=r"observed residue 3 \(W\) has no place"):
        align_structure(structure(5), "MKWAG", "GSMKVLAGT")
    with pytest.raises(RecordError, match="5 residues of coordinates for 4 letters"):
        align_structure(structure(5), "MKLA", "MKLAG")


@given(st.lists(st.integers(0, 40), min_size=1, max_size=20, unique=True).map(sorted))
def test_spreading_and_picking_are_inverse(positions: list[int]) -> None:
    rows = structure(len(positions))
    placed = spread(rows, np.array(positions), 41)
    np.testing.assert_array_equal(placed.coordinates[positions], rows.coordinates)
    assert placed.resolved.sum() == len(positions)

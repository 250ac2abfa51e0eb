"""What a chain's ends, gaps and breaks, turns and mirrors do to its 3Di states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from biotite.structure.alphabet import I3DSequence
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from multiprot.errors import DataError
from multiprot.proteins import (
    FOLD_STATE_LETTERS,
    UNDEFINED_STATE,
    UNRESOLVED_STATE,
    ProteinRecord,
    fold_state_letters,
    fold_state_numbers,
)
from tests.proteins.made_up_chains import chain, structure


def without(*residues: int) -> tuple[tuple[int, int], ...]:
    """All atoms of some residues."""
    return tuple((residue, atom) for residue in residues for atom in range(5))


def test_the_letters_are_biotites() -> None:
    assert "".join(I3DSequence.alphabet.get_symbols()).upper() == FOLD_STATE_LETTERS


@pytest.mark.parametrize("residues", [1, 2, 3])
def test_a_short_chain_has_no_partners(residues: int) -> None:
    """A partner is an inner residue other than oneself; among three residues there is none."""
    folded = structure(chain(residues))
    assert fold_state_numbers(folded).tolist() == [UNDEFINED_STATE] * residues
    record = ProteinRecord(id="a", sequence="A" * residues, structure=folded)
    assert fold_state_letters(record) == "D" * residues


def test_the_ends_of_a_chain_are_undefined() -> None:
    found = fold_state_numbers(structure(chain(20)))
    assert found[[0, -1]].tolist() == [UNDEFINED_STATE] * 2
    assert (found[1:-1] < UNDEFINED_STATE).all()


def test_missing_ends_are_never_read() -> None:
    coordinates = chain(30, 3)
    short = fold_state_numbers(structure(coordinates[4:-3]))
    found = fold_state_numbers(structure(coordinates, unseen=without(0, 1, 2, 3, 27, 28, 29)))
    assert found.tolist() == [UNRESOLVED_STATE] * 4 + short.tolist() + [UNRESOLVED_STATE] * 3


def test_beside_a_gap_there_is_no_state() -> None:
    found = fold_state_numbers(structure(chain(40, 1), unseen=without(20)))
    assert found[20] == UNRESOLVED_STATE
    assert found[[19, 21]].tolist() == [UNDEFINED_STATE] * 2


def test_beside_a_break_there_is_no_state() -> None:
    whole, parted = chain(40, 1), structure(chain(40, 1), breaks=(19,))
    before, after = fold_state_numbers(structure(whole)), fold_state_numbers(parted)
    assert (before[[19, 20]] < UNDEFINED_STATE).all()
    assert after[[19, 20]].tolist() == [UNDEFINED_STATE] * 2


@given(at=st.integers(0, 28), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_a_break_is_no_bond(at: int, seed: int) -> None:
    """What lies behind a break and far away may turn and go where it likes."""
    coordinates = chain(30, seed)
    found = []
    for shift, turn in (([500.0, 0, 0], 1), ([0, -900.0, 200], seed + 2)):
        moved = coordinates.copy()
        behind = coordinates[at + 1 :] - coordinates[at + 1, 1]
        moved[at + 1 :] = behind @ Rotation.random(rng=turn).as_matrix() + shift
        found.append(fold_state_numbers(structure(moved, breaks=(at,))).tolist())
    assert found[0] == found[1]


def test_a_partner_is_found_across_a_break() -> None:
    """Two strands side by side: far apart each, they have other states."""
    coordinates = chain(40, 4)
    apart = coordinates.copy()
    apart[20:] += 300.0
    together, parted = (
        fold_state_numbers(structure(c, breaks=(19,))) for c in (coordinates, apart)
    )
    assert (together != parted).any()


@given(seed=st.integers(0, 10_000), residues=st.integers(1, 50))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_turning_and_moving_changes_nothing(seed: int, residues: int) -> None:
    coordinates = chain(residues, seed)
    moved = coordinates @ Rotation.random(rng=seed).as_matrix() + [150.0, -90.0, 40.0]
    assert np.array_equal(
        fold_state_numbers(structure(coordinates)), fold_state_numbers(structure(moved))
    )


@given(seed=st.integers(0, 10_000), residues=st.integers(1, 50))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_only_a_built_c_beta_knows_its_hand(seed: int, residues: int) -> None:
    """With every Cβ seen, a mirror image has the same states: all it is made of is reflected."""
    coordinates = chain(residues, seed)
    image = structure(coordinates * [1, 1, -1])
    assert np.array_equal(fold_state_numbers(structure(coordinates)), fold_state_numbers(image))


def test_a_built_c_beta_changes_side_in_a_mirror() -> None:
    coordinates = chain(60, 2)
    found, image = (
        fold_state_numbers(structure(c), ideal_c_beta=True)
        for c in (coordinates, coordinates * [1, 1, -1])
    )
    assert np.mean(found != image) > 0.05
    bare = structure(coordinates, unseen=tuple((row, 4) for row in range(60)))
    assert np.array_equal(fold_state_numbers(bare), found)


def test_letters_stand_where_their_residues_are() -> None:
    folded = structure(chain(30, 5), unseen=(*without(0, 1, 12), (20, 0), (25, 1)))
    record = ProteinRecord(id="a", sequence="A" * 30, structure=folded)
    written, numbers = fold_state_letters(record), fold_state_numbers(folded)
    assert len(written) == 30
    assert [row for row, letter in enumerate(written) if letter == "-"] == [0, 1, 12, 25]
    assert numbers[20] == UNRESOLVED_STATE, "it lacks N: it has no token"
    assert written[20] == "D", "Foldseek reads it, and gives it no state"
    for letter, number in zip(written, numbers, strict=True):
        if 0 <= number < UNDEFINED_STATE:
            assert letter == FOLD_STATE_LETTERS[number]
        else:
            assert letter in "D-"


def test_without_a_structure_there_is_no_sequence_of_states() -> None:
    with pytest.raises(DataError, match=r"record bare .* read it from a PDB"):
        fold_state_letters(ProteinRecord(id="bare", sequence="ACD"))


def test_a_structure_of_nothing() -> None:
    folded = structure(chain(3), unseen=without(0, 1, 2))
    assert fold_state_numbers(folded).tolist() == [UNRESOLVED_STATE] * 3
    assert fold_state_letters(ProteinRecord(id="a", sequence="AAA", structure=folded)) == "---"


def test_reading_leaves_the_structure_as_it_is() -> None:
    folded = structure(chain(12), breaks=(4,), unseen=without(8))
    fold_state_numbers(folded, ideal_c_beta=True)
    assert folded == replace(folded)
    assert not np.isnan(folded.coordinates[0]).any()

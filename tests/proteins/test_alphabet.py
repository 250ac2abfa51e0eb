"""Letters and their indices."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multiprot.proteins import AMINO_ACIDS, RESIDUE_LETTERS, residue_indices


def test_every_letter_is_there_once_and_amino_acids_come_first() -> None:
    assert len(set(RESIDUE_LETTERS)) == len(RESIDUE_LETTERS)
    assert RESIDUE_LETTERS.startswith(AMINO_ACIDS)
    assert set("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == set(RESIDUE_LETTERS)


@given(st.text(RESIDUE_LETTERS))
def test_indices_lead_back_to_the_letters(sequence: str) -> None:
    assert "".join(RESIDUE_LETTERS[i] for i in residue_indices(sequence)) == sequence


@given(st.text())
def test_foreign_letters_are_marked_one_by_one(text: str) -> None:
    expected = [RESIDUE_LETTERS.find(letter) for letter in text]
    np.testing.assert_array_equal(residue_indices(text), expected)

"""Letters, masks and the two layouts."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from multiprot.encoders.contract import Layout, PackedTokens, ResidueTokens
from multiprot.encoders.reference.letters import MASK, LetterFeaturizer
from multiprot.encoders.reference.ragged import laid_out, offsets_of, residue_mask
from multiprot.errors import DataError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord, residue_indices

_SEQUENCES = st.lists(st.text(RESIDUE_LETTERS, min_size=1, max_size=9), min_size=1, max_size=5)


def _records(sequences: list[str]) -> list[ProteinRecord]:
    return [ProteinRecord(id=str(row), sequence=text) for row, text in enumerate(sequences)]


@given(_SEQUENCES)
def test_both_layouts_hold_the_same_letters(sequences: list[str]) -> None:
    featurize = LetterFeaturizer("x", None)
    padded, packed = (featurize(_records(sequences), layout) for layout in Layout)
    assert packed.letters.tolist() == residue_indices("".join(sequences)).tolist()
    inside = residue_mask(padded.lengths, padded.letters.shape[1])
    assert torch.equal(padded.letters[inside], packed.letters)
    assert (padded.letters[~inside] == MASK).all()


@given(_SEQUENCES, st.data())
def test_masking_is_the_same_in_both_layouts(sequences: list[str], data: st.DataObject) -> None:
    featurize = LetterFeaturizer("x", None)
    longest = max(map(len, sequences))
    shape = (len(sequences), longest)
    seed = data.draw(st.integers(0, 99))
    generator = torch.Generator().manual_seed(seed)
    masked = torch.rand(shape, generator=generator) < 0.5
    shown = torch.randint(-1, 26, shape, generator=generator)
    padded, packed = (
        featurize(_records(sequences), layout).mask_residues(masked, shown) for layout in Layout
    )
    inside = residue_mask(padded.lengths, longest)
    assert torch.equal(padded.letters[inside], packed.letters)
    original = featurize(_records(sequences), Layout.PADDED).letters
    expected = torch.where(masked, torch.where(shown < 0, MASK, shown), original)
    assert torch.equal(padded.letters[inside], expected[inside])


def test_the_limit_is_inclusive_and_the_culprit_is_named() -> None:
    featurize = LetterFeaturizer("small", 5)
    featurize(_records(["AAAAA"]), Layout.PADDED)
    with pytest.raises(DataError, match="record 1: 6 residues, but small takes at most 5"):
        featurize(_records(["AAAAA", "AAAAAA"]), Layout.PACKED)


@given(st.lists(st.integers(0, 6), max_size=5))
def test_offsets(lengths: list[int]) -> None:
    sizes = torch.tensor(lengths, dtype=torch.int64)
    assert offsets_of(sizes).tolist() == [sum(lengths[:n]) for n in range(len(lengths) + 1)]
    assert offsets_of(sizes).dtype == torch.int32


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_layouts_hold_the_same_values(lengths: list[int]) -> None:
    sizes, total = torch.tensor(lengths), sum(lengths)
    values: Tensor = torch.randn(total, 3)
    mask = torch.rand(total) < 0.7
    padded = laid_out(values, mask, sizes, Layout.PADDED, max(lengths))
    packed = laid_out(values, mask, sizes, Layout.PACKED, max(lengths))
    assert isinstance(padded, ResidueTokens)
    assert isinstance(packed, PackedTokens)
    inside = residue_mask(sizes, max(lengths))
    assert torch.equal(padded.values[inside], packed.values)
    assert torch.equal(padded.mask[inside], packed.mask)
    assert not padded.values[~padded.mask].any()
    assert torch.equal(packed.values[mask], values[mask])

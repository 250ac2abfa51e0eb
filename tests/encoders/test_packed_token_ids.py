"""Records as one row of token ids."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.encoders.contract import Layout, MaskableFeatures
from multiprot.encoders.packed_token_ids import PackedTokenIds, PackingTokenIdFeaturizer
from multiprot.encoders.token_ids import TokenIdFeaturizer, TokenIds
from multiprot.errors import DataError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord


@dataclass(frozen=True)
class Words:
    begin: int | None
    end: int = 31
    pad: int = 32
    mask: int = 33
    letters: tuple[int, ...] = tuple(range(len(RESIDUE_LETTERS)))


SEQUENCES = st.lists(st.text(RESIDUE_LETTERS, min_size=1, max_size=9), max_size=4)
BEGINS = st.sampled_from([None, 30])


def records(sequences: list[str]) -> list[ProteinRecord]:
    return [ProteinRecord(id=f"p{n}", sequence=s) for n, s in enumerate(sequences)]


def featurizer(begin: int | None, limit: int | None = None) -> PackingTokenIdFeaturizer:
    return PackingTokenIdFeaturizer(TokenIdFeaturizer(Words(begin), limit, "guest"))


def packed(sequences: list[str], begin: int | None) -> PackedTokenIds:
    features = featurizer(begin)(records(sequences), Layout.PACKED)
    assert isinstance(features, PackedTokenIds)
    return features


@given(SEQUENCES, BEGINS)
def test_the_row_is_spelled_out(sequences: list[str], begin: int | None) -> None:
    features = packed(sequences, begin)
    lead = [] if begin is None else [begin]
    spelled = [[*lead, *map(RESIDUE_LETTERS.index, sequence), 31] for sequence in sequences]
    assert features.tokens.tolist() == [token for tokens in spelled for token in tokens]
    assert features.tokens.dtype == torch.int64
    assert features.packing.lengths == tuple(map(len, spelled))
    shown = features.tokens[features.residues].tolist()
    assert shown == [RESIDUE_LETTERS.index(letter) for letter in "".join(sequences)]
    assert features.offsets.diff().tolist() == [len(sequence) for sequence in sequences]
    assert features.offsets.dtype == torch.int32


@given(SEQUENCES, BEGINS)
def test_both_layouts_hold_the_same_tokens(sequences: list[str], begin: int | None) -> None:
    padded = featurizer(begin)(records(sequences), Layout.PADDED)
    assert isinstance(padded, TokenIds)
    attended = padded.attended if sequences else torch.zeros_like(padded.tokens, dtype=torch.bool)
    assert torch.equal(padded.tokens[attended], packed(sequences, begin).tokens)


@given(SEQUENCES, BEGINS, st.integers(0, 2**31))
def test_masking_is_that_of_the_padded_layout(
    sequences: list[str], begin: int | None, seed: int
) -> None:
    features = packed(sequences, begin)
    assert isinstance(features, MaskableFeatures)
    padded = featurizer(begin)(records(sequences), Layout.PADDED)
    assert isinstance(padded, TokenIds)
    rng = torch.Generator().manual_seed(seed)
    masked = torch.rand(padded.mask.shape, generator=rng) < 0.5
    shown = torch.randint(-1, len(RESIDUE_LETTERS), padded.mask.shape, generator=rng)
    before = features.tokens.clone()
    hidden = features.mask_residues(masked, shown)
    assert torch.equal(features.tokens, before)
    wanted = padded.mask_residues(masked, shown).tokens[:, padded.residues][padded.mask]
    assert torch.equal(hidden.tokens[hidden.residues], wanted)
    special = torch.ones_like(before, dtype=torch.bool)
    special[features.residues] = False
    assert torch.equal(hidden.tokens[special], before[special])


def test_features_survive_pickling_and_moving() -> None:
    features = pickle.loads(pickle.dumps(packed(["ACD", "W"], 30)))  # noqa: S301
    moved = features.to(torch.device("meta"))
    held = (moved.tokens, moved.residues, moved.offsets, moved.letters, moved.packing.offsets)
    assert {part.device.type for part in held} == {"meta"}
    assert moved.packing.lengths == features.packing.lengths == (5, 3)
    maker = featurizer(30)
    assert pickle.loads(pickle.dumps(maker)) == maker  # noqa: S301


def test_what_is_too_long_is_refused() -> None:
    for layout in Layout:
        with pytest.raises(DataError, match="record p1: 4 residues, but guest takes at most 3"):
            featurizer(None, 3)(records(["AAA", "AAAA"]), layout)

"""Records as token ids, with and without a token in front."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.encoders.contract import Layout
from multiprot.encoders.token_ids import TokenIdFeaturizer
from multiprot.errors import DataError, PluginError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord


@dataclass(frozen=True)
class Words:
    begin: int | None
    end: int = 31
    pad: int = 32
    mask: int = 33
    letters: tuple[int, ...] = tuple(range(len(RESIDUE_LETTERS)))


SEQUENCES = st.lists(st.text(RESIDUE_LETTERS, min_size=1, max_size=9), min_size=1, max_size=4)


def records(sequences: list[str]) -> list[ProteinRecord]:
    return [ProteinRecord(id=f"p{n}", sequence=s) for n, s in enumerate(sequences)]


@given(SEQUENCES, st.sampled_from([None, 30]))
def test_rows_are_spelled_out(sequences: list[str], begin: int | None) -> None:
    features = TokenIdFeaturizer(Words(begin), None, "guest")(records(sequences), Layout.PADDED)
    longest = max(map(len, sequences))
    lead = [] if begin is None else [begin]
    for row, sequence in enumerate(sequences):
        letters = [RESIDUE_LETTERS.index(letter) for letter in sequence]
        wanted = [*lead, *letters, 31, *[32] * (longest - len(sequence))]
        assert features.tokens[row].tolist() == wanted
        assert features.attended[row].tolist() == [token != 32 for token in wanted]
        assert features.tokens[row, features.residues].tolist()[: len(sequence)] == letters
    assert features.padded == (len(set(map(len, sequences))) > 1)


@given(SEQUENCES, st.sampled_from([None, 30]), st.integers(0, 2**31))
def test_masking_touches_residues_alone(sequences: list[str], begin: int | None, seed: int) -> None:
    features = TokenIdFeaturizer(Words(begin), None, "guest")(records(sequences), Layout.PADDED)
    rng = torch.Generator().manual_seed(seed)
    masked = torch.rand(features.mask.shape, generator=rng) < 0.5
    shown = torch.randint(-1, len(RESIDUE_LETTERS), features.mask.shape, generator=rng)
    hidden = features.mask_residues(masked, shown)
    before = features.tokens[:, features.residues]
    wanted = torch.where(masked & features.mask, torch.where(shown < 0, 33, shown), before)
    assert torch.equal(hidden.tokens[:, hidden.residues], wanted)
    outside = features.tokens.clone()
    outside[:, features.residues] = wanted
    assert torch.equal(hidden.tokens, outside)


def test_what_is_too_long_and_packed_is_refused() -> None:
    featurize = TokenIdFeaturizer(Words(None), 3, "guest")
    with pytest.raises(DataError, match="record p1: 4 residues, but guest takes at most 3"):
        featurize(records(["AAA", "AAAA"]), Layout.PADDED)
    with pytest.raises(PluginError, match="guest takes padded batches only"):
        featurize(records(["AAA"]), Layout.PACKED)

"""Tokens of either layout become padded tokens of the batch."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from multiprot.encoders.contract import PackedTokens, ResidueTokens
from multiprot.errors import PluginError
from multiprot.fusion.tokens import cleared, padded_tokens
from tests.fusion.fakes import FakeSequenceEncoder, FakeSequenceFeatures, make_batch

BATCH = make_batch((4, 7, 1))


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -0.0, 1e38])
def test_nothing_passes_a_false_mask(rubbish: float) -> None:
    values = torch.full((2, 3, 4), rubbish)
    mask = torch.tensor([[True, False, False], [False, False, False]])
    out = cleared(values, mask)
    assert not out[~mask].any()
    assert not out[~mask].signbit().any()
    assert torch.equal(out[mask], values[mask]) or math.isnan(rubbish)


def test_packed_and_padded_layout_give_the_same_tokens() -> None:
    encoder = FakeSequenceEncoder()
    features = BATCH.sequence
    assert isinstance(features, FakeSequenceFeatures)
    padded = padded_tokens(encoder(features), BATCH.residue_mask, "fake")
    packed = padded_tokens(encoder(replace(features, packed=True)), BATCH.residue_mask, "fake")
    assert torch.equal(packed.mask, padded.mask)
    assert torch.equal(packed.values[packed.mask], padded.values[padded.mask])


def test_gradients_pass_through_packing() -> None:
    values = torch.randn(12, 3, requires_grad=True)
    offsets = torch.tensor([0, 4, 11, 12], dtype=torch.int32)
    packed = PackedTokens(values, torch.ones(12, dtype=torch.bool), offsets)
    padded_tokens(packed, BATCH.residue_mask, "fake").values.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, torch.ones_like(values))


@pytest.mark.parametrize("shape", [(3, 8), (3, 6), (2, 7)])
def test_tokens_of_another_shape_are_refused(shape: tuple[int, int]) -> None:
    tokens = ResidueTokens(torch.zeros(*shape, 5), torch.ones(shape, dtype=torch.bool))
    with pytest.raises(PluginError, match=r"FakeEncoder.*special tokens"):
        padded_tokens(tokens, BATCH.residue_mask, "FakeEncoder")


def test_packed_tokens_of_other_lengths_are_refused() -> None:
    offsets = torch.tensor([0, 6, 11, 12], dtype=torch.int32)
    tokens = PackedTokens(torch.zeros(12, 3), torch.ones(12, dtype=torch.bool), offsets)
    with pytest.raises(PluginError, match=r"\[6, 5, 1\].*\[4, 7, 1\]"):
        padded_tokens(tokens, BATCH.residue_mask, "fake")


def test_padding_is_masked_even_if_the_encoder_does_not() -> None:
    tokens = ResidueTokens(torch.ones(3, 7, 2), torch.ones(3, 7, dtype=torch.bool))
    assert torch.equal(padded_tokens(tokens, BATCH.residue_mask, "fake").mask, BATCH.residue_mask)

"""Cached tokens are features of a batch, and tokens in float32."""

from __future__ import annotations

import pytest
import torch

from multiprot.encoders.cached_tokens import CachedTokens
from multiprot.encoders.contract import Features, MaskableFeatures


@pytest.fixture
def cached() -> CachedTokens:
    values = torch.arange(12.0, dtype=torch.bfloat16).reshape(1, 3, 4)
    return CachedTokens(values, torch.tensor([[True, True, False]]))


def test_they_are_features_that_nothing_can_be_hidden_from(cached: CachedTokens) -> None:
    assert isinstance(cached, Features)
    assert not isinstance(cached, MaskableFeatures)


def test_tokens_are_float32_whatever_the_cache_holds(cached: CachedTokens) -> None:
    tokens = cached.tokens()
    assert tokens.values.dtype == torch.float32
    assert torch.equal(tokens.values, cached.values.float())
    assert tokens.mask is cached.mask


def test_they_move_as_one(cached: CachedTokens) -> None:
    moved = cached.to(torch.device("meta"))
    assert moved.values.device.type == moved.mask.device.type == "meta"
    assert cached.values.device.type == "cpu"

"""Cross-attention: what is missing contributes exactly nothing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from multiprot.encoders.contract import ResidueTokens
from multiprot.encoders.rotary import rotary_turns
from multiprot.fusion import FusionConfig
from multiprot.fusion.cross_attention import CrossAttention, FusionLayer, OtherStream

CONFIG = FusionConfig(width=16, heads=2, pooling_heads=2)
PROTEINS, RESIDUES = 3, 6
TURNS = rotary_turns(torch.arange(RESIDUES), CONFIG.width // CONFIG.heads, 10_000.0)


@pytest.fixture
def other() -> ResidueTokens:
    mask = torch.rand(PROTEINS, RESIDUES, generator=torch.Generator().manual_seed(1)) < 0.6
    mask[0] = False
    mask[1, 2] = True
    values = torch.randn(PROTEINS, RESIDUES, CONFIG.width)
    return ResidueTokens(torch.where(mask[..., None], values, 0.0), mask)


def _attention() -> CrossAttention:
    torch.manual_seed(0)
    return CrossAttention(CONFIG.width, CONFIG.heads)


def test_rows_without_any_key_are_exact_zeros(other: ResidueTokens) -> None:
    queries = torch.randn(PROTEINS, RESIDUES, CONFIG.width)
    out = _attention()(queries, other, TURNS)
    assert not out[0].any()
    assert out[1:].abs().min() > 0
    assert out.isfinite().all()


def test_gradients_are_finite_where_a_protein_has_no_key(other: ResidueTokens) -> None:
    attention = _attention()
    queries = torch.randn(PROTEINS, RESIDUES, CONFIG.width, requires_grad=True)
    attention(queries, other, TURNS).square().sum().backward()
    assert queries.grad is not None
    assert queries.grad.isfinite().all()
    assert not queries.grad[0].any()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in attention.parameters())


def test_equal_to_attention_over_the_unmasked_keys_alone(other: ResidueTokens) -> None:
    """An independent reference: one protein and head at a time, keys picked, no mask."""
    attention = _attention()
    queries = torch.randn(PROTEINS, RESIDUES, CONFIG.width)
    out = attention(queries, other, TURNS)

    def turned(vectors: Tensor) -> Tensor:
        pairs = torch.view_as_complex(vectors.reshape(RESIDUES, -1, 2).contiguous())
        return torch.view_as_real(pairs * TURNS).flatten(1)

    size = CONFIG.width // CONFIG.heads
    for protein in (1, 2):
        kept = other.mask[protein]
        key, value = attention.key_value(other.values[protein]).chunk(2, dim=-1)
        query = attention.query(queries[protein])
        heads = []
        for head in range(CONFIG.heads):
            part = slice(head * size, (head + 1) * size)
            scores = turned(query[:, part]) @ turned(key[:, part])[kept].T / math.sqrt(size)
            heads.append(scores.softmax(dim=-1) @ value[kept][:, part])
        expected = attention.mix(torch.cat(heads, dim=-1))
        torch.testing.assert_close(out[protein], expected, rtol=1e-4, atol=1e-5)


def test_each_residue_finds_its_own_structure_without_attention(other: ResidueTokens) -> None:
    """With the attention's gate shut, residue r changes with the other's residue r and no other."""
    stream = OtherStream(CONFIG)
    torch.nn.init.zeros_(stream.attention_gate)
    own = torch.randn(PROTEINS, RESIDUES, CONFIG.width)
    before = stream(own, other, TURNS)
    values = other.values.clone()
    values[1, 2] += torch.randn(CONFIG.width)
    changed = stream(own, ResidueTokens(values, other.mask), TURNS) != before
    expected = torch.zeros(PROTEINS, RESIDUES, dtype=torch.bool)
    expected[1, 2] = True
    assert torch.equal(changed.any(dim=-1), expected)
    assert not before[~other.mask].any()


def test_shut_gates_shut_the_other_stream_out(other: ResidueTokens) -> None:
    stream = OtherStream(CONFIG)
    torch.nn.init.zeros_(stream.attention_gate)
    torch.nn.init.zeros_(stream.aligned_gate)
    assert not stream(torch.randn(PROTEINS, RESIDUES, CONFIG.width), other, TURNS).any()


def test_gates_learn_from_the_first_step(other: ResidueTokens) -> None:
    stream = OtherStream(CONFIG)
    own = torch.randn(PROTEINS, RESIDUES, CONFIG.width)
    stream(own, other, TURNS).square().sum().backward()
    for name, parameter in stream.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_layer_lets_both_streams_look_at_once(other: ResidueTokens) -> None:
    """Neither sees what the other has become in the same round."""
    layer = FusionLayer(CONFIG, ("sequence", "structure"))
    sequence = ResidueTokens(torch.randn(PROTEINS, RESIDUES, CONFIG.width), other.mask | True)
    together = layer({"sequence": sequence, "structure": other}, TURNS)
    swapped = layer({"structure": other, "sequence": sequence}, TURNS)
    for name in ("sequence", "structure"):
        assert torch.equal(together[name].values, swapped[name].values)


def test_a_missing_stream_leaves_only_the_feed_forward(other: ResidueTokens) -> None:
    layer = FusionLayer(CONFIG, ("sequence", "structure"))
    sequence = ResidueTokens(torch.randn(PROTEINS, RESIDUES, CONFIG.width), other.mask | True)
    alone = layer({"sequence": sequence, "structure": None}, TURNS)
    assert alone["structure"] is None
    nothing = ResidueTokens(torch.zeros_like(other.values), torch.zeros_like(other.mask))
    masked = layer({"sequence": sequence, "structure": nothing}, TURNS)
    assert torch.equal(alone["sequence"].values, masked["sequence"].values)


def test_a_model_of_one_stream_has_no_cross_attention() -> None:
    layer = FusionLayer(CONFIG, ("sequence",))
    assert not any(isinstance(module, CrossAttention) for module in layer.modules())

"""Pooling: a mean to begin with, nothing from behind a mask, composition kept."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.encoders.contract import ResidueTokens
from multiprot.fusion import FusionConfig
from multiprot.fusion.pooling import AttentionPool, ProteinPool, masked_mean

CONFIG = FusionConfig(width=16, heads=2, pooling_heads=4)


def _tokens(seed: int, lengths: tuple[int, ...] = (4, 0, 6)) -> ResidueTokens:
    rng = torch.Generator().manual_seed(seed)
    mask = torch.arange(6) < torch.tensor(lengths)[:, None]
    return ResidueTokens(torch.randn(len(lengths), 6, CONFIG.width, generator=rng), mask)


def test_mean_is_that_of_the_unmasked_tokens() -> None:
    tokens = _tokens(0)
    mean = masked_mean(tokens)
    torch.testing.assert_close(mean[0], tokens.values[0, :4].mean(0))
    torch.testing.assert_close(mean[2], tokens.values[2].mean(0))
    assert not mean[1].any()


def test_attention_begins_as_the_mean_of_its_values() -> None:
    pool, tokens = AttentionPool(CONFIG.width, 4), _tokens(0)
    expected = masked_mean(ResidueTokens(pool.value(tokens.values), tokens.mask))
    torch.testing.assert_close(pool(tokens)[[0, 2]], expected[[0, 2]])


def test_attention_is_a_softmax_per_head() -> None:
    pool, tokens = AttentionPool(CONFIG.width, 4), _tokens(0)
    torch.nn.init.normal_(pool.score.weight)
    values = pool.value(tokens.values[0, :4])
    weights = pool.score(tokens.values[0, :4]).softmax(dim=0)
    expected = torch.cat([weights[:, h] @ values[:, 4 * h : 4 * h + 4] for h in range(4)])
    torch.testing.assert_close(pool(tokens)[0], expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([float("nan"), float("inf"), 1e30, -3.0]))
def test_values_behind_the_mask_change_no_bit_of_the_mean(seed: int, rubbish: float) -> None:
    tokens = _tokens(seed)
    other = ResidueTokens(torch.where(tokens.mask[..., None], tokens.values, rubbish), tokens.mask)
    assert torch.equal(masked_mean(tokens), masked_mean(other))


def test_order_of_residues_does_not_matter() -> None:
    torch.manual_seed(0)
    pool, tokens = ProteinPool(CONFIG, ("sequence",)), _tokens(0, (6, 6, 6))
    torch.nn.init.normal_(pool.attention.score.weight)
    order = torch.randperm(6)
    shuffled = ResidueTokens(tokens.values[:, order], tokens.mask[:, order])
    torch.testing.assert_close(
        pool(tokens, {"sequence": tokens}, tokens.mask),
        pool(shuffled, {"sequence": shuffled}, tokens.mask),
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_protein_without_tokens_is_zero_and_a_missing_stream_too() -> None:
    torch.manual_seed(0)
    pool, tokens = ProteinPool(CONFIG, ("sequence", "structure")), _tokens(0)
    nothing = ResidueTokens(torch.zeros_like(tokens.values), torch.zeros_like(tokens.mask))
    absent = pool(tokens, {"sequence": tokens, "structure": None}, tokens.mask)
    masked = pool(tokens, {"sequence": tokens, "structure": nothing}, tokens.mask)
    assert not absent[1].any()
    assert torch.equal(absent, masked)


def test_the_length_of_the_chain_is_seen() -> None:
    """A mean forgets it: twice the same residues have the same mean."""
    torch.manual_seed(0)
    pool = ProteinPool(CONFIG, ("sequence",))
    values = torch.randn(3, CONFIG.width)
    doubled = torch.stack([torch.cat([values, values]), torch.cat([values, values])])
    mask = torch.arange(6) < torch.tensor([3, 6])[:, None]
    tokens = ResidueTokens(doubled, mask)
    short, long = pool(tokens, {"sequence": tokens}, mask)
    assert not torch.allclose(short, long, atol=1e-3)


def test_composition_can_be_read_off_the_pooled_vector() -> None:
    """A linear map from the untrained vector gives amino-acid shares of unseen proteins."""
    torch.manual_seed(0)
    config = FusionConfig(width=64, heads=2, pooling_heads=2)
    pool, letters = ProteinPool(config, ("sequence",)), torch.nn.Embedding(20, 64)
    shares = torch.distributions.Dirichlet(torch.full((20,), 3.0)).sample((600,))
    residues = torch.multinomial(shares, 120, replacement=True)
    mask = torch.ones(residues.shape, dtype=torch.bool)
    composition = torch.nn.functional.one_hot(residues, 20).float().mean(1)
    with torch.no_grad():
        tokens = ResidueTokens(letters(residues), mask)
        vectors = pool(tokens, {"sequence": tokens}, mask)
    vectors = torch.cat([vectors, torch.ones(600, 1)], dim=1)
    solution = torch.linalg.lstsq(vectors[:400], composition[:400]).solution
    residual = (vectors[400:] @ solution - composition[400:]).square().sum()
    spread = (composition[400:] - composition[400:].mean(0)).square().sum()
    assert 1 - residual / spread > 0.9

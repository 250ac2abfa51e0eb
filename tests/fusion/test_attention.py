"""Attention to a set: a softmax over the items that are there, exact zeros where none is."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.fusion.attention import Attention, LayerShape, TokenNorm, TransformerLayer, attend

WIDTH, OTHER, HEADS = 8, 6, 2
CHANNELS = WIDTH // HEADS
RUBBISH = (math.nan, math.inf, -math.inf, 1e30, -7.0)

masks = st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_set(lengths: tuple[int, ...], width: int = WIDTH, *, seed: int = 0) -> ResidueTokens:
    """So many items for each protein, zeros behind them; a protein's are the same in any batch."""
    items = max(1, *lengths)
    mask = torch.arange(items) < torch.tensor(lengths)[:, None]
    rows = [randn(items, width, seed=100 * seed + row) for row in range(len(lengths))]
    return ResidueTokens(torch.where(mask[..., None], torch.stack(rows), 0.0), mask)


def plain(attention: Attention, queries: Tensor, items: ResidueTokens) -> Tensor:
    """One protein and head at a time, over the items that are there, without a mask."""
    found = []
    for query, values, mask in zip(queries, items.values, items.mask, strict=True):
        asked = attention.query(query)
        key, value = attention.key_value(values[mask]).chunk(2, dim=1)
        heads = []
        for head in range(attention.heads):
            own = slice(head * CHANNELS, (head + 1) * CHANNELS)
            weights = (asked[:, own] @ key[:, own].T / math.sqrt(CHANNELS)).softmax(dim=1)
            heads.append(weights @ value[:, own])
        mixed = attention.mix(torch.cat(heads, dim=1))
        found.append(mixed if mask.any() else torch.zeros_like(query))
    return torch.stack(found)


def make_attention(other: int = OTHER) -> Attention:
    torch.manual_seed(0)
    return Attention(WIDTH, HEADS, other)


@settings(max_examples=40)
@given(masks, st.integers(0, 1000))
def test_a_softmax_over_each_proteins_own_keys(rows: list[list[bool]], seed: int) -> None:
    mask = torch.tensor(rows)
    query = randn(len(rows), 3, HEADS, CHANNELS, seed=seed)
    key, value = (randn(len(rows), 5, HEADS, CHANNELS, seed=seed + n) for n in (1, 2))
    found = attend(query, key, value, mask)
    for protein, seen in enumerate(mask):
        for item in range(3):
            for head in range(HEADS):
                scores = key[protein, seen, head] @ query[protein, item, head]
                weights = (scores / math.sqrt(CHANNELS)).softmax(dim=0)
                expected = weights @ value[protein, seen, head]
                own = slice(head * CHANNELS, (head + 1) * CHANNELS)
                torch.testing.assert_close(found[protein, item, own], expected)


@settings(max_examples=30)
@given(st.sampled_from(RUBBISH), st.integers(0, 1000))
def test_without_any_key_there_are_zeros_whatever_the_keys_hold(rubbish: float, seed: int) -> None:
    """A uniform softmax, as of the released MASSA, would let the values through."""
    mask = torch.tensor([[False] * 5, [True] * 5])
    query, key, value = (randn(2, 5, HEADS, CHANNELS, seed=seed + n) for n in range(3))
    clean = attend(query, key, value, mask)
    key[0], value[0] = rubbish, rubbish
    spoiled = attend(query, key, value, mask)
    assert not clean[0].any()
    assert not clean[0].signbit().any()
    assert clean[1].abs().min() > 0
    assert torch.equal(spoiled, clean)


@settings(max_examples=30)
@given(masks, st.sampled_from([1e30, -7.0, 0.0]), st.integers(0, 1000))
def test_a_key_that_is_not_there_changes_no_bit(
    rows: list[list[bool]], rubbish: float, seed: int
) -> None:
    mask = torch.tensor(rows)
    query, key, value = (randn(len(rows), 5, HEADS, CHANNELS, seed=seed + n) for n in range(3))
    clean = attend(query, key, value, mask)
    behind = mask[..., None, None]
    spoiled = attend(
        query, torch.where(behind, key, rubbish), torch.where(behind, value, rubbish), mask
    )
    assert torch.equal(spoiled, clean)


def test_a_key_that_is_there_does_matter() -> None:
    mask = torch.tensor([[True, True, False]])
    query, key, value = (randn(1, 3, HEADS, CHANNELS, seed=n) for n in range(3))
    clean = attend(query, key, value, mask)
    value[0, 1] += 1.0
    assert not torch.allclose(attend(query, key, value, mask), clean, atol=1e-3)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(0, 1000))
def test_attention_is_that_of_one_protein_and_head_at_a_time(lengths: list[int], seed: int) -> None:
    attention = make_attention()
    queries = randn(len(lengths), 4, WIDTH, seed=seed)
    items = make_set(tuple(lengths), OTHER, seed=seed)
    torch.testing.assert_close(attention(queries, items), plain(attention, queries, items))


def test_a_protein_without_items_finds_exact_zeros_in_spite_of_the_biases() -> None:
    attention = make_attention()
    found = attention(randn(2, 4, WIDTH), make_set((0, 3), OTHER))
    assert attention.mix.bias.any()
    assert not found[0].any()
    assert found[1].abs().min() > 0


def test_gradients_stay_finite_where_a_protein_has_no_item() -> None:
    attention = make_attention()
    queries = randn(2, 4, WIDTH).requires_grad_()
    attention(queries, make_set((0, 3), OTHER)).square().sum().backward()
    assert queries.grad is not None
    assert not queries.grad[0].any()
    assert queries.grad[1].any()
    for name, parameter in attention.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_order_of_the_items_does_not_matter() -> None:
    attention, items = make_attention(), make_set((6, 6), OTHER)
    order = torch.tensor([4, 0, 5, 1, 3, 2])
    shuffled = ResidueTokens(items.values[:, order], items.mask[:, order])
    queries = randn(2, 3, WIDTH)
    torch.testing.assert_close(attention(queries, shuffled), attention(queries, items))


@pytest.mark.parametrize("learns", [True, False])
def test_half_precision_is_near_and_hides_as_much(learns: bool) -> None:
    """On CPUs it takes ways of its own, in training another one than else."""
    mask = torch.tensor([[True, True, False, True, False], [False] * 5])
    single = [randn(2, 5, HEADS, CHANNELS, seed=n) for n in range(3)]
    half = [part.bfloat16().requires_grad_(learns) for part in single]
    found = attend(half[0], half[1], half[2], mask)
    assert found.dtype == torch.bfloat16
    expected = attend(single[0], single[1], single[2], mask)
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.03)
    assert not found[1].any()
    with torch.no_grad():
        for part in half[1:]:
            part[~mask] = -7.0
    assert torch.equal(attend(half[0], half[1], half[2], mask), found)


def make_layer(
    *, norm_first: bool, within: bool = True, other: int | None = None, dropout: float = 0.0
) -> TransformerLayer:
    """A layer with noise on its norms, so that no one is like another."""
    torch.manual_seed(1)
    shape = LayerShape(
        width=WIDTH, heads=HEADS, hidden=3 * WIDTH, dropout=dropout, norm_first=norm_first
    )
    layer = TransformerLayer(shape, within=within, other=other)
    with torch.no_grad():
        for norm in (*layer.norms.parameters(), *layer.other_norm.parameters()):
            norm.add_(0.3 * torch.randn_like(norm))
    return layer


either_norm = pytest.mark.parametrize("norm_first", [True, False])
any_parts = pytest.mark.parametrize(
    ("within", "other"), [(True, None), (False, OTHER), (True, OTHER)]
)


@either_norm
def test_a_layer_is_that_of_torch(norm_first: bool) -> None:
    own, layer = make_set((5, 2, 4)), make_layer(norm_first=norm_first)
    torchs = nn.TransformerEncoderLayer(
        WIDTH, HEADS, 3 * WIDTH, dropout=0.0, norm_first=norm_first, batch_first=True
    )
    assert layer.within is not None
    query, key_value = layer.within.query.state_dict(), layer.within.key_value.state_dict()
    copied = {f"self_attn.in_proj_{p}": torch.cat([query[p], key_value[p]]) for p in query}
    for prefix, module in (
        ("self_attn.out_proj.", layer.within.mix),
        ("linear1.", layer.feed_forward[0]),
        ("linear2.", layer.feed_forward[-1]),
        ("norm1.", layer.norms[0]),
        ("norm2.", layer.norms[1]),
    ):
        copied |= {prefix + name: value for name, value in module.state_dict().items()}
    torchs.load_state_dict(copied)
    found = layer(own)
    expected = torchs(own.values, src_key_padding_mask=~own.mask)
    torch.testing.assert_close(found.values[own.mask], expected[own.mask])
    assert not found.values[~own.mask].any()
    assert torch.equal(found.mask, own.mask)


@either_norm
@pytest.mark.parametrize("within", [True, False])
def test_a_layer_looks_within_then_across_then_feeds_forward(
    within: bool, norm_first: bool
) -> None:
    layer = make_layer(norm_first=norm_first, within=within, other=OTHER)
    own, other = make_set((5, 2, 4)), make_set((3, 6, 0), OTHER, seed=1)
    norms = list(layer.norms)
    looked_at = other
    if norm_first:
        looked_at = ResidueTokens(layer.other_norm(other.values), other.mask)

    def added(values: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        norm = norms.pop(0)
        if norm_first:
            return values + part(norm(values))
        normed: Tensor = norm(values + part(values))
        return normed

    values = own.values
    if layer.within is not None:
        within_it = layer.within
        values = added(values, lambda x: plain(within_it, x, ResidueTokens(x, own.mask)))
    assert layer.across is not None
    across = layer.across
    values = added(values, lambda x: plain(across, x, looked_at))
    grown, _, _, shrunk = layer.feed_forward
    values = added(values, lambda x: shrunk(grown(x).relu()))
    assert not norms
    found = layer(own, other)
    torch.testing.assert_close(found.values[own.mask], values[own.mask])
    assert not found.values[~own.mask].any()


@either_norm
@any_parts
@pytest.mark.parametrize("padding", [1, 9])
def test_more_padding_moves_no_item(
    within: bool, other: int | None, padding: int, norm_first: bool
) -> None:
    def padded(tokens: ResidueTokens) -> ResidueTokens:
        wider = nn.functional.pad(tokens.values, (0, 0, 0, padding))
        return ResidueTokens(wider, nn.functional.pad(tokens.mask, (0, padding)))

    layer, own = make_layer(norm_first=norm_first, within=within, other=other), make_set((5, 2, 4))
    looked_at = make_set((3, 6, 0), OTHER, seed=1)
    short = layer(own, None if other is None else looked_at)
    long = layer(padded(own), None if other is None else padded(looked_at))
    torch.testing.assert_close(long.values[:, :5], short.values)
    assert not long.values[:, 5:].any()
    assert not long.mask[:, 5:].any()


@either_norm
def test_a_protein_is_the_same_alone_and_in_a_batch(norm_first: bool) -> None:
    layer, lengths = make_layer(norm_first=norm_first, other=OTHER), (5, 2, 4)
    own, other = make_set(lengths), make_set((3, 6, 0), OTHER, seed=1)
    together = layer(own, other).values
    for row, length in enumerate(lengths):
        alone = ResidueTokens(own.values[row : row + 1, :length], own.mask[row : row + 1, :length])
        seen = max(1, int(other.mask[row].sum()))
        looked_at = ResidueTokens(other.values[row : row + 1, :seen], other.mask[[row], :seen])
        torch.testing.assert_close(layer(alone, looked_at).values[0], together[row, :length])


@either_norm
@pytest.mark.parametrize("rubbish", RUBBISH)
def test_another_set_that_is_empty_is_not_looked_at(rubbish: float, norm_first: bool) -> None:
    layer, own = make_layer(norm_first=norm_first, other=OTHER), make_set((5, 2))
    nothing = make_set((0, 0), OTHER)
    spoiled = ResidueTokens(torch.full_like(nothing.values, rubbish), nothing.mask)
    assert torch.equal(layer(own, spoiled).values, layer(own, nothing).values)
    assert layer(own, spoiled).values.isfinite().all()


@either_norm
@any_parts
def test_gradients_reach_every_parameter(within: bool, other: int | None, norm_first: bool) -> None:
    layer = make_layer(norm_first=norm_first, within=within, other=other)
    found = layer(make_set((5, 2, 4)), None if other is None else make_set((3, 6, 1), OTHER))
    (found.values * randn(*found.values.shape, seed=9)).sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 1e-4, name


def test_dropout_acts_in_training_alone() -> None:
    layer, own = make_layer(norm_first=True, dropout=0.5), make_set((5, 2, 4))
    assert not torch.equal(layer(own).values, layer(own).values)
    layer.eval()
    assert torch.equal(layer(own).values, layer(own).values)


def test_a_norm_of_tokens_leaves_zeros_where_there_is_none() -> None:
    own, norm = make_set((5, 2, 0)), TokenNorm(WIDTH)
    torch.nn.init.normal_(norm.norm.bias)
    found = norm(own)
    assert torch.equal(found.mask, own.mask)
    assert not found.values[~own.mask].any()
    there = own.values[own.mask]
    centred = there - there.mean(dim=1, keepdim=True)
    expected = centred / centred.square().mean(dim=1, keepdim=True).add(1e-5).sqrt()
    torch.testing.assert_close(found.values[own.mask], expected + norm.norm.bias)

"""Pooling by the softmax of the tokens' lengths: own residues only, in any order."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiprot.encoders.contract import ResidueTokens
from multiprot.fusion.pooling import NormSoftmaxPool, masked_mean
from tests.fusion.fakes import SMALL, make_batch, make_model

WIDTH, RESIDUES = 5, 7


def make_tokens(rows: list[list[bool]], seed: int) -> ResidueTokens:
    """Lengths of tokens differ much, so that the weights do."""
    rng = torch.Generator().manual_seed(seed)
    values = torch.randn(len(rows), RESIDUES, WIDTH, generator=rng)
    return ResidueTokens(
        values * torch.rand(len(rows), RESIDUES, 1, generator=rng) * 3, torch.tensor(rows)
    )


def pooled(tokens: ResidueTokens) -> Tensor:
    vectors: Tensor = NormSoftmaxPool()(tokens, {}, tokens.mask)
    return vectors


masks = st.lists(
    st.lists(st.booleans(), min_size=RESIDUES, max_size=RESIDUES), min_size=1, max_size=4
)


@settings(max_examples=50)
@given(masks, st.integers(0, 1000))
def test_equal_to_plain_sums_over_the_residues_that_are_there(
    rows: list[list[bool]], seed: int
) -> None:
    tokens = make_tokens(rows, seed)
    for vector, values, mask in zip(pooled(tokens), tokens.values, tokens.mask, strict=True):
        there = [row.tolist() for row in values[mask]]
        heights = [math.exp(math.sqrt(sum(x * x for x in row))) for row in there]
        expected = [
            sum(h * row[channel] for h, row in zip(heights, there, strict=True)) / sum(heights)
            if there
            else 0.0
            for channel in range(WIDTH)
        ]
        torch.testing.assert_close(vector, torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_a_protein_without_residues_is_zero_and_the_others_are_not() -> None:
    vectors = pooled(make_tokens([[False] * RESIDUES, [True] * RESIDUES], 0))
    assert not vectors[0].any()
    assert not vectors[0].signbit().any()
    assert vectors[1].abs().min() > 0


@pytest.mark.parametrize("padding", [1, 30])
@pytest.mark.parametrize("rubbish", [0.0, math.nan, math.inf, 1e30])
def test_padding_changes_nothing_whatever_it_holds(padding: int, rubbish: float) -> None:
    tokens = make_tokens([[True] * RESIDUES, [True] * 3 + [False] * 4], 0)
    values = torch.where(tokens.mask[..., None], tokens.values, rubbish)
    wider = torch.nn.functional.pad(values, (0, 0, 0, padding), value=rubbish)
    mask = torch.nn.functional.pad(tokens.mask, (0, padding))
    torch.testing.assert_close(pooled(ResidueTokens(wider, mask)), pooled(tokens))
    assert torch.equal(pooled(ResidueTokens(values, tokens.mask)), pooled(tokens))


def test_order_of_residues_does_not_matter() -> None:
    tokens = make_tokens([[True] * RESIDUES, [True] * 3 + [False] * 4], 0)
    order = torch.tensor([6, 2, 0, 5, 1, 3, 4])
    shuffled = ResidueTokens(tokens.values[:, order], tokens.mask[:, order])
    torch.testing.assert_close(pooled(shuffled), pooled(tokens))


def test_long_tokens_weigh_more() -> None:
    values = torch.tensor([[[6.0, 0.0], [0.0, 1.0]]])
    tokens = ResidueTokens(values, torch.ones(1, 2, dtype=torch.bool))
    weights = pooled(tokens)[0] / torch.tensor([6.0, 1.0])
    torch.testing.assert_close(weights, torch.tensor([6.0, 1.0]).softmax(dim=0))
    assert not torch.allclose(pooled(tokens), masked_mean(tokens), atol=0.1)


def test_gradients_are_finite_also_for_tokens_of_length_zero() -> None:
    tokens = make_tokens([[True] * RESIDUES, [False] * RESIDUES], 0)
    values = tokens.values.clone()
    values[0, 2] = 0.0
    values.requires_grad_()
    loss = pooled(ResidueTokens(values, tokens.mask)).square().sum()
    loss.backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert values.grad[0].any(dim=-1).all()
    assert not values.grad[1].any()


def test_half_precision_tokens_are_pooled_in_single_precision() -> None:
    tokens = make_tokens([[True] * RESIDUES], 0)
    half = ResidueTokens(tokens.values.bfloat16(), tokens.mask)
    whole = ResidueTokens(half.values.float(), tokens.mask)
    assert pooled(half).dtype == torch.float32
    assert torch.equal(pooled(half), pooled(whole))


def test_the_option_chooses_it_and_it_has_no_weights() -> None:
    model = make_model(SMALL.model_copy(update={"pooling": "norm-softmax"}))
    assert type(model.pool) is NormSoftmaxPool
    assert not list(model.pool.parameters())
    assert type(make_model().pool) is not NormSoftmaxPool
    outputs = model(make_batch())
    assert torch.equal(outputs.protein, pooled(outputs.fused_tokens))

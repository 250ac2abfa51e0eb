"""Positions and gated convolutions: a chain as it is alone, in its own order, up to its limit."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.errors import DataError
from multiprot.fusion.config import SequenceStackConfig
from multiprot.fusion.sequence_stack import SequenceStack, sinusoids
from tests.fusion.fakes import SMALL, make_batch, make_model

WIDTH, POSITIONS = 6, 12


def make_stack(*, kernel: int = 3, layers: int = 2, dropout: float = 0.0) -> SequenceStack:
    """Every parameter is noise, so that each matters."""
    torch.manual_seed(0)
    config = SequenceStackConfig(positions=POSITIONS, kernel=kernel, layers=layers, dropout=dropout)
    stack = SequenceStack(config, WIDTH)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return stack.eval()


def make_tokens(mask: Tensor, seed: int = 0) -> ResidueTokens:
    """A protein's tokens are the same in any batch; behind the mask they are not zero."""
    rows = [
        torch.randn(POSITIONS, WIDTH, generator=torch.Generator().manual_seed(100 * seed + row))
        for row in range(len(mask))
    ]
    return ResidueTokens(torch.stack(rows)[:, : mask.shape[1]], mask)


def lengths_mask(lengths: tuple[int, ...], padding: int = 0) -> Tensor:
    return torch.arange(max(lengths) + padding) < torch.tensor(lengths)[:, None]


def plain(stack: SequenceStack, tokens: Tensor, mask: Tensor) -> Tensor:
    """One protein alone [residue, width], window by window; what is masked is nought."""
    there = mask[:, None].float()
    values = (tokens + stack.positions.weight[: len(tokens)]) * there
    for convolution in stack.convolutions:
        assert isinstance(convolution, nn.Conv1d)
        weight, bias = convolution.weight, convolution.bias
        assert bias is not None
        reach = weight.shape[2] // 2
        beyond = torch.zeros(reach, WIDTH)
        chain = torch.cat([beyond, values, beyond])
        rows = []
        for residue in range(len(values)):
            window = chain[residue : residue + weight.shape[2]]
            content, gate = (torch.einsum("ock,kc->o", weight, window) + bias).chunk(2)
            rows.append((values[residue] + content / (1 + (-gate).exp())) / math.sqrt(2))
        values = torch.stack(rows) * there
    spread = values.var(dim=1, unbiased=False, keepdim=True).add(1e-5).sqrt()
    normed = (values - values.mean(dim=1, keepdim=True)) / spread
    return (normed * stack.norm.weight + stack.norm.bias) * there


@settings(max_examples=40)
@given(
    st.lists(st.booleans(), min_size=1, max_size=POSITIONS),
    st.sampled_from([1, 3, 7]),
    st.integers(0, 3),
    st.integers(0, 1000),
)
def test_equal_to_windows_one_by_one(
    present: list[bool], kernel: int, layers: int, seed: int
) -> None:
    stack, mask = make_stack(kernel=kernel, layers=layers), torch.tensor([present])
    tokens = make_tokens(mask, seed)
    expected = plain(stack, tokens.values[0], mask[0])
    torch.testing.assert_close(stack(tokens).values[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", [0, 3])
def test_a_protein_is_the_same_alone_and_in_a_padded_batch(padding: int) -> None:
    stack, lengths = make_stack(kernel=7, layers=3), (9, 1, 5)
    mask = lengths_mask(lengths, padding)
    tokens = make_tokens(mask)
    together = stack(tokens)
    for row, length in enumerate(lengths):
        alone = stack(ResidueTokens(tokens.values[[row], :length], mask[[row], :length]))
        torch.testing.assert_close(
            together.values[row, :length], alone.values[0], rtol=1e-5, atol=1e-6
        )
        assert not together.values[row, length:].any()
    assert torch.equal(together.mask, mask)


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, 1e38, -3.0])
def test_nothing_leaks_from_masked_residues(rubbish: float) -> None:
    stack = make_stack()
    mask = lengths_mask((9, 5, 7), padding=2)
    mask[0, 3:5] = mask[2, 0] = False
    tokens = make_tokens(mask)
    spoiled = ResidueTokens(torch.where(mask[..., None], tokens.values, rubbish), mask)
    found = stack(spoiled).values
    assert torch.equal(found, stack(tokens).values)
    assert found.isfinite().all()
    assert not found[~mask].any()
    assert found[mask].any(dim=-1).all()


def test_a_token_reaches_as_far_as_the_kernels_and_no_other_protein() -> None:
    stack = make_stack(kernel=3, layers=2)
    tokens = make_tokens(lengths_mask((12, 12)))
    moved = tokens.values.clone()
    moved[0, 6] += 1.0
    changed = (stack(ResidueTokens(moved, tokens.mask)).values != stack(tokens).values).any(dim=-1)
    assert changed[0].nonzero().flatten().tolist() == [4, 5, 6, 7, 8]
    assert not changed[1].any()


@pytest.mark.parametrize("told", [True, False])
def test_the_place_in_the_chain_is_told_by_the_positions(told: bool) -> None:
    """With a kernel of one residue nothing else tells it."""
    stack = make_stack(kernel=1)
    if not told:
        torch.nn.init.zeros_(stack.positions.weight)
    tokens = make_tokens(lengths_mask((12,)))
    order = torch.arange(11, -1, -1)
    backwards = stack(ResidueTokens(tokens.values[:, order], tokens.mask)).values[:, order]
    assert torch.allclose(backwards, stack(tokens).values, atol=1e-4) is not told


def test_a_protein_that_is_too_long_is_refused_with_both_numbers() -> None:
    stack = make_stack()
    fits = make_tokens(lengths_mask((POSITIONS, 4)))
    assert stack(fits).values.isfinite().all()
    tokens = torch.zeros(2, POSITIONS + 1, WIDTH)
    with pytest.raises(DataError, match=r"a protein of 13 residues.*positions 12;.*windows"):
        stack(ResidueTokens(tokens, torch.ones(2, POSITIONS + 1, dtype=torch.bool)))


@pytest.mark.parametrize(
    ("options", "told"),
    [({"kernel": 4}, "kernel 4 has no middle"), ({"positions": 0}, "positions")],
)
def test_unfit_settings_are_refused(options: dict[str, int], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        SequenceStackConfig.model_validate(options)


def test_gradients_reach_every_parameter_and_each_place_that_was_used() -> None:
    stack = make_stack()
    found = stack(make_tokens(lengths_mask((5, 3)))).values
    (found * torch.randn_like(found)).sum().backward()
    for name, parameter in stack.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    places = stack.positions.weight.grad
    assert places is not None
    assert places.any(dim=1).tolist() == [True] * 5 + [False] * 7


def test_dropout_acts_in_training_alone() -> None:
    stack, tokens = make_stack(dropout=0.5), make_tokens(lengths_mask((12, 7)))
    assert torch.equal(stack(tokens).values, stack(tokens).values)
    stack.train()
    assert not torch.equal(stack(tokens).values, stack(tokens).values)


def test_it_stands_behind_the_sequence_encoder_alone() -> None:
    config = SMALL.model_copy(update={"sequence_stack": SequenceStackConfig(positions=20)})
    model, batch = make_model(config), make_batch(has_structure=(True, False, True, True))
    without = make_model()
    without.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        stacked, bare = model(batch), without(batch)
        assert model.sequence_stack is not None
        expected = model.sequence_stack(bare.sequence_tokens)
    assert torch.equal(stacked.structure_tokens.values, bare.structure_tokens.values)
    assert torch.equal(stacked.sequence_tokens.values, expected.values)
    assert not torch.allclose(stacked.protein, bare.protein, atol=1e-3)


@pytest.mark.parametrize("width", [7, 16])
def test_sinusoids_are_their_formula(width: int) -> None:
    found = sinusoids(9, width)
    assert found.shape == (9, width)
    for place in range(9):
        for channel in range(width):
            angle = place / 10_000 ** (2 * (channel // 2) / width)
            expected = math.cos(angle) if channel % 2 else math.sin(angle)
            assert float(found[place, channel]) == pytest.approx(expected, abs=1e-5)


def test_places_that_begin_as_sinusoids_tell_how_far_apart_they_are() -> None:
    """Whatever the places themselves are; and they learn on."""
    config = SequenceStackConfig(positions=40, layers=0, start="sinusoidal")
    places = SequenceStack(config, 16).positions.weight
    assert places.requires_grad
    apart = torch.cdist(places, places, compute_mode="donot_use_mm_for_euclid_dist").square()
    for offset in range(1, 40):
        squares = apart.diagonal(offset)
        torch.testing.assert_close(squares, squares[:1].expand_as(squares), rtol=1e-3, atol=1e-4)
    assert (apart[0, 1:4].diff() > 0).all()

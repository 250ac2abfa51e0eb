"""Streams joined residue by residue: one matrix over both, and nothing from one that is missing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens
from multiprot.errors import DataError
from multiprot.fusion.grouping import Streams
from multiprot.fusion.joined import Concatenation

WIDTH, RESIDUES = 8, 6
NAMES = ("sequence", "structure")
RUBBISH = (math.nan, math.inf, 1e38, -2.0)


def make_join() -> Concatenation:
    """With a bias that is not zero, as training leaves it."""
    torch.manual_seed(0)
    join = Concatenation(WIDTH, NAMES)
    nn.init.normal_(join.bias)
    return join


def weight_of(join: Concatenation, name: str) -> Tensor:
    part = join.parts[name]
    assert isinstance(part, nn.Linear)
    return part.weight


def make_stream(mask: Tensor, seed: int) -> ResidueTokens:
    values = torch.randn(*mask.shape, WIDTH, generator=torch.Generator().manual_seed(seed))
    return ResidueTokens(values, mask)


def some(seed: int) -> Tensor:
    """A mask in which each protein has some residues."""
    mask = torch.rand(3, RESIDUES, generator=torch.Generator().manual_seed(seed)) < 0.7
    mask[:, 0] = True
    return mask


def test_both_streams_pass_one_linear_layer_over_their_concatenation() -> None:
    join, everywhere = make_join(), torch.ones(3, RESIDUES, dtype=torch.bool)
    first, second = make_stream(everywhere, 1), make_stream(everywhere, 2)
    whole = nn.Linear(2 * WIDTH, WIDTH)
    with torch.no_grad():
        whole.weight.copy_(torch.cat([weight_of(join, name) for name in NAMES], dim=1))
        whole.bias.copy_(join.bias)
    expected = whole(torch.cat([first.values, second.values], dim=-1)).relu()
    found = join({"sequence": first, "structure": second})
    torch.testing.assert_close(found.values, expected)
    assert found.mask.all()


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_where_a_residue_lacks_a_stream_its_features_change_no_bit(rubbish: float) -> None:
    join, first, second = make_join(), make_stream(some(1), 1), make_stream(some(2), 2)
    clean = join({"sequence": first, "structure": second})
    spoiled: Streams = {
        name: ResidueTokens(torch.where(t.mask[..., None], t.values, rubbish), t.mask)
        for name, t in (("sequence", first), ("structure", second))
    }
    found = join(spoiled)
    assert torch.equal(found.values, clean.values)
    assert torch.equal(found.mask, first.mask | second.mask)
    assert not found.values[~found.mask].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_nobody_has_equals_one_that_is_masked(name: str) -> None:
    join, there = make_join(), make_stream(some(1), 1)
    (other,) = set(NAMES) - {name}
    nothing = ResidueTokens(torch.full_like(there.values, math.nan), torch.zeros_like(there.mask))
    absent, masked = join({other: there, name: None}), join({other: there, name: nothing})
    assert torch.equal(absent.values, masked.values)
    expected = (there.values @ weight_of(join, other).T + join.bias).relu()
    torch.testing.assert_close(absent.values[there.mask], expected[there.mask])


def test_a_stream_that_is_there_does_matter() -> None:
    join, first, second = make_join(), make_stream(some(1), 1), make_stream(some(2), 2)
    both, alone = (join({"sequence": first, "structure": each}) for each in (second, None))
    changed = (both.values != alone.values).any(dim=-1)
    assert torch.equal(changed, second.mask)


def test_rubbish_of_a_missing_stream_spoils_no_gradient() -> None:
    join, first, second = make_join(), make_stream(some(1), 1), make_stream(some(2), 2)
    spoiled = torch.where(second.mask[..., None], second.values, math.nan).requires_grad_()
    join(
        {"sequence": first, "structure": ResidueTokens(spoiled, second.mask)}
    ).values.sum().backward()
    for name, parameter in join.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert spoiled.grad is not None
    assert not spoiled.grad[~second.mask].any()


def test_no_stream_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="sequence or structure"):
        make_join()({"sequence": None, "structure": None})

"""Streams become one: what is missing adds nothing, and what is there takes nothing away."""

from __future__ import annotations

import torch

from multiprot.encoders.contract import ResidueTokens
from multiprot.fusion.projection import StreamSum

WIDTH = 8


def _tokens(seed: int, mask: list[list[bool]]) -> ResidueTokens:
    shown = torch.tensor(mask)
    rng = torch.Generator().manual_seed(seed)
    values = torch.randn(*shown.shape, WIDTH, generator=rng)
    return ResidueTokens(torch.where(shown[..., None], values, 0.0), shown)


def test_a_second_stream_adds_to_the_first_and_changes_nothing_of_it() -> None:
    torch.manual_seed(0)
    streams = StreamSum(WIDTH, ("sequence", "structure"))
    sequence = _tokens(1, [[True, True, True, False], [True, True, False, False]])
    structure = _tokens(2, [[True, False, True, False], [False, False, False, False]])
    both = streams({"sequence": sequence, "structure": structure})
    alone = streams({"sequence": sequence, "structure": None})
    other = streams({"sequence": None, "structure": structure})
    torch.testing.assert_close(both.values, alone.values + other.values)
    assert torch.equal(both.mask, sequence.mask | structure.mask)
    without = both.mask & ~structure.mask
    assert torch.equal(both.values[without], alone.values[without])
    assert not both.values[~both.mask].any()

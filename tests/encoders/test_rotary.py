"""Rotary positions."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.encoders.rotary import rotary_turns, rotate

CHANNELS = 8


def _rotated(vector: torch.Tensor, position: int) -> torch.Tensor:
    turns = rotary_turns(torch.arange(position + 1), CHANNELS, 10_000.0)
    row = vector.expand(1, position + 1, 1, CHANNELS)
    return rotate(row, turns)[0, position, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 2**31))
def test_products_depend_on_distance_only(first: int, second: int, shift: int, seed: int) -> None:
    query, key = torch.randn(2, CHANNELS, generator=torch.Generator().manual_seed(seed))
    here = _rotated(query, first) @ _rotated(key, second)
    there = _rotated(query, first + shift) @ _rotated(key, second + shift)
    torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-3)


def test_turning_keeps_length_and_position_zero() -> None:
    vectors = torch.randn(2, 6, 3, CHANNELS)
    turned = rotate(vectors, rotary_turns(torch.arange(6), CHANNELS, 100.0))
    torch.testing.assert_close(turned.norm(dim=-1), vectors.norm(dim=-1))
    torch.testing.assert_close(turned[:, 0], vectors[:, 0])
    assert not torch.allclose(turned[:, 1], vectors[:, 1])


def test_equal_to_turning_each_pair_by_hand() -> None:
    vectors = torch.randn(1, 5, 1, 4, dtype=torch.float32)
    turned = rotate(vectors, rotary_turns(torch.arange(5), 4, 100.0))
    for position in range(5):
        for pair, frequency in enumerate((1.0, 0.1)):
            angle = torch.tensor(position * frequency)
            matrix = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]])
            expected = matrix @ vectors[0, position, 0, 2 * pair : 2 * pair + 2]
            torch.testing.assert_close(turned[0, position, 0, 2 * pair : 2 * pair + 2], expected)


def test_half_precision_comes_back_as_it_came() -> None:
    vectors = torch.randn(1, 4, 2, CHANNELS, dtype=torch.bfloat16)
    turns = rotary_turns(torch.arange(4), CHANNELS, 100.0)
    assert rotate(vectors, turns).dtype == torch.bfloat16

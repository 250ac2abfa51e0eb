"""Small numeric pieces."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.objectives.numeric import (
    NOTHING,
    LearnedScale,
    masked_log_sum,
    masked_sum,
    recall_at,
)


@settings(deadline=None)
@given(st.integers(0, 2**31))
def test_log_sum_is_over_the_mask_alone(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(4, 7, generator=rng) * 30
    mask = torch.rand(4, 7, generator=rng) < 0.4
    sums = masked_log_sum(logits, mask, dim=1)
    for row in range(4):
        kept = logits[row][mask[row]]
        if len(kept):
            torch.testing.assert_close(sums[row], kept.logsumexp(0))
        else:
            assert sums[row] < NOTHING / 2


@pytest.mark.parametrize("shape", [(3, 0), (0, 3)])
def test_log_sum_of_nothing_is_finite(shape: tuple[int, int]) -> None:
    for dim in (0, 1):
        sums = masked_log_sum(torch.zeros(shape), torch.ones(shape, dtype=torch.bool), dim)
        assert sums.isfinite().all()


def test_masked_sum_ignores_what_is_behind_the_mask() -> None:
    values = torch.tensor([1.0, math.nan, 3.0])
    assert masked_sum(values, torch.tensor([True, False, True])) == 4


def test_scale_starts_at_the_temperature_and_stays_within_bounds() -> None:
    scale = LearnedScale(0.07)
    assert scale().item() == pytest.approx(1 / 0.07, rel=1e-5)
    for far in (-100.0, 100.0):
        torch.nn.init.constant_(scale.log_scale, far)
        assert 1 - 1e-4 <= scale().item() <= 100.01


def test_recall_counts_the_best_candidates() -> None:
    scores = torch.tensor([[5.0, 4.0, 3.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
    positive = torch.tensor([[True, False, True, False], [True, False, False, False]])
    candidate = torch.tensor([[True, True, True, True], [True, True, False, False]])
    assert recall_at(scores, positive, candidate, k=2).tolist() == [0.5, 1.0]
    assert recall_at(scores, positive, candidate, k=1).tolist() == [1.0, 0.0]


def test_recall_of_nothing_is_zero() -> None:
    nothing = torch.zeros(2, 0, dtype=torch.bool)
    assert recall_at(torch.zeros(2, 0), nothing, nothing).tolist() == [0, 0]

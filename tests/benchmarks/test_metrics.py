"""Fmax, filtered ranks and the bootstrap against references written in a few lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.protein_go.metrics import ThresholdCurves, filtered_ranks, interval, resamples

SHAPE = (6, 5)
scores_strategy = arrays(np.float64, SHAPE, elements=st.floats(0, 1, width=32))
truth_strategy = arrays(np.bool_, SHAPE).map(
    lambda t: t | np.eye(*SHAPE, dtype=bool) | (np.arange(5) == 0)
)


def fmax_reference(scores: np.ndarray, truth: np.ndarray) -> float:
    best = 0.0
    for threshold in np.arange(1, 100) / 100:
        precisions, recalls = [], []
        for row, true in zip(scores, truth, strict=True):
            hit = set(np.flatnonzero(row >= threshold))
            right = len(hit & set(np.flatnonzero(true)))
            if hit:
                precisions.append(right / len(hit))
            recalls.append(right / true.sum())
        if precisions:
            p, r = np.mean(precisions), np.mean(recalls)
            best = max(best, 0 if p + r == 0 else 2 * p * r / (p + r))
    return best


@given(scores_strategy, truth_strategy)
def test_fmax_equals_a_loop_over_proteins(scores: np.ndarray, truth: np.ndarray) -> None:
    assert ThresholdCurves.of(scores, truth).fmax()[0] == pytest.approx(
        fmax_reference(scores, truth)
    )


@given(scores_strategy, truth_strategy, st.integers(0, 1000))
def test_a_resample_equals_fmax_of_the_repeated_rows(
    scores: np.ndarray, truth: np.ndarray, seed: int
) -> None:
    counts = resamples(len(scores), 3, seed)
    values = ThresholdCurves.of(scores, truth).fmax(counts)
    for value, count in zip(values, counts, strict=True):
        rows = np.repeat(np.arange(len(scores)), count)
        assert value == pytest.approx(fmax_reference(scores[rows], truth[rows]))


def test_perfect_scores_give_one_and_a_protein_without_terms_is_refused() -> None:
    truth = np.eye(4, dtype=bool)
    assert ThresholdCurves.of(truth.astype(float), truth).fmax()[0] == pytest.approx(1)
    with pytest.raises(ValueError, match="at least one true term"):
        ThresholdCurves.of(np.ones((2, 2)), np.array([[True, False], [False, False]]))


@given(scores_strategy, truth_strategy)
def test_filtered_ranks_count_only_false_competitors(scores: np.ndarray, truth: np.ndarray) -> None:
    for row, true, ranks in zip(scores, truth, filtered_ranks(scores, truth, truth), strict=True):
        for term, rank in zip(np.flatnonzero(true), ranks, strict=True):
            rivals = row[~true]
            expected = 1 + (rivals > row[term]).sum() + (rivals == row[term]).sum() / 2
            assert rank == expected


def test_resamples_draw_as_many_proteins_as_there_are_and_repeat_with_the_seed() -> None:
    counts = resamples(50, 20, seed=1)
    assert (counts.sum(axis=1) == 50).all()
    assert np.array_equal(counts, resamples(50, 20, seed=1))
    low, high = interval(np.arange(1001) / 1000)
    assert (low, high) == pytest.approx((0.025, 0.975))

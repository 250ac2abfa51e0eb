"""Windows cover a protein, overlap as told, and are put together without favouring a residue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.data.windows import merge_residues, plan_windows
from multiprot.embedding.windows import coverage, merge_vectors, shortest_overlap
from multiprot.errors import ConfigError

SIZES = st.tuples(st.integers(1, 3000), st.integers(2, 300), st.data())


@settings(deadline=None)
@given(SIZES)
def test_windows_cover_everything_and_overlap_enough(
    sizes: tuple[int, int, st.DataObject],
) -> None:
    length, limit, data = sizes
    overlap = data.draw(st.integers(0, limit - 1))
    windows = plan_windows(length, limit, overlap)
    assert windows[0][0] == 0
    assert windows[-1][1] == length
    assert coverage(windows).min() >= 1
    assert len({stop - start for start, stop in windows}) == 1
    assert all(stop - start <= limit for start, stop in windows)
    if len(windows) > 1:
        assert shortest_overlap(windows) >= overlap
        # One window fewer could not have covered the protein with this overlap.
        assert (len(windows) - 1) * (limit - overlap) + overlap < length


@pytest.mark.parametrize("limit", [None, 10, 11])
def test_a_protein_within_the_limit_is_one_window(limit: int | None) -> None:
    assert plan_windows(10, limit, 4) == ((0, 10),)


@pytest.mark.parametrize("overlap", [10, 11])
def test_windows_that_cannot_advance_are_refused(overlap: int) -> None:
    with pytest.raises(ConfigError, match=f"window_overlap is {overlap} residues.* only 10"):
        plan_windows(11, 10, overlap)


@settings(deadline=None)
@given(st.integers(11, 60), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_merged_vectors_weigh_each_residue_once(length: int, overlap: int, seed: int) -> None:
    """If a window's vector is the mean of its residues' values, weights are those of residues."""
    windows = plan_windows(length, 10, overlap)
    values = np.random.default_rng(seed).standard_normal((length, 3)).astype(np.float32)
    masks = [np.ones(10, dtype=bool) for _ in windows]
    shares = 1.0 / coverage(windows)
    means = [
        np.average(values[a:b], axis=0, weights=shares[a:b]).astype(np.float32) for a, b in windows
    ]
    merged = merge_vectors(means, masks, windows, unit=False)
    np.testing.assert_allclose(merged, values.mean(axis=0), atol=1e-6)


def test_a_window_without_tokens_does_not_count() -> None:
    windows = plan_windows(20, 10, 0)
    vectors = [np.array([1.0, 2.0], np.float32), np.array([100.0, 100.0], np.float32)]
    masks = [np.ones(10, bool), np.zeros(10, bool)]
    assert merge_vectors(vectors, masks, windows, unit=False).tolist() == [1.0, 2.0]


@settings(deadline=None)
@given(st.integers(11, 40), st.integers(0, 2**32 - 1))
def test_unit_vectors_stay_unit_vectors(length: int, seed: int) -> None:
    windows = plan_windows(length, 10, 3)
    raw = np.random.default_rng(seed).standard_normal((len(windows), 5))
    vectors = list((raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32))
    masks = [np.ones(10, bool) for _ in windows]
    merged = merge_vectors(vectors, masks, windows, unit=True)
    assert np.linalg.norm(merged) == pytest.approx(1.0, abs=1e-6)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 9))
def test_merged_residues_of_equal_windows_are_the_residues(length: int, overlap: int) -> None:
    windows = plan_windows(length, 10, overlap)
    tokens = np.arange(length * 2, dtype=np.float32).reshape(length, 2)
    merged = merge_residues([tokens[a:b] for a, b in windows], windows)
    np.testing.assert_array_equal(merged, tokens)
    assert merged.dtype == np.float32


def test_residues_in_two_windows_get_the_mean_and_nan_only_where_nothing_is_known() -> None:
    windows = ((0, 3), (1, 4))
    nan = np.nan
    left = np.array([[1.0], [2.0], [nan]], np.float32)
    right = np.array([[4.0], [nan], [nan]], np.float32)
    merged = merge_residues([left, right], windows)
    np.testing.assert_array_equal(merged, np.array([[1.0], [3.0], [nan], [nan]], np.float32))

"""Costs against plain loops; what cannot be compared is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cosine

from multiprot.errors import TransferError
from multiprot.optimal_transport import (
    cosine_costs,
    exact_cost,
    low_rank_cost,
    mean_cosine_distance,
    minibatch_cost,
    refined_match,
    sinkhorn_of_arrays,
    sliced_wasserstein,
    squared_euclidean_costs,
)

KERNELS = {
    "cosine": cosine_costs,
    "low rank": lambda x, y: low_rank_cost(x, y, rank=3),
    "minibatch": lambda x, y: minibatch_cost(x, y, batches=2),
    "refined": refined_match,
    "sinkhorn": sinkhorn_of_arrays,
}


def rows(n: int, width: int = 6, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, width)).astype(np.float32)


@pytest.mark.parametrize("power", [1, 1.5, 2])
def test_cosine_costs_are_those_of_scipy(power: float) -> None:
    x, y = rows(5), rows(7, seed=1)
    expected = [[cosine(a, b) ** power for b in y.astype(float)] for a in x.astype(float)]
    np.testing.assert_allclose(cosine_costs(x, y, power), expected, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(scale=st.floats(1e-30, 1e30), seed=st.integers(0, 99))
def test_length_of_a_vector_does_not_matter(scale: float, seed: int) -> None:
    x, y = rows(4, seed=seed).astype(np.float64), rows(5, seed=seed + 1)
    np.testing.assert_allclose(cosine_costs(x * scale, y, 2), cosine_costs(x, y, 2), atol=1e-12)


def test_costs_stay_in_their_range() -> None:
    x = rows(50, width=3)
    costs = cosine_costs(np.vstack([x, -x]), x * np.float32(3), 0.5)
    assert costs.min() >= 0
    assert costs.max() <= 2**0.5
    assert np.isfinite(costs).all()


def test_squared_euclidean_costs() -> None:
    x, y = rows(4).astype(np.float64), rows(3, seed=2).astype(np.float64)
    expected = [[((a - b) ** 2).sum() for b in y] for a in x]
    np.testing.assert_allclose(squared_euclidean_costs(x, y), expected)


def test_mean_distance_is_that_of_all_pairs_with_themselves() -> None:
    x = rows(30)
    assert mean_cosine_distance(x) == pytest.approx(cosine_costs(x, x).mean(), abs=1e-12)
    assert mean_cosine_distance(np.tile(x[:1], (4, 1))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (rows(5), rows(5, width=7), "of 6 and of 7 channels"),
        (rows(0), rows(5), "holds no vectors"),
        (rows(5), np.zeros((3, 6)), "row 0 is a zero vector"),
        (np.full((3, 6), np.nan), rows(5), "row 0 holds NaN or infinity"),
        (rows(5), np.vstack([rows(2), np.full((1, 6), np.inf)]), "row 2 holds NaN"),
    ],
)
def test_what_cannot_be_compared_is_told(
    kernel: str, x: NDArray[np.float64], y: NDArray[np.float64], says: str
) -> None:
    with pytest.raises(TransferError, match=says):
        KERNELS[kernel](x, y)  # type: ignore[operator]


def test_options_without_sense_are_told() -> None:
    x = rows(12)
    with pytest.raises(TransferError, match="power 0"):
        cosine_costs(x, x, 0)
    with pytest.raises(TransferError, match="0 directions"):
        sliced_wasserstein(x, x, directions=0)
    with pytest.raises(TransferError, match="mini-batches of 0"):
        minibatch_cost(x, x, batch=0)
    with pytest.raises(TransferError, match="rank 25"):
        low_rank_cost(x, x, rank=25)
    with pytest.raises(TransferError, match="empty or not finite"):
        exact_cost(np.full((2, 2), np.nan))
    with pytest.raises(TransferError, match=r"5001 × 2 .*refined"):
        exact_cost(np.zeros((5001, 2)))

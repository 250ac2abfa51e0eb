"""Solvers for large sets: bounds, agreement with the exact one, order and memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.optimal_transport import (
    Refinement,
    cosine_costs,
    exact_cost,
    low_rank_cost,
    minibatch_cost,
    refined_match,
    sliced_wasserstein,
)


def clustered(n: int, seed: int, width: int = 16, clusters: int = 6) -> NDArray[np.float32]:
    centres = np.random.default_rng(99).standard_normal((clusters, width))
    generator = np.random.default_rng(seed)
    chosen = centres[generator.integers(clusters, size=n)]
    return (chosen + 0.4 * generator.standard_normal((n, width)) + 0.1 * seed).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 40), m=st.integers(1, 40), seed=st.integers(0, 100))
def test_none_is_below_the_exact_cost(n: int, m: int, seed: int) -> None:
    x, y = clustered(n, seed), clustered(m, seed + 1)
    # Of the larger set the refined match takes as many as the smaller one has.
    match = refined_match(x, y, how=Refinement(block=8, sweeps=5))
    matched = exact_cost(cosine_costs(x[match.rows], y[np.sort(match.columns)]))
    assert match.cost >= matched - 1e-6
    assert low_rank_cost(x, y, rank=min(4, n + m)) >= exact_cost(cosine_costs(x, y)) - 1e-9


@pytest.mark.parametrize("power", [1, 2])
def test_one_block_is_exact(power: float) -> None:
    x, y = clustered(60, 0), clustered(60, 1)
    expected = exact_cost(cosine_costs(x, y, power))
    assert refined_match(x, y, power=power).cost == pytest.approx(expected, rel=1e-5)
    assert minibatch_cost(x, y, power=power, batches=1) == pytest.approx(expected, rel=1e-5)


def test_refined_is_close_to_exact_and_never_rises() -> None:
    x, y = clustered(600, 0), clustered(600, 1)
    exact = exact_cost(cosine_costs(x, y, 2))
    match = refined_match(x, y, power=2, how=Refinement(block=100))
    assert match.cost == pytest.approx(exact, rel=0.02)
    assert np.all(np.diff(match.history) <= 1e-9)
    assert sorted(match.columns) == sorted(set(match.columns))
    pairs = cosine_costs(x[match.rows], y[match.columns], 2).diagonal()
    assert match.cost == pytest.approx(pairs.mean(), rel=1e-5)


def test_minibatch_nears_the_exact_cost_from_above() -> None:
    x, y = clustered(400, 0), clustered(400, 1)
    exact = exact_cost(cosine_costs(x, y))
    values = [minibatch_cost(x, y, batch=batch) for batch in (50, 200, 400)]
    assert values[0] > values[1] > values[2]
    assert values[2] == pytest.approx(exact, rel=1e-5)


def test_low_rank_nears_the_exact_cost_from_above() -> None:
    x, y = clustered(300, 0), clustered(300, 1)
    exact = exact_cost(cosine_costs(x, y))
    one, six, many = (low_rank_cost(x, y, rank=rank, iterations=20) for rank in (1, 6, 60))
    assert one > six > many > exact
    assert many < 1.6 * exact


def test_rank_one_is_the_mean_cost() -> None:
    x, y = clustered(30, 0), clustered(40, 1)
    assert low_rank_cost(x, y, rank=1) == pytest.approx(cosine_costs(x, y).mean(), rel=1e-6)


def test_a_seed_decides() -> None:
    x, y = clustered(120, 0), clustered(150, 1)
    kernels = (
        lambda seed: refined_match(x, y, how=Refinement(block=20, sweeps=2, seed=seed)).cost,
        lambda seed: minibatch_cost(x, y, batch=20, seed=seed),
        lambda seed: low_rank_cost(x, y, rank=5, iterations=2, seed=seed),
        lambda seed: sliced_wasserstein(x, y, directions=7, seed=seed),
    )
    for kernel in kernels:
        assert kernel(1) == kernel(1)
        assert kernel(1) != kernel(2)


def test_sliced_is_the_mean_over_sorted_projections() -> None:
    x, y = clustered(50, 0).astype(float), clustered(50, 1).astype(float)
    directions = np.random.default_rng(0).standard_normal((16, 120))
    directions /= np.linalg.norm(directions, axis=0)
    sorted_x, sorted_y = np.sort(x @ directions, axis=0), np.sort(y @ directions, axis=0)
    expected = np.sqrt(((sorted_x - sorted_y) ** 2).mean())
    assert sliced_wasserstein(x, y, directions=120) == pytest.approx(expected, rel=1e-9)


def test_sliced_takes_sets_of_any_sizes() -> None:
    x = clustered(40, 0)
    assert sliced_wasserstein(x, np.vstack([x, x])) == pytest.approx(0, abs=1e-6)
    assert sliced_wasserstein(x, x + 1) > 0


def test_no_matrix_of_pairs_is_formed() -> None:
    x, y = clustered(4000, 0, width=8), clustered(4000, 1, width=8)
    tracemalloc.start()
    refined_match(x, y, how=Refinement(block=200, sweeps=1))
    minibatch_cost(x, y, batch=200, batches=2)
    sliced_wasserstein(x, y, directions=20)
    low_rank_cost(x, y, rank=3, iterations=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4000 * 4000 * 8 / 4

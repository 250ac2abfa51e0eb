"""The exact optimum against brute force and a linear programme; its two solvers agree."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from multiprot.errors import TransferError
from multiprot.optimal_transport import cosine_costs, exact_cost, exact_plan, wasserstein
from multiprot.optimal_transport import exact as module


def random_costs(rows: int, columns: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, columns))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 1000))
def test_equal_sizes_are_the_best_permutation(n: int, seed: int) -> None:
    costs = random_costs(n, n, seed)
    best = min(costs[range(n), list(order)].mean() for order in permutations(range(n)))
    assert exact_cost(costs) == pytest.approx(best, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 6), columns=st.integers(1, 6), seed=st.integers(0, 1000))
def test_any_sizes_are_the_linear_programme(rows: int, columns: int, seed: int) -> None:
    costs = random_costs(rows, columns, seed)
    sums = np.zeros((rows + columns, rows * columns))
    for row in range(rows):
        sums[row, row * columns : (row + 1) * columns] = 1
    for column in range(columns):
        sums[rows + column, column::columns] = 1
    weights = np.r_[np.full(rows, 1 / rows), np.full(columns, 1 / columns)]
    best = linprog(costs.ravel(), A_eq=sums, b_eq=weights).fun
    assert exact_cost(costs) == pytest.approx(best, abs=1e-9)
    plan = exact_plan(costs)
    assert (plan * costs).sum() == pytest.approx(best, abs=1e-9)
    np.testing.assert_allclose(np.r_[plan.sum(axis=1), plan.sum(axis=0)], weights, atol=1e-9)


def test_both_solvers_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    costs = cosine_costs(generator.standard_normal((200, 16)), generator.random((200, 16)), 2)
    by_assignment = exact_cost(costs)
    monkeypatch.setattr(module, "_ASSIGNMENT_ROWS", 0)
    assert exact_cost(costs) == pytest.approx(by_assignment, rel=1e-9)
    assert by_assignment == pytest.approx(ot.emd2([], [], costs), rel=1e-9)


def test_wasserstein_is_a_distance() -> None:
    generator = np.random.default_rng(4)
    a, b, c = (generator.standard_normal((20, 5)) + shift for shift in (0, 1, 2))

    def distance(x: np.ndarray, y: np.ndarray) -> float:
        # The arc is a metric on the sphere, unlike 1 - cosine.
        arcs = np.arccos(np.clip(1 - cosine_costs(x, y), -1, 1))
        return wasserstein(arcs**2, 2)

    assert distance(a, a[::-1]) == pytest.approx(0, abs=1e-6)
    assert distance(a, b) == pytest.approx(distance(b, a))
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-12


@pytest.mark.filterwarnings("ignore:numItermax")
def test_a_missing_optimum_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PIVOTS", 1)
    with pytest.raises(TransferError, match="no optimum for 60 × 50"):
        exact_cost(random_costs(60, 50, 0))


def test_without_pot_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ot", None)
    assert exact_cost(random_costs(5, 5, 0)) > 0
    with pytest.raises(TransferError, match=r"POT .*pip install 'multiprot\[transfer\]'"):
        exact_cost(random_costs(5, 6, 0))

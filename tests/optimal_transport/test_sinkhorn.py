"""Sinkhorn divergence against POT, plain scaling, and finite differences."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import TransferError
from multiprot.optimal_transport import (
    SinkhornOptions,
    cosine_costs,
    exact_cost,
    sinkhorn_divergence,
    sinkhorn_of_arrays,
)
from multiprot.optimal_transport import arrays as module
from multiprot.optimal_transport.sinkhorn import transport
from multiprot.optimal_transport.soft_costs import MatrixCosts, StreamedCosts, cosine_cost

TIGHT = SinkhornOptions(tolerance=1e-8, iterations=20_000)


def rows(n: int, width: int = 5, seed: int = 0, shift: float = 0.5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, width)) + shift * seed


def of_pot(x: np.ndarray, y: np.ndarray, epsilon: float, power: float) -> float:
    """OT_ε with the entropy relative to the product of the marginals."""
    costs = cosine_costs(x, y, power)
    plan = ot.sinkhorn(
        [], [], costs, epsilon, method="sinkhorn_log", stopThr=1e-8, numItermax=5000, warn=False
    )
    entropy = (plan * np.log(plan * plan.size)).sum()
    return float((plan * costs).sum() + epsilon * entropy)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("epsilon", [0.1, 5.0])
def test_equal_to_pot(epsilon: float, power: float) -> None:
    x, y = rows(8), rows(11, seed=1)
    expected = of_pot(x, y, epsilon, power)
    expected -= (of_pot(x, x, epsilon, power) + of_pot(y, y, epsilon, power)) / 2
    how = SinkhornOptions(epsilon=epsilon, power=power, tolerance=1e-8, iterations=9999)
    assert sinkhorn_of_arrays(x, y, how) == pytest.approx(expected, abs=1e-7)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 9), m=st.integers(1, 9), seed=st.integers(0, 500))
def test_never_negative_and_symmetric(n: int, m: int, seed: int) -> None:
    x, y = rows(n, seed=seed), rows(m, seed=seed + 1)
    value = sinkhorn_of_arrays(x, y)
    assert value >= -1e-6
    assert value == pytest.approx(sinkhorn_of_arrays(y, x), abs=1e-4)
    assert sinkhorn_of_arrays(x, x[::-1].copy()) == pytest.approx(0, abs=1e-4)


def test_small_blur_is_the_exact_cost() -> None:
    x, y = rows(12), rows(12, seed=1)
    how = SinkhornOptions(epsilon=1e-3, iterations=3000, strict=False)
    assert sinkhorn_of_arrays(x, y, how) == pytest.approx(exact_cost(cosine_costs(x, y)), abs=5e-3)


def test_nothing_overflows_where_blur_is_tiny() -> None:
    x, y = rows(8), -rows(8, seed=1)
    how = SinkhornOptions(epsilon=1e-5, iterations=50, strict=False)
    assert np.isfinite(sinkhorn_of_arrays(x, y, how))


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_gradient_is_that_of_finite_differences(power: float) -> None:
    x = torch.tensor(rows(6, width=3), requires_grad=True)
    y = torch.tensor(rows(5, width=3, seed=1), requires_grad=True)
    how = SinkhornOptions(power=power, tolerance=1e-9, iterations=9999)
    assert torch.autograd.gradcheck(
        lambda a, b: sinkhorn_divergence(a, b, how), (x, y), eps=1e-5, atol=1e-5
    )


def test_descent_brings_the_sets_together() -> None:
    x = torch.tensor(rows(10), requires_grad=True)
    y = torch.tensor(rows(10, seed=2))
    optimizer = torch.optim.SGD([x], lr=5.0)
    before = sinkhorn_divergence(x, y).item()
    for _ in range(30):
        optimizer.zero_grad()
        sinkhorn_divergence(x, y).backward()
        optimizer.step()
    assert sinkhorn_divergence(x, y).item() < 0.2 * before


def test_block_by_block_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = torch.tensor(rows(23)), torch.tensor(rows(31, seed=1))
    whole = transport(MatrixCosts(cosine_cost(x, y, 2)), TIGHT, symmetric=False)
    parts = transport(StreamedCosts(x, y, 2, block=7), TIGHT, symmetric=False)
    assert parts.item() == pytest.approx(whole.item(), abs=1e-9)
    expected = sinkhorn_of_arrays(x.numpy(), y.numpy())
    monkeypatch.setattr(module, "_PAIRS_IN_MEMORY", 100)
    assert sinkhorn_of_arrays(x.numpy(), y.numpy()) == pytest.approx(expected, abs=1e-4)


def test_what_does_not_converge_is_told() -> None:
    x, y = rows(20), rows(20, seed=3)
    hard = SinkhornOptions(epsilon=1e-3, tolerance=1e-9, iterations=3)
    with pytest.raises(TransferError, match=r"still err by .* after 3 iterations"):
        sinkhorn_of_arrays(x, y, hard)
    with pytest.raises(TransferError, match=r"epsilon -0\.1"):
        sinkhorn_of_arrays(x, y, SinkhornOptions(epsilon=-0.1))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_told() -> None:
    with pytest.raises(TransferError, match="no GPU"):
        sinkhorn_of_arrays(rows(3), rows(3), device="cuda")

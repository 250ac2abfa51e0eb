"""Sinkhorn between exact transport and mean differences; closed forms; numbers at the edge."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from multiprot.errors import TransferError
from multiprot.optimal_transport import (
    Gaussian,
    Refinement,
    SinkhornOptions,
    cosine_costs,
    exact_cost,
    low_rank_cost,
    mean_cosine_distance,
    minibatch_cost,
    refined_match,
    sinkhorn_divergence,
    sinkhorn_of_arrays,
    sliced_wasserstein,
    squared_bures_wasserstein,
    squared_euclidean_costs,
    wasserstein,
)
from multiprot.optimal_transport.sinkhorn import transport
from multiprot.optimal_transport.soft_costs import MatrixCosts, StreamedCosts, cosine_cost

Rows = NDArray[np.float64]

KERNELS: dict[str, Callable[[Rows, Rows], float]] = {
    "exact": lambda x, y: exact_cost(cosine_costs(x, y)),
    "low rank": lambda x, y: low_rank_cost(x, y, rank=2, iterations=2),
    "minibatch": lambda x, y: minibatch_cost(x, y, batch=4, batches=3),
    "refined": lambda x, y: refined_match(x, y, how=Refinement(block=4, sweeps=3)).cost,
    "sinkhorn": lambda x, y: sinkhorn_of_arrays(x, y),
    "sliced": lambda x, y: sliced_wasserstein(x, y, directions=8),
    "intra": lambda x, _: mean_cosine_distance(x),
}


def rows(n: int, width: int = 5, seed: int = 0, shift: float = 0.4) -> Rows:
    return np.random.default_rng(seed).standard_normal((n, width)) + shift * seed


def blurred(x: Rows, y: Rows, epsilon: float, power: float = 1.0) -> float:
    how = SinkhornOptions(epsilon=epsilon, power=power, tolerance=1e-5, iterations=5000)
    return sinkhorn_of_arrays(x, y, how)


def test_less_blur_comes_closer_to_exact_transport() -> None:
    x, y = rows(14), rows(14, seed=1)
    exact = exact_cost(cosine_costs(x, y))
    errors = [abs(blurred(x, y, epsilon) - exact) for epsilon in (0.5, 0.2, 0.08, 0.04)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.05 * exact < errors[0]


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_much_blur_is_a_difference_of_mean_costs(power: float) -> None:
    """The energy distance, a maximum mean discrepancy; with power 1 that of mean directions."""
    x, y = rows(9), rows(13, seed=1)
    both, own, other = (cosine_costs(a, b, power).mean() for a, b in ((x, y), (x, x), (y, y)))
    assert blurred(x, y, 1e4, power) == pytest.approx(both - own / 2 - other / 2, abs=1e-4)
    if power == 1:
        mean = [(v / np.linalg.norm(v, axis=1, keepdims=True)).mean(axis=0) for v in (x, y)]
        squared = ((mean[0] - mean[1]) ** 2).sum()
        assert blurred(x, y, 1e4) == pytest.approx(squared / 2, abs=1e-4)


@settings(max_examples=12)
@given(n=st.integers(2, 7), m=st.integers(2, 7), seed=st.integers(0, 999))
def test_blur_adds_entropy_to_the_cost(n: int, m: int, seed: int) -> None:
    """OT_ε grows with ε, from the exact cost to the mean cost."""
    x, y = torch.tensor(rows(n, seed=seed)), torch.tensor(rows(m, seed=seed + 1))
    costs = MatrixCosts(cosine_cost(x, y, 1.0))
    values = [
        transport(costs, SinkhornOptions(epsilon=e, iterations=50_000), symmetric=False).item()
        for e in (0.2, 0.7, 5.0)
    ]
    matrix = cosine_costs(x.numpy(), y.numpy())
    bounds = [exact_cost(matrix), *values, float(matrix.mean())]
    assert all(a <= b + 1e-4 for a, b in pairwise(bounds))


@settings(max_examples=8)
@given(seed=st.integers(0, 999), epsilon=st.floats(0.4, 2.0), power=st.sampled_from([1.0, 1.5, 3]))
def test_a_small_step_changes_the_value_as_the_gradient_says(
    seed: int, epsilon: float, power: float
) -> None:
    x, y = torch.tensor(rows(7, 4, seed)), torch.tensor(rows(5, 4, seed + 1))
    how = SinkhornOptions(epsilon=epsilon, power=power, tolerance=1e-10, iterations=20_000)
    both = [x.clone().requires_grad_(), y.clone().requires_grad_()]
    sinkhorn_divergence(both[0], both[1], how).backward()
    width = 1e-4
    for side, fixed in ((0, y), (1, x)):
        start, gradient = both[side].detach(), both[side].grad
        assert gradient is not None
        step = torch.tensor(rows(len(start), 4, seed + 2, shift=0))
        ahead, behind = (sinkhorn_divergence(start + s * width * step, fixed, how) for s in (1, -1))
        slope = (ahead - behind).item() / (2 * width)
        assert (gradient * step).sum().item() == pytest.approx(slope, rel=1e-3, abs=1e-6)
        # Only a vector's direction counts: along itself nothing changes.
        along = (gradient * start).sum(dim=1)
        torch.testing.assert_close(along, torch.zeros_like(along), atol=1e-8, rtol=0)


def test_gradient_of_equal_sets_is_zero() -> None:
    x = torch.tensor(rows(9), requires_grad=True)
    how = SinkhornOptions(epsilon=0.5, tolerance=1e-10, iterations=5000)
    sinkhorn_divergence(x, x.detach().flip(0), how).backward()
    assert x.grad is not None
    assert x.grad.abs().max() < 1e-7


@settings(max_examples=10)
@given(n=st.integers(1, 12), m=st.integers(1, 12), block=st.integers(1, 13))
def test_blocks_of_any_size_give_the_same(n: int, m: int, block: int) -> None:
    x, y = torch.tensor(rows(n)), torch.tensor(rows(m, seed=1))
    how = SinkhornOptions(epsilon=0.5, tolerance=1e-9, iterations=5000, power=1.5)
    whole, parts = MatrixCosts(cosine_cost(x, y, 1.5)), StreamedCosts(x, y, 1.5, block=block)
    values = [transport(costs, how, symmetric=False).item() for costs in (whole, parts)]
    assert values[0] == pytest.approx(values[1], abs=1e-8)
    f, g = whole.zeros(0) + 0.1, whole.zeros(1) - 0.2
    for axis, potential in ((0, g), (1, f)):
        torch.testing.assert_close(
            whole.softmin(potential, 0.3, axis), parts.softmin(potential, 0.3, axis)
        )
    torch.testing.assert_close(whole.mass(f, g, 0.3), parts.mass(f, g, 0.3))


@settings(max_examples=30)
@given(
    n=st.integers(2, 9),
    m=st.integers(2, 9),
    seed=st.integers(0, 999),
    scale=st.floats(0.01, 50),
)
def test_gaussians_on_a_line(n: int, m: int, seed: int, scale: float) -> None:
    """(difference of means)² + (difference of standard deviations)²."""
    x, y = rows(n, 1, seed) * scale, rows(m, 1, seed + 1)
    expected = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    found = squared_bures_wasserstein(Gaussian.of(x), Gaussian.of(y))
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-9 * (1 + scale) ** 2)


@settings(max_examples=20)
@given(seed=st.integers(0, 999), width=st.integers(1, 6))
def test_gaussians_with_common_axes(seed: int, width: int) -> None:
    """Where covariances commute the roots of their eigenvalues are compared."""
    generator = np.random.default_rng(seed)
    axes = np.linalg.qr(generator.standard_normal((width, width)))[0]
    spreads = generator.uniform(0, 3, (2, width))
    mean = generator.standard_normal((2, width))
    gaussians = [Gaussian(mean[i], spreads[i][:, None] * axes) for i in range(2)]
    expected = ((mean[0] - mean[1]) ** 2).sum() + ((spreads[0] - spreads[1]) ** 2).sum()
    assert squared_bures_wasserstein(*gaussians) == pytest.approx(expected, rel=1e-9)


def test_gaussians_are_no_farther_than_the_sets_they_are_fitted_to() -> None:
    """Gelbrich 1990: a lower bound of 2-Wasserstein, with the covariances of the sets."""
    for seed in range(5):
        x, y = rows(30, 3, seed), np.exp(rows(30, 3, seed + 1) / 2)
        fitted = [Gaussian(v.mean(axis=0), (v - v.mean(axis=0)) / len(v) ** 0.5) for v in (x, y)]
        bound = squared_bures_wasserstein(*fitted)
        assert 0 < bound <= exact_cost(squared_euclidean_costs(x, y))


@settings(max_examples=20)
@given(n=st.integers(1, 12), m=st.integers(1, 12), seed=st.integers(0, 999))
def test_one_channel_is_what_scipy_says_of_a_line(n: int, m: int, seed: int) -> None:
    x, y = rows(n, 1, seed), rows(m, 1, seed + 1)
    expected = wasserstein_distance(x[:, 0], y[:, 0])
    assert sliced_wasserstein(x, y, power=1, directions=3) == pytest.approx(expected, rel=1e-7)
    # By cosine there are two places on a line; what differs moves from one to the other, by 2.
    share = abs((x > 0).mean() - (y > 0).mean())
    assert wasserstein(cosine_costs(x, y, 2), 2) == pytest.approx((4 * share) ** 0.5, abs=1e-7)


def test_points_of_a_circle_are_matched_by_their_angle() -> None:
    angles = np.linspace(0, np.pi / 2, 40)
    x, y = (np.c_[np.cos(a), np.sin(a)] for a in (angles, angles + 0.3))
    expected = 1 - np.cos(0.3)
    assert exact_cost(cosine_costs(x, y)) == pytest.approx(expected, rel=1e-9)
    assert refined_match(x, y, how=Refinement(block=10)).cost == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", KERNELS)
def test_arrays_of_any_make_give_the_same_and_are_not_written_to(name: str) -> None:
    x, y = rows(12), rows(15, seed=1)
    x, y = x.astype(np.float16).astype(np.float64), y.astype(np.float16).astype(np.float64)
    expected = KERNELS[name](x, y)
    for made in (
        lambda v: np.asfortranarray(v),
        lambda v: np.repeat(v, 2, axis=0)[::2],
        lambda v: np.hstack([v, v])[:, : v.shape[1]],
        lambda v: v[::-1][::-1],
        lambda v: v.astype(np.float32),
        lambda v: v.astype(np.float16),
        lambda v: v.astype(">f4"),
    ):
        first, second = made(x), made(y)
        before = first.copy(), second.copy()
        first.flags.writeable = second.flags.writeable = False
        assert KERNELS[name](first, second) == pytest.approx(expected, rel=1e-9)
        np.testing.assert_array_equal(first, before[0])
        np.testing.assert_array_equal(second, before[1])


@pytest.mark.parametrize("name", [n for n in KERNELS if n != "sliced"])
@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e-13, 1e13, 1e150, 1e300])
def test_huge_and_tiny_vectors(name: str, scale: float) -> None:
    x, y = rows(12), rows(15, seed=1)
    expected = KERNELS[name](x, y)
    assert KERNELS[name](x * scale, y) == pytest.approx(expected, rel=1e-6)
    assert KERNELS[name](x * scale, y / scale) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", KERNELS)
def test_one_vector_again_and_again(name: str) -> None:
    one, other = np.tile(rows(1), (10, 1)), np.tile(rows(1, seed=1), (13, 1))
    assert KERNELS[name](one, one) == pytest.approx(0, abs=1e-6)
    if name not in ("intra", "sliced"):
        expected = cosine_costs(one[:1], other[:1])[0, 0]
        assert KERNELS[name](one, other) == pytest.approx(expected, rel=1e-5)


def test_opposite_and_orthogonal_sets() -> None:
    axes = np.eye(4)
    x = np.repeat(axes[:1], 10, axis=0)
    assert wasserstein(cosine_costs(x, -x, 2), 2) == pytest.approx(2)
    assert wasserstein(cosine_costs(x, np.repeat(axes[1:2], 12, axis=0), 2), 2) == pytest.approx(1)
    assert sinkhorn_of_arrays(x, -x) == pytest.approx(2, rel=1e-4)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_small_sets_are_not_solved_ten_times(monkeypatch: pytest.MonkeyPatch, power: float) -> None:
    from multiprot.optimal_transport import minibatch

    solved = []

    def counted(costs: Rows) -> float:
        solved.append(costs.shape)
        return exact_cost(costs)

    monkeypatch.setattr(minibatch, "exact_cost", counted)
    x, y = rows(8), rows(11, seed=1)
    whole = minibatch_cost(x, y, power=power, batch=11, batches=10)
    assert solved == [(8, 11)]
    assert whole == pytest.approx(exact_cost(cosine_costs(x, y, power)), rel=1e-5)
    minibatch_cost(x, y, power=power, batch=10, batches=10)
    assert solved[1:] == [(8, 10)] * 10


def test_minibatches_average_above_the_exact_cost() -> None:
    x, y = rows(40), rows(60, seed=1)
    exact = exact_cost(cosine_costs(x, y))
    values = [minibatch_cost(x, y, batch=20, batches=2, seed=seed) for seed in range(40)]
    assert np.mean(values) > exact
    longer = [minibatch_cost(x, y, batch=20, batches=40, seed=seed) for seed in range(3)]
    assert np.std(longer) < np.std(values)
    assert np.mean(longer) == pytest.approx(np.mean(values), rel=0.05)


@pytest.mark.parametrize("how", [Refinement(block=0), Refinement(block=5001), Refinement(sweeps=0)])
def test_refinement_without_sense_is_told(how: Refinement) -> None:
    with pytest.raises(TransferError, match=f"{how.sweeps} sweeps with blocks of {how.block}"):
        refined_match(rows(5), rows(5), how=how)


@settings(max_examples=15)
@given(n=st.integers(1, 30), m=st.integers(1, 30), block=st.integers(1, 31))
def test_a_refined_match_is_one_to_one(n: int, m: int, block: int) -> None:
    x, y = rows(n), rows(m, seed=1)
    match = refined_match(x, y, how=Refinement(block=block, sweeps=4))
    assert len(match.rows) == len(match.columns) == min(n, m)
    assert len(set(match.rows)) == len(set(match.columns)) == min(n, m)
    assert match.rows.max() < n
    assert match.columns.max() < m
    costs = cosine_costs(x, y)[match.rows, match.columns]
    assert match.cost == pytest.approx(costs.mean(), abs=1e-6)
    assert all(b <= a + 1e-9 for a, b in pairwise(match.history))


@pytest.mark.long
def test_five_thousand_proteins_are_solved_exactly() -> None:
    x, y = (rows(5000, 32, seed).astype(np.float32) for seed in (0, 1))
    exact = exact_cost(cosine_costs(x, y, 2))
    refined = refined_match(x, y, power=2, how=Refinement(sweeps=30)).cost
    assert exact * (1 - 1e-5) <= refined <= exact * 1.1
    assert exact <= minibatch_cost(x, y, power=2, batches=3) * (1 + 1e-5)
    with pytest.raises(TransferError, match="5001"):
        exact_cost(np.zeros((10, 5001)))


@pytest.mark.long
def test_streamed_sinkhorn_of_many_proteins_agrees_with_the_matrix() -> None:
    x, y = rows(5200, 16), rows(600, 16, seed=1)
    streamed = sinkhorn_of_arrays(x, y, SinkhornOptions(epsilon=0.3), "cpu")
    matrix = sinkhorn_divergence(
        torch.tensor(x), torch.tensor(y), SinkhornOptions(epsilon=0.3)
    ).item()
    assert streamed == pytest.approx(matrix, abs=2e-4)

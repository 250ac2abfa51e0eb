"""What a distance of two sets must be whatever the sets are: symmetric, 0 for equal ones, blind
to order, repetition, rotation and length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from multiprot.optimal_transport import (
    Gaussian,
    Refinement,
    SinkhornOptions,
    cosine_costs,
    exact_cost,
    exact_plan,
    low_rank_cost,
    mean_cosine_distance,
    minibatch_cost,
    refined_match,
    sinkhorn_of_arrays,
    sliced_wasserstein,
    squared_bures_wasserstein,
    squared_euclidean_costs,
    wasserstein,
)

Rows = NDArray[np.float64]
Distance = Callable[[Rows, Rows], float]

TIGHT = SinkhornOptions(epsilon=0.7, tolerance=1e-7, iterations=20_000)


def of_cosines(x: Rows, y: Rows) -> float:
    return wasserstein(cosine_costs(x, y, 2), 2)


def of_points(x: Rows, y: Rows) -> float:
    return wasserstein(squared_euclidean_costs(x, y), 2)


def of_gaussians(x: Rows, y: Rows) -> float:
    return squared_bures_wasserstein(Gaussian.of(x), Gaussian.of(y)) ** 0.5


def of_sinkhorn(x: Rows, y: Rows) -> float:
    return sinkhorn_of_arrays(x, y, TIGHT)


def of_slices(x: Rows, y: Rows) -> float:
    return sliced_wasserstein(x, y, directions=20)


DISTANCES: dict[str, Distance] = {
    "cosine": of_cosines,
    "euclidean": of_points,
    "gaussian": of_gaussians,
    "sinkhorn": of_sinkhorn,
    "sliced": of_slices,
}
BY_ANGLE = ("cosine", "sinkhorn")
METRICS = ("euclidean", "gaussian", "sliced")


@st.composite
def sets(draw: st.DrawFn, count: int = 2, most: int = 9) -> list[Rows]:
    """Sets of different sizes and one width; some clustered, some apart."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width = draw(st.integers(1, 5))
    spread = draw(st.sampled_from([0.01, 1.0, 30.0]))
    found = []
    for _ in range(count):
        rows = generator.standard_normal((draw(st.integers(2, most)), width))
        found.append(generator.standard_normal(width) + spread * rows)
    return found


def turned(width: int, seed: int) -> Rows:
    square = np.random.default_rng(seed).standard_normal((width, width))
    return np.asarray(np.linalg.qr(square)[0])


@pytest.mark.parametrize("name", DISTANCES)
@settings(max_examples=15)
@given(pair=sets())
def test_symmetric_and_not_negative(name: str, pair: list[Rows]) -> None:
    distance = DISTANCES[name]
    there, back = distance(*pair), distance(*pair[::-1])
    assert there >= -1e-6
    assert there == pytest.approx(back, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", DISTANCES)
@settings(max_examples=15)
@given(pair=sets(), seed=st.integers(0, 99))
def test_a_set_in_another_order_is_the_same_set(name: str, pair: list[Rows], seed: int) -> None:
    x, y = pair
    distance = DISTANCES[name]
    shuffled = np.random.default_rng(seed).permutation(x)
    scale = 1 + np.abs(x).max()
    assert distance(x, shuffled) == pytest.approx(0, abs=2e-6 * scale)
    assert distance(shuffled, y) == pytest.approx(distance(x, y), rel=1e-4, abs=2e-6 * scale)


@pytest.mark.parametrize("name", [n for n in DISTANCES if n != "gaussian"])
@settings(max_examples=12)
@given(pair=sets(most=6), times=st.integers(2, 4))
def test_every_row_twice_is_the_same_set(name: str, pair: list[Rows], times: int) -> None:
    """Weights count, not rows; the Gaussian's covariance is the unbiased one, which counts rows."""
    x, y = pair
    distance = DISTANCES[name]
    assert distance(np.repeat(x, times, axis=0), y) == pytest.approx(
        distance(x, y), rel=1e-4, abs=1e-5 * (1 + np.abs(x).max())
    )


@pytest.mark.parametrize("name", [n for n in DISTANCES if n != "sliced"])
@settings(max_examples=12)
@given(pair=sets(), seed=st.integers(0, 99))
def test_turning_both_sets_changes_nothing(name: str, pair: list[Rows], seed: int) -> None:
    x, y = pair
    turn = turned(x.shape[1], seed)
    expected = DISTANCES[name](x, y)
    assert DISTANCES[name](x @ turn, y @ turn) == pytest.approx(
        expected, rel=1e-4, abs=2e-6 * (1 + np.abs(x).max())
    )


@pytest.mark.parametrize("name", BY_ANGLE)
@settings(max_examples=12)
@given(pair=sets(), seed=st.integers(0, 99))
def test_the_length_of_each_vector_does_not_matter(name: str, pair: list[Rows], seed: int) -> None:
    x, y = pair
    lengths = 10.0 ** np.random.default_rng(seed).uniform(-6, 6, size=(len(x), 1))
    assert DISTANCES[name](x * lengths, y) == pytest.approx(
        DISTANCES[name](x, y), rel=1e-5, abs=1e-6
    )


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=12)
@given(pair=sets(), shift=st.floats(-50, 50), scale=st.floats(0.01, 100))
def test_of_points_moved_together_and_scaled(
    name: str, pair: list[Rows], shift: float, scale: float
) -> None:
    x, y = pair
    distance = DISTANCES[name]
    size = max(np.abs(x).max(), np.abs(y).max()) + abs(shift)
    assert distance(x + shift, y + shift) == pytest.approx(
        distance(x, y), rel=1e-5, abs=3e-6 * size
    )
    assert distance(x * scale, y * scale) == pytest.approx(
        scale * distance(x, y), rel=1e-5, abs=3e-6 * size * scale
    )


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=15)
@given(three=sets(count=3))
def test_no_detour_is_shorter(name: str, three: list[Rows]) -> None:
    a, b, c = three
    distance = DISTANCES[name]
    direct, detour = distance(a, c), distance(a, b) + distance(b, c)
    assert direct <= detour * (1 + 1e-9) + 1e-5


@settings(max_examples=25)
@given(three=sets(count=3))
def test_a_detour_halves_the_cosine_distance_at_most(three: list[Rows]) -> None:
    """1 − cosine is half a squared chord: of it the triangle holds with a factor of 2."""
    a, b, c = three
    assert of_cosines(a, c) <= 2 * (of_cosines(a, b) + of_cosines(b, c)) + 1e-9
    # The root of its cost is a metric.
    roots = [exact_cost(cosine_costs(x, y)) ** 0.5 for x, y in ((a, c), (a, b), (b, c))]
    assert roots[0] <= roots[1] + roots[2] + 1e-9


def test_the_cosine_distance_itself_is_no_metric() -> None:
    """So nothing may be built on its triangle: three single vectors, 60 degrees apart."""
    a, b, c = (np.array([[np.cos(t), np.sin(t)]]) for t in np.radians([0, 60, 120]))
    assert of_cosines(a, c) > of_cosines(a, b) + of_cosines(b, c) + 0.4


@settings(max_examples=25)
@given(pair=sets())
def test_a_plan_moves_all_mass_and_no_more(pair: list[Rows]) -> None:
    x, y = pair
    costs = cosine_costs(x, y, 2)
    plan = exact_plan(costs)
    assert plan.min() >= 0
    np.testing.assert_allclose(plan.sum(axis=1), 1 / len(x), atol=1e-12)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / len(y), atol=1e-12)
    # A vertex of the polytope of plans: fewer paths than rows and columns together.
    assert np.count_nonzero(plan) < len(x) + len(y)
    assert (plan * costs).sum() == pytest.approx(exact_cost(costs), abs=1e-12)


@settings(max_examples=25)
@given(pair=sets(), power=st.floats(1, 4))
def test_a_larger_power_weighs_the_far_ones_more(pair: list[Rows], power: float) -> None:
    x, y = pair
    one = wasserstein(cosine_costs(x, y), 1)
    more = wasserstein(cosine_costs(x, y, power), power)
    assert one - 1e-9 <= more <= cosine_costs(x, y).max() + 1e-9


@settings(max_examples=25)
@given(pair=sets())
def test_no_plan_beats_the_exact_one(pair: list[Rows]) -> None:
    x, y = pair
    costs = cosine_costs(x, y)
    exact = exact_cost(costs)
    smaller = min(len(x), len(y))
    assert exact <= costs.mean() + 1e-12
    assert exact >= max(costs.min(axis=1).mean(), costs.min(axis=0).mean()) - 1e-12
    assert low_rank_cost(x, y, rank=2, iterations=3) >= exact - 1e-9
    assert minibatch_cost(x, y, batch=20) == pytest.approx(exact, abs=1e-6)
    equal = exact_cost(cosine_costs(x[:smaller], y[:smaller]))
    match = refined_match(x[:smaller], y[:smaller], how=Refinement(block=2, sweeps=8))
    assert equal - 1e-6 <= match.cost <= cosine_costs(x, y).max() + 1e-6
    assert sorted(match.columns) == list(range(smaller))


@settings(max_examples=25)
@given(pair=sets())
def test_projections_lie_closer_than_the_points(pair: list[Rows]) -> None:
    x, y = pair
    full = of_points(x, y)
    assert of_slices(x, y) <= full + 1e-7 * (1 + full)


@settings(max_examples=25)
@given(pair=sets())
def test_means_are_no_farther_than_the_sets(pair: list[Rows]) -> None:
    x, y = pair
    apart = float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))
    assert apart <= of_points(x, y) * (1 + 1e-9) + 1e-9
    assert apart <= of_gaussians(x, y) * (1 + 1e-9) + 1e-9


@settings(max_examples=25)
@given(pair=sets())
def test_spread_within_a_set_is_that_of_all_its_pairs(pair: list[Rows]) -> None:
    x, y = pair
    assume(np.linalg.norm(x, axis=1).min() > 1e-6)
    assert mean_cosine_distance(x) == pytest.approx(cdist(x, x, "cosine").mean(), abs=1e-9)
    together = mean_cosine_distance(np.vstack([x, x]))
    assert together == pytest.approx(mean_cosine_distance(x), abs=1e-12)
    assert -1e-12 <= mean_cosine_distance(np.vstack([x, y])) <= 1 + 1e-12

"""OTFRM as its authors define it, written down once more; where it jumps, and what does not."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.transfer import MEASURES, Sample, TransferOptions, estimate, otfrm, pair_distances
from tests.transfer.sets import clustered

PLAIN = TransferOptions(replicates=0)


def reference(tasks: dict[str, np.ndarray], p: int = 2) -> dict[str, float]:
    """intra(t) over the mean of 1 − W_p(t, s), C = (1 − cos)^p, equal weights, exact plan."""

    def cosine_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows = [[1 - a @ b / np.sqrt((a @ a) * (b @ b)) for b in y] for a in x]
        return np.maximum(np.array(rows), 0)

    answer = {}
    for name, x in tasks.items():
        similar = []
        for other, y in tasks.items():
            if other != name:
                costs = cosine_distances(x, y) ** p
                weights = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
                moved = float(np.sum(ot.emd(*weights, costs) * costs))
                similar.append(1 - max(moved, 0) ** (1 / p))
        answer[name] = float((1 - cosine_distances(x, x).mean()) / np.mean(similar))
    return answer


def drawn(n: int, seed: int, count: int, power: int = 2) -> None:
    """Compare on `count` tasks of n proteins: all of them are drawn, whatever the seed."""
    tasks = [
        clustered(f"task{i}", n + 3 * i, width=6, shift=0.3 * i, seed=seed + i)
        for i in range(count)
    ]
    expected = reference({t.name: t.vectors.astype(float) for t in tasks}, power)
    found = otfrm(tasks, TransferOptions(n=2000, replicates=0, seed=seed, power=power))
    assert {name: each.value for name, each in found.items()} == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("n", "count"), [(10, 2), (17, 5), (30, 3), (64, 2)])
@pytest.mark.parametrize("seed", [0, 1, 20])
def test_equal_to_the_authors_definition(n: int, count: int, seed: int) -> None:
    drawn(n, seed, count)


@pytest.mark.parametrize("power", [1, 3])
def test_of_other_powers(power: int) -> None:
    drawn(20, 3, 3, power)


@pytest.mark.long
def test_a_thousand_proteins_as_in_massa() -> None:
    drawn(1000, 0, 2)


def test_golden_values() -> None:
    """Made by `reference` when this was written; neither may drift."""
    generator = np.random.RandomState(7)
    tasks = {
        name: generator.standard_normal((25, 8)) + shift
        for name, shift in (("near", 1.0), ("far", 2.0), ("spread", 0.4))
    }
    golden = {"near": 0.753189644, "far": 1.30802618, "spread": 0.322484989}
    assert reference({n: v.astype(np.float32).astype(float) for n, v in tasks.items()}) == (
        pytest.approx(golden, rel=1e-6)
    )
    found = otfrm([Sample(n, v.astype(np.float32)) for n, v in tasks.items()], PLAIN)
    assert {n: e.value for n, e in found.items()} == pytest.approx(golden, rel=1e-6)


@settings(max_examples=10)
@given(seed=st.integers(0, 999), order=st.permutations(range(4)))
def test_the_order_of_the_tasks_does_not_matter(seed: int, order: list[int]) -> None:
    tasks = [clustered(f"t{i}", 20 + i, shift=0.3 * i, seed=seed + i) for i in range(4)]
    options = TransferOptions(replicates=3, n=18)
    straight = otfrm(tasks, options)
    turned = otfrm([tasks[i] for i in order], options)
    for name, found in straight.items():
        other = turned[name]
        assert other.value == pytest.approx(found.value, rel=1e-12)
        assert (other.low, other.high) == pytest.approx((found.low, found.high), rel=1e-9)


@pytest.mark.parametrize("solver", ["exact", "refined", "minibatch"])
@pytest.mark.parametrize("name", ["wasserstein", "sinkhorn", "sliced-wasserstein"])
def test_symmetric_measures_are_symmetric_to_the_bit(name: str, solver: str) -> None:
    a, b = clustered("a", 40), clustered("b", 31, shift=0.5, seed=1)
    options = TransferOptions(replicates=3, solver=solver)
    there, back = (estimate(MEASURES[name], pair, options) for pair in ((a, b), (b, a)))
    assert (there.value, there.low, there.high) == (back.value, back.low, back.high)
    assert there.proteins == back.proteins[::-1] == (40, 31)
    assert there.samples == back.samples[::-1] == ("a", "b")


def parted(angle: float) -> list[Sample]:
    """Two tasks on a circle, `angle` degrees apart, each with a little spread."""
    sets = []
    for name, middle, seed in (("fixed", 0.0, 0), ("moving", angle, 1)):
        at = np.radians(middle + 8 * np.random.default_rng(seed).standard_normal(60))
        sets.append(Sample(name, np.c_[np.cos(at), np.sin(at)].astype(np.float32)))
    return sets


ANGLES = np.arange(60.0, 121.0, 2.0)


def test_it_jumps_where_its_denominator_changes_sign() -> None:
    """The instability that is known of it: beyond all bounds, then negative."""
    values = [otfrm(parted(angle), PLAIN)["moving"].value for angle in ANGLES]
    assert values[0] > 0
    assert values[-1] < 0
    assert max(np.abs(values)) > 20 * abs(values[0])
    steps = np.abs(np.diff(values))
    assert steps.max() > 50 * np.median(steps)


@pytest.mark.parametrize("name", ["wasserstein", "sinkhorn", "sliced-wasserstein"])
def test_its_companions_stay_bounded_and_do_not_jump(name: str) -> None:
    measure = MEASURES[name]
    values = np.array([measure.compute(parted(angle), PLAIN).value for angle in ANGLES])
    assert measure.least <= values.min() <= values.max() <= measure.most
    steps = np.diff(values)
    assert (steps > 0).all()
    assert steps.max() < 3 * np.median(steps)


def test_it_warns_where_it_jumps_and_only_there() -> None:
    options = TransferOptions(replicates=30)
    told = {angle: otfrm(parted(angle), options)["moving"] for angle in (20.0, 90.0, 140.0)}
    assert "divided by" not in (told[20.0].warning or "")
    assert "which may be 0" in (told[90.0].warning or "")
    assert "negative similarity" in (told[140.0].warning or "")
    calm = estimate(MEASURES["wasserstein"], parted(90.0), options)
    assert calm.warning is None
    assert 0.9 < calm.low < calm.value < calm.high < 1.1


@settings(max_examples=10)
@given(seed=st.integers(0, 999), copies=st.integers(2, 3))
def test_copies_and_lengths_of_proteins_do_not_matter(seed: int, copies: int) -> None:
    a, b = clustered("a", 20, seed=seed), clustered("b", 25, seed=seed + 1, shift=0.4)
    lengths = np.random.default_rng(seed).uniform(0.1, 10, (20, 1)).astype(np.float32)
    longer = Sample("a", np.repeat(a.vectors * lengths, copies, axis=0))
    expected, found = (otfrm([each, b], PLAIN) for each in (a, longer))
    for name in ("a", "b"):
        assert found[name].value == pytest.approx(expected[name].value, rel=1e-4)


def test_more_of_the_same_task_makes_it_tight_among_itself() -> None:
    """Equal sets: OTsim is 1, so that OTFRM is intra itself."""
    a = clustered("a", 30)
    twin = Sample("twin", a.vectors[::-1].copy())
    found = otfrm([a, twin], PLAIN)
    assert found["a"].value == pytest.approx(found["a"].parts["intra"], rel=1e-9)
    assert found["a"].value == pytest.approx(found["twin"].value, rel=1e-9)


def test_distances_are_those_of_the_pair_alone() -> None:
    tasks = [clustered(f"t{i}", 24, shift=0.3 * i, seed=i) for i in range(3)]
    options = TransferOptions(replicates=2, n=20)
    alone = pair_distances(tasks[0], tasks[2], options)
    direct = estimate(MEASURES["wasserstein"], (tasks[2], tasks[0]), options)
    assert alone.whole.value == direct.value
    mean = np.mean([1 - pair_distances(tasks[0], t, options).whole.value for t in tasks[1:]])
    assert otfrm(tasks, options)["t0"].parts["inter"] == pytest.approx(mean, rel=1e-12)

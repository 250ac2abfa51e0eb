"""Intervals cover, seeds decide, sizes nest, warnings say why."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from multiprot.errors import TransferError
from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer import MEASURES, Estimate, Outcome, Sample, TransferOptions, estimate
from multiprot.transfer.stability import Interval, interval_of, warning_of
from tests.transfer.sets import clustered

WASSERSTEIN = MEASURES["wasserstein"]
PAIR = [clustered("a"), clustered("b", shift=0.6, seed=1)]
MEAN = replace(
    MEASURES["logme"], name="mean", compute=lambda s, _: Outcome(float(s[0].labels.mean()))
)


def numbers(seed: int, n: int = 200) -> Sample:
    generator = np.random.default_rng(seed)
    return Sample(
        f"draw{seed}",
        np.ones((n, 1), np.float32),
        3 + generator.exponential(size=n),
        Target.REGRESSION,
    )


def test_intervals_of_a_mean_are_as_wide_as_they_should_be() -> None:
    options = TransferOptions(replicates=200)
    found = [estimate(MEAN, [numbers(seed)], options) for seed in range(60)]
    width = np.mean([each.high - each.low for each in found])
    assert width == pytest.approx(2 * 1.96 / 200**0.5, rel=0.12)
    covered = np.mean([each.low <= 4 <= each.high for each in found])
    assert covered >= 0.85


def test_an_interval_surrounds_its_value() -> None:
    found = estimate(WASSERSTEIN, PAIR, TransferOptions(replicates=30))
    assert found.low < found.value < found.high
    wider = estimate(WASSERSTEIN, PAIR, TransferOptions(replicates=30, confidence=0.5))
    assert wider.high - wider.low < found.high - found.low
    assert (found.replicates, found.failed) == (30, 0)


def test_without_replicates_there_is_no_interval() -> None:
    found = estimate(WASSERSTEIN, PAIR, TransferOptions(replicates=0))
    assert isnan(found.low)
    assert isnan(found.high)
    assert found.value > 0


def test_sizes_are_a_quarter_a_half_and_all() -> None:
    found = estimate(WASSERSTEIN, PAIR, TransferOptions(n=48, replicates=0))
    assert [size for size, _ in found.by_size] == [12, 24, 48]
    assert found.by_size[-1][1] == found.value
    assert found.proteins == (48, 48)
    half = estimate(WASSERSTEIN, PAIR, TransferOptions(n=24, replicates=0))
    assert found.by_size[1][1] == half.value
    assert [size for size, _ in half.by_size] == [12, 24]


def test_a_seed_decides_everything() -> None:
    options = TransferOptions(n=30, replicates=5)
    one, again = (estimate(WASSERSTEIN, PAIR, options) for _ in range(2))
    assert one == again
    other = estimate(WASSERSTEIN, PAIR, options.model_copy(update={"seed": 1}))
    assert other.value != one.value


def test_paired_rows_are_drawn_alike() -> None:
    x = PAIR[0]
    turned = Sample("turned", x.vectors[:, ::-1].copy() * 2)
    found = estimate(MEASURES["cka"], [x, turned], TransferOptions(n=20, replicates=4))
    assert found.value == pytest.approx(1, abs=1e-5)
    assert found.low == pytest.approx(1, abs=1e-5)


def test_json_there_and_back() -> None:
    found = estimate(MEASURES["otfrm"], PAIR, TransferOptions(replicates=4))
    assert Estimate.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_halves_that_fail_are_counted() -> None:
    labels = np.zeros(60, int)
    labels[7] = 1
    rare = Sample("rare", PAIR[0].vectors, labels, Target.MULTICLASS)
    found = estimate(MEASURES["knn-purity"], [rare], TransferOptions(replicates=30))
    assert 0 < found.failed < 30
    assert found.replicates == 30 - found.failed
    assert f"{found.failed} of 30 random halves" in (found.warning or "")


def test_an_error_of_the_whole_is_raised() -> None:
    one = Sample("one", PAIR[0].vectors, np.zeros(60, int), Target.MULTICLASS)
    with pytest.raises(TransferError, match="one class"):
        estimate(MEASURES["h-score"], [one])


CALM = Interval(1.0, 0.9, 1.1)
SIZES = ((25, 1.05), (50, 1.02), (100, 1.0))


@pytest.mark.parametrize(
    ("interval", "divisor", "sizes", "failed", "says"),
    [
        (CALM, None, SIZES, 0, None),
        (CALM, Interval(0.3, 0.2, 0.4), SIZES, 0, None),
        (CALM, Interval(0.02, -0.01, 0.05), SIZES, 0, r"0\.02 \[-0\.01, 0\.05\], which may be 0"),
        (CALM, Interval(-0.2, -0.3, -0.1), SIZES, 0, "negative similarity"),
        (Interval(1.0, 0.7, 1.3), None, SIZES, 0, "wide"),
        (CALM, None, ((50, 1.5), (100, 1.0)), 0, "with 50 proteins it is 1.5, not 1"),
        (CALM, None, SIZES, 3, "3 of 10 random halves"),
        (Interval(1.0, float("nan"), float("nan")), None, SIZES, 0, None),
    ],
)
def test_warnings(
    interval: Interval,
    divisor: Interval | None,
    sizes: tuple[tuple[int, float], ...],
    failed: int,
    says: str | None,
) -> None:
    found = warning_of(interval, divisor, sizes, failed, 10)
    if says is None:
        assert found is None
    else:
        assert re.search(says, found or "")


def test_an_interval_needs_two_halves() -> None:
    assert isnan(interval_of(1.0, np.array([2.0]), 0.95).low)
    found = interval_of(1.0, np.array([4.0, 5.0, 6.0]), 0.999)
    assert (found.low, found.high) == pytest.approx((0.0, 2.0), abs=0.01)

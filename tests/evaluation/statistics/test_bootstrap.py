"""Bootstrap intervals: those of scipy, with the coverage they claim, by rows or whole proteins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics import METRICS, MetricContext
from multiprot.evaluation.statistics import BootstrapOptions, Interval, bootstrap_interval
from multiprot.evaluation.statistics.options import IntervalMethod
from multiprot.evaluation.tasks.task_type import Target

NUMBERS = MetricContext(target=Target.REGRESSION)
METHODS: tuple[IntervalMethod, ...] = ("percentile", "bca")


def _mean_of(values: NDArray[Any], groups: NDArray[Any] | None = None, **options: Any) -> Interval:
    """Interval of the mean of positive values, as the error of predicting 0."""
    context = MetricContext(target=Target.REGRESSION, groups=groups)
    return bootstrap_interval(
        METRICS["mae"], values, np.zeros(len(values)), context, BootstrapOptions(**options)
    )


@pytest.mark.parametrize("method", METHODS)
def test_it_is_scipys_interval(method: IntervalMethod) -> None:
    values = np.random.default_rng(0).exponential(size=40)
    expected = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=400,
        confidence_level=0.9,
        method=method,
        random_state=np.random.default_rng(7),
    )
    found = _mean_of(values, resamples=400, confidence=0.9, method=method, seed=7)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval))
    assert found.standard_error == pytest.approx(expected.standard_error)
    assert (found.undefined, found.no_bounds_because) == (0, None)


@pytest.mark.parametrize("method", METHODS)
def test_the_true_value_lies_in_as_many_intervals_as_claimed(method: IntervalMethod) -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for seed in range(120):
        found = _mean_of(
            1 + rng.random(30), resamples=150, confidence=0.8, method=method, seed=seed
        )
        inside += found.low <= 1.5 <= found.high
    # Six standard errors of a share of 0.8, and the little that a bootstrap of 30 rows is short.
    assert 0.62 <= inside / 120 <= 0.95


def test_equal_seeds_give_equal_intervals() -> None:
    values = np.random.default_rng(2).random(50)
    first, same, other = (_mean_of(values, resamples=100, seed=seed) for seed in (3, 3, 4))
    assert (first.low, first.high) == (same.low, same.high)
    assert (first.low, first.high) != (other.low, other.high)


@pytest.mark.parametrize("method", METHODS)
def test_copies_of_rows_add_nothing_where_proteins_are_drawn(method: IntervalMethod) -> None:
    values = np.random.default_rng(5).random(30)
    groups = np.repeat(np.arange(30), 20)
    alone = _mean_of(values, resamples=200, method=method)
    copied = _mean_of(np.repeat(values, 20), groups, resamples=200, method=method)
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))
    naive = _mean_of(np.repeat(values, 20), resamples=200, method=method)
    assert naive.high - naive.low < 0.5 * (copied.high - copied.low)


def _rare(positives: int, rows: int, method: IntervalMethod = "percentile") -> Interval:
    labels = (np.arange(rows) < positives).astype(np.int64)
    predictions = np.random.default_rng(0).random(rows)
    return bootstrap_interval(
        METRICS["auroc"],
        labels,
        predictions,
        MetricContext(target=Target.BINARY),
        BootstrapOptions(resamples=300, method=method),
    )


def test_undefined_resamples_are_counted_and_left_out() -> None:
    found = _rare(2, 40)
    # Neither of two rows is drawn with probability (38 / 40)^40 = 0.128.
    assert 0.05 < found.undefined / 300 < 0.22
    assert np.isnan(found.distribution).sum() == found.undefined
    assert found.low <= found.value <= found.high
    assert found.no_bounds_because is None


def test_without_bounds_there_is_a_reason() -> None:
    bca = _rare(2, 40, "bca")
    assert np.isnan([bca.low, bca.high]).all()
    assert "use percentile" in (bca.no_bounds_because or "")
    nothing = _rare(0, 40)
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    assert nothing.no_bounds_because == "the metric is undefined on all rows"
    assert nothing.to_json()["value"] is None


@pytest.mark.parametrize("method", METHODS)
def test_what_never_changes_has_an_interval_of_one_point(method: IntervalMethod) -> None:
    found = _mean_of(np.full(20, 0.25), resamples=50, method=method)
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resamples": 1}, "1 resamples show no spread"),
        ({"confidence": 95}, "confidence 95 is not between 0 and 1"),
        ({"method": "basic"}, "no interval method 'basic'; choose percentile or bca"),
    ],
)
def test_settings_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        BootstrapOptions(**options)


def test_one_row_is_too_few() -> None:
    with pytest.raises(EvaluationError, match="give at least 2"):
        _mean_of(np.ones(1))

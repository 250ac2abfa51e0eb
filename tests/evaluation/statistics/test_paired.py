"""Two models on the same rows: chance is called chance, and a difference a difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics import METRICS, MetricContext
from multiprot.evaluation.statistics import (
    BootstrapOptions,
    PairedDifference,
    paired_bootstrap,
    sign_flip_test,
)
from multiprot.evaluation.tasks.task_type import Target

NUMBERS = MetricContext(target=Target.REGRESSION)
FEW = BootstrapOptions(resamples=200)


def _compare(name: str, noise: tuple[float, float], seed: int = 0) -> PairedDifference:
    rng = np.random.default_rng(seed)
    labels = rng.standard_normal(80)
    first, second = (labels + size * rng.standard_normal(80) for size in noise)
    return paired_bootstrap(METRICS[name], labels, (first, second), NUMBERS, FEW)


@pytest.mark.parametrize("name", ["spearman", "rmse"])
def test_a_clear_difference_is_found_whatever_is_better(name: str) -> None:
    found = _compare(name, (0.2, 2.0))
    assert found.first_is_better
    assert found.p_value < 0.02
    assert found.interval.low * found.interval.high > 0
    assert _compare(name, (2.0, 0.2)).first_is_better is False


def test_the_difference_is_that_of_the_values() -> None:
    rng = np.random.default_rng(1)
    labels, first, second = rng.standard_normal((3, 50))
    found = paired_bootstrap(METRICS["pearson"], labels, (first, second), NUMBERS, FEW)
    values = [METRICS["pearson"].value(labels, p, NUMBERS).value for p in (first, second)]
    assert found.interval.value == pytest.approx(values[0] - values[1])


def test_exchanged_models_give_the_mirror_image() -> None:
    rng = np.random.default_rng(2)
    labels, first, second = rng.standard_normal((3, 50))
    there = paired_bootstrap(METRICS["spearman"], labels, (first, second), NUMBERS, FEW)
    back = paired_bootstrap(METRICS["spearman"], labels, (second, first), NUMBERS, FEW)
    assert back.p_value == there.p_value
    assert (back.interval.low, back.interval.high) == pytest.approx(
        (-there.interval.high, -there.interval.low)
    )


def test_equal_models_do_not_differ() -> None:
    labels, first = np.random.default_rng(3).standard_normal((2, 30))
    found = paired_bootstrap(METRICS["spearman"], labels, (first, first), NUMBERS, FEW)
    assert (found.interval.value, found.p_value, found.first_is_better) == (0.0, 1.0, None)


def test_models_that_are_alike_rarely_seem_to_differ() -> None:
    p_values = np.array([_compare("rmse", (1.0, 1.0), seed).p_value for seed in range(100)])
    assert (p_values < 0.05).mean() <= 0.15
    assert (p_values > 0.5).mean() >= 0.3


def test_an_undefined_difference_has_no_p_value() -> None:
    labels = np.zeros(10)
    found = paired_bootstrap(
        METRICS["spearman"], labels, (np.arange(10.0), np.arange(10.0)), NUMBERS, FEW
    )
    assert np.isnan(found.p_value)
    assert found.first_is_better is None


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 9))
def test_few_rows_are_tested_exactly_as_by_scipy(seed: int, rows: int) -> None:
    # Eighths add up without rounding, so that both sides see the same ties.
    first, second = np.random.default_rng(seed).integers(0, 16, (2, rows)) / 8
    expected = stats.permutation_test(
        (first, second),
        lambda a, b: abs((a - b).mean()),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
        vectorized=False,
    )
    found = sign_flip_test(first, second)
    assert found.permutations == 2**rows
    assert found.difference == pytest.approx((first - second).mean())
    assert found.p_value == pytest.approx(expected.pvalue)


def test_many_rows_are_tested_by_chance_with_the_seed() -> None:
    rng = np.random.default_rng(4)
    first = rng.random(300)
    second = first + 0.02 * rng.standard_normal(300) + 0.002
    found = sign_flip_test(first, second, seed=1)
    assert found == sign_flip_test(first, second, seed=1)
    assert found.permutations == 9999
    assert found.p_value == pytest.approx(stats.ttest_rel(first, second).pvalue, abs=0.02)
    assert sign_flip_test(first, first + 1).p_value == pytest.approx(1 / 10_000)


def test_rows_of_a_protein_are_exchanged_together() -> None:
    groups = np.repeat([3, 1, 2], 10)
    found = sign_flip_test(np.ones(30), np.zeros(30), groups=groups)
    assert (found.permutations, found.p_value, found.difference) == (8, 2 / 8, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "permutations", "message"),
    [
        ([1.0, 2.0], [1.0], 9, "not of the same rows"),
        ([1.0, float("nan")], [1.0, 2.0], 9, "not finite"),
        ([1.0, 2.0], [1.0, 2.0], 0, "0 permutations are no test"),
        ([1.0], [2.0], 9, "1 row cannot be resampled"),
    ],
)
def test_what_cannot_be_tested(
    first: list[float], second: list[float], permutations: int, message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        sign_flip_test(np.array(first), np.array(second), permutations=permutations)

"""Intervals, tests and corrections beside those of well-kept libraries and of known truths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from multiprot.evaluation.metrics import MetricContext, metric_named
from multiprot.evaluation.statistics import (
    BootstrapOptions,
    Units,
    bootstrap_interval,
    holm,
    interval_of,
    over_seeds,
    paired_bootstrap,
    sign_flip_test,
)
from multiprot.evaluation.tasks import Target

NUMBERS = MetricContext(target=Target.REGRESSION)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(p_values)
def test_holm_by_its_definition(values: list[float]) -> None:
    """A hypothesis falls with all of smaller p; k-th smallest of m is held against level/(m-k)."""
    corrected = holm(values)
    order = np.argsort(values, kind="stable")
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, values[place] * (len(values) - rank)))
        assert corrected[place] == pytest.approx(highest)


@pytest.mark.long
@given(p_values)
def test_holm_is_that_of_statsmodels(values: list[float]) -> None:
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    np.testing.assert_allclose(holm(values), multipletests(values, method="holm")[1])


@given(st.permutations(range(6)), st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_the_order_of_comparisons_does_not_matter(order: list[int], values: list[float]) -> None:
    turned = holm([values[k] for k in order])
    np.testing.assert_array_equal(turned, holm(values)[order])


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8))
def test_seeds_are_summed_up_as_by_numpy(values: list[float]) -> None:
    found = over_seeds(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.standard_deviation == pytest.approx(np.std(values, ddof=1), abs=1e-9)
    assert found.seeds == len(values)


def noisy(seed: int, rows: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.normal(size=rows)
    return labels, labels + noise * rng.normal(size=rows)


@pytest.mark.parametrize("rows", [40, 160])
def test_the_standard_error_of_a_mean_is_the_textbooks(rows: int) -> None:
    labels, predictions = noisy(0, rows, 1.0)
    found = bootstrap_interval(metric_named("mae"), labels, predictions, NUMBERS)
    expected = np.abs(labels - predictions).std() / np.sqrt(rows)
    assert found.standard_error == pytest.approx(expected, rel=0.1)


def test_intervals_narrow_with_the_root_of_the_rows() -> None:
    widths = []
    for rows in (100, 400, 1600):
        found = bootstrap_interval(metric_named("mae"), *noisy(1, rows, 0.7), NUMBERS)
        widths.append(found.high - found.low)
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.35)
    assert widths[1] / widths[2] == pytest.approx(2, rel=0.35)


@given(st.floats(0.05, 0.9), st.floats(0.05, 0.09))
def test_more_confidence_is_a_wider_interval(confidence: float, more: float) -> None:
    labels, predictions = noisy(2, 30, 1.0)
    bounds = []
    for level in (confidence, confidence + more):
        options = BootstrapOptions(resamples=200, confidence=level)
        found = bootstrap_interval(metric_named("rmse"), labels, predictions, NUMBERS, options)
        bounds.append((found.low, found.high))
    assert bounds[1][0] <= bounds[0][0] <= bounds[0][1] <= bounds[1][1]


def test_whole_proteins_make_a_wider_interval_where_their_residues_agree() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), 50)
    hits = rng.random(20)[groups]

    def mean(counts: np.ndarray) -> float:
        return float(counts @ hits / counts.sum())

    by_row, by_protein = (
        interval_of(mean, Units(1000, g), BootstrapOptions(resamples=400)) for g in (None, groups)
    )
    ratio = by_protein.standard_error / by_row.standard_error
    # All residues of a protein are alike: 20 proteins say as much as 20 rows.
    assert ratio == pytest.approx(np.sqrt(50), rel=0.2)


@pytest.mark.long
@pytest.mark.parametrize(("name", "level"), [("pearson", 0.9), ("mae", 0.9), ("spearman", 0.8)])
def test_intervals_hold_the_truth_as_often_as_they_say(name: str, level: float) -> None:
    """The truth is the metric of 200,000 rows."""
    metric = metric_named(name)
    truth = metric.value(*noisy(9, 200_000, 0.8), NUMBERS).value
    options = BootstrapOptions(resamples=200, confidence=level)
    held = 0
    for seed in range(200):
        labels, predictions = noisy(100 + seed, 80, 0.8)
        found = bootstrap_interval(metric, labels, predictions, NUMBERS, options)
        held += found.low <= truth <= found.high
    # Percentiles of 80 rows are a little narrow; 200 draws err by 0.03.
    assert level - 0.08 < held / 200 < level + 0.06


@pytest.mark.parametrize("name", ["spearman", "rmse", "concordance_index"])
def test_who_is_named_first_does_not_matter(name: str) -> None:
    labels, first = noisy(4, 60, 0.5)
    second = labels + np.random.default_rng(5).normal(size=60)
    options = BootstrapOptions(resamples=300)
    metric = metric_named(name)
    one = paired_bootstrap(metric, labels, (first, second), NUMBERS, options)
    other = paired_bootstrap(metric, labels, (second, first), NUMBERS, options)
    assert one.p_value == other.p_value
    assert one.interval.value == -other.interval.value
    assert one.interval.low == pytest.approx(-other.interval.high, abs=1e-12)
    assert one.first_is_better is not other.first_is_better


@given(st.integers(0, 1000), st.integers(2, 9))
def test_a_sign_flip_is_symmetric_and_agrees_with_scipy(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 4, size=(2, rows)).astype(float)
    one, other = sign_flip_test(first, second), sign_flip_test(second, first)
    assert one.p_value == other.p_value
    assert one.difference == -other.difference
    expected = stats.permutation_test(
        (first, second),
        lambda a, b: np.mean(a - b),
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="two-sided",
    )
    assert one.p_value == pytest.approx(expected.pvalue)


def test_equal_models_are_rarely_told_apart_by_a_sign_flip() -> None:
    """p-values of models that are alike are spread evenly."""
    rng = np.random.default_rng(6)
    values = [
        sign_flip_test(*rng.normal(size=(2, 25)), permutations=199, seed=k).p_value
        for k in range(200)
    ]
    assert stats.kstest(values, "uniform").pvalue > 0.01

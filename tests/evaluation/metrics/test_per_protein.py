"""Means over proteins: long proteins count as much as short ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics import METRICS, MetricContext, metric_named
from multiprot.evaluation.tasks.task_type import Target


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(3, 12), min_size=1, max_size=8))
def test_it_is_the_mean_of_each_proteins_value(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(len(sizes)) * 7, sizes))
    labels, predictions = rng.standard_normal((2, len(groups)))
    alone = MetricContext(target=Target.REGRESSION)
    values = [
        METRICS["spearman"].value(labels[groups == g], predictions[groups == g], alone).value
        for g in np.unique(groups)
    ]
    context = MetricContext(target=Target.REGRESSION, groups=groups)
    found = metric_named("spearman_per_protein").value(labels, predictions, context)
    assert found.value == pytest.approx(np.mean(values))
    counts = rng.integers(0, 3, len(sizes)) + 1
    scorer = metric_named("spearman_per_protein").scorer(labels, predictions, context)
    weighed = scorer(counts[groups // 7].astype(np.float64))
    assert weighed == pytest.approx(np.average(values, weights=counts))


def _scores(groups: list[int] | None, labels: list[int]) -> tuple[float, str | None]:
    context = MetricContext(
        target=Target.BINARY, groups=None if groups is None else np.array(groups)
    )
    return metric_named("auroc_per_protein").value(
        np.array(labels), np.linspace(0.1, 0.9, len(labels)), context
    )


def test_proteins_without_a_value_are_left_out() -> None:
    assert _scores([0, 0, 1, 1], [0, 1, 1, 1]) == (1.0, None)
    value, reason = _scores([0, 0, 1, 1], [0, 0, 1, 1])
    assert np.isnan(value)
    assert reason == "auroc is undefined for every protein"


def test_without_proteins_there_is_no_mean_over_them() -> None:
    with pytest.raises(EvaluationError, match="needs the protein of each row"):
        _scores(None, [0, 1])


def test_rows_of_a_protein_stay_together() -> None:
    context = MetricContext(target=Target.BINARY, groups=np.array([0, 0, 1, 1]))
    scorer = metric_named("auroc_per_protein").scorer(
        np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4]), context
    )
    with pytest.raises(EvaluationError, match="resample whole proteins"):
        scorer(np.array([1.0, 2.0, 1.0, 1.0]))

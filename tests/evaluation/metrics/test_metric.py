"""What holds for every metric: counts stand for repeated rows, and nothing is silently 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics import (
    METRICS,
    Metric,
    MetricContext,
    MetricValue,
    UndefinedMetricError,
    metric_named,
)
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.metrics.cases import random_case

PAIRS = [
    (metric, target)
    for metric in (*METRICS.values(), metric_named("top_2_accuracy"))
    for target in sorted(metric.targets)
]
NAMES = [f"{metric.name}-{target}" for metric, target in PAIRS]


@pytest.mark.parametrize(("metric", "target"), PAIRS, ids=NAMES)
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(3, 40))
def test_counts_stand_for_repeated_rows(
    metric: Metric, target: Target, seed: int, rows: int
) -> None:
    rng = np.random.default_rng(seed)
    labels, predictions, context = random_case(target, rng, rows)
    counts = rng.integers(0, 4, rows)
    counts[0] += 1
    repeated = metric.value(
        labels.repeat(counts, axis=0), predictions.repeat(counts, axis=0), context
    )
    scorer = metric.scorer(labels, predictions, context)
    if repeated.undefined_because is None:
        assert scorer(counts.astype(np.float64)) == pytest.approx(repeated.value, abs=1e-9)
    else:
        with pytest.raises(UndefinedMetricError, match=repeated.undefined_because):
            scorer(counts.astype(np.float64))


@pytest.mark.parametrize(("metric", "target"), PAIRS, ids=NAMES)
def test_the_order_of_rows_does_not_matter(metric: Metric, target: Target) -> None:
    rng = np.random.default_rng(4)
    labels, predictions, context = random_case(target, rng)
    order = rng.permutation(len(labels))
    shuffled = metric.value(labels[order], predictions[order], context)
    assert shuffled.value == pytest.approx(metric.value(labels, predictions, context).value)


@pytest.mark.parametrize(("metric", "target"), PAIRS, ids=NAMES)
def test_truth_is_better_than_chance(metric: Metric, target: Target) -> None:
    rng = np.random.default_rng(5)
    labels, _, context = random_case(target, rng)
    truth = np.eye(4)[labels] if target is Target.MULTICLASS else labels.astype(np.float64)
    perfect = metric.value(labels, truth, context).value
    assert perfect == pytest.approx(1.0 if metric.greater_is_better else 0.0)
    chance = metric.value(labels, rng.permutation(truth), context).value
    assert chance < perfect if metric.greater_is_better else chance > perfect


@pytest.mark.parametrize(("metric", "target"), PAIRS, ids=NAMES)
def test_scores_of_rows_average_to_the_value(metric: Metric, target: Target) -> None:
    labels, predictions, context = random_case(target, np.random.default_rng(6))
    if metric.row_scores is None:
        with pytest.raises(EvaluationError, match="no mean over rows"):
            metric.scores_of_rows(labels, predictions, context)
        return
    scores = metric.scores_of_rows(labels, predictions, context)
    assert scores.shape == labels.shape[:1]
    assert scores.mean() == pytest.approx(metric.value(labels, predictions, context).value)


@pytest.mark.parametrize(
    ("name", "target", "labels", "predictions", "reason"),
    [
        ("spearman", Target.REGRESSION, [1, 1, 1], [1, 2, 3], "all labels are the same"),
        ("spearman", Target.REGRESSION, [1, 2, 3], [0.1, 0.1, 0.1], "all predictions are the same"),
        ("pearson", Target.REGRESSION, [1, 2, 3], [0.1, 0.1, 0.1], "all predictions are the same"),
        ("r2", Target.REGRESSION, [0.1, 0.1, 0.1], [1, 2, 3], "all labels are the same"),
        ("concordance_index", Target.REGRESSION, [1, 1], [1, 2], "all labels are the same"),
        ("mcc", Target.BINARY, [1, 1], [0.9, 0.1], "all labels are of one class"),
        ("mcc", Target.BINARY, [1, 0], [0.9, 0.8], "all predictions are of one class"),
        ("balanced_accuracy", Target.BINARY, [1, 1], [0.9, 0.1], "all labels are of one class"),
        ("auroc", Target.BINARY, [0, 0], [0.9, 0.1], "all labels are of one class"),
        ("auprc", Target.BINARY, [1, 1], [0.9, 0.1], "all labels are of one class"),
        ("f1", Target.BINARY, [0, 0], [0.9, 0.1], "no label is positive"),
        ("precision", Target.BINARY, [1, 0], [0.1, 0.1], "no prediction is positive"),
        ("recall", Target.BINARY, [0, 0], [0.9, 0.1], "no label is positive"),
        ("f1_max", Target.MULTILABEL, [[0, 0]], [[0.9, 0.1]], "no label is positive"),
        ("auroc", Target.MULTILABEL, [[0, 1]], [[0.9, 0.1]], "each label is all true or all false"),
        ("mcc_macro", Target.MULTILABEL, [[0, 1]], [[0.9, 0.1]], "no label is both true and false"),
    ],
)
def test_undefined_is_not_a_number_with_a_reason(
    name: str, target: Target, labels: list[float], predictions: list[float], reason: str
) -> None:
    found = metric_named(name, target).value(
        np.array(labels), np.array(predictions), MetricContext(target=target)
    )
    assert np.isnan(found.value)
    assert (found.undefined_because or "").startswith(reason)


@pytest.mark.parametrize("name", ["auroc", "concordance_index"])
def test_a_constant_prediction_orders_half_of_all_pairs(name: str) -> None:
    target = Target.BINARY if name == "auroc" else Target.REGRESSION
    found = metric_named(name).value(
        np.array([0, 1, 1]), np.full(3, 0.3), MetricContext(target=target)
    )
    assert found == MetricValue(0.5, None)


def test_a_metric_refuses_labels_of_another_kind() -> None:
    with pytest.raises(EvaluationError, match="'spearman' is not for binary labels"):
        METRICS["spearman"].value(
            np.array([0, 1]), np.array([0.1, 0.9]), MetricContext(target=Target.BINARY)
        )

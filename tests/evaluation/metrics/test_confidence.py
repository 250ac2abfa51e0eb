"""The calibration error agrees with a loop over bins and with the diagram."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from multiprot.evaluation.metrics import METRICS, MetricContext
from multiprot.evaluation.reliability import expected_calibration_error
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.metrics.cases import Case, cases

METRIC = METRICS["expected_calibration_error"]


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTICLASS))
def test_of_classes_it_is_about_the_most_probable_one(case: Case) -> None:
    labels, predictions, _ = case
    hits = predictions.argmax(axis=1) == labels
    expected = expected_calibration_error(hits, predictions.max(axis=1))
    assert METRIC.value(*case).value == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTILABEL))
def test_of_labels_it_is_about_all_pairs(case: Case) -> None:
    labels, predictions, _ = case
    expected = expected_calibration_error(labels, predictions)
    assert METRIC.value(*case).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("bins", [5, 10, 15])
def test_it_agrees_with_a_loop_over_bins(bins: int) -> None:
    rng = np.random.default_rng(bins)
    predictions = rng.random(500)
    labels = (rng.random(500) < predictions**2).astype(np.int64)
    error = 0.0
    for low in range(bins):
        inside = (predictions >= low / bins) & (predictions < (low + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(predictions[inside].mean() - labels[inside].mean())
    context = MetricContext(target=Target.BINARY, bins=bins)
    assert METRIC.value(labels, predictions, context).value == pytest.approx(error)

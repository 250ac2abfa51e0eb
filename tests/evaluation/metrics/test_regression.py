"""Metrics of numbers agree with scipy, scikit-learn and a count of all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy import stats
from sklearn import metrics as reference

from multiprot.evaluation.metrics import METRICS, MetricContext
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.metrics.cases import Case, cases


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.REGRESSION, least=3))
def test_agrees_with_the_libraries(case: Case) -> None:
    labels, predictions, _ = case
    assume(np.ptp(labels) > 0 and np.ptp(predictions) > 0)
    expected = {
        "spearman": stats.spearmanr(labels, predictions).statistic,
        "pearson": stats.pearsonr(labels, predictions).statistic,
        "r2": reference.r2_score(labels, predictions),
        "rmse": reference.root_mean_squared_error(labels, predictions),
        "mse": reference.mean_squared_error(labels, predictions),
        "mae": reference.mean_absolute_error(labels, predictions),
    }
    for name, value in expected.items():
        assert METRICS[name].value(*case).value == pytest.approx(value, abs=1e-9), name


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.REGRESSION))
def test_the_concordance_index_is_a_share_of_pairs(case: Case) -> None:
    labels, predictions, _ = case
    assume(np.ptp(labels) > 0)
    first, second = np.triu_indices(len(labels), 1)
    true = np.sign(labels[first] - labels[second])
    told = np.sign(predictions[first] - predictions[second])
    share = ((true * told)[true != 0] + 1).mean() / 2
    assert METRICS["concordance_index"].value(*case).value == pytest.approx(share, abs=1e-12)


def test_correlation_survives_a_large_offset() -> None:
    rng = np.random.default_rng(0)
    labels = rng.standard_normal(100)
    predictions = labels + rng.standard_normal(100)
    context = MetricContext(target=Target.REGRESSION)
    near = METRICS["pearson"].value(labels, predictions, context).value
    far = METRICS["pearson"].value(labels + 1e6, predictions - 1e6, context).value
    assert far == pytest.approx(near, abs=1e-7)

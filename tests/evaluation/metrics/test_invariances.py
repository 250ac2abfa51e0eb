"""What a metric must not notice: units, names of classes, copies of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.evaluation.metrics import MetricContext, metric_named, metrics_for
from multiprot.evaluation.tasks import Target
from tests.evaluation.metrics.cases import CLASSES, Case, cases, random_case

ORDER = {
    Target.REGRESSION: ("spearman", "concordance_index"),
    Target.BINARY: ("auroc", "auprc", "f1_max"),
    Target.MULTILABEL: ("auroc", "auprc"),
}
"""Metrics that look at the order of predictions alone."""

NAMELESS = ("accuracy", "balanced_accuracy", "mcc", "f1_macro", "f1_micro", "brier_score", "auroc")
"""Metrics that know classes by no name and no value."""


def value(name: str, labels: NDArray[Any], predictions: NDArray[Any], context: Any) -> float:
    return metric_named(name).value(labels, predictions, context).value


def same(first: float, second: float) -> bool:
    return bool(np.isclose(first, second, rtol=1e-9, atol=1e-12, equal_nan=True))


@pytest.mark.parametrize("target", list(ORDER))
@given(st.data())
def test_an_order_is_the_same_on_any_scale(target: Target, data: st.DataObject) -> None:
    labels, predictions, context = data.draw(cases(target))
    stretched = {
        Target.REGRESSION: lambda p: np.exp(p / 3) * 1000 - 5,
        Target.BINARY: lambda p: 0.2 + 0.5 * p**3,
        Target.MULTILABEL: lambda p: 0.2 + 0.5 * p**3,
    }[target](predictions)
    for name in ORDER[target]:
        before, after = (value(name, labels, p, context) for p in (predictions, stretched))
        assert same(before, after), name


@pytest.mark.parametrize("name", ["auroc", "spearman", "pearson", "concordance_index", "mcc"])
@given(st.data())
def test_the_opposite_prediction_has_the_opposite_worth(name: str, data: st.DataObject) -> None:
    target = Target.BINARY if name in ("auroc", "mcc") else Target.REGRESSION
    labels, predictions, context = data.draw(cases(target))
    if name == "mcc":
        predictions = np.where(predictions == 0.5, 0.6, predictions)
    turned = 1 - predictions if target is Target.BINARY else -predictions
    before, after = (value(name, labels, p, context) for p in (predictions, turned))
    middle = 0.5 if name in ("auroc", "concordance_index") else 0.0
    assert same(before - middle, middle - after)


@given(cases(Target.MULTICLASS), st.permutations(range(CLASSES)))
def test_classes_may_be_numbered_in_any_way(case: Case, order: list[int]) -> None:
    labels, predictions, _ = case
    # Of equally probable classes the first counts: there are to be none.
    predictions = predictions + np.random.default_rng(0).random(predictions.shape) * 1e-3
    predictions = predictions / predictions.sum(axis=1, keepdims=True)
    context = MetricContext(target=Target.MULTICLASS)
    renumbered = np.argsort(order)[labels]
    for name in NAMELESS:
        before = value(name, labels, predictions, context)
        assert same(before, value(name, renumbered, predictions[:, order], context)), name


@given(cases(Target.MULTILABEL), st.permutations(range(CLASSES)))
def test_labels_may_stand_in_any_order(case: Case, order: list[int]) -> None:
    labels, predictions, context = case
    for metric in metrics_for(Target.MULTILABEL):
        before = metric.value(labels, predictions, context).value
        after = metric.value(labels[:, order], predictions[:, order], context).value
        assert same(before, after), metric.name


@pytest.mark.parametrize("target", list(Target))
@given(st.data(), st.integers(2, 5))
def test_copies_of_all_rows_change_nothing(target: Target, data: st.DataObject, times: int) -> None:
    labels, predictions, context = data.draw(cases(target))
    for metric in metrics_for(target):
        before = metric.value(labels, predictions, context).value
        again = (np.concatenate([array] * times) for array in (labels, predictions))
        assert same(before, metric.value(*again, context).value), metric.name


UNITS: dict[str, Callable[[float, float], float]] = {
    "rmse": lambda value, scale: value * scale,
    "mae": lambda value, scale: value * scale,
    "mse": lambda value, scale: value * scale**2,
    "r2": lambda value, scale: value,
    "pearson": lambda value, scale: value,
}


@pytest.mark.parametrize("name", sorted(UNITS))
@given(cases(Target.REGRESSION), st.floats(0.01, 100), st.floats(-100, 100))
def test_numbers_may_be_in_any_unit(name: str, case: Case, scale: float, shift: float) -> None:
    labels, predictions, context = case
    before = value(name, labels, predictions, context)
    after = value(name, labels * scale + shift, predictions * scale + shift, context)
    expected = UNITS[name](before, scale)
    assert np.isclose(after, expected, rtol=1e-6, atol=1e-6 * scale**2, equal_nan=True)


@pytest.mark.parametrize("target", list(Target))
@given(st.data())
def test_values_lie_where_they_can(target: Target, data: st.DataObject) -> None:
    labels, predictions, context = data.draw(cases(target))
    for metric in metrics_for(target):
        found = metric.value(labels, predictions, context)
        if found.undefined_because:
            assert np.isnan(found.value)
            continue
        signed = any(word in metric.name for word in ("mcc", "spearman", "pearson", "r2"))
        least = -np.inf if metric.name == "r2" else -1.0 if signed else 0.0
        most = np.inf if metric.name in ("rmse", "mse", "mae") else 1.0
        # Of several classes a squared distance reaches 2.
        most = 2.0 if metric.name == "brier_score" else most
        assert least - 1e-12 <= found.value <= most + 1e-12, metric.name


@pytest.mark.parametrize("target", list(Target))
def test_a_row_that_counts_nothing_is_not_there(target: Target) -> None:
    rng = np.random.default_rng(0)
    labels, predictions, context = random_case(target, rng)
    counts = (rng.random(len(labels)) < 0.6).astype(np.float64)
    kept = counts > 0
    for metric in metrics_for(target):
        weighed = metric.scorer(labels, predictions, context)(counts)
        assert same(weighed, metric.value(labels[kept], predictions[kept], context).value)

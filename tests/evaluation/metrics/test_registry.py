"""Metrics are found by the names of the tasks; a wrong name is answered with the nearest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics import METRICS, default_metrics, metric_named, metrics_for
from multiprot.evaluation.tasks.task_type import Target, TaskType


def test_every_real_tasks_metric_is_known_for_its_labels(shared: Path) -> None:
    files = sorted((shared / "data" / "downstream").glob("*/task.json"))
    assert len(files) >= 20
    for file in files:
        task = json.loads(file.read_text())
        metric_named(task["primary_metric"], TaskType(task["task_type"]).target)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("sperman", "spearman"),
        ("AUROC", "auroc"),
        ("f1macro", "f1_macro"),
        ("sperman_per_protein", "spearman_per_protein"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(EvaluationError, match=f"no metric '{name}'; did you mean '{nearest}'"):
        metric_named(name)


def test_a_name_like_no_other_is_answered_with_the_list() -> None:
    with pytest.raises(EvaluationError, match="no metric 'zzz'; known: spearman, pearson"):
        metric_named("zzz")


@pytest.mark.parametrize("name", ["top_0_accuracy", "top_x_accuracy", "top_-1_accuracy"])
def test_top_k_needs_a_number(name: str) -> None:
    with pytest.raises(EvaluationError, match="no metric"):
        metric_named(name)


def test_a_metric_for_other_labels_is_refused_with_a_choice() -> None:
    with pytest.raises(EvaluationError, match="'spearman' is not for binary labels; choose one of"):
        metric_named("spearman", Target.BINARY)


@pytest.mark.parametrize("target", list(Target))
def test_defaults_are_for_their_labels(target: Target) -> None:
    assert default_metrics(target)
    assert set(default_metrics(target)) <= set(metrics_for(target))


def test_names_and_summaries_fit_a_table() -> None:
    assert all(METRICS[metric.name] is metric for metric in METRICS.values())
    assert all(metric.summary.endswith(".") for metric in METRICS.values())
    assert {m.name for m in METRICS.values() if not m.greater_is_better} == {
        "rmse",
        "mse",
        "mae",
        "brier_score",
        "expected_calibration_error",
    }

"""Metrics of classes agree with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from sklearn import metrics as reference

from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics import METRICS, MetricContext, metric_named
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.metrics.cases import CLASSES, Case, cases

pytestmark = pytest.mark.filterwarnings("ignore:A single label was found")


def _agree(case: Case, expected: dict[str, float]) -> None:
    for name, value in expected.items():
        found = metric_named(name, case[2].target).value(*case)
        if found.undefined_because is None:
            assert found.value == pytest.approx(value, abs=1e-9), name


def _of_classes(labels: NDArray[Any], classes: NDArray[Any]) -> dict[str, float]:
    return {
        "accuracy": reference.accuracy_score(labels, classes),
        "balanced_accuracy": reference.recall_score(
            labels, classes, average="macro", labels=np.unique(labels), zero_division=np.nan
        ),
        "mcc": reference.matthews_corrcoef(labels, classes),
        "f1_macro": reference.f1_score(labels, classes, average="macro"),
    }


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.BINARY))
def test_two_classes_agree_with_scikit_learn(case: Case) -> None:
    labels, predictions, _ = case
    classes = (predictions >= 0.5).astype(int)
    _agree(
        case,
        _of_classes(labels, classes)
        | {
            "precision": reference.precision_score(labels, classes, zero_division=0),
            "recall": reference.recall_score(labels, classes, zero_division=0),
            "f1": reference.f1_score(labels, classes, zero_division=0),
            "brier_score": reference.brier_score_loss(labels, predictions, pos_label=1),
        },
    )


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTICLASS, least=CLASSES))
def test_several_classes_agree_with_scikit_learn(case: Case) -> None:
    labels, predictions, _ = case
    classes = predictions.argmax(axis=1)
    _agree(
        case,
        _of_classes(labels, classes)
        | {
            "f1_micro": reference.f1_score(labels, classes, average="micro"),
            "brier_score": reference.brier_score_loss(
                labels, predictions, labels=range(CLASSES), scale_by_half=False
            ),
        },
    )


def test_all_metrics_are_defined_on_a_usual_case() -> None:
    labels = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    case = labels, np.eye(4)[labels[::-1]], MetricContext(target=Target.MULTICLASS)
    for name in _of_classes(labels, labels):
        assert METRICS[name].value(*case).undefined_because is None


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTICLASS))
def test_top_k_rises_from_accuracy_to_one(case: Case) -> None:
    values = [metric_named(f"top_{k}_accuracy").value(*case).value for k in range(1, CLASSES + 1)]
    assert values[0] == METRICS["accuracy"].value(*case).value
    assert values == sorted(values)
    assert values[-1] == 1.0


def test_top_k_agrees_with_scikit_learn_without_ties() -> None:
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 6, 200), rng.dirichlet(np.ones(6), 200)
    found = metric_named("top_3_accuracy").value(
        labels, predictions, MetricContext(target=Target.MULTICLASS)
    )
    expected = reference.top_k_accuracy_score(labels, predictions, k=3)
    assert found.value == pytest.approx(expected)


def test_the_decision_threshold_moves_decisions() -> None:
    labels, predictions = np.array([0, 1, 1]), np.array([0.2, 0.3, 0.9])
    low = MetricContext(target=Target.BINARY, decision_threshold=0.25)
    assert METRICS["accuracy"].value(labels, predictions, low).value == 1.0


def test_two_states_split_nine_grades_above_five() -> None:
    rng = np.random.default_rng(1)
    labels, predictions = rng.integers(0, 9, 300), rng.dirichlet(np.ones(9), 300)
    grades = tuple("123456789")
    context = MetricContext(target=Target.MULTICLASS, classes=grades)
    expected = reference.matthews_corrcoef(labels + 1 > 5, predictions.argmax(axis=1) + 1 > 5)
    found = METRICS["mcc_two_state"].value(labels, predictions, context)
    assert found.value == pytest.approx(expected)
    higher = MetricContext(target=Target.MULTICLASS, classes=grades, two_state_threshold=7)
    expected = reference.matthews_corrcoef(labels + 1 > 7, predictions.argmax(axis=1) + 1 > 7)
    found = METRICS["mcc_two_state"].value(labels, predictions, higher)
    assert found.value == pytest.approx(expected)


@pytest.mark.parametrize("name", ["mcc_two_state", "spearman_ordinal"])
@pytest.mark.parametrize(
    ("classes", "message"),
    [((), "needs classes with values"), (("H", "E", "C"), "H, E, C are not all numbers")],
)
def test_classes_without_values_have_no_order(
    name: str, classes: tuple[str, ...], message: str
) -> None:
    context = MetricContext(target=Target.MULTICLASS, classes=classes)
    with pytest.raises(EvaluationError, match=message):
        METRICS[name].value(np.array([0, 1, 2]), np.eye(3), context)


def test_a_threshold_beyond_all_classes_is_refused() -> None:
    context = MetricContext(
        target=Target.MULTICLASS, classes=("1", "2", "3"), two_state_threshold=3
    )
    with pytest.raises(EvaluationError, match="one side of the threshold"):
        METRICS["mcc_two_state"].value(np.array([0, 1, 2]), np.eye(3), context)

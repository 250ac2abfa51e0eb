"""Areas under curves agree with scikit-learn, with ties and for every kind of labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from sklearn import metrics as reference

from multiprot.evaluation.metrics import METRICS, MetricContext
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.metrics.cases import CLASSES, Case, cases


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.BINARY))
def test_one_label(case: Case) -> None:
    labels, predictions, _ = case
    assume(0 < labels.mean() < 1)
    auroc, auprc = METRICS["auroc"].value(*case), METRICS["auprc"].value(*case)
    assert auroc.value == pytest.approx(reference.roc_auc_score(labels, predictions))
    assert auprc.value == pytest.approx(reference.average_precision_score(labels, predictions))


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTILABEL, least=8))
def test_several_labels(case: Case) -> None:
    labels, predictions, _ = case
    shares = labels.mean(axis=0)
    assume(((shares > 0) & (shares < 1)).all())
    expected = {
        "auroc": reference.roc_auc_score(labels, predictions, average="macro"),
        "auprc": reference.average_precision_score(labels, predictions, average="macro"),
        "auprc_micro": reference.average_precision_score(labels, predictions, average="micro"),
    }
    for name, value in expected.items():
        assert METRICS[name].value(*case).value == pytest.approx(value), name


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTICLASS, least=12))
def test_one_class_against_the_rest(case: Case) -> None:
    labels, predictions, _ = case
    assume(len(np.unique(labels)) == CLASSES)
    auroc, auprc = METRICS["auroc"].value(*case), METRICS["auprc"].value(*case)
    assert auroc.value == pytest.approx(
        reference.roc_auc_score(labels, predictions, multi_class="ovr")
    )
    assert auprc.value == pytest.approx(reference.average_precision_score(labels, predictions))


def test_a_class_that_never_occurs_is_left_out() -> None:
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 3, 50), rng.dirichlet(np.ones(4), 50)
    found = METRICS["auroc"].value(labels, predictions, MetricContext(target=Target.MULTICLASS))
    expected = np.mean([reference.roc_auc_score(labels == c, predictions[:, c]) for c in range(3)])
    assert found.value == pytest.approx(expected)

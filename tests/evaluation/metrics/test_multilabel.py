"""Metrics of several labels agree with scikit-learn, and F1 max with CAFA's definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from sklearn import metrics as reference

from multiprot.evaluation.metrics import METRICS
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.metrics.cases import Case, cases


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTILABEL))
def test_agrees_with_scikit_learn(case: Case) -> None:
    labels, predictions, _ = case
    assume(labels.any())
    chosen = predictions >= 0.5
    expected = {
        "f1_macro": reference.f1_score(labels, chosen, average="macro", zero_division=np.nan),
        "f1_micro": reference.f1_score(labels, chosen, average="micro", zero_division=np.nan),
        "subset_accuracy": reference.accuracy_score(labels, chosen),
    }
    for name, value in expected.items():
        assert METRICS[name].value(*case).value == pytest.approx(value, abs=1e-9), name


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTILABEL))
def test_matthews_is_the_mean_of_labels_that_have_one(case: Case) -> None:
    labels, predictions, _ = case
    chosen = predictions >= 0.5
    values = [
        reference.matthews_corrcoef(labels[:, c], chosen[:, c])
        for c in range(labels.shape[1])
        if 0 < labels[:, c].mean() < 1 and 0 < chosen[:, c].mean() < 1
    ]
    assume(values)
    assert METRICS["mcc_macro"].value(*case).value == pytest.approx(np.mean(values), abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.MULTILABEL))
def test_f1_max_is_centred_on_rows(case: Case) -> None:
    labels, predictions, _ = case
    assume(labels.any())
    best = 0.0
    for step in range(1, 100):
        chosen = predictions >= step / 100
        hits = (chosen & labels).sum(axis=1)
        some, labelled = chosen.any(axis=1), labels.any(axis=1)
        if hits.any():
            precision = np.mean(hits[some] / chosen[some].sum(axis=1))
            recall = np.mean(hits[labelled] / labels[labelled].sum(axis=1))
            best = max(best, 2 * precision * recall / (precision + recall))
    assert METRICS["f1_max"].value(*case).value == pytest.approx(best, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(case=cases(Target.BINARY))
def test_f1_max_of_one_label_is_the_best_of_all_thresholds(case: Case) -> None:
    labels, predictions, _ = case
    assume(0 < labels.mean() < 1)
    best = max(reference.f1_score(labels, predictions >= t) for t in np.unique(predictions))
    assert METRICS["f1_max"].value(*case).value == pytest.approx(best, abs=1e-9)

"""What nothing can be learnt from is refused, with the row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from multiprot.errors import EvaluationError
from multiprot.evaluation.probes import Problem, Rows, find_probe
from multiprot.evaluation.tasks.task_type import Target
from tests.evaluation.probes.problems import correlation, make


def refused(training: Rows, problem: Problem, validation: Rows | None = None) -> str:
    with pytest.raises(EvaluationError) as caught:
        find_probe("linear").fit(training, problem, validation=validation)
    return str(caught.value)


def with_label(rows: Rows, row: int, value: float) -> Rows:
    labels = rows.labels.astype(np.float64)
    labels[row] = value
    return replace(rows, labels=labels)


def test_nine_rows_are_too_few_and_ten_are_enough() -> None:
    training, problem = make(Target.REGRESSION)
    assert "9 rows" in refused(training.part(np.arange(9)), problem)
    fitted = find_probe("linear").fit(training.part(np.arange(10)), problem)
    assert fitted.predict(training.features).shape == (120,)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target.REGRESSION, "the target 1.5"),
        (Target.BINARY, "the class 1"),
        (Target.MULTICLASS, "the class 1"),
        (Target.MULTILABEL, "the same 4 of 4 labels"),
    ],
)
def test_labels_that_are_all_the_same(target: Target, said: str) -> None:
    training, problem = make(target)
    labels: NDArray[Any] = np.full(training.labels.shape, 1.5).astype(training.labels.dtype)
    assert said in refused(replace(training, labels=labels), problem)


def test_labels_that_are_no_numbers() -> None:
    training, problem = make(Target.REGRESSION)
    assert "training row 7 is nan" in refused(with_label(training, 7, np.nan), problem)
    bad = with_label(make(Target.REGRESSION, 30)[0], 3, np.inf)
    assert "validation row 3 is inf" in refused(training, problem, bad)


@pytest.mark.parametrize("value", [4, -1, 1.5])
def test_classes_that_are_none(value: float) -> None:
    training, problem = make(Target.MULTICLASS)
    message = refused(with_label(training, 5, value), problem)
    assert f"training row 5 is {float(value)}" in message
    assert "from 0 to 3" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sparse", [False, True])
def test_features_that_are_no_numbers(value: float, sparse: bool) -> None:
    training, problem = make(Target.REGRESSION, 5000)
    training.features[4100, 3] = value
    features = csr_array(training.features) if sparse else training.features
    message = refused(replace(training, features=features), problem)
    assert f"channel 3 of row 4100 is {value}" in message


def test_shapes_that_do_not_fit() -> None:
    training, problem = make(Target.MULTILABEL)
    message = refused(replace(training, labels=training.labels[:, :3]), problem)
    assert "(120, 3)" in message
    assert "(120, 4)" in message
    narrow = Rows(training.features[:, :2], training.labels)
    assert "6 channels" in refused(training, problem, narrow)
    assert "0 rows" in refused(training, problem, training.part(np.arange(0)))
    assert "3 groups for 120 rows" in refused(replace(training, groups=np.arange(3)), problem)
    one = replace(training, groups=np.zeros(120))
    assert "one group" in refused(one, problem)


def test_features_that_do_not_vary() -> None:
    training, problem = make(Target.REGRESSION)
    same = np.full((120, 6), 0.1, np.float32)
    assert "none of the 6 channels" in refused(replace(training, features=same), problem)
    assert "none" in refused(replace(training, features=csr_array(same)), problem)


def test_a_channel_that_varies_by_rounding_only_is_left_out() -> None:
    training, problem = make(Target.REGRESSION)
    noise = np.float32(1e4) * (1 + 1e-7 * (np.arange(120)[:, None] % 3)).astype(np.float32)
    features = np.concatenate([training.features, noise], axis=1)
    plain = find_probe("linear").fit(training, problem).predict(training.features)
    found = find_probe("linear").fit(replace(training, features=features), problem)
    np.testing.assert_array_equal(found.predict(features), plain)


def test_training_is_left_as_it_was() -> None:
    training, _ = make(Target.REGRESSION)
    before = training.features.copy(), training.labels.copy()
    find_probe("linear").fit(training, Problem(Target.REGRESSION, 1, correlation))
    np.testing.assert_array_equal(training.features, before[0])
    np.testing.assert_array_equal(training.labels, before[1])

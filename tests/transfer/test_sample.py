"""What a set refuses, and that its draws are nested, seeded and independent of other sets."""

from __future__ import annotations

import numpy as np
import pytest

from multiprot.errors import TransferError
from multiprot.evaluation.tasks.task_type import Target
from multiprot.transfer import Sample
from multiprot.transfer.sample import drawn_rows, half_rows

VECTORS = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
NUMBERS = np.arange(12.0)


def spoilt(row: int, value: float) -> np.ndarray:
    vectors = VECTORS.copy()
    vectors[row] = value
    return vectors


@pytest.mark.parametrize(
    ("vectors", "labels", "target", "says"),
    [
        (VECTORS[:9], None, None, "9 proteins are too few"),
        (VECTORS[:0], None, None, "0 proteins are too few"),
        (VECTORS[0], None, None, r"shape \[4\]"),
        (spoilt(3, np.nan), None, None, "row 3 holds NaN"),
        (spoilt(5, np.inf), None, None, "row 5 holds NaN or infinity"),
        (spoilt(7, 0.0), None, None, "row 7 is zero"),
        (VECTORS, NUMBERS, None, "unknown kind"),
        (VECTORS, NUMBERS[:5], Target.REGRESSION, r"shape \[5\] for 12 proteins"),
        (VECTORS, NUMBERS[:, None], Target.REGRESSION, r"give \[protein\]"),
        (VECTORS, NUMBERS > 3, Target.MULTILABEL, r"give \[protein, label\]"),
        (VECTORS, NUMBERS, Target.MULTICLASS, "type float64"),
        (VECTORS, NUMBERS > 3, Target.REGRESSION, "type bool"),
        (VECTORS, np.where(NUMBERS == 4, np.nan, 1.0), Target.REGRESSION, "label of row 4 is NaN"),
    ],
)
def test_what_is_refused(
    vectors: np.ndarray, labels: np.ndarray | None, target: Target | None, says: str
) -> None:
    with pytest.raises(TransferError, match=f"^task: .*{says}"):
        Sample("task", vectors, labels, target)


def test_parts_keep_labels_beside_vectors() -> None:
    sample = Sample("task", VECTORS, NUMBERS, Target.REGRESSION)
    part = sample.take(np.array([4, 1]))
    np.testing.assert_array_equal(part.vectors, VECTORS[[4, 1]])
    np.testing.assert_array_equal(part.labels, [4, 1])
    assert (part.name, len(part)) == ("task", 2)


def test_draws_are_nested_and_decided_by_name_and_seed() -> None:
    sample, other = Sample("task", VECTORS), Sample("other", VECTORS)
    whole = drawn_rows(sample, 12, seed=1)
    assert sorted(whole) == list(range(12))
    np.testing.assert_array_equal(drawn_rows(sample, 5, seed=1), whole[:5])
    assert list(drawn_rows(sample, 99, seed=1)) == list(whole)
    assert list(drawn_rows(other, 12, seed=1)) != list(whole)
    assert list(drawn_rows(sample, 12, seed=2)) != list(whole)
    assert list(drawn_rows(other, 12, seed=1, key="task")) == list(whole)


def test_halves_differ_by_replicate() -> None:
    halves = [tuple(half_rows(12, 0, "task", replicate)) for replicate in range(20)]
    assert {len(set(half)) for half in halves} == {6}
    assert len(set(halves)) > 15
    assert halves[3] == tuple(half_rows(12, 0, "task", 3))

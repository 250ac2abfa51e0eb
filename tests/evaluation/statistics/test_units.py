"""Rows are drawn one by one, or with all rows of their protein."""

from __future__ import annotations

import numpy as np
import pytest

from multiprot.errors import EvaluationError
from multiprot.evaluation.statistics import Units


def test_rows_count_as_often_as_they_are_drawn() -> None:
    units = Units(4, None)
    assert units.number == 4
    assert units.counts(np.array([3, 0, 3, 3])).tolist() == [1, 0, 0, 3]


def test_the_rows_of_a_protein_count_alike() -> None:
    units = Units(5, np.array([9, 4, 9, 9, 2]))
    assert units.number == 3
    assert units.counts(np.array([2, 2, 0])).tolist() == [2, 0, 2, 2, 1]
    assert units.sums(np.arange(5.0)).tolist() == [4, 1, 5]


@pytest.mark.parametrize(
    ("rows", "groups", "message"),
    [
        (1, None, "1 row cannot be resampled"),
        (3, [5, 5, 5], "1 protein cannot be resampled"),
        (3, [1, 2], "for 3 rows"),
    ],
)
def test_too_little_to_draw_from(rows: int, groups: list[int] | None, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        Units(rows, None if groups is None else np.array(groups))
